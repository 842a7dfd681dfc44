//! Tables as text: CSV with a header, and JSON lines.

use super::{Row, Table, TableError, malformed};

/// Columns, in the order of the fields of [`Row`].
const HEADER: [&str; 7] = ["run", "seed", "t_micros", "node", "arm", "metric", "value"];

impl Table {
    /// CSV with a header line; a value of the whole has an empty `node`. Numbers are written in the fewest
    /// digits that read back as the same number.
    ///
    /// # Errors
    /// Fails when a value is not finite or a key occurs twice.
    pub fn to_csv(&self) -> Result<String, TableError> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.write_record(HEADER).map_err(malformed)?;
        for row in self.sorted()? {
            writer.serialize(row).map_err(malformed)?;
        }
        let bytes = writer.into_inner().map_err(malformed)?;
        String::from_utf8(bytes).map_err(malformed)
    }

    /// JSON lines, one object for each row; `node` is null for a value of the whole.
    ///
    /// # Errors
    /// Fails when a value is not finite or a key occurs twice.
    pub fn to_jsonl(&self) -> Result<String, TableError> {
        let mut text = String::new();
        for row in self.sorted()? {
            text.push_str(&serde_json::to_string(row).map_err(malformed)?);
            text.push('\n');
        }
        Ok(text)
    }

    /// Reads what [`Self::to_csv`] wrote.
    ///
    /// # Errors
    /// Fails when a column is missing, unknown or of the wrong type, a value is not finite, or a key
    /// occurs twice.
    pub fn from_csv(text: &str) -> Result<Self, TableError> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().map_err(malformed)?;
        if header.iter().ne(HEADER) {
            return Err(malformed(format!("the header must be `{}`", HEADER.join(","))));
        }
        Self::checked(reader.deserialize::<Row>().map(|row| row.map_err(malformed)))
    }

    /// Reads what [`Self::to_jsonl`] wrote.
    ///
    /// # Errors
    /// As [`Self::from_csv`].
    pub fn from_jsonl(text: &str) -> Result<Self, TableError> {
        Self::checked(text.lines().enumerate().map(|(place, line)| {
            serde_json::from_str(line)
                .map_err(|error| malformed(format!("line {}: {error}", place + 1)))
        }))
    }
}
