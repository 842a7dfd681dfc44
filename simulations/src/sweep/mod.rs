//! Sweeps: a base scenario, axes over its keys, and seeds. Every combination is a cell; cells run in any
//! order, on any number of machines, and their results are files that say what they are.
//!
//! Shards need no scheduler and do not talk: shard i of n has the cells whose number modulo n is i.

mod base;
mod results;
mod shard;

use std::collections::BTreeMap;
use std::path::Path;

pub use base::{Base, BaseError};
pub use results::{Ran, Results, merge};
use serde::{Deserialize, Serialize};
pub use shard::{INDEX_VARIABLES, Shard, ShardError};
use toml::{Table as Toml, Value};

/// Most cells of a sweep.
pub const MOST_CELLS: u64 = 1_000_000;

/// Why a sweep cannot be planned, run or merged.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The file does not parse, or a value makes no sense.
    #[error("the sweep does not parse: {0}")]
    Parse(String),
    /// The base cannot be read.
    #[error(
        "cannot read base `{name}`: {error}; name a file beside the sweep, or a scenario that `lore-sim list` shows"
    )]
    Base {
        /// Name in the file.
        name: String,
        /// What went wrong.
        error: String,
    },
    /// A cell is no scenario that can run.
    #[error("cell {index} ({arm}) cannot run: {error}")]
    Cell {
        /// Number of the cell.
        index: u64,
        /// Its values on the axes.
        arm: String,
        /// What is wrong.
        error: BaseError,
    },
    /// Results of something else are in the directory.
    #[error(
        "{directory} holds results of {theirs}, and this is {ours}; choose another --out, or remove the directory"
    )]
    Other {
        /// The directory.
        directory: String,
        /// What the results are of.
        theirs: String,
        /// What was about to run.
        ours: String,
    },
    /// A result is not what was written.
    #[error(
        "{file} is damaged; run `lore-sim sweep run` again with the same --out, which computes it again"
    )]
    Damaged {
        /// The file.
        file: String,
    },
    /// Two results of one cell differ.
    #[error(
        "cell {index} has two different results, {one} and {other}; remove both and run the sweep again"
    )]
    Unequal {
        /// Number of the cell.
        index: u64,
        /// One file.
        one: String,
        /// The other.
        other: String,
    },
    /// A file that is no result of this sweep.
    #[error("{file} is no result of this sweep; move it out of the directory")]
    Foreign {
        /// The file, or the directory where it is not known which one.
        file: String,
    },
    /// Cells have no result yet.
    #[error(
        "{count} of {cells} cells have no result, the first is cell {first}; run `lore-sim sweep run` again, which computes what is missing"
    )]
    Missing {
        /// Number of cells without a result.
        count: usize,
        /// Number of cells.
        cells: u64,
        /// The first of them.
        first: u64,
    },
    /// A file cannot be read or written.
    #[error("{0}")]
    File(String),
    /// A result is no table.
    #[error(transparent)]
    Table(#[from] crate::table::TableError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    about: String,
    base: String,
    seeds: Seeds,
    #[serde(default)]
    axes: Toml,
}

/// Seeds of every combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// Number of seeds, counted up from the first.
    pub count: u64,
}

/// A sweep, checked: every cell can run.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Name.
    pub name: String,
    /// One line that says what it is for.
    pub about: String,
    /// All cells, by number; the seed counts up fastest.
    pub cells: Vec<Cell>,
}

/// One combination and one seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Number of the cell, from 0.
    pub index: u64,
    /// Its seed.
    pub seed: u64,
    /// Values on the axes, as `key=value, key=value`: the arm of its rows.
    pub arm: String,
    /// Hash of seed, arm, scenario and what the scenario reads.
    pub key: String,
    /// The scenario as TOML.
    #[serde(skip)]
    pub scenario: String,
    /// Hash of what the scenario reads beside itself.
    #[serde(skip)]
    pub inputs: String,
}

impl Sweep {
    /// Reads a sweep file; a base beside it is found through its directory.
    ///
    /// # Errors
    /// Fails when it does not parse, the base is missing, or a cell could not run.
    pub fn read(path: &Path) -> Result<Self, SweepError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            SweepError::File(format!("cannot read {}: {error}", path.display()))
        })?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(".")))
    }

    /// The same of a text; the base is a shipped name or a path below `directory`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &str, directory: &Path) -> Result<Self, SweepError> {
        let file: File =
            toml::from_str(text).map_err(|error| SweepError::Parse(error.to_string()))?;
        let bad = |what: String| Err(SweepError::Parse(what));
        let Seeds { first, count } = file.seeds;
        if count == 0 || first.checked_add(count).is_none() {
            return bad(format!(
                "`seeds.count` is {count}; it must be at least 1, and first + count a number of 64 bits"
            ));
        }
        let axes = flatten(&file.axes)?;
        let sizes = axes.values().map(|values| values.len() as u64);
        let cells = sizes.fold(count, u64::saturating_mul);
        if cells > MOST_CELLS {
            return bad(format!(
                "{cells} cells; at most {MOST_CELLS} are possible, so take fewer values or seeds"
            ));
        }
        let base = base::text(&file.base, directory)?;
        let base: Toml = toml::from_str(&base).map_err(|error| SweepError::Base {
            name: file.base.clone(),
            error: error.to_string(),
        })?;
        let mut sweep = Self { name: file.name, about: file.about, cells: Vec::new() };
        for combination in combinations(&axes) {
            sweep.add(&base, &combination, file.seeds, directory)?;
        }
        Ok(sweep)
    }

    fn add(
        &mut self,
        base: &Toml,
        combination: &[(&str, &Value)],
        seeds: Seeds,
        directory: &Path,
    ) -> Result<(), SweepError> {
        let shown = combination.iter().map(|(key, value)| format!("{key}={}", show(value)));
        let arm = shown.collect::<Vec<_>>().join(", ");
        let index = self.cells.len() as u64;
        let wrong = |error: BaseError| SweepError::Cell { index, arm: arm.clone(), error };
        let mut scenario = base.clone();
        for (key, value) in combination {
            set(&mut scenario, key, value).map_err(|error| wrong(BaseError::Key(error)))?;
        }
        let scenario =
            toml::to_string(&scenario).map_err(|error| wrong(BaseError::Key(error.to_string())))?;
        let inputs = Base::parse(&scenario, directory).map_err(wrong)?.inputs();
        for seed in seeds.first..seeds.first + seeds.count {
            let index = self.cells.len() as u64;
            let mut hasher = blake3::Hasher::new_derive_key("commonlore simulations cell v1");
            hasher.update(&seed.to_le_bytes());
            hasher.update(&(arm.len() as u64).to_le_bytes());
            hasher.update(arm.as_bytes());
            hasher.update(&(inputs.len() as u64).to_le_bytes());
            hasher.update(inputs.as_bytes());
            hasher.update(scenario.as_bytes());
            let key = hasher.finalize().to_hex().as_str()[..16].to_owned();
            let (arm, scenario, inputs) = (arm.clone(), scenario.clone(), inputs.clone());
            self.cells.push(Cell { index, seed, arm, key, scenario, inputs });
        }
        Ok(())
    }

    /// Hash of all cells.
    #[must_use]
    pub fn hash(&self) -> String {
        hash(self.cells.iter().map(|cell| cell.key.as_str()))
    }
}

/// Hash of the keys of all cells, in order.
fn hash<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("commonlore simulations sweep v1");
    keys.for_each(|key| {
        hasher.update(key.as_bytes());
    });
    hasher.finalize().to_hex().as_str()[..16].to_owned()
}

/// Axes by dotted key; `a.b = [1]` and `"a.b" = [1]` mean the same.
fn flatten(axes: &Toml) -> Result<BTreeMap<String, Vec<Value>>, SweepError> {
    fn walk(
        out: &mut BTreeMap<String, Vec<Value>>,
        prefix: &str,
        axes: &Toml,
    ) -> Result<(), SweepError> {
        for (name, value) in axes {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let bad = |what: &str| Err(SweepError::Parse(format!("axis `{key}` {what}")));
            match value {
                Value::Table(inner) => walk(out, &key, inner)?,
                Value::Array(values) if values.is_empty() => return bad("has no values"),
                Value::Array(values) => {
                    if ["seed", "name", "about"].contains(&key.as_str()) {
                        return bad("is none: seeds stand in `seeds`, and a name changes nothing");
                    }
                    if values.iter().enumerate().any(|(n, value)| values[..n].contains(value)) {
                        return bad("has a value twice");
                    }
                    if out.insert(key.clone(), values.clone()).is_some() {
                        return bad("is there twice");
                    }
                }
                _ => return bad("must be a list of values"),
            }
        }
        Ok(())
    }
    let mut out = BTreeMap::new();
    walk(&mut out, "", axes)?;
    Ok(out)
}

/// All combinations, the last key counting up fastest.
fn combinations(axes: &BTreeMap<String, Vec<Value>>) -> Vec<Vec<(&str, &Value)>> {
    let mut out = vec![Vec::new()];
    for (key, values) in axes {
        out = out
            .iter()
            .flat_map(|before| {
                values.iter().map(move |value| {
                    let mut next: Vec<(&str, &Value)> = before.clone();
                    next.push((key.as_str(), value));
                    next
                })
            })
            .collect();
    }
    out
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Sets a dotted key; numbers are places in a list that is there.
fn set(table: &mut Toml, key: &str, value: &Value) -> Result<(), String> {
    let Some((first, rest)) = key.split_once('.') else {
        table.insert(key.to_owned(), value.clone());
        return Ok(());
    };
    match table.entry(first).or_insert_with(|| Value::Table(Toml::new())) {
        Value::Table(inner) => set(inner, rest, value),
        Value::Array(items) => {
            let (place, rest) = rest.split_once('.').unwrap_or((rest, ""));
            let count = items.len();
            let item = place.parse::<usize>().ok().and_then(|place| items.get_mut(place));
            match item {
                Some(Value::Table(inner)) if !rest.is_empty() => set(inner, rest, value),
                Some(item) if rest.is_empty() => {
                    *item = value.clone();
                    Ok(())
                }
                _ => Err(format!("`{first}.{place}` is no place in `{first}`, which has {count}")),
            }
        }
        _ => Err(format!("`{first}` is a value in the base, so it has no `{rest}`")),
    }
}

#[cfg(test)]
mod tests;
