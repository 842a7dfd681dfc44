//! Digests of sessions: what each teaches, kept beside it, so that a user's own lessons are there at once.

use std::collections::BTreeSet;

use lore_engine::{Batch, Durability, RecordKind};
use lore_lessons::{DIGEST_VERSION, Digest, findings};
use lore_protocol::codec;
use lore_session::Session;

use super::Node;
use super::contributions::alone;
use crate::error::CliError;

/// Digests that are written in one batch.
const BATCH: usize = 256;

/// The digest of one session; an empty one when it makes the code that reads it panic.
pub(super) fn digest_of(session: &Session) -> Digest {
    let started = session.started.unix_seconds;
    let found = alone(session, None, || {
        let calls = session.calls();
        vec![Digest::of(
            &findings(&calls, &session.task),
            &calls,
            &session.given_lessons(),
            started,
        )]
    });
    let empty = Digest { version: DIGEST_VERSION, started_seconds: started, ..Digest::default() };
    found.into_iter().next().unwrap_or(empty)
}

impl Node {
    /// Digests of a user's sessions, with the sessions' ids. One that is missing, damaged or of another version
    /// is made again.
    pub(super) fn digests(&self, user: &str) -> Result<Vec<(String, Digest)>, CliError> {
        let prefix = format!("{}/", self.unit_of(user));
        let id_of = |key: &[u8]| {
            let name = String::from_utf8_lossy(key).into_owned();
            name.strip_prefix(&prefix).map_or(name.clone(), str::to_owned)
        };
        let mut digests = Vec::new();
        let mut here = BTreeSet::new();
        for pair in self.store.scan(RecordKind::Digest, prefix.as_bytes()) {
            let (key, bytes) = pair?;
            if let Ok(digest) = codec::decode::<Digest>(&bytes)
                && digest.version == DIGEST_VERSION
            {
                here.insert(key.clone());
                digests.push((id_of(&key), digest));
            }
        }
        if u64::try_from(here.len()).ok() == Some(self.sessions_of(prefix.trim_end_matches('/'))?) {
            return Ok(digests);
        }
        let mut batch = Batch::new();
        let mut waiting = 0;
        for pair in self.store.scan(RecordKind::Session, prefix.as_bytes()) {
            let (key, bytes) = pair?;
            if here.contains(&key) {
                continue;
            }
            let Ok(session) = serde_json::from_slice::<Session>(&bytes) else { continue };
            let digest = digest_of(&session);
            batch.put(RecordKind::Digest, key.clone(), codec::encode(&digest));
            digests.push((id_of(&key), digest));
            waiting += 1;
            if waiting == BATCH {
                self.store.write(std::mem::take(&mut batch), Durability::Synced)?;
                waiting = 0;
            }
        }
        if waiting > 0 {
            self.store.write(batch, Durability::Synced)?;
        }
        Ok(digests)
    }
}
