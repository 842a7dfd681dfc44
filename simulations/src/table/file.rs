//! Tables as files: the end of the name says the format.

use std::path::Path;

use super::{Table, TableError, malformed};
use crate::files;

/// Format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Parquet,
    Csv,
    JsonLines,
}

fn format(path: &Path) -> Result<Format, TableError> {
    match path.extension().and_then(|end| end.to_str()) {
        Some("parquet") => Ok(Format::Parquet),
        Some("csv") => Ok(Format::Csv),
        Some("jsonl") => Ok(Format::JsonLines),
        _ => Err(TableError::Format(path.display().to_string())),
    }
}

impl Table {
    /// Writes a `.parquet`, `.csv` or `.jsonl` file, whole or not at all.
    ///
    /// # Errors
    /// Fails when the name says no format, the table is refused, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TableError> {
        let bytes = match format(path)? {
            Format::Parquet => self.to_parquet()?,
            Format::Csv => self.to_csv()?.into_bytes(),
            Format::JsonLines => self.to_jsonl()?.into_bytes(),
        };
        files::write(path, &bytes).map_err(|error| TableError::File(error.to_string()))
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// Fails when the name says no format, the file cannot be read, or it is no such table.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let format = format(path)?;
        let bytes = std::fs::read(path).map_err(|error| {
            TableError::File(format!("cannot read {}: {error}", path.display()))
        })?;
        let text = |bytes| String::from_utf8(bytes).map_err(malformed);
        match format {
            Format::Parquet => Self::from_parquet(bytes),
            Format::Csv => Self::from_csv(&text(bytes)?),
            Format::JsonLines => Self::from_jsonl(&text(bytes)?),
        }
    }
}
