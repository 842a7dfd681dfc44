//! An organisation's work, as a process of its own: its users do tasks, and their sessions are
//! imported into their node, user by user.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use lore_control::{SessionAdd, SessionLine};
use lore_lab::measure::{Plan, Worked, work};
use lore_lab::{Environment, FamilyId};
use lore_session::{Role, Session, ToolCall, Turn};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::control;
use crate::error::CliError;
use crate::home::Home;
use crate::output::{self, Progress};

fn failed(error: &dyn std::fmt::Display) -> CliError {
    CliError::failed("demo", error)
}

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
    let mut outcomes = Outcomes::new();
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
                hint: None,
            }],
            tokens: None,
        };
        turns.push(aside);
        turns.push(look);
    }
}

/// Of the sessions that used a skill, how many succeeded of how many; by skill.
pub(crate) type Outcomes = BTreeMap<String, (u64, u64)>;

/// Runs all organisations' work at once, and gives the number of sessions and their outcomes.
pub(crate) fn all_work(
    program: &Path,
    root: &Path,
    round: &str,
    plans: &[WorkPlan],
    progress: &Progress,
) -> Result<(u64, Outcomes), CliError> {
    let mut running: Vec<Child> = Vec::new();
    let (told, tell) = std::sync::mpsc::channel::<(usize, u64, u64)>();
    for (n, plan) in plans.iter().enumerate() {
        let path = root.join(format!("plan-{round}-{n}.json"));
        let text = serde_json::to_vec(plan).map_err(|error| failed(&error))?;
        std::fs::write(&path, text).map_err(|error| failed(&error))?;
        let mut child = Command::new(program)
            .arg("lab-work")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        if let Some(stderr) = child.stderr.take() {
            let told = told.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let line: Value = serde_json::from_str(&line).unwrap_or_default();
                    let number = |key: &str| line[key].as_u64().unwrap_or(0);
                    // The listener is gone only when the demo has failed already.
                    let _ = told.send((n, number("done"), number("of")));
                }
            });
        }
        running.push(child);
    }
    drop(told);
    let mut state = vec![(0, 0); plans.len()];
    for (n, done, of) in tell {
        state[n] = (done, of);
        let (done, of) = state.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        progress.detail(format!("{done} of {of} tasks are done"));
    }
    let mut sessions = 0;
    let mut outcomes = Outcomes::new();
    for child in running {
        let out = child.wait_with_output().map_err(|error| failed(&error))?;
        let text = String::from_utf8_lossy(&out.stdout);
        let last = text.lines().last().unwrap_or_default();
        if !out.status.success() {
            return Err(failed(&format!("an organisation's work failed: {last}")));
        }
        let done: Value = serde_json::from_str(last).map_err(|error| failed(&error))?;
        sessions += done["sessions"].as_u64().unwrap_or(0);
        let theirs: Outcomes = serde_json::from_value(done["outcomes"].clone()).unwrap_or_default();
        for (skill, (good, of)) in theirs {
            let sum = outcomes.entry(skill).or_default();
            sum.0 += good;
            sum.1 += of;
        }
    }
    Ok((sessions, outcomes))
}
