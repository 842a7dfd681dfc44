//! Outcome tables: one row for each trial of a task.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::table::{Cell, Record, TableError, records_of};

/// Why an outcome table was refused.
#[derive(Debug, thiserror::Error)]
pub enum OutcomesError {
    /// The file cannot be read.
    #[error("cannot read the outcome table {0}")]
    Read(String),
    /// A name that says no format.
    #[error("the name of an outcome table must end in .csv or .parquet, and `{0}` does not")]
    Format(String),
    /// A row or column that is wrong.
    #[error(
        "outcome table, {place}: {what}; columns are group, task, trial, arm, success (0 or 1) and cost"
    )]
    Row {
        /// Line or record.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// A Parquet file that cannot be read.
    #[error(transparent)]
    Parquet(#[from] TableError),
}

/// One trial of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Family of tasks, which stands for a skill.
    pub group: String,
    /// Task within the group.
    pub task: String,
    /// Number of the trial of the task.
    pub trial: u32,
    /// Arm that was recorded: a model, or with and without skills.
    pub arm: String,
    /// 1 when the task was solved, else 0.
    pub success: u8,
    /// Cost of the trial, in a unit of the table's author; at least 0.
    pub cost: f64,
}

/// A whole table, checked, in the order of its keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    /// Rows by arm, group, task and trial.
    pub trials: Vec<Trial>,
}

impl Outcomes {
    /// Checks and sorts rows.
    ///
    /// # Errors
    /// Fails when there is none, a value is impossible, or a trial is there twice.
    pub fn new(mut trials: Vec<Trial>) -> Result<Self, OutcomesError> {
        let wrong = |number: usize, what: &str| {
            Err(OutcomesError::Row { place: format!("row {}", number + 1), what: what.to_owned() })
        };
        if trials.is_empty() {
            return wrong(0, "the table has no rows");
        }
        let mut seen = BTreeSet::new();
        for (number, trial) in trials.iter().enumerate() {
            let Trial { group, task, trial, arm, success, cost } = trial;
            if group.is_empty() || task.is_empty() {
                return wrong(number, "group and task must not be empty");
            }
            if *success > 1 {
                return wrong(number, &format!("success is {success}; it must be 0 or 1"));
            }
            if !cost.is_finite() || *cost < 0.0 {
                return wrong(
                    number,
                    &format!("cost is {cost}; it must be a number of at least 0"),
                );
            }
            if !seen.insert((arm.clone(), group.clone(), task.clone(), *trial)) {
                return wrong(number, &format!("trial {trial} of task `{task}` is there twice"));
            }
        }
        let key = |one: &Trial| (one.arm.clone(), one.group.clone(), one.task.clone(), one.trial);
        trials.sort_by_key(key);
        Ok(Self { trials })
    }

    /// Reads a `.csv` or `.parquet` file.
    ///
    /// # Errors
    /// Fails when it cannot be read, or a row or column is wrong.
    pub fn read(path: &Path) -> Result<Self, OutcomesError> {
        let bytes = std::fs::read(path)
            .map_err(|error| OutcomesError::Read(format!("{}: {error}", path.display())))?;
        match path.extension().and_then(|end| end.to_str()) {
            Some("csv") => Self::from_csv(&bytes),
            Some("parquet") => {
                let rows = records_of(bytes)?.into_iter().enumerate();
                Self::new(
                    rows.map(|(number, row)| from_record(number, row)).collect::<Result<_, _>>()?,
                )
            }
            _ => Err(OutcomesError::Format(path.display().to_string())),
        }
    }

    fn from_csv(bytes: &[u8]) -> Result<Self, OutcomesError> {
        let mut reader = csv::Reader::from_reader(bytes);
        let rows = reader.deserialize::<Trial>().enumerate().map(|(number, row)| {
            row.map_err(|error| OutcomesError::Row {
                place: format!("row {}", number + 1),
                what: error.to_string(),
            })
        });
        Self::new(rows.collect::<Result<_, _>>()?)
    }

    /// CSV with a header line.
    ///
    /// # Errors
    /// Fails when a row cannot be written, which no checked row does.
    pub fn to_csv(&self) -> Result<String, OutcomesError> {
        let wrong = |what: String| OutcomesError::Row { place: "writing".into(), what };
        let mut writer = csv::Writer::from_writer(Vec::new());
        for trial in &self.trials {
            writer.serialize(trial).map_err(|error| wrong(error.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|error| wrong(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| wrong(error.to_string()))
    }

    /// BLAKE3 of all rows, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("commonlore simulations outcomes v1");
        for Trial { group, task, trial, arm, success, cost } in &self.trials {
            for text in [group, task, arm] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            hasher.update(&trial.to_le_bytes());
            hasher.update(&[*success]);
            hasher.update(&cost.to_bits().to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Names of the arms.
    #[must_use]
    pub fn arms(&self) -> BTreeSet<&str> {
        self.trials.iter().map(|trial| trial.arm.as_str()).collect()
    }

    /// Trials, share of successes and mean cost of each group.
    #[must_use]
    pub fn groups(&self) -> BTreeMap<&str, (u64, f64, f64)> {
        let mut sums: BTreeMap<&str, (u64, f64, f64)> = BTreeMap::new();
        for trial in &self.trials {
            let sum = sums.entry(&trial.group).or_default();
            sum.0 += 1;
            sum.1 += f64::from(trial.success);
            sum.2 += trial.cost;
        }
        for (count, successes, cost) in sums.values_mut() {
            *successes /= *count as f64;
            *cost /= *count as f64;
        }
        sums
    }
}

fn from_record(number: usize, mut record: Record) -> Result<Trial, OutcomesError> {
    let wrong = |what: String| OutcomesError::Row { place: format!("row {}", number + 1), what };
    let mut take = |name: &str| {
        record.remove(name).ok_or_else(|| wrong(format!("column `{name}` is missing")))
    };
    let text = |name: &str, cell: Cell| match cell {
        Cell::Text(text) => Ok(text),
        Cell::Whole(number) => Ok(number.to_string()),
        Cell::Empty | Cell::Number(_) => Err(wrong(format!("column `{name}` is not text"))),
    };
    let (group, task) = (text("group", take("group")?)?, text("task", take("task")?)?);
    let arm = text("arm", take("arm")?)?;
    let whole = |name: &str, cell: Cell| match cell {
        Cell::Whole(number) => u32::try_from(number)
            .map_err(|_| wrong(format!("column `{name}` is {number}, which is out of range"))),
        _ => Err(wrong(format!("column `{name}` is not a whole number"))),
    };
    let (trial, success) = (whole("trial", take("trial")?)?, whole("success", take("success")?)?);
    let success = u8::try_from(success).unwrap_or(u8::MAX);
    let cost = match take("cost")? {
        Cell::Number(cost) => cost,
        Cell::Whole(cost) => cost as f64,
        Cell::Empty | Cell::Text(_) => return Err(wrong("column `cost` is not a number".into())),
    };
    Ok(Trial { group, task, trial, arm, success, cost })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use parquet::basic::Compression;
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// Writes a table as other tools do: compressed, whole numbers of 64 bits. The last row's success is given.
    fn parquet(success: i64, cost: &str) -> Vec<u8> {
        let schema = format!(
            "message t {{ REQUIRED BYTE_ARRAY group (UTF8); REQUIRED INT64 task; REQUIRED INT64 trial; \
             REQUIRED BYTE_ARRAY arm (UTF8); REQUIRED INT64 success; REQUIRED DOUBLE {cost}; }}"
        );
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let text = |value: &str| vec![ByteArray::from(value), ByteArray::from(value)];
        let whole = [vec![3, 4], vec![0, 0], vec![1, success]];
        let mut whole = whole.iter();
        for column in ["text", "whole", "whole", "text", "whole", "double"] {
            let mut writer = group.next_column().unwrap().unwrap();
            match column {
                "text" => writer.typed::<ByteArrayType>().write_batch(&text("refund"), None, None),
                "whole" => {
                    writer.typed::<Int64Type>().write_batch(whole.next().unwrap(), None, None)
                }
                _ => writer.typed::<DoubleType>().write_batch(&[1.5, 2.0], None, None),
            }
            .unwrap();
            writer.close().unwrap();
        }
        group.close().unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn parquet_of_other_tools_is_read_and_checked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.parquet");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Outcomes::read(&path)
        };
        let outcomes = read(&parquet(0, "cost")).unwrap();
        assert_eq!(outcomes.groups()["refund"], (2, 0.5, 1.75));
        assert_eq!(outcomes.trials[1].task, "4");
        let error = read(&parquet(2, "cost")).unwrap_err().to_string();
        assert!(error.contains("success is 2"), "{error}");
        let error = read(&parquet(0, "price")).unwrap_err().to_string();
        assert!(error.contains("column `cost` is missing"), "{error}");
        let mut cut = parquet(0, "cost");
        cut.truncate(60);
        assert!(matches!(read(&cut), Err(OutcomesError::Parquet(_))));
    }
}
