//! `lore lab federation`: what a model gains from what other nodes' users learnt.
//!
//! Real node processes on loopback, as in `lore demo`; different families at different nodes; the
//! rule-based explorer stands for many users, whose lessons leave their node through the privacy door
//! only. A last node, with its own few users, joins late and exports the shared library. There the
//! model is measured on tasks that nobody did before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lore_agent::statistics::Interval;
use lore_lab::FamilyId;
use lore_lab::report::{self, Report};
use lore_lab::study::{Arm, CONTROL, Cell, Record, Study, difference};
use serde_json::{Value, json};

use super::grounds::{FAMILIES_EACH, FRESH, Grounds};
use super::machine;
use super::model::ModelArgs;
use super::run::{failed, measure, pages};
use crate::error::CliError;
use crate::host::now_seconds;
use crate::output;

/// Arguments of `lore lab federation`.
#[derive(Debug, Clone, clap::Args)]
pub struct FederationArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Arms to measure, by what the model is given: none, wrong (skills of another environment), own (of the measured node's
    /// users), library (the shared one), central (of all sessions, without privacy), prose.
    #[arg(long, value_delimiter = ',', default_value = "none,library")]
    pub(super) arms: Vec<Arm>,
    /// Measure all arms but prose, and three seeds instead of one.
    #[arg(long, conflicts_with = "arms")]
    pub(super) full: bool,
    /// Number of families; at least four of them are made from the seed.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(8..=40))]
    pub(super) families: u16,
    /// Number of tasks of each family and seed.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) instances: u64,
    /// Number of control tasks of each seed, spread over the control families.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(0..=1000))]
    pub(super) controls: u64,
    /// First seed [default: random].
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Number of users of each working node.
    #[arg(long, default_value_t = 160, value_parser = clap::value_parser!(u32).range(4..=5000))]
    pub(super) users: u32,
    /// Privacy budget of each node, per user and period.
    #[arg(long, default_value = "4")]
    pub(super) epsilon: String,
    /// Directory for homes, results and pages; an interrupted run continues there.
    #[arg(long, default_value = "lab-federation", value_name = "DIR")]
    pub(super) dir: PathBuf,
    /// Write the result page here as well.
    #[arg(long, value_name = "FILE")]
    pub(super) page: Option<PathBuf>,
}

impl FederationArgs {
    fn arms(&self) -> Vec<Arm> {
        if self.full {
            vec![Arm::None, Arm::Wrong, Arm::Own, Arm::Library, Arm::Central]
        } else {
            self.arms.clone()
        }
    }

    const fn seeds(&self) -> u64 {
        if self.full { 3 } else { 1 }
    }
}

/// Runs it.
pub(crate) fn main(args: &FederationArgs, json: bool) -> Result<(), CliError> {
    let begun = now_seconds();
    let client = args.model.connect()?;
    let bounds = args.model.bounds()?;
    let dir = std::path::absolute(&args.dir).map_err(|error| failed(&error))?;
    std::fs::create_dir_all(&dir).map_err(|error| {
        failed(&format!("cannot write to {}: {error}", dir.display()))
            .help("choose another directory with --dir")
    })?;
    let seed = first_seed(args, &dir)?;
    let mut all = Vec::new();
    for seed in (0..args.seeds()).map(|n| seed.wrapping_add(n)) {
        all.push(Grounds::of(args, seed, &dir.join(format!("seed-{seed}")))?);
    }
    let arms = args.arms();
    let mut cells = Vec::new();
    let mut shelves = BTreeMap::new();
    for grounds in &all {
        for arm in arms.iter().filter(|arm| **arm != Arm::None) {
            shelves.insert((grounds.seed, *arm), Arc::new(grounds.shelf(*arm)?));
        }
        cells.extend(tasks(args, grounds, &arms)?);
    }
    let id = args.model.id();
    let scratch = dir.join("scratch");
    let study = Study { model_id: &id, shelves, bounds, scratch, started: begun };
    let records = measure(&study, &client, &cells, &dir.join("episodes.jsonl"))?;
    let seeds: Vec<u64> = all.iter().map(|grounds| grounds.seed).collect();
    let facts = facts(args, &id, &seeds, begun);
    let notes = notes(&all, &records, &arms);
    let title = "What a model gains from a federation's skills";
    let page = Report { title, facts: &facts, notes: &notes, records: &records };
    let files = pages(&page, &dir)?;
    if let Some(path) = &args.page {
        std::fs::write(path, page.markdown())
            .map_err(|error| failed(&format!("cannot write {}: {error}", path.display())))?;
    }
    let of_group = |group: &str| {
        let mine: Vec<Record> = records.iter().filter(|r| r.group == group).cloned().collect();
        report::arms_json(&mine)
    };
    let value = json!({
        "model": id,
        "families": report::families(&records),
        "instances": args.instances,
        "seeds": seeds,
        "arms": report::arms_json(&records),
        "controls": report::controls_json(&records),
        "fresh": of_group(FRESH),
        "by_family": report::families_json(&records),
        "federations": all.iter().map(|grounds| grounds.facts.clone()).collect::<Vec<Value>>(),
        "results": dir.join("episodes.jsonl"),
        "report": files,
    });
    output::result(&value, json, |_| page.markdown())
}

/// The seed as given, or as an earlier run in this directory drew it.
fn first_seed(args: &FederationArgs, dir: &Path) -> Result<u64, CliError> {
    let path = dir.join("seed");
    let kept = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    let seed = match (args.seed, kept) {
        (Some(asked), Some(kept)) if asked != kept => {
            return Err(CliError::usage(format!("{} holds a run with seed {kept}", dir.display()))
                .help("choose another directory with --dir, or leave out --seed"));
        }
        (_, Some(kept)) => return Ok(kept),
        (Some(asked), None) => asked,
        (None, None) => {
            let random = crate::random::random_bytes()?;
            // Four bytes: a seed that a person can type again.
            u64::from(u32::from_le_bytes([random[0], random[1], random[2], random[3]]))
        }
    };
    std::fs::write(&path, format!("{seed}\n")).map_err(|error| failed(&error))?;
    Ok(seed)
}

/// Every task in every arm, the arms of a task one after the other, so that an interrupted run has done
/// the same tasks in all of them.
fn tasks(args: &FederationArgs, grounds: &Grounds, arms: &[Arm]) -> Result<Vec<Cell>, CliError> {
    let mut asked: Vec<(FamilyId, &str, u64)> = Vec::new();
    for (family, group) in &grounds.families {
        asked.extend((0..args.instances).map(|n| (*family, *group, n)));
    }
    let controls = grounds.controls();
    for n in 0..args.controls {
        let count = controls.len().max(1) as u64;
        let nth = usize::try_from(n % count).unwrap_or(0);
        asked.extend(controls.get(nth).map(|family| (*family, CONTROL, n / count)));
    }
    let mut cells = Vec::new();
    for (family, group, n) in asked {
        let instance = grounds.instance(family, n)?;
        for arm in arms {
            cells.push(Cell {
                seed: grounds.seed,
                family: family.name(),
                group: group.to_owned(),
                n,
                arm: *arm,
                instance: instance.clone(),
                bin: grounds.bin(),
            });
        }
    }
    Ok(cells)
}

fn facts(
    args: &FederationArgs,
    id: &str,
    seeds: &[u64],
    begun: u64,
) -> Vec<(&'static str, String)> {
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    vec![
        ("Model", id.to_owned()),
        ("Seeds", seeds.join(", ")),
        (
            "Tasks",
            format!("{} of each family and seed, {} controls", args.instances, args.controls),
        ),
        (
            "Bounds of an episode",
            format!(
                "{} model calls, {} generated tokens each, temperature 0, three skills offered",
                args.model.steps, args.model.tokens
            ),
        ),
        (
            "Privacy",
            format!("epsilon {} and delta 1e-6 per user of each node and period", args.epsilon),
        ),
        ("Machine", machine::machine()),
        ("Date", output::date(begun)),
        ("Command", machine::command_line()),
    ]
}

/// Notes on what was done, what privacy cost, and what the numbers do not show.
fn notes(all: &[Grounds], records: &[Record], arms: &[Arm]) -> Vec<String> {
    let mut notes = vec![format!(
        "What was measured. Working nodes, each a process with its own store and users, met \
         {FAMILIES_EACH} families of tasks each, no family at two of them. The rule-based explorer stood \
         for the users and found by trial what each task needs. Their lessons were released under \
         differential privacy, signed, exchanged and folded. The last node joined after that and exported \
         the shared library as skills. There the model worked on tasks that nobody had done, given the \
         task's words and the three skills that match them best. A checker said after each command what \
         was wrong. `own` are skills from the last node's own few users, `central` those of all nodes' \
         sessions pooled without privacy, `wrong` those of another environment. Families called fresh were \
         generated for this run: their quirk and their names come from the seed."
    )];
    for grounds in all {
        let facts = &grounds.facts;
        notes.push(format!(
            "Federation of seed {}: {} nodes, {} sessions, {} lessons released, {} skills exported; \
             epsilon spent per user: {}; all nodes agree on library root {}.",
            grounds.seed,
            facts["nodes"],
            facts["sessions"],
            facts["lessons_released"],
            facts["exported"],
            facts["epsilon_spent"],
            facts["root"].as_str().unwrap_or_default(),
        ));
    }
    let groups = [FRESH, super::grounds::BUILT_IN];
    let between = |first: Arm, second: Arm| -> Option<(Interval, usize)> {
        let all: Vec<Record> = records
            .iter()
            .filter(|record| groups.contains(&record.group.as_str()))
            .map(|record| Record { group: "quirk".to_owned(), ..record.clone() })
            .collect();
        let found = difference(&all, "quirk", first, second);
        (found.1 > 0).then_some(found)
    };
    let said = |what: &str, first: Arm, second: Arm| {
        between(first, second).map(|(found, pairs)| {
            format!(
                "{what}: {} minus {} on the same {pairs} tasks is {:+.0} points ({:+.0} to {:+.0}).",
                second.name(),
                first.name(),
                found.value * 100.0,
                found.low * 100.0,
                found.high * 100.0
            )
        })
    };
    notes.extend(said("What sharing gave", Arm::None, Arm::Library));
    notes.extend(said("Knowledge, not format", Arm::Wrong, Arm::Library));
    notes.extend(said("What other nodes added", Arm::Own, Arm::Library));
    if arms.contains(&Arm::Central) {
        notes.extend(said("What privacy cost", Arm::Central, Arm::Library));
    } else {
        notes.push(
            "What privacy cost in success is not part of this run: it needs the arm `central`, which \
             `--full` adds."
                .to_owned(),
        );
    }
    notes.push(
        "What this does not show. The tasks are short and made for this measurement: one command, or two, \
         solves each, and the skill holds that command. The users are programs that explore until the check \
         passes; people and larger models find things in other ways. One model at temperature 0 was measured \
         on one machine. The intervals treat tasks as independent, although tasks of one family succeed or \
         fail together. A library that many families share is not tested beyond the number given here."
            .to_owned(),
    );
    notes
}
