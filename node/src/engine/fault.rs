//! Ways for tests to end the process, or to fill its disk, at a point of a release, in builds with
//! assertions only.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicBool, Ordering};

use lore_privacy::Ledger;

use super::ledger::StoreLedger;

/// Whether the ledger's writes fail from now on.
#[cfg(debug_assertions)]
static FULL: AtomicBool = AtomicBool::new(false);

/// In a build with assertions, `LORE_FAULT=kill:POINT` aborts the process at the first pass of a point, and
/// `full:POINT` lets the ledger's writes fail from there on.
#[cfg(debug_assertions)]
pub(super) fn watch(ledger: &mut Ledger<StoreLedger>) {
    let Ok(wanted) = std::env::var("LORE_FAULT") else { return };
    let Some((what, name)) = wanted.split_once(':') else { return };
    let (what, name) = (what.to_owned(), name.to_owned());
    ledger.watch(move |point| {
        if point.name() != name {
            return;
        }
        match what.as_str() {
            "kill" => std::process::abort(),
            "full" => FULL.store(true, Ordering::SeqCst),
            _ => {}
        }
    });
}

/// Whether the disk is to be taken for full.
#[cfg(debug_assertions)]
pub(super) fn disk_is_full() -> bool {
    FULL.load(Ordering::SeqCst)
}

/// Builds without assertions ask the disk.
#[cfg(not(debug_assertions))]
pub(super) const fn disk_is_full() -> bool {
    false
}

/// Builds without assertions have no such points.
#[cfg(not(debug_assertions))]
pub(super) const fn watch(_: &mut Ledger<StoreLedger>) {}

/// In a build with assertions, seconds by which `LORE_CLOCK_OFFSET` moves this process's clock.
#[cfg(debug_assertions)]
pub(super) fn clock_offset() -> i64 {
    std::env::var("LORE_CLOCK_OFFSET").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Builds without assertions have the system's clock.
#[cfg(not(debug_assertions))]
pub(super) const fn clock_offset() -> i64 {
    0
}
