//! One arm: who learns from whom, and what is hinted to whom.

use std::collections::{BTreeMap, BTreeSet};

use lore_privacy::release::{OutcomesSpec, release_outcomes};
use lore_privacy::{
    Bounds, LocalSecret, NoiseSource as _, OutcomeContribution, PrivacyError, Private, SeededNoise,
    UnitId, mechanism,
};
use lore_protocol::ids::Hash;
use lore_protocol::library::LessonState;
use lore_protocol::payload::{Cell, ItemId, MAX_CELLS, Mechanism, Outcomes, Payload, Unit};

use super::StudyError;
use super::arm::Arm;
use super::change::Change;
use super::crowd::{Meeting, People};
use super::fold::{Group, member};
use super::hostile::Hostile;
use super::pitfall::Pitfall;
use crate::budget::WEEK;

/// Seconds between two looks of the one place that knows everything.
const CENTRAL_SECONDS: u32 = 600;
/// Trials of a lesson that the one place waits for before it judges it: of one or two the test for drift makes nothing.
const CENTRAL_TRIALS: i64 = 10;
/// Looks in an epoch: it has a number for each.
const LOOKS: u32 = super::crowd::EPOCH_SECONDS / CENTRAL_SECONDS;
/// Sigma that stands for none: about one count in 100,000 is moved by one.
const QUIET_MICROS: u64 = 200_000;
/// Items of one person that count in a release without privacy: all of them.
const QUIET_ITEMS: u16 = 400;

/// A mechanism without noise worth the name, for arms that have no privacy.
///
/// # Errors
/// As [`mechanism::gaussian`].
pub fn quiet() -> Result<Mechanism, PrivacyError> {
    mechanism::gaussian(Unit::User, Bounds::cells(QUIET_ITEMS, 1), QUIET_MICROS, 0)
}

/// Sums over the meetings of an epoch, of honest nodes' people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Meetings.
    pub meetings: u64,
    /// Failing calls after the first one.
    pub wasted: u64,
    /// Meetings in which a hint named what does not work for the person.
    pub wrong: u64,
}

/// A federation and what happens to it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Nodes, hostile ones among them.
    pub nodes: u32,
    /// People of each.
    pub people: People,
    /// How tools change.
    pub change: Change,
    /// Mechanism of an outcome release in the private arms.
    pub mechanism: Mechanism,
    /// Members that lie.
    pub hostile: Hostile,
}

impl Setting {
    /// A federation of so many honest nodes, in which nothing changes.
    #[must_use]
    pub const fn new(nodes: u32, people: People, mechanism: Mechanism) -> Self {
        Self { nodes, people, change: Change::Never, mechanism, hostile: Hostile::NONE }
    }
}

/// Everybody who learns in one arm.
pub struct Learners<'a> {
    arm: Arm,
    seed: u64,
    setting: Setting,
    pitfalls: &'a [Pitfall],
    mechanism: Mechanism,
    quiet: Mechanism,
    secrets: Vec<LocalSecret>,
    units: Vec<Vec<UnitId>>,
    cells: BTreeSet<(ItemId, u16)>,
    /// The libraries: one for all, or one for each node.
    groups: Vec<Group>,
    /// The hinted remedy by library and situation.
    hints: Vec<Vec<Option<usize>>>,
    /// Trials that the one place has not judged yet.
    central: BTreeMap<ItemId, (i64, i64)>,
}

impl<'a> Learners<'a> {
    /// An arm before its first epoch.
    ///
    /// # Errors
    /// Fails when a release cannot have as many cells, or a lesson is refused.
    pub fn new(
        arm: Arm,
        seed: u64,
        setting: Setting,
        pitfalls: &'a [Pitfall],
    ) -> Result<Self, StudyError> {
        let Setting { nodes, people, mechanism, .. } = setting;
        let lessons = || pitfalls.iter().flat_map(|one| &one.remedies);
        let cells: BTreeSet<(ItemId, u16)> =
            lessons().map(|lesson| (ItemId::Lesson(lesson.id()), 0)).collect();
        if cells.len() > MAX_CELLS {
            return Err(StudyError::value("people.situations", cells.len() / 2, "at most 512"));
        }
        let quiet = quiet()?;
        let count = if arm == Arm::Isolated { nodes } else { 1 };
        let mut group = Group::new(arm != Arm::Private);
        group.learn(0, lessons().cloned())?;
        let secrets: Vec<LocalSecret> =
            (0..nodes).map(|node| LocalSecret::from_bytes(*member(node).as_bytes())).collect();
        let units = secrets
            .iter()
            .map(|secret| (0..people.users).map(|user| secret.user(&user.to_string())).collect())
            .collect();
        Ok(Self {
            arm,
            seed,
            setting,
            pitfalls,
            mechanism: if arm.is_private() { mechanism } else { quiet },
            quiet,
            secrets,
            units,
            cells,
            groups: vec![group; count as usize],
            hints: vec![vec![None; pitfalls.len()]; count as usize],
            central: BTreeMap::new(),
        })
    }

    /// The library that a node goes by.
    fn group_of(&self, node: u32) -> usize {
        if self.arm == Arm::Isolated { node as usize } else { 0 }
    }

    /// The libraries, in the order of nodes where there are several.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The remedy that is hinted in a situation, by library.
    pub fn hinted(&self, situation: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        self.hints.iter().map(move |hints| hints[situation])
    }

    /// The remedy that a library hints in a situation.
    #[must_use]
    pub fn hinted_by(&self, library: usize, situation: usize) -> Option<usize> {
        self.hints[library][situation]
    }

    /// True when a remedy of a situation drifts in a library.
    #[must_use]
    pub fn drifts(&self, library: usize, situation: usize, remedy: usize) -> bool {
        let id = self.pitfalls[situation].remedies[remedy].id();
        matches!(self.groups[library].state(id), LessonState::Drifting { .. })
    }

    /// Lets everybody work for one epoch, release what came of it, and learn.
    ///
    /// # Errors
    /// Fails when a release is refused.
    pub fn epoch(&mut self, epoch: u32, meetings: &[Meeting]) -> Result<Seen, StudyError> {
        let mut seen = Seen::default();
        let mut trials: Vec<Vec<OutcomeContribution>> = vec![Vec::new(); self.secrets.len()];
        let mut look = 0;
        for meeting in meetings {
            if self.arm == Arm::Centralised && meeting.second / CENTRAL_SECONDS > look {
                self.look(epoch * LOOKS + look)?;
                look = meeting.second / CENTRAL_SECONDS;
            }
            let hint = match self.arm {
                Arm::Oracle => Some(self.setting.change.works(epoch, meeting.place)),
                _ => self.hints[self.group_of(meeting.node)][meeting.situation],
            };
            let course = meeting.course(self.setting.change, epoch, hint);
            for (remedy, success) in course.tries.into_iter().flatten() {
                let item = ItemId::Lesson(self.pitfalls[meeting.situation].remedies[remedy].id());
                if self.arm == Arm::Centralised {
                    let (successes, failures) = self.central.entry(item).or_default();
                    *if success { successes } else { failures } += 1;
                    continue;
                }
                trials[meeting.node as usize].push(OutcomeContribution {
                    unit: self.units[meeting.node as usize][meeting.user as usize],
                    item,
                    context: 0,
                    success,
                    start_seconds: u64::from(meeting.second),
                });
            }
            if self.setting.hostile.is(meeting.node) {
                continue;
            }
            seen.meetings += 1;
            seen.wasted += u64::from(course.wasted);
            seen.wrong += u64::from(course.right == Some(false));
        }
        match self.arm {
            Arm::Oracle => {}
            Arm::Centralised => self.look(epoch * LOOKS + look)?,
            _ => self.exchange(epoch, trials)?,
        }
        Ok(seen)
    }

    /// The one place takes in what came since its last look.
    fn look(&mut self, number: u32) -> Result<(), StudyError> {
        let enough = |(successes, failures): &(i64, i64)| successes + failures >= CENTRAL_TRIALS;
        let cells: Vec<Cell> = self
            .central
            .iter()
            .filter(|(_, counts)| enough(counts))
            .map(|(item, counts)| Cell {
                item: *item,
                context: 0,
                successes: counts.0,
                failures: counts.1,
            })
            .collect();
        if cells.is_empty() {
            return Ok(());
        }
        self.central.retain(|_, counts| !enough(counts));
        let payload = Payload::Outcomes(Outcomes {
            mechanism: self.quiet,
            window: WEEK,
            items_root: Hash::ZERO,
            cells,
        });
        self.groups[0].take(number, [(member(0), payload)])?;
        self.learn();
        Ok(())
    }

    /// Every node releases its people's trials, and every library takes in what reaches it.
    fn exchange(
        &mut self,
        epoch: u32,
        trials: Vec<Vec<OutcomeContribution>>,
    ) -> Result<(), StudyError> {
        let mut said: Vec<Vec<_>> = vec![Vec::new(); self.groups.len()];
        for (node, trials) in (0..).zip(trials) {
            let payload = if self.setting.hostile.is(node) {
                self.forge(epoch, node)?
            } else {
                self.release(epoch, node, trials)?
            };
            said[self.group_of(node)].push((member(node), payload));
        }
        for (group, said) in self.groups.iter_mut().zip(said) {
            group.take(epoch, said)?;
        }
        self.learn();
        Ok(())
    }

    fn release(
        &self,
        epoch: u32,
        node: u32,
        trials: Vec<OutcomeContribution>,
    ) -> Result<Payload, StudyError> {
        let parts = self.parts(epoch, node);
        let spec = OutcomesSpec {
            release: Hash::derive("lore-sim/study", &[&parts]),
            mechanism: self.mechanism,
            window: WEEK,
            items_root: Hash::ZERO,
            cells: self.cells.clone(),
        };
        // The two private arms share their noise.
        let mut noise = SeededNoise::new(&parts);
        let secret = &self.secrets[node as usize];
        let made = release_outcomes(&spec, &Private::new(trials), secret, &mut noise)?;
        Ok(made.into_inner())
    }

    fn parts(&self, epoch: u32, node: u32) -> Vec<u8> {
        [self.seed, node.into(), epoch.into()].map(u64::to_le_bytes).concat()
    }

    /// A hostile node's release, under the same declared noise.
    fn forge(&self, epoch: u32, node: u32) -> Result<Payload, StudyError> {
        let People { users, prevalence, meets, .. } = self.setting.people;
        let met = f64::from(users) * prevalence * meets;
        let mut cells: BTreeMap<ItemId, [i64; 2]> = BTreeMap::new();
        for pitfall in self.pitfalls {
            for (remedy, lesson) in pitfall.remedies.iter().enumerate() {
                // It knows what works for most.
                let works = self.setting.change.works(epoch, 0.5) == remedy;
                cells.insert(ItemId::Lesson(lesson.id()), self.setting.hostile.counts(works, met));
            }
        }
        let flat: Vec<i64> = cells.values().flatten().copied().collect();
        let mut noise = SeededNoise::new(&self.parts(epoch, node));
        let noisy = noise.add(&flat, self.mechanism.scale_micros)?;
        let cells = cells.into_keys().zip(noisy.chunks_exact(2)).map(|(item, pair)| Cell {
            item,
            context: 0,
            successes: pair[0],
            failures: pair[1],
        });
        Ok(Payload::Outcomes(Outcomes {
            mechanism: self.mechanism,
            window: WEEK,
            items_root: Hash::ZERO,
            cells: cells.collect(),
        }))
    }

    fn learn(&mut self) {
        for (group, hints) in self.groups.iter().zip(&mut self.hints) {
            let book = group.book();
            for (pitfall, hint) in self.pitfalls.iter().zip(hints) {
                let found = book.hint_for(&pitfall.situation, None);
                *hint = found.and_then(|found| {
                    pitfall.remedies.iter().position(|one| *one == found.entry.lesson)
                });
            }
        }
    }
}
