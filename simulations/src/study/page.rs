//! What a study found: charts, tables, and words for what it shows and does not show.

use serde::Serialize;

use super::bootstrap::Interval;
use super::facts::Facts;
use crate::table::{Row, Table};

/// One point of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Place on the x axis.
    pub x: f64,
    /// Estimate with its interval.
    pub y: Interval,
}

/// One curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Name in the legend.
    pub label: String,
    /// Points, by x.
    pub points: Vec<Point>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scale {
    /// Name.
    pub label: String,
    /// Unit; empty for a plain number.
    pub unit: String,
    /// True for a logarithmic one.
    pub log: bool,
    /// Its ends; none: the values decide.
    pub range: Option<(f64, f64)>,
}

impl Scale {
    /// An even axis.
    #[must_use]
    pub fn even(label: &str, unit: &str) -> Self {
        Self { label: label.into(), unit: unit.into(), log: false, range: None }
    }

    /// A logarithmic axis.
    #[must_use]
    pub fn log(label: &str, unit: &str) -> Self {
        Self { log: true, ..Self::even(label, unit) }
    }

    /// The same axis with these ends.
    #[must_use]
    pub const fn from_to(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
}

/// One chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// Title.
    pub title: String,
    /// What it says, in a sentence or two.
    pub caption: String,
    /// The x axis.
    pub x: Scale,
    /// The y axis.
    pub y: Scale,
    /// Its curves.
    pub curves: Vec<Curve>,
    /// Places on the x axis that are marked, with a word.
    pub marks: Vec<(f64, String)>,
}

/// One table for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// What it holds.
    pub caption: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

/// All of a study's results.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    /// Name of the study.
    pub study: String,
    /// Title.
    pub title: String,
    /// The question that it asks.
    pub question: String,
    /// What was simulated, in paragraphs.
    pub method: Vec<String>,
    /// What came out, in paragraphs.
    pub answer: Vec<String>,
    /// Charts.
    pub charts: Vec<Chart>,
    /// Tables.
    pub sheets: Vec<Sheet>,
    /// What it does not show.
    pub limits: String,
    /// Names of the facts that it read.
    pub facts: Vec<String>,
    /// Values that are assumed in the study's file.
    pub assumed: Vec<String>,
    /// False when something that must hold does not.
    pub ok: bool,
    /// All values, for people who compute with them.
    #[serde(skip)]
    pub table: Table,
}

impl Page {
    /// An empty page.
    pub fn new(study: &str, title: &str, question: &str) -> Self {
        Self {
            study: study.into(),
            title: title.into(),
            question: question.into(),
            method: Vec::new(),
            answer: Vec::new(),
            charts: Vec::new(),
            sheets: Vec::new(),
            limits: String::new(),
            facts: Vec::new(),
            assumed: Vec::new(),
            ok: true,
            table: Table::new(),
        }
    }

    /// Adds one value for each seed. Values that are not finite are left out.
    pub fn note(&mut self, run: u64, seeds: &[u64], arm: &str, metric: &str, values: &[f64]) {
        for (seed, value) in seeds.iter().zip(values).filter(|(_, value)| value.is_finite()) {
            self.table.push(Row {
                run,
                seed: *seed,
                t_micros: 0,
                node: None,
                arm: arm.into(),
                metric: metric.into(),
                value: *value,
            });
        }
    }

    /// The facts that were read, one line each: name, value, origin.
    #[must_use]
    pub fn fact_lines(&self, facts: &Facts) -> Vec<[String; 3]> {
        let known = |name: &String| facts.all().iter().find(|fact| &fact.name == name);
        let lines = self.facts.iter().filter_map(known).map(|fact| {
            let range = match (fact.low, fact.high) {
                (Some(low), Some(high)) => format!(" ({low} to {high})"),
                _ => String::new(),
            };
            let basis = match fact.basis {
                super::facts::Basis::Measured => "measured",
                super::facts::Basis::Assumed => "assumed",
            };
            [format!("{} = {}{range}", fact.name, fact.value), basis.into(), fact.source.clone()]
        });
        lines.collect()
    }
}
