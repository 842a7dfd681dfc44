#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
use super::*;

#[test]
fn every_target_is_met_and_could_have_been_missed() {
    let checks = all(1, 2, |_| {});
    for check in &checks {
        assert!(check.passed, "{check:#?}");
    }
    assert_eq!(checks.len() as u64, COUNT);
    for target in ["V1", "V2", "V8", "V9"] {
        assert!(checks.iter().filter(|check| check.target == target).count() >= 3);
    }
}

#[test]
fn a_rumour_model_that_calls_itself_fails() {
    for (target, direction, setting) in
        [("V1", Direction::Push, &PUSH[0]), ("V2", Direction::Pull, &PULL[0])]
    {
        let check = rumour(target, direction, setting, 1, 2, Reach::Anyone);
        assert!(!check.passed, "{check:#?}");
        assert!((check.got - check.mistake).abs() < check.tolerance, "{check:#?}");
    }
}

#[test]
fn a_flood_that_sends_back_fails() {
    let check = flooding(64, 3, 1, Forward::All);
    assert!(!check.passed && check.got > check.expected, "{check:#?}");
}

#[test]
fn a_check_that_cannot_tell_the_mistake_fails() {
    let few = laplace("0.5", 2_000_000, 7.8354, 1_000, 1);
    assert!(!few.passed, "a thousand draws cannot tell 7.8354 from 8: {few:#?}");
}

/// The exact mean for push from the Markov chain on the number of informed nodes: with i informed, i
/// balls fall one after the other on the n - 1 others, u = n - i of them still empty.
fn exact_push(nodes: usize) -> f64 {
    let mut mean = vec![0.0; nodes + 1];
    for informed in (1..nodes).rev() {
        let empty = nodes - informed;
        let mut hit = vec![0.0; empty + 1];
        hit[0] = 1.0;
        for _ in 0..informed {
            for k in (0..=empty).rev() {
                let miss = 1.0 - (empty - k) as f64 / (nodes - 1) as f64;
                let from = if k == 0 { 0.0 } else { hit[k - 1] * (empty - k + 1) as f64 };
                hit[k] = hit[k] * miss + from / (nodes - 1) as f64;
            }
        }
        let later: f64 = (1..=empty).map(|k| hit[k] * mean[informed + k]).sum();
        mean[informed] = (1.0 + later) / (1.0 - hit[0]);
    }
    mean[1]
}

/// The same for pull: each of the u uninformed hits one of i among n - 1.
fn exact_pull(nodes: usize) -> f64 {
    let mut mean = vec![0.0; nodes + 1];
    for informed in (1..nodes).rev() {
        let empty = nodes - informed;
        let p = informed as f64 / (nodes - 1) as f64;
        let mut learn = vec![0.0; empty + 1];
        learn[0] = 1.0;
        for _ in 0..empty {
            for k in (0..=empty).rev() {
                let from = if k == 0 { 0.0 } else { learn[k - 1] * p };
                learn[k] = learn[k] * (1.0 - p) + from;
            }
        }
        let later: f64 = (1..=empty).map(|k| learn[k] * mean[informed + k]).sum();
        mean[informed] = (1.0 + later) / (1.0 - learn[0]);
    }
    mean[1]
}

#[test]
fn the_expected_values_are_those_of_the_chain() {
    for setting in &PUSH[..2] {
        assert!((exact_push(setting.nodes) - setting.expected).abs() < 5e-5);
    }
    for setting in &PULL[..2] {
        assert!((exact_pull(setting.nodes) - setting.expected).abs() < 5e-5);
    }
}

#[test]
fn the_expected_variances_are_those_of_the_law() {
    for (epsilon, expected) in [(0.5_f64, 7.8354), (1.0, 1.8413), (2.0, 0.3620)] {
        let ratio = (-epsilon).exp();
        let exact = 2.0 * ratio / (1.0 - ratio).powi(2);
        assert!((exact - expected).abs() < 5e-5, "{exact}");
    }
}
