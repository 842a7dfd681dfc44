//! An organisation's work, as a process of its own: its users do tasks, and their sessions are
//! imported into their node, user by user.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use lore_control::{SessionAdd, SessionLine};
use lore_lab::measure::{Plan, Worked, work};
use lore_lab::{Environment, FamilyId};
use lore_session::{Role, Session, ToolCall, Turn};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::control;
use crate::error::CliError;
use crate::home::Home;
use crate::output;

/// Work of an organisation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkPlan {
    pub(crate) home: PathBuf,
    pub(crate) lab: PathBuf,
    pub(crate) scratch: PathBuf,
    pub(crate) seed: u64,
    pub(crate) users: usize,
    pub(crate) families: Vec<FamilyId>,
    pub(crate) tasks: u64,
    pub(crate) controls: u64,
    pub(crate) skills: Option<PathBuf>,
    pub(crate) started: u64,
    /// Secrets that some users have in their sessions; dealt one to a user.
    pub(crate) canaries: Vec<String>,
}

/// Does the work of a plan and prints, as JSON lines, what was done by family.
pub(crate) fn lab_work(plan: &Path) -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed("lab", error);
    let text = std::fs::read(plan).map_err(|error| failed(&error))?;
    let plan: WorkPlan = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
    let environment = Environment::load(&plan.lab).map_err(|error| failed(&error))?;
    let asked = Plan {
        seed: plan.seed,
        users: plan.users,
        families: &plan.families,
        tasks: plan.tasks,
        controls: plan.controls,
        skills: plan.skills.as_deref(),
        started: plan.started,
        threads: NonZeroUsize::MIN,
    };
    let told = |done: usize, of: usize| {
        if done.is_multiple_of(20) || done == of {
            output::note(json!({ "done": done, "of": of }));
        }
    };
    let mut worked =
        work(&environment, &plan.scratch, &asked, &told).map_err(|error| failed(&error))?;
    plant(&mut worked, &plan.canaries);
    let mut by_user: BTreeMap<usize, Vec<Session>> = BTreeMap::new();
    let mut outcomes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in worked {
        let solved = one.attempt.solved;
        for used in &one.attempt.session.skills_read {
            let count = outcomes.entry(used.name.clone()).or_default();
            count.0 += u64::from(solved);
            count.1 += 1;
        }
        by_user.entry(one.user).or_default().push(one.attempt.session);
    }
    let home = Home::at(&plan.home)?;
    let mut sessions = 0;
    for (user, theirs) in by_user {
        sessions += theirs.len();
        let lines = theirs.iter().map(|session| SessionLine::new(session.to_line())).collect();
        let wanted = SessionAdd { user: format!("user-{user}"), sessions: lines };
        control::ask_daemon(&home, wanted)?.ok_or_else(|| failed(&"the node does not run"))?;
    }
    let done: Value = json!({ "sessions": sessions, "outcomes": outcomes });
    output::result(&done, true, ToString::to_string)
}

/// Puts a secret into the first session of some users: in what the user says, in a command and in its
/// output.
fn plant(worked: &mut [Worked], canaries: &[String]) {
    let mut next = canaries.iter();
    let mut user = None;
    for one in worked {
        if user == Some(one.user) {
            continue;
        }
        user = Some(one.user);
        let Some(canary) = next.next() else { return };
        let turns = &mut one.attempt.session.turns;
        let aside = Turn {
            role: Role::User,
            text: format!("For the record, the customer's code is {canary}."),
            calls: Vec::new(),
            tokens: None,
        };
        let look = Turn {
            role: Role::Assistant,
            text: String::new(),
            calls: vec![ToolCall {
                id: None,
                tool: "bash".into(),
                arguments: json!({ "command": format!("cat notes/{canary}.txt") }),
                result: Some(format!("token={canary}\n")),
                exit: Some(0),
                failed: false,
                refusal: None,
                duration_ms: None,
            }],
            tokens: None,
        };
        turns.push(aside);
        turns.push(look);
    }
}
