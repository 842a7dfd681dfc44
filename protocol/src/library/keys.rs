//! The library as bytes: its keys, what the hashes of its values are made of, and the whole.

use std::collections::{BTreeMap, BTreeSet};

use super::cost::CostSums;
use super::drift::Watch;
use super::evidence::Counts;
use super::item::{LessonItem, Library, RevisionItem, Skill};
use super::trie::{Content, Key, Map};
use super::votes::{Tally, VoteEstimate};
use crate::codec::{
    self, Decode, DecodeFault, Decoder, Encode, EncodeFault, Encoder, impl_borrow_decode,
};
use crate::ids::{LessonId, MemberId, RevisionId, SkillId};
use crate::lesson::{Lesson, Word};
use crate::payload::{ItemId, RevokeTarget};

macro_rules! ids_are_keys {
    ($($id:ty),+) => {$(
        impl Key for $id {
            type Bytes = [u8; 32];

            fn bytes(&self) -> [u8; 32] {
                self.0
            }
        }
    )+};
}
ids_are_keys!(LessonId, RevisionId, SkillId);

/// The kind of an id, then the id.
fn tagged(tag: u8, id: &[u8; 32]) -> [u8; 33] {
    let mut bytes = [tag; 33];
    bytes[1..].copy_from_slice(id);
    bytes
}

impl Key for ItemId {
    type Bytes = [u8; 33];

    fn bytes(&self) -> [u8; 33] {
        match self {
            Self::Revision(id) => tagged(0, id.as_bytes()),
            Self::Lesson(id) => tagged(1, id.as_bytes()),
            Self::Given(id) => tagged(2, id.as_bytes()),
        }
    }
}

impl Key for RevokeTarget {
    type Bytes = [u8; 33];

    fn bytes(&self) -> [u8; 33] {
        match self {
            Self::Revision(id) => tagged(0, id.as_bytes()),
            Self::Lesson(id) => tagged(1, id.as_bytes()),
            Self::Member(id) => tagged(2, id.as_bytes()),
        }
    }
}

/// The item, then the context with its high byte first.
impl Key for (ItemId, u16) {
    type Bytes = [u8; 35];

    fn bytes(&self) -> [u8; 35] {
        let mut bytes = [0; 35];
        bytes[..33].copy_from_slice(&self.0.bytes());
        bytes[33..].copy_from_slice(&self.1.to_be_bytes());
        bytes
    }
}

macro_rules! content_is_encoding {
    ($($value:ty),+ $(,)?) => {$(
        impl Content for $value {
            fn content(&self) -> Vec<u8> {
                codec::encode(self)
            }
        }
    )+};
}
content_is_encoding!(
    RevisionItem,
    LessonItem,
    Lesson,
    VoteEstimate,
    BTreeMap<Word, BTreeMap<MemberId, i64>>,
    BTreeMap<MemberId, Counts>,
    BTreeMap<MemberId, Tally>,
    BTreeMap<MemberId, CostSums>,
    BTreeMap<u16, Watch>,
    BTreeSet<MemberId>,
    BTreeSet<SkillId>,
);

/// The hashes of its parts, so that a skill of many lessons is not read whole when one comes.
impl Content for Skill {
    fn content(&self) -> Vec<u8> {
        codec::encode(&(self.revisions.hash(), self.lessons.hash(), self.heads.clone()))
    }
}

impl Encode for Library {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeFault> {
        self.skills.encode(encoder)?;
        self.lessons.encode(encoder)?;
        self.candidates.encode(encoder)?;
        self.topics.encode(encoder)?;
        self.evidence.encode(encoder)?;
        self.watches.encode(encoder)?;
        self.tallies.encode(encoder)?;
        self.votes.encode(encoder)?;
        self.sure_voters.encode(encoder)?;
        self.costs.encode(encoder)?;
        self.revocations.encode(encoder)?;
        self.revoked.encode(encoder)?;
        self.voices.encode(encoder)
    }
}

impl<Context> Decode<Context> for Library {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeFault> {
        let mut library = Self {
            skills: Decode::decode(decoder)?,
            lessons: Decode::decode(decoder)?,
            candidates: Decode::decode(decoder)?,
            topics: Decode::decode(decoder)?,
            evidence: Decode::decode(decoder)?,
            watches: Decode::decode(decoder)?,
            tallies: Decode::decode(decoder)?,
            votes: Decode::decode(decoder)?,
            sure_voters: Decode::decode(decoder)?,
            costs: Decode::decode(decoder)?,
            revocations: Decode::decode(decoder)?,
            revoked: Decode::decode(decoder)?,
            voices: Decode::decode(decoder)?,
            homes: Map::default(),
        };
        for (id, skill) in &library.skills {
            for revision in skill.revisions.keys() {
                library.homes.or_default(*revision).insert(*id);
            }
        }
        Ok(library)
    }
}
impl_borrow_decode!(Library);
