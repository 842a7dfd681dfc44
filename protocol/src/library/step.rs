//! One step of the fold: an epoch's deltas onto the library before it.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Counts, Estimate, Pool};
use super::item::{LessonItem, Library, RevisionItem, Skill};
use crate::charter::Charter;
use crate::ids::{FederationId, LessonId, MemberId, RevisionId, SkillId};
use crate::lesson::{self, Lesson, LessonKey};
use crate::log::Entry;
use crate::payload::{
    Codebook, ItemId, Lessons, Origin, Outcomes, Payload, Revision, Revoke, RevokeTarget, WEIGHT,
};
use crate::voice::Voices;

impl Library {
    /// The library after these deltas. Their order does not matter: they are taken by id.
    #[must_use]
    pub fn step<'a>(
        &self,
        federation: FederationId,
        charter: &Charter,
        voices: &Voices,
        epoch: u32,
        deltas: impl IntoIterator<Item = &'a Entry>,
    ) -> Self {
        let mut deltas: Vec<&Entry> = deltas.into_iter().collect();
        deltas.sort_by_key(|entry| entry.sound.id);
        let mut next = self.clone();
        for entry in &deltas {
            next.note_voice(entry.chain, voices);
        }
        // Revisions first: lessons and evidence may belong to them.
        for entry in &deltas {
            if let Payload::Revision(revision) = &entry.sound.payload {
                next.add_revision(revision, entry, epoch);
            }
        }
        let known = self.items();
        let candidates = self.votable(&known);
        for entry in &deltas {
            let author = entry.chain;
            match &entry.sound.payload {
                Payload::Lessons(lessons) => {
                    next.add_lessons(federation, charter, author, lessons, epoch)
                }
                Payload::Outcomes(outcomes) => next.add_outcomes(author, outcomes, &known),
                Payload::Votes(votes) => next.add_votes(author, votes, &candidates),
                Payload::Costs(costs) => next.add_costs(author, costs, &known),
                Payload::Revoke(revoke) => next.add_revoke(author, revoke),
                Payload::Codebook(codebook) => next.add_codebook(codebook),
                _ => {}
            }
        }
        next.watch(charter, epoch, deltas.iter().copied(), &known);
        next.settle_revocations(charter);
        next.pool_votes(charter.limits.evidence_cap);
        next.elect(federation, epoch);
        next.choose_heads(charter);
        next
    }

    fn add_revision(&mut self, revision: &Revision, entry: &Entry, epoch: u32) {
        let id = revision.id();
        let skill = revision.skill.unwrap_or(SkillId(id.0));
        let item = RevisionItem {
            name: revision.name.clone(),
            description: revision.description.clone(),
            parents: revision.parents.clone(),
            files: revision.files.clone(),
            author: Some(entry.chain),
            also: BTreeSet::new(),
            epoch,
        };
        // Deltas come by id: of two authors of the same in one epoch, the one of the smaller delta is named first.
        let known = self.skills.entry(skill).or_default().revisions.entry(id).or_insert(item);
        if known.author.is_some_and(|author| author != entry.chain) {
            known.also.insert(entry.chain);
        }
    }

    fn add_lessons(
        &mut self,
        federation: FederationId,
        charter: &Charter,
        author: MemberId,
        lessons: &Lessons,
        epoch: u32,
    ) {
        let authored = matches!(lessons.origin, Origin::Authored);
        let cap = i64::from(charter.limits.evidence_cap) * i64::from(WEIGHT);
        for entry in &lessons.entries {
            match &entry.key {
                LessonKey::Primary(lesson) => {
                    let id = self.add_lesson(federation, lesson, epoch);
                    let Some(item) = self.lessons.get(&id) else { continue };
                    let support = self.held(&item.support, author, entry.support, cap);
                    if let Some(item) = self.lessons.get_mut(&id) {
                        item.support.insert(author, support);
                        if authored {
                            item.authored.insert(author);
                        }
                    }
                }
                LessonKey::Topic { lesson, word } => {
                    let known = self.topics.get(lesson).and_then(|words| words.get(word));
                    let none = BTreeMap::new();
                    let support = self.held(known.unwrap_or(&none), author, entry.support, cap);
                    let words = self.topics.entry(*lesson).or_default();
                    words.entry(word.clone()).or_default().insert(author, support);
                }
            }
        }
    }

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

    fn add_lesson(&mut self, federation: FederationId, lesson: &Lesson, epoch: u32) -> LessonId {
        let id = lesson.id();
        self.candidates.remove(&id);
        let skill_id = lesson::skill_id(federation, lesson);
        let skill = self.skills.entry(skill_id).or_default();
        skill.lessons.insert(id);
        if skill.revisions.is_empty() {
            let base = RevisionItem::virtual_base(epoch);
            skill.revisions.insert(lesson::virtual_base(skill_id), base);
        }
        self.lessons.entry(id).or_insert_with(|| LessonItem {
            lesson: lesson.clone(),
            support: BTreeMap::new(),
            authored: BTreeSet::new(),
            epoch,
        });
        id
    }

    fn add_outcomes(&mut self, author: MemberId, outcomes: &Outcomes, known: &BTreeSet<ItemId>) {
        let variance = outcomes.mechanism.variance_micros();
        // Cells for what nobody published would grow the state and mean nothing.
        for cell in outcomes.cells.iter().filter(|cell| known.contains(&cell.item)) {
            let authors = self.evidence.entry((cell.item, cell.context)).or_default();
            let counts: &mut Counts = authors.entry(author).or_default();
            counts.successes = counts.successes.saturating_add(cell.successes);
            counts.failures = counts.failures.saturating_add(cell.failures);
            counts.variance_micros = counts.variance_micros.saturating_add(variance);
        }
    }

    /// Every revision and lesson: what outcomes can be counted for.
    fn items(&self) -> BTreeSet<ItemId> {
        let revisions = self.skills.values().flat_map(|skill| skill.revisions.keys());
        let revisions = revisions.map(|id| ItemId::Revision(*id));
        let lessons = self.lessons.keys().flat_map(|id| [ItemId::Lesson(*id), ItemId::Given(*id)]);
        revisions.chain(lessons).collect()
    }

    /// What can be voted for: items that outcomes can be counted for, and candidates.
    fn votable(&self, items: &BTreeSet<ItemId>) -> BTreeSet<ItemId> {
        let candidates = self.candidates.keys().map(|id| ItemId::Lesson(*id));
        let items = items.iter().filter(|item| !matches!(item, ItemId::Given(_)));
        candidates.chain(items.copied()).collect()
    }

    /// Lessons that somebody found first stay what they are.
    fn add_codebook(&mut self, codebook: &Codebook) {
        for lesson in &codebook.lessons {
            let id = lesson.id();
            if !self.lessons.contains_key(&id) {
                self.candidates.insert(id, lesson.clone());
            }
        }
    }

    /// Makes lessons of the candidates whose pooled votes noise does not explain.
    fn elect(&mut self, federation: FederationId, epoch: u32) {
        let is_elected = |id: &LessonId| {
            let votes = self.votes(ItemId::Lesson(*id));
            votes.is_some_and(|votes| votes.is_elected())
                && !self.is_revoked(RevokeTarget::Lesson(*id))
        };
        let elected = self.candidates.iter().filter(|(id, _)| is_elected(id));
        let elected: Vec<Lesson> = elected.map(|(_, lesson)| lesson.clone()).collect();
        for lesson in elected {
            self.add_lesson(federation, &lesson, epoch);
        }
    }

    fn add_revoke(&mut self, author: MemberId, revoke: &Revoke) {
        if !matches!(revoke.target, RevokeTarget::Member(_)) {
            self.revocations.entry(revoke.target).or_default().insert(author);
        }
    }

    fn settle_revocations(&mut self, charter: &Charter) {
        let enough = charter.limits.revokers as usize;
        let settled = self
            .revocations
            .iter()
            .filter(|(_, authors)| self.voices_of(authors.iter().copied()).len() >= enough);
        let settled: Vec<RevokeTarget> = settled.map(|(target, _)| *target).collect();
        self.revoked.extend(settled);
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

    /// Per skill and context: challengers are tested in id order against the head before; the best of
    /// those that pass becomes head, by rate, then by votes. A skill's first head is its smallest revision without parents.
    fn choose_heads(&mut self, charter: &Charter) {
        let contexts = u16::try_from(charter.contexts.len()).unwrap_or(u16::MAX);
        let margin = u64::from(charter.limits.promotion_margin_micros);
        let mut chosen: Vec<(SkillId, BTreeMap<u16, RevisionId>)> = Vec::new();
        for (id, skill) in &self.skills {
            let usable: Vec<RevisionId> = self.usable(skill);
            let heads = (0..contexts).filter_map(|context| {
                let before = skill.heads.get(&context).filter(|head| usable.contains(head));
                let root = || usable.iter().find(|r| is_root(skill, r)).or(usable.first());
                let old = *before.or_else(root)?;
                let rate = |revision: RevisionId| {
                    self.estimate(charter, ItemId::Revision(revision), context)
                };
                let merit = |revision: RevisionId, estimate: &Estimate| {
                    (estimate.rate_micros, self.sure_votes(ItemId::Revision(revision)))
                };
                let mut best = (old, None::<(u64, u64)>);
                if let Some(standing) = rate(old) {
                    for challenger in usable.iter().filter(|revision| **revision != old) {
                        let Some(tried) = rate(*challenger) else { continue };
                        let merit = merit(*challenger, &tried);
                        let ahead = best.1.is_none_or(|best| merit > best);
                        if ahead && tried.beats(&standing, margin) {
                            best = (*challenger, Some(merit));
                        }
                    }
                }
                Some((context, best.0))
            });
            chosen.push((*id, heads.collect()));
        }
        for (id, heads) in chosen {
            if let Some(skill) = self.skills.get_mut(&id) {
                skill.heads = heads;
            }
        }
    }

    fn usable(&self, skill: &Skill) -> Vec<RevisionId> {
        let stands = |id: &&RevisionId| !self.is_revoked(RevokeTarget::Revision(**id));
        skill.revisions.keys().filter(stands).copied().collect()
    }
}

fn is_root(skill: &Skill, revision: &RevisionId) -> bool {
    skill.revisions.get(revision).is_some_and(|item| item.parents.is_empty())
}
