//! The state of the library.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::cost::CostSums;
use super::drift::Watch;
use super::evidence::Counts;
use super::trie::{Map, Set};
use super::votes::{Tally, VoteEstimate};
use crate::codec::{self, Decode, Encode};
use crate::ids::{Hash, LessonId, MemberId, RevisionId, SkillId};
use crate::lesson::{Lesson, LessonKey, Word};
use crate::payload::{FileEntry, ItemId, RevokeTarget};
use crate::voice::Voices;

/// Most of a skill's first lessons that one voice alone stands behind, while other voices have lessons
/// for the skill: a quarter of [`super::MAX_SHOWN`], so that four voices have room whatever one claims.
pub const MAX_PLACES_PER_VOICE: usize = 2;

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
    /// Member that published it; none for a virtual base.
    pub author: Option<MemberId>,
    /// Other members that published the same.
    pub also: BTreeSet<MemberId>,
    /// Epoch that it became part of the library in.
    pub epoch: u32,
}

impl RevisionItem {
    /// The base of a skill that began as lessons, which has no text.
    #[must_use]
    pub const fn virtual_base(epoch: u32) -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            parents: Vec::new(),
            files: Vec::new(),
            author: None,
            also: BTreeSet::new(),
            epoch,
        }
    }

    /// Members that published it; none for a virtual base.
    pub fn publishers(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.author.into_iter().chain(self.also.iter().copied())
    }

    /// Returns true when a member published it.
    #[must_use]
    pub fn is_by(&self, member: MemberId) -> bool {
        self.publishers().any(|one| one == member)
    }
}

/// A lesson with who found it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LessonItem {
    /// The lesson.
    pub lesson: Lesson,
    /// Noisy support by author in units of weight ([`WEIGHT`](crate::payload::WEIGHT)), summed over releases and
    /// held so that all authors of one voice have at most the charter's cap of whole units; 0 for an author who wrote it by hand.
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
        sum(self.support.values())
    }
}

fn sum<'a>(support: impl Iterator<Item = &'a i64>) -> i64 {
    support.fold(0, |sum, support| sum.saturating_add(*support))
}

/// A skill: revisions of a base text, and lessons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Skill {
    /// Its revisions.
    pub revisions: Map<RevisionId, RevisionItem>,
    /// Its lessons.
    pub lessons: Set<LessonId>,
    /// The chosen revision, by context.
    pub heads: BTreeMap<u16, RevisionId>,
}

/// The whole library. A copy shares what both hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Library {
    /// Skills.
    pub skills: Map<SkillId, Skill>,
    /// Lessons of all skills.
    pub lessons: Map<LessonId, LessonItem>,
    /// Lessons of the codebook that nobody has found yet: on the ballot, in no skill.
    pub candidates: Map<LessonId, Lesson>,
    /// Topic words of lessons with noisy support by author in units of weight; a word may come before its lesson.
    pub topics: Map<LessonId, BTreeMap<Word, BTreeMap<MemberId, i64>>>,
    /// Evidence by item, context and author.
    pub evidence: Map<(ItemId, u16), BTreeMap<MemberId, Counts>>,
    /// Drift of pitfall lessons by context: what their latest outcomes are, and when they changed.
    pub watches: Map<LessonId, BTreeMap<u16, Watch>>,
    /// Votes by candidate and author.
    pub tallies: Map<ItemId, BTreeMap<MemberId, Tally>>,
    /// Votes by candidate, pooled over authors: what the tallies come to under the charter's cap.
    pub(super) votes: Map<ItemId, VoteEstimate>,
    /// By lesson, the voices whose votes for it are more than three deviations of their noise.
    pub(super) sure_voters: Map<LessonId, BTreeSet<MemberId>>,
    /// Costs by item, context and author.
    pub costs: Map<(ItemId, u16), BTreeMap<MemberId, CostSums>>,
    /// Revokers of each target.
    pub revocations: Map<RevokeTarget, BTreeSet<MemberId>>,
    /// Targets that enough voices revoked: for ever.
    pub revoked: Set<RevokeTarget>,
    /// The voice of every author in this library whose voice began with another member.
    pub(super) voices: BTreeMap<MemberId, MemberId>,
    /// Skills by revision: what `skills` says, read backwards. No part of the bytes or of the root.
    pub(super) homes: Map<RevisionId, BTreeSet<SkillId>>,
}

impl Library {
    /// Hash of the whole state. Equal roots mean equal libraries.
    ///
    /// Each part is a trie that knows its hash, so that a root costs what changed since the last one. Hashed with a
    /// tag: the hash of each part, and the encoded voices.
    #[must_use]
    pub fn root(&self) -> Hash {
        let parts = [
            self.skills.hash(),
            self.lessons.hash(),
            self.candidates.hash(),
            self.topics.hash(),
            self.evidence.hash(),
            self.watches.hash(),
            self.tallies.hash(),
            self.votes.hash(),
            self.sure_voters.hash(),
            self.costs.hash(),
            self.revocations.hash(),
            self.revoked.hash(),
        ];
        let mut parts: Vec<&[u8]> = parts.iter().map(|hash| &hash.as_bytes()[..]).collect();
        let voices = codec::encode(&self.voices);
        parts.push(&voices);
        Hash::derive("commonlore/library/v1", &parts)
    }

    /// Hash of one skill's state: changes only when that skill does.
    #[must_use]
    pub fn skill_state(&self, skill: SkillId) -> Hash {
        let Some(found) = self.skills.get(&skill) else {
            return Hash::ZERO;
        };
        let mut bytes = codec::encode(found);
        for lesson in found.lessons.iter() {
            let item = self.lessons.get(lesson);
            bytes.extend(codec::encode(&item.map(|item| item.total_support())));
            bytes.extend(codec::encode(&item.map(|item| self.voices_behind(*lesson, item))));
            bytes.extend(codec::encode(&self.topics.get(lesson).cloned().unwrap_or_default()));
            bytes.extend(codec::encode(&self.is_revoked(RevokeTarget::Lesson(*lesson))));
            bytes.extend(codec::encode(&self.sure_votes(ItemId::Lesson(*lesson))));
            bytes.extend(codec::encode(&self.lesson_state(*lesson)));
        }
        for revision in found.revisions.keys() {
            bytes.extend(codec::encode(&self.is_revoked(RevokeTarget::Revision(*revision))));
        }
        Hash::derive("commonlore/skill-state/v1", &[skill.as_bytes(), &bytes])
    }

    /// Remembers the voice of an author whose delta is folded.
    pub(super) fn note_voice(&mut self, author: MemberId, voices: &Voices) {
        let voice = voices.of(author);
        if voice != author {
            self.voices.insert(author, voice);
        }
    }

    /// The voice of an author in this library.
    #[must_use]
    pub fn voice(&self, author: MemberId) -> MemberId {
        self.voices.get(&author).copied().unwrap_or(author)
    }

    /// The distinct voices of some authors.
    #[must_use]
    pub fn voices_of(&self, authors: impl IntoIterator<Item = MemberId>) -> BTreeSet<MemberId> {
        authors.into_iter().map(|author| self.voice(author)).collect()
    }

    /// Contributions of authors, grouped by voice.
    pub(super) fn by_voice<'a, T>(
        &self,
        authors: &'a BTreeMap<MemberId, T>,
    ) -> BTreeMap<MemberId, Vec<&'a T>> {
        let mut voices = BTreeMap::<MemberId, Vec<&'a T>>::new();
        for (author, contribution) in authors {
            voices.entry(self.voice(*author)).or_default().push(contribution);
        }
        voices
    }

    /// Returns true when something is revoked.
    #[must_use]
    pub fn is_revoked(&self, target: RevokeTarget) -> bool {
        self.revoked.contains(&target)
    }

    /// Returns true when a version is revoked, or everybody who published it spoke against it: nobody need use what its
    /// author takes back, and a member that copies a version cannot take it from its author's readers.
    #[must_use]
    pub fn is_withdrawn(&self, id: RevisionId, item: &RevisionItem) -> bool {
        let target = RevokeTarget::Revision(id);
        let revokers = self.revocations.get(&target);
        let spoke = |author| revokers.is_some_and(|revokers| revokers.contains(&author));
        let by_all = item.author.is_some() && item.publishers().all(spoke);
        by_all || self.is_revoked(target)
    }

    /// A lesson of the library or of the codebook.
    #[must_use]
    pub fn lesson(&self, id: LessonId) -> Option<&Lesson> {
        let found = self.lessons.get(&id).map(|item| &item.lesson);
        found.or_else(|| self.candidates.get(&id))
    }

    /// All keys that the library holds, revoked ones too, and candidates: a lesson release looks for others, since
    /// these are voted on.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<LessonKey> {
        let lessons = self.lessons.values().map(|item| &item.lesson);
        let lessons = lessons.chain(self.candidates.values()).cloned().map(LessonKey::Primary);
        let topics = self.topics.iter().flat_map(|(lesson, words)| {
            words.keys().map(|word| LessonKey::Topic { lesson: *lesson, word: word.clone() })
        });
        lessons.chain(topics).collect()
    }

    /// The distinct voices behind a lesson: those that released it, wrote it, or voted for it by more
    /// than their noise explains.
    #[must_use]
    pub fn voices_behind(&self, lesson: LessonId, item: &LessonItem) -> BTreeSet<MemberId> {
        let mut voices = self.voices_of(item.support.keys().chain(&item.authored).copied());
        voices.extend(self.sure_voters.get(&lesson).into_iter().flatten());
        voices
    }

    /// Lessons of a skill that are not revoked, those that are shown first at the front.
    ///
    /// In the order of the voices behind them, then of votes that noise does not explain, then of
    /// support, all descending, then of id. So no member's claim outweighs what several found. Lessons
    /// behind which there is one voice only are held to [`MAX_PLACES_PER_VOICE`] for each such voice; its
    /// others come after those of everybody else, and fill only places that nobody competes for. Lessons that
    /// drift or are dormant come last.
    #[must_use]
    pub fn lessons_of(&self, skill: SkillId) -> Vec<(LessonId, &LessonItem)> {
        let ids = self.skills.get(&skill).into_iter().flat_map(|skill| skill.lessons.iter());
        let mut found: Vec<_> = ids
            .filter(|id| !self.is_revoked(RevokeTarget::Lesson(**id)))
            .filter_map(|id| Some((*id, self.lessons.get(id)?)))
            .map(|(id, item)| (id, item, self.voices_behind(id, item)))
            .collect();
        found.sort_by_cached_key(|(id, item, voices)| {
            let votes = self.sure_votes(ItemId::Lesson(*id));
            (Reverse((voices.len(), votes, item.total_support())), *id)
        });
        let mut places: BTreeMap<MemberId, usize> = BTreeMap::new();
        let (mut first, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, _, voices)| {
            let sole = voices.first().filter(|_| voices.len() == 1);
            sole.is_none_or(|voice| {
                let place = places.entry(*voice).or_default();
                *place += 1;
                *place <= MAX_PLACES_PER_VOICE
            })
        });
        first.extend(rest);
        first.sort_by_cached_key(|(id, ..)| !self.lesson_state(*id).is_steady());
        first.into_iter().map(|(id, item, _)| (id, item)).collect()
    }

    /// Topic words of a lesson: those of most voices first, then the best supported, then by word.
    #[must_use]
    pub fn topics_of(&self, lesson: LessonId) -> Vec<&Word> {
        let mut words: Vec<_> = self.topics.get(&lesson).into_iter().flatten().collect();
        words.sort_by_cached_key(|(word, support)| {
            let voices = self.voices_of(support.keys().copied()).len();
            (Reverse((voices, sum(support.values()))), *word)
        });
        words.into_iter().map(|(word, _)| word).collect()
    }
}
