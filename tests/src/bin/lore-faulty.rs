//! The `lore` command line on a machine that fails: what the product itself has no switch for.
//!
//! `LORE_TEST_FAULT` is `kill:POINT` (aborts at the first pass of a point of a release), `full:POINT`
//! (the ledger's writes fail from there on), `fill:POINT` (a file in the home grows until its file system
//! is full), `odd:WORD` or `crash:WORD` (a session whose task holds the word panics where it is looked
//! through, or where nothing catches it). `LORE_TEST_CLOCK_OFFSET` moves the clock by so many seconds, and
//! `LORE_TEST_CONSENT_FILE` is the consent file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lore_engine::{
    Batch, Change, Clock, Durability, RecordKind, Recovery, Scan, Storage, StorageError, Table,
};
use lore_node::host::Machine;

/// A store whose ledger cannot be written once the disk is said to be full.
struct FullDisk {
    inner: Arc<dyn Storage>,
    full: Arc<AtomicBool>,
}

impl Storage for FullDisk {
    fn get(&self, kind: RecordKind, suffix: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.inner.get(kind, suffix)
    }

    fn scan<'a>(&'a self, kind: RecordKind, prefix: &[u8]) -> Scan<'a> {
        self.inner.scan(kind, prefix)
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        let ledger = |change: &Change| {
            matches!(change, Change::Put(Table::Ledger, ..) | Change::Delete(Table::Ledger, _))
        };
        if self.full.load(Ordering::SeqCst) && batch.changes().iter().any(ledger) {
            let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(StorageError { kind: "disk_full", message: error.to_string() });
        }
        self.inner.write(batch, durability)
    }

    fn recovery(&self) -> Result<Option<Recovery>, StorageError> {
        self.inner.recovery()
    }

    fn clear_recovery(&self) -> Result<(), StorageError> {
        self.inner.clear_recovery()
    }
}

struct Shifted {
    inner: Arc<dyn Clock>,
    seconds: i64,
}

impl Clock for Shifted {
    fn unix_seconds(&self) -> u64 {
        self.inner.unix_seconds().saturating_add_signed(self.seconds)
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }
}

/// Writes until there is no room for another byte.
fn fill(path: &PathBuf) {
    use std::io::Write as _;
    let Ok(mut file) = std::fs::File::create(path) else { return };
    for block in [&[0_u8; 4096][..], &[0]] {
        while file.write_all(block).is_ok() {}
    }
}

fn home_of(args: impl Iterator<Item = String>) -> Option<PathBuf> {
    let mut args = args.skip_while(|arg| arg != "--home");
    args.next()?;
    args.next().map(PathBuf::from)
}

fn main() -> ExitCode {
    let mut machine = Machine::new();
    if let Some(seconds) = std::env::var("LORE_TEST_CLOCK_OFFSET").ok().and_then(|t| t.parse().ok())
    {
        machine.clock = Arc::new(Shifted { inner: machine.clock, seconds });
    }
    if let Some(file) = std::env::var_os("LORE_TEST_CONSENT_FILE") {
        machine.consent_file = file.into();
    }
    let fault = std::env::var("LORE_TEST_FAULT").unwrap_or_default();
    let (what, name) = fault.split_once(':').unwrap_or_default();
    let (what, name) = (what.to_owned(), name.to_owned());
    match what.as_str() {
        "kill" => {
            machine.watch = Some(Arc::new(move |point| {
                if point.name() == name {
                    std::process::abort();
                }
            }));
        }
        "full" => {
            let full = Arc::new(AtomicBool::new(false));
            let disk = Arc::clone(&full);
            machine.around_storage =
                Some(Arc::new(move |inner| Arc::new(FullDisk { inner, full: Arc::clone(&disk) })));
            machine.watch = Some(Arc::new(move |point| {
                if point.name() == name {
                    full.store(true, Ordering::SeqCst);
                }
            }));
        }
        "fill" => {
            let filler = home_of(std::env::args()).map(|home| home.join("filler"));
            machine.watch = Some(Arc::new(move |point| {
                if let Some(filler) = filler.as_ref().filter(|_| point.name() == name) {
                    fill(filler);
                }
            }));
        }
        "odd" | "crash" => {
            let isolated = what == "odd";
            machine.probe = Some(Arc::new(move |inside, task| {
                assert!(inside != isolated || !task.contains(&name), "an odd task: {task}");
            }));
        }
        _ => {}
    }
    lore_node::cli::main(machine)
}
