//! Decisions of a person about items and authors. They are kept, and hold offline and after a restart.

use std::collections::BTreeMap;

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::ids::{Hash, LessonId, MemberId, RevisionId, SkillId};

use super::content::ContentId;
use crate::{Batch, Durability, EngineError, RecordKind, Storage};

/// Decision about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum ItemDecision {
    /// It may be used.
    Approved,
    /// It may not.
    Rejected,
    /// It was used, and may not any more.
    Revoked,
}

/// Decision about an author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum AuthorDecision {
    /// What it publishes passes when it has no finding and widens no capability.
    Trusted,
    /// What it publishes does not count.
    Blocked,
}

/// A version of a skill that a person holds fast: its text, and the lessons that were on the shelf beside it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Pin {
    /// The version.
    pub revision: RevisionId,
    /// The lessons, sorted.
    pub lessons: Vec<LessonId>,
}

/// All decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions {
    items: BTreeMap<ContentId, ItemDecision>,
    authors: BTreeMap<MemberId, AuthorDecision>,
    pins: BTreeMap<SkillId, Pin>,
}

impl Decisions {
    /// Reads all decisions of a store.
    ///
    /// # Errors
    /// Fails when the store fails, or holds something else.
    pub fn load(store: &dyn Storage) -> Result<Self, EngineError> {
        let mut found = Self::default();
        for pair in store.scan(RecordKind::ShelfItem, b"") {
            let (id, value) = pair?;
            found.items.insert(ContentId(Hash(id_of(&id)?)), decode(&value)?);
        }
        for pair in store.scan(RecordKind::ShelfAuthor, b"") {
            let (id, value) = pair?;
            found.authors.insert(MemberId(id_of(&id)?), decode(&value)?);
        }
        for pair in store.scan(RecordKind::ShelfPin, b"") {
            let (id, value) = pair?;
            found.pins.insert(SkillId(id_of(&id)?), decode(&value)?);
        }
        Ok(found)
    }

    /// The decision about an item.
    #[must_use]
    pub fn item(&self, id: ContentId) -> Option<ItemDecision> {
        self.items.get(&id).copied()
    }

    /// The decision about an author.
    #[must_use]
    pub fn author(&self, member: MemberId) -> Option<AuthorDecision> {
        self.authors.get(&member).copied()
    }

    /// The version of a skill that is held fast.
    #[must_use]
    pub fn pin(&self, skill: SkillId) -> Option<&Pin> {
        self.pins.get(&skill)
    }

    /// Authors of whom something was decided, sorted.
    pub fn authors(&self) -> impl Iterator<Item = (MemberId, AuthorDecision)> {
        self.authors.iter().map(|(member, decision)| (*member, *decision))
    }

    /// Records a decision about some items, all or none.
    ///
    /// # Errors
    /// Fails when the store fails. Then nothing was decided.
    pub fn decide(
        &mut self,
        store: &dyn Storage,
        items: &[ContentId],
        decision: ItemDecision,
    ) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        for id in items {
            batch.put(RecordKind::ShelfItem, id.as_bytes(), codec::encode(&decision));
        }
        store.write(batch, Durability::Synced)?;
        self.items.extend(items.iter().map(|id| (*id, decision)));
        Ok(())
    }

    /// Holds a version of a skill fast; none lets it go.
    ///
    /// # Errors
    /// Fails when the store fails. Then nothing was decided.
    pub fn hold(
        &mut self,
        store: &dyn Storage,
        skill: SkillId,
        pin: Option<Pin>,
    ) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        match &pin {
            Some(pin) => batch.put(RecordKind::ShelfPin, skill.as_bytes(), codec::encode(pin)),
            None => batch.delete(RecordKind::ShelfPin, skill.as_bytes()),
        };
        store.write(batch, Durability::Synced)?;
        match pin {
            Some(pin) => self.pins.insert(skill, pin),
            None => self.pins.remove(&skill),
        };
        Ok(())
    }

    /// Records a decision about an author; none takes it back.
    ///
    /// # Errors
    /// Fails when the store fails. Then nothing was decided.
    pub fn decide_author(
        &mut self,
        store: &dyn Storage,
        member: MemberId,
        decision: Option<AuthorDecision>,
    ) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        if let Some(one) = decision {
            batch.put(RecordKind::ShelfAuthor, member.as_bytes(), codec::encode(&one));
        } else {
            batch.delete(RecordKind::ShelfAuthor, member.as_bytes());
        }
        store.write(batch, Durability::Synced)?;
        match decision {
            Some(one) => self.authors.insert(member, one),
            None => self.authors.remove(&member),
        };
        Ok(())
    }
}

fn id_of(bytes: &[u8]) -> Result<[u8; 32], EngineError> {
    bytes.try_into().map_err(|_| crate::damaged(&"a decision of the shelf has no id"))
}

fn decode<T: codec::Wire>(bytes: &[u8]) -> Result<T, EngineError> {
    codec::decode(bytes).map_err(|error| crate::damaged(&error))
}
