//! How many nodes make private pooling beat working alone.
//!
//! Every node counts successes and failures of a set of remedies and releases the counts once, with the whole budget
//! of a period. The error of the pooled estimate, with noise, is compared with that of a node's own counts, without.
//! The formula of `lore_privacy::utility::break_even_nodes` is checked against what comes out.

use std::collections::BTreeSet;

use lore_privacy::release::{OutcomesSpec, release_outcomes};
use lore_privacy::{
    Bounds, LocalSecret, OutcomeContribution, Private, SeededNoise, mechanism, preset, utility,
};
use lore_protocol::ids::Hash;
use lore_protocol::library::{Counts, Pool};
use lore_protocol::payload::{ItemId, Mechanism, Noise, Payload, Unit};
use serde::Deserialize;

use super::StudyError;
use super::arm::Arm;
use super::bootstrap;
use super::crowd::uniform;
use super::fold::{EVIDENCE_CAP, UNBOUNDED, member};
use super::formula::{BreakEven, second_order};
use super::learn::quiet;
use super::page::{Chart, Curve, Page, Point, Scale, Sheet};
use super::people::check_epsilons;
use super::pitfall::Pitfall;
use super::spec::Context;
use crate::budget::{self, DELTA_E18, WEEK};
use crate::rng::{Purpose, Streams};

/// Remedies that a person's trials are about.
const ITEMS_PER_USER: u32 = 3;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Epsilons of the one release, each 0.1 to 20.
    pub epsilons: Vec<f64>,
    /// Numbers of nodes, ascending from 1.
    pub nodes: Vec<u32>,
    /// Trials of each remedy on a node.
    pub trials: u32,
    /// Remedies: each is an estimate of its own.
    pub items: u32,
    /// True success rate, 0.05 to 0.95.
    pub rate: f64,
}

impl Parameters {
    fn check(&self) -> Result<(), StudyError> {
        let ascending = self.nodes.is_sorted_by(|a, b| a < b) && self.nodes.first() == Some(&1);
        if !ascending || self.nodes.len() < 3 || self.nodes.last() > Some(&400) {
            let got = format!("{:?}", self.nodes);
            return Err(StudyError::value("nodes", got, "at least three, ascending from 1 to 400"));
        }
        check_epsilons(&self.epsilons)?;
        if !(0.05..=0.95).contains(&self.rate) {
            return Err(StudyError::value("rate", self.rate, "between 0.05 and 0.95"));
        }
        if !(1..=1_000).contains(&self.trials) {
            return Err(StudyError::value("trials", self.trials, "between 1 and 1,000"));
        }
        if !(3..=500).contains(&self.items) || !self.items.is_multiple_of(ITEMS_PER_USER) {
            return Err(StudyError::value("items", self.items, "a multiple of 3, 3 to 500"));
        }
        Ok(())
    }
}

/// The mechanism of one outcome release that takes a whole period's budget.
///
/// # Errors
/// Fails when the budget buys none.
pub fn whole_budget(epsilon: f64) -> Result<Mechanism, StudyError> {
    let rho_nano = preset::rho_nano(budget::micros(epsilon), DELTA_E18)?;
    let scale = preset::least_scale(Noise::Gaussian, Bounds::OUTCOMES, rho_nano)?;
    Ok(mechanism::gaussian(Unit::User, Bounds::OUTCOMES, scale, 0)?)
}

/// Squared errors of one seed: of a node alone, and of pools by number of nodes.
struct Errors {
    alone: f64,
    gossip: Vec<f64>,
    /// By epsilon, then by number of nodes.
    private: Vec<Vec<f64>>,
    robust: Vec<Vec<f64>>,
}

/// Counts of every item, as released by one node.
fn released(
    parameters: &Parameters,
    items: &[ItemId],
    mechanism: Mechanism,
    node: u32,
    seed: u64,
) -> Result<Vec<Counts>, StudyError> {
    let secret = LocalSecret::from_bytes(*member(node).as_bytes());
    let mut draws = Streams::new(seed).stream(node, Purpose::Work);
    // Each person has one trial of three remedies, and each remedy as many trials as the study says.
    let groups = items.chunks(ITEMS_PER_USER as usize);
    let mut trials = Vec::new();
    for (group, items) in groups.enumerate() {
        for person in 0..parameters.trials {
            let unit = secret.user(&format!("{group}-{person}"));
            trials.extend(items.iter().map(|item| OutcomeContribution {
                unit,
                item: *item,
                context: 0,
                success: uniform(&mut draws) < parameters.rate,
                start_seconds: 1,
            }));
        }
    }
    let parts = [seed, node.into()].map(u64::to_le_bytes).concat();
    let spec = OutcomesSpec {
        release: Hash::derive("lore-sim/break-even", &[&parts]),
        mechanism,
        window: WEEK,
        items_root: Hash::ZERO,
        cells: items.iter().map(|item| (*item, 0)).collect::<BTreeSet<_>>(),
    };
    let mut noise = SeededNoise::new(&parts);
    let made = release_outcomes(&spec, &Private::new(trials), &secret, &mut noise)?;
    let Payload::Outcomes(outcomes) = made.into_inner() else { return Ok(Vec::new()) };
    let counts = outcomes.cells.iter().map(|cell| Counts {
        successes: cell.successes,
        failures: cell.failures,
        variance_micros: mechanism.variance_micros(),
    });
    Ok(counts.collect())
}

/// Mean squared error of the pooled rates of the first `nodes` nodes. A pool that has no estimate counts as one half.
fn error(all: &[Vec<Counts>], nodes: std::ops::Range<usize>, cap: u32, rate: f64) -> f64 {
    let items = all[0].len();
    let squares = (0..items).map(|item| {
        let mut pool = Pool::new(cap);
        all[nodes.clone()].iter().for_each(|counts| pool.add([&counts[item]]));
        let found = pool.estimate().map_or(0.5, |found| found.rate_micros as f64 / 1e6);
        (found - rate).powi(2)
    });
    squares.sum::<f64>() / items as f64
}

fn one_seed(parameters: &Parameters, seed: u64) -> Result<Errors, StudyError> {
    let items = (0..parameters.items)
        .map(|number| Ok(ItemId::Lesson(Pitfall::new(number, 1)?.remedies[0].id())))
        .collect::<Result<BTreeSet<_>, StudyError>>()?;
    let items: Vec<ItemId> = items.into_iter().collect();
    let most = parameters.nodes.last().copied().unwrap_or(1);
    let by_node = |mechanism: Mechanism| {
        (0..most)
            .map(|node| released(parameters, &items, mechanism, node, seed))
            .collect::<Result<Vec<_>, _>>()
    };
    let pools = |all: &[Vec<Counts>], cap: u32| -> Vec<f64> {
        let nodes = parameters.nodes.iter().map(|nodes| *nodes as usize);
        nodes.map(|nodes| error(all, 0..nodes, cap, parameters.rate)).collect()
    };
    let exact = by_node(quiet()?)?;
    let alone = (0..exact.len()).map(|n| error(&exact, n..n + 1, EVIDENCE_CAP, parameters.rate));
    let mut errors = Errors {
        alone: alone.sum::<f64>() / exact.len() as f64,
        gossip: pools(&exact, EVIDENCE_CAP),
        private: Vec::new(),
        robust: Vec::new(),
    };
    for epsilon in &parameters.epsilons {
        let noisy = by_node(whole_budget(*epsilon)?)?;
        errors.private.push(pools(&noisy, UNBOUNDED));
        errors.robust.push(pools(&noisy, EVIDENCE_CAP));
    }
    Ok(errors)
}

/// The number of nodes at which the error of pools falls to that of a node alone, by a straight line between
/// the two numbers of nodes around it, on logarithmic scales; not a number when it does not within those that were tried.
fn crossing(nodes: &[u32], pooled: &[f64], alone: f64) -> f64 {
    for at in (1..nodes.len()).rev() {
        let (above, below) = (pooled[at - 1], pooled[at]);
        if above > alone && below <= alone {
            let [left, right] = [nodes[at - 1], nodes[at]].map(|n| f64::from(n).ln());
            let share = (above / alone).ln() / (above / below).ln();
            return (left + share * (right - left)).exp();
        }
    }
    if pooled[0] <= alone { 1.0 } else { f64::NAN }
}

/// The most by which bounded voices move the mean squared error of a pool, as a share of it.
fn moved(all: &[Errors]) -> f64 {
    let mean = |of: &dyn Fn(&Errors) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    let mut most = 0.0_f64;
    for (place, pools) in all[0].private.iter().enumerate() {
        for at in 0..pools.len() {
            let summed = mean(&|errors| errors.private[place][at]);
            let robust = mean(&|errors| errors.robust[place][at]);
            most = most.max((robust / summed - 1.0).abs());
        }
    }
    most
}

/// Runs the study; also gives the break-even of each epsilon.
///
/// # Errors
/// Fails when a parameter is out of range or a release is refused.
pub fn measure(
    parameters: &Parameters,
    context: &Context<'_>,
) -> Result<(Page, Vec<BreakEven>), StudyError> {
    parameters.check()?;
    let all = context.each(|seed| one_seed(parameters, seed))?;
    let Parameters { nodes, trials, rate, epsilons, .. } = parameters;
    let alone: Vec<f64> = all.iter().map(|errors| errors.alone).collect();
    let root = |values: &[f64]| {
        bootstrap::of(values.len(), |places| bootstrap::mean_at(values, places).sqrt())
    };
    let mut page = Page::new(
        "break-even",
        "How many nodes make private pooling beat working alone",
        "From how many nodes on is a success rate better known from everybody's noisy counts than from one's own exact ones?",
    );
    let curve = |label: &str, of: &dyn Fn(&Errors, usize) -> f64| Curve {
        label: label.into(),
        points: (0..nodes.len())
            .map(|at| {
                let values: Vec<f64> = all.iter().map(|errors| of(errors, at)).collect();
                Point { x: f64::from(nodes[at]), y: root(&values) }
            })
            .collect(),
    };
    let mut curves = vec![
        curve(Arm::Isolated.label(), &|errors, _| errors.alone),
        curve(Arm::Gossip.label(), &|errors, at| errors.gossip[at]),
    ];
    let mut found = Vec::new();
    for (place, epsilon) in epsilons.iter().enumerate() {
        curves.push(curve(&format!("private, epsilon {epsilon}"), &|errors, at| {
            errors.robust[place][at]
        }));
        let sigma = whole_budget(*epsilon)?.scale_micros as f64 / 1e6;
        let simulated = bootstrap::of(all.len(), |places| {
            let pooled: Vec<f64> = (0..nodes.len())
                .map(|at| {
                    let values: Vec<f64> = all.iter().map(|e| e.robust[place][at]).collect();
                    bootstrap::mean_at(&values, places)
                })
                .collect();
            crossing(nodes, &pooled, bootstrap::mean_at(&alone, places))
        });
        let (p, q, n) = (*rate, 1.0 - rate, f64::from(*trials));
        let formula = 1.0 + sigma * sigma * (p * p + q * q) / (p * q * n);
        found.push(BreakEven {
            epsilon: *epsilon,
            sigma,
            simulated,
            formula,
            second_order: second_order(formula, sigma, n),
            least_nodes: utility::break_even_nodes(sigma, *trials, *rate),
        });
        for (at, count) in nodes.iter().enumerate() {
            let of = |arm: Arm, values: Vec<f64>| (arm, values);
            let arms = [
                of(Arm::Private, all.iter().map(|e| e.private[place][at]).collect()),
                of(Arm::Robust, all.iter().map(|e| e.robust[place][at]).collect()),
            ];
            for (arm, values) in arms {
                let arm = format!("{}, epsilon {epsilon}", arm.name());
                page.note((*count).into(), &context.seeds, &arm, "squared_error", &values);
            }
        }
    }
    for (at, count) in nodes.iter().enumerate() {
        let gossip: Vec<f64> = all.iter().map(|errors| errors.gossip[at]).collect();
        page.note((*count).into(), &context.seeds, Arm::Gossip.name(), "squared_error", &gossip);
        page.note((*count).into(), &context.seeds, Arm::Isolated.name(), "squared_error", &alone);
    }
    describe(&mut page, parameters, context, (curves, moved(&all)), &found);
    Ok((page, found))
}

fn describe(
    page: &mut Page,
    parameters: &Parameters,
    context: &Context<'_>,
    (curves, moved): (Vec<Curve>, f64),
    found: &[BreakEven],
) {
    let Parameters { trials, rate, items, nodes, .. } = parameters;
    page.charts.push(Chart {
        title: "Error of a success rate".into(),
        caption: format!(
            "Root mean square error over {items} remedies and {} seeds; bands are 95 % bootstrap intervals. Pooling pays \
             where a curve is below the line of a node alone.",
            context.seeds.len()
        ),
        x: Scale::log("nodes that pool", ""),
        y: Scale::log("error of the rate", "0 to 1"),
        curves,
        marks: Vec::new(),
    });
    let rows = found.iter().map(|one| {
        vec![
            one.epsilon.to_string(),
            format!("{:.2}", one.sigma),
            one.simulated.text(1),
            format!("{:.1}", one.formula),
            format!("{:.1}", one.second_order),
            one.least_nodes.to_string(),
        ]
    });
    let columns = [
        "epsilon",
        "sigma",
        "break-even, simulated (95 %)",
        "by the formula",
        "with its second order",
        "nodes that suffice, by the formula",
    ];
    page.sheets.push(Sheet {
        caption: "Nodes at which a private pool knows a rate as well as a node alone.".into(),
        columns: columns.map(String::from).to_vec(),
        rows: rows.collect(),
    });
    page.ok = found.iter().all(BreakEven::agrees);
    page.method = vec![format!(
        "Up to {} nodes count {trials} trials of each of {items} remedies, three for each person, at a true rate of {rate}. \
         Each node releases its counts once, with the whole budget of a period (delta 1e-6). A node alone goes by its own \
         counts without noise; the centre of the centralised arm knows what gossip without privacy does, and the oracle has no error.",
        nodes.last().copied().unwrap_or(0)
    )];
    let words = found.iter().map(|one| {
        format!(
            "epsilon {}: {} nodes by simulation, {:.1} by the formula",
            one.epsilon,
            one.simulated.text(1),
            one.formula
        )
    });
    page.answer = vec![
        format!("{}.", words.collect::<Vec<_>>().join("; ")),
        if page.ok {
            "Simulation and formula agree: with the second order of a ratio's error the formula lies within the intervals, widened from 95 % \
             to 99.999 % and by a twentieth for the straight line between two numbers of nodes."
                .into()
        } else {
            "Simulation and formula DISAGREE: one of the two is wrong.".into()
        },
    ];
    if found.iter().all(|one| one.formula <= one.simulated.mean) {
        page.answer.push("By its first order alone the formula lies a little low.".into());
    }
    page.answer.push(format!(
        "Bounding voices, where nobody lies, moves the error by {:.1} % at most.",
        100.0 * moved
    ));
    page.limits = "One release takes the whole budget. Under a default plan outcomes have a fifth of rho in twelve releases, so that \
        each is far noisier; the study `rename` shows both. All nodes are equally large and have the same rate: where rates differ by \
        node, a pool answers another question than a node alone."
        .into();
    page.assumed = vec![
        format!("{trials} trials of a remedy on a node"),
        format!("a success rate of {rate}"),
        "nodes of equal size and equal rates".into(),
    ];
}

/// Runs the study.
///
/// # Errors
/// As [`measure`].
pub fn run(parameters: &Parameters, context: &Context<'_>) -> Result<Page, StudyError> {
    measure(parameters, context).map(|(page, _)| page)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::study::facts::Facts;

    #[test]
    fn simulation_and_formula_agree() {
        let parameters = Parameters {
            epsilons: vec![0.5, 1.0],
            nodes: vec![1, 2, 3, 4, 5, 6, 8, 12, 16, 18, 20, 24],
            trials: 30,
            items: 30,
            rate: 0.6,
        };
        let facts = Facts::shipped();
        let (progress, seeds) = (|_: f64| (), (1..=20).collect());
        let context = Context { seeds, facts: &facts, threads: 2, progress: &progress };
        let (page, found) = measure(&parameters, &context).unwrap();
        println!("{found:?}");
        assert!(page.ok, "{found:?}");
        assert_eq!(found[1].least_nodes, 6, "as docs/privacy-numbers.md says");
        // A noise that is twice as large would need four times as many nodes: the agreement is not empty.
        for one in found {
            let other = second_order(1.0 + 4.0 * (one.formula - 1.0), 2.0 * one.sigma, 30.0);
            assert!(!BreakEven { second_order: other, ..one }.agrees(), "{one:?}");
            assert!((one.simulated.mean / one.formula - 1.0).abs() < 0.3, "{one:?}");
        }
    }
}
