//! Ways for tests to end the process, to fill its disk at a point of a release, or to make a session that
//! cannot be read, in builds with assertions only.

use std::path::Path;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicBool, Ordering};

use lore_privacy::Ledger;

use super::ledger::StoreLedger;

/// Whether the ledger's writes fail from now on.
#[cfg(debug_assertions)]
static FULL: AtomicBool = AtomicBool::new(false);

/// In a build with assertions, `LORE_FAULT=kill:POINT` aborts the process at the first pass of a point, and
/// `full:POINT` lets the ledger's writes fail from there on, and `fill:POINT` writes a file beside the store
/// until its file system is full.
#[cfg(debug_assertions)]
pub(super) fn watch(ledger: &mut Ledger<StoreLedger>, home: &Path) {
    let Some((what, name)) = wanted() else { return };
    let home = home.to_owned();
    ledger.watch(move |point| {
        if point.name() != name {
            return;
        }
        match what.as_str() {
            "kill" => std::process::abort(),
            "full" => FULL.store(true, Ordering::SeqCst),
            "fill" => fill(&home.join("filler")),
            _ => {}
        }
    });
}

#[cfg(debug_assertions)]
fn wanted() -> Option<(String, String)> {
    let wanted = std::env::var("LORE_FAULT").ok()?;
    let (what, name) = wanted.split_once(':')?;
    Some((what.to_owned(), name.to_owned()))
}

/// Writes until there is no room for another byte.
#[cfg(debug_assertions)]
fn fill(path: &Path) {
    use std::io::Write as _;
    let Ok(mut file) = std::fs::File::create(path) else { return };
    for block in [&[0_u8; 4096][..], &[0]] {
        while file.write_all(block).is_ok() {}
    }
}

/// With `LORE_FAULT=odd:WORD`, a session whose task holds the word panics where it is looked through, in a
/// message that quotes it.
#[cfg(debug_assertions)]
pub(super) fn odd(task: &str) {
    panic_over("odd", task);
}

/// With `LORE_FAULT=crash:WORD`, the same where nothing catches it.
#[cfg(debug_assertions)]
pub(super) fn crash_over(task: &str) {
    panic_over("crash", task);
}

#[cfg(debug_assertions)]
fn panic_over(fault: &str, task: &str) {
    let Some((what, word)) = wanted() else { return };
    assert!(what != fault || !task.contains(&word), "an odd task: {task}");
}

/// Builds without assertions read what there is.
#[cfg(not(debug_assertions))]
pub(super) const fn odd(_: &str) {}

/// Builds without assertions read what there is.
#[cfg(not(debug_assertions))]
pub(super) const fn crash_over(_: &str) {}

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
pub(super) const fn watch(_: &mut Ledger<StoreLedger>, _: &Path) {}

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
