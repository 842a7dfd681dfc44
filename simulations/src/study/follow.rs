//! A tool changes under everyone, in four ways: detection, silence of the old remedy, recovery, by arm.

use serde::Deserialize;

use super::StudyError;
use super::arm::Arm;
use super::bootstrap;
use super::change::Change;
use super::history::{self, Delays, Trail};
use super::learn::Setting;
use super::page::{Chart, Curve, Page, Point, Scale, Sheet};
use super::people::{FACTS, Spending, UNMET, check_epsilons, check_within, people};
use super::spec::Context;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Epsilon of a period of twelve releases, 0.1 to 20.
    pub epsilon: f64,
    /// Nodes.
    pub nodes: u32,
    /// People of each.
    pub users: u32,
    /// Situations, each of a tool of its own.
    pub situations: u32,
    /// Epochs.
    pub epochs: u32,
    /// How tools change, each a part of the study.
    pub changes: Vec<Change>,
}

impl Parameters {
    fn check(&self) -> Result<(), StudyError> {
        check_epsilons(&[self.epsilon])?;
        check_within("nodes", self.nodes, 1, 200)?;
        check_within("epochs", self.epochs, 4, 500)?;
        for change in &self.changes {
            if change.starts(self.epochs).first().is_none_or(|at| !(2..=self.epochs).contains(at)) {
                let must = "a change that comes from epoch 2 on and before the last one";
                return Err(StudyError::value("changes", change.name(), must));
            }
        }
        if self.changes.is_empty() {
            return Err(StudyError::value("changes", "empty", "at least one"));
        }
        Ok(())
    }
}

/// Runs the study.
///
/// # Errors
/// Fails when a parameter is out of range or a release is refused.
pub fn run(parameters: &Parameters, context: &Context<'_>) -> Result<Page, StudyError> {
    parameters.check()?;
    let people = people(parameters.users, parameters.situations, context.facts)?;
    let mechanism = Spending::Plan.mechanism(parameters.epsilon)?;
    let setting = Setting::new(parameters.nodes, people, mechanism);
    let results = context.sweep(&parameters.changes, |change, seed| {
        history::run(Setting { change: *change, ..setting }, parameters.epochs, &Arm::ALL, seed)
    })?;
    let mut page = Page::new(
        "change",
        "A tool changes under everyone",
        "When a tool changes at once, slowly, again and again, or for a part of the people: who notices, when is the old remedy silent, and what does it cost?",
    );
    page.facts = FACTS.map(String::from).to_vec();
    let mut rows = Vec::new();
    for (run, (change, trails)) in (0..).zip(parameters.changes.iter().zip(&results)) {
        page.charts.push(chart(parameters, *change, trails));
        for (place, arm) in Arm::ALL.into_iter().enumerate() {
            rows.push(row(&mut page, context, run, *change, trails, (place, arm), parameters));
        }
    }
    let columns = [
        "change",
        "knowledge",
        "wasted calls a meeting, beyond the oracle (95 %)",
        "ready",
        "alarm",
        "old one silent",
        "newer one hinted",
        "false alarms",
        "received, kB",
    ];
    page.sheets.push(Sheet {
        caption: "From the first change on. Ready: hinted the working remedy when a change came. Then epochs from the change on, \
                  means over changes, libraries and situations; what did not come counts as the whole phase."
            .into(),
        columns: columns.map(String::from).to_vec(),
        rows,
    });
    words(&mut page, parameters, &results);
    Ok(page)
}

/// Epoch of the first change.
fn first(change: Change, epochs: u32) -> u32 {
    change.starts(epochs).first().copied().unwrap_or(1)
}

fn chart(parameters: &Parameters, change: Change, trails: &[Vec<Trail>]) -> Chart {
    let curves = Arm::ALL.into_iter().enumerate().map(|(place, arm)| Curve {
        label: arm.label().into(),
        points: (1..=parameters.epochs)
            .map(|epoch| {
                let values = trails.iter().map(|all| all[place].wasted(epoch..=epoch));
                let values: Vec<f64> = values.collect();
                Point { x: epoch.into(), y: bootstrap::mean(&values) }
            })
            .collect(),
    });
    Chart {
        title: format!("Wasted calls by epoch, {} change", change.name()),
        caption: format!(
            "Failing calls of a meeting after the first one, at epsilon {} a period. Bands are 95 % bootstrap intervals over {} seeds.",
            parameters.epsilon,
            trails.len()
        ),
        x: Scale::even("epoch", "weeks"),
        y: Scale::even("wasted calls", "per meeting"),
        curves: curves.collect(),
        marks: change
            .starts(parameters.epochs)
            .into_iter()
            .map(|at| (at.into(), String::new()))
            .collect(),
    }
}

fn row(
    page: &mut Page,
    context: &Context<'_>,
    run: u64,
    change: Change,
    trails: &[Vec<Trail>],
    (place, arm): (usize, Arm),
    parameters: &Parameters,
) -> Vec<String> {
    let from = first(change, parameters.epochs);
    let of = |value: &dyn Fn(&Trail) -> f64| -> Vec<f64> {
        trails.iter().map(|all| value(&all[place])).collect()
    };
    let wasted = of(&|one| one.wasted(from..=parameters.epochs));
    let oracle: Vec<f64> =
        trails.iter().map(|all| all[0].wasted(from..=parameters.epochs)).collect();
    let regret = bootstrap::difference(&wasted, &oracle);
    let delays = |value: fn(&Delays) -> f64| of(&|one| one.delay(value));
    let metrics = [
        ("wasted_calls_per_meeting", wasted),
        ("ready_share", of(&|one| one.ready())),
        ("detection_delay_epochs", delays(|d| d.alarm)),
        ("silence_delay_epochs", delays(|d| d.silent)),
        ("recovery_epochs", delays(|d| d.recovered)),
        ("false_alarms", of(&|one| one.false_alarms as f64)),
        ("received_bytes", of(&|one| one.bytes as f64)),
    ];
    let arm_name = format!("{}, {}", arm.name(), change.name());
    let means: Vec<f64> = metrics.iter().map(|(_, values)| bootstrap::mean(values).mean).collect();
    for (metric, values) in &metrics {
        page.note(run, &context.seeds, &arm_name, metric, values);
    }
    let shown = |value: f64, decimals: usize| {
        if value.is_nan() || arm == Arm::Oracle {
            "-".into()
        } else {
            format!("{value:.decimals$}")
        }
    };
    vec![
        change.name().into(),
        arm.label().into(),
        regret.text(3),
        shown(100.0 * means[1], 0) + if arm == Arm::Oracle { "" } else { " %" },
        shown(means[2], 1),
        shown(means[3], 1),
        shown(means[4], 1),
        shown(means[5], 2),
        shown(means[6] / 1e3, 0),
    ]
}

fn words(page: &mut Page, parameters: &Parameters, results: &[Vec<Vec<Trail>>]) {
    let Parameters { epsilon, nodes, users, situations, epochs, changes } = parameters;
    page.method = vec![
        format!(
            "{nodes} nodes of {users} people, {situations} situations of a tool each, {epochs} epochs of a week. Each person uses a tool with the \
             prevalence of a community and meets its failure as the facts say. Outcomes are released once an epoch at epsilon {epsilon} for a period of \
             twelve releases (delta 1e-6, a fifth of rho). Of one person's trials three count in a release."
        ),
        "The centre looks every 600 s, and judges a lesson as soon as ten new trials of it are there: of one or two the test for drift \
         makes nothing. It has one voice."
            .into(),
        UNMET.into(),
    ];
    let place = |arm: Arm| Arm::ALL.iter().position(|one| *one == arm).unwrap_or(0);
    let sentences = changes.iter().zip(results).map(|(change, trails)| {
        let from = first(*change, *epochs);
        let wasted = |arm: Arm| -> Vec<f64> {
            trails.iter().map(|all| all[place(arm)].wasted(from..=*epochs)).collect()
        };
        let gain = bootstrap::difference(&wasted(Arm::Robust), &wasted(Arm::Isolated));
        format!("{} change: {} calls a meeting", change.name(), gain.text(3))
    });
    page.answer = vec![format!(
        "Wasted calls of the private federation less those of nodes alone (below 0 the federation is better). {}.",
        sentences.collect::<Vec<_>>().join("; ")
    )];
    page.limits = "Where only a part of the people has the newer version, one hint for all is wrong for some of them: no arm but the oracle knows who \
        has which. Detection delay and alarm mean little there and in a slow change, where the old remedy stops working for some before others. \
        Every node releases in every epoch, and nobody leaves. Bytes are those of the folded deltas, without the network's own."
        .into();
    page.assumed = vec![
        format!("{users} people on a node, {situations} situations"),
        "the epochs and shapes of the changes".into(),
    ];
}
