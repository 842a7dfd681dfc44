//! What came out, in words that follow from the results.

use super::charts::{BY_FAILURE, BY_WORDS, Results, bound_of, unbounded};
use super::rule::Rule;
use super::words::arms;
use super::{LEARN, Parameters, Window};
use crate::study::arm::Arm;
use crate::study::bootstrap::{self, Interval};

/// A text that begins a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A change beyond the oracle's in words.
fn drifts(beyond: Interval) -> &'static str {
    if beyond.high < 0.0 {
        "decays"
    } else if beyond.low > 0.0 {
        "gains"
    } else {
        "no drift beyond doubt"
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
        format!("from {before:.3} to {after:.3}, {} ({})", drifts(beyond), beyond.text(3))
    };
    let mut courses = vec![format!("everything given {}", drift(Arm::Oracle, Rule::All))];
    courses.extend(LEARN.map(|arm| {
        format!("the shipped rule with {} {}", known_by(arm), drift(arm, Rule::Shipped))
    }));
    let decay = format!(
        "{}. Tasks helped of a meeting by items found by words, in epochs {} to {} and in {} to {}. An oracle goes from {before:.3} to {after:.3}: so \
         much comes of there being more that is of use. Beside it, and beyond the oracle's change: {}.",
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

/// What the shipped rule helps more than everything given, by arm.
fn against_everything(results: &Results<'_>, last: &Window) -> String {
    let gain = |arm: Arm, selector: usize| {
        let all = results.helped(Arm::Oracle, Rule::All, last, selector);
        bootstrap::difference(&results.helped(arm, Rule::Shipped, last, selector), &all)
    };
    let gains: Vec<(Arm, Interval, Interval)> =
        LEARN.map(|arm| (arm, gain(arm, BY_WORDS), gain(arm, BY_FAILURE))).into();
    let texts: Vec<String> = gains
        .iter()
        .map(|(arm, words, failure)| {
            format!(
                "{} {}, found by what failed {}",
                known_by(*arm),
                words.text(3),
                failure.text(3)
            )
        })
        .collect();
    let vain: Vec<&str> = gains
        .iter()
        .filter(|(_, words, failure)| words.low <= 0.0 || failure.low <= 0.0)
        .map(|one| known_by(one.0))
        .collect();
    let lead = if vain.is_empty() {
        "The shipped rule helps more than everything given, whoever knows".to_owned()
    } else {
        format!(
            "The shipped rule does not help more in both ways than everything given with {}",
            vain.join(", ")
        )
    };
    format!("{lead}; by how much, in the last epochs: {}.", texts.join("; "))
}

/// The best bound of each arm, at the measured slope.
fn verdict(best: &[(Arm, Rule, Interval)]) -> String {
    let text = |(arm, rule, gain): &(Arm, Rule, Interval)| {
        format!("{}: {} ({})", known_by(*arm), bound_label(*rule), gain.text(3))
    };
    let all: Vec<String> = best.iter().map(text).collect();
    let helps: Vec<&str> =
        best.iter().filter(|one| one.2.low > 0.0).map(|one| known_by(one.0)).collect();
    let costs = best.iter().filter(|one| one.2.high < 0.0).count();
    let lead = if !helps.is_empty() {
        format!("At the measured slope a bound helps with {}.", helps.join(", "))
    } else if costs == best.len() {
        "At the measured slope every bound that is reached costs help, whoever knows: it leaves out more right items than it makes others easier to find.".into()
    } else {
        "At the measured slope no bound helps beyond doubt.".into()
    };
    format!(
        "{lead} The best ones that are reached, and what they help more than none: {}.",
        all.join("; ")
    )
}

/// From which slope on a bound helps, by arm.
fn slopes(parameters: &Parameters, results: &Results<'_>, last: &Window) -> String {
    let from = arms().map(|arm| {
        let gains = parameters.steepness.iter().enumerate().map(|(at, steepness)| {
            (*steepness, results.best(parameters, arm, last, BY_WORDS + at))
        });
        let helps = gains.filter_map(|(steepness, best)| {
            let (rule, gain) = best?;
            (gain.low > 0.0).then_some((steepness, rule, gain))
        });
        let first = helps.min_by(|a, b| a.0.total_cmp(&b.0));
        let found = first.map_or_else(
            || "at no slope that was tried".to_owned(),
            |(steepness, rule, gain)| {
                let most = bound_of(rule).unwrap_or(0);
                format!(
                    "from {steepness} times the slope on (there with {most} items, by {})",
                    gain.text(3)
                )
            },
        );
        format!("{} {found}", known_by(arm))
    });
    format!(
        "If the right item were lost more steeply than measured, a bound would help beyond doubt: {}.",
        from.collect::<Vec<_>>().join("; ")
    )
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
        let of = |gains: [(f64, f64); 2]| {
            let [one, two] = gains.map(|(low, high)| gain(low, high));
            verdict(&[(Arm::Robust, bounded, one), (Arm::Gossip, bounded, two)])
        };
        assert!(of([(-0.2, -0.1), (-0.2, -0.1)]).contains("every bound that is reached costs"));
        assert!(of([(-0.2, -0.1), (-0.2, 0.1)]).contains("no bound helps"));
        let helps = of([(-0.2, -0.1), (0.1, 0.2)]);
        assert!(helps.contains("a bound helps with pooling without privacy."), "{helps}");
        assert_eq!(
            [gain(-2.0, -1.0), gain(-1.0, 1.0), gain(1.0, 2.0)].map(drifts),
            ["decays", "no drift beyond doubt", "gains"]
        );
    }
}
