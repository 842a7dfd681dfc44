//! The conversations of a node's users: which stored sessions are pieces of one.
//!
//! Marks are kept for each user alone, so that what one user brings in changes no other's units. A root is
//! named by a mark too; where conversations turn out to be one, the larger name leads to the smaller.

use std::collections::{BTreeMap, BTreeSet};

use lore_engine::{Batch, RecordKind, Storage, StorageError};
use lore_session::{Session, conversation::mark};

/// The marks of one user, with what an import adds to them.
pub(super) struct Conversations<'a> {
    store: &'a dyn Storage,
    unit: &'a str,
    new: BTreeMap<String, String>,
    /// Conversations that began, less those that turned out to be one.
    more: i64,
}

impl<'a> Conversations<'a> {
    pub(super) const fn of(store: &'a dyn Storage, unit: &'a str) -> Self {
        Self { store, unit, new: BTreeMap::new(), more: 0 }
    }

    /// Finds the conversation of a session by its marks, which it loses, and names it in the session.
    /// Conversations that a session belongs to both of become one. `is_here` says whether the user has a
    /// session of an id.
    pub(super) fn place(
        &mut self,
        session: &mut Session,
        is_here: impl Fn(&str) -> Result<bool, StorageError>,
    ) -> Result<(), StorageError> {
        let mut marks = std::mem::take(&mut session.links);
        let own = session.conversation().to_owned();
        // Conversations that are here already. One that was never linked has no mark.
        let mut here = BTreeSet::new();
        for name in [&own, &session.id] {
            if self.known(&mark("root", name))?.is_none() && is_here(name)? {
                here.insert(name.clone());
            }
        }
        let linked = !marks.is_empty() || session.root.is_some();
        marks.extend([mark("root", &own), mark("root", &session.id)]);
        for mark in &marks {
            if let Some(known) = self.known(mark)? {
                here.insert(self.root(&known)?);
            }
        }
        let before = i64::try_from(here.len()).unwrap_or(i64::MAX);
        self.more = self.more.saturating_add(1).saturating_sub(before);
        if !linked {
            return Ok(());
        }
        let mut roots = here;
        roots.insert(self.root(&own)?);
        let Some(root) = roots.first().cloned() else { return Ok(()) };
        marks.extend(roots.iter().map(|root| mark("root", root)));
        self.new.extend(marks.into_iter().map(|mark| (mark, root.clone())));
        session.root = Some(root);
        Ok(())
    }

    /// The conversation that one of this name has become a part of: itself when it is whole.
    pub(super) fn root(&self, name: &str) -> Result<String, StorageError> {
        let mut root = name.to_owned();
        // Each step leads to a smaller name.
        while let Some(next) = self.known(&mark("root", &root))?.filter(|next| *next < root) {
            root = next;
        }
        Ok(root)
    }

    /// Conversations that began, less those that turned out to be one, with all that was placed.
    pub(super) const fn more(&self) -> i64 {
        self.more
    }

    fn known(&self, mark: &str) -> Result<Option<String>, StorageError> {
        if let Some(root) = self.new.get(mark) {
            return Ok(Some(root.clone()));
        }
        let kept = self.store.get(RecordKind::Conversation, self.key(mark).as_bytes())?;
        Ok(kept.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    /// Writes down what was found.
    pub(super) fn store(self, batch: &mut Batch) {
        for (mark, root) in &self.new {
            batch.put(RecordKind::Conversation, self.key(mark), root.as_bytes());
        }
    }

    fn key(&self, mark: &str) -> String {
        format!("{}/{mark}", self.unit)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use lore_engine::{Durability, MemoryStorage};
    use lore_session::{SessionOutcome, Started, VERSION};

    use super::*;

    fn piece(id: &str, links: &[&str]) -> Session {
        Session {
            version: VERSION,
            id: id.into(),
            root: None,
            links: links.iter().map(|link| mark("entry", link)).collect(),
            unit: None,
            harness: "test".into(),
            model: None,
            started: Started::at(0),
            task: String::new(),
            turns: Vec::new(),
            outcome: SessionOutcome::unknown(),
            skills_read: Vec::new(),
            skills_injected: Vec::new(),
            proposals: None,
        }
    }

    /// Imports one by one, as files come in over time, and gives each session's conversation at the end.
    fn placed(unit: &str, store: &MemoryStorage, pieces: &[(&str, &[&str])]) -> Vec<String> {
        let mut roots = Vec::new();
        for (id, links) in pieces {
            let (mut batch, mut session) = (Batch::new(), piece(id, links));
            let mut conversations = Conversations::of(store, unit);
            let is_here = |name: &str| {
                let known = store.get(RecordKind::Session, format!("{unit}/{name}").as_bytes())?;
                Ok(known.is_some())
            };
            conversations.place(&mut session, is_here).unwrap();
            conversations.store(&mut batch);
            store.write(batch, Durability::Synced).unwrap();
            assert!(session.links.is_empty());
            roots.push(session.conversation().to_owned());
        }
        let conversations = Conversations::of(store, unit);
        roots.iter().map(|root| conversations.root(root).unwrap()).collect()
    }

    #[test]
    fn pieces_are_one_conversation_whatever_comes_first_and_no_other_users() {
        let all: [(&str, &[&str]); 4] =
            [("c", &["1", "2"]), ("a", &["8", "9"]), ("b", &["2", "3"]), ("d", &["3", "9"])];
        for turn in 0..4 {
            let mut pieces = all.to_vec();
            pieces.rotate_left(turn);
            let store = MemoryStorage::default();
            assert_eq!(placed("ada", &store, &pieces), ["a"; 4], "{turn}");
            assert_eq!(placed("bob", &store, &[("x", &["1"]), ("y", &["9"])]), ["x", "y"]);
        }
    }

    #[test]
    fn a_session_that_is_the_only_piece_is_its_own_conversation() {
        let store = MemoryStorage::default();
        assert_eq!(
            placed("ada", &store, &[("a", &[]), ("b", &["1"]), ("c", &[])]),
            ["a", "b", "c"]
        );
    }
}
