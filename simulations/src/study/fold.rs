//! A federation without a network: releases go into the protocol's own fold, epoch by epoch.
//!
//! The fold, the pooling of evidence and votes, the election of candidates and the watches for drift are the
//! protocol's. Left out are what this level has no use for: signatures, chains, and the log's checks of them.

use lore_engine::Terms;
use lore_lessons::{Book, released};
use lore_protocol::charter::{Charter, EpochRule, Limits, PrivacyTerms, Vouchers, WindowTerms};
use lore_protocol::delta::{Delta, Header, Spend, VERSION};
use lore_protocol::identity::{Signature, Signer};
use lore_protocol::ids::{
    CheckpointId, DeltaId, FederationId, Hash, LessonId, MemberId, PublicKey,
};
use lore_protocol::lesson::{Lesson, LessonKey};
use lore_protocol::library::{LessonItem, LessonState, Library};
use lore_protocol::log::{Entry, Totals};
use lore_protocol::payload::{
    Codebook, ItemId, LessonEntry, Lessons, Origin, Payload, PayloadKind, Unit, WEIGHT,
};
use lore_protocol::voice::Voices;

use super::StudyError;

/// The charter's default bound on one voice's counts.
pub const EVIDENCE_CAP: u32 = Terms::LIMITS.evidence_cap;

/// A bound that no honest count comes near.
pub const UNBOUNDED: u32 = 1_000_000;

/// A stand-in: what it signs is folded here and goes nowhere.
struct Nobody;

impl Signer for Nobody {
    fn public_key(&self) -> PublicKey {
        PublicKey([0; 32])
    }

    fn sign(&self, _: &[u8]) -> Signature {
        Signature([0; 64])
    }
}

/// The member of a number.
#[must_use]
pub fn member(number: u32) -> MemberId {
    MemberId::derive("lore-sim/study-member", &[&number.to_le_bytes()])
}

/// Members that pool what they release, or one node with its own.
#[derive(Debug, Clone)]
pub struct Group {
    charter: Charter,
    library: Library,
    sequence: u64,
    /// Bytes of all deltas that were folded: what one member receives.
    pub bytes: u64,
}

impl Group {
    /// An empty library. With `robust` each voice is bounded as in a new federation; without, the bound is so wide that
    /// counts are taken as they come, and pooling is their sum.
    #[must_use]
    pub fn new(robust: bool) -> Self {
        let charter = charter(if robust { EVIDENCE_CAP } else { UNBOUNDED });
        Self { charter, library: Library::default(), sequence: 0, bytes: 0 }
    }

    /// The library as it stands.
    #[must_use]
    pub const fn library(&self) -> &Library {
        &self.library
    }

    /// Lessons that one member writes by hand in an epoch; in epoch 0, lessons that all know from the start.
    ///
    /// # Errors
    /// As [`Group::take`].
    pub fn learn(
        &mut self,
        epoch: u32,
        lessons: impl IntoIterator<Item = Lesson>,
    ) -> Result<(), StudyError> {
        let mut keys: Vec<LessonKey> = lessons.into_iter().map(LessonKey::Primary).collect();
        keys.sort();
        for part in keys.chunks(256) {
            let entries = part.iter().map(|key| LessonEntry { key: key.clone(), support: 0 });
            let lessons = Lessons {
                origin: Origin::Authored,
                window: None,
                entries: entries.collect(),
                padding: Vec::new(),
            };
            self.take(epoch, [(member(0), Payload::Lessons(lessons))])?;
        }
        Ok(())
    }

    /// Candidates that are on the ballot from the start.
    ///
    /// # Errors
    /// As [`Group::take`].
    pub fn propose(&mut self, codebook: Codebook) -> Result<(), StudyError> {
        self.take(0, [(member(0), Payload::Codebook(codebook))])
    }

    /// Folds what members said in an epoch.
    ///
    /// # Errors
    /// Fails when a payload is not one that a delta can have.
    pub fn take(
        &mut self,
        epoch: u32,
        said: impl IntoIterator<Item = (MemberId, Payload)>,
    ) -> Result<(), StudyError> {
        let entries = said
            .into_iter()
            .map(|(author, payload)| self.entry(author, epoch, &payload))
            .collect::<Result<Vec<Entry>, StudyError>>()?;
        let federation = FederationId::ZERO;
        let voices = Voices::default();
        self.library = self.library.step(federation, &self.charter, &voices, epoch, entries.iter());
        Ok(())
    }

    fn entry(
        &mut self,
        author: MemberId,
        epoch: u32,
        payload: &Payload,
    ) -> Result<Entry, StudyError> {
        self.sequence += 1;
        let header = Header {
            version: VERSION,
            federation: FederationId::ZERO,
            author,
            seq: self.sequence,
            prev: Some(DeltaId::ZERO),
            anchor: CheckpointId::ZERO,
            deps: Vec::new(),
            depth: 1,
            epoch,
            spend: Spend::default(),
            payload_kind: PayloadKind::Void,
            payload_len: 0,
            payload_hash: Hash::ZERO,
        };
        let sound = Delta::sign(header, payload, &Nobody).sound()?;
        self.bytes += sound.size_bytes();
        Ok(Entry::new(sound, Nobody.public_key(), Totals::default()))
    }

    /// State of a lesson's remedy.
    #[must_use]
    pub fn state(&self, lesson: LessonId) -> LessonState {
        self.library.lesson_state(lesson)
    }

    /// What a member may hint from this library, as nodes make it, of the lessons that a person has met. A node also hints
    /// what a member wrote before anybody met it; here lessons stand in the library from the start ([`Group::learn`]) only so
    /// that their trials can be counted.
    #[must_use]
    pub fn book(&self) -> Book {
        self.book_of(|id, item| {
            let lesson = ItemId::Lesson(id);
            let votes = self.library.votes(lesson).map_or(0, |votes| votes.sure_micros());
            self.library.estimate(&self.charter, lesson, 0).is_some()
                || votes >= 1_000_000
                || item.total_support() >= i64::from(WEIGHT)
        })
    }

    /// What a member may hint from this library, with what nobody has met yet.
    #[must_use]
    pub fn whole_book(&self) -> Book {
        self.book_of(|_, _| true)
    }

    fn book_of(&self, is_in: impl Fn(LessonId, &LessonItem) -> bool) -> Book {
        let mut book = Book::new();
        for (id, item) in &self.library.lessons {
            if is_in(*id, item) {
                let entries = released(&self.library, &self.charter, None, *id, item);
                entries.into_iter().for_each(|entry| book.add(entry));
                book.mark(*id, self.library.lesson_state(*id));
            }
        }
        book
    }
}

/// A charter with the defaults of a new federation, as far as the fold reads it.
fn charter(evidence_cap: u32) -> Charter {
    Charter {
        version: VERSION,
        name: "study".into(),
        nonce: Hash::ZERO,
        epoch: EpochRule::Hours(168),
        vouchers: Vouchers::Members,
        scripts: false,
        contexts: vec!["any".into()],
        codebook: None,
        privacy: PrivacyTerms {
            rho_nano: u64::MAX,
            delta_e18: u64::MAX,
            units: vec![Unit::User],
            epochs_per_period: 13,
            lessons_at: vec![0],
            outcomes_at: (0..12).collect(),
            l0: 3,
            sessions_per_item: 1,
            keys_per_unit: 32,
            topic_words: 0,
            lessons_min_sigma_micros: 0,
            lessons_min_threshold: 0,
            outcomes_min_sigma_micros: 0,
            lessons_payload_bytes: Terms::LESSONS_BYTES,
            votes_at: vec![0],
            votes_min_deviation_micros: 0,
            releases_per_unit: None,
            windows: WindowTerms::default(),
            costs: None,
        },
        limits: Limits {
            // As many as a study may have nodes.
            members: 400,
            evidence_cap,
            ..Terms::LIMITS
        },
        founders: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use lore_lessons::Circle;

    use super::*;
    use crate::budget::{self, WEEK};
    use crate::study::pitfall::Pitfall;

    #[test]
    fn a_member_tells_its_own_support_from_that_of_others_and_what_nobody_met_is_not_hinted() {
        let lesson = |number| Pitfall::new(number, 1).unwrap().remedies.remove(0);
        let (known, unmet) = (lesson(1), lesson(2));
        let mechanism = budget::plan(8.0).unwrap().lessons.unwrap();
        let release = |people: u16| {
            Payload::Lessons(Lessons {
                origin: Origin::Mechanism(mechanism),
                window: Some(WEEK),
                entries: vec![LessonEntry {
                    key: LessonKey::Primary(known.clone()),
                    support: i64::from(people) * i64::from(WEIGHT),
                }],
                padding: Vec::new(),
            })
        };
        let mut group = Group::new(true);
        group.learn(0, [known.clone(), unmet.clone()]).unwrap();
        assert!(group.book().entries().is_empty(), "nobody met either");
        group.take(1, [(member(1), release(50)), (member(2), release(30))]).unwrap();

        let people = |me: Option<MemberId>| -> Vec<(Circle, u32)> {
            let item = &group.library().lessons[&known.id()];
            let entries = released(group.library(), &group.charter, me, known.id(), item);
            entries.iter().map(|entry| (entry.circle, entry.tally.groups)).collect()
        };
        assert_eq!(people(None), [(Circle::Federation, 80)]);
        let own_and_others = [(Circle::Node, 50), (Circle::Federation, 30)];
        assert_eq!(people(Some(member(1))), own_and_others);
        let book = group.book();
        let [entry] = book.entries() else { panic!("{book:?}") };
        assert_eq!((&entry.lesson, entry.tally.groups), (&known, 80));
    }
}
