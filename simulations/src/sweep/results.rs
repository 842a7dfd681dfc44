//! A directory of results: one Parquet file for each cell, named by the cell and by its own content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::{Base, BaseError, Cell, Shard, Sweep, SweepError};
use crate::table::Table;
use crate::{files, metrics, runner};

/// Version of the layout of a directory of results.
const FORMAT: u32 = 1;

/// What a directory holds results of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    /// Version of `lore-sim`.
    version: String,
    /// Hash of the program: results of two builds are never mixed.
    build: String,
    /// Hash of all cells.
    sweep: String,
    name: String,
    cells: u64,
}

impl Manifest {
    fn shown(&self) -> String {
        let Self { name, sweep, version, build, format, .. } = self;
        format!("sweep {name} ({sweep}) by lore-sim {version} (build {build}, format {format})")
    }
}

/// Results of a sweep in a directory.
pub struct Results {
    directory: PathBuf,
}

/// What a run of a shard did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// Cells of the shard.
    pub cells: usize,
    /// Cells that were computed now.
    pub computed: usize,
    /// Cells whose result was there already.
    pub skipped: usize,
    /// Damaged files that were removed and computed again.
    pub damaged: Vec<String>,
    /// Violated invariants, each with the cell's number and seed.
    pub violations: Vec<String>,
}

/// What is in the directory for a cell.
enum Found {
    Nothing,
    Whole(PathBuf),
    Damaged(PathBuf),
}

fn file(path: &Path, error: &impl ToString) -> SweepError {
    SweepError::File(format!("{}: {}", path.display(), error.to_string()))
}

impl Results {
    /// Opens a directory for a sweep, and makes it where it is not there.
    ///
    /// # Errors
    /// Fails when it has results of another sweep or another build, or cannot be written.
    pub fn open(directory: &Path, sweep: &Sweep) -> Result<Self, SweepError> {
        let manifest = Manifest {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: build().map_err(SweepError::File)?,
            sweep: sweep.hash(),
            name: sweep.name.clone(),
            cells: sweep.cells.len() as u64,
        };
        let path = directory.join("sweep.json");
        if path.exists() {
            let theirs = read_manifest(directory)?;
            if theirs != manifest {
                return Err(SweepError::Other {
                    directory: directory.display().to_string(),
                    theirs: theirs.shown(),
                    ours: manifest.shown(),
                });
            }
        } else {
            let text =
                serde_json::to_string_pretty(&manifest).map_err(|error| file(&path, &error))?;
            files::write(&path, format!("{text}\n").as_bytes())
                .map_err(|error| file(&path, &error))?;
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// Computes the cells of a shard that have no result. `base` is the directory of the sweep file,
    /// `progress` hears of each cell.
    ///
    /// # Errors
    /// Fails when a cell cannot run, or a result cannot be read or written; what was computed stays.
    pub fn run(
        &self,
        sweep: &Sweep,
        base: &Path,
        shard: Shard,
        threads: usize,
        progress: impl Fn() + Sync,
    ) -> Result<Ran, SweepError> {
        let listed = listed(&self.directory)?;
        let mut ran = Ran::default();
        let mut due = Vec::new();
        for cell in sweep.cells.iter().filter(|cell| shard.has(cell.index)) {
            ran.cells += 1;
            match find(&listed, cell)? {
                Found::Whole(_) => {
                    ran.skipped += 1;
                    progress();
                    continue;
                }
                Found::Damaged(path) => {
                    std::fs::remove_file(&path).map_err(|error| file(&path, &error))?;
                    ran.damaged.push(path.display().to_string());
                }
                Found::Nothing => {}
            }
            due.push(cell.index);
        }
        for index in &due {
            let Some(cell) = usize::try_from(*index).ok().and_then(|at| sweep.cells.get(at)) else {
                continue;
            };
            let fits = Base::parse(&cell.scenario, base)
                .and_then(|base| base.check_memory(threads.min(due.len())));
            let arm = cell.arm.clone();
            fits.map_err(|error| SweepError::Cell { index: cell.index, arm, error })?;
        }
        let violations: Mutex<BTreeMap<u64, Vec<String>>> = Mutex::default();
        let done = runner::in_parallel(&due, threads, |index| {
            let Some(cell) = usize::try_from(index).ok().and_then(|at| sweep.cells.get(at)) else {
                return Ok(());
            };
            let broken = self.compute(cell, base)?;
            if !broken.is_empty() {
                let mut all = violations.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                all.insert(index, broken);
            }
            progress();
            Ok(())
        });
        done.into_iter().collect::<Result<(), SweepError>>()?;
        ran.computed = due.len();
        let violations = violations.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        ran.violations = violations.into_values().flatten().collect();
        Ok(ran)
    }

    fn compute(&self, cell: &Cell, base: &Path) -> Result<Vec<String>, SweepError> {
        let Cell { index, seed, arm, .. } = cell;
        let wrong = |error| SweepError::Cell { index: *index, arm: arm.clone(), error };
        let base = Base::parse(&cell.scenario, base).map_err(wrong)?;
        if base.inputs() != cell.inputs {
            return Err(wrong(BaseError::Changed));
        }
        let (found, broken) = base.run(*seed).map_err(wrong)?;
        let mut table = Table::new();
        metrics::add(&mut table, *index, *seed, arm, found);
        let bytes = table.to_parquet()?;
        let name = format!("{}{}.parquet", prefix(cell), short_hash(&bytes));
        let path = self.directory.join(name);
        files::write(&path, &bytes).map_err(|error| file(&path, &error))?;
        Ok(broken
            .into_iter()
            .map(|what| format!("cell {index} ({arm}), seed {seed}: {what}"))
            .collect())
    }
}

/// Merges results of one sweep from any number of directories into one table: the same bytes as of one run.
///
/// # Errors
/// Fails when they are of different sweeps or builds, a file is damaged, two results of a cell differ, or
/// a cell has none.
pub fn merge(directories: &[PathBuf]) -> Result<Table, SweepError> {
    let mut first: Option<Manifest> = None;
    let mut found: BTreeMap<u64, (String, PathBuf)> = BTreeMap::new();
    for directory in directories {
        let manifest = read_manifest(directory)?;
        if let Some(first) = &first
            && *first != manifest
        {
            return Err(SweepError::Other {
                directory: directory.display().to_string(),
                theirs: manifest.shown(),
                ours: first.shown(),
            });
        }
        first = Some(manifest);
        for (index, path, name) in listed(directory)?.into_values().flatten() {
            if let Some((known, other)) = found.get(&index) {
                if *known != name {
                    let (one, other) = (other.display().to_string(), path.display().to_string());
                    return Err(SweepError::Unequal { index, one, other });
                }
                continue;
            }
            found.insert(index, (name, path));
        }
    }
    let Some(first) = first else { return Ok(Table::new()) };
    let cells = first.cells;
    if let Some((_, (_, path))) = found.range(cells..).next() {
        return Err(SweepError::Foreign { file: path.display().to_string() });
    }
    let missing: Vec<u64> = (0..cells).filter(|index| !found.contains_key(index)).collect();
    if let Some(first) = missing.first() {
        return Err(SweepError::Missing { count: missing.len(), cells, first: *first });
    }
    // The keys stand in the names. All together must be those of the sweep.
    if super::hash(found.values().map(|(name, _)| key(name))) != first.sweep {
        let directories: Vec<String> =
            directories.iter().map(|directory| directory.display().to_string()).collect();
        return Err(SweepError::Foreign {
            file: format!("one of the files in {}", directories.join(", ")),
        });
    }
    let mut table = Table::new();
    for (_, path) in found.into_values() {
        let damaged = || SweepError::Damaged { file: path.display().to_string() };
        let bytes = std::fs::read(&path).map_err(|error| file(&path, &error))?;
        if !is_whole(&path, &bytes) {
            return Err(damaged());
        }
        table.extend(Table::from_parquet(bytes).map_err(|_| damaged())?);
    }
    Ok(table)
}

fn read_manifest(directory: &Path) -> Result<Manifest, SweepError> {
    let path = directory.join("sweep.json");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        SweepError::File(format!("{} is no directory of results: {error}", directory.display()))
    })?;
    serde_json::from_str(&text).map_err(|error| {
        SweepError::File(format!(
            "{} is not a manifest of this version of lore-sim ({error}); read the results with the version that \
             wrote them, or choose another directory",
            path.display()
        ))
    })
}

/// Beginning of the name of a cell's result.
fn prefix(cell: &Cell) -> String {
    format!("cell-{:06}-{}-", cell.index, cell.key)
}

/// Key of the cell in the name of a result.
fn key(name: &str) -> &str {
    name.split('-').nth(2).unwrap_or_default()
}

fn short_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().as_str()[..16].to_owned()
}

fn is_whole(path: &Path, bytes: &[u8]) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name.ends_with(&format!("-{}", short_hash(bytes)))
}

/// Results in a directory by the beginning of their names: number of the cell, path and name.
type Listed = BTreeMap<String, Vec<(u64, PathBuf, String)>>;

fn listed(directory: &Path) -> Result<Listed, SweepError> {
    let mut out = Listed::new();
    for entry in std::fs::read_dir(directory).map_err(|error| file(directory, &error))? {
        let path = entry.map_err(|error| file(directory, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(stem) = name.strip_prefix("cell-").and_then(|name| name.strip_suffix(".parquet"))
        else {
            continue;
        };
        let parts: Vec<&str> = stem.split('-').collect();
        let (Some(index), 3) = (parts.first().and_then(|one| one.parse().ok()), parts.len()) else {
            return Err(SweepError::Foreign { file: path.display().to_string() });
        };
        out.entry(format!("cell-{}-{}-", parts[0], parts[1]))
            .or_default()
            .push((index, path, name));
    }
    out.values_mut().for_each(|results| results.sort());
    Ok(out)
}

fn find(listed: &Listed, cell: &Cell) -> Result<Found, SweepError> {
    let mut found = Found::Nothing;
    for (index, path, _) in listed.get(&prefix(cell)).into_iter().flatten() {
        let bytes = std::fs::read(path).map_err(|error| file(path, &error))?;
        if !is_whole(path, &bytes) {
            return Ok(Found::Damaged(path.clone()));
        }
        if let Found::Whole(other) = &found {
            let (one, other) = (other.display().to_string(), path.display().to_string());
            return Err(SweepError::Unequal { index: *index, one, other });
        }
        found = Found::Whole(path.clone());
    }
    Ok(found)
}

/// Short hash of the running program.
fn build() -> Result<String, String> {
    let wrong = |error: std::io::Error| format!("cannot read the program itself: {error}");
    let path = std::env::current_exe().map_err(wrong)?;
    let mut hasher = blake3::Hasher::new();
    let mut program = std::fs::File::open(path).map_err(wrong)?;
    std::io::copy(&mut program, &mut hasher).map_err(wrong)?;
    Ok(hasher.finalize().to_hex().as_str()[..16].to_owned())
}
