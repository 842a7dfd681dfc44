//! `lore-sim plot`: a figure of one metric of a table.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;
use lore_simulations::files;
use serde::Serialize;

use super::choice::{Choice, Listed};
use crate::line;

#[derive(clap::Args)]
pub(crate) struct PlotArgs {
    #[command(flatten)]
    choice: Choice,
    /// Metric; without it the metrics and axes of the table are listed
    #[arg(long)]
    metric: Option<String>,
    /// Label of the y axis
    #[arg(long)]
    y_label: Option<String>,
    /// Logarithmic y axis
    #[arg(long)]
    log_y: bool,
    /// Figure to write: .svg, or .png where `rsvg-convert` is installed
    #[arg(short, long, default_value = "figure.svg")]
    output: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Drawn {
    file: String,
    series: usize,
    points: usize,
    runs: u64,
}

pub(crate) fn plot(args: &PlotArgs) -> anyhow::Result<bool> {
    let choice = &args.choice;
    let (table, listed) = choice.read()?;
    let Some(metric) = &args.metric else { return list(&listed, args.json) };
    let series = choice.series(&table, &listed, metric)?;
    let figure = choice.figure(&series, metric, args.y_label.as_deref(), args.log_y);
    write(&figure.to_svg()?, &args.output)?;
    let file = args.output.display().to_string();
    let points = series.lines.values().map(Vec::len).sum();
    let drawn = Drawn { file, series: series.lines.len(), points, runs: series.runs };
    if args.json {
        line(&serde_json::to_string(&drawn)?);
    } else {
        let Drawn { file, series, points, runs } = drawn;
        line(&format!(
            "{file}: {series} series, {points} points; mean and 95 % interval (Student's t) over at least {runs} runs"
        ));
    }
    Ok(true)
}

fn list(listed: &Listed, json: bool) -> anyhow::Result<bool> {
    if json {
        line(&serde_json::to_string(listed)?);
        return Ok(true);
    }
    line(&format!("{} rows", listed.rows));
    for (key, values) in &listed.axes {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        line(&format!("axis {key}: {}", values.join(" ")));
    }
    line("metrics (those with `at.` are over time):");
    listed.metrics.iter().for_each(|metric| line(&format!("  {metric}")));
    Ok(true)
}

fn write(svg: &str, output: &Path) -> anyhow::Result<()> {
    match output.extension().and_then(|end| end.to_str()) {
        Some("svg") => Ok(files::write(output, svg.as_bytes())?),
        Some("png") => {
            let beside = output.with_extension("svg");
            files::write(&beside, svg.as_bytes())?;
            let done = Command::new("rsvg-convert")
                .args(["--dpi-x", "300", "--dpi-y", "300", "-o"])
                .args([output, &beside])
                .status();
            match done {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => {
                    bail!("rsvg-convert failed ({status}); {} is written", beside.display())
                }
                Err(error) => bail!(
                    "a PNG needs rsvg-convert (Debian: librsvg2-bin), which does not start: {error}; {} is written",
                    beside.display()
                ),
            }
        }
        _ => bail!("-o {}: the name must end in .svg or .png", output.display()),
    }
}
