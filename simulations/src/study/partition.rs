//! A part of a federation is cut off for a week, and heals: what conflicts, what wins, and what is lost.
//!
//! This study runs the nodes themselves, over a network in virtual time ([`crate::world`]), where the others fold releases
//! without one.

use serde::Deserialize;

use super::StudyError;
use super::bootstrap;
use super::page::{Chart, Curve, Page, Point, Scale, Sheet};
use super::spec::Context;
use crate::scenario::Scenario;
use crate::table::Row;
use crate::world::{self, Outcome, Sample};

/// Parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// A scenario of `lore-sim run` with a partition.
    pub scenario: toml::Table,
}

impl Parameters {
    fn scenario(&self) -> Result<Scenario, StudyError> {
        let text = toml::to_string(&self.scenario)
            .map_err(|error| StudyError::Parse(error.to_string()))?;
        let scenario =
            Scenario::parse(&text).map_err(|error| StudyError::Parse(error.to_string()))?;
        if scenario.partition.is_empty() {
            return Err(StudyError::value("scenario.partition", "missing", "there at least once"));
        }
        Ok(scenario)
    }
}

/// One run with its samples.
struct Run {
    outcome: Outcome,
    samples: Vec<Sample>,
}

/// Runs the study.
///
/// # Errors
/// Fails when the scenario does not parse or cannot run.
pub fn run(parameters: &Parameters, context: &Context<'_>) -> Result<Page, StudyError> {
    let cut = parameters.scenario()?;
    let whole = Scenario { partition: Vec::new(), ..cut.clone() };
    let arms = [("cut off for a week", cut.clone()), ("never cut", whole)];
    let results = context.sweep(&arms, |(_, scenario), seed| {
        let mut samples = Vec::new();
        let outcome = world::run(scenario, seed, |sample| samples.push(sample.clone()))
            .map_err(|error| StudyError::World(error.to_string()))?;
        Ok(Run { outcome, samples })
    })?;
    let mut page = Page::new(
        "partition",
        "A week apart, then together again",
        "A third of a federation is cut off for a week while everybody goes on publishing. What conflicts, what wins, what is lost?",
    );
    let mut rows = Vec::new();
    let (mut roots, mut held) = (Vec::new(), Vec::new());
    for ((name, _), runs) in arms.iter().zip(&results) {
        for run in runs {
            page.ok &= run.outcome.ok && run.outcome.deliveries.missed == 0;
        }
        let of = |value: &dyn Fn(&Outcome) -> f64| -> Vec<f64> {
            runs.iter().map(|run| value(&run.outcome)).collect()
        };
        let micros = |time: Option<u64>| time.map_or(f64::NAN, |micros| micros as f64 / 1e6);
        let metrics = [
            ("published", of(&|one| one.published as f64)),
            ("missed_deliveries", of(&|one| one.deliveries.missed as f64)),
            ("gone_with_disk", of(&|one| one.gone_with_disk as f64)),
            ("forks", of(&|one| one.forks as f64)),
            ("most_distinct_roots", of(&|one| one.most_distinct_roots as f64)),
            ("t50_s", of(&|one| micros(one.t50_micros))),
            ("t99_s", of(&|one| micros(one.t99_micros))),
            ("t100_s", of(&|one| micros(one.t100_micros))),
            ("agreed_after_calm_s", of(&|one| micros(one.agreed_after_calm_micros))),
            ("sync_bytes", of(&|one| one.tally.sync_bytes as f64)),
        ];
        for (metric, values) in &metrics {
            page.note(0, &context.seeds, name, metric, values);
        }
        for (at, (metric, values)) in metrics.iter().enumerate() {
            let mean = bootstrap::mean(values);
            let text = if mean.mean.is_nan() { "-".into() } else { mean.text(0) };
            if rows.len() <= at {
                rows.push(vec![(*metric).to_owned()]);
            }
            rows[at].push(text);
        }
        let points = |of: fn(&Sample) -> f64| over_time(runs, of);
        roots
            .push(Curve { label: (*name).into(), points: points(|one| one.distinct_roots as f64) });
        held.push(Curve {
            label: format!("{name}, least"),
            points: points(|one| one.deltas_min as f64),
        });
        held.push(Curve {
            label: format!("{name}, most"),
            points: points(|one| one.deltas_max as f64),
        });
        for run in runs {
            let seed = run.outcome.seed;
            page.table.extend(run.samples.iter().map(|sample| Row {
                run: 0,
                seed,
                t_micros: sample.t_micros,
                node: None,
                arm: (*name).into(),
                metric: "distinct_roots".into(),
                value: sample.distinct_roots as f64,
            }));
        }
    }
    let day = |seconds: u64| seconds as f64 / 86_400.0;
    let marks: Vec<(f64, String)> = cut
        .partition
        .iter()
        .flat_map(|one| {
            [(day(one.from_s), "cut".to_owned()), (day(one.until_s), "healed".to_owned())]
        })
        .collect();
    let days = || Scale::even("time", "days");
    page.charts = vec![
        Chart {
            title: "Different libraries among members".into(),
            caption: format!(
                "Different states of the library among members that are up. Bands are 95 % bootstrap intervals over {} seeds.",
                context.seeds.len()
            ),
            x: days(),
            y: Scale::even("different libraries", ""),
            curves: roots,
            marks: marks.clone(),
        },
        Chart {
            title: "Deltas that members hold".into(),
            caption: format!(
                "Of the member that holds least and the one that holds most. While the federation is cut, both sides go on.{}",
                if page.ok { " After the heal all hold all." } else { "" }
            ),
            x: days(),
            y: Scale::even("deltas", ""),
            curves: held,
            marks,
        },
    ];
    page.sheets.push(Sheet {
        caption: "Means over seeds with 95 % intervals. The metric's name has its unit.".into(),
        columns: ["metric", arms[0].0, arms[1].0].map(String::from).to_vec(),
        rows,
    });
    words(&mut page, &cut, &results);
    Ok(page)
}

/// The mean of a value at the times that all runs sampled.
fn over_time(runs: &[Run], of: fn(&Sample) -> f64) -> Vec<Point> {
    let count = runs.iter().map(|run| run.samples.len()).min().unwrap_or(0);
    // About a hundred points are as many as a chart can show.
    (0..count)
        .step_by(count.div_ceil(100).max(1))
        .map(|at| {
            let values: Vec<f64> = runs.iter().map(|run| of(&run.samples[at])).collect();
            let x = runs[0].samples[at].t_micros as f64 / 86_400e6;
            Point { x, y: bootstrap::mean(&values) }
        })
        .collect()
}

fn words(page: &mut Page, cut: &Scenario, results: &[Vec<Run>]) {
    let outcomes = || results[0].iter().map(|run| &run.outcome);
    let published: usize = outcomes().map(|one| one.published).sum();
    let missed: u64 = outcomes().map(|one| one.deliveries.missed).sum();
    let forks: usize = outcomes().map(|one| one.forks).sum();
    let agreed = outcomes().filter(|one| one.agreed_at_micros.is_some()).count();
    let runs = results[0].len();
    let lost =
        if missed == 0 { "Lost: nothing.".into() } else { format!("LOST: {missed} deliveries.") };
    page.answer = vec![format!(
        "{lost} Of {published} deltas that were published over all seeds {missed} deliveries are missing at the end; {agreed} of {runs} runs agree on one \
         library after the heal, and {forks} chains forked."
    )];
    if missed == 0 && forks == 0 && agreed == runs {
        page.answer.push(
            "In conflict: only which epoch a delta counts in. The side without the signer of checkpoints sees no epoch end, so that its deltas \
             wait, and are sealed by the first checkpoint after the heal. Nothing wins over anything: the library is a function of the set of \
             deltas, not of their order."
                .into(),
        );
    }
    if !page.ok {
        page.answer.push("AN INVARIANT IS VIOLATED OR A DELIVERY IS MISSING.".into());
    }
    page.method = vec![format!(
        "{} nodes, each the engine that a daemon drives, with real signatures and bytes, over a network with {} % loss in virtual time. {:.0} % of them are cut \
         off. All publish lessons and revisions throughout. The control arm has the same seeds without the cut. Gossip is the shipped \
         tree, among the neighbours that a random overlay gives each node.",
        cut.nodes,
        100.0 * cut.network.loss,
        100.0 * cut.partition.first().map_or(0.0, |one| one.share),
    )];
    page.limits = "One signer of checkpoints, on the larger side. Two sides that each seal epochs make a split that signers must heal by hand; this is \
        not simulated here. Arms of learning do not apply: this is about what arrives, and all arms rest on it. Nobody changes the same skill \
        on purpose on both sides."
        .into();
    page.assumed = vec!["the network, the work and the cut, as the study's file has them".into()];
}
