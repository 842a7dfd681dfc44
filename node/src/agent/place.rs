//! Place of the agent in the home for one user: `sessions/ID.jsonl`, `spent/DAY.jsonl`, and what the user
//! agreed to, below `agent/users/USER/`.
//!
//! A user is a unit of privacy: what one said or spent is never before another's model, bound or eyes.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use lore_agent::turn::{Head, Saved, Transcript, TranscriptError};

use crate::error::CliError;
use crate::home::{Home, create_private_dir};

/// Most forks before a session that are followed.
const MAX_ANCESTORS: usize = 64;

/// The agent's part of a home, of one user.
#[derive(Debug, Clone)]
pub struct Place {
    users: PathBuf,
    root: PathBuf,
}

impl Place {
    /// That of `user` in `home`; its directories are made when they are missing.
    ///
    /// # Errors
    /// Fails when there is no node, or a directory cannot be made.
    pub fn open(home: &Home, user: &str) -> Result<Self, CliError> {
        if !home.is_initialised() {
            // The one error that says how to begin.
            home.load_key()?;
        }
        let users = home.root().join("agent/users");
        // Names of accounts may hold any character.
        let name = blake3::derive_key("commonlore/agent/user/v1", user.as_bytes());
        let name: String = name[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let place = Self { root: users.join(name), users };
        for path in [place.sessions(), place.days()] {
            create_private_dir(&path)?;
        }
        Ok(place)
    }

    /// Transcripts.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.root.join("sessions")
    }

    /// Directory of what was spent, a file a day.
    #[must_use]
    pub fn days(&self) -> PathBuf {
        self.root.join("spent")
    }

    /// Skills whose capabilities a person agreed to.
    #[must_use]
    pub fn agreed(&self) -> PathBuf {
        self.root.join("agreed.json")
    }

    /// The shared library as text, written again for every session that asks for it.
    #[must_use]
    pub fn library(&self) -> PathBuf {
        self.root.join("library")
    }

    /// Lines typed at the prompt.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.root.join("history")
    }

    fn transcript(&self, id: &str) -> Result<PathBuf, CliError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            return Err(CliError::usage(format!("`{id}` is not the id of a session")));
        }
        Ok(self.sessions().join(format!("{id}.jsonl")))
    }

    /// Begins a transcript under a new id.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub fn create(&self, model: &str) -> Result<(Head, Transcript), CliError> {
        let head = Head::new(&new_id()?, model, now_seconds());
        let transcript = Transcript::create(&self.transcript(&head.id)?, &head).map_err(failed)?;
        Ok((head, transcript))
    }

    /// Resumes a session.
    ///
    /// # Errors
    /// Fails when there is none of this id, or it cannot be read.
    pub fn resume(&self, id: &str) -> Result<(Transcript, Saved), CliError> {
        Transcript::resume(&self.existing(id)?).map_err(failed)
    }

    /// Begins a new session with what was said in another.
    ///
    /// # Errors
    /// Those of [`Self::resume`].
    pub fn fork(&self, id: &str) -> Result<(Transcript, Saved), CliError> {
        let from = Saved::load(&self.existing(id)?).map_err(failed)?;
        let new = new_id()?;
        let path = self.transcript(&new)?;
        let all = from.messages.len();
        let (transcript, _) =
            Transcript::fork(&path, &new, now_seconds(), &from, all).map_err(failed)?;
        let mut saved = Saved::load(&path).map_err(failed)?;
        // What was said before the fork is the other session's.
        saved.stored = saved.all.len();
        Ok((transcript, saved))
    }

    fn existing(&self, id: &str) -> Result<PathBuf, CliError> {
        let path = self.transcript(id)?;
        if path.exists() {
            return Ok(path);
        }
        if self.is_anothers(id) {
            let error = format!("session `{id}` is another user's and is not shown to you");
            return Err(CliError::usage(error)
                .kind("another_user")
                .help("resume a session that you began, or begin a new one"));
        }
        let known = self.list(5);
        let help = if known.is_empty() {
            "no session was saved in this home yet".to_owned()
        } else {
            format!("the newest are: {}", known.join(", "))
        };
        Err(CliError::usage(format!("there is no session `{id}`")).help(help))
    }

    /// Returns true when another user of this home has a session of this id.
    fn is_anothers(&self, id: &str) -> bool {
        let users = std::fs::read_dir(&self.users).into_iter().flatten().flatten();
        users.into_iter().any(|user| user.path().join(format!("sessions/{id}.jsonl")).exists())
    }

    /// Ids of the sessions that one began from: its parent first. Empty for a new one.
    #[must_use]
    pub fn ancestors(&self, head: &Head) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut next = head.parent.clone();
        while let Some(id) = next.filter(|id| !found.contains(id) && found.len() < MAX_ANCESTORS) {
            let saved = self.transcript(&id).ok().and_then(|path| Saved::load(&path).ok());
            next = saved.and_then(|saved| saved.head.parent);
            found.push(id);
        }
        found
    }

    /// Ids of saved sessions, newest first.
    #[must_use]
    pub fn list(&self, most: usize) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.sessions()) else {
            return Vec::new();
        };
        let mut found: Vec<(SystemTime, String)> = entries
            .flatten()
            .filter_map(|entry| {
                let id = entry.file_name().into_string().ok()?.strip_suffix(".jsonl")?.to_owned();
                Some((entry.metadata().ok()?.modified().ok()?, id))
            })
            .collect();
        found.sort();
        found.into_iter().rev().take(most).map(|(_, id)| id).collect()
    }
}

/// An error of a transcript for a person.
pub(super) fn failed(error: TranscriptError) -> CliError {
    CliError::failed("transcript", error)
}

/// Seconds since the Unix epoch.
pub(super) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// A name that no other session has: 64 random bits.
fn new_id() -> Result<String, CliError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| CliError::failed("randomness", error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use lore_agent::model::Message;

    use super::super::day::{Days, Used};
    use super::*;

    #[test]
    fn a_session_is_found_again_and_a_fork_leaves_the_first_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("n")).unwrap();
        assert_eq!(Place::open(&home, "ada").unwrap_err().kind, "not_initialised");
        home.initialise("").unwrap();
        let place = Place::open(&home, "ada").unwrap();
        let (head, mut transcript) = place.create("m").unwrap();
        transcript.append(&Arc::new(Message::user("one"))).unwrap();
        drop(transcript);
        let (_, forked) = place.fork(&head.id).unwrap();
        assert_eq!(forked.head.parent.as_ref(), Some(&head.id));
        assert_eq!((forked.messages.len(), forked.stored), (1, 1));
        let (_, resumed) = place.resume(&head.id).unwrap();
        assert_eq!((resumed.messages.len(), resumed.stored), (1, 0));
        assert_eq!(place.list(9).len(), 2);
        for wrong in ["", "../key", "a/b", "none"] {
            assert_eq!(place.resume(wrong).unwrap_err().kind, "usage", "{wrong}");
        }
    }
    #[test]
    fn a_fork_of_a_fork_knows_where_it_came_from() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("n")).unwrap();
        home.initialise("").unwrap();
        let place = Place::open(&home, "ada").unwrap();
        let (first, _) = place.create("m").unwrap();
        assert!(place.ancestors(&first).is_empty());
        let (_, second) = place.fork(&first.id).unwrap();
        let (_, third) = place.fork(&second.head.id).unwrap();
        assert_eq!(place.ancestors(&third.head), [second.head.id, first.id]);
    }

    #[test]
    fn what_one_user_said_spent_and_agreed_to_is_no_other_users() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("n")).unwrap();
        home.initialise("").unwrap();
        let (ada, bob) = (Place::open(&home, "ada").unwrap(), Place::open(&home, "../b").unwrap());
        let (head, mut transcript) = ada.create("m").unwrap();
        transcript.append(&Arc::new(Message::user("the canary"))).unwrap();
        for taken in [bob.resume(&head.id).unwrap_err(), bob.fork(&head.id).unwrap_err()] {
            assert_eq!(taken.kind, "another_user");
            assert!(!taken.to_string().contains("canary"), "{taken}");
        }
        assert!(bob.list(9).is_empty() && ada.list(9) == [head.id]);
        let none = bob.resume("0000").unwrap_err();
        assert_eq!(none.kind, "usage");

        let used = Used { calls: 3, ..Used::default() };
        Days::at(ada.days()).add(now_seconds(), used).unwrap();
        assert_eq!(Days::at(bob.days()).used(now_seconds()).unwrap(), Used::default());
        assert_ne!(ada.agreed(), bob.agreed());
        assert_ne!(ada.history(), bob.history());
        assert!(bob.sessions().starts_with(home.root().join("agent/users")));
        let again = Place::open(&home, "ada").unwrap();
        assert_eq!(again.list(9), ada.list(9));
    }
}
