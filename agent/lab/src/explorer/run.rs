//! One task, from the prompt to the check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lore_protocol::trace::Outcome;
use serde_json::json;

use super::candidate::{Candidate, quoted_commands};
use super::rules::{Situation, repairs};
use super::skills::{Skill, Skills};
use crate::Draw;
use crate::shell::{Ran, Shell, ShellError, TIMEOUT};
use lore_session::{
    Role, Session, SessionOutcome, SkillUse, Source, Started, ToolCall, Turn, VERSION,
};

/// Name of the explorer in its sessions.
const HARNESS: &str = "lore-explorer";
/// Commands after which an explorer gives up.
pub const PATIENCE_COMMANDS: usize = 40;

/// Why a task could not be worked on at all.
#[derive(Debug, thiserror::Error)]
pub enum ExplorerError {
    /// There is no shell.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// A command did not run.
    #[error("`{command}` did not run: {source}")]
    Command {
        /// The command line.
        command: String,
        /// Why.
        source: ShellError,
    },
}

/// An explorer at work in one environment.
#[derive(Debug, Clone, Copy)]
pub struct Explorer<'a> {
    /// Directory with the tools, first on PATH.
    pub bin: &'a Path,
    /// Skills at hand.
    pub skills: Option<&'a Skills>,
    /// Alternative that comes first among equal ones; differs by user.
    pub habit: u64,
    /// True when it goes on after the first failure, up to [`PATIENCE_COMMANDS`].
    pub patient: bool,
}

/// Result of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Everything that was said and done.
    pub session: Session,
    /// The check passed before any failing exit, HTTP status or check.
    pub first_attempt: bool,
    /// The check passed.
    pub solved: bool,
    /// Command lines run.
    pub commands: usize,
}

impl Explorer<'_> {
    /// Works on one task in `scratch`; `check` is the task's validator and `started` the time in
    /// seconds since the Unix epoch, for the record.
    ///
    /// # Errors
    /// Fails when no command can be run.
    pub fn work(
        &self,
        id: &str,
        prompt: &str,
        scratch: &Path,
        started: u64,
        check: &dyn Fn() -> Result<(), String>,
    ) -> Result<Attempt, ExplorerError> {
        let mut work = Work {
            explorer: self,
            shell: Shell::open(self.bin)?,
            prompt,
            scratch,
            calls: Vec::new(),
            looked: BTreeMap::new(),
            tried: BTreeSet::new(),
            failures: 0,
            draw: Draw::new(self.habit, &["habit", id]),
        };
        let chosen = self.skills.and_then(|skills| skills.best(prompt));
        let mut stack = work.first_tries(chosen);
        let mut solved = false;
        while let Some((candidate, seen)) = stack.pop() {
            if work.is_out_of_patience() {
                break;
            }
            let Some(answer) = work.attempt(&candidate, check)? else {
                continue;
            };
            let Err(output) = answer else {
                solved = true;
                break;
            };
            // The same answer as before the change: this way leads nowhere.
            if work.is_out_of_patience() || seen.as_ref() == Some(&output) {
                continue;
            }
            let next = work.repair(&candidate.command, &output)?;
            stack.extend(next.into_iter().rev().map(|next| (next, Some(output.clone()))));
        }
        Ok(work.finish(id, started, chosen, solved))
    }
}

/// A candidate, and what was answered before the change that led to it.
type Try = (Candidate, Option<String>);

struct Work<'a> {
    explorer: &'a Explorer<'a>,
    shell: Shell,
    prompt: &'a str,
    scratch: &'a Path,
    calls: Vec<ToolCall>,
    looked: BTreeMap<String, String>,
    tried: BTreeSet<Candidate>,
    failures: usize,
    draw: Draw,
}

impl Work<'_> {
    /// The skill's examples in their order, then what the prompt cites; the first is on top.
    fn first_tries(&self, skill: Option<&Skill>) -> Vec<Try> {
        let examples = skill.map_or_else(Vec::new, |skill| skill.instances(self.prompt));
        let commands = examples.into_iter().chain(quoted_commands(self.prompt));
        let mut tries: Vec<Try> = commands.map(|c| (Candidate::new(c), None)).collect();
        tries.reverse();
        tries
    }

    fn is_out_of_patience(&self) -> bool {
        let failed_once = self.failures > 0 && !self.explorer.patient;
        failed_once || self.calls.len() >= PATIENCE_COMMANDS
    }

    /// Runs a candidate and checks: None when it was tried already or could not be prepared.
    #[allow(clippy::type_complexity)]
    fn attempt(
        &mut self,
        candidate: &Candidate,
        check: &dyn Fn() -> Result<(), String>,
    ) -> Result<Option<Result<(), String>>, ExplorerError> {
        if !self.tried.insert(candidate.clone()) {
            return Ok(None);
        }
        if let Some(before) = &candidate.before
            && self.run(before)?.exit != 0
        {
            return Ok(None);
        }
        let ran = self.run(&candidate.command)?;
        if ran.exit != 0 {
            return Ok(Some(Err(ran.output)));
        }
        let verdict = check();
        Ok(Some(verdict.map_err(|reason| {
            self.failures += 1;
            self.calls.push(call("check", json!({}), &reason, 1, None));
            // What the command said may tell why.
            if ran.output.is_empty() { reason } else { format!("{}\n{reason}", ran.output) }
        })))
    }

    fn run(&mut self, line: &str) -> Result<Ran, ExplorerError> {
        let ran = self
            .shell
            .run(line, self.scratch, TIMEOUT)
            .map_err(|source| ExplorerError::Command { command: line.to_owned(), source })?;
        self.failures += usize::from(ran.exit != 0);
        let arguments = json!({ "command": line });
        self.calls.push(call("bash", arguments, &ran.output, ran.exit, Some(ran.millis)));
        Ok(ran)
    }

    /// Repairs that rules offer for a failure; alternatives of one rule in the order of this user's habit.
    fn repair(&mut self, command: &str, output: &str) -> Result<Vec<Candidate>, ExplorerError> {
        let mut failed = None;
        let prompt = self.prompt;
        let situation = Situation { prompt, command, output };
        let offers = repairs(&situation, &mut |line: &str| {
            if let Some(known) = self.looked.get(line) {
                return known.clone();
            }
            match self.run(line) {
                Ok(ran) => {
                    self.looked.insert(line.to_owned(), ran.output.clone());
                    ran.output
                }
                Err(error) => {
                    failed = Some(error);
                    String::new()
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let mut ordered = Vec::new();
        for mut offer in offers {
            self.draw.shuffle(&mut offer);
            ordered.append(&mut offer);
        }
        Ok(ordered)
    }

    fn finish(self, id: &str, started: u64, skill: Option<&Skill>, solved: bool) -> Attempt {
        let said =
            |role, text: &str, calls| Turn { role, text: text.to_owned(), calls, tokens: None };
        let commands = self.calls.len();
        let closing = if solved { "Done." } else { "I give up." };
        let mut turns = vec![said(Role::User, self.prompt, Vec::new())];
        let calls = self.calls.into_iter();
        turns.extend(calls.map(|call| said(Role::Assistant, "", vec![call])));
        turns.push(said(Role::Assistant, closing, Vec::new()));
        let verdict = if solved { Outcome::Success } else { Outcome::Failure };
        let used: Vec<SkillUse> = skill.map(|skill| skill.used.clone()).into_iter().collect();
        Attempt {
            first_attempt: solved && self.failures == 0,
            solved,
            commands,
            session: Session {
                version: VERSION,
                id: id.to_owned(),
                root: None,
                links: Vec::new(),
                unit: None,
                harness: HARNESS.to_owned(),
                model: None,
                started: Started::at(started),
                task: self.prompt.to_owned(),
                turns,
                outcome: SessionOutcome::certain(verdict, Source::Validator),
                skills_read: used,
                skills_injected: Vec::new(),
                proposals: None,
            },
        }
    }
}

fn call(
    tool: &str,
    arguments: serde_json::Value,
    result: &str,
    exit: i32,
    duration_ms: Option<u64>,
) -> ToolCall {
    ToolCall {
        id: None,
        tool: tool.to_owned(),
        arguments,
        result: Some(result.to_owned()),
        exit: Some(exit),
        failed: exit != 0,
        refusal: None,
        duration_ms,
        hint: None,
    }
}
