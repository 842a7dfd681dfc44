//! Anti-entropy rounds: one at a time for each federation and peer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lore_privacy::NoiseSource;
use lore_protocol::codec;
use lore_protocol::ids::{FederationId, Hash, PublicKey};
use lore_protocol::sync::{Answer, Ask, Done, Round, Step};
use lore_protocol::wire::{Reply, Request};

use crate::{Durability, Effect, Engine, EngineError};

enum Pending {
    Sync { federation: FederationId, peer: PublicKey, round: Round },
    Peers { federation: FederationId, peer: PublicKey },
}

/// Rounds under way, and the numbers of all requests.
#[derive(Default)]
pub(crate) struct Rounds {
    pending: BTreeMap<u64, Pending>,
    busy: BTreeSet<(FederationId, PublicKey)>,
    turn: usize,
    last: Option<Duration>,
    requests: u64,
}

impl Rounds {
    /// The next tick begins a round, whatever the interval.
    pub(crate) const fn hurry(&mut self) {
        self.last = None;
    }

    /// A request will not be answered: its round is over.
    pub(crate) fn forget(&mut self, number: u64) {
        if let Some(Pending::Sync { federation, peer, .. }) = self.pending.remove(&number) {
            self.busy.remove(&(federation, peer));
        }
    }
}

impl<N: NoiseSource> Engine<N> {
    /// Asks a peer; gives the number of the request.
    pub(crate) fn request(&mut self, peer: PublicKey, request: &Request) -> u64 {
        self.rounds.requests += 1;
        let number = self.rounds.requests;
        self.effects.push(Effect::Request { number, peer, bytes: codec::encode(request) });
        number
    }

    pub(crate) fn begin_rounds_with(&mut self, peer: PublicKey) {
        let federations: Vec<FederationId> = self.federations.keys().copied().collect();
        for federation in federations {
            if self.companions(federation).contains(&peer) {
                self.begin_round(federation, peer);
                self.ask_for_peers(federation, peer);
            }
        }
    }

    fn ask_for_peers(&mut self, federation: FederationId, peer: PublicKey) {
        let number = self.request(peer, &Request::Peers { federation });
        self.rounds.pending.insert(number, Pending::Peers { federation, peer });
    }

    /// A round with one connected companion of each federation, taking turns, when it is time. The peer is
    /// also asked where members listen, while that is not known of all.
    pub(crate) fn begin_rounds_in_turn(&mut self) -> Result<(), EngineError> {
        let now = self.clock.monotonic();
        let due = |last: Duration| now.saturating_sub(last) >= self.settings.sync_interval;
        if !self.rounds.last.is_none_or(due) {
            return Ok(());
        }
        self.rounds.last = Some(now);
        self.rounds.turn = self.rounds.turn.wrapping_add(1);
        let federations: Vec<FederationId> = self.federations.keys().copied().collect();
        for federation in federations {
            let companions = self.companions(federation);
            let near = companions.iter().filter(|key| self.connected.contains_key(key));
            let near: Vec<PublicKey> = near.copied().collect();
            if near.is_empty() {
                continue;
            }
            let peer = near[self.rounds.turn % near.len()];
            self.begin_round(federation, peer);
            for other in companions.iter().filter(|key| !self.connected.contains_key(key)) {
                if self.addresses_of(other)?.is_empty() {
                    // A member that joined after the connection with this peer began.
                    self.ask_for_peers(federation, peer);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Begins a round unless one with this peer is under way.
    pub fn begin_round(&mut self, federation: FederationId, peer: PublicKey) {
        if self.rounds.busy.contains(&(federation, peer)) {
            return;
        }
        let Some(found) = self.federations.get(&federation) else { return };
        let (round, ask) = Round::begin(found.log(), self.salt());
        self.ask(federation, peer, round, ask);
    }

    /// A salt that nobody foresees: from this node's secret, the time, and the number of the request.
    pub(crate) fn salt(&self) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.local_key("commonlore sync salt v1"));
        hasher.update(&self.now_seconds().to_le_bytes());
        hasher.update(&self.clock.monotonic().as_nanos().to_le_bytes());
        hasher.update(&self.rounds.requests.to_le_bytes());
        Hash(*hasher.finalize().as_bytes())
    }

    fn ask(&mut self, federation: FederationId, peer: PublicKey, round: Round, ask: Ask) {
        self.rounds.busy.insert((federation, peer));
        let number = self.request(peer, &Request::Sync { federation, ask });
        self.rounds.pending.insert(number, Pending::Sync { federation, peer, round });
    }

    /// Takes an answer; false when it is to no request of a round.
    pub(crate) fn on_round_reply(
        &mut self,
        number: u64,
        from: PublicKey,
        reply: &Reply,
    ) -> Result<bool, EngineError> {
        let asked = match self.rounds.pending.get(&number) {
            Some(Pending::Sync { peer, .. } | Pending::Peers { peer, .. }) => *peer,
            None => return Ok(false),
        };
        if asked != from {
            tracing::warn!(peer = %from.short(), "a peer answered what another was asked");
            return Ok(true);
        }
        let Some(pending) = self.rounds.pending.remove(&number) else { return Ok(false) };
        if let Pending::Sync { federation, peer, .. } = &pending {
            self.rounds.busy.remove(&(*federation, *peer));
        }
        match (pending, reply) {
            (Pending::Sync { federation, peer, round }, Reply::Sync(answer)) => {
                self.called_gone.get_mut(&federation).map(|said| said.remove(&peer));
                self.on_answer(federation, peer, round, answer.as_ref().clone())?;
            }
            (Pending::Peers { federation, .. }, Reply::Peers(peers)) => {
                let companions = self.companions(federation);
                for (key, addresses) in peers {
                    if companions.contains(key) && self.addresses_of(key)?.is_empty() {
                        self.remember(*key, addresses)?;
                    }
                }
            }
            (
                Pending::Sync { federation, .. } | Pending::Peers { federation, .. },
                Reply::Refused(why),
            ) => {
                self.on_refusal(federation, from, why);
                let why: String = why.chars().take(MAX_SHOWN).collect();
                tracing::debug!(peer = %from.short(), ?why, "refused by a peer");
            }
            (_, _) => tracing::warn!(peer = %from.short(), "a peer answered another question"),
        }
        Ok(true)
    }

    fn on_answer(
        &mut self,
        federation: FederationId,
        peer: PublicKey,
        mut round: Round,
        answer: Answer,
    ) -> Result<(), EngineError> {
        let (batch, step) =
            self.through_door(federation, Durability::Buffered, |door| round.handle(door, answer))?;
        for (id, fault) in &batch.refused {
            tracing::info!(delta = %id.short(), %fault, "a synced delta was refused");
            self.heard.refused += 1;
        }
        if !batch.accepted.is_empty() {
            self.settle()?;
        }
        match step {
            Step::Ask(ask) => self.ask(federation, peer, round, ask),
            Step::Done(Done::Misbehaved(why)) => {
                tracing::warn!(peer = %peer.short(), why, "a peer sent a broken delta");
                self.heard.malformed += 1;
            }
            Step::Done(Done::InSync | Done::NothingNew) => {
                self.heard.rounds += 1;
                self.caught_up(federation, peer)?;
                self.settle()?;
            }
        }
        Ok(())
    }
}

/// Most characters of a peer's words in the log.
const MAX_SHOWN: usize = 200;
