//! The simulator's own books, which no node can read: what was signed, who holds it, since when.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::delta::Delta;
use lore_protocol::ids::DeltaId;
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
    violations: BTreeSet<String>,
}

impl Record {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            signed: BTreeMap::new(),
            published: BTreeMap::new(),
            first_held: vec![BTreeMap::new(); nodes],
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

    /// After agreement, every member holds what every member published; only what a forked chain lost
    /// by its own fork is excused.
    pub(super) fn check_nothing_lost(&mut self, logs: &[(usize, &Log)]) {
        let whole = |author: usize| {
            let own = logs.iter().find(|(node, _)| *node == author);
            own.is_some_and(|(_, log)| log.forks().is_empty())
        };
        let mut lost = Vec::new();
        for (id, published) in self.published.iter().filter(|(_, p)| whole(p.author)) {
            let lacking = logs.iter().filter(|(_, log)| log.get(id).is_none()).count();
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
