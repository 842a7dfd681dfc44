//! Everything that one session teaches.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::lesson::Lesson;
use lore_protocol::steps::Steps;

use crate::answer::remedy;
use crate::call::{Call, Status};
use crate::keys::forms_of;
use crate::line::Command;
use crate::practice::{Practice, practice};
use crate::program::Program;
use crate::remedy::Remedy;
use crate::situation::{Situation, of};
use crate::status::{Reading, read};
use crate::tools::{Kind, kind_of};

/// Calls after a failure among which its answer is looked for.
pub(crate) const MAX_CALLS_ON: usize = 8;

/// A failure with what then worked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pitfall {
    /// Position of the failing call in the session.
    pub at: usize,
    /// Position of the call that answers it.
    pub answered_at: usize,
    /// What failed.
    pub situation: Situation,
    /// What then worked.
    pub remedy: Remedy,
}

/// What one session teaches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// The end of each call, in order.
    pub statuses: Vec<Status>,
    /// Each failing call with its situation, in order.
    pub failures: Vec<(usize, Situation)>,
    /// Failures with the remedy that a later success shows, in order.
    pub pitfalls: Vec<Pitfall>,
    /// Remedies that were tried and after which the same failure came again, in order.
    pub attempts: Vec<Pitfall>,
    /// Commands that did the work beside failures and their answers, each once.
    pub practices: BTreeSet<Practice>,
}

impl Findings {
    /// Remedies that were tried, in both forms of their keys, and whether they worked the last time.
    #[must_use]
    pub fn tried(&self) -> BTreeMap<Lesson, bool> {
        let worked = self.pitfalls.iter().map(|one| (one, true));
        let mut tries: Vec<(&Pitfall, bool)> =
            worked.chain(self.attempts.iter().map(|one| (one, false))).collect();
        tries.sort_by_key(|(one, _)| one.answered_at);
        let keys = |(one, worked)| forms_of(one).into_iter().map(move |lesson| (lesson, worked));
        tries.into_iter().flat_map(keys).collect()
    }
}

/// One call as it was read.
pub(crate) struct Step<'a> {
    pub(crate) call: &'a Call,
    pub(crate) kind: Kind,
    pub(crate) reading: Reading,
    pub(crate) situation: Option<Situation>,
}

impl Step<'_> {
    pub(crate) fn is_done(&self) -> bool {
        self.reading.status.is_done()
    }

    /// The command that the call is about.
    pub(crate) fn command(&self) -> Option<(&Command, &Program)> {
        let at = self.reading.at?;
        Some((&self.reading.commands[at], &self.reading.programs[at]))
    }

    pub(crate) fn tool_name(&self) -> &str {
        match self.kind {
            Kind::Reader(name) | Kind::Editor(name) => name,
            Kind::Shell | Kind::Bookkeeping | Kind::Verdict | Kind::Other => &self.call.tool,
        }
    }

    /// Returns true when it only reads.
    pub(crate) fn looks(&self) -> bool {
        const LOOKS: [&str; 36] = [
            "ls",
            "cat",
            "head",
            "tail",
            "less",
            "find",
            "fd",
            "file",
            "stat",
            "wc",
            "which",
            "type",
            "pwd",
            "env",
            "echo",
            "printf",
            "grep",
            "rg",
            "ps",
            "tree",
            "du",
            "df",
            "date",
            "whoami",
            "uname",
            "jq",
            "sed",
            "awk",
            "git status",
            "git log",
            "git diff",
            "git show",
            "git branch",
            "git remote",
            "cd",
            "true",
        ];
        matches!(self.kind, Kind::Reader(_))
            || (!self.reading.programs.is_empty()
                && self
                    .reading
                    .programs
                    .iter()
                    .all(|program| LOOKS.contains(&program.path.as_str()))
                && !self.sets_upstream())
    }

    /// Returns true for `git branch --set-upstream-to`, which only seems to look.
    fn sets_upstream(&self) -> bool {
        let words = self.reading.commands.iter().flat_map(|command| &command.words);
        words.filter(|word| word.text.starts_with("--set-upstream")).count() > 0
    }
}

/// What a session teaches, within the steps that one session may take: nothing when they are spent.
#[must_use]
pub fn findings(calls: &[Call], task: &str) -> Findings {
    findings_within(calls, task, &Steps::of_a_session())
}

/// As [`findings`], within a budget: nothing when it is spent.
#[must_use]
pub fn findings_within(calls: &[Call], task: &str, budget: &Steps) -> Findings {
    let mut found = Findings::default();
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut places: Vec<usize> = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        if budget.spent() {
            return Findings::default();
        }
        let kind = kind_of(&call.tool);
        let reading = read(call, budget);
        found.statuses.push(reading.status);
        if matches!(kind, Kind::Bookkeeping | Kind::Verdict) {
            continue;
        }
        let failed = reading.status == Status::Failed;
        let situation = failed.then(|| of(call, &reading, task, budget));
        if let Some(situation) = &situation {
            found.failures.push((at, situation.clone()));
        }
        steps.push(Step { call, kind, reading, situation });
        places.push(at);
    }
    // Steps from a failure to its answer: the pitfall tells what they teach.
    let mut told: BTreeSet<usize> = BTreeSet::new();
    for (index, failing) in steps.iter().enumerate() {
        budget.take(1);
        let Some(situation) = &failing.situation else { continue };
        if let Some(Answer { end, remedy, worked }) = answer(&steps, index, situation, budget) {
            told.extend(index..=end);
            let list = if worked { &mut found.pitfalls } else { &mut found.attempts };
            list.push(Pitfall {
                at: places[index],
                answered_at: places[end],
                situation: situation.clone(),
                remedy,
            });
        }
    }
    for (_, step) in steps.iter().enumerate().filter(|(index, _)| !told.contains(index)) {
        if matches!(step.reading.status, Status::Ok | Status::Reported)
            && let Some((command, program)) = step.command()
        {
            found.practices.extend(practice(command, program));
        }
    }
    if budget.spent() { Findings::default() } else { found }
}

/// What followed a failure: the call that ended it, the remedy, and whether it worked.
struct Answer {
    end: usize,
    remedy: Remedy,
    worked: bool,
}

/// The first later success that answers a failure; or what was changed when the same failure came again first.
/// Where the very same call works directly after that success, what came between is the answer.
fn answer(
    steps: &[Step<'_>],
    index: usize,
    situation: &Situation,
    budget: &Steps,
) -> Option<Answer> {
    let failing = &steps[index];
    let last = (index + 1 + MAX_CALLS_ON).min(steps.len());
    let mut first = None;
    for end in index + 1..last {
        let step = &steps[end];
        budget.take(64);
        budget.take(step.call.command.as_ref().map_or(0, String::len));
        let between = &steps[index + 1..end];
        if let Some(again) = &step.situation
            && (&again.program, again.class) == (&situation.program, situation.class)
        {
            if first.is_some() {
                return first;
            }
            // Another message: the remedy may have mended the first.
            if again.point() != situation.point() {
                return None;
            }
            let remedy = remedy(failing, step, between)?;
            return Some(Answer { end, remedy, worked: false });
        }
        if !step.is_done() {
            continue;
        }
        let again = step.call.command.is_some() && step.call.command == failing.call.command;
        if first.is_some() && !again {
            return first;
        }
        if let Some(remedy) = remedy(failing, step, between) {
            let answer = Answer { end, remedy, worked: true };
            if again {
                return Some(answer);
            }
            first = Some(answer);
        }
    }
    first
}
