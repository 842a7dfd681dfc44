//! Items that outcomes are counted for, and what being given a lesson changed.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Counts, Estimate, Pool};
use super::item::Library;
use crate::charter::Charter;
use crate::codec;
use crate::ids::{Hash, LessonId, MemberId};
use crate::lesson::Op;
use crate::payload::{ItemId, MAX_CELLS, RevokeTarget};

/// Pooled success of a pitfall's remedy, apart by what the sessions had been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// In sessions to which the lesson had been given.
    pub given: Option<Estimate>,
    /// In all others.
    pub without: Option<Estimate>,
}

impl Library {
    /// Items that outcomes are counted for, by id: every revision that is not revoked, and the pitfalls of the
    /// ballot, each twice: whether the remedy worked, and whether it worked where the lesson had been given.
    ///
    /// Of more than a release can hold in `contexts` contexts, pitfalls come first, then heads of skills, then other
    /// revisions by a hash of this state and the revision, which nobody can aim at.
    #[must_use]
    pub fn active_items(&self, contexts: u16) -> Vec<ItemId> {
        let pitfalls = self.ballot().into_iter().filter_map(|item| match item {
            ItemId::Lesson(id) => self.is_pitfall(id).then_some(id),
            ItemId::Revision(_) | ItemId::Given(_) => None,
        });
        let mut items: Vec<ItemId> =
            pitfalls.flat_map(|id| [ItemId::Lesson(id), ItemId::Given(id)]).collect();
        let revisions = self.skills.values().flat_map(|skill| skill.revisions.keys());
        let mut revisions: Vec<_> = revisions
            .filter(|revision| !self.is_revoked(RevokeTarget::Revision(**revision)))
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let most = MAX_CELLS / usize::from(contexts.max(1));
        if items.len() + revisions.len() > most {
            let root = self.root();
            let skills = self.skills.values();
            let heads: BTreeSet<_> = skills.flat_map(|skill| skill.heads.values()).collect();
            revisions.sort_by_cached_key(|revision| {
                let bytes = codec::encode(revision);
                let draw = Hash::derive("commonlore/active/v1", &[root.as_bytes(), &bytes]);
                (!heads.contains(revision), draw)
            });
        }
        items.extend(revisions.into_iter().map(ItemId::Revision));
        items.truncate(most);
        items.sort_unstable();
        items
    }

    fn is_pitfall(&self, id: LessonId) -> bool {
        self.lessons.get(&id).is_some_and(|item| item.lesson.op() == Op::Fix)
    }

    /// What being given a pitfall lesson changed, over all epochs: the success of its remedy in sessions that had
    /// been given it, and in the others. The counts of the others are a difference, with the noise of both.
    #[must_use]
    pub fn effect(&self, charter: &Charter, lesson: LessonId, context: u16) -> Effect {
        let counts = |item| self.evidence.get(&(item, context));
        let nobody = BTreeMap::new();
        let given = counts(ItemId::Given(lesson)).unwrap_or(&nobody);
        let all = counts(ItemId::Lesson(lesson)).unwrap_or(&nobody);
        let others: BTreeMap<MemberId, Counts> =
            all.iter().map(|(author, all)| (*author, all.less(given.get(author)))).collect();
        let pooled = |authors: &BTreeMap<MemberId, Counts>| {
            let mut pool = Pool::new(charter.limits.evidence_cap);
            for counts in self.by_voice(authors).values() {
                pool.add(counts.iter().copied());
            }
            pool.estimate()
        };
        Effect { given: pooled(given), without: pooled(&others) }
    }
}
