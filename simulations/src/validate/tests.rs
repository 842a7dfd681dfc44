use super::averaging::Pairs;
use super::bandit::Rule;
use super::flood::Forward;
use super::neutral::Copies;
use super::rumor::Reach;
use super::*;

const HERE: From = From { seed: 1, threads: 2 };

#[test]
fn every_target_is_met_and_could_have_been_missed() {
    let targets = all(1, 2, |_| {});
    for target in &targets {
        assert!(target.ok, "{target:#?}");
    }
    assert_eq!(targets.len() as u64, COUNT);
    for wanted in 1..=12 {
        assert!(targets.iter().any(|target| number(&target.id) == wanted), "V{wanted}");
    }
    let ids: std::collections::BTreeSet<&str> = targets.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(ids.len(), targets.len());
}

/// The model with the mistake fails its check.
fn fails(target: &Target) {
    assert!(!target.ok, "{target:#?}");
    assert!(target.runs > 0 && !(target.low..=target.high).contains(&target.got), "{target:#?}");
}

#[test]
fn a_rumour_model_that_calls_itself_fails() {
    for setting in spread::RUMOURS.iter().filter(|setting| setting.anyone.is_some()) {
        let target = spread::rumour_check(HERE, setting, Reach::Anyone);
        fails(&target);
        // What it gives is what the chain of the mistake gives.
        assert!((target.got - target.mistake).abs() < target.high - target.expected);
    }
}

#[test]
fn a_count_that_never_starts_again_fails() {
    for setting in spread::COUNTERS.iter().filter(|setting| setting.limit > 1) {
        spread::counters(HERE, setting, false).iter().for_each(fails);
    }
}

#[test]
fn a_rumour_that_is_told_to_one_too_few_fails() {
    for setting in &spread::ONCE {
        fails(&spread::once(HERE, setting, setting.fanout - 1));
    }
}

#[test]
fn a_flood_that_sends_back_fails() {
    fails(&spread::flooding(HERE, 64, 3, Forward::All));
}

#[test]
fn averaging_in_turn_fails() {
    let target = statistics::pairs(HERE, 1_000, Pairs::InTurn);
    fails(&target);
    assert!((target.got - target.mistake).abs() < 0.01, "{target:#?}");
}

#[test]
fn reports_that_are_flipped_too_often_fail() {
    for setting in &statistics::CHANNELS[..2] {
        let [.., alarm] = statistics::detection(HERE, setting, setting.channel.noisier());
        fails(&alarm);
    }
}

#[test]
fn a_bandit_that_trusts_a_square_root_fails() {
    fails(&statistics::regret(HERE, Rule::Root));
}

#[test]
fn drift_with_selection_or_a_slow_clock_fails() {
    fails(&statistics::neutral(HERE, Copies::NewcomerFirst)[0]);
    fails(&statistics::neutral(HERE, Copies::Half)[1]);
}

#[test]
fn a_check_that_cannot_tell_the_mistake_fails() {
    let few = statistics::laplace(HERE, (0.5, 2_000_000, 7.8354, 1_000));
    assert!(!few.ok, "a thousand draws cannot tell 7.8354 from 8: {few:#?}");
}
