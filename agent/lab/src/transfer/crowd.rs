//! A crowd: people whose sessions are dealt from recorded outputs of real tools.
//!
//! What tools print is real; who meets what is dealt. A person has a few pitfalls that come again and again
//! and meets others by Zipf's law over one order that all share, so that the crowd is a community that
//! shares tools. Homes, projects, branches and tasks are each person's own, some failures are never repaired, and
//! every harness names its shell in its own way.

use std::path::Path;

use lore_session::{Role, Session, SessionOutcome, Started, ToolCall, Turn, VERSION};
use serde::Deserialize;
use serde_json::json;

use crate::draw::Draw;
use crate::error::LabError;

/// Start of the first session, in seconds since the Unix epoch.
const BEGINNING: u64 = 1_767_225_600;
/// Seconds between two sessions of one person.
const STEP: u64 = 86_400;
/// Chance that a session meets a pitfall that its person has met before, in percent.
const AGAIN_PERCENT: u64 = 40;
/// Chance that a failure is not repaired, in percent.
const UNREPAIRED_PERCENT: u64 = 20;

/// Names under which harnesses offer their shell.
const SHELLS: [&str; 4] = ["Bash", "shell", "exec_command", "run_shell_command"];
/// Words that a person's own names are made of.
const WORDS: [&str; 16] = [
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "jade",
    "kelp", "larch", "maple", "nettle", "otter", "pearl",
];

/// What a tool printed when it failed, and what then worked.
#[derive(Debug, Clone, Deserialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The calls, in order: the failing one first, the working one last.
    pub calls: Vec<Recorded>,
}

/// One recorded call.
#[derive(Debug, Clone, Deserialize)]
pub struct Recorded {
    /// The command line.
    pub command: String,
    /// Its exit status.
    pub exit: i32,
    /// Its output.
    pub output: String,
}

/// Reads the scenarios of a directory of `.jsonl` files, by file and line.
///
/// # Errors
/// Fails when a file cannot be read, or a line is no scenario.
pub fn scenarios(directory: &Path) -> Result<Vec<Scenario>, LabError> {
    let unreadable = |error: std::io::Error| LabError::Corpus {
        place: directory.display().to_string(),
        why: error.to_string(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(unreadable)?;
        for (at, line) in text.lines().enumerate() {
            let scenario = serde_json::from_str(line).map_err(|error| LabError::Corpus {
                place: format!("{}:{}", file.display(), at + 1),
                why: error.to_string(),
            })?;
            found.push(scenario);
        }
    }
    Ok(found)
}

/// Sessions of so many people, each with so many.
#[must_use]
pub fn crowd(
    scenarios: &[Scenario],
    people: usize,
    sessions: usize,
    seed: u64,
) -> Vec<Vec<Session>> {
    let mut order: Vec<&Scenario> = scenarios.iter().filter(|one| one.calls.len() > 1).collect();
    Draw::new(seed, &["crowd", "order"]).shuffle(&mut order);
    (0..people).map(|at| person(&order, at, sessions, seed)).collect()
}

fn person(order: &[&Scenario], at: usize, sessions: usize, seed: u64) -> Vec<Session> {
    let mut draw = Draw::new(seed, &["crowd", "person", &at.to_string()]);
    let own = format!("{}-{}", draw.pick(&WORDS), draw.below(10_000));
    let shell = *draw.pick(&SHELLS);
    let mut met: Vec<&Scenario> = Vec::new();
    let mut work = Vec::new();
    for session in 0..sessions {
        let again = !met.is_empty() && draw.below(100) < AGAIN_PERCENT;
        let scenario = if again { Some(*draw.pick(&met)) } else { zipf(order, &mut draw) };
        let Some(scenario) = scenario else { continue };
        met.push(scenario);
        let unrepaired = draw.below(100) < UNREPAIRED_PERCENT;
        let calls = calls(scenario, shell, &own, unrepaired, &mut draw);
        work.push(written(format!("{own}-{session}"), &own, session as u64, calls));
    }
    work
}

/// The i-th of a list with a chance in proportion to 1 / i; none of an empty one.
fn zipf<'a>(order: &[&'a Scenario], draw: &mut Draw) -> Option<&'a Scenario> {
    const SCALE: f64 = 1e9;
    let total: f64 = (1..=order.len()).map(|rank| 1.0 / rank as f64).sum();
    let mut left = draw.below(SCALE as u64) as f64 / SCALE * total;
    for (index, scenario) in order.iter().enumerate() {
        left -= 1.0 / (index + 1) as f64;
        if left <= 0.0 {
            return Some(scenario);
        }
    }
    order.last().copied()
}

fn calls(
    scenario: &Scenario,
    shell: &str,
    own: &str,
    unrepaired: bool,
    draw: &mut Draw,
) -> Vec<ToolCall> {
    let call = |command: &str, exit, output: &str| shell_call(shell, command, exit, output);
    let look = || call("ls", 0, "README.md\nsrc");
    let mut calls = vec![look()];
    let last = scenario.calls.len() - 1;
    for (index, recorded) in scenario.calls.iter().enumerate() {
        if unrepaired && index == last {
            break;
        }
        if index > 0 && draw.below(3) == 0 {
            calls.push(look());
        }
        let of_their_own =
            |text: &str| text.replace("/home/dev/project", &format!("/home/{own}/work"));
        calls.push(call(
            &of_their_own(&recorded.command),
            recorded.exit,
            &of_their_own(&recorded.output),
        ));
    }
    calls
}

/// One call of a harness's shell.
pub(crate) fn shell_call(shell: &str, command: &str, exit: i32, output: &str) -> ToolCall {
    ToolCall {
        id: None,
        tool: shell.to_owned(),
        arguments: json!({ "command": command }),
        result: Some(output.to_owned()),
        exit: Some(exit),
        failed: exit != 0,
        refusal: None,
        duration_ms: None,
        hint: None,
    }
}

/// The `number`-th session of a person, a day after the one before it.
pub(crate) fn written(id: String, own: &str, number: u64, calls: Vec<ToolCall>) -> Session {
    let task = format!("Continue with the {own} page, part {number}.");
    let turn = |role, text: &str, calls| Turn { role, text: text.to_owned(), calls, tokens: None };
    let started = BEGINNING + number * STEP;
    Session {
        version: VERSION,
        id,
        root: None,
        links: Vec::new(),
        unit: None,
        harness: "crowd".into(),
        model: None,
        started: Started::at(started),
        turns: vec![turn(Role::User, &task, Vec::new()), turn(Role::Assistant, "", calls)],
        task,
        outcome: SessionOutcome::unknown(),
        skills_read: Vec::new(),
        skills_injected: Vec::new(),
        proposals: None,
    }
}
