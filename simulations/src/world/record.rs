//! The simulator's own books, which no node can read: what was signed, who holds it, since when.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::delta::Delta;
use lore_protocol::ids::{DeltaId, MemberId};
use lore_protocol::log::Log;

use crate::engine::Micros;

struct Published {
    author: usize,
    at: Micros,
}

/// See the module's documentation.
pub(super) struct Record {
    signed: BTreeMap<DeltaId, blake3::Hash>,
    published: BTreeMap<DeltaId, Published>,
    first_held: Vec<BTreeMap<DeltaId, Micros>>,
    gone_with_disk: BTreeSet<DeltaId>,
    violations: BTreeSet<String>,
}

impl Record {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            signed: BTreeMap::new(),
            published: BTreeMap::new(),
            first_held: vec![BTreeMap::new(); nodes],
            gone_with_disk: BTreeSet::new(),
            violations: BTreeSet::new(),
        }
    }

    /// An honest node signed this.
    pub(super) fn signed(&mut self, bytes: &[u8]) -> Option<DeltaId> {
        let id = Delta::parse(bytes).ok()?.id;
        self.signed.insert(id, blake3::hash(bytes));
        Some(id)
    }

    /// A member published content.
    pub(super) fn published(&mut self, id: DeltaId, author: usize, at: Micros) {
        self.published.insert(id, Published { author, at });
    }

    /// A log accepted `id`. It must be, byte for byte, what an honest node signed: a forgery has another
    /// id, and one with a damaged signature has other bytes.
    pub(super) fn accepted(
        &mut self,
        node: usize,
        id: DeltaId,
        delta: Option<&Delta>,
        now: Micros,
    ) {
        let held = delta.map(|delta| blake3::hash(&delta.to_bytes()));
        if held.is_none() || held != self.signed.get(&id).copied() {
            self.violated(format!("node {node} accepted {} that nobody honest signed", id.short()));
        }
        if let Some(first) = self.first_held.get_mut(node) {
            first.entry(id).or_insert(now);
        }
    }

    pub(super) fn violated(&mut self, what: String) {
        self.violations.insert(what);
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.violations.iter().cloned().collect()
    }

    pub(super) fn published_count(&self) -> usize {
        self.published.len()
    }

    /// A disk is about to be lost: what it alone holds is gone, and no protocol brings it back.
    pub(super) fn disk_lost<'a>(
        &mut self,
        own: &Log,
        others: impl Iterator<Item = &'a Log> + Clone,
    ) {
        let only_here = |id: &&DeltaId| {
            own.get(id).is_some() && !others.clone().any(|log| log.get(id).is_some())
        };
        let gone: Vec<DeltaId> = self.published.keys().filter(only_here).copied().collect();
        self.gone_with_disk.extend(gone);
    }

    /// Publications that were on a lost disk and nowhere else.
    pub(super) fn gone_with_disk(&self) -> usize {
        self.gone_with_disk.len()
    }

    /// After agreement, every member holds what every member published. Excused are authors whose own
    /// chain forked, and what was on a lost disk alone.
    pub(super) fn check_nothing_lost(&mut self, logs: &[(usize, MemberId, &Log)]) {
        let whole = |(id, published): &(&DeltaId, &Published)| {
            let author = logs.iter().find(|(node, _, _)| *node == published.author);
            author.is_some_and(|(_, member, log)| !log.forks().contains_key(member))
                && !self.gone_with_disk.contains(id)
        };
        let mut lost = Vec::new();
        for (id, published) in self.published.iter().filter(whole) {
            let lacking = logs.iter().filter(|(_, _, log)| log.get(id).is_none()).count();
            if lacking > 0 {
                let id = id.short();
                lost.push(format!(
                    "{lacking} members lack {id}, published by node {}",
                    published.author
                ));
            }
        }
        lost.into_iter().for_each(|what| self.violated(what));
    }

    /// Sorted times from publication to arrival, over all (content delta, other member) pairs served.
    pub(super) fn delays(&self, members: &[usize]) -> Vec<Micros> {
        let mut delays = Vec::new();
        for (id, published) in &self.published {
            let others = members.iter().filter(|member| **member != published.author);
            let arrivals = others.filter_map(|member| self.first_held.get(*member)?.get(id));
            delays.extend(arrivals.map(|at| at.saturating_sub(published.at)));
        }
        delays.sort_unstable();
        delays
    }
}
