//! One step of the fold: an epoch's deltas onto the library before it.
//!
//! Deltas are added one by one, in any order: sums and sets of what they say do not depend on it. [`Step::settle`]
//! then works out what that comes to, from the library before and those sums, for what was touched since.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Counts, bounded};
use super::item::{Library, RevisionItem};
use crate::charter::Charter;
use crate::ids::{DeltaId, FederationId, LessonId, MemberId, RevisionId, SkillId};
use crate::lesson::{Lesson, LessonKey, Word};
use crate::log::Entry;
use crate::payload::{
    Codebook, ItemId, Lessons, Origin, Outcomes, Payload, Revision, Revoke, RevokeTarget,
};
use crate::voice::Voices;

/// An epoch onto the library before it. See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) federation: FederationId,
    pub(super) epoch: u32,
    pub(super) before: Library,
    /// Sums are up to date, what follows from them is after [`Step::settle`].
    pub(super) next: Library,
    pub(super) came: Came,
    pub(super) touched: Touched,
}

/// What the epoch's deltas say where the order in which it is taken matters.
#[derive(Debug, Clone, Default)]
pub(super) struct Came {
    pub(super) revisions: BTreeMap<(SkillId, RevisionId), Published>,
    pub(super) lessons: BTreeMap<LessonId, Found>,
    pub(super) topics: BTreeMap<LessonId, BTreeMap<Word, BTreeMap<MemberId, i64>>>,
    pub(super) codebook: BTreeMap<LessonId, Lesson>,
    /// Outcomes of pitfalls.
    pub(super) outcomes: BTreeMap<(LessonId, u16), BTreeMap<MemberId, Counts>>,
}

/// A revision with its publishers by their deltas.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) item: RevisionItem,
    pub(super) by: BTreeMap<DeltaId, MemberId>,
}

/// A released or written lesson, with the support that its authors claim.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) lesson: Lesson,
    pub(super) support: BTreeMap<MemberId, i64>,
    pub(super) authored: BTreeSet<MemberId>,
}

/// What has to be worked out again.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched {
    pub(super) skills: BTreeSet<SkillId>,
    pub(super) revisions: BTreeSet<(SkillId, RevisionId)>,
    pub(super) lessons: BTreeSet<LessonId>,
    pub(super) topics: BTreeSet<LessonId>,
    pub(super) voted: BTreeSet<ItemId>,
    pub(super) targets: BTreeSet<RevokeTarget>,
    pub(super) watches: BTreeSet<(LessonId, u16)>,
}

impl Library {
    /// The library after an epoch's deltas, each of them given once, in any order.
    #[must_use]
    pub fn step<'a>(
        &self,
        federation: FederationId,
        charter: &Charter,
        voices: &Voices,
        epoch: u32,
        deltas: impl IntoIterator<Item = &'a Entry>,
    ) -> Self {
        let mut step = Step::onto(self, federation, epoch);
        deltas.into_iter().for_each(|entry| step.add(voices, entry));
        step.settle(charter);
        step.next
    }
}

impl Step {
    /// The step of an epoch, without deltas.
    pub(super) fn onto(before: &Library, federation: FederationId, epoch: u32) -> Self {
        Self {
            federation,
            epoch,
            before: before.clone(),
            next: before.clone(),
            came: Came::default(),
            touched: Touched::default(),
        }
    }

    /// Adds a delta of the epoch, which must not have been added before.
    ///
    /// The author of a delta was a member before its epoch, so the voices before an epoch and after it say
    /// the same of every author in it.
    pub(super) fn add(&mut self, voices: &Voices, entry: &Entry) {
        let author = entry.chain;
        self.next.note_voice(author, voices);
        match entry.payload().as_ref() {
            Payload::Revision(revision) => self.add_revision(author, entry.id, revision),
            Payload::Lessons(lessons) => self.add_lessons(author, lessons),
            Payload::Outcomes(outcomes) => self.add_outcomes(author, outcomes),
            Payload::Votes(votes) => {
                let before = &self.before;
                self.next.add_votes(author, votes, |item| before.is_votable(item));
                let voted = votes.votes.iter().map(|entry| entry.item);
                self.touched.voted.extend(voted.filter(|item| before.is_votable(*item)));
            }
            Payload::Costs(costs) => {
                self.next.add_costs(author, costs, |item| self.before.holds(item));
            }
            Payload::Revoke(revoke) => self.add_revoke(author, revoke),
            Payload::Codebook(codebook) => self.add_codebook(codebook),
            _ => {}
        }
    }

    fn add_revision(&mut self, author: MemberId, delta: DeltaId, revision: &Revision) {
        let id = revision.id();
        let skill = revision.skill.unwrap_or(SkillId(id.0));
        let item = || RevisionItem {
            name: revision.name.clone(),
            description: revision.description.clone(),
            parents: revision.parents.clone(),
            files: revision.files.clone(),
            author: None,
            also: BTreeSet::new(),
            epoch: self.epoch,
        };
        let published = self.came.revisions.entry((skill, id));
        let published =
            published.or_insert_with(|| Published { item: item(), by: BTreeMap::new() });
        published.by.insert(delta, author);
        self.touched.revisions.insert((skill, id));
    }

    fn add_lessons(&mut self, author: MemberId, lessons: &Lessons) {
        let authored = matches!(lessons.origin, Origin::Authored);
        for entry in &lessons.entries {
            let support = match &entry.key {
                LessonKey::Primary(lesson) => {
                    let id = lesson.id();
                    let found = self.came.lessons.entry(id).or_insert_with(|| Found {
                        lesson: lesson.clone(),
                        support: BTreeMap::new(),
                        authored: BTreeSet::new(),
                    });
                    self.touched.lessons.insert(id);
                    if authored {
                        found.authored.insert(author);
                    }
                    found.support.entry(author).or_default()
                }
                LessonKey::Topic { lesson, word } => {
                    self.touched.topics.insert(*lesson);
                    let words = self.came.topics.entry(*lesson).or_default();
                    words.entry(word.clone()).or_default().entry(author).or_default()
                }
            };
            *support = support.saturating_add(bounded(entry.support));
        }
    }

    fn add_outcomes(&mut self, author: MemberId, outcomes: &Outcomes) {
        let variance_micros = outcomes.mechanism.variance_micros();
        // Cells for what nobody published would grow the state and mean nothing.
        for cell in outcomes.cells.iter().filter(|cell| self.before.holds(cell.item)) {
            let (successes, failures) = (cell.successes, cell.failures);
            let more = Counts { successes, failures, variance_micros };
            let authors = self.next.evidence.or_default((cell.item, cell.context));
            authors.entry(author).or_default().add(&more);
            match cell.item {
                ItemId::Revision(id) => {
                    let homes = self.before.homes.get(&id).into_iter().flatten();
                    self.touched.skills.extend(homes);
                }
                ItemId::Lesson(id) if self.before.is_watched(id) => {
                    let place = (id, cell.context);
                    let authors = self.came.outcomes.entry(place).or_default();
                    authors.entry(author).or_default().add(&more);
                    self.touched.watches.insert(place);
                }
                ItemId::Lesson(_) | ItemId::Given(_) => {}
            }
        }
    }

    /// Lessons that somebody found first stay what they are.
    fn add_codebook(&mut self, codebook: &Codebook) {
        for lesson in &codebook.lessons {
            let id = lesson.id();
            self.came.codebook.insert(id, lesson.clone());
            self.touched.lessons.insert(id);
        }
    }

    fn add_revoke(&mut self, author: MemberId, revoke: &Revoke) {
        if !matches!(revoke.target, RevokeTarget::Member(_)) {
            self.next.revocations.or_default(revoke.target).insert(author);
            self.touched.targets.insert(revoke.target);
        }
    }
}

impl Library {
    /// Returns true for every revision and lesson: what outcomes can be counted for.
    pub(super) fn holds(&self, item: ItemId) -> bool {
        match item {
            ItemId::Revision(id) => self.homes.contains_key(&id),
            ItemId::Lesson(id) | ItemId::Given(id) => self.lessons.contains_key(&id),
        }
    }

    /// Returns true for what can be voted for: revisions, lessons, and candidates.
    pub(super) fn is_votable(&self, item: ItemId) -> bool {
        let is_candidate = |id| self.candidates.contains_key(&id);
        match item {
            ItemId::Given(_) => false,
            ItemId::Lesson(id) if is_candidate(id) => true,
            ItemId::Lesson(_) | ItemId::Revision(_) => self.holds(item),
        }
    }
}
