//! Metrics of a run: what a base of a sweep hands over, and how a federation's outcome becomes rows.

use serde::Serialize;
use serde_json::Value;

use crate::table::{Row, Table};
use crate::world::{Outcome, Sample};

/// A value of a run, before the run has a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Virtual time, in microseconds; 0 where the metric has none.
    pub t_micros: u64,
    /// Node, or none for a value of the whole.
    pub node: Option<u32>,
    /// Arm within the run; empty when the run has one.
    pub arm: String,
    /// Name with its unit.
    pub name: String,
    /// Value.
    pub value: f64,
}

/// Adds the metrics of one run to a table. `arm` names the cell; an arm within the run is added to it.
pub fn add(table: &mut Table, run: u64, seed: u64, arm: &str, metrics: Vec<Metric>) {
    table.extend(metrics.into_iter().map(|metric| {
        let arm = match (arm, metric.arm.as_str()) {
            (arm, "") => arm.to_owned(),
            ("", inner) => format!("arm={inner}"),
            (arm, inner) => format!("{arm}, arm={inner}"),
        };
        let Metric { t_micros, node, name: metric, value, .. } = metric;
        Row { run, seed, t_micros, node, arm, metric, value }
    }));
}

/// All numbers of a federation's run: samples over time, and the outcome at time 0. Times are in seconds,
/// what did not happen has no row, and true is 1.
#[must_use]
pub fn of_federation(outcome: &Outcome, samples: &[Sample]) -> Vec<Metric> {
    let mut metrics = flat(outcome, "", 0);
    for sample in samples {
        let at = flat(sample, "at.", sample.t_micros);
        metrics.extend(at.into_iter().filter(|metric| metric.name != "at.t_s"));
    }
    metrics
}

/// All numbers of one run as `lore-sim run --json` prints it.
#[must_use]
pub fn of_json(run: &Value) -> Vec<Metric> {
    flat(run, "", 0)
}

/// The numbers of anything that can be written as JSON; the name of one within another has a point.
fn flat(of: &impl Serialize, prefix: &str, t_micros: u64) -> Vec<Metric> {
    let mut out = Vec::new();
    // A value of this crate always becomes JSON; if it did not, the metrics would be missing, not wrong.
    if let Ok(Value::Object(fields)) = serde_json::to_value(of) {
        for (name, value) in &fields {
            walk(&mut out, &format!("{prefix}{name}"), value, t_micros);
        }
    }
    out
}

fn walk(out: &mut Vec<Metric>, name: &str, value: &Value, t_micros: u64) {
    let number = match value {
        Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
        Value::Number(number) => number.as_f64(),
        Value::Object(fields) => {
            for (inner, value) in fields {
                walk(out, &format!("{name}.{inner}"), value, t_micros);
            }
            None
        }
        // Texts and lists are no metrics.
        Value::Null | Value::String(_) | Value::Array(_) => None,
    };
    if let Some(value) = number.filter(|_| name != "seed" && name != "at.seed") {
        let (name, value) = match name.strip_suffix("_micros") {
            Some(name) => (format!("{name}_s"), value / 1e6),
            None => (name.to_owned(), value),
        };
        out.push(Metric { t_micros, node: None, arm: String::new(), name, value });
    }
}
