//! Summaries of tables: the mean over runs and its interval, and the axes that arms name.

use std::collections::{BTreeMap, BTreeSet};

use crate::stats::Sample;
use crate::table::{Row, Table, TableError};

/// Mean over runs with its 95 % interval by Student's t.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// Number of runs.
    pub runs: u64,
    /// Mean.
    pub mean: f64,
    /// Lower end; the mean itself of a single run, which has no interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The interval of some values, one of each run; none of no values.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let sample: Sample = values.into_iter().collect();
        let (runs, mean) = (sample.count(), sample.mean());
        let half = if runs < 2 { 0.0 } else { student(runs - 1) * sample.standard_error() };
        (runs > 0).then_some(Self { runs, mean, low: mean - half, high: mean + half })
    }
}

/// Quantile 0.975 of Student's t. Above ten degrees of freedom by the expansion of Abramowitz and Stegun,
/// 26.7.5, which is right to three decimals there.
fn student(freedom: u64) -> f64 {
    const FEW: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    let place = usize::try_from(freedom).unwrap_or(usize::MAX).saturating_sub(1);
    if let Some(value) = FEW.get(place) {
        return *value;
    }
    let (z, n) = (1.959_964_f64, freedom as f64);
    z + (z.powi(3) + z) / (4.0 * n)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / (384.0 * n.powi(3))
}

/// Interval of a metric for each arm and time; a run counts once, by the mean over its nodes.
///
/// # Errors
/// Fails when the table is refused.
pub fn summarise(
    table: &Table,
    metric: &str,
) -> Result<BTreeMap<(String, u64), Interval>, TableError> {
    grouped(table, metric, |row| (row.arm.clone(), row.t_micros))
}

/// Interval of a metric for each group of rows; a run counts once in a group, by the mean over its rows.
///
/// # Errors
/// Fails when the table is refused.
pub fn grouped<K: Ord>(
    table: &Table,
    metric: &str,
    key: impl Fn(&Row) -> K,
) -> Result<BTreeMap<K, Interval>, TableError> {
    let mut runs: BTreeMap<K, BTreeMap<(u64, u64), Sample>> = BTreeMap::new();
    for row in table.sorted()?.into_iter().filter(|row| row.metric == metric) {
        runs.entry(key(row)).or_default().entry((row.run, row.seed)).or_default().add(row.value);
    }
    let intervals = runs.into_iter().filter_map(|(key, runs)| {
        Interval::of(runs.values().map(Sample::mean)).map(|interval| (key, interval))
    });
    Ok(intervals.collect())
}

/// All metrics of a table.
///
/// # Errors
/// Fails when the table is refused.
pub fn metrics(table: &Table) -> Result<BTreeSet<String>, TableError> {
    Ok(table.sorted()?.into_iter().map(|row| row.metric.clone()).collect())
}

/// The values on axes that an arm of a sweep names, as `key=value, key=value`.
#[must_use]
pub fn axes(arm: &str) -> BTreeMap<&str, &str> {
    arm.split(", ").filter_map(|one| one.split_once('=')).collect()
}

/// Label and unit of a metric, from the end of its name.
#[must_use]
pub fn label(metric: &str) -> (String, &'static str) {
    let units =
        [("_s", "s"), ("_bytes", "bytes"), ("_points", "percentage points"), ("_epochs", "epochs")];
    let name = metric.strip_prefix("at.").unwrap_or(metric);
    let found = units.into_iter().find_map(|(end, unit)| Some((name.strip_suffix(end)?, unit)));
    let (name, unit) = found.unwrap_or((name, if name == "bytes" { "bytes" } else { "" }));
    let words = name.replace(['_', '.'], " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    (first + letters.as_str(), unit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, expected) in [(1, 12.706), (10, 2.228), (11, 2.201), (20, 2.086), (60, 2.000)]
        {
            assert!((student(freedom) - expected).abs() < 6e-4, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn a_run_counts_once_whatever_its_number_of_nodes() {
        let row = |run, node, value| Row {
            run,
            seed: run,
            t_micros: 0,
            node: Some(node),
            arm: "a".into(),
            metric: "m".into(),
            value,
        };
        let table: Table = [row(1, 0, 1.0), row(1, 1, 3.0), row(2, 0, 4.0)].into_iter().collect();
        let summary = summarise(&table, "m").unwrap();
        let interval = summary[&("a".to_owned(), 0)];
        assert_eq!((interval.runs, interval.mean), (2, 3.0));
        // Standard error 1, one degree of freedom.
        assert!((interval.high - 15.706).abs() < 1e-9);
        assert_eq!(Interval::of([7.0]).unwrap().low, 7.0);
        assert!(Interval::of([]).is_none());
    }

    #[test]
    fn names_give_labels_units_and_axes() {
        assert_eq!(label("at.distinct_roots"), ("Distinct roots".into(), ""));
        assert_eq!(label("agreed_after_calm_s"), ("Agreed after calm".into(), "s"));
        assert_eq!(label("tally.sync_bytes"), ("Tally sync".into(), "bytes"));
        let axes = axes("gossip.degree=4, network.loss=0.1");
        assert_eq!((axes["gossip.degree"], axes["network.loss"]), ("4", "0.1"));
    }
}
