//! What came out, in words that follow from the results.

use super::results::{BY_FAILURE, BY_WORDS, Results, arms, bound_of, unbounded};
use super::rule::Rule;
use super::{LEARN, Parameters, Window};
use crate::study::arm::Arm;
use crate::study::bootstrap::{self, Interval};

/// A text that begins a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The side of zero on which an interval is, in words.
const fn side(of: Interval, [below, above]: [&'static str; 2]) -> &'static str {
    if of.high < 0.0 {
        below
    } else if of.low > 0.0 {
        above
    } else {
        "no difference beyond doubt"
    }
}

/// What came out in one world.
pub(super) fn answer(
    parameters: &Parameters,
    results: &Results<'_>,
    world: &str,
    [early, last]: &[Window; 2],
) -> Vec<String> {
    let change = |arm: Arm, rule: Rule| {
        let [before, after] =
            [early, last].map(|window| results.helped(arm, rule, window, BY_WORDS));
        let change: Vec<f64> =
            after.iter().zip(&before).map(|(after, before)| after - before).collect();
        (bootstrap::mean(&before).mean, bootstrap::mean(&after).mean, change)
    };
    let (before, after, least) = change(Arm::Oracle, unbounded(Arm::Oracle));
    let drift = |arm: Arm, rule: Rule| {
        let (before, after, change) = change(arm, rule);
        let beyond = bootstrap::difference(&change, &least);
        let verdict = side(beyond, ["decays", "gains"]);
        format!("from {before:.3} to {after:.3}: {verdict}, {}", beyond.text(4))
    };
    let mut courses = vec![format!("everything given {}", drift(Arm::Oracle, Rule::All))];
    courses.extend(LEARN.map(|arm| {
        format!("the shipped rule with {} {}", known_by(arm), drift(arm, Rule::Shipped))
    }));
    let decay = format!(
        "{}. Tasks helped per meeting by items found by words, in epochs {} to {} and in {} to {}. An oracle goes from {before:.3} to {after:.3}; the \
         others, with their change beyond the oracle's: {}.",
        capital(world),
        early.start(),
        early.end(),
        last.start(),
        last.end(),
        courses.join("; ")
    );
    let verdicts = arms().filter_map(|arm| {
        let (rule, gain) = results.best(parameters, arm, last, BY_WORDS)?;
        Some((arm, rule, gain))
    });
    let verdicts: Vec<_> = verdicts.collect();
    vec![
        decay,
        against_everything(results, last),
        verdict(&verdicts),
        slopes(parameters, results, last),
    ]
}

/// Who knows, in the middle of a sentence.
const fn known_by(arm: Arm) -> &'static str {
    match arm {
        Arm::Oracle => "an oracle",
        Arm::Robust => "private pooling",
        Arm::Gossip => "pooling without privacy",
        _ => "each node alone",
    }
}

/// A bound in the middle of a sentence.
fn bound_label(rule: Rule) -> String {
    match rule {
        Rule::Oracle { most: Some(most) } => format!("at most {most}"),
        other => other.label(),
    }
}

/// Help of the shipped rule beside everything given, and beside each node alone.
fn against_everything(results: &Results<'_>, last: &Window) -> String {
    let helped = |arm: Arm, rule: Rule, selector| results.helped(arm, rule, last, selector);
    let beside_all = |arm: Arm, selector: usize| {
        let all = helped(Arm::Oracle, Rule::All, selector);
        more_or_less(bootstrap::difference(&helped(arm, Rule::Shipped, selector), &all))
    };
    let texts = LEARN.map(|arm| {
        let [words, failure] = [BY_WORDS, BY_FAILURE].map(|selector| beside_all(arm, selector));
        format!("{} {words}, found by what failed {failure}", known_by(arm))
    });
    let pool = bootstrap::difference(
        &helped(Arm::Robust, Rule::Shipped, BY_WORDS),
        &helped(Arm::Isolated, Rule::Shipped, BY_WORDS),
    );
    format!(
        "The shipped rule beside everything given, in the last epochs: {}. Private pooling beside each node alone: {}.",
        texts.join("; "),
        more_or_less(pool)
    )
}

fn more_or_less(of: Interval) -> String {
    format!("{}, {}", side(of, ["helps less", "helps more"]), of.text(3))
}

/// The best bound of each arm in which one is reached, at the measured slope.
fn verdict(best: &[(Arm, Rule, Interval)]) -> String {
    if best.is_empty() {
        return "No bound is reached.".into();
    }
    let texts = best.iter().map(|(arm, rule, gain)| {
        format!("{}, {}: {}", known_by(*arm), bound_label(*rule), more_or_less(*gain))
    });
    format!(
        "At the measured slope, the best bound that is reached beside none: {}.",
        texts.collect::<Vec<_>>().join("; ")
    )
}

/// The slopes at which a bound helps, by arm.
fn slopes(parameters: &Parameters, results: &Results<'_>, last: &Window) -> String {
    let of_arm = |arm: Arm| -> Vec<(f64, Option<(Rule, Interval)>)> {
        let best = |at: usize| results.best(parameters, arm, last, BY_WORDS + at);
        parameters.steepness.iter().enumerate().map(|(at, steep)| (*steep, best(at))).collect()
    };
    let texts: Vec<String> =
        arms().map(|arm| format!("{} {}", known_by(arm), helps_from(&of_arm(arm)))).collect();
    format!(
        "If the right item were lost more steeply than measured, the best bound would help, of slopes up to {} times the measured one: {}.",
        parameters.steepness.last().unwrap_or(&1.0),
        texts.join("; ")
    )
}

/// The least slope from which on the best bound helps at all that were tried.
fn helps_from(best: &[(f64, Option<(Rule, Interval)>)]) -> String {
    let helps =
        |one: &&(f64, Option<(Rule, Interval)>)| one.1.is_some_and(|(_, gain)| gain.low > 0.0);
    match best.iter().rev().take_while(helps).last() {
        Some((steep, Some((rule, gain)))) => format!(
            "from {steep} times on (there with {} items, by {})",
            bound_of(*rule).unwrap_or(0),
            gain.text(3)
        ),
        _ => "at none of them".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::library_drift::rule::Rank;

    fn gain(low: f64, high: f64) -> Interval {
        Interval { mean: f64::midpoint(low, high), low, high }
    }

    #[test]
    fn the_answer_follows_the_results() {
        let bounded = Rule::Bounded { most: 40, by: Rank::Uses };
        let of = |one: Interval| verdict(&[(Arm::Robust, bounded, one)]);
        assert!(of(gain(-0.2, -0.1)).contains("helps less, -0.150"));
        assert!(of(gain(-0.2, 0.1)).contains(": no difference beyond doubt"));
        assert!(of(gain(0.1, 0.2)).contains("private pooling, at most 40, most used: helps more"));
        assert_eq!(verdict(&[]), "No bound is reached.");
    }

    #[test]
    fn a_bound_helps_from_a_slope_on_only_if_it_does_at_all_later_ones() {
        let bounded = Rule::Bounded { most: 40, by: Rank::Uses };
        let of = |gains: [(f64, f64); 3]| {
            let best = [1.0, 2.0, 3.0].into_iter().zip(gains);
            let best = best.map(|(steep, (low, high))| (steep, Some((bounded, gain(low, high)))));
            helps_from(&best.collect::<Vec<_>>())
        };
        let (yes, no) = ((0.1, 0.2), (-0.1, 0.2));
        assert!(of([no, yes, yes]).starts_with("from 2 times on (there with 40 items, by 0.150"));
        assert!(of([yes, no, yes]).starts_with("from 3 times on"));
        assert_eq!(of([yes, yes, no]), "at none of them");
        assert_eq!(helps_from(&[(1.0, None)]), "at none of them");
    }
}
