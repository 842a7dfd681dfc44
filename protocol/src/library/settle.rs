//! What an epoch's sums come to: each touched thing from the library before and what came of it alone.

use std::collections::BTreeMap;

use super::evidence::{Estimate, Pool};
use super::item::{LessonItem, Library, RevisionItem, Skill};
use super::step::{Step, Touched};
use crate::charter::Charter;
use crate::ids::{LessonId, MemberId, RevisionId, SkillId};
use crate::lesson::{self, Lesson};
use crate::payload::{ItemId, RevokeTarget, WEIGHT};

impl Step {
    /// The library with all that was added.
    pub(super) fn settle(&mut self, charter: &Charter) -> &Library {
        let mut touched = std::mem::take(&mut self.touched);
        for place in std::mem::take(&mut touched.revisions) {
            self.settle_revision(place);
            touched.skills.insert(place.0);
        }
        for item in std::mem::take(&mut touched.voted) {
            self.next.pool_votes_for(item, charter.limits.evidence_cap);
            self.touch(&mut touched, item);
        }
        for target in std::mem::take(&mut touched.targets) {
            self.settle_revocation(charter, target);
            match target {
                RevokeTarget::Revision(id) => self.touch(&mut touched, ItemId::Revision(id)),
                RevokeTarget::Lesson(id) => self.touch(&mut touched, ItemId::Lesson(id)),
                RevokeTarget::Member(_) => {}
            }
        }
        let cap = i64::from(charter.limits.evidence_cap) * i64::from(WEIGHT);
        for id in touched.lessons {
            touched.skills.extend(self.settle_lesson(id, cap));
        }
        for id in touched.topics {
            self.settle_topics(id, cap);
        }
        for (lesson, context) in touched.watches {
            let known = self.before.watches.get(&lesson).and_then(|all| all.get(&context));
            let mut watch = known.cloned().unwrap_or_default();
            let Some(came) = self.came.outcomes.get(&(lesson, context)) else { continue };
            let cap = charter.limits.evidence_cap;
            watch.observe(cap, self.epoch, |author| self.next.voice(author), came);
            self.next.watches.or_default(lesson).insert(context, watch);
        }
        for id in touched.skills {
            self.settle_base(id);
            self.choose_heads(charter, id);
        }
        &self.next
    }

    /// What follows from an item whose votes or revocation changed: whether a candidate is elected, and which revision
    /// is the head.
    fn touch(&self, touched: &mut Touched, item: ItemId) {
        match item {
            ItemId::Lesson(id) if self.before.candidates.contains_key(&id) => {
                touched.lessons.insert(id);
            }
            ItemId::Revision(id) => {
                touched.skills.extend(self.next.homes.get(&id).into_iter().flatten());
            }
            ItemId::Lesson(_) | ItemId::Given(_) => {}
        }
    }

    /// Of several authors of a new revision, the one of the smallest delta is named first.
    fn settle_revision(&mut self, (skill, id): (SkillId, RevisionId)) {
        let Some(published) = self.came.revisions.get(&(skill, id)) else { return };
        let known = self.before.skills.get(&skill).and_then(|skill| skill.revisions.get(&id));
        let mut item = known.unwrap_or(&published.item).clone();
        for author in published.by.values() {
            if *item.author.get_or_insert(*author) != *author {
                item.also.insert(*author);
            }
        }
        self.next.skills.or_default(skill).revisions.insert(id, item);
        self.next.homes.or_default(id).insert(skill);
    }

    fn settle_revocation(&mut self, charter: &Charter, target: RevokeTarget) {
        let authors = self.next.revocations.get(&target).into_iter().flatten().copied();
        if self.next.voices_of(authors).len() >= charter.limits.revokers as usize {
            self.next.revoked.insert(target);
        }
    }

    /// A lesson is in the library when it was, when a member released or wrote it, or when pooled votes for a candidate
    /// are more than noise explains. Gives its skill.
    fn settle_lesson(&mut self, id: LessonId, cap: i64) -> Option<SkillId> {
        let found = self.came.lessons.get(&id);
        let candidate = self.before.candidates.get(&id);
        let is_elected =
            self.next.votes(ItemId::Lesson(id)).is_some_and(|votes| votes.is_elected())
                && !self.next.is_revoked(RevokeTarget::Lesson(id));
        let new = |lesson: &Lesson| LessonItem {
            lesson: lesson.clone(),
            support: BTreeMap::new(),
            authored: Default::default(),
            epoch: self.epoch,
        };
        let known = self.before.lessons.get(&id).cloned();
        let known = known.or_else(|| found.map(|found| new(&found.lesson)));
        let known = known.or_else(|| candidate.filter(|_| is_elected).map(new));
        let Some(mut item) = known else {
            let lesson = candidate.or_else(|| self.came.codebook.get(&id))?.clone();
            let skill = lesson::skill_id(self.federation, &lesson);
            self.next.lessons.remove(&id);
            if let Some(skill) = self.next.skills.get_mut(&skill) {
                skill.lessons.remove(&id);
            }
            self.next.candidates.insert(id, lesson);
            return Some(skill);
        };
        if let Some(found) = found {
            for (author, more) in &found.support {
                let support = self.next.held(&item.support, *author, *more, cap);
                item.support.insert(*author, support);
            }
            item.authored.extend(&found.authored);
        }
        let skill = lesson::skill_id(self.federation, &item.lesson);
        self.next.skills.or_default(skill).lessons.insert(id);
        self.next.lessons.insert(id, item);
        self.next.candidates.remove(&id);
        Some(skill)
    }

    fn settle_topics(&mut self, id: LessonId, cap: i64) {
        let mut words = self.before.topics.get(&id).cloned().unwrap_or_default();
        for (word, came) in self.came.topics.get(&id).into_iter().flatten() {
            let support = words.entry(word.clone()).or_default();
            for (author, more) in came {
                let held = self.next.held(support, *author, *more, cap);
                support.insert(*author, held);
            }
        }
        self.next.topics.insert(id, words);
    }

    /// A skill that begins as lessons has a base without a text. One with nothing in it is none.
    fn settle_base(&mut self, id: SkillId) {
        let base = lesson::virtual_base(id);
        let had = self.before.skills.get(&id).is_some_and(|old| old.revisions.contains_key(&base));
        let Some(skill) = self.next.skills.get_mut(&id) else { return };
        let has = skill.revisions.contains_key(&base);
        let has_texts = skill.revisions.len() > usize::from(has);
        let wants = had || (!has_texts && !skill.lessons.is_empty());
        if wants && !has {
            skill.revisions.insert(base, RevisionItem::virtual_base(self.epoch));
            self.next.homes.or_default(base).insert(id);
        } else if has && !wants {
            skill.revisions.remove(&base);
            self.next.homes.remove(&base);
        }
        if !wants && !has_texts {
            self.next.skills.remove(&id);
        }
    }

    /// Per context: challengers are tested in id order against the head before the epoch; the best of
    /// those that pass becomes head, by rate, then by votes. A skill's first head is its smallest revision without parents.
    fn choose_heads(&mut self, charter: &Charter, id: SkillId) {
        let Some(skill) = self.next.skills.get(&id) else { return };
        let usable = self.next.usable(skill);
        let contexts = u16::try_from(charter.contexts.len()).unwrap_or(u16::MAX);
        let before = self.before.skills.get(&id);
        let heads = (0..contexts).filter_map(|context| {
            let before = before.and_then(|skill| skill.heads.get(&context));
            let root = || usable.iter().find(|r| is_root(skill, r)).or(usable.first());
            let old = *before.filter(|head| usable.contains(head)).or_else(root)?;
            Some((context, self.next.best_of(charter, &usable, old, context)))
        });
        let heads: BTreeMap<u16, RevisionId> = heads.collect();
        if skill.heads != heads
            && let Some(skill) = self.next.skills.get_mut(&id)
        {
            skill.heads = heads;
        }
    }
}

impl Library {
    /// An author's support after another release. Support is a claim: all authors of one voice have at
    /// most the charter's cap.
    fn held(
        &self,
        support: &BTreeMap<MemberId, i64>,
        author: MemberId,
        more: i64,
        cap: i64,
    ) -> i64 {
        let voice = self.voice(author);
        let mine = support.get(&author).copied().unwrap_or_default();
        let others = support.iter().filter(|(a, _)| **a != author && self.voice(**a) == voice);
        let others: i64 = others.fold(0, |sum, (_, support)| sum.saturating_add(*support));
        mine.saturating_add(more).min(cap.saturating_sub(others)).max(0)
    }

    /// The pooled estimate of an item in a context. The members of one voice count as one author. Of a pitfall
    /// lesson, the evidence since its last change counts.
    #[must_use]
    pub fn estimate(&self, charter: &Charter, item: ItemId, context: u16) -> Option<Estimate> {
        let mut pool = Pool::new(charter.limits.evidence_cap);
        let recent = self.recent(item, context);
        let authors = recent.or_else(|| self.evidence.get(&(item, context)))?;
        for counts in self.by_voice(authors).values() {
            pool.add(counts.iter().copied());
        }
        pool.estimate()
    }

    /// The head after the head `old` of a skill with these usable revisions.
    fn best_of(
        &self,
        charter: &Charter,
        usable: &[RevisionId],
        old: RevisionId,
        context: u16,
    ) -> RevisionId {
        let margin = u64::from(charter.limits.promotion_margin_micros);
        let rate =
            |revision: RevisionId| self.estimate(charter, ItemId::Revision(revision), context);
        let Some(standing) = rate(old) else { return old };
        let mut best = (old, None::<(u64, u64)>);
        for challenger in usable.iter().filter(|revision| **revision != old) {
            let Some(tried) = rate(*challenger) else { continue };
            let merit = (tried.rate_micros, self.sure_votes(ItemId::Revision(*challenger)));
            let ahead = best.1.is_none_or(|best| merit > best);
            if ahead && tried.beats(&standing, margin) {
                best = (*challenger, Some(merit));
            }
        }
        best.0
    }

    fn usable(&self, skill: &Skill) -> Vec<RevisionId> {
        let stands = |id: &&RevisionId| !self.is_revoked(RevokeTarget::Revision(**id));
        skill.revisions.keys().filter(stands).copied().collect()
    }
}

fn is_root(skill: &Skill, revision: &RevisionId) -> bool {
    skill.revisions.get(revision).is_some_and(|item| item.parents.is_empty())
}
