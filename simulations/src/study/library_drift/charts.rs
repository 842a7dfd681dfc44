//! Charts of the study.

use super::measure::Seen;
use super::results::{BY_FAILURE, BY_WORDS, Results, knowledge};
use super::rule::{Rank, Rule};
use super::{Parameters, Window};
use crate::study::arm::Arm;
use crate::study::bootstrap;
use crate::study::page::{Chart, Curve, Point, Scale};

/// Everything, the oracle, the shipped rule in each arm, and one bound under privacy.
fn shown(parameters: &Parameters) -> Vec<(Arm, Rule, String)> {
    let middle = parameters.bounds[parameters.bounds.len() / 2] as usize;
    let shipped = |arm: Arm| (arm, Rule::Shipped, format!("shipped, {}", knowledge(arm)));
    let bounded = Rule::Bounded { most: middle, by: Rank::Uses };
    vec![
        (Arm::Oracle, Rule::Oracle { most: None }, "oracle".into()),
        (Arm::Oracle, Rule::All, "everything".into()),
        shipped(Arm::Robust),
        shipped(Arm::Gossip),
        shipped(Arm::Isolated),
        (Arm::Robust, bounded, format!("at most {middle}, private")),
    ]
}

/// The course of a value over epochs.
fn course(
    parameters: &Parameters,
    results: &Results<'_>,
    texts: (&str, String),
    y: Scale,
    value: impl Fn(&Seen) -> f64,
) -> Chart {
    let curve = |(arm, rule, label): (Arm, Rule, String)| Curve {
        label,
        points: (1..=parameters.epochs)
            .map(|epoch| {
                let of_seeds = results.of(arm, rule, |one| one.each(&(epoch..=epoch), &value));
                Point { x: epoch.into(), y: bootstrap::mean(&of_seeds) }
            })
            .collect(),
    };
    Chart {
        title: texts.0.into(),
        caption: texts.1,
        x: Scale::even("epoch", "weeks"),
        y,
        curves: shown(parameters).into_iter().map(curve).collect(),
        marks: Vec::new(),
    }
}

/// What happens epoch by epoch.
pub(super) fn courses(parameters: &Parameters, results: &Results<'_>, world: &str) -> Vec<Chart> {
    let bands = format!(
        "In the world of {world}. Bands are 95 % bootstrap intervals over {} seeds.",
        results.0.len()
    );
    let course = |title: &str, caption: &str, y: Scale, value: &dyn Fn(&Seen) -> f64| {
        course(parameters, results, (title, format!("{caption} {bands}")), y, value)
    };
    vec![
        course(
            "Items given, by epoch",
            "Everything is the whole library. Rivals count each for itself.",
            Scale::even("items", ""),
            &|seen| seen.active,
        ),
        course(
            "Items given that help nobody, by epoch",
            "Another remedy works for the situation, or nobody meets it any more.",
            Scale::even("of no use", "share of items given"),
            &|seen| seen.useless,
        ),
        course(
            "Tasks helped, items found by words",
            "The right item is found as often as the measured line says for the number of items given.",
            Scale::even("helped", "per meeting"),
            &|seen| seen.helped[BY_WORDS],
        ),
        course(
            "Tasks helped, items found by what failed",
            "As hints are: the situation is always found, and evidence decides between rivals.",
            Scale::even("helped", "per meeting"),
            &|seen| seen.helped[BY_FAILURE],
        ),
    ]
}

/// The gain of a bound by its size, and of the best bound by the slope of the selection.
pub(super) fn bounds(
    parameters: &Parameters,
    results: &Results<'_>,
    world: &str,
    last: &Window,
) -> [Chart; 2] {
    let ranked = |arm: Arm, by: Option<Rank>| {
        let rule = move |most: usize| match by {
            Some(by) => Rule::Bounded { most, by },
            None => Rule::Oracle { most: Some(most) },
        };
        let name = by.map_or_else(String::new, |by| format!(", {}", by.label()));
        let point = |most: &u32| Point {
            x: f64::from(*most),
            y: results.gain(arm, rule(*most as usize), last, BY_WORDS),
        };
        let label = format!("{}{name}", knowledge(arm));
        Curve { label, points: parameters.bounds.iter().map(point).collect() }
    };
    let steep = |arm: Arm| {
        let point = |(at, steepness): (usize, &f64)| {
            let best = results.best(parameters, arm, last, BY_WORDS + at)?;
            Some(Point { x: *steepness, y: best.1 })
        };
        let points = parameters.steepness.iter().enumerate().filter_map(point);
        Curve { label: knowledge(arm).into(), points: points.collect() }
    };
    let steepest = parameters.steepness.last().copied().unwrap_or(1.0);
    let (from, to) = (last.start(), last.end());
    let by_size = Chart {
        title: format!("A bound against none, by its size, {world}"),
        caption: format!(
            "Tasks helped per meeting in epochs {from} to {to} beyond what the same knowledge helps without a bound, items found by words. Below 0 the bound costs \
             more than it brings. Bands are paired 95 % bootstrap intervals."
        ),
        x: Scale::log("most items given", ""),
        y: Scale::even("helped more", "per meeting"),
        curves: vec![
            ranked(Arm::Oracle, None),
            ranked(Arm::Robust, Some(Rank::Uses)),
            ranked(Arm::Robust, Some(Rank::Rate)),
            ranked(Arm::Robust, Some(Rank::Newest)),
            ranked(Arm::Gossip, Some(Rank::Uses)),
            ranked(Arm::Gossip, Some(Rank::Newest)),
            ranked(Arm::Isolated, Some(Rank::Uses)),
        ],
        marks: Vec::new(),
    };
    let by_slope = Chart {
        title: format!("The best bound against none, by the slope of selection, {world}"),
        caption: format!(
            "Tasks helped per meeting in epochs {from} to {to} with the best of the bounds that were tried and are reached, beyond what the same knowledge helps without one. \
             A slope of 1 is the measured one; the others are assumed. Bands are paired 95 % bootstrap intervals."
        ),
        x: Scale::even("slope", "times the measured one").from_to(0.9, steepest + 0.1),
        y: Scale::even("helped more", "per meeting"),
        curves: [Arm::Oracle, Arm::Robust, Arm::Gossip, Arm::Isolated].map(steep).into(),
        marks: Vec::new(),
    };
    [by_size, by_slope]
}
