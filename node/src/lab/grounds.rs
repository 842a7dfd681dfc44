//! Grounds of a measurement: a lab, a federation that worked in it, and the libraries of each arm.

use std::path::{Path, PathBuf};

use lore_control::{
    PayloadKind, PrivacyStatusOf, SessionList, SessionShow, SessionSummary, SkillExport,
};
use lore_lab::brief::Shelf;
use lore_lab::fresh::fresh;
use lore_lab::library::without_privacy;
use lore_lab::study::Arm;
use lore_lab::{Environment, Families, FamilyId, Instance, Lab};
use lore_session::Session;
use serde_json::{Value, json};

use super::federation::FederationArgs;
use super::run::{ELSEWHERE, failed, learn, shelf, start};
use crate::demo::{Node, WorkPlan, all_work, checkpoint, converge, released};
use crate::error::CliError;
use crate::host::now_seconds;
use crate::output::{Progress, ProgressMode};

/// Families that each working node meets.
pub(super) const FAMILIES_EACH: usize = 4;
/// Users of each family at the measured node: too few for anything to be released.
const OWN_USERS_EACH: usize = 3;
/// Users of each family in the other environment.
const WRONG_USERS_EACH: u64 = 6;
/// Fewest families that are made for a run.
const FRESH_LEAST: usize = 4;
/// The group of the families that this program brings.
pub(super) const BUILT_IN: &str = "built in";
/// The group of the families that were generated for the run.
pub(super) const FRESH: &str = "fresh";
/// Epochs of the federation's period; lessons are released in the third, outcomes in the fifth.
const PERIOD: &str = "4096";
const LESSONS_AT: &str = "3";
const OUTCOMES_AT: &str = "5";
/// Says that a federation is finished, and what came of it.
const FACTS: &str = "federation.json";

/// One seed's lab and libraries.
pub(super) struct Grounds {
    pub(super) seed: u64,
    /// Families with their groups.
    pub(super) families: Vec<(FamilyId, &'static str)>,
    /// Facts about the federation.
    pub(super) facts: Value,
    dir: PathBuf,
    lab: Lab,
}

impl Grounds {
    /// Those in `dir`, where an earlier run left them, else new ones.
    pub(super) fn of(args: &FederationArgs, seed: u64, dir: &Path) -> Result<Self, CliError> {
        let kept = std::fs::read(dir.join(FACTS)).ok();
        let kept: Option<Value> = kept.and_then(|text| serde_json::from_slice(&text).ok());
        if kept.is_none() && dir.exists() {
            // A federation that was interrupted is begun again: its noise was drawn, and is not reused.
            std::fs::remove_dir_all(dir).map_err(|error| failed(&error))?;
        }
        std::fs::create_dir_all(dir).map_err(|error| failed(&error))?;
        let lab_dir = dir.join("lab");
        let before = kept.is_some().then(|| Environment::load(&lab_dir));
        let count = usize::from(args.families);
        let (all, families) = families_of(drawn(count, seed), afresh(count), seed, dir)?;
        let lab = start(seed, &lab_dir, &all)?;
        if let Some(before) = before {
            let before = before.map_err(|error| failed(&error))?;
            if before != *lab.environment() {
                return Err(failed(
                    &"a port of the lab is taken, so that its tasks are others now",
                )
                .help("stop what listens on 127.0.0.1, or begin again with another --dir"));
            }
        }
        let mut grounds = Self { seed, families, facts: Value::Null, dir: dir.to_owned(), lab };
        let asked =
            json!({ "users": args.users, "epsilon": args.epsilon, "families": args.families });
        match kept {
            Some(facts) if facts["asked"] == asked => grounds.facts = facts,
            Some(facts) => {
                return Err(CliError::usage(format!(
                    "{} holds a run with other settings: {}",
                    dir.display(),
                    facts["asked"]
                ))
                .help("choose another directory with --dir"));
            }
            None => {
                grounds.facts = grounds.federate(args, &asked)?;
                let text = grounds.facts.to_string();
                std::fs::write(dir.join(FACTS), text).map_err(|error| failed(&error))?;
            }
        }
        Ok(grounds)
    }

    pub(super) fn controls(&self) -> Vec<FamilyId> {
        self.lab.environment().controls()
    }

    /// A task that no user has done: users have other names.
    pub(super) fn instance(&self, family: FamilyId, n: u64) -> Result<Instance, CliError> {
        let instance = self.lab.environment().instance(family, "measured", n);
        instance.map_err(|error| failed(&error))
    }

    pub(super) fn bin(&self) -> PathBuf {
        self.lab.environment().bin()
    }

    /// The skills of an arm.
    pub(super) fn shelf(&self, arm: Arm) -> Result<Shelf, CliError> {
        let dir = self.skills(arm);
        if arm == Arm::Wrong && !dir.exists() {
            let other = self.seed.wrapping_add(ELSEWHERE);
            let elsewhere = self.dir.join("elsewhere");
            let same = self.families.iter().filter(|(_, group)| *group == BUILT_IN);
            let same: Vec<FamilyId> = same.map(|(family, _)| *family).collect();
            let afresh = self.families.len() - same.len();
            let (all, families) = families_of(same, afresh, other, &elsewhere)?;
            let there = start(other, &elsewhere.join("lab"), &all)?;
            let families: Vec<FamilyId> = families.into_iter().map(|(family, _)| family).collect();
            let scratch = self.dir.join("scratch");
            learn(&there, other, &families, WRONG_USERS_EACH, &scratch, &dir)?;
        }
        Shelf::load(&dir).map_err(|error| failed(&error))
    }

    fn skills(&self, arm: Arm) -> PathBuf {
        // The same knowledge in other words.
        let of = if arm == Arm::Prose { Arm::Library } else { arm };
        self.dir.join("skills").join(of.name())
    }

    /// Real nodes work, release, agree; the last one joins late and exports.
    fn federate(&self, args: &FederationArgs, asked: &Value) -> Result<Value, CliError> {
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let progress = Progress::start(ProgressMode::Lines, 0, "starting nodes");
        let root = &self.dir;
        let all: Vec<FamilyId> = self.families.iter().map(|(family, _)| *family).collect();
        let shares: Vec<&[FamilyId]> = all.chunks(FAMILIES_EACH).collect();
        let mut nodes = Vec::new();
        for n in 1..=shares.len() {
            nodes.push(Node::start(&program, &format!("org-{n}"), root)?);
        }
        let invitation = found(&nodes, &args.epsilon)?;
        converge(&nodes, 2 * nodes.len() as u64)?;

        progress.say("users work");
        let plan = |node: &Node, n: u64, users: usize, families: Vec<FamilyId>| WorkPlan {
            home: node.home.root().to_owned(),
            lab: root.join("lab"),
            scratch: root.join("scratch").join(&node.name),
            seed: self.seed.wrapping_mul(1000).wrapping_add(n),
            users,
            families,
            tasks: 1,
            controls: 0,
            skills: None,
            started: now_seconds().saturating_sub(900),
            canaries: Vec::new(),
        };
        let plans: Vec<WorkPlan> = nodes
            .iter()
            .zip(&shares)
            .zip(0..)
            .map(|((node, share), n)| plan(node, n, args.users as usize, share.to_vec()))
            .collect();
        let (sessions, _) = all_work(&program, root, "work", &plans, &progress)?;

        progress.say("lessons are released");
        checkpoint(&nodes)?;
        released(&nodes, PayloadKind::Lessons)?;
        converge(&nodes, 3 * nodes.len() as u64 + 1)?;
        checkpoint(&nodes)?;

        progress.say("the measured node joins, and its own users work");
        let late = Node::start(&program, "measured", root)?;
        late.command(&["federation", "join", &invitation, "--yes"])?;
        // One family of each working node: what its users know, and others know better.
        let mine: Vec<FamilyId> =
            shares.iter().filter_map(|share| share.first()).copied().collect();
        let own = plan(&late, 900, mine.len() * OWN_USERS_EACH, mine.clone());
        all_work(&program, root, "own", &[own], &progress)?;
        nodes.push(late);
        checkpoint(&nodes)?;
        let count = nodes[0].federation()?.deltas;
        let roots = converge(&nodes, count)?;

        progress.say("the measured node approves what waits for review, and exports the library");
        let (late, working) = nodes.split_last().ok_or_else(|| failed(&"there is no node"))?;
        let exported = self.skills(Arm::Library);
        late.approve_waiting()?;
        let done = late.ask(SkillExport { directory: exported, ..SkillExport::default() })?;
        let mut pooled = Vec::new();
        for node in working {
            pooled.extend(sessions_of(node)?);
        }
        let central = without_privacy(&pooled).map_err(|error| failed(&error))?;
        shelf(&central, &self.skills(Arm::Central))?;
        let own = without_privacy(&sessions_of(late)?).map_err(|error| failed(&error))?;
        shelf(&own, &self.skills(Arm::Own))?;
        let mut spent = Vec::new();
        for node in working {
            let quote = node.ask(PrivacyStatusOf {})?.spending.spent;
            spent.push(quote.map_or(0.0, |quote| quote.epsilon));
        }
        let status = nodes[0].federation()?;
        progress.finish();
        Ok(json!({
            "asked": asked,
            "seed": self.seed,
            "nodes": nodes.len(),
            "root": roots.first(),
            "sessions": sessions,
            "own_families": mine.iter().map(|family| family.name()).collect::<Vec<String>>(),
            "lessons_released": status.lessons,
            "deltas": status.deltas,
            "exported": done.exported.len(),
            "central_skills": central.len(),
            "own_skills": own.len(),
            "epsilon_spent": spent,
        }))
    }
}

/// The families of a lab, and those with a quirk with their groups.
type Chosen = (Families, Vec<(FamilyId, &'static str)>);

/// Number of families of a run that are made afresh.
fn afresh(count: usize) -> usize {
    FRESH_LEAST.max(count / 4)
}

/// Built-in families that are measured: the seed's choice, and so nobody's.
fn drawn(count: usize, seed: u64) -> Vec<FamilyId> {
    let mut built_in = FamilyId::quirks();
    built_in.sort_by_cached_key(|family| {
        *blake3::hash(format!("{seed}/{}", family.name()).as_bytes()).as_bytes()
    });
    built_in.truncate(count.saturating_sub(afresh(count)));
    built_in
}

/// These built-in families, the controls, and `afresh` families that are made from `seed` below `dir`.
fn families_of(
    built_in: Vec<FamilyId>,
    afresh: usize,
    seed: u64,
    dir: &Path,
) -> Result<Chosen, CliError> {
    let made = dir.join("families");
    if !made.exists() {
        fresh(&made, seed, afresh).map_err(|error| failed(&error))?;
    }
    let theirs = Families::load(&made).map_err(|error| failed(&error))?;
    let chosen = built_in.into_iter().map(|family| (family, BUILT_IN));
    let chosen: Vec<_> = chosen.chain(theirs.ids().into_iter().map(|id| (id, FRESH))).collect();
    let mut wanted: Vec<FamilyId> = chosen.iter().map(|(family, _)| *family).collect();
    wanted.extend(FamilyId::controls());
    Ok((Families::built_in().and(theirs).only(&wanted), chosen))
}

/// Founds the federation at the first node, lets the others join, and gives the invitation.
fn found(nodes: &[Node], epsilon: &str) -> Result<String, CliError> {
    nodes[0].found(&[
        "lab",
        "--epsilon",
        epsilon,
        "--epochs-per-period",
        PERIOD,
        "--lessons-at",
        LESSONS_AT,
        "--outcomes-at",
        OUTCOMES_AT,
        "--votes-at",
        OUTCOMES_AT,
    ])?;
    let uses = (nodes.len() + 1).to_string();
    let invitation = nodes[0].command(&["federation", "invite", "--uses", &uses])?;
    let invitation = invitation["invitation"].as_str().unwrap_or_default().to_owned();
    for node in &nodes[1..] {
        node.command(&["federation", "join", &invitation, "--yes"])?;
    }
    for node in nodes {
        node.command(&["privacy", "set", "--epsilon", epsilon, "--period", "90d", "--yes"])?;
    }
    checkpoint(nodes)?;
    Ok(invitation)
}

/// The sessions of a node, as its owner sees them.
fn sessions_of(node: &Node) -> Result<Vec<Session>, CliError> {
    let list = node.ask(SessionList { limit: 100_000 })?;
    let read = |one: SessionSummary| {
        let shown = node.ask(SessionShow { name: one.id })?;
        Session::from_line(shown.session.as_str(), 1).map_err(|error| failed(&error))
    };
    list.sessions.into_iter().map(read).collect()
}
