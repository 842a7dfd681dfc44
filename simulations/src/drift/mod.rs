//! A tool whose flag is renamed, and later renamed back, while nodes learn: how long the remedy that stopped
//! working is still hinted, and when the newer one is.
//!
//! Every node releases the outcomes of its users' trials once an epoch through the privacy crate's own bounding and noise;
//! the watches, the pooling and the hint are those of the nodes. Signatures and the network are left out: what
//! they carry is the same. Three arms see the same law of users: a federation, each node with nothing but its
//! own releases, and a federation that goes by the sums of all time, without a test for drift.

mod learner;

use std::collections::BTreeSet;

use lore_privacy::release::{OutcomesSpec, release_outcomes};
use lore_privacy::{
    Budget, LocalSecret, OutcomeContribution, PrivacyError, Private, Schedule, SeededNoise,
};
use lore_protocol::ids::{Hash, MemberId};
use lore_protocol::lesson::Lesson;
use lore_protocol::library::Counts;
use lore_protocol::payload::{ItemId, Mechanism, Payload, Unit, Window};
use serde::Serialize;

use self::learner::{Came, Learner, remedies};
use crate::rng::{Purpose, Stream, Streams};
use crate::stats::Sample;

const DELTA_E18: u64 = 1_000_000_000_000;
const WINDOW: Window = Window { start_seconds: 0, end_seconds: 604_800 };
/// Chance that the remedy of the present flag works, and that the other one does, in a million.
const WORKS_PPM: u32 = 900_000;
const FAILS_PPM: u32 = 50_000;
/// Chance that a user follows the hint, in a million.
const FOLLOWS_PPM: u32 = 900_000;

/// A study's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Study {
    /// Nodes of the federation.
    pub nodes: u32,
    /// Users of each.
    pub users: u32,
    /// Chance that a user meets the failure in an epoch, in a million.
    pub meets_ppm: u32,
    /// Epsilon of each node's period of twelve outcome releases, in millionths; delta is 1e-6.
    pub epsilon_micros: u64,
    /// Epochs before the first change, between the two, and after the second.
    pub phase: u32,
}

/// Knowledge that hints go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Releases of all nodes, with the test for drift.
    Federation,
    /// Each node's own releases, with the test for drift.
    Alone,
    /// Releases of all nodes, summed over all time.
    AllTime,
}

/// Epochs from a change on, the one of the change being the first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Delay {
    /// Mean over seeds; one that did not come within the phase counts as the whole phase.
    pub mean: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share that did not come within the phase.
    pub never: f64,
}

/// One arm at one change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The arm.
    pub arm: Arm,
    /// 1: the flag is renamed; 2: it is renamed back.
    pub change: u32,
    /// Share of those who learn that hinted the working remedy when the change came; the others are left out.
    pub ready: f64,
    /// Until the remedy that stopped working is not hinted any more.
    pub old_gone: Delay,
    /// Until the newer remedy is hinted.
    pub new_hinted: Delay,
}

/// The whole result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its size.
    pub study: Study,
    /// Seeds.
    pub seeds: u64,
    /// Noise of a release, as a standard deviation of each count.
    pub sigma: f64,
    /// All arms and changes.
    pub rows: Vec<Row>,
    /// Changes that the federation raised an alarm for, of all seeds.
    pub alarms: u64,
    /// Of these, those after which the old remedy was not hinted in the alarm's own epoch or later.
    pub gone_at_alarm: u64,
    /// Of these, those in which the newer one was hinted by the epoch after the alarm.
    pub new_after_alarm: u64,
    /// Lessons of the federation that drifted before anything changed.
    pub false_alarms: u64,
}

/// One federation, or a set of nodes alone, from one seed.
struct World<'a> {
    study: Study,
    arm: Arm,
    seed: u64,
    mechanism: Mechanism,
    remedies: &'a [Lesson; 2],
    work: Vec<Stream>,
    learners: Vec<Learner>,
}

impl World<'_> {
    /// The learner that a node listens to.
    fn learner(&self, node: u32) -> usize {
        if self.arm == Arm::Alone { node as usize } else { 0 }
    }

    /// Trials of a node's users in an epoch in which remedy `works` works.
    fn trials(&mut self, node: u32, works: usize) -> Vec<OutcomeContribution> {
        let secret = secret(node);
        let hinted = self.learners[self.learner(node)].hinted;
        let draws = &mut self.work[node as usize];
        let mut trials = Vec::new();
        for user in 0..self.study.users {
            if !draws.chance(self.study.meets_ppm) {
                continue;
            }
            let follows = draws.chance(FOLLOWS_PPM);
            let guess = draws.index(2);
            let mut remedy = hinted.filter(|_| follows).unwrap_or(guess);
            // Whom the first remedy does not help, tries the other one.
            for _ in 0..2 {
                let success = draws.chance(if remedy == works { WORKS_PPM } else { FAILS_PPM });
                trials.push(OutcomeContribution {
                    unit: secret.user(&user.to_string()),
                    item: ItemId::Lesson(self.remedies[remedy].id()),
                    context: 0,
                    success,
                    start_seconds: 1,
                });
                if success {
                    break;
                }
                remedy = 1 - remedy;
            }
        }
        trials
    }

    /// Lets everybody work, release and learn for one epoch.
    fn epoch(&mut self, epoch: u32, works: usize) -> Result<(), PrivacyError> {
        let mut came: Vec<[Came; 2]> = self.learners.iter().map(|_| Default::default()).collect();
        for node in 0..self.study.nodes {
            let trials = Private::new(self.trials(node, works));
            let items = self.remedies.iter().map(|one| ItemId::Lesson(one.id()));
            let parts = [self.seed, node.into(), epoch.into(), self.arm as u64];
            let parts = parts.map(u64::to_le_bytes).concat();
            let spec = OutcomesSpec {
                release: Hash::derive("lore-sim/drift", &[&parts]),
                mechanism: self.mechanism,
                window: WINDOW,
                items_root: Hash::ZERO,
                cells: items.map(|item| (item, 0)).collect::<BTreeSet<_>>(),
            };
            let mut noise = SeededNoise::new(&parts);
            let made = release_outcomes(&spec, &trials, &secret(node), &mut noise)?;
            let Payload::Outcomes(outcomes) = made.into_inner() else { continue };
            let learner = self.learner(node);
            for cell in outcomes.cells {
                let is = |one: &Lesson| ItemId::Lesson(one.id()) == cell.item;
                let Some(n) = self.remedies.iter().position(is) else { continue };
                let counts = Counts {
                    successes: cell.successes,
                    failures: cell.failures,
                    variance_micros: self.mechanism.variance_micros(),
                };
                came[learner][n].insert(MemberId(*member(node).as_bytes()), counts);
            }
        }
        for (learner, came) in self.learners.iter_mut().zip(&came) {
            learner.learn(self.remedies, epoch, came, self.arm);
        }
        Ok(())
    }
}

fn member(node: u32) -> Hash {
    Hash::derive("lore-sim/drift-member", &[&node.to_le_bytes()])
}

fn secret(node: u32) -> LocalSecret {
    LocalSecret::from_bytes(*member(node).as_bytes())
}

/// Sums over seeds.
#[derive(Default)]
struct Sums {
    ready: Sample,
    old_gone: Sample,
    new_hinted: Sample,
    never: [Sample; 2],
}

fn delay(of: &Sample, never: &Sample) -> Delay {
    let half = 1.96 * of.standard_error();
    let mean = of.mean();
    Delay { mean, low: mean - half, high: mean + half, never: never.mean() }
}

/// Runs the study over so many seeds from `first` on; `progress` hears of each.
///
/// # Errors
/// Fails when the budget buys no outcome release.
pub fn run(
    study: Study,
    first: u64,
    seeds: u64,
    mut progress: impl FnMut(u64),
) -> Result<Report, PrivacyError> {
    let remedies = remedies()?;
    let budget = Budget::new(Unit::User, study.epsilon_micros, DELTA_E18, 90)?;
    let mechanism = budget.plan(Schedule::default())?.outcomes.ok_or(PrivacyError::NoBudget)?;
    let mut report = Report {
        study,
        seeds,
        sigma: (mechanism.variance_micros() as f64 / 1e6).sqrt(),
        rows: Vec::new(),
        alarms: 0,
        gone_at_alarm: 0,
        new_after_alarm: 0,
        false_alarms: 0,
    };
    let arms = [Arm::Federation, Arm::Alone, Arm::AllTime];
    let mut sums: [[Sums; 2]; 3] = Default::default();
    for seed in (first..).take(usize::try_from(seeds).unwrap_or(usize::MAX)) {
        for (arm, sums) in arms.into_iter().zip(&mut sums) {
            let streams = Streams::new(seed);
            let learners = if arm == Arm::Alone { study.nodes } else { 1 };
            let mut world = World {
                study,
                arm,
                seed,
                mechanism,
                remedies: &remedies,
                work: (0..study.nodes).map(|node| streams.stream(node, Purpose::Work)).collect(),
                learners: (0..learners).map(|_| Learner::default()).collect(),
            };
            for epoch in 1..=study.phase {
                world.epoch(epoch, 0)?;
            }
            if arm == Arm::Federation {
                let drifted = world.learners[0].alarms.iter().filter(|alarm| alarm.is_some());
                report.false_alarms += drifted.count() as u64;
            }
            for (change, sums) in sums.iter_mut().enumerate() {
                follow(&mut world, change, sums, &mut report)?;
            }
        }
        progress(1);
    }
    for (arm, sums) in arms.into_iter().zip(&sums) {
        report.rows.extend((1..).zip(sums).map(|(change, sums)| Row {
            arm,
            change,
            ready: sums.ready.mean(),
            old_gone: delay(&sums.old_gone, &sums.never[0]),
            new_hinted: delay(&sums.new_hinted, &sums.never[1]),
        }));
    }
    Ok(report)
}

/// Runs the phase after a change, and notes when hints follow.
fn follow(
    world: &mut World<'_>,
    change: usize,
    sums: &mut Sums,
    report: &mut Report,
) -> Result<(), PrivacyError> {
    let (old, new) = (change, 1 - change);
    let phase = world.study.phase;
    let count = world.learners.len();
    let ready: Vec<bool> = world.learners.iter().map(|one| one.hinted == Some(old)).collect();
    let mut gone: Vec<Option<u32>> = vec![None; count];
    let mut hinted = gone.clone();
    for learner in &mut world.learners {
        learner.alarms = [None; 2];
    }
    let start = phase * (u32::try_from(change).unwrap_or(0) + 1);
    for after in 1..=phase {
        world.epoch(start + after, new)?;
        for (n, learner) in world.learners.iter().enumerate() {
            if learner.hinted != Some(old) && gone[n].is_none() {
                gone[n] = Some(after);
            }
            if learner.hinted == Some(new) && hinted[n].is_none() {
                hinted[n] = Some(after);
            }
        }
    }
    let mean = |of: &[Option<u32>]| {
        let of = of.iter().zip(&ready).filter(|(_, ready)| **ready);
        let of: Sample = of.map(|(one, _)| f64::from(one.unwrap_or(phase))).collect();
        of
    };
    let never = |of: &[Option<u32>]| {
        let of = of.iter().zip(&ready).filter(|(_, ready)| **ready);
        of.map(|(one, _)| f64::from(u8::from(one.is_none()))).collect::<Sample>()
    };
    let are = |ready: &bool| f64::from(u8::from(*ready));
    sums.ready.add(ready.iter().map(are).collect::<Sample>().mean());
    if ready.contains(&true) {
        sums.old_gone.add(mean(&gone).mean());
        sums.new_hinted.add(mean(&hinted).mean());
        sums.never[0].add(never(&gone).mean());
        sums.never[1].add(never(&hinted).mean());
    }
    if let (Arm::Federation, Some(alarm)) = (world.arm, world.learners[0].alarms[old]) {
        let alarm = alarm - start;
        report.alarms += 1;
        report.gone_at_alarm += u64::from(gone[0].is_some_and(|gone| gone <= alarm));
        report.new_after_alarm += u64::from(hinted[0].is_some_and(|new| new <= alarm + 1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_federation_drops_a_renamed_flag_soon_and_takes_the_newer_one() {
        let study = Study {
            nodes: 12,
            users: 50,
            meets_ppm: 500_000,
            epsilon_micros: 4_000_000,
            phase: 12,
        };
        let report = run(study, 1, 3, |_| ()).unwrap();
        let row = |arm, change| {
            report.rows.iter().find(|row| row.arm == arm && row.change == change).unwrap()
        };
        for change in [1, 2] {
            let (pooled, alone) = (row(Arm::Federation, change), row(Arm::Alone, change));
            assert_eq!(pooled.ready, 1.0, "{report:?}");
            assert!(pooled.old_gone.mean <= 3.0 && pooled.new_hinted.mean <= 4.0, "{report:?}");
            assert_eq!((pooled.old_gone.never, pooled.new_hinted.never), (0.0, 0.0), "{report:?}");
            assert!(alone.old_gone.mean > pooled.old_gone.mean, "{report:?}");
        }
        assert_eq!((report.alarms, report.gone_at_alarm), (6, 6), "{report:?}");
        assert_eq!(report.false_alarms, 0, "{report:?}");
        assert_eq!(report, run(study, 1, 3, |_| ()).unwrap(), "a seed gives the same again");
    }
}
