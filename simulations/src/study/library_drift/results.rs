//! Results of one world, as charts, tables and words read them.

use super::rule::Rule;
use super::{LEARN, Outcome, Parameters, Trace, Window};
use crate::study::arm::Arm;
use crate::study::bootstrap::{self, Interval};

/// Place of what is found by what failed in the values by selector; those by words follow.
pub(super) const BY_FAILURE: usize = 0;
/// Place of what is found by words with the measured slope.
pub(super) const BY_WORDS: usize = 1;

/// The results of one world, by seed.
pub(super) struct Results<'a>(pub(super) &'a [Outcome]);

impl Results<'_> {
    /// One value of a rule in an arm, for each seed.
    pub(super) fn of(&self, arm: Arm, rule: Rule, value: impl Fn(&Trace) -> f64) -> Vec<f64> {
        let one = |outcome: &Outcome| {
            let mut traces = outcome.traces.iter();
            traces.find(|trace| trace.arm == arm && trace.rule == rule).map_or(f64::NAN, &value)
        };
        self.0.iter().map(one).collect()
    }

    /// Tasks that are helped of each meeting of a window, for each seed.
    pub(super) fn helped(
        &self,
        arm: Arm,
        rule: Rule,
        window: &Window,
        selector: usize,
    ) -> Vec<f64> {
        self.of(arm, rule, |trace| trace.each(window, |seen| seen.helped[selector]))
    }

    /// What a bounded rule helps more than the same arm without a bound, of each meeting.
    pub(super) fn gain(&self, arm: Arm, rule: Rule, window: &Window, selector: usize) -> Interval {
        let bounded = self.helped(arm, rule, window, selector);
        bootstrap::difference(&bounded, &self.helped(arm, unbounded(arm), window, selector))
    }

    /// The bounded rule of an arm that helps most in a window, of those whose bound is below what is given without one.
    pub(super) fn best(
        &self,
        parameters: &Parameters,
        arm: Arm,
        window: &Window,
        selector: usize,
    ) -> Option<(Rule, Interval)> {
        let without = self.of(arm, unbounded(arm), |one| one.each(window, |seen| seen.active));
        let without = bootstrap::mean(&without).mean;
        let rules = parameters.rules(arm).into_iter();
        let bounded =
            rules.filter(|rule| bound_of(*rule).is_some_and(|most| (most as f64) < without));
        let gains = bounded.map(|rule| (rule, self.gain(arm, rule, window, selector)));
        gains.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean))
    }
}

/// What an arm does without a bound.
pub(super) const fn unbounded(arm: Arm) -> Rule {
    if matches!(arm, Arm::Oracle) { Rule::Oracle { most: None } } else { Rule::Shipped }
}

/// The bound of a rule.
pub(super) const fn bound_of(rule: Rule) -> Option<usize> {
    match rule {
        Rule::Bounded { most, .. } => Some(most),
        Rule::Oracle { most } => most,
        Rule::All | Rule::Shipped => None,
    }
}

/// An arm's name in this study.
pub(super) const fn knowledge(arm: Arm) -> &'static str {
    match arm {
        Arm::Robust => "private",
        Arm::Gossip => "no privacy",
        Arm::Isolated => "alone",
        other => other.name(),
    }
}

/// All arms, the oracle first.
pub(super) fn arms() -> impl Iterator<Item = Arm> {
    [Arm::Oracle].into_iter().chain(LEARN)
}
