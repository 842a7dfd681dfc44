//! Which turns of an imported session are new: files grow, are copied by a fork, and are saved as states.
//!
//! Each turn that is stored leaves a mark with the session that holds it, for each user alone. A session that went on is
//! replaced while nothing of it was counted; once a release has counted its window it stays as it is, and its
//! new turns become another piece of the conversation, which began when the first of them was said.

use std::collections::BTreeMap;

use lore_engine::{Batch, RecordKind, Storage, StorageError};
use lore_protocol::codec;
use lore_session::import::Found;
use lore_session::{Session, Source, Started};

use super::digests::digest_of;
use crate::error::CliError;

/// What becomes of a session that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// Nothing in it is new.
    Known,
    /// It was not here.
    New,
    /// It takes the place of an earlier state.
    Grown,
    /// Its new turns go on with a session that stays as it is.
    Piece,
    /// It goes on with a session that was deleted here.
    Forgotten,
}

/// Returns true for the id of a session that was deleted here and stays away.
pub(super) type Deleted<'a> = &'a dyn Fn(&str) -> Result<bool, StorageError>;

/// The turns of one user that are here, with what an import adds.
pub(super) struct States<'a> {
    store: &'a dyn Storage,
    unit: &'a str,
    /// Sessions that began before it were counted by a release, in seconds since the Unix epoch.
    counted_until_seconds: u64,
    now_seconds: u64,
    deleted: Deleted<'a>,
    /// Holders of turns that this import adds, by mark.
    new: BTreeMap<String, String>,
    /// Sessions that it adds or replaces, by id.
    sessions: BTreeMap<String, Session>,
}

impl<'a> States<'a> {
    pub(super) const fn of(
        store: &'a dyn Storage,
        unit: &'a str,
        counted_until_seconds: u64,
        now_seconds: u64,
        deleted: Deleted<'a>,
    ) -> Self {
        Self {
            store,
            unit,
            counted_until_seconds,
            now_seconds,
            deleted,
            new: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    /// Returns true when the user has a session of an id.
    pub(super) fn is_here(&self, id: &str) -> Result<bool, StorageError> {
        Ok(self.sessions.contains_key(id)
            || self.store.get(RecordKind::Session, self.session_key(id).as_bytes())?.is_some())
    }

    /// Leaves in a session what is new, and names what it becomes.
    pub(super) fn place(&self, found: &mut Found) -> Result<Placed, StorageError> {
        let holders = self.holders(found)?;
        let here = self.session(&found.session.id)?;
        let Some(holder) = holders.iter().rev().flatten().next().cloned() else {
            // One of a time before marks were kept is left as it is.
            return Ok(if here.is_some() { Placed::Known } else { Placed::New });
        };
        let same =
            continues(&found.session.id, &holder) || found.turns.iter().any(|turn| turn.covers);
        let fresh = |at: usize| holders.get(at).is_none_or(Option::is_none);
        let first = (0..holders.len()).find(|at| fresh(*at));
        if same && (self.deleted)(&holder)? {
            return Ok(Placed::Forgotten);
        }
        let Some(first) = first else {
            if same {
                // Whatever this state is called: it is that session.
                found.session.id = holder;
            }
            return Ok(Placed::Known);
        };
        let before = self.session(&holder)?;
        let root = before.as_ref().map(|before| before.conversation().to_owned());
        let open = before
            .filter(|before| same && before.started.unix_seconds >= self.counted_until_seconds);
        if let Some(before) = open {
            found.retain(|at| fresh(at) || holders[at].as_deref() == Some(holder.as_str()));
            let session = &mut found.session;
            session.id = holder;
            session.started = before.started;
            session.root = before.root.or(session.root.take());
            if before.outcome.source == Source::Person {
                session.outcome = before.outcome;
            }
            return Ok(Placed::Grown);
        }
        let said = found.turns.get(first).and_then(|turn| turn.seconds);
        found.retain(fresh);
        let session = &mut found.session;
        session.root = root.or(session.root.take());
        if !same && here.is_none() {
            // A fork repeats the times of what it copied.
            let begun = said.unwrap_or(session.started.unix_seconds);
            session.started = Started::at(begun);
            return Ok(Placed::New);
        }
        if here.is_some() || continues(&session.id, &holder) {
            // A turn whose answer came late begins where another piece begins already.
            let mut at = first;
            while self.is_here(&piece_of(&session.id, at))? {
                at += 1;
            }
            session.id = piece_of(&session.id, at);
        }
        session.started = Started::at(said.unwrap_or(self.now_seconds));
        Ok(Placed::Piece)
    }

    /// The session that holds each turn.
    fn holders(&self, found: &Found) -> Result<Vec<Option<String>>, StorageError> {
        let mut holders = Vec::with_capacity(found.turns.len());
        // A session that was deleted holds its turns too, unless it may come back.
        let mut here: BTreeMap<String, bool> = BTreeMap::new();
        for turn in &found.turns {
            let mut holder = if turn.mark.is_empty() { None } else { self.holder(&turn.mark)? };
            if let Some(name) = &holder {
                let is_here = match here.get(name) {
                    Some(known) => *known,
                    None => self.is_here(name)? || (self.deleted)(name)?,
                };
                here.insert(name.clone(), is_here);
                holder = holder.filter(|_| is_here);
            }
            if let Some(holder) = &holder
                && turn.covers
            {
                holders.iter_mut().for_each(|earlier| *earlier = Some(holder.clone()));
            }
            holders.push(holder);
        }
        Ok(holders)
    }

    fn holder(&self, mark: &str) -> Result<Option<String>, StorageError> {
        if let Some(holder) = self.new.get(mark) {
            return Ok(Some(holder.clone()));
        }
        let kept = self.store.get(RecordKind::Turn, self.mark_key(mark).as_bytes())?;
        Ok(kept.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    fn session(&self, id: &str) -> Result<Option<Session>, StorageError> {
        if let Some(session) = self.sessions.get(id) {
            return Ok(Some(session.clone()));
        }
        let kept = self.store.get(RecordKind::Session, self.session_key(id).as_bytes())?;
        Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Keeps a session that was placed.
    pub(super) fn keep(&mut self, found: Found) {
        let marks = found.turns.into_iter().filter(|turn| turn.kept && !turn.mark.is_empty());
        self.new.extend(marks.map(|turn| (turn.mark, found.session.id.clone())));
        self.sessions.insert(found.session.id.clone(), found.session);
    }

    /// Writes down what was kept.
    pub(super) fn store(self, batch: &mut Batch) -> Result<(), CliError> {
        for (mark, holder) in &self.new {
            batch.put(RecordKind::Turn, self.mark_key(mark), holder.as_bytes());
        }
        for (id, session) in &self.sessions {
            let bytes = serde_json::to_vec(session).map_err(|error| {
                CliError::failed("session", format!("a session cannot be stored: {error}"))
            })?;
            let digest = codec::encode(&digest_of(session));
            batch.put(RecordKind::Digest, self.session_key(id), digest);
            batch.put(RecordKind::Session, self.session_key(id), bytes);
        }
        Ok(())
    }

    fn session_key(&self, id: &str) -> String {
        format!("{}/{id}", self.unit)
    }

    fn mark_key(&self, mark: &str) -> String {
        format!("{}/{mark}", self.unit)
    }
}

/// Returns true when a session of the second id is an earlier piece of the first one.
fn continues(id: &str, holder: &str) -> bool {
    holder == id || holder.strip_prefix(id).is_some_and(|rest| rest.starts_with('+'))
}

fn piece_of(id: &str, turn: usize) -> String {
    format!("{id}+{turn}")
}

/// The session that a piece of this id goes on with; the id itself when it is no piece.
pub(super) fn base_of(id: &str) -> &str {
    let piece = id.rsplit_once('+').filter(|(_, turn)| turn.parse::<usize>().is_ok());
    piece.map_or(id, |(base, _)| base)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::Cell;
    use std::collections::BTreeSet;

    use lore_engine::{Durability, MemoryStorage};
    use lore_session::import::{Format, read};

    use super::super::conversation::Conversations;
    use super::*;

    /// Lines of a session of Claude Code with so many calls; uuids do not depend on the session's name.
    fn file(session: &str, calls: usize) -> Vec<u8> {
        let mut text = format!(
            r#"{{"type":"user","uuid":"u","sessionId":"{session}","timestamp":"2026-03-02T09:00:00Z","message":{{"content":"Count"}}}}"#
        );
        for at in 0..calls {
            text += &format!(
                "\n{{\"type\":\"assistant\",\"uuid\":\"a{at}\",\"sessionId\":\"{session}\",\"timestamp\":\"2026-03-02T1{at}:00:00Z\",\"message\":{{\"content\":[{{\"type\":\"tool_use\",\"id\":\"t{at}\",\"name\":\"Bash\",\"input\":{{\"command\":\"wc {at}\"}}}}]}}}}\
                 \n{{\"type\":\"user\",\"uuid\":\"r{at}\",\"sessionId\":\"{session}\",\"message\":{{\"content\":[{{\"type\":\"tool_result\",\"tool_use_id\":\"t{at}\",\"content\":\"{at}\"}}]}}}}"
            );
        }
        text.into_bytes()
    }

    struct World {
        store: MemoryStorage,
        counted_until_seconds: u64,
        deleted: BTreeSet<String>,
        conversations: Cell<i64>,
    }

    impl World {
        fn new() -> Self {
            Self {
                store: MemoryStorage::default(),
                counted_until_seconds: 0,
                deleted: BTreeSet::new(),
                conversations: Cell::new(0),
            }
        }

        fn import(&self, unit: &str, format: Format, bytes: &[u8]) -> Placed {
            let mut found = read(format, bytes).unwrap().sessions.remove(0);
            let deleted = |id: &str| Ok(self.deleted.contains(id));
            let until = self.counted_until_seconds;
            let mut states = States::of(&self.store, unit, until, 7, &deleted);
            let placed = states.place(&mut found).unwrap();
            let mut conversations = Conversations::of(&self.store, unit);
            if placed != Placed::Forgotten {
                conversations.place(&mut found.session, |id| states.is_here(id)).unwrap();
            }
            self.conversations.set(self.conversations.get() + conversations.more());
            if !matches!(placed, Placed::Known | Placed::Forgotten) {
                states.keep(found);
            }
            let mut batch = Batch::new();
            conversations.store(&mut batch);
            states.store(&mut batch).unwrap();
            self.store.write(batch, Durability::Synced).unwrap();
            placed
        }

        fn forget(&mut self, unit: &str, id: &str) {
            let mut batch = Batch::new();
            batch.delete(RecordKind::Session, format!("{unit}/{id}"));
            self.store.write(batch, Durability::Synced).unwrap();
            self.deleted.insert(id.to_owned());
        }

        /// Ids, beginnings and commands of a user's sessions.
        fn sessions(&self, unit: &str) -> Vec<(String, String, Vec<String>)> {
            let prefix = format!("{unit}/");
            let sessions = self.store.scan(RecordKind::Session, prefix.as_bytes()).map(|pair| {
                let session: Session = serde_json::from_slice(&pair.unwrap().1).unwrap();
                let calls = session.calls().into_iter().filter_map(|call| call.command).collect();
                (session.id, session.started.text, calls)
            });
            sessions.collect()
        }
    }

    /// 2026-03-02T09:00:00Z.
    const BEGUN_SECONDS: u64 = 1_772_442_000;

    fn commands(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|at| format!("wc {at}")).collect()
    }

    #[test]
    fn a_session_that_went_on_brings_its_new_turns_while_nothing_was_counted() {
        let world = World::new();
        let import = |calls| world.import("ada", Format::ClaudeCode, &file("s", calls));
        assert_eq!(
            [import(1), import(1), import(3), import(3)],
            [Placed::New, Placed::Known, Placed::Grown, Placed::Known]
        );
        // A file that shrank brings nothing and takes nothing away.
        assert_eq!(import(2), Placed::Known);
        let begun = "2026-03-02T09:00:00Z".to_owned();
        assert_eq!(world.sessions("ada"), [("claude-code-s".to_owned(), begun, commands(0..3))]);
    }

    #[test]
    fn what_a_release_counted_stays_as_it_is_and_new_turns_are_another_piece() {
        let mut world = World::new();
        world.import("ada", Format::ClaudeCode, &file("s", 1));
        let counted = world.sessions("ada").remove(0);
        world.counted_until_seconds = u64::MAX;
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("s", 3)), Placed::Piece);
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("s", 3)), Placed::Known);
        let sessions = world.sessions("ada");
        assert_eq!(sessions[0], counted);
        let piece =
            ("claude-code-s+2".to_owned(), "2026-03-02T11:00:00Z".to_owned(), commands(1..3));
        assert_eq!(sessions[1..], [piece]);
        // The piece is not counted yet, and grows.
        world.counted_until_seconds = BEGUN_SECONDS + 60;
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("s", 4)), Placed::Grown);
        assert_eq!(world.sessions("ada")[1].2, commands(1..4));
        assert_eq!(world.sessions("ada")[0], counted);
    }

    #[test]
    fn lines_of_a_fork_are_not_counted_again_and_another_users_are() {
        let world = World::new();
        world.import("ada", Format::ClaudeCode, &file("first", 2));
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("copy", 2)), Placed::Known);
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("fork", 3)), Placed::New);
        let sessions = world.sessions("ada");
        let calls: Vec<&Vec<String>> = sessions.iter().map(|(.., calls)| calls).collect();
        assert_eq!(calls, [&commands(0..2), &commands(2..3)]);
        assert_eq!(world.import("bob", Format::ClaudeCode, &file("fork", 3)), Placed::New);
        assert_eq!(world.sessions("bob")[0].2, commands(0..3));
    }

    #[test]
    fn a_forgotten_session_comes_back_neither_as_a_longer_one_nor_as_a_piece_nor_in_a_fork() {
        let mut world = World::new();
        world.import("ada", Format::ClaudeCode, &file("s", 2));
        world.forget("ada", "claude-code-s");
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("s", 3)), Placed::Forgotten);
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("copy", 2)), Placed::Known);
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("fork", 3)), Placed::New);
        assert_eq!(world.sessions("ada").remove(0).2, commands(2..3));

        let mut world = World::new();
        world.import("ada", Format::ClaudeCode, &file("s", 1));
        world.counted_until_seconds = u64::MAX;
        world.import("ada", Format::ClaudeCode, &file("s", 2));
        world.forget("ada", "claude-code-s+2");
        assert_eq!(world.import("ada", Format::ClaudeCode, &file("s", 2)), Placed::Forgotten);
        assert_eq!(world.sessions("ada").len(), 1);

        let mut world = World::new();
        world.import("ada", Format::OpenAiChat, &chat(1));
        let id = world.sessions("ada").remove(0).0;
        world.forget("ada", &id);
        assert_eq!(world.import("ada", Format::OpenAiChat, &chat(2)), Placed::Forgotten);
    }

    #[test]
    fn a_piece_that_was_counted_is_not_overwritten_when_its_last_answer_comes() {
        let mut world = World::new();
        world.import("ada", Format::ClaudeCode, &file("s", 1));
        world.counted_until_seconds = u64::MAX;
        // The answer of the second call is not written yet.
        let whole = file("s", 2);
        let cut = whole.iter().rposition(|byte| *byte == b'\n').unwrap();
        assert_eq!(world.import("ada", Format::ClaudeCode, &whole[..cut]), Placed::Piece);
        let counted = world.sessions("ada");
        world.import("ada", Format::ClaudeCode, &whole);
        assert_eq!(world.sessions("ada")[..counted.len()], counted[..]);
    }

    fn chat(calls: usize) -> Vec<u8> {
        let mut messages = vec![r#"{"role":"user","content":"Count"}"#.to_owned()];
        for at in 0..calls {
            messages.push(format!(
                r#"{{"role":"assistant","tool_calls":[{{"id":"c{at}","function":{{"name":"bash","arguments":"{{\"command\":\"wc {at}\"}}"}}}}]}}"#
            ));
            messages.push(format!(r#"{{"role":"tool","tool_call_id":"c{at}","content":"{at}"}}"#));
        }
        format!("[{}]", messages.join(",")).into_bytes()
    }

    #[test]
    fn states_of_a_chat_without_a_name_are_one_session() {
        let world = World::new();
        let import = |calls| world.import("ada", Format::OpenAiChat, &chat(calls));
        assert_eq!(
            [import(1), import(2), import(4), import(2)],
            [Placed::New, Placed::Grown, Placed::Grown, Placed::Known]
        );
        let sessions = world.sessions("ada");
        assert_eq!((sessions.len(), &sessions[0].2), (1, &commands(0..4)));
        assert_eq!(world.conversations.get(), 1);
    }
}
