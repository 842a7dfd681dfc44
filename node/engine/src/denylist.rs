//! The owner's deny-list: kept in the store, never sent, and fixed before a window opens.
//!
//! Counters tell what came first, a change of the list or the opening of a window, and not the
//! clock: two things can fall into one second.

use lore_privacy::{DenyList, NoiseSource, Pattern};
use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::ids::FederationId;
use lore_protocol::payload::PayloadKind;

use crate::{Batch, Durability, Engine, EngineError, RecordKind};

/// Moment at which an entry was put on the list or taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct Moment {
    /// For people: seconds since the Unix epoch.
    seconds: u64,
    /// Releases that the ledger knew.
    releases: u64,
    /// Changes of the list before this one.
    edits: u64,
}

/// Times in which an entry was on the list: from, until.
type Spans = Vec<(Moment, Option<Moment>)>;

/// Opening of the window that the next lesson release of a federation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// The last lesson release, by its place among all releases of the ledger.
    Release(u64),
    /// Coming to the federation, after so many changes of the list.
    Join(u64),
}

/// Windows for which an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// For the open window of every federation, and later ones.
    Now,
    /// From the next window on: the open one began before it was added.
    FromNextWindow,
    /// Until the open window closes: it was removed within it.
    UntilWindowCloses,
}

/// An entry of the list, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenyEntry {
    /// The pattern.
    pub pattern: String,
    /// Time when it was added last, in seconds since the Unix epoch.
    pub added_seconds: u64,
    /// Time when it was removed, in seconds since the Unix epoch.
    pub removed_seconds: Option<u64>,
    /// True when it binds the open window of every federation.
    pub in_force: bool,
    /// Windows for which it counts.
    pub counts: Counts,
}

impl<N: NoiseSource> Engine<N> {
    /// Puts a pattern on the list, for windows that open from now on.
    ///
    /// # Errors
    /// Fails when the text is no pattern, or the store fails.
    pub fn deny_add(&mut self, text: &str) -> Result<(), EngineError> {
        let pattern = parse(text)?;
        let mut spans = self.spans(&pattern)?;
        if spans.last().is_none_or(|(_, until)| until.is_some()) {
            spans.push((self.moment()?, None));
            self.put_spans(&pattern, &spans)?;
        }
        Ok(())
    }

    /// Takes a pattern off the list, for windows that open from now on.
    ///
    /// # Errors
    /// Fails when it is not on the list, or the store fails.
    pub fn deny_remove(&mut self, text: &str) -> Result<(), EngineError> {
        let pattern = parse(text)?;
        let mut spans = self.spans(&pattern)?;
        let Some((_, until @ None)) = spans.last_mut() else {
            return Err(EngineError::usage(format!(
                "`{}` is not on the deny-list",
                pattern.as_str()
            ))
            .help("see `lore privacy deny-list list`"));
        };
        *until = Some(self.moment()?);
        self.put_spans(&pattern, &spans)
    }

    /// The entries that count for an open window or a later one.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn deny_list_entries(&self) -> Result<Vec<DenyEntry>, EngineError> {
        let openings: Vec<Opening> = self.federations.keys().map(|id| self.opening(*id)).collect();
        let mut entries = Vec::new();
        for (pattern, spans) in self.deny_entries()? {
            let Some((from, until)) = spans.last().copied() else { continue };
            let in_force = openings.iter().all(|opening| covers(&spans, *opening));
            let anywhere = openings.iter().any(|opening| covers(&spans, *opening));
            let counts = match (until.is_none(), in_force, anywhere) {
                (true, true, _) => Counts::Now,
                (true, false, _) => Counts::FromNextWindow,
                (false, _, true) => Counts::UntilWindowCloses,
                (false, _, false) => continue,
            };
            entries.push(DenyEntry {
                pattern: pattern.as_str().to_owned(),
                added_seconds: from.seconds,
                removed_seconds: until.map(|until| until.seconds),
                in_force,
                counts,
            });
        }
        Ok(entries)
    }

    /// The list for a federation's next lesson release, as it stood when its window opened.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn deny_list(&self, federation: FederationId) -> Result<DenyList, EngineError> {
        let opening = self.opening(federation);
        let entries = self.deny_entries()?.into_iter();
        let patterns = entries.filter(|(_, spans)| covers(spans, opening)).map(|(one, _)| one);
        Ok(DenyList::new(patterns.collect()))
    }

    /// Changes of the list so far.
    pub(crate) fn deny_edits(&self) -> Result<u64, EngineError> {
        let bytes = self.store.get(RecordKind::DenyEdits, b"")?;
        bytes.map_or(Ok(0), |bytes| decode(&bytes))
    }

    /// Opening of a federation's open window. Depends on no session.
    fn opening(&self, federation: FederationId) -> Opening {
        let mut releases = (0_u64..).zip(self.ledger.releases().map(|(known, _)| known));
        let mut last = None;
        for (place, known) in releases.by_ref() {
            if known.chain.federation == federation && known.kind == PayloadKind::Lessons {
                last = Some(place);
            }
        }
        let joined = || self.edits_at_join(federation).unwrap_or(0);
        last.map_or_else(|| Opening::Join(joined()), Opening::Release)
    }

    fn edits_at_join(&self, federation: FederationId) -> Option<u64> {
        let bytes = self.store.get(RecordKind::DenyEditsAtJoin, federation.as_bytes()).ok()??;
        codec::decode(&bytes).ok()
    }

    fn moment(&self) -> Result<Moment, EngineError> {
        // A clock that was set back must not make an entry older than it is.
        let seconds = self.now_seconds().max(self.ledger.latest_seconds());
        let releases = self.ledger.releases().count() as u64;
        Ok(Moment { seconds, releases, edits: self.deny_edits()? })
    }

    fn deny_entries(&self) -> Result<Vec<(Pattern, Spans)>, EngineError> {
        let mut entries = Vec::new();
        for pair in self.store.scan(RecordKind::DenyEntry, b"") {
            let (text, bytes) = pair?;
            entries.push((parse(&String::from_utf8_lossy(&text))?, decode(&bytes)?));
        }
        Ok(entries)
    }

    fn spans(&self, pattern: &Pattern) -> Result<Spans, EngineError> {
        let found = self.store.get(RecordKind::DenyEntry, pattern.as_str().as_bytes())?;
        found.map_or_else(|| Ok(Spans::new()), |bytes| decode(&bytes))
    }

    fn put_spans(&self, pattern: &Pattern, spans: &Spans) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        batch.put(RecordKind::DenyEntry, pattern.as_str(), codec::encode(spans));
        batch.put(RecordKind::DenyEdits, b"", codec::encode(&(self.deny_edits()? + 1)));
        Ok(self.store.write(batch, Durability::Synced)?)
    }
}

fn covers(spans: &Spans, opening: Opening) -> bool {
    let before = |moment: &Moment| match opening {
        // The release at place n is opened by an entry that saw at most n releases.
        Opening::Release(place) => moment.releases <= place,
        Opening::Join(edits) => moment.edits < edits,
    };
    spans.iter().any(|(from, until)| before(from) && !until.as_ref().is_some_and(before))
}

fn parse(text: &str) -> Result<Pattern, EngineError> {
    Pattern::new(text).map_err(|error| {
        EngineError::usage(error)
            .help("give a word, a phrase, or a pattern such as `*.acme.internal`")
    })
}

fn decode<T: codec::Wire>(bytes: &[u8]) -> Result<T, EngineError> {
    codec::decode(bytes).map_err(|error| {
        EngineError::failed("deny_list", format!("the deny-list cannot be read: {error}"))
            .help("nothing is released until it can: see `lore store check`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_counts_for_windows_that_open_while_it_is_listed_whatever_the_clock_says() {
        let at = |releases, edits| Moment { seconds: 7, releases, edits };
        let spans = vec![(at(1, 0), Some(at(3, 1))), (at(5, 2), None)];
        for (place, counts) in [(0, false), (1, true), (2, true), (3, false), (4, false), (9, true)]
        {
            assert_eq!(covers(&spans, Opening::Release(place)), counts, "{place}");
        }
        for (edits, counts) in [(0, false), (1, true), (2, false), (3, true)] {
            assert_eq!(covers(&spans, Opening::Join(edits)), counts, "{edits}");
        }
    }
}
