//! Ways for tests to end or halt the process at a point of a release, in builds with assertions only.

use lore_privacy::Ledger;

use super::ledger::StoreLedger;

/// In a build with assertions, `LORE_FAULT=kill:POINT` aborts the process at the first pass of a point,
/// and `LORE_FAULT=wait:POINT:FILE` makes `FILE.reached` there and goes on when FILE exists.
#[cfg(debug_assertions)]
pub(super) fn watch(ledger: &mut Ledger<StoreLedger>) {
    let Ok(wanted) = std::env::var("LORE_FAULT") else { return };
    let mut parts = wanted.splitn(3, ':').map(str::to_owned);
    let (Some(what), Some(name), file) = (parts.next(), parts.next(), parts.next()) else { return };
    ledger.watch(move |point| {
        if point.name() != name {
            return;
        }
        match (what.as_str(), &file) {
            ("kill", _) => std::process::abort(),
            ("wait", Some(file)) => {
                // A test that cannot make the file waits for it, and fails there.
                let _ = std::fs::write(format!("{file}.reached"), "");
                while !std::path::Path::new(file).exists() {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
            _ => {}
        }
    });
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
