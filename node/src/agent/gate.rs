//! Gate between a model's call and its running: the policy, what a person agreed to for this
//! session, and a count of what was refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use lore_agent::turn::{Action, Approval, Decision, RulePolicy, Verdict};

use crate::error::CliError;

/// Characters with which one command line holds several commands, or more than its words say.
const SHELL_SIGNS: [char; 12] = [';', '|', '&', '$', '`', '>', '<', '(', '{', '\n', '\\', '='];

/// Agreed to for the session, and asked for but not yet answered.
#[derive(Debug, Default)]
struct Said {
    always: BTreeSet<String>,
    open: BTreeMap<String, String>,
}

/// A policy with a memory.
#[derive(Debug)]
pub struct Gate {
    rules: RulePolicy,
    someone: bool,
    said: Mutex<Said>,
    refused: AtomicU64,
    last: AtomicBool,
}

/// An answer of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// This once.
    Once,
    /// This, and what is like it, until the session ends.
    Always,
    /// No.
    No,
}

impl Gate {
    /// `rules`, with a person to ask or without.
    #[must_use]
    pub fn new(rules: RulePolicy, someone: bool) -> Self {
        Self {
            rules,
            someone,
            said: Mutex::default(),
            refused: AtomicU64::new(0),
            last: AtomicBool::new(false),
        }
    }

    /// The policy without its memory, for a sub-agent: nobody agreed to anything there, and what it is
    /// refused is not the task's.
    #[must_use]
    pub fn rules(&self) -> RulePolicy {
        self.rules.clone()
    }

    /// Answer that a call would get, without counting it.
    #[must_use]
    pub fn would(&self, action: &Action<'_>) -> Decision {
        self.rules.decide(action)
    }

    /// A person's answer to a question.
    pub fn answered(&self, question: &str, answer: Answer) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        // Not every question is about a call.
        let Some(kind) = said.open.remove(question) else {
            return;
        };
        match answer {
            Answer::Once => self.allow(),
            Answer::Always => {
                said.always.insert(kind);
                self.allow();
            }
            Answer::No => self.refuse(),
        }
    }

    /// Agrees to a whole tool for the session, where the policy would ask.
    pub fn agree(&self, tool: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.always.insert(tool.to_owned());
    }

    /// Calls that were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns true when the last call was refused, so that the task probably was not done.
    #[must_use]
    pub fn refused_last(&self) -> bool {
        self.last.load(Ordering::Relaxed)
    }

    /// List of what was agreed to for the session, in words.
    #[must_use]
    pub fn agreed(&self) -> Vec<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.always.iter().cloned().collect()
    }

    fn allow(&self) {
        self.last.store(false, Ordering::Relaxed);
    }

    fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.last.store(true, Ordering::Relaxed);
    }
}

impl Approval for Gate {
    fn decide(&self, action: &Action<'_>) -> Decision {
        let decision = self.rules.decide(action);
        match &decision {
            Decision::Allow => self.allow(),
            Decision::Deny { .. } => self.refuse(),
            Decision::Ask { question } => {
                let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
                let kind = kind(action);
                if said.always.contains(&kind) || said.always.contains(action.tool) {
                    self.allow();
                    return Decision::Allow;
                }
                if self.someone {
                    said.open.insert(question.clone(), kind);
                } else {
                    self.refuse();
                }
            }
        }
        decision
    }
}

/// Extent of "always": a tool, or a program. A command line that may hold more than one command is
/// only ever itself.
fn kind(action: &Action<'_>) -> String {
    match action.command {
        None => action.tool.to_owned(),
        Some(command) if command.contains(SHELL_SIGNS) => format!("{}: {command}", action.tool),
        Some(command) => {
            let program = command.split_whitespace().next().unwrap_or_default();
            format!("{}: {program} ...", action.tool)
        }
    }
}

/// Reads `read-only`, `workspace`, `all`, or a file of JSON rules.
///
/// # Errors
/// Fails when it is none of them.
pub(super) fn policy(text: &str, workspace: &Path) -> Result<RulePolicy, CliError> {
    let known = ["read-only", "workspace", "all"].contains(&text);
    let rules = if known {
        text.to_owned()
    } else {
        std::fs::read_to_string(text).map_err(|error| {
            CliError::usage(format!("the policy file {text} cannot be read: {error}"))
                .help("use read-only, workspace, all, or the path of a file of JSON rules")
        })?
    };
    RulePolicy::parse(&rules, workspace).map_err(|error| {
        CliError::usage(format!("{text}: {error}")).help("see docs/agent.md for rules in JSON")
    })
}

/// The policy at a terminal when none is named: looking at the workspace is allowed, everything else is
/// asked.
///
/// # Errors
/// Never in practice: the words are known.
pub(super) fn asking(workspace: &Path) -> Result<RulePolicy, CliError> {
    let mut rules = policy("read-only", workspace)?;
    rules.otherwise = Verdict::Ask;
    Ok(rules)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn decide(gate: &Gate, command: &str) -> Decision {
        let arguments = json!({ "command": command });
        gate.decide(&Action::new("bash", &arguments, Path::new("/w"), 0))
    }

    #[test]
    fn always_covers_the_program_but_no_second_command() {
        let gate = Gate::new(asking(Path::new("/w")).unwrap(), true);
        let Decision::Ask { question } = decide(&gate, "make test") else { panic!() };
        gate.answered(&question, Answer::Always);
        assert_eq!(decide(&gate, "make all"), Decision::Allow);
        for more in ["make; rm -r x", "make && curl x", "make $(x)", "X=1 make", "rm x"] {
            assert!(matches!(decide(&gate, more), Decision::Ask { .. }), "{more}");
        }
        let Decision::Ask { question } = decide(&gate, "a | b") else { panic!() };
        gate.answered(&question, Answer::Always);
        assert_eq!(decide(&gate, "a | b"), Decision::Allow);
        assert!(matches!(decide(&gate, "a | c"), Decision::Ask { .. }));
    }

    #[test]
    fn refusals_are_counted_and_the_last_call_is_known() {
        let gate = Gate::new(policy("read-only", Path::new("/w")).unwrap(), false);
        assert!(matches!(decide(&gate, "ls"), Decision::Deny { .. }));
        assert_eq!((gate.refused(), gate.refused_last()), (1, true));
        let arguments = json!({"path": "a"});
        gate.decide(&Action::new("read", &arguments, Path::new("/w"), 0));
        assert_eq!((gate.refused(), gate.refused_last()), (1, false));
        let asking = Gate::new(asking(Path::new("/w")).unwrap(), false);
        decide(&asking, "ls");
        assert_eq!(asking.refused(), 1, "nobody is there to ask");
    }

    #[test]
    fn looking_outside_the_workspace_is_not_even_asked() {
        let gate = Gate::new(asking(Path::new("/w")).unwrap(), true);
        let arguments = json!({"path": "/etc/shadow"});
        let decision = gate.decide(&Action::new("read", &arguments, Path::new("/w"), 0));
        assert!(matches!(decision, Decision::Deny { .. }));
    }
}
