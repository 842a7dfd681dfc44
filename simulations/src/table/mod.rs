//! Result tables: one row for each value, long rather than wide, the same bytes on every run.
//!
//! Writers sort, so the order of `push` never shows. A key (everything but the value) occurs once, and
//! values are finite: a table that breaks this is refused, not written.

mod columns;
mod file;
mod text;

pub(crate) use columns::{Cell, Record, records_of};

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// Why a table was refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A value is not a number.
    #[error(
        "`{metric}` of arm `{arm}`, seed {seed} is {value}; only finite numbers go into a table: leave the row out"
    )]
    NotFinite {
        /// Metric of the row.
        metric: String,
        /// Its arm.
        arm: String,
        /// Its seed.
        seed: u64,
        /// Value that was given.
        value: f64,
    },
    /// Two rows with one key.
    #[error(
        "`{metric}` of arm `{arm}`, run {run}, seed {seed}, time {t_micros} us occurs twice; give each run its own number"
    )]
    Twice {
        /// Metric of both rows.
        metric: String,
        /// Their arm.
        arm: String,
        /// Their run.
        run: u64,
        /// Their seed.
        seed: u64,
        /// Their time.
        t_micros: u64,
    },
    /// Bytes that are no table.
    #[error("not a table of results: {0}; write it again with `lore-sim`")]
    Malformed(String),
    /// A table whose content is not what was written.
    #[error(
        "the table is damaged: its content does not match its hash; write it again with `lore-sim`"
    )]
    Damaged,
    /// A name that says no format.
    #[error("the name of a table must end in .parquet, .csv or .jsonl, and `{0}` does not")]
    Format(String),
    /// A file cannot be read or written.
    #[error("{0}")]
    File(String),
}

fn malformed(error: impl ToString) -> TableError {
    TableError::Malformed(error.to_string())
}

/// One value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Number of the run within the table: the cell of a sweep, or the place of a seed.
    pub run: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Virtual time, in microseconds; 0 where the metric has none.
    pub t_micros: u64,
    /// Node, or none for a value of the whole.
    pub node: Option<u32>,
    /// Arm of the study, or the scenario's name.
    pub arm: String,
    /// Metric with its unit, as in `sync_bytes`.
    pub metric: String,
    /// Value, finite.
    pub value: f64,
}

impl Row {
    /// Order of rows in a table. Equal only when the whole key is equal.
    fn order(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }

    fn key(&self) -> (u64, &str, u64, &str, Option<u32>, u64) {
        (self.run, &self.arm, self.seed, &self.metric, self.node, self.t_micros)
    }
}

/// Many values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row, in any order.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows in the order in which they are written: by run, arm, seed, metric, node and time.
    ///
    /// # Errors
    /// Fails when a value is not finite or a key occurs twice.
    pub fn sorted(&self) -> Result<Vec<&Row>, TableError> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|one, other| one.order(other));
        for row in &rows {
            if !row.value.is_finite() {
                let Row { metric, arm, seed, value, .. } = (*row).clone();
                return Err(TableError::NotFinite { metric, arm, seed, value });
            }
        }
        for pair in rows.windows(2) {
            if let [one, other] = pair
                && one.order(other) == Ordering::Equal
            {
                let Row { metric, arm, run, seed, t_micros, .. } = (*one).clone();
                return Err(TableError::Twice { metric, arm, run, seed, t_micros });
            }
        }
        Ok(rows)
    }

    fn checked(rows: impl Iterator<Item = Result<Row, TableError>>) -> Result<Self, TableError> {
        let table: Self = rows.collect::<Result<_, _>>()?;
        table.sorted()?;
        Ok(table)
    }

    /// BLAKE3 of the table as CSV, in hexadecimal: the same whatever format the table is kept in.
    ///
    /// # Errors
    /// Fails when a value is not finite or a key occurs twice.
    pub fn content_hash(&self) -> Result<String, TableError> {
        Ok(blake3::hash(self.to_csv()?.as_bytes()).to_hex().to_string())
    }
}

impl FromIterator<Row> for Table {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        Self { rows: rows.into_iter().collect() }
    }
}

impl Extend<Row> for Table {
    fn extend<I: IntoIterator<Item = Row>>(&mut self, rows: I) {
        self.rows.extend(rows);
    }
}

impl IntoIterator for Table {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

#[cfg(test)]
mod tests;
