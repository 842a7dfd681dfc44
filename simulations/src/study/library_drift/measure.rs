//! What each rule gives to whom, counted over the meetings of an epoch.

use std::collections::BTreeSet;

use super::federation::View;
use super::rule::{Active, Item, Rule};
use super::world::{Meeting, World};
use crate::study::routing::Line;

/// How an item is found among those that are given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Selector {
    /// By what failed: the right situation's remedy is always found, as the study `routing` measures it.
    Failure,
    /// By words: the right situation's is found as often as the fitted line says, whose slope is so many times the
    /// measured one.
    Words(f64),
}

impl Selector {
    /// Chance that an item is found among so many; 1 and more are needed for there to be one.
    #[must_use]
    pub(super) fn hit(self, line: Line, items: usize) -> f64 {
        match self {
            Self::Failure => 1.0,
            Self::Words(steepness) => line.at(items as f64, steepness),
        }
    }
}

/// Sums over the meetings of an epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen {
    /// Meetings.
    pub meetings: f64,
    /// Items that are given, summed over meetings.
    pub active: f64,
    /// Share of these that help nobody now, summed over meetings: another remedy works, or the situation is not met any
    /// more.
    pub useless: f64,
    /// Meetings in which what works was given, by selector.
    pub right: Vec<f64>,
    /// Of these, those in which it was followed and worked.
    pub helped: Vec<f64>,
    /// Meetings in which a remedy that does not work was given for the situation, followed, and failed, by selector.
    pub misled: Vec<f64>,
}

/// What a rule gives from one library in an epoch.
struct Given {
    /// By situation; none where nothing is given.
    remedies: Vec<Option<usize>>,
    items: usize,
    useless: usize,
}

/// One rule with its active sets, one for each library.
pub(super) struct Follower {
    rule: Rule,
    active: Vec<Active>,
}

impl Follower {
    /// A rule before the first epoch, for so many libraries.
    #[must_use]
    pub(super) fn new(rule: Rule, libraries: usize) -> Self {
        Self { rule, active: vec![Active::default(); libraries] }
    }

    /// Takes in what libraries say, and counts over the meetings of an epoch. `minimum` is the number of trials
    /// that an item is retired with.
    pub(super) fn epoch(
        &mut self,
        world: &World,
        epoch: u32,
        views: &[View],
        minimum: u64,
        (line, selectors): (Line, &[Selector]),
        library_of: impl Fn(&Meeting) -> usize,
    ) -> Seen {
        let mut given = Vec::new();
        for (view, active) in views.iter().zip(&mut self.active) {
            if let Rule::Bounded { most, by } = self.rule {
                active.update(&view.usable, most, by, minimum);
            }
            given.push(of_library(self.rule, world, epoch, view, active));
        }
        let hits: Vec<Vec<f64>> = given
            .iter()
            .map(|one| selectors.iter().map(|by| by.hit(line, one.items)).collect())
            .collect();
        let none = vec![0.0; selectors.len()];
        let mut seen =
            Seen { right: none.clone(), helped: none.clone(), misled: none, ..Seen::default() };
        for met in &world.meetings[epoch as usize - 1] {
            let library = library_of(met);
            let (one, hits) = (&given[library], &hits[library]);
            seen.meetings += 1.0;
            seen.active += one.items as f64;
            seen.useless += one.useless as f64 / one.items.max(1) as f64;
            let situation = &world.situations[met.situation];
            let rivals = situation.released(epoch);
            let found = match self.rule {
                Rule::All => (rivals > 0).then_some((met.tie * rivals as f64) as usize),
                _ => one.remedies[met.situation],
            };
            let Some(remedy) = found else { continue };
            let works = situation.works(epoch);
            let success = met.success(remedy, works);
            for (at, hit) in hits.iter().enumerate() {
                if remedy == works {
                    seen.right[at] += hit;
                }
                if met.follows && remedy == works && success {
                    seen.helped[at] += hit;
                }
                if met.follows && remedy != works && !success {
                    seen.misled[at] += hit;
                }
            }
        }
        seen
    }
}

fn of_library(rule: Rule, world: &World, epoch: u32, view: &View, active: &Active) -> Given {
    let situations = world.situations.iter().enumerate();
    let of = |remedies, items: &BTreeSet<Item>| {
        let helps = |(at, remedy): &&Item| {
            let situation = &world.situations[*at];
            situation.is_met(epoch) && situation.works(epoch) == *remedy
        };
        let useless = items.len() - items.iter().filter(helps).count();
        Given { remedies, items: items.len(), useless }
    };
    match rule {
        Rule::All => {
            let all =
                situations.flat_map(|(at, one)| (0..one.released(epoch)).map(move |n| (at, n)));
            of(Vec::new(), &all.collect())
        }
        Rule::Shipped => of(view.hints.clone(), &view.usable.keys().copied().collect()),
        Rule::Bounded { .. } => {
            let mut best: Vec<Option<usize>> = vec![None; world.situations.len()];
            for (at, remedy) in active.items() {
                let rate = |remedy: usize| view.usable[&(*at, remedy)].rate;
                // As the shipped look-up: the best lower bound. Of equals the first one is kept.
                if best[*at].is_none_or(|before| rate(*remedy) > rate(before)) {
                    best[*at] = Some(*remedy);
                }
            }
            of(best, active.items())
        }
        Rule::Oracle { most } => {
            let right = situations.filter_map(|(at, one)| {
                let works = one.works(epoch);
                (one.is_met(epoch) && works < one.released(epoch)).then_some((at, works))
            });
            let mut right: Vec<Item> = right.collect();
            let prevalence = |item: &Item| world.situations[item.0].prevalence();
            right.sort_by(|a, b| prevalence(b).total_cmp(&prevalence(a)).then(a.cmp(b)));
            right.truncate(most.unwrap_or(usize::MAX));
            let mut remedies = vec![None; world.situations.len()];
            right.iter().for_each(|(at, remedy)| remedies[*at] = Some(*remedy));
            of(remedies, &right.into_iter().collect())
        }
    }
}
