//! Fuzz targets: functions that take any bytes and panic where a law of a room is broken.
//!
//! Two programs run them. `tests/fuzz` gives them to libFuzzer (`./x fuzz`), and `tests/smoke.rs` here runs each one
//! over the committed corpus and over seeded mutations of it, on the stable toolchain with all other tests.
//!
//! A target is deterministic in its bytes. It must not know a socket, a file or a process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a target fails by panicking")]

mod charter;
mod codec;
mod delta;
mod engine;
mod guild;
mod history;
mod lesson;
mod mutate;
mod script;
mod seeds;
mod sessions;
mod skill;
mod sync;

pub use mutate::Mutations;

/// One target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name of the target, of its program in `tests/fuzz`, and of its directory in the corpus.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// The corpus that real encodings give: names and bytes, always the same.
    pub seeds: fn() -> Vec<(String, Vec<u8>)>,
    /// Mutations of the whole corpus that the smoke test runs, so that it takes about a second.
    pub smoke_mutations: usize,
}

/// All targets.
pub const TARGETS: [Target; 9] = [
    Target { name: "codec", run: codec::run, seeds: codec::seeds, smoke_mutations: 20_000 },
    Target { name: "delta", run: delta::run, seeds: delta::seeds, smoke_mutations: 4_000 },
    Target { name: "charter", run: charter::run, seeds: charter::seeds, smoke_mutations: 2_000 },
    Target { name: "skill", run: skill::run, seeds: skill::seeds, smoke_mutations: 4_000 },
    Target { name: "sync", run: sync::run, seeds: sync::seeds, smoke_mutations: 4_000 },
    Target { name: "lesson", run: lesson::run, seeds: lesson::seeds, smoke_mutations: 4_000 },
    Target { name: "history", run: history::run, seeds: history::seeds, smoke_mutations: 800 },
    Target { name: "sessions", run: sessions::run, seeds: sessions::seeds, smoke_mutations: 1_000 },
    Target { name: "engine", run: engine::run, seeds: engine::seeds, smoke_mutations: 1_500 },
];

/// Runs the target of this name.
///
/// # Panics
/// Panics when there is none, and where the bytes break a law.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("there is no fuzz target `{name}`"));
    (target.run)(bytes);
}
