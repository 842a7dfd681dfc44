//! The course of the demo.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lore_control::{
    FederationCheckpoint, FederationStatus, PayloadKind, Peers, PrivacyExplain, PrivacyStatusOf,
    ReleaseState, SkillExport, SkillList,
};
use lore_lab::measure::{Evaluation, Report, evaluate};
use lore_lab::transfer::Scenario;
use lore_lab::{Families, FamilyId, Lab};

use super::args::{DemoArgs, EACH, TOPIC_WORDS};
use super::nodes::{Node, converge, wait};
use super::pitfalls::{self, Anticipated, Round};
use super::work::{WorkPlan, all_work};
use super::{audit, report, wrong};
use crate::error::CliError;
use crate::host::now_seconds;
use crate::output::{self, Progress, ProgressMode};

/// Epochs of the demo's period. One is opened for joining, one for work, then come the releases.
const PERIOD: &str = "4096";
/// Epoch in which lessons are released.
const LESSONS_AT: &str = "3";
/// Epoch in which outcomes and votes are released.
const OUTCOMES_AT: &str = "5";
/// Users of the first organisation that meet a family which nobody else meets.
const FEW: usize = 3;
/// Secrets planted in each organisation's tasks, and as many in its sessions with real tools.
const CANARIES_EACH: usize = 8;
/// Families of tasks with a quirk that the federation works on, beside the pitfalls of real tools.
pub(super) const QUIRKS: usize = 5;
/// Sessions with a real tool that each user has before anything is shared.
const PITFALL_SESSIONS: u64 = 2;
/// Users of the node that joins late; each meets every pitfall.
const LATE_USERS: usize = 4;
/// Control families among its tasks.
const CONTROLS: usize = 2;

fn failed(error: &dyn std::fmt::Display) -> CliError {
    CliError::failed("demo", error)
}

/// Everything that is known in the end.
pub(super) struct Story {
    pub(super) root: PathBuf,
    pub(super) nodes: usize,
    pub(super) roots: Vec<String>,
    pub(super) refolded: Vec<String>,
    pub(super) elapsed_s: f64,
    pub(super) sessions: u64,
    pub(super) status: FederationStatus,
    pub(super) few_released: bool,
    pub(super) families_released: usize,
    pub(super) pitfalls_released: usize,
    pub(super) late: Anticipated,
    pub(super) epsilon_spent: Vec<f64>,
    pub(super) bytes_on_wire: u64,
    pub(super) canaries: usize,
    pub(super) scan: audit::Scan,
    pub(super) without: Report,
    pub(super) with: Report,
    pub(super) wrong: Report,
    /// Items that the late node's owner had to approve.
    pub(super) approved: usize,
    pub(super) exported: Vec<String>,
    pub(super) evidence: Vec<report::Evidence>,
    pub(super) supporters_needed: u32,
    pub(super) warning: Option<String>,
}

pub(super) fn run(args: &DemoArgs, json: bool) -> Result<(), CliError> {
    let warning = args.warning()?;
    if let Some(warning) = &warning {
        output::note(format!("note: {warning}"));
    }
    let root = args.directory()?;
    output::note(format!("homes and exports: {}", root.display()));
    let mode = if json { ProgressMode::Lines } else { ProgressMode::Auto };
    let progress = Progress::start(mode, 13, "starting the lab");
    let story = play(args, root, warning, &progress)?;
    progress.finish();
    let value = report::json(&story);
    let sound = story.scan.leaks.is_empty() && report::converged(&story);
    let fault = (!sound).then(|| failed(&"the demo found a fault: see the result above"));
    output::result_with(&value, json, |_| report::text(&story), fault)
}

#[allow(clippy::too_many_lines)] // One course of events, told once.
fn play(
    args: &DemoArgs,
    root: PathBuf,
    warning: Option<String>,
    progress: &Progress,
) -> Result<Story, CliError> {
    let begun = Instant::now();
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let lab_dir = root.join("lab");
    let (families, rare) = families();
    let lab = Lab::start_with(args.seed, &lab_dir, &program, world());
    let lab = lab.map_err(|error| failed(&error))?;
    let (families, rare) = (families.as_slice(), rare.as_slice());
    let working = usize::from(args.nodes) - 1;
    let step = |what: &str| {
        progress.advance(1);
        progress.say(format!("{what} [{:.0} s]", begun.elapsed().as_secs_f64()));
    };

    step("starting nodes and founding the federation");
    let mut nodes = Vec::new();
    for n in 0..working {
        nodes.push(Node::start(&program, &format!("org-{}", n + 1), &root)?);
    }
    nodes[0].found(&[
        "demo",
        "--epsilon",
        &args.epsilon,
        "--epochs-per-period",
        PERIOD,
        "--lessons-at",
        LESSONS_AT,
        "--outcomes-at",
        OUTCOMES_AT,
        "--votes-at",
        OUTCOMES_AT,
        "--topic-words",
        &TOPIC_WORDS.to_string(),
    ])?;
    let uses = args.nodes.to_string();
    let invitation = nodes[0].command(&["federation", "invite", "--uses", &uses])?;
    let invitation = invitation["invitation"].as_str().unwrap_or_default().to_owned();
    for node in &nodes[1..] {
        node.command(&["federation", "join", &invitation, "--yes"])?;
    }
    for node in &nodes {
        node.command(&["privacy", "set", "--epsilon", &args.epsilon, "--period", "90d", "--yes"])?;
    }
    checkpoint(&nodes)?;
    converge(&nodes, 2 * working as u64)?;

    step("users meet pitfalls of real tools");
    let mut canaries = Vec::new();
    let mut jobs = Vec::new();
    let mut people = Vec::new();
    let mut sessions = 0;
    let started = now_seconds().saturating_sub(900);
    let files = root.join("sessions");
    let scenarios: Vec<&Scenario> = lore_lab::recorded::pitfalls().iter().collect();
    let round = Round { files: &files, pitfalls: &scenarios };
    for (n, node) in nodes.iter().enumerate() {
        let mut theirs = audit::canaries(n, 2 * CANARIES_EACH)?;
        canaries.extend(theirs.iter().cloned());
        let names = theirs.split_off(CANARIES_EACH);
        let seed = args.seed.wrapping_mul(1000) + n as u64;
        people.push(pitfalls::people(seed, args.users as usize, &names));
        let dealt_to = Round { pitfalls: &dealt(&scenarios, n, working), ..round };
        sessions += dealt_to.import(node, &people[n], 0..PITFALL_SESSIONS, started)?;
        let plan = WorkPlan {
            home: node.home.root().to_owned(),
            lab: lab_dir.clone(),
            scratch: root.join("scratch").join(&node.name),
            seed,
            users: args.users as usize,
            families: dealt(families, n, working),
            tasks: 2,
            controls: 1,
            skills: None,
            started,
            canaries: theirs,
        };
        jobs.push(plan);
    }
    step("users work, with nothing shared yet");
    sessions += all_work(&program, &root, "first", &jobs, progress)?.0;
    if let Some(rare) = rare.first() {
        let plan = WorkPlan {
            users: FEW,
            families: vec![*rare],
            seed: args.seed.wrapping_mul(1000) + 500,
            controls: 0,
            canaries: Vec::new(),
            scratch: root.join("scratch").join("few"),
            home: nodes[0].home.root().to_owned(),
            lab: lab_dir.clone(),
            tasks: 1,
            skills: None,
            started,
        };
        sessions += all_work(&program, &root, "few", &[plan], progress)?.0;
    }

    step("lessons are released; one node is killed and comes back");
    // Before the epoch opens: a node that dies amid its release rightly publishes a void, and its lessons
    // would be missing. It comes back to an epoch that it has not heard of.
    nodes[1].kill()?;
    checkpoint(&nodes)?;
    released(&nodes[..1], PayloadKind::Lessons)?;
    nodes[1].run()?;
    released(&nodes, PayloadKind::Lessons)?;
    converge(&nodes, 3 * working as u64 + 1)?;
    checkpoint(&nodes)?;
    let count = nodes[0].federation()?.deltas;
    converge(&nodes, count)?;

    step("each node approves what waits for review, and users work again with the shared library");
    let mut again = Vec::new();
    for (n, node) in nodes.iter().enumerate() {
        let started = now_seconds().saturating_sub(120);
        let again_now = PITFALL_SESSIONS..PITFALL_SESSIONS + 1;
        sessions += round.import(node, &people[n], again_now, started)?;
        node.approve_waiting()?;
        let skills = root.join("exports").join(&node.name);
        node.ask(SkillExport { directory: skills.clone(), ..SkillExport::default() })?;
        again.push(WorkPlan {
            home: node.home.root().to_owned(),
            lab: lab_dir.clone(),
            scratch: root.join("scratch").join(&node.name),
            seed: args.seed.wrapping_mul(1000) + 600 + n as u64,
            users: args.users as usize,
            families: families.to_vec(),
            tasks: 1,
            controls: 0,
            skills: Some(skills),
            started,
            canaries: Vec::new(),
        });
    }
    let (more, outcomes) = all_work(&program, &root, "second", &again, progress)?;
    sessions += more;

    step("outcomes and votes are released");
    checkpoint(&nodes)?;
    released(&nodes, PayloadKind::Outcomes)?;
    released(&nodes, PayloadKind::Votes)?;

    step("a last node joins late");
    let late = Node::start(&program, "late", &root)?;
    let theirs = audit::canaries(working, LATE_USERS)?;
    canaries.extend(theirs.iter().cloned());
    let seed = args.seed.wrapping_mul(1000) + 700;
    let theirs = pitfalls::people(seed, LATE_USERS, &theirs);
    let failing = round.fail(&late, &theirs, now_seconds().saturating_sub(600))?;
    let hints_before = pitfalls::hints(&late, &failing)?;
    late.command(&["federation", "join", &invitation, "--yes"])?;
    nodes.push(late);
    checkpoint(&nodes)?;
    let count = nodes[0].federation()?.deltas;
    let roots = converge(&nodes, count)?;

    step("the late node asks about its failing calls, approves what waits, and its agent works");
    let late = &nodes[working];
    let known = pitfalls::released(late)?;
    let hints_after = pitfalls::hints(late, &failing)?;
    let approved = late.approve_waiting()?;
    let exports = root.join("exports").join("late");
    let exported =
        late.ask(SkillExport { directory: exports.clone(), ..SkillExport::default() })?.exported;
    let scratch = root.join("scratch").join("late");
    let measure = |skills: Option<&Path>, give_time: bool| {
        let asked = Evaluation {
            seed: args.seed.wrapping_mul(1000) + 900,
            families,
            per_family: args.tasks,
            skills,
            give_time,
            threads: NonZeroUsize::MIN.saturating_add(1),
        };
        evaluate(lab.environment(), &scratch, &asked, &|_, _| {}).map_err(|error| failed(&error))
    };
    let without = measure(None, true)?;
    step("measuring with the library");
    let with = measure(Some(&exports), false)?;
    step("measuring with another federation's library");
    let elsewhere = root.join("exports").join("elsewhere");
    let other = args.seed.wrapping_add(1_000_003);
    wrong::library(other, families, &program, &root.join("elsewhere"), &elsewhere, started)?;
    let wrong = measure(Some(&elsewhere), false)?;

    step("scanning everything that left, folding the logs anew");
    let mut epsilon_spent = Vec::new();
    let mut bytes_on_wire = 0;
    for node in &nodes {
        let spent = node.ask(PrivacyStatusOf {})?.spending.spent;
        epsilon_spent.push(spent.map_or(0.0, |spent| spent.epsilon));
        bytes_on_wire += node.ask(Peers {})?.counters.stream_out_bytes;
    }
    let refolded = audit::refold(&nodes, &root.join("logs"))?;
    let public = [root.join("exports"), root.join("logs")];
    let scan = audit::scan(&canaries, &nodes, &public)?;
    let library = nodes[0].ask(SkillList { federation: None })?;
    let status = nodes[0].federation()?;
    let texts = report::texts(&exports, &exported);
    let families_released =
        families.iter().filter(|family| report::holds(&texts, &lab, **family)).count();
    let few_released = rare.first().is_some_and(|rare| report::holds(&texts, &lab, *rare));
    Ok(Story {
        nodes: nodes.len(),
        roots,
        refolded,
        elapsed_s: begun.elapsed().as_secs_f64(),
        sessions,
        status,
        few_released,
        families_released,
        pitfalls_released: pitfalls::pitfalls_released(&failing, &known),
        late: Anticipated::of(&failing, &hints_before, &hints_after, &known),
        epsilon_spent,
        bytes_on_wire,
        canaries: canaries.len(),
        scan,
        without,
        with,
        wrong,
        approved,
        exported,
        evidence: report::evidence(&library, &outcomes),
        supporters_needed: args.supporters_needed()?,
        warning,
        root,
    })
}

/// Ends the epoch, as the founder.
pub(crate) fn checkpoint(nodes: &[Node]) -> Result<(), CliError> {
    nodes[0].ask(FederationCheckpoint { federation: None }).map(drop)
}

/// The families that the federation works on, and one that few users meet.
fn families() -> (Vec<FamilyId>, Vec<FamilyId>) {
    let mut all = FamilyId::quirks();
    all.truncate(QUIRKS + 1);
    let rare = all.split_off(QUIRKS.min(all.len()));
    (all, rare)
}

/// All that a lab of the demo has: these, and two controls.
pub(super) fn world() -> Families {
    let (mut all, rare) = families();
    all.extend(rare);
    all.extend(FamilyId::controls().into_iter().take(CONTROLS));
    Families::built_in().only(&all)
}

/// Waits until every node's ledger shows its release of a kind as committed.
pub(crate) fn released(nodes: &[Node], kind: PayloadKind) -> Result<(), CliError> {
    for node in nodes {
        wait(&format!("{} to release {}", node.name, kind.name()), || {
            let releases = node.ask(PrivacyExplain {})?.releases;
            Ok(releases.iter().any(|r| r.kind == kind && r.state == ReleaseState::Committed))
        })?;
    }
    Ok(())
}

/// Two of all for an organisation, spread so that neighbours overlap and three organisations cover all.
fn dealt<T: Copy>(all: &[T], n: usize, organisations: usize) -> Vec<T> {
    let spread = all.len().saturating_sub(EACH);
    let first = spread * n / (organisations - 1).max(1);
    all.iter().copied().skip(first).take(EACH).collect()
}
