//! V6 and V9 to V12: averages, noise, detection, learning and drift.

use lore_privacy::{NoiseSource as _, SeededNoise};

use super::averaging::{self, Pairs, shrink};
use super::bandit::{self, Regret, Rule};
use super::cusum::{AFTER, BEFORE, Channel, Test};
use super::neutral::{Copies, fixes, heterozygosity};
use super::{From, Known, Target};
use crate::stats::Sample;

pub(super) fn all(from: From, keep: &mut dyn FnMut(Target)) {
    for nodes in [100, 1_000] {
        keep(pairs(from, nodes, Pairs::Random));
    }
    for setting in NOISE {
        keep(laplace(from, setting));
    }
    for setting in &CHANNELS {
        detection(from, setting, setting.channel).into_iter().for_each(&mut *keep);
    }
    keep(regret(from, Rule::Divergence));
    neutral(from, Copies::Anyone).into_iter().for_each(&mut *keep);
}

/// V6.
pub(super) fn pairs(from: From, nodes: usize, pairs: Pairs) -> Target {
    let sample = from.sample(400, |streams| shrink(nodes, pairs, streams));
    let known = Known {
        id: format!("V6 n={nodes}"),
        what: "averaging by random pairs: variance after n exchanges".into(),
        expected: averaging::expected(nodes),
        source: "(1 - 1/(n-1))^n; Jelasity et al. 2005: 1/e",
        published: Some(0.3679),
        mistake: 0.5 * (-0.5_f64).exp(),
        mistake_is: "each node in turn",
        rounding: 0.0,
    };
    known.judge(&sample)
}

/// Epsilon, its scale in millionths, the published variance, draws.
pub(super) const NOISE: [(f64, u64, f64, usize); 3] = [
    (0.5, 2_000_000, 7.8354, 1_700_000),
    (1.0, 1_000_000, 1.8413, 400_000),
    (2.0, 500_000, 0.3620, 150_000),
];

/// V9. The source is the one that simulated releases draw from.
#[allow(clippy::cast_precision_loss)]
pub(super) fn laplace(
    from: From,
    (epsilon, scale_micros, published, draws): (f64, u64, f64, usize),
) -> Target {
    let mut noise = SeededNoise::new(&from.seed.to_le_bytes());
    // Without draws the variance is 0, which no check expects.
    let values = noise.add_laplace(&vec![0; draws], scale_micros).unwrap_or_default();
    // The law's mean is 0, so the variance is the mean of squares, and its error that of a mean.
    let squares: Sample = values.iter().map(|value| (*value as f64).powi(2)).collect();
    let (b, ratio) = (scale_micros as f64 / 1e6, (-epsilon).exp());
    let known = Known {
        id: format!("V9 eps={epsilon}"),
        what: "discrete Laplace: variance".into(),
        expected: 2.0 * ratio / (1.0 - ratio).powi(2),
        source: "2 r / (1 - r)^2, r = exp(-eps)",
        published: Some(published),
        mistake: 2.0 * b * b,
        mistake_is: "continuous noise",
        rounding: 0.0,
    };
    known.judge(&squares)
}

/// Setup of a detection check.
pub(super) struct Detection {
    pub(super) channel: Channel,
    published: f64,
    runs: u64,
}

const fn detection_of(epsilon: Option<f64>, published: f64, runs: u64) -> Detection {
    Detection { channel: Channel { epsilon }, published, runs }
}

pub(super) const CHANNELS: [Detection; 4] = [
    detection_of(None, 39.9, 20_000),
    detection_of(Some(2.0), 73.9, 20_000),
    detection_of(Some(1.0), 213.0, 10_000),
    detection_of(Some(0.5), 768.0, 4_000),
];

/// False alarms are this many reports apart on average.
pub(super) const RUN_LENGTH: f64 = 1e4;

/// V10: the delay with the threshold ln(ARL), which guarantees the run length (Lorden 1971), and with the
/// least threshold that has it; reports between false alarms with that one. `seen` is the channel that the
/// reports go through.
#[allow(clippy::cast_precision_loss)]
pub(super) fn detection(from: From, setting: &Detection, seen: Channel) -> [Target; 3] {
    let channel = setting.channel;
    let (sure, least) = (Test::sure(channel, RUN_LENGTH), Test::least(channel, RUN_LENGTH));
    let name = channel.epsilon.map_or_else(|| "none".into(), |epsilon| epsilon.to_string());
    // More bits are flipped than should be.
    let wrong = channel.noisier();
    let check = |what: &str, test: Test, rate: f64, published, runs| {
        let sample = from.sample(runs, |streams| test.run_length(seen, rate, streams) as f64);
        let known = Known {
            id: format!("V10 eps={name} {what}"),
            what: format!("CUSUM, {BEFORE} to {AFTER}: {what}, in reports"),
            expected: test.mean_run_length(channel.rate(rate)),
            source: "Markov chain of the test; Page 1954, Lorden 1971",
            published,
            mistake: match what {
                "false alarm" => test.mean_run_length(wrong.rate(rate)),
                "delay" => RUN_LENGTH.ln() / channel.divergence(),
                _ => sure.mean_run_length(channel.rate(AFTER)),
            },
            mistake_is: match what {
                "false alarm" => "bits flipped as under half the epsilon",
                "delay" => "first order alone, ln(ARL) / KL",
                _ => "the threshold ln(ARL)",
            },
            rounding: 0.0,
        };
        known.judge(&sample)
    };
    [
        check("delay", sure, AFTER, Some(setting.published), setting.runs),
        check("least delay", least, AFTER, None, setting.runs),
        check("false alarm", least, BEFORE, Some(RUN_LENGTH), 1_500),
    ]
}

/// Pulls between which the growth of the regret is measured.
pub(super) const PULLS: [u64; 2] = [1_000_000, 100_000_000];

/// Share of the limit by which the growth may still differ after so many pulls: it comes from below, 0.82
/// of the limit from 10^3 to 10^4 pulls, 0.89 to 10^5, 0.94 to 10^6.
const UNSETTLED: f64 = 0.06;

/// V11.
#[allow(clippy::cast_precision_loss)]
pub(super) fn regret(from: From, rule: Rule) -> Target {
    let runs = from.each(400, |streams| bandit::regret(&PULLS, rule, streams));
    let log_share = |at: usize| {
        let mean = |part: fn(&Regret) -> f64| {
            runs.iter().map(|run| part(&run[at])).collect::<Sample>().mean()
        };
        (mean(|found| found.time) / mean(|found| found.worse)).ln()
    };
    let span = log_share(1) - log_share(0);
    let sample: Sample = runs.iter().map(|run| (run[1].regret - run[0].regret) / span).collect();
    let expected = bandit::least_factor();
    let known = Known {
        id: "V11 regret".into(),
        what: format!(
            "two arms, .5 and .4: growth of the regret from {} to {} pulls over that of ln(T/n)",
            PULLS[0], PULLS[1]
        ),
        expected,
        source: "gap over divergence; Lai and Robbins 1985",
        published: Some(4.966),
        mistake: bandit::root_factor(),
        mistake_is: "UCB1",
        rounding: UNSETTLED * expected,
    };
    known.judge(&sample)
}

/// V12.
#[allow(clippy::cast_precision_loss)]
pub(super) fn neutral(from: From, copies: Copies) -> [Target; 2] {
    const NODES: u32 = 20;
    const GENERATIONS: u32 = 15;
    let fixed =
        from.sample(20_000, |streams| f64::from(u8::from(fixes(NODES as usize, copies, streams))));
    let differ = from.sample(4_000, |streams| heterozygosity(NODES, GENERATIONS, copies, streams));
    let keeps = 1.0 - 1.0 / f64::from(NODES);
    let known = |id: &str, what: &str, expected, mistake, mistake_is| Known {
        id: format!("V12 {id}"),
        what: format!("neutral drift among {NODES}: {what}"),
        expected,
        source: "Wright 1931, Fisher 1930",
        published: None,
        mistake,
        mistake_is,
        rounding: 0.0,
    };
    let generations = GENERATIONS.cast_signed();
    [
        known("fixation", "a newcomer takes over", 1.0 / f64::from(NODES), 0.5, "selection")
            .judge(&fixed),
        known(
            "heterozygosity",
            &format!("pairs that differ after {GENERATIONS} generations"),
            keeps.powi(generations),
            // Two nodes find the same parent when both copy, or one copies the other.
            (1.0 - 0.75 / f64::from(NODES)).powi(generations),
            "half of them copy",
        )
        .judge(&differ),
    ]
}
