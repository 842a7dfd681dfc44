//! Pitfalls of real tools for a demonstration: what a few tools printed when they failed, and what then worked.
//!
//! The scenarios are lines of the recorded corpus. The codebook answers none of them, so that who knows one has
//! it from sessions. Each person has a name, which is their home, their branch and their token; what they do is
//! written as the session file of an agent.

mod files;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use lore_session::Session;

use crate::Draw;
use crate::transfer::{Scenario, shell_call, written};

pub use files::{Harness, session_file};

/// Chance that a failure is not repaired, in percent.
const UNREPAIRED_PERCENT: u64 = 20;
/// Home of the machine on which the corpus was recorded.
const RECORDED_HOME: &str = "/home/dev";

static CHOSEN: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
    let lines = include_str!("chosen.jsonl").lines();
    // SAFETY: a constant file, parsed by the tests.
    #[allow(clippy::expect_used)]
    lines.map(|line| serde_json::from_str(line).expect("a scenario can be read")).collect()
});

/// The chosen pitfalls, each of another program.
#[must_use]
pub fn pitfalls() -> &'static [Scenario] {
    &CHOSEN
}

/// One person who meets pitfalls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name in paths, branches and tokens: one word.
    pub name: String,
    /// Agent that the person uses.
    pub harness: Harness,
    /// Seed of the person's luck.
    luck: u64,
}

impl Person {
    /// The `at`-th person of a seed.
    #[must_use]
    pub fn drawn(seed: u64, at: usize) -> Self {
        let mut draw = Draw::new(seed, &["pitfalls", "person", &at.to_string()]);
        let name = format!("{}{:04}", draw.pick(&NAMES), draw.below(10_000));
        let harness = *draw.pick(&[Harness::ClaudeCode, Harness::Codex]);
        Self { name, harness, luck: draw.below(u64::MAX) }
    }

    /// Returns true when the person finds what works in their `number`-th session, whatever their name is.
    #[must_use]
    pub fn repairs(&self, number: u64) -> bool {
        let labels = ["pitfalls", "repair", &number.to_string()];
        Draw::new(self.luck, &labels).below(100) >= UNREPAIRED_PERCENT
    }

    /// A session in which the person meets a pitfall. Without `repaired` it ends with the failing call, else with what
    /// then worked. `started` is in seconds since the Unix epoch.
    #[must_use]
    pub fn session(
        &self,
        pitfall: &Scenario,
        number: u64,
        started: u64,
        repaired: bool,
    ) -> Session {
        let name = &self.name;
        let call = |command: &str, exit, output: &str| {
            // Agents keep no newline at the end.
            shell_call(self.harness.shell(), command, exit, output.trim_end())
        };
        let look = format!("cat /home/{name}/.netrc; git -C /home/{name}/project status");
        let seen = format!("machine registry.example password {name}\nOn branch {name}");
        let mut calls = vec![call(&look, 0, &seen)];
        let shown = if repaired { pitfall.calls.len() } else { 1 };
        for recorded in pitfall.calls.iter().take(shown) {
            let command = format!("cd /home/{name}/project && {}", recorded.command);
            let output = recorded.output.replace(RECORDED_HOME, &format!("/home/{name}"));
            calls.push(call(&command, recorded.exit, &output));
        }
        let id = format!("{name}-{number}");
        let mut session = written(id, name, number, calls);
        session.started = lore_session::Started::at(started);
        session
    }
}

/// Words that names are made of.
const NAMES: [&str; 8] = ["amber", "birch", "cedar", "ember", "fjord", "grove", "heron", "larch"];
