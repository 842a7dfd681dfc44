//! Groups sessions that are pieces of one conversation: side chains, resumed and forked sessions.
//!
//! The conversation is the unit where a session is what privacy protects: one that was resumed twice
//! must not count three times. Importers give each session the marks of the messages that it holds or
//! follows; sessions that share one are pieces of one conversation.

use std::collections::{BTreeMap, BTreeSet};

use crate::Session;

/// The mark of something with a name that is unique where it comes from: a message, a session.
#[must_use]
pub fn mark(kind: &str, name: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("commonlore/session/mark/v1");
    hasher.update(&(kind.len() as u64).to_le_bytes());
    hasher.update(kind.as_bytes());
    hasher.update(name.as_bytes());
    hasher.finalize().to_hex()[..16].to_owned()
}

impl Session {
    /// Name of the conversation that the session is a piece of: its own when it is the only one.
    #[must_use]
    pub fn conversation(&self) -> &str {
        self.root.as_deref().unwrap_or(&self.id)
    }
}

/// Gives sessions of one user that share a mark, over whatever others, one root: the first of them.
pub fn unite<'a>(sessions: impl IntoIterator<Item = &'a mut Session>) {
    let mut sessions: Vec<&mut Session> = sessions.into_iter().collect();
    let mut parents: Vec<usize> = (0..sessions.len()).collect();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (at, session) in sessions.iter().enumerate() {
        for mark in &session.links {
            let other = *first.entry(mark.clone()).or_insert(at);
            let (one, other) = (find(&mut parents, at), find(&mut parents, other));
            // The earlier one stays the root.
            parents[one.max(other)] = one.min(other);
        }
    }
    let roots: Vec<usize> = (0..sessions.len()).map(|at| find(&mut parents, at)).collect();
    let several: BTreeSet<usize> =
        roots.iter().enumerate().filter(|(at, root)| at != *root).map(|(_, root)| *root).collect();
    for (at, root) in roots.into_iter().enumerate() {
        if several.contains(&root) {
            let root = sessions[root].conversation().to_owned();
            sessions[at].root = Some(root);
        }
    }
}

/// The root of a place, with the way to it shortened.
fn find(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}
