//! Releases of one half of the people, by the privacy door's own code with seeded noise.

use std::collections::{BTreeMap, BTreeSet};

use lore_privacy::release::{LessonsSpec, VotesSpec, release_lessons, release_votes};
use lore_privacy::{
    Budget, LessonContribution, LocalSecret, PrivacyError, Private, Schedule, SeededNoise, UnitId,
    VoteContribution,
};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Lesson, LessonKey};
use lore_protocol::payload::{ItemId, Payload, Unit, WEIGHT, Window};

/// Budgets that are measured, in 1e-6 of epsilon.
pub const EPSILONS_MICROS: [u64; 4] = [1_000_000, 2_000_000, 4_000_000, 8_000_000];
const DELTA_E18: u64 = 1_000_000_000_000;
const WINDOW: Window = Window { start_seconds: 0, end_seconds: 7_776_000 };
/// Size of a lesson release, as founders set it by default.
const PADDED_BYTES: u32 = 14 << 10;
/// Deviations of its noise above which a candidate's votes count as seen.
const SURE_DEVIATIONS: f64 = 3.0;

/// Vote releases of a period, by the default schedule.
pub(super) fn vote_releases() -> usize {
    usize::try_from(Schedule::default().votes.max(1)).unwrap_or(1)
}

fn secret() -> LocalSecret {
    LocalSecret::from_bytes([9; 32])
}

fn unit(at: usize) -> UnitId {
    secret().user(&at.to_string())
}

fn noise(purpose: u64, epsilon_micros: u64, seed: u64, half: u64) -> SeededNoise {
    let parts = [purpose, epsilon_micros, seed, half].map(u64::to_le_bytes);
    SeededNoise::new(&parts.concat())
}

/// Lessons that one release of a period gives, with their people, of units with all their keys.
pub(super) fn lessons(
    units: &[BTreeSet<&Lesson>],
    epsilon_micros: u64,
    seed: u64,
    half: u64,
) -> Result<Vec<(Lesson, usize)>, PrivacyError> {
    let plan = Budget::new(Unit::User, epsilon_micros, DELTA_E18, 90)?.plan(Schedule::default())?;
    let Some(mechanism) = plan.lessons else { return Ok(Vec::new()) };
    let given = units.iter().enumerate().flat_map(|(at, keys)| {
        keys.iter().map(move |lesson| LessonContribution {
            unit: unit(at),
            start_seconds: 0,
            primary: (*lesson).clone(),
            topics: Vec::new(),
        })
    });
    let release = Hash::derive("lore-lab/transfer", &[&half.to_le_bytes()]);
    let spec = LessonsSpec::new(release, mechanism, WINDOW, PADDED_BYTES);
    let mut noise = noise(0, epsilon_micros, seed, half);
    let made = release_lessons(&spec, &Private::new(given.collect()), &secret(), &mut noise)?;
    let Payload::Lessons(lessons) = made.into_inner() else { return Ok(Vec::new()) };
    let found = lessons.entries.into_iter().filter_map(|entry| match entry.key {
        LessonKey::Primary(lesson) => {
            let people = usize::try_from(entry.support / i64::from(WEIGHT)).unwrap_or(0);
            Some((lesson, people.max(1)))
        }
        LessonKey::Topic { .. } => None,
    });
    Ok(found.collect())
}

/// Noisy votes on candidates, pooled over releases.
#[derive(Default)]
pub(super) struct Pool {
    votes: BTreeMap<ItemId, f64>,
    variance: f64,
}

impl Pool {
    /// Adds another pool's votes.
    pub(super) fn merge(&mut self, other: &Self) {
        for (item, votes) in &other.votes {
            *self.votes.entry(*item).or_default() += votes;
        }
        self.variance += other.variance;
    }

    /// Adds one vote release of some units; `place` is their half and the window.
    pub(super) fn add(
        &mut self,
        units: &[BTreeSet<&Lesson>],
        codebook: &[Lesson],
        epsilon_micros: u64,
        seed: u64,
        place: [u64; 2],
    ) -> Result<(), PrivacyError> {
        let budget = Budget::new(Unit::User, epsilon_micros, DELTA_E18, 90)?;
        let Some(mechanism) = budget.plan(Schedule::default())?.votes else { return Ok(()) };
        let ballot: BTreeSet<ItemId> =
            codebook.iter().map(|one| ItemId::Lesson(one.id())).collect();
        let given = units.iter().enumerate().map(|(at, keys)| VoteContribution {
            unit: unit(at),
            start_seconds: 0,
            supports: keys
                .iter()
                .map(|lesson| ItemId::Lesson(lesson.id()))
                .filter(|item| ballot.contains(item))
                .collect(),
        });
        let given = Private::new(given.collect());
        let spec = VotesSpec {
            release: Hash::derive(
                "lore-lab/transfer-votes",
                &[&place.map(u64::to_le_bytes).concat()],
            ),
            mechanism,
            window: WINDOW,
            items_root: Hash::ZERO,
            ballot,
        };
        let mut noise = noise(1 + place[1], epsilon_micros, seed, place[0]);
        let made = release_votes(&spec, &given, &secret(), &mut noise)?;
        let Payload::Votes(votes) = made.into_inner() else { return Ok(()) };
        for entry in votes.votes {
            *self.votes.entry(entry.item).or_default() += entry.votes as f64;
        }
        self.variance += (mechanism.scale_micros as f64 / 1e6).powi(2);
        Ok(())
    }

    /// Candidates whose pooled votes are above their noise.
    pub(super) fn sure(&self) -> Vec<ItemId> {
        let least = SURE_DEVIATIONS * self.variance.sqrt();
        let sure = self.votes.iter().filter(|(_, votes)| **votes > least);
        sure.map(|(item, _)| *item).collect()
    }
}
