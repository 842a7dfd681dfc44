//! `lore-sim report`: a page with figures and tables of some metrics of a table.

use std::path::PathBuf;

use lore_simulations::report::Report;
use lore_simulations::summary;

use super::choice::{Choice, TIME};
use super::{file_name, quoted};
use crate::line;

#[derive(clap::Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    choice: Choice,
    /// Metric to show, with a figure and a table; may be given again
    #[arg(long, required = true)]
    metric: Vec<String>,
    /// Title
    #[arg(long)]
    title: Option<String>,
    /// What the results do not show, for the report's last section
    #[arg(long)]
    limits: Option<String>,
    /// Directory of the report
    #[arg(long, default_value = "lore-sim-reports")]
    out: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn report(args: &ReportArgs) -> anyhow::Result<bool> {
    let choice = &args.choice;
    let (table, listed) = choice.read()?;
    let stem = choice.table.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let title = args.title.clone().unwrap_or_else(|| stem.clone());
    let content = table.content_hash()?;
    let source =
        format!("table: {}\nrows: {}\ncontent: {content}", file_name(&choice.table), table.len());
    let mut report = Report::new(title, command(args), source);
    for metric in &args.metric {
        let series = choice.series(&table, &listed, metric)?;
        let (name, unit) = summary::label(metric);
        let rows = choice.rows(&series);
        let caption = format!(
            "Mean and 95 % interval (Student's t) over at least {} runs. Metric `{metric}`{}.",
            series.runs,
            if unit.is_empty() { String::new() } else { format!(", in {unit}") },
        );
        report = report
            .heading(name)
            .figure(choice.figure(&series, metric, None, false), caption)
            .table(["series", &choice.x, "mean", "95 % interval"], rows);
    }
    if let Some(limits) = &args.limits {
        report = report.limits(limits);
    }
    let page = report.write(&args.out, &stem)?.display().to_string();
    if args.json {
        line(&serde_json::json!({ "report": page, "content_hash": content }).to_string());
    } else {
        line(&format!("report: {page}"));
    }
    Ok(true)
}

/// The command that makes a report again, from the directory of its table.
fn command(args: &ReportArgs) -> String {
    let choice = &args.choice;
    let table = file_name(&choice.table);
    let mut words = vec!["lore-sim", "report", &table];
    let x = Some(&choice.x).filter(|x| *x != TIME);
    let all = [
        ("--metric", args.metric.iter().collect::<Vec<_>>()),
        ("--x", x.into_iter().collect()),
        ("--by", choice.by.iter().collect()),
        ("--where", choice.only.iter().collect()),
        ("--x-label", choice.x_label.iter().collect()),
        ("--title", args.title.iter().collect()),
        ("--limits", args.limits.iter().collect()),
    ];
    for (option, values) in &all {
        words.extend(values.iter().flat_map(|value| [*option, value.as_str()]));
    }
    if choice.log_x {
        words.push("--log-x");
    }
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}
