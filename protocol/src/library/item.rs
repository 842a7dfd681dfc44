//! The state of the library.

use std::collections::{BTreeMap, BTreeSet};

use bincode::{Decode, Encode};

use super::cost::CostSums;
use super::evidence::Counts;
use super::votes::{Tally, VoteEstimate};
use crate::codec;
use crate::ids::{Hash, LessonId, MemberId, RevisionId, SkillId};
use crate::lesson::{Lesson, Word};
use crate::payload::{FileEntry, ItemId, RevokeTarget};

/// A revision of a skill's base text.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RevisionItem {
    /// Skill name; empty for the virtual base of a skill that began as lessons.
    pub name: String,
    /// Skill description; empty for a virtual base.
    pub description: String,
    /// Revisions that it replaces.
    pub parents: Vec<RevisionId>,
    /// Its files.
    pub files: Vec<FileEntry>,
    /// Who published it; none for a virtual base.
    pub author: Option<MemberId>,
    /// Epoch that it became part of the library in.
    pub epoch: u32,
}

/// A lesson with who found it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LessonItem {
    /// The lesson.
    pub lesson: Lesson,
    /// Noisy support by author, summed over releases; 0 for an author who wrote it by hand.
    pub support: BTreeMap<MemberId, i64>,
    /// Authors who wrote it by hand.
    pub authored: BTreeSet<MemberId>,
    /// Epoch that it became part of the library in.
    pub epoch: u32,
}

impl LessonItem {
    /// Support over all authors.
    #[must_use]
    pub fn total_support(&self) -> i64 {
        self.support.values().fold(0, |sum, support| sum.saturating_add(*support))
    }
}

/// A skill: revisions of a base text, and lessons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Skill {
    /// Its revisions.
    pub revisions: BTreeMap<RevisionId, RevisionItem>,
    /// Its lessons.
    pub lessons: BTreeSet<LessonId>,
    /// The chosen revision, by context.
    pub heads: BTreeMap<u16, RevisionId>,
}

/// The whole library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Library {
    /// Skills.
    pub skills: BTreeMap<SkillId, Skill>,
    /// Lessons of all skills.
    pub lessons: BTreeMap<LessonId, LessonItem>,
    /// Topic words of lessons with noisy support; a word may come before its lesson.
    pub topics: BTreeMap<LessonId, BTreeMap<Word, i64>>,
    /// Evidence by item, context and author.
    pub evidence: BTreeMap<(ItemId, u16), BTreeMap<MemberId, Counts>>,
    /// Votes by candidate and author.
    pub tallies: BTreeMap<ItemId, BTreeMap<MemberId, Tally>>,
    /// Votes by candidate, pooled over authors: what the tallies come to under the charter's cap.
    pub(super) votes: BTreeMap<ItemId, VoteEstimate>,
    /// Costs by item, context and author.
    pub costs: BTreeMap<(ItemId, u16), BTreeMap<MemberId, CostSums>>,
    /// Who revoked what.
    pub revocations: BTreeMap<RevokeTarget, BTreeSet<MemberId>>,
    /// What enough members revoked: for ever.
    pub revoked: BTreeSet<RevokeTarget>,
}

impl Library {
    /// Hash of the whole state. Equal roots mean equal libraries.
    #[must_use]
    pub fn root(&self) -> Hash {
        Hash::derive("commonlore/library/v1", &[&codec::encode(self)])
    }

    /// Hash of one skill's state: changes only when that skill does.
    #[must_use]
    pub fn skill_state(&self, skill: SkillId) -> Hash {
        let Some(found) = self.skills.get(&skill) else {
            return Hash::ZERO;
        };
        let mut bytes = codec::encode(found);
        for lesson in &found.lessons {
            let item = self.lessons.get(lesson);
            bytes.extend(codec::encode(&item.map(|item| item.total_support())));
            bytes.extend(codec::encode(&self.topics.get(lesson).cloned().unwrap_or_default()));
            bytes.extend(codec::encode(&self.is_revoked(RevokeTarget::Lesson(*lesson))));
            bytes.extend(codec::encode(&self.sure_votes(ItemId::Lesson(*lesson))));
        }
        for revision in found.revisions.keys() {
            bytes.extend(codec::encode(&self.is_revoked(RevokeTarget::Revision(*revision))));
        }
        Hash::derive("commonlore/skill-state/v1", &[skill.as_bytes(), &bytes])
    }

    /// Whether something is revoked.
    #[must_use]
    pub fn is_revoked(&self, target: RevokeTarget) -> bool {
        self.revoked.contains(&target)
    }

    /// Items that outcomes are counted for: every revision that is not revoked, by id.
    #[must_use]
    pub fn active_items(&self) -> Vec<ItemId> {
        let revisions = self.skills.values().flat_map(|skill| skill.revisions.keys());
        let active: BTreeSet<ItemId> = revisions
            .filter(|revision| !self.is_revoked(RevokeTarget::Revision(**revision)))
            .map(|revision| ItemId::Revision(*revision))
            .collect();
        active.into_iter().collect()
    }

    /// Lessons of a skill that are not revoked. A lesson's own evidence is its votes: those with votes
    /// that noise does not explain come first, then the best supported, then by id.
    #[must_use]
    pub fn lessons_of(&self, skill: SkillId) -> Vec<(LessonId, &LessonItem)> {
        let ids = self.skills.get(&skill).into_iter().flat_map(|skill| &skill.lessons);
        let mut found: Vec<_> = ids
            .filter(|id| !self.is_revoked(RevokeTarget::Lesson(**id)))
            .filter_map(|id| Some((*id, self.lessons.get(id)?)))
            .collect();
        found.sort_by_key(|(id, item)| {
            let votes = self.sure_votes(ItemId::Lesson(*id));
            (std::cmp::Reverse((votes, item.total_support())), *id)
        });
        found
    }

    /// Topic words of a lesson, best supported first, then by word.
    #[must_use]
    pub fn topics_of(&self, lesson: LessonId) -> Vec<&Word> {
        let mut words: Vec<_> = self.topics.get(&lesson).into_iter().flatten().collect();
        words.sort_by_key(|(word, support)| (std::cmp::Reverse(**support), *word));
        words.into_iter().map(|(word, _)| word).collect()
    }
}
