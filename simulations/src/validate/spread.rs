//! V1 to V5, V7 and V8: how rumours spread.

use super::chain::mean_rounds;
use super::flood::{Forward, flood};
use super::mongering::{Ended, Rule, spread};
use super::rumor::{Direction, Reach, rounds};
use super::size::{blind_coin, fixed_point, infect_and_die, residue};
use super::{From, Known, Target};
use crate::stats::Sample;

/// Mean rounds of push-pull among ten thousand, from the chain (an ignored test of it computes it again).
pub(super) const PUSH_PULL_TEN_THOUSAND: f64 = 11.6038;

/// Nodes of the published tables.
const THOUSAND: usize = 1_000;

/// Setup of a rumour check.
pub(super) struct Rumour {
    pub(super) id: &'static str,
    pub(super) direction: Direction,
    pub(super) nodes: usize,
    published: Option<f64>,
    pub(super) runs: u64,
    /// Mean when a node may call itself, from the same chain; none where one round too many is the
    /// mistake that the runs can show.
    pub(super) anyone: Option<f64>,
    pub(super) source: &'static str,
}

const fn rumour(
    id: &'static str,
    direction: Direction,
    nodes: usize,
    published: Option<f64>,
    runs: u64,
) -> Rumour {
    let source = match direction {
        Direction::Push => "Markov chain; Pittel 1987",
        Direction::Pull => "Markov chain; Karp et al. 2000",
        Direction::PushPull => "Markov chain; log3 n + log2 ln n + O(1), Karp et al. 2000",
    };
    Rumour { id, direction, nodes, published, runs, anyone: None, source }
}

pub(super) const RUMOURS: [Rumour; 8] = [
    Rumour { anyone: Some(11.3061), ..rumour("V1", Direction::Push, 64, Some(11.1581), 12_000) },
    rumour("V1", Direction::Push, 256, Some(14.6700), 500),
    rumour("V1", Direction::Push, THOUSAND, Some(18.0383), 250),
    Rumour { anyone: Some(9.1254), ..rumour("V2", Direction::Pull, 64, Some(8.9637), 12_000) },
    rumour("V2", Direction::Pull, 256, Some(11.4632), 500),
    rumour("V2", Direction::Pull, THOUSAND, Some(13.7671), 250),
    rumour("V3", Direction::PushPull, THOUSAND, None, 250),
    rumour("V3", Direction::PushPull, 10_000, None, 60),
];

pub(super) fn all(from: From, keep: &mut dyn FnMut(Target)) {
    for setting in &RUMOURS {
        keep(rumour_check(from, setting, Reach::Others));
    }
    for setting in &COUNTERS {
        counters(from, setting, true).into_iter().for_each(&mut *keep);
    }
    for setting in &COINS {
        keep(coin(from, setting));
    }
    for setting in &ONCE {
        keep(once(from, setting, setting.fanout));
    }
    for (nodes, degree) in [(64, 3), (256, 4), (THOUSAND, 8)] {
        keep(flooding(from, nodes, degree, Forward::AllButSender));
    }
}

/// V1 to V3.
#[allow(clippy::cast_precision_loss)]
pub(super) fn rumour_check(from: From, setting: &Rumour, reach: Reach) -> Target {
    let Rumour { nodes, direction, .. } = *setting;
    let sample =
        from.sample(setting.runs, |streams| rounds(nodes, direction, reach, streams) as f64);
    let exact =
        if nodes > THOUSAND { PUSH_PULL_TEN_THOUSAND } else { mean_rounds(nodes, direction) };
    let known = Known {
        id: format!("{} n={nodes}", setting.id),
        what: format!("{direction:?}: mean rounds").to_lowercase(),
        expected: exact,
        source: setting.source,
        published: setting.published,
        mistake: setting.anyone.unwrap_or(exact + 1.0),
        mistake_is: if setting.anyone.is_some() { "calls oneself" } else { "a round too many" },
        rounding: 0.0,
    };
    known.judge(&sample)
}

/// Line of Demers et al. 1987, table 1: calls in vain, then residue and traffic, each as published, with the
/// unit of its last digit, and as the mistake gives it. For one call in vain the mistake is table 2's line.
pub(super) struct Counters {
    pub(super) limit: u32,
    residue: [f64; 3],
    traffic: [f64; 3],
    runs: u64,
}

pub(super) const COUNTERS: [Counters; 3] = [
    Counters { limit: 1, residue: [0.18, 0.01, 0.96], traffic: [1.7, 0.1, 0.04], runs: 200 },
    Counters { limit: 2, residue: [0.037, 0.001, 0.0481], traffic: [3.3, 0.1, 3.0333], runs: 400 },
    Counters { limit: 3, residue: [0.011, 0.001, 0.01575], traffic: [4.5, 0.1, 4.1509], runs: 600 },
];

/// V4.
pub(super) fn counters(from: From, setting: &Counters, starts_again: bool) -> [Target; 2] {
    let limit = setting.limit;
    let rule = if starts_again { Rule::Counter { limit } } else { Rule::SteadyCounter { limit } };
    let ended = from.each(setting.runs, |streams| spread(THOUSAND, rule, streams));
    let known = |what: &str, [expected, rounding, mistake]: [f64; 3]| Known {
        id: format!("V4 k={limit} {what}"),
        what: format!("feedback and counter, n = {THOUSAND}: {what}"),
        expected,
        source: "Demers et al. 1987, table 1",
        published: None,
        mistake,
        mistake_is: if limit == 1 { "hears nothing back" } else { "never starts again" },
        rounding,
    };
    let of = |part: fn(&Ended) -> f64| ended.iter().map(part).collect::<Sample>();
    [
        known("residue", setting.residue).judge(&of(|ended| ended.residue)),
        known("traffic", setting.traffic).judge(&of(|ended| ended.traffic)),
    ]
}

/// Line of Demers et al. 1987, table 2.
struct Coin {
    mean_calls: u32,
    published: f64,
    runs: u64,
}

const COINS: [Coin; 5] = [
    Coin { mean_calls: 1, published: 0.96, runs: 400 },
    Coin { mean_calls: 2, published: 0.20, runs: 400 },
    Coin { mean_calls: 3, published: 0.060, runs: 300 },
    Coin { mean_calls: 4, published: 0.021, runs: 300 },
    Coin { mean_calls: 5, published: 0.008, runs: 400 },
];

/// V5.
fn coin(from: From, setting: &Coin) -> Target {
    let mean_calls = setting.mean_calls;
    let sample = from.sample(setting.runs, |streams| {
        spread(THOUSAND, Rule::Coin { mean_calls }, streams).residue
    });
    let known = Known {
        id: format!("V5 k={mean_calls}"),
        what: format!("blind and coin, n = {THOUSAND}: residue"),
        expected: residue(&blind_coin(THOUSAND, mean_calls)),
        source: "walk over the senders; Demers et al. 1987, table 2",
        published: Some(setting.published),
        mistake: residue(&blind_coin(THOUSAND, mean_calls + 1)),
        mistake_is: "a call too many",
        rounding: 0.0,
    };
    known.judge(&sample)
}

/// Fan-out of a rumour that each node tells once.
pub(super) struct Once {
    pub(super) fanout: usize,
    published: f64,
    runs: u64,
}

pub(super) const ONCE: [Once; 5] = [
    Once { fanout: 2, published: 0.7968, runs: 100 },
    Once { fanout: 3, published: 0.9405, runs: 100 },
    Once { fanout: 4, published: 0.9802, runs: 100 },
    Once { fanout: 6, published: 0.9975, runs: 100 },
    Once { fanout: 8, published: 0.99966, runs: 250 },
];

/// V7: the finite network has its exact size, near the fixed point of an endless one.
#[allow(clippy::cast_precision_loss)]
pub(super) fn once(from: From, setting: &Once, told: usize) -> Target {
    let fanout = setting.fanout;
    let sample = from.sample(setting.runs, |streams| {
        1.0 - spread(THOUSAND, Rule::Once { fanout: told }, streams).residue
    });
    let known = Known {
        id: format!("V7 f={fanout}"),
        what: format!("infect and die, n = {THOUSAND}: coverage"),
        expected: 1.0 - residue(&infect_and_die(THOUSAND, fanout)),
        source: "walk over the senders; x = 1 - exp(-f x), Kermack and McKendrick 1927",
        published: Some(setting.published),
        mistake: fixed_point(fanout as f64 - 1.0),
        mistake_is: "tells one too few",
        rounding: 0.0,
    };
    known.judge(&sample)
}

/// V8.
#[allow(clippy::cast_precision_loss)]
pub(super) fn flooding(from: From, nodes: usize, degree: usize, forward: Forward) -> Target {
    let expected = (nodes * (degree - 1) + 1) as f64;
    let runs = from.each(10, |streams| flood(nodes, degree, forward, streams));
    // A run that did not reach everybody counts as none at all.
    let whole = runs.iter().flatten().filter(|flooded| flooded.reached == nodes);
    let counts: Vec<f64> = whole.map(|flooded| flooded.transmissions as f64).collect();
    let farthest =
        counts.iter().copied().max_by(|a, b| (a - expected).abs().total_cmp(&(b - expected).abs()));
    let got = farthest.filter(|_| counts.len() == runs.len()).unwrap_or(0.0);
    let known = Known {
        id: format!("V8 n={nodes} d={degree}"),
        what: "flood: transmissions, the run that is farthest off".into(),
        expected,
        source: "counting: d + (n - 1)(d - 1)",
        published: None,
        mistake: (nodes * degree) as f64,
        mistake_is: "sends back",
        rounding: 0.0,
    };
    known.within(got, 0.0, runs.len() as u64)
}
