//! `lore lab run`: an endpoint on the lab's tasks, with and without skills.
//!
//! The libraries are made here: the rule-based explorer works as several users of each family, its
//! sessions are mined, folded and rendered as a federation's are. No privacy is involved, since nothing
//! leaves the machine; `lore lab federation` is the one that releases.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lore_lab::brief::Shelf;
use lore_lab::library::without_privacy;
use lore_lab::measure::{Plan, work};
use lore_lab::report::{self, Report};
use lore_lab::study::{Arm, CONTROL, Cell, Record, Results, Study};
use lore_lab::{Families, FamilyId, Lab};
use serde_json::{Value, json};

use super::families::chosen_families;
use super::machine;
use super::model::ModelArgs;
use crate::error::CliError;
use crate::host::now_seconds;
use crate::{export, output};

/// The number that makes the seed of another environment.
pub(super) const ELSEWHERE: u64 = 1_000_003;

/// Arguments of `lore lab run`.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Arms to measure, by what the model is given: none, wrong (skills of another environment), prose, library.
    #[arg(long, value_delimiter = ',', default_value = "none,library")]
    pub(super) arms: Vec<Arm>,
    /// Families by name; all built-in ones and all of --families-dir without it.
    #[arg(long, value_delimiter = ',')]
    pub(super) families: Vec<String>,
    /// Directory with families of your own, beside the built-in ones; may be given more than once.
    #[arg(long, value_name = "DIR")]
    pub(super) families_dir: Vec<PathBuf>,
    /// Number of tasks of each family and seed.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) instances: u64,
    /// Number of control tasks of each control family and seed.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=1000))]
    pub(super) controls: u64,
    /// Number of environments, each drawn from another seed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) seeds: u64,
    /// First seed.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Number of users of each family whose work makes the library.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) users: u64,
    /// Fail unless the library solves at least so many more tasks than none.
    #[arg(long, value_name = "TASKS")]
    pub(super) expect_gain: Option<u64>,
    /// Directory for results, skills and reports; an interrupted run continues there.
    #[arg(long, default_value = "lab-results", value_name = "DIR")]
    pub(super) out: PathBuf,
}

pub(super) fn failed(error: &dyn std::fmt::Display) -> CliError {
    CliError::failed("lab", error)
}

/// Runs it.
pub(crate) fn main(args: &RunArgs, json: bool) -> Result<(), CliError> {
    let begun = now_seconds();
    let client = args.model.connect()?;
    for arm in &args.arms {
        if matches!(arm, Arm::Own | Arm::Central) {
            return Err(CliError::usage(format!("the arm {} needs a federation", arm.name()))
                .help("use `lore lab federation`, or another arm"));
        }
    }
    let families = chosen_families(&args.families_dir)?;
    let chosen = chosen(&families, &args.families)?;
    let out = std::path::absolute(&args.out).map_err(|error| failed(&error))?;
    std::fs::create_dir_all(&out).map_err(|error| {
        failed(&format!("cannot write to {}: {error}", out.display()))
            .help("choose another directory with --out")
    })?;
    let mut cells = Vec::new();
    let mut shelves = BTreeMap::new();
    // A lab serves as long as it lives.
    let mut labs = Vec::new();
    let scratch = out.join("scratch");
    for seed in (0..args.seeds).map(|n| args.seed.wrapping_add(n)) {
        let lab = start(seed, &out.join(format!("lab-{seed}")), &families)?;
        let skills = |name: &str| out.join("skills").join(format!("{name}-{seed}"));
        let wanted: BTreeSet<Arm> = args.arms.iter().copied().collect();
        if wanted.contains(&Arm::Library) || wanted.contains(&Arm::Prose) {
            output::note(format!("seed {seed}: the explorer works, for the library"));
            let shelf =
                Arc::new(learn(&lab, seed, &chosen, args.users, &scratch, &skills("library"))?);
            shelves.insert((seed, Arm::Library), Arc::clone(&shelf));
            shelves.insert((seed, Arm::Prose), shelf);
        }
        if wanted.contains(&Arm::Wrong) {
            output::note(format!(
                "seed {seed}: the explorer works elsewhere, for the wrong library"
            ));
            let other = seed.wrapping_add(ELSEWHERE);
            let there = start(other, &out.join(format!("lab-{other}")), &families)?;
            let shelf = learn(&there, other, &chosen, args.users, &scratch, &skills("wrong"))?;
            shelves.insert((seed, Arm::Wrong), Arc::new(shelf));
        }
        let tasks = chosen.iter().map(|family| (*family, group(*family), args.instances));
        let controls = lab.environment().controls();
        let controls = controls.into_iter().map(|family| (family, CONTROL, args.controls));
        for (family, group, count) in tasks.chain(controls) {
            for n in 0..count {
                let instance = lab.environment().instance(family, "measured", n);
                let instance = instance.map_err(|error| failed(&error))?;
                for arm in &args.arms {
                    cells.push(Cell {
                        seed,
                        family: family.name(),
                        group: group.to_owned(),
                        n,
                        arm: *arm,
                        instance: instance.clone(),
                        bin: lab.environment().bin(),
                    });
                }
            }
        }
        labs.push(lab);
    }
    let id = args.model.id();
    let study =
        Study { model_id: &id, shelves, bounds: args.model.bounds()?, scratch, started: begun };
    let records = measure(&study, &client, &cells, &out.join("episodes.jsonl"))?;
    drop(labs);
    let facts = [
        ("Model", id.clone()),
        ("Tasks", format!("{} of each family and seed, {} seeds", args.instances, args.seeds)),
        (
            "Bounds",
            format!("{} model calls, {} tokens a reply", args.model.steps, args.model.tokens),
        ),
        ("Machine", machine::machine()),
        ("Date", output::date(begun)),
        ("Command", machine::command_line()),
    ];
    let notes = [
        "The library was made on this machine from the rule-based explorer's sessions, without privacy: \
         nothing of it was released. The wrong library comes from another environment, prose is the \
         library's knowledge in sentences. Intervals are Wilson's, of 95 %."
            .to_owned(),
    ];
    let page = Report {
        title: "A model on the task lab",
        facts: &facts,
        notes: &notes,
        records: &records,
    };
    let files = pages(&page, &out)?;
    let value = json!({
        "model": id,
        "families": report::families(&records),
        "instances": args.instances,
        "seeds": args.seeds,
        "episodes": records.len(),
        "arms": report::arms_json(&records),
        "controls": report::controls_json(&records),
        "by_family": report::families_json(&records),
        "results": out.join("episodes.jsonl"),
        "report": files,
    });
    output::result(&value, json, |_| {
        format!("{}\nreports: {}", page.markdown(), out.join("report.html").display())
    })?;
    args.expect_gain.map_or(Ok(()), |wanted| gained(&records, wanted))
}

/// Checks that the library solved at least `wanted` more tasks than none.
fn gained(records: &[Record], wanted: u64) -> Result<(), CliError> {
    let solved = |arm: Arm| {
        let mine = records.iter().filter(|r| r.arm == arm && r.group != CONTROL);
        mine.filter(|record| record.episode.solved).count() as u64
    };
    let (none, library) = (solved(Arm::None), solved(Arm::Library));
    if library >= none + wanted {
        return Ok(());
    }
    let words = format!(
        "with the library the model solved {library} tasks and without {none}: less than {wanted} more"
    );
    Err(failed(&words).kind("no_gain"))
}

/// The families of these names; all with a quirk when there is no name.
fn chosen(families: &Families, names: &[String]) -> Result<Vec<FamilyId>, CliError> {
    let mut all = families.ids();
    all.retain(|family| !families.is_control(*family));
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().copied().find(|family| family.name() == *name).ok_or_else(|| {
            let known: Vec<String> = all.iter().map(|family| family.name()).collect();
            CliError::usage(format!("there is no family `{name}` with a quirk"))
                .help(format!("there are: {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// The group that a family is reported under.
const fn group(family: FamilyId) -> &'static str {
    match family {
        FamilyId::BuiltIn(_) => "built in",
        FamilyId::Directory(_) => "from a directory",
    }
}

pub(super) fn start(seed: u64, dir: &Path, families: &Families) -> Result<Lab, CliError> {
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    Lab::start_with(seed, dir, &program, families.clone()).map_err(|error| failed(&error))
}

/// Lets users work in a lab and writes what they found as skills.
pub(super) fn learn(
    lab: &Lab,
    seed: u64,
    families: &[FamilyId],
    users_each: u64,
    scratch: &Path,
    into: &Path,
) -> Result<Shelf, CliError> {
    let users = usize::try_from(users_each).unwrap_or(1).saturating_mul(families.len());
    let plan = Plan {
        seed,
        users,
        families,
        tasks: 1,
        controls: 0,
        skills: None,
        started: now_seconds(),
        threads: NonZeroUsize::MIN.saturating_add(1),
    };
    let worked =
        work(lab.environment(), scratch, &plan, &|_, _| {}).map_err(|error| failed(&error))?;
    let skills = without_privacy(worked.iter().map(|one| &one.attempt.session))
        .map_err(|error| failed(&error))?;
    shelf(&skills, into)
}

/// Writes skills, so that a person can read them, and reads them as an agent would.
pub(super) fn shelf(skills: &BTreeMap<String, String>, dir: &Path) -> Result<Shelf, CliError> {
    export::write(dir, skills)?;
    Shelf::load(dir).map_err(|error| failed(&error))
}

/// Does the episodes, saying each on stderr.
pub(super) fn measure(
    study: &Study<'_>,
    client: &lore_agent::model::HttpModel,
    cells: &[Cell],
    file: &Path,
) -> Result<Vec<Record>, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let mut results = Results::open(file).map_err(|error| failed(&error))?;
    let mut told = |record: &Record, done: usize, of: usize| {
        let episode = &record.episode;
        output::note(format!(
            "{done}/{of} {} task {} {}: {} in {} commands, {:.1} s ({})",
            record.family,
            record.n,
            record.arm.name(),
            if episode.solved { "solved" } else { "not solved" },
            episode.steps,
            episode.seconds,
            serde_json::to_value(&episode.end).map_or(Value::Null, |v| v["reason"].clone()),
        ));
    };
    let records = runtime
        .block_on(study.run(client, cells, &mut results, &mut told))
        .map_err(|error| failed(&error));
    // A command that will not die must not keep the program.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    records
}

/// Writes the report as Markdown and HTML.
pub(super) fn pages(page: &Report<'_>, out: &Path) -> Result<Value, CliError> {
    let write = |name: &str, text: String| {
        let path = out.join(name);
        std::fs::write(&path, text)
            .map_err(|error| failed(&format!("cannot write {}: {error}", path.display())))?;
        Ok::<_, CliError>(path)
    };
    Ok(json!({
        "markdown": write("report.md", page.markdown())?,
        "html": write("report.html", page.html())?,
    }))
}
