//! `lore-sim convert`: trajectories become an outcome table.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lore_simulations::files;
use lore_simulations::outcomes::{Outcomes, from_tau_bench};
use serde::Serialize;

use crate::line;

#[derive(clap::Args)]
pub(crate) struct ConvertArgs {
    /// Format of the trajectories
    #[arg(value_parser = ["tau-bench"])]
    format: String,
    /// File that you have
    path: PathBuf,
    /// Outcome table to write, a .csv
    #[arg(short, long)]
    output: PathBuf,
    /// Name of the arm in the table: the model, for example
    #[arg(long, default_value = "no skills")]
    arm: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Group<'a> {
    group: &'a str,
    trials: u64,
    success_rate: f64,
    mean_cost: f64,
}

pub(crate) fn convert(args: &ConvertArgs) -> anyhow::Result<bool> {
    let ConvertArgs { format, path, output, arm, json } = args;
    if output.extension().is_none_or(|end| end != "csv") {
        bail!("-o {}: the name must end in .csv", output.display());
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let outcomes =
        from_tau_bench(&text, arm).with_context(|| format!("{format} in {}", path.display()))?;
    files::write(output, outcomes.to_csv()?.as_bytes())?;
    print(&outcomes, output, *json)
}

fn print(outcomes: &Outcomes, output: &Path, json: bool) -> anyhow::Result<bool> {
    let groups = outcomes.groups();
    let groups = groups.iter().map(|(group, (trials, success_rate, mean_cost))| Group {
        group,
        trials: *trials,
        success_rate: *success_rate,
        mean_cost: *mean_cost,
    });
    if json {
        let groups: Vec<Group<'_>> = groups.collect();
        let shown = output.display().to_string();
        line(&serde_json::json!({ "file": shown, "groups": groups }).to_string());
        return Ok(true);
    }
    line(&format!("{:<36} {:>6} {:>8} {:>9}", "family of tasks", "trials", "success", "mean cost"));
    for Group { group, trials, success_rate, mean_cost } in groups {
        line(&format!("{group:<36} {trials:>6} {:>6.1} % {mean_cost:>9.2}", success_rate * 100.0));
    }
    line(&format!("{}: {} trials", output.display(), outcomes.trials.len()));
    Ok(true)
}
