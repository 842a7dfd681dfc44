//! Rows of a table that are drawn or reported, and what their axes mean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lore_simulations::plot::{Axis, Figure, Form, Point, Series};
use lore_simulations::summary::{self, axes, grouped};
use lore_simulations::table::{Row, Table};
use serde::Serialize;

use super::results::short;

/// The x axis of virtual time.
pub(super) const TIME: &str = "time";

/// Rows of a table, and what their axes mean.
#[derive(clap::Args)]
pub(super) struct Choice {
    /// Table that `merge` or `run` wrote: .parquet, .csv or .jsonl
    pub(super) table: PathBuf,
    /// Axis of the sweep on the x axis, or `time`
    #[arg(long, default_value = TIME)]
    pub(super) x: String,
    /// Axis of the sweep that tells series apart
    #[arg(long)]
    pub(super) by: Option<String>,
    /// Keep only rows with this value on an axis, as KEY=VALUE; may be given again
    #[arg(long = "where", value_name = "KEY=VALUE")]
    pub(super) only: Vec<String>,
    /// Label of the x axis
    #[arg(long)]
    pub(super) x_label: Option<String>,
    /// Logarithmic x axis
    #[arg(long)]
    pub(super) log_x: bool,
}

#[derive(Serialize)]
pub(super) struct Listed {
    pub(super) rows: usize,
    pub(super) metrics: BTreeSet<String>,
    pub(super) axes: BTreeMap<String, BTreeSet<String>>,
}

/// Series of the figure.
pub(super) struct Lines {
    pub(super) form: Form,
    pub(super) lines: BTreeMap<String, Vec<Point>>,
    /// Names of places on x, where these are no numbers.
    pub(super) names: Vec<String>,
    /// Fewest runs behind a point.
    pub(super) runs: u64,
}

impl Choice {
    /// The table with the rows that were chosen, and what the whole table has.
    pub(super) fn read(&self) -> anyhow::Result<(Table, Listed)> {
        let named = || format!("table {}", self.table.display());
        let table = Table::read(&self.table).with_context(named)?;
        let listed = listed(&table)?;
        Ok((kept(table, &self.only, &listed)?, listed))
    }

    pub(super) fn series(
        &self,
        table: &Table,
        listed: &Listed,
        metric: &str,
    ) -> anyhow::Result<Lines> {
        if !listed.metrics.contains(metric) {
            let table = self.table.display();
            bail!("the table has no metric `{metric}`; `lore-sim plot {table}` lists them");
        }
        check_axes(self, listed, table, metric)?;
        series(self, table, metric)
    }

    pub(super) fn figure(
        &self,
        series: &Lines,
        metric: &str,
        y_label: Option<&str>,
        log_y: bool,
    ) -> Figure {
        let (label, unit) = summary::label(metric);
        let y = y_label.map_or_else(|| Axis::new(label, unit), |label| Axis::new(label, ""));
        let y = if log_y { y.log() } else { y };
        let figure = Figure::new(format!("{metric} by {}", self.x), x_axis(self, series), y);
        series.lines.iter().fold(figure, |figure, (name, points)| {
            figure.with(Series::new(series.form, name, points.clone()))
        })
    }

    /// Rows of a table of all points; of a long series every so many.
    pub(super) fn rows(&self, series: &Lines) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for (name, points) in &series.lines {
            let every = points.len().div_ceil(12).max(1);
            for point in points.iter().step_by(every) {
                let place = series.names.get(point.x.max(0.0) as usize).cloned();
                rows.push(vec![
                    if name.is_empty() { "all".to_owned() } else { name.clone() },
                    place.unwrap_or_else(|| point.x.to_string()),
                    short(point.y),
                    format!("{} to {}", short(point.low), short(point.high)),
                ]);
            }
        }
        rows
    }
}

fn listed(table: &Table) -> anyhow::Result<Listed> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in table.sorted()? {
        for (key, value) in axes(&row.arm) {
            all.entry(key.to_owned()).or_default().insert(value.to_owned());
        }
    }
    Ok(Listed { rows: table.len(), metrics: summary::metrics(table)?, axes: all })
}

fn kept(table: Table, only: &[String], listed: &Listed) -> anyhow::Result<Table> {
    let mut wanted = Vec::new();
    for one in only {
        let (key, value) =
            one.split_once('=').with_context(|| format!("--where {one}: write KEY=VALUE"))?;
        if !listed.axes.get(key).is_some_and(|values| values.contains(value)) {
            bail!(
                "--where {one}: no row has it; `lore-sim plot` with the table alone lists axes and values"
            );
        }
        wanted.push((key, value));
    }
    let fits = |row: &Row| {
        let axes = axes(&row.arm);
        wanted.iter().all(|(key, value)| axes.get(key) == Some(value))
    };
    Ok(table.into_iter().filter(fits).collect())
}

/// Refuses to average over an axis that nobody named: the mean of different things is no result.
fn check_axes(args: &Choice, listed: &Listed, table: &Table, metric: &str) -> anyhow::Result<()> {
    for key in [Some(&args.x), args.by.as_ref()].into_iter().flatten() {
        if key != TIME && !listed.axes.contains_key(key) {
            bail!(
                "the table has no axis `{key}`; `lore-sim plot {}` lists them",
                args.table.display()
            );
        }
    }
    let mut left: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut times = BTreeSet::new();
    for row in table.sorted()?.into_iter().filter(|row| row.metric == metric) {
        times.insert(row.t_micros);
        for (key, value) in axes(&row.arm) {
            left.entry(key.to_owned()).or_default().insert(value.to_owned());
        }
    }
    let named = |key: &str| key == args.x || args.by.as_deref() == Some(key);
    if let Some((key, _)) = left.iter().find(|(key, values)| values.len() > 1 && !named(key)) {
        bail!("rows differ in `{key}` too; add --by {key}, or --where {key}=VALUE");
    }
    if args.x == TIME && times.len() < 2 {
        bail!("`{metric}` has one value for each run; choose an axis of the sweep with --x");
    }
    if args.x != TIME && times.len() > 1 {
        bail!("`{metric}` is over time; use --x time, or a metric without `at.`");
    }
    Ok(())
}

fn series(args: &Choice, table: &Table, metric: &str) -> anyhow::Result<Lines> {
    let by = |row: &Row| match &args.by {
        Some(key) => {
            let value = axes(&row.arm).get(key.as_str()).copied().unwrap_or("none").to_owned();
            if key == "arm" { value } else { format!("{key} {value}") }
        }
        None => String::new(),
    };
    let x = |row: &Row| {
        if args.x == TIME {
            format!("{}", row.t_micros as f64 / 1e6)
        } else {
            axes(&row.arm).get(args.x.as_str()).copied().unwrap_or("none").to_owned()
        }
    };
    let found = grouped(table, metric, |row| (by(row), x(row)))?;
    let most: BTreeMap<String, u64> =
        found.iter().fold(BTreeMap::new(), |mut most, ((name, _), one)| {
            let entry = most.entry(name.clone()).or_default();
            *entry = one.runs.max(*entry);
            most
        });
    let numbers = found.keys().all(|(_, x)| x.parse::<f64>().is_ok_and(f64::is_finite));
    let places: BTreeSet<&String> = found.keys().map(|(_, x)| x).collect();
    let names: Vec<String> =
        if numbers { Vec::new() } else { places.into_iter().cloned().collect() };
    let mut out = Lines {
        form: if numbers { Form::Line } else { Form::Points },
        lines: BTreeMap::new(),
        names,
        runs: u64::MAX,
    };
    for ((name, x), one) in &found {
        // Over time a run that ended early leaves the others, whose mean would be of other runs.
        if args.x == TIME && most.get(name) != Some(&one.runs) {
            continue;
        }
        let place = match x.parse::<f64>() {
            Ok(x) if numbers => x,
            _ => out.names.iter().position(|known| known == x).unwrap_or(0) as f64,
        };
        out.runs = out.runs.min(one.runs);
        let point = Point { x: place, y: one.mean, low: one.low, high: one.high };
        out.lines.entry(name.clone()).or_default().push(point);
    }
    Ok(out)
}

fn x_axis(args: &Choice, series: &Lines) -> Axis {
    let label = args.x_label.clone();
    if !series.names.is_empty() {
        return Axis::categories(label.unwrap_or_else(|| args.x.clone()), series.names.clone());
    }
    let axis = match (label, args.x.as_str()) {
        (Some(label), _) => Axis::new(label, ""),
        (None, TIME) => Axis::new("Virtual time", "s"),
        (None, key) => Axis::new(key, ""),
    };
    if args.log_x { axis.log() } else { axis }
}
