//! `lore lab hints`: what a hint at the failure is worth to a model, on pitfalls of real tools.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lore_lab::episode::Bounds;
use lore_lab::pitfalls::{HintArm, Pitfall, Report, Trial, run};
use serde::Serialize;

use super::machine;
use super::model::ModelArgs;
use super::run::failed;
use crate::error::CliError;
use crate::host::now_seconds;
use crate::output::{self, Progress, ProgressMode};

/// Trials in a row that the endpoint failed, after which the rest would fail as well.
const FAILED_IN_A_ROW: usize = 3;

/// Longest command: a compiler that has nothing cached takes long.
const COMMAND: Duration = Duration::from_secs(60);

/// Arguments of `lore lab hints`.
#[derive(Debug, Clone, clap::Args)]
pub struct HintsArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Arms to measure, by the hints that the model is given: none, hint (the codebook's), wrong.
    #[arg(long, value_delimiter = ',', default_value = "none,hint,wrong")]
    pub(super) arms: Vec<HintArm>,
    /// Pitfalls by name; all without it.
    #[arg(long, value_delimiter = ',')]
    pub(super) pitfalls: Vec<String>,
    /// Directory in which the tasks are done [default: a temporary one].
    #[arg(long, value_name = "DIR")]
    pub(super) scratch: Option<PathBuf>,
}

/// Output of `lab hints --json`.
#[derive(Debug, Serialize)]
struct Measured {
    model: String,
    machine: String,
    date: String,
    command: String,
    #[serde(flatten)]
    report: Report,
}

/// Measures, prints the report, and fails when hints are surely worse than none on a program.
///
/// # Errors
/// Fails when commands cannot be confined, the endpoint fails for good, and when hints do harm.
pub(crate) fn hints(args: &HintsArgs, json: bool) -> Result<(), CliError> {
    let begun = now_seconds();
    let client = args.model.connect()?;
    let bounds = Bounds { command: COMMAND, ..args.model.bounds()? };
    let helper = std::env::current_exe().map_err(|error| failed(&error))?;
    let temporary = tempfile::tempdir().map_err(|error| failed(&error))?;
    let scratch = args.scratch.clone().unwrap_or_else(|| temporary.path().to_owned());
    let scratch = std::path::absolute(&scratch).map_err(|error| failed(&error))?.join("task");
    let mut skipped = BTreeMap::new();
    let mut here = Vec::new();
    for pitfall in chosen(&args.pitfalls)? {
        match pitfall.missing() {
            Some(program) => {
                output::note(format!(
                    "{}: skipped, `{program}` is not on this machine",
                    pitfall.name
                ));
                skipped.insert(pitfall.name.clone(), program.to_owned());
            }
            None => here.push(pitfall),
        }
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed(&error))?;
    let all = (here.len() * args.arms.len()) as u64;
    let progress = Progress::start(ProgressMode::Auto, all, "working on pitfalls");
    let mut trials: Vec<Trial> = Vec::new();
    for pitfall in &here {
        for arm in &args.arms {
            let done = run(&client, pitfall, *arm, &bounds, &helper, &scratch);
            trials.push(runtime.block_on(done).map_err(|error| failed(&error))?);
            progress.advance(1);
            let last = trials.iter().rev().take(FAILED_IN_A_ROW);
            let errors: Vec<&String> = last.filter_map(|one| one.endpoint_error.as_ref()).collect();
            if let (FAILED_IN_A_ROW, Some(error)) = (errors.len(), errors.first()) {
                return Err(failed(error).kind("endpoint"));
            }
        }
    }
    progress.finish();
    let measured = Measured {
        model: args.model.id(),
        machine: machine::machine(),
        date: output::date(begun),
        command: machine::command_line(),
        report: Report::of(trials, skipped),
    };
    let worse = &measured.report.worse;
    let fault = (!worse.is_empty()).then(|| {
        failed(&format!("hints are worse than none on {}", worse.join(", "))).kind("harm")
    });
    let text = |measured: &Measured| {
        format!("{}\n{}, {}, {}", measured.report, measured.model, measured.machine, measured.date)
    };
    output::result_with(&measured, json, text, fault)
}

fn chosen(names: &[String]) -> Result<Vec<Pitfall>, CliError> {
    let all = Pitfall::all();
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().find(|pitfall| pitfall.name == *name).cloned().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|pitfall| pitfall.name.as_str()).collect();
            CliError::usage(format!("there is no pitfall `{name}`"))
                .help(format!("there are: {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}
