//! `lore-sim study`: runs a study and writes its report.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use lore_simulations::study::catalogue::{Choices, Head, SHIPPED, run, shipped};
use lore_simulations::study::facts::Facts;
use lore_simulations::study::write::report;
use lore_simulations::{files, runner};
use serde_json::json;

use super::{file_name, quoted};
use crate::{bar, line};

/// Steps of the progress bar.
const STEPS: u64 = 1_000;

/// Run a study: a name that `study list` shows, or a file
#[derive(Args)]
pub(crate) struct Study {
    /// Name or TOML file; `list` shows the names
    study: String,
    /// First seed; the file's own without it
    #[arg(long)]
    seed: Option<u64>,
    /// Number of seeds, counted up from the first; the file's own without it
    #[arg(long)]
    seeds: Option<u64>,
    /// Directory to write the report, its figures and the table of results into
    #[arg(long)]
    out: Option<PathBuf>,
    /// Facts to calibrate from, CSV or JSON, instead of those that come along
    #[arg(long)]
    facts: Option<PathBuf>,
    /// Threads; one seed stays on one
    #[arg(long)]
    threads: Option<usize>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn study(args: &Study) -> anyhow::Result<bool> {
    if args.study == "list" {
        return list(args.json);
    }
    let text = match shipped(&args.study) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(&args.study).with_context(|| {
            format!(
                "cannot read study `{}`; `lore-sim study list` shows those that come along",
                args.study
            )
        })?,
    };
    let facts = match &args.facts {
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read facts `{shown}`"))?;
            Facts::read(&text).with_context(|| format!("facts `{shown}`"))?
        }
        None => Facts::shipped(),
    };
    let progress = bar(STEPS, &args.study)?;
    let choices = Choices {
        seed: args.seed,
        seeds: args.seeds,
        facts: &facts,
        threads: args.threads.unwrap_or_else(runner::available_threads),
        progress: &|share| progress.set_position((share * STEPS as f64) as u64),
    };
    let page = run(&text, &choices).with_context(|| format!("study `{}`", args.study))?;
    progress.finish_and_clear();
    let written = match &args.out {
        Some(directory) => {
            let made = report(&page, &facts, &command(args), &text);
            let path = made.write(directory, &page.study)?;
            let table = directory.join(format!("{}.csv", page.study));
            files::write(&table, page.table.to_csv()?.as_bytes())?;
            Some(path)
        }
        None => None,
    };
    if args.json {
        let rows = page.table.len();
        line(&json!({ "ok": page.ok, "rows": rows, "page": page, "report": written }).to_string());
        return Ok(page.ok);
    }
    line(&page.title);
    page.answer.iter().for_each(|text| line(text));
    for sheet in &page.sheets {
        line("");
        line(&sheet.caption);
        line(&sheet.columns.join(" | "));
        sheet.rows.iter().for_each(|row| line(&row.join(" | ")));
    }
    if let Some(path) = written {
        line("");
        line(&format!("report: {}", path.display()));
    }
    Ok(page.ok)
}

/// The command that makes a report again.
fn command(args: &Study) -> String {
    let mut text = format!("lore-sim study {}", quoted(&file_name(Path::new(&args.study))));
    let numbers = [("seed", args.seed), ("seeds", args.seeds)];
    for (name, value) in numbers {
        if let Some(value) = value {
            text.push_str(&format!(" --{name} {value}"));
        }
    }
    if let Some(path) = &args.facts {
        text.push_str(&format!(" --facts {}", quoted(&file_name(path))));
    }
    // Reports hold no place of the machine that they were made on.
    text.push_str(" --out DIR");
    text
}

fn list(json: bool) -> anyhow::Result<bool> {
    let mut studies = Vec::new();
    for (name, text) in SHIPPED {
        let Ok(head) = Head::parse(text) else {
            bail!("the shipped study `{name}` does not parse")
        };
        studies.push((name, head.about));
    }
    if json {
        let studies = studies.iter().map(|(name, about)| json!({ "name": name, "about": about }));
        line(&json!({ "studies": studies.collect::<Vec<_>>() }).to_string());
    } else {
        studies.iter().for_each(|(name, about)| line(&format!("{name:<14} {about}")));
    }
    Ok(true)
}
