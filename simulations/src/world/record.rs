//! The simulator's own books, which no node can read: what was signed, who holds it, since when.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::delta::Delta;
use lore_protocol::ids::{DeltaId, MemberId};
use lore_protocol::log::Log;
use lore_protocol::payload::PayloadKind;

use super::outcome::Deliveries;
use crate::queue::Micros;

struct Published {
    author: usize,
    at: Micros,
    payload_bytes: u64,
}

/// One release at most: who makes it, of which kind, in which epoch.
type Slot = (usize, PayloadKind, u32);

/// See the module's documentation.
pub(super) struct Record {
    signed: BTreeMap<DeltaId, blake3::Hash>,
    published: BTreeMap<DeltaId, Published>,
    released: BTreeMap<Slot, DeltaId>,
    voided: BTreeSet<DeltaId>,
    first_held: Vec<BTreeMap<DeltaId, Micros>>,
    gone_with_disk: BTreeSet<DeltaId>,
    violations: BTreeSet<String>,
}

impl Record {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            signed: BTreeMap::new(),
            published: BTreeMap::new(),
            released: BTreeMap::new(),
            voided: BTreeSet::new(),
            first_held: vec![BTreeMap::new(); nodes],
            gone_with_disk: BTreeSet::new(),
            violations: BTreeSet::new(),
        }
    }

    /// An honest node signed this. What is content is published, and a second release of one kind and
    /// epoch was drawn from the same sessions, unless the first went with a disk.
    pub(super) fn signed(&mut self, bytes: &[u8], node: usize, now: Micros) {
        let Ok(sound) = Delta::parse(bytes) else {
            self.violated(format!("node {node} signed bytes that do not decode"));
            return;
        };
        let id = sound.id;
        self.signed.insert(id, blake3::hash(bytes));
        let kind = sound.header().payload_kind;
        if kind == PayloadKind::Void {
            self.voided.insert(id);
        }
        if kind.is_control() {
            return;
        }
        let payload_bytes = u64::from(sound.header().payload_len);
        self.published.entry(id).or_insert(Published { author: node, at: now, payload_bytes });
        if sound.payload.mechanism().is_some() {
            let slot = (node, kind, sound.header().epoch);
            let first = *self.released.entry(slot).or_insert(id);
            if first != id && !self.gone_with_disk.contains(&first) {
                self.violated(format!("node {node} released {kind:?} twice in epoch {}", slot.2));
            }
        }
    }

    /// A hostile node signed this with its own key, past its ledger: a log may take it in, and need not.
    pub(super) fn signed_by_hostile(&mut self, bytes: &[u8]) {
        if let Ok(sound) = Delta::parse(bytes) {
            self.signed.insert(sound.id, blake3::hash(bytes));
        }
    }

    /// A log accepted `id`. It must be, byte for byte, what an honest node signed: a forgery has another
    /// id, and one with a damaged signature has other bytes.
    pub(super) fn accepted(&mut self, node: usize, id: DeltaId, held: blake3::Hash, now: Micros) {
        if self.signed.get(&id) != Some(&held) {
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

    pub(super) fn released_count(&self) -> usize {
        self.released.len()
    }

    pub(super) fn voided_count(&self) -> usize {
        self.voided.len()
    }

    /// A disk is about to be lost: what it alone holds is gone, and no protocol brings it back.
    pub(super) fn disk_lost(&mut self, own: &Log, others: &[&Log]) {
        let only_here = |id: &&DeltaId| {
            own.get(id).is_some() && !others.iter().any(|log| log.get(id).is_some())
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

    /// What should have reached whom by the end, over all (content delta, other member) pairs.
    pub(super) fn deliveries(&self, members: &[usize]) -> Deliveries {
        let mut found = Deliveries::default();
        for (id, published) in &self.published {
            for member in members.iter().filter(|member| **member != published.author) {
                let held = self.first_held.get(*member).is_some_and(|held| held.contains_key(id));
                found.pairs += 1;
                found.missed += u64::from(!held);
                found.payload_bytes += published.payload_bytes;
            }
        }
        found
    }

    /// Authors of what was published.
    pub(super) fn authors(&self) -> impl Iterator<Item = usize> + '_ {
        self.published.values().map(|published| published.author)
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
