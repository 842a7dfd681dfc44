//! Several epochs of one federation in every arm, and how knowledge follows when a tool changes.

use super::StudyError;
use super::arm::Arm;
use super::crowd::Crowd;
use super::learn::{Learners, Seen, Setting};
use super::pitfall::Pitfall;

/// How one change was followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Followed {
    /// Share of (library, situation) pairs that hinted the working remedy when the change came. The others are in none
    /// of the delays.
    pub ready: f64,
    /// Means over these pairs; none when there are none.
    pub delays: Option<Delays>,
}

/// Delays after one change, in epochs: 1 is the epoch of the change. One that did not come before the next change counts as the
/// whole phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delays {
    /// Until the test for drift raises its alarm about the remedy that stopped working.
    pub alarm: f64,
    /// Until that remedy is not hinted any more.
    pub silent: f64,
    /// Until the newer one is hinted.
    pub recovered: f64,
}

/// One arm from one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Trail {
    /// The arm.
    pub arm: Arm,
    /// By epoch.
    pub seen: Vec<Seen>,
    /// By change.
    pub changes: Vec<Followed>,
    /// Remedies that drifted before anything changed, over all libraries.
    pub false_alarms: u64,
    /// Bytes that one member received.
    pub bytes: u64,
}

impl Trail {
    /// The mean over all changes of a delay, of the pairs that were ready; not a number when none was.
    #[must_use]
    pub fn delay(&self, of: fn(&Delays) -> f64) -> f64 {
        let found: Vec<f64> =
            self.changes.iter().filter_map(|one| one.delays.as_ref().map(of)).collect();
        found.iter().sum::<f64>() / found.len() as f64
    }

    /// The mean over all changes of the share of pairs that were ready.
    #[must_use]
    pub fn ready(&self) -> f64 {
        let all = self.changes.iter().map(|one| one.ready);
        all.sum::<f64>() / self.changes.len().max(1) as f64
    }

    /// Failing calls after the first one, for each meeting of these epochs (from 1); not a number without meetings.
    #[must_use]
    pub fn wasted(&self, epochs: std::ops::RangeInclusive<u32>) -> f64 {
        let part = &self.seen[(*epochs.start() - 1) as usize..*epochs.end() as usize];
        let meetings: u64 = part.iter().map(|seen| seen.meetings).sum();
        part.iter().map(|seen| seen.wasted).sum::<u64>() as f64 / meetings as f64
    }

    /// Share of the meetings of these epochs in which a hint named something that does not work.
    #[must_use]
    pub fn misled(&self, epochs: std::ops::RangeInclusive<u32>) -> f64 {
        let part = &self.seen[(*epochs.start() - 1) as usize..*epochs.end() as usize];
        let meetings: u64 = part.iter().map(|seen| seen.meetings).sum();
        part.iter().map(|seen| seen.wrong).sum::<u64>() as f64 / meetings as f64
    }
}

/// What one library and situation did after a change.
#[derive(Clone, Copy, Default)]
struct Watched {
    ready: bool,
    alarm: Option<u32>,
    silent: Option<u32>,
    recovered: Option<u32>,
}

/// Runs `epochs` epochs in each of `arms` from one seed.
///
/// # Errors
/// Fails when a release is refused.
pub fn run(
    setting: Setting,
    epochs: u32,
    arms: &[Arm],
    seed: u64,
) -> Result<Vec<Trail>, StudyError> {
    let pitfalls = (0..setting.people.situations)
        .map(|number| Pitfall::new(number, 2))
        .collect::<Result<Vec<_>, _>>()?;
    let mut crowd = Crowd::new(setting.people, setting.nodes, seed);
    let meetings: Vec<_> = (0..epochs).map(|_| crowd.epoch()).collect();
    let starts = setting.change.starts(epochs);
    let mut trails = Vec::new();
    for arm in arms {
        let mut learners = Learners::new(*arm, seed, setting, &pitfalls)?;
        let mut seen = Vec::new();
        let mut watched: Vec<Vec<Watched>> = Vec::new();
        let mut false_alarms = 0;
        for (epoch, meetings) in (1..).zip(&meetings) {
            if starts.contains(&epoch) {
                watched.push(begin(&learners, setting, watched.len()));
            }
            seen.push(learners.epoch(epoch, meetings)?);
            match watched.len().checked_sub(1) {
                Some(change) => {
                    let after = epoch - starts[change] + 1;
                    note(&learners, setting, &mut watched[change], change, after);
                }
                None => false_alarms = drifting(&learners, setting),
            }
        }
        let lengths = starts.iter().skip(1).copied().chain([epochs + 1]);
        let lengths = lengths.zip(&starts).map(|(next, start)| next - start);
        trails.push(Trail {
            arm: *arm,
            seen,
            changes: watched.iter().zip(lengths).map(|(all, n)| followed(all, n)).collect(),
            false_alarms,
            bytes: learners.groups()[0].bytes,
        });
    }
    Ok(trails)
}

/// The remedy that works before a change, from 0: for the first in the queue.
const fn before(change: usize) -> usize {
    change % 2
}

/// Every situation in every library, as a change comes.
fn begin(learners: &Learners<'_>, setting: Setting, change: usize) -> Vec<Watched> {
    let situations = 0..setting.people.situations as usize;
    let hinted = situations.flat_map(|situation| learners.hinted(situation).collect::<Vec<_>>());
    let ready = hinted.map(|hinted| hinted == Some(before(change)));
    ready.map(|ready| Watched { ready, ..Watched::default() }).collect()
}

/// Notes what has come `after` so many epochs.
fn note(
    learners: &Learners<'_>,
    setting: Setting,
    watched: &mut [Watched],
    change: usize,
    after: u32,
) {
    let (old, new) = (before(change), 1 - before(change));
    let libraries = learners.groups().len();
    for (at, one) in watched.iter_mut().enumerate() {
        let (situation, library) = (at / libraries, at % libraries);
        if situation >= setting.people.situations as usize {
            return;
        }
        let hinted = learners.hinted_by(library, situation);
        if one.alarm.is_none() && learners.drifts(library, situation, old) {
            one.alarm = Some(after);
        }
        if one.silent.is_none() && hinted != Some(old) {
            one.silent = Some(after);
        }
        if one.recovered.is_none() && hinted == Some(new) {
            one.recovered = Some(after);
        }
    }
}

/// Remedies that drift, over all libraries.
fn drifting(learners: &Learners<'_>, setting: Setting) -> u64 {
    let mut count = 0;
    for library in 0..learners.groups().len() {
        for situation in 0..setting.people.situations as usize {
            for remedy in 0..2 {
                count += u64::from(learners.drifts(library, situation, remedy));
            }
        }
    }
    count
}

fn followed(watched: &[Watched], length: u32) -> Followed {
    let ready: Vec<&Watched> = watched.iter().filter(|one| one.ready).collect();
    let mean = |of: fn(&Watched) -> Option<u32>| {
        let sum: f64 = ready.iter().map(|one| f64::from(of(one).unwrap_or(length))).sum();
        sum / ready.len() as f64
    };
    let delays = (!ready.is_empty()).then(|| Delays {
        alarm: mean(|one| one.alarm),
        silent: mean(|one| one.silent),
        recovered: mean(|one| one.recovered),
    });
    Followed { ready: ready.len() as f64 / watched.len() as f64, delays }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use lore_privacy::Bounds;
    use lore_protocol::payload::Unit;

    use super::*;
    use crate::study::change::Change;
    use crate::study::crowd::People;
    use crate::study::hostile::Hostile;

    fn setting(nodes: u32, sigma_micros: u64) -> Setting {
        let bounds = Bounds::OUTCOMES;
        Setting {
            nodes,
            people: People {
                users: 40,
                situations: 1,
                prevalence: 1.0,
                meets: 0.5,
                follows: 0.9,
                works: 0.9,
                fails: 0.05,
            },
            change: Change::Recurring { every: 8 },
            mechanism: lore_privacy::mechanism::gaussian(Unit::User, bounds, sigma_micros, 0)
                .unwrap(),
            hostile: Hostile::NONE,
        }
    }

    #[test]
    fn the_oracle_wastes_least_the_centre_is_next_and_noise_costs_something() {
        let trails = run(setting(6, 12_000_000), 24, &Arm::ALL, 3).unwrap();
        let wasted: Vec<f64> = trails.iter().map(|trail| trail.wasted(9..=24)).collect();
        let [oracle, isolated, centralised, gossip, private, robust] = wasted[..] else { panic!() };
        assert!(oracle < centralised && centralised < gossip, "{wasted:?}");
        assert!(gossip <= private && gossip <= robust, "{wasted:?}");
        assert!(isolated < 0.8, "{wasted:?}");
        let again = run(setting(6, 12_000_000), 24, &Arm::ALL, 3).unwrap();
        assert!(trails == again, "repeats");
        let meetings = |trail: &Trail| trail.seen.iter().map(|seen| seen.meetings).sum::<u64>();
        assert!(trails.iter().all(|trail| meetings(trail) == meetings(&trails[0])));
    }

    #[test]
    fn a_centre_sees_a_change_in_its_first_epoch_and_nobody_sees_one_that_is_not() {
        let trails = run(setting(6, 12_000_000), 24, &[Arm::Centralised], 3).unwrap();
        let changes = &trails[0].changes;
        let delays = changes[0].delays.unwrap();
        assert_eq!((changes.len(), changes[0].ready, delays.silent), (2, 1.0, 1.0));
        let calm = Setting { change: Change::Never, ..setting(6, 12_000_000) };
        for trail in run(calm, 16, &Arm::ALL, 3).unwrap() {
            assert_eq!((trail.false_alarms, trail.changes.len()), (0, 0), "{trail:?}");
        }
    }
}
