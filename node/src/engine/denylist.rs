//! The owner's deny-list: kept in the store, never sent, and fixed before a window opens.

use lore_privacy::{DenyList, Pattern};
use lore_protocol::codec;
use lore_protocol::ids::FederationId;
use lore_protocol::payload::PayloadKind;
use serde_json::{Value, json};

use super::{Engine, now_seconds};
use crate::error::CliError;
use crate::store::{Durability, Table};

const PREFIX: &[u8] = b"deny/";

/// When an entry was on the list: from, until.
type Spans = Vec<(u64, Option<u64>)>;

impl Engine {
    /// Puts a pattern on the list, for windows that open from now on.
    pub(super) fn deny_add(&self, text: &str) -> Result<Value, CliError> {
        let pattern = parse(text)?;
        let mut spans = self.spans(&pattern)?;
        if spans.last().is_none_or(|(_, until)| until.is_some()) {
            // A clock that was set back must not make an entry older than it is.
            let now = now_seconds().max(self.ledger.latest_seconds());
            spans.push((now, None));
            self.put_spans(&pattern, &spans)?;
        }
        self.deny_list_shown()
    }

    /// Takes a pattern off the list, for windows that open from now on.
    pub(super) fn deny_remove(&self, text: &str) -> Result<Value, CliError> {
        let pattern = parse(text)?;
        let mut spans = self.spans(&pattern)?;
        match spans.last_mut() {
            Some((_, until @ None)) => {
                *until = Some(now_seconds().max(self.ledger.latest_seconds()));
                self.put_spans(&pattern, &spans)?;
                self.deny_list_shown()
            }
            _ => Err(CliError::usage(format!("`{}` is not on the deny-list", pattern.as_str()))
                .help("see `lore privacy deny-list list`")),
        }
    }

    /// The entries, and for which windows they count.
    pub(super) fn deny_list_shown(&self) -> Result<Value, CliError> {
        let opened: Vec<u64> =
            self.federations.keys().map(|id| self.deny_list_fixed_at(*id)).collect();
        let mut entries = Vec::new();
        for (pattern, spans) in self.deny_entries()? {
            let last = spans.last().copied();
            let listed = last.is_some_and(|(_, until)| until.is_none());
            let in_force = opened.iter().all(|at| covers(&spans, *at));
            let anywhere = opened.iter().any(|at| covers(&spans, *at));
            let counts = match (listed, in_force, anywhere) {
                (true, true, _) => "for the open window and later ones",
                (true, false, _) => {
                    "from the next window on: the open one began before it was added"
                }
                (false, _, true) => "until the open window closes: it was removed within it",
                (false, _, false) => continue,
            };
            entries.push(json!({
                "pattern": pattern.as_str(),
                "added_seconds": last.map(|(from, _)| from),
                "removed_seconds": last.and_then(|(_, until)| until),
                "in_force": in_force,
                "counts": counts,
            }));
        }
        Ok(json!({ "entries": entries }))
    }

    /// Entries that wait for the next window.
    pub(super) fn deny_list_waiting(&self) -> Result<usize, CliError> {
        let shown = self.deny_list_shown()?;
        let entries = shown["entries"].as_array().into_iter().flatten();
        Ok(entries.filter(|entry| entry["in_force"] == false).count())
    }

    /// The list for a federation's next lesson release, as it stood when its window opened.
    pub(super) fn deny_list(&self, federation: FederationId) -> Result<DenyList, CliError> {
        let at = self.deny_list_fixed_at(federation);
        let entries = self.deny_entries()?.into_iter();
        let patterns = entries.filter(|(_, spans)| covers(spans, at)).map(|(pattern, _)| pattern);
        Ok(DenyList::new(patterns.collect()))
    }

    /// When the open window opened: at the last lesson release, before the first one when this node came
    /// to the federation. Depends on no session.
    fn deny_list_fixed_at(&self, federation: FederationId) -> u64 {
        let before = self.last_window_end(federation, PayloadKind::Lessons);
        before.unwrap_or_else(|| self.joined_seconds(federation))
    }

    fn deny_entries(&self) -> Result<Vec<(Pattern, Spans)>, CliError> {
        let mut entries = Vec::new();
        for pair in self.store.scan(Table::Settings, PREFIX) {
            let (key, bytes) = pair?;
            let text = String::from_utf8_lossy(&key[PREFIX.len()..]).into_owned();
            entries.push((parse(&text)?, decode(&bytes)?));
        }
        Ok(entries)
    }

    fn spans(&self, pattern: &Pattern) -> Result<Spans, CliError> {
        let found = self.store.get(Table::Settings, &key(pattern))?;
        found.map_or_else(|| Ok(Spans::new()), |bytes| decode(&bytes))
    }

    fn put_spans(&self, pattern: &Pattern, spans: &Spans) -> Result<(), CliError> {
        let bytes = codec::encode(spans);
        Ok(self.store.put(Table::Settings, &key(pattern), &bytes, Durability::Synced)?)
    }
}

fn covers(spans: &Spans, at: u64) -> bool {
    spans.iter().any(|(from, until)| *from <= at && until.is_none_or(|until| at < until))
}

fn key(pattern: &Pattern) -> Vec<u8> {
    [PREFIX, pattern.as_str().as_bytes()].concat()
}

fn parse(text: &str) -> Result<Pattern, CliError> {
    Pattern::new(text).map_err(|error| {
        CliError::usage(error).help("give a word, a phrase, or a pattern such as `*.acme.internal`")
    })
}

fn decode(bytes: &[u8]) -> Result<Spans, CliError> {
    codec::decode(bytes).map_err(|error| {
        CliError::failed("deny_list", format!("the deny-list cannot be read: {error}"))
            .help("nothing is released until it can: see `lore store check`")
    })
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn an_entry_counts_for_windows_that_open_while_it_is_listed() {
        let spans = vec![(10, Some(20)), (30, None)];
        for (at, counts) in
            [(9, false), (10, true), (19, true), (20, false), (29, false), (99, true)]
        {
            assert_eq!(covers(&spans, at), counts, "{at}");
        }
    }
}
