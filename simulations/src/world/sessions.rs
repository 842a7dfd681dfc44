//! The private side of a virtual node: users with one session each in every window.

use std::collections::BTreeSet;

use lore_engine::{Ballot, Contributions, Source};
use lore_privacy::{
    CostContribution, LessonContribution, OutcomeContribution, PrivacyError, Private, UnitId,
    VoteContribution,
};
use lore_protocol::charter::CostKind;
use lore_protocol::lesson::Lesson;
use lore_protocol::payload::ItemId;

use super::WorldError;
use super::work::lesson;
use crate::scenario::Releases;

/// Users of a node, each with the lesson that the user's sessions teach and use.
pub(super) struct Sessions {
    users: Vec<Lesson>,
}

/// The lesson of a scenario with this number: the same on every node.
pub(super) fn taught(number: u32) -> Result<Lesson, WorldError> {
    let port = 9_000 + u64::from(number);
    lesson("ssh", port, &format!("ssh -p {}", port + 1_000))
}

impl Sessions {
    /// As many users as a scenario says; lessons go around among them.
    pub(super) fn new(releases: Option<&Releases>) -> Result<Self, WorldError> {
        let users = releases.map_or(0, |releases| releases.users);
        let lessons = releases.map_or(1, |releases| releases.lessons.max(1));
        let users = (0..users).map(|user| taught(user % lessons));
        Ok(Self { users: users.collect::<Result<_, _>>()? })
    }

    /// The parts of each user's session that feed the release: unit, start, lesson and user.
    fn each<T>(
        &self,
        source: &Source<'_>,
        give: impl Fn(UnitId, u64, &Lesson, usize) -> T,
    ) -> Result<Private<Vec<T>>, PrivacyError> {
        let start_seconds = source.window().end_seconds.saturating_sub(1);
        let mut given = Vec::new();
        for (user, lesson) in self.users.iter().enumerate() {
            let name = format!("user {user}");
            let Some(unit) = source.unit_of(Some(&name), &name) else { continue };
            if source.admits(&unit)? {
                given.push(give(unit, start_seconds, lesson, user));
            }
        }
        Ok(Private::new(given))
    }
}

impl Contributions for Sessions {
    fn lessons(
        &self,
        source: &Source<'_>,
    ) -> Result<Private<Vec<LessonContribution>>, PrivacyError> {
        self.each(source, |unit, start_seconds, lesson, _| LessonContribution {
            unit,
            start_seconds,
            primary: lesson.clone(),
            topics: Vec::new(),
        })
    }

    /// Three sessions of four end well.
    fn outcomes(
        &self,
        source: &Source<'_>,
    ) -> Result<Private<Vec<OutcomeContribution>>, PrivacyError> {
        self.each(source, |unit, start_seconds, lesson, user| OutcomeContribution {
            unit,
            item: ItemId::Lesson(lesson.id()),
            context: 0,
            success: user % 4 != 0,
            start_seconds,
        })
    }

    fn costs(
        &self,
        _: &Source<'_>,
        _: &[CostKind],
    ) -> Result<Private<Vec<CostContribution>>, PrivacyError> {
        Ok(Private::new(Vec::new()))
    }

    fn votes(
        &self,
        source: &Source<'_>,
        ballot: &Ballot,
    ) -> Result<Private<Vec<VoteContribution>>, PrivacyError> {
        self.each(source, |unit, start_seconds, lesson, _| {
            let id = lesson.id();
            let spoken_for = ballot.lessons.contains_key(&id).then_some(ItemId::Lesson(id));
            let supports: BTreeSet<ItemId> = spoken_for.into_iter().collect();
            VoteContribution { unit, start_seconds, supports }
        })
    }
}
