//! Library drift: a library only grows, a part of it stops working, and the more there is, the less often the right item
//! is found. Everything given, the shipped rule, and a bound on what is given.
//!
//! The fold, its watches, pooling, bounding, noise and the look-up of hints are the nodes' own code. The nodes of an arm go by
//! the shipped rule, so that the evidence is theirs; the other rules read the same evidence and are looked at beside it.

mod answer;
mod charts;
mod federation;
mod measure;
mod results;
mod rule;
mod words;
mod world;

use serde::Deserialize;

use self::federation::{Federation, View};
use self::measure::{Follower, Seen, Selector};
use self::rule::{Rank, Rule};
pub use self::world::Growth;
use self::world::World;
use super::StudyError;
use super::arm::Arm;
use super::learn::quiet;
use super::page::Page;
use super::people::{Spending, check_epsilons, check_within, people};
use super::routing::Line;
use super::spec::Context;

/// Arms whose nodes learn. The centre differs from gossip in when it knows, which is not the question here.
const LEARN: [Arm; 3] = [Arm::Robust, Arm::Gossip, Arm::Isolated];

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
    /// Epochs, 10 and more.
    pub epochs: u32,
    /// Most items that are given, ascending.
    pub bounds: Vec<u32>,
    /// Pooled trials without which no item is retired for another.
    pub minimum_trials: u64,
    /// Slopes of the selection by words, as multiples of the measured one, ascending from 1.
    pub steepness: Vec<f64>,
    /// Shares of situations that only few people meet, each a world of its own, 0 to 1.
    pub rare_shares: Vec<f64>,
    /// How the world grows and changes.
    pub growth: Growth,
}

impl Parameters {
    fn check(&self) -> Result<(), StudyError> {
        check_epsilons(&[self.epsilon])?;
        check_within("nodes", self.nodes, 1, 200)?;
        check_within("epochs", self.epochs, 10, 200)?;
        let bounds = &self.bounds;
        if bounds.is_empty() || bounds[0] == 0 || !bounds.is_sorted_by(|a, b| a < b) {
            let must = "ascending, 1 and more each";
            return Err(StudyError::value("bounds", format!("{bounds:?}"), must));
        }
        let steep = &self.steepness;
        if steep.first() != Some(&1.0) || !steep.is_sorted_by(|a, b| a < b) {
            let must = "ascending from 1";
            return Err(StudyError::value("steepness", format!("{steep:?}"), must));
        }
        let rare = &self.rare_shares;
        if rare.is_empty() || rare.iter().any(|share| !(0.0..=1.0).contains(share)) {
            return Err(StudyError::value("rare_shares", format!("{rare:?}"), "0 to 1 each"));
        }
        self.growth.check()
    }

    /// Selectors: by what failed, and by words with each slope.
    fn selectors(&self) -> Vec<Selector> {
        let words = self.steepness.iter().map(|steepness| Selector::Words(*steepness));
        [Selector::Failure].into_iter().chain(words).collect()
    }

    /// Rules that an arm is looked at under. Everything is given whatever anybody knows: it goes with the oracle.
    fn rules(&self, arm: Arm) -> Vec<Rule> {
        let bounds = || self.bounds.iter().map(|most| *most as usize);
        if arm == Arm::Oracle {
            let few = bounds().map(|most| Rule::Oracle { most: Some(most) });
            return [Rule::Oracle { most: None }, Rule::All].into_iter().chain(few).collect();
        }
        let few = Rank::ALL
            .into_iter()
            .flat_map(|by| bounds().map(move |most| Rule::Bounded { most, by }));
        [Rule::Shipped].into_iter().chain(few).collect()
    }

    /// Epochs of the earlier and of the last window that are compared: a fifth of all, and the second and the last one.
    fn windows(&self) -> [Window; 2] {
        let fifth = self.epochs / 5;
        [fifth + 1..=2 * fifth, self.epochs - fifth + 1..=self.epochs]
    }
}

/// One rule in one arm from one seed, by epoch.
struct Trace {
    arm: Arm,
    rule: Rule,
    seen: Vec<Seen>,
}

/// Epochs, from 1.
type Window = std::ops::RangeInclusive<u32>;

impl Trace {
    /// Sum of a value over the meetings of these epochs, for each meeting.
    fn each(&self, window: &Window, of: impl Fn(&Seen) -> f64) -> f64 {
        let part = &self.seen[(*window.start() - 1) as usize..*window.end() as usize];
        let meetings: f64 = part.iter().map(|seen| seen.meetings).sum();
        part.iter().map(of).sum::<f64>() / meetings
    }
}

/// All of one seed.
struct Outcome {
    traces: Vec<Trace>,
    /// Remedies in the library, by epoch.
    library: Vec<f64>,
}

/// Runs the study.
///
/// # Errors
/// Fails when a parameter is out of range or a release is refused.
pub fn run(parameters: &Parameters, context: &Context<'_>) -> Result<Page, StudyError> {
    parameters.check()?;
    let line = Line::measured()?;
    let worlds = context.sweep(&parameters.rare_shares, |rare, seed| {
        one_seed(parameters, context, line, *rare, seed)
    })?;
    Ok(words::describe(parameters, context, line, &worlds))
}

fn one_seed(
    parameters: &Parameters,
    context: &Context<'_>,
    line: Line,
    rare: f64,
    seed: u64,
) -> Result<Outcome, StudyError> {
    // Situations and prevalences are the world's own.
    let people = people(parameters.users, 1, context.facts)?;
    let prevalences = context.facts.stranger_prevalences();
    let size = (parameters.nodes, parameters.epochs);
    let world = World::new(parameters.growth, people, (&prevalences, rare), size, seed);
    let selectors = parameters.selectors();
    let by = (line, selectors.as_slice());
    let minimum = parameters.minimum_trials;
    let mut traces = Vec::new();
    for rule in parameters.rules(Arm::Oracle) {
        let mut follower = Follower::new(rule, 1);
        let view = [View::default()];
        let seen = (1..=parameters.epochs)
            .map(|epoch| follower.epoch(&world, epoch, &view, minimum, by, |_| 0));
        traces.push(Trace { arm: Arm::Oracle, rule, seen: seen.collect() });
    }
    for arm in LEARN {
        let mechanism = match arm.is_private() {
            true => Spending::Plan.mechanism(parameters.epsilon)?,
            false => quiet()?,
        };
        let who = (parameters.nodes, parameters.users);
        let mut federation = Federation::new(arm, seed, &world, who, mechanism)?;
        let libraries = federation.views().len();
        let rules = parameters.rules(arm);
        let mut followers: Vec<Follower> =
            rules.iter().map(|rule| Follower::new(*rule, libraries)).collect();
        let mut seen: Vec<Vec<Seen>> = vec![Vec::new(); rules.len()];
        for (epoch, meetings) in (1..).zip(&world.meetings) {
            federation.begin(epoch)?;
            for (follower, seen) in followers.iter_mut().zip(&mut seen) {
                let library_of = |met: &world::Meeting| federation.group_of(met.node);
                let views = federation.views();
                seen.push(follower.epoch(&world, epoch, views, minimum, by, library_of));
            }
            federation.end(epoch, meetings)?;
        }
        traces.extend(rules.into_iter().zip(seen).map(|(rule, seen)| Trace { arm, rule, seen }));
    }
    let library = (1..=parameters.epochs)
        .map(|epoch| world.situations.iter().map(|one| one.released(epoch)).sum::<usize>() as f64);
    Ok(Outcome { traces, library: library.collect() })
}
