//! Anti-entropy rounds over the network: one at a time for each federation and peer.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::{FederationId, PublicKey};
use lore_protocol::sync::{Done, Round, Step};
use lore_protocol::wire::{Reply, Request};

use super::Daemon;
use crate::error::CliError;
use crate::network::RequestId;
use crate::store::Durability;

enum Pending {
    Sync { federation: FederationId, peer: PublicKey, round: Round },
    Peers { federation: FederationId },
}

/// Rounds under way.
#[derive(Default)]
pub(super) struct Rounds {
    pending: BTreeMap<RequestId, Pending>,
    busy: BTreeSet<(FederationId, PublicKey)>,
    turn: usize,
}

impl Rounds {
    pub(super) fn forget(&mut self, request: RequestId) {
        if let Some(Pending::Sync { federation, peer, .. }) = self.pending.remove(&request) {
            self.busy.remove(&(federation, peer));
        }
    }
}

impl Daemon {
    pub(super) async fn begin_rounds_with(&mut self, peer: PublicKey) -> Result<(), CliError> {
        let federations: Vec<FederationId> = self.engine.federations().keys().copied().collect();
        for federation in federations {
            if self.engine.companions(federation).contains(&peer) {
                self.begin_round(federation, peer).await?;
                let request = codec::encode(&Request::Peers { federation });
                if let Ok(id) = self.network.request(peer, request).await {
                    self.rounds.pending.insert(id, Pending::Peers { federation });
                }
            }
        }
        Ok(())
    }

    /// A round with one connected companion of each federation, taking turns.
    pub(super) async fn begin_random_rounds(&mut self) -> Result<(), CliError> {
        self.rounds.turn = self.rounds.turn.wrapping_add(1);
        let connected: BTreeSet<PublicKey> = self.network.peers().into_iter().collect();
        let federations: Vec<FederationId> = self.engine.federations().keys().copied().collect();
        for federation in federations {
            let mut near = self.engine.companions(federation);
            near.retain(|key| connected.contains(key));
            if !near.is_empty() {
                let peer = near[self.rounds.turn % near.len()];
                self.begin_round(federation, peer).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn begin_round(
        &mut self,
        federation: FederationId,
        peer: PublicKey,
    ) -> Result<(), CliError> {
        if self.rounds.busy.contains(&(federation, peer)) {
            return Ok(());
        }
        let Some(found) = self.engine.federations().get(&federation) else {
            return Ok(());
        };
        let (round, ask) = Round::begin(&found.log);
        self.ask(federation, peer, round, ask).await
    }

    async fn ask(
        &mut self,
        federation: FederationId,
        peer: PublicKey,
        round: Round,
        ask: lore_protocol::sync::Ask,
    ) -> Result<(), CliError> {
        let request = codec::encode(&Request::Sync { federation, ask });
        match self.network.request(peer, request).await {
            Ok(id) => {
                self.rounds.busy.insert((federation, peer));
                self.rounds.pending.insert(id, Pending::Sync { federation, peer, round });
            }
            Err(error) => {
                self.rounds.busy.remove(&(federation, peer));
                tracing::debug!(peer = %peer.short(), %error, "not asked");
            }
        }
        Ok(())
    }

    pub(super) async fn on_reply(
        &mut self,
        request: RequestId,
        peer: PublicKey,
        reply: Reply,
    ) -> Result<(), CliError> {
        let Some(pending) = self.rounds.pending.remove(&request) else {
            return self.on_join_reply(request, peer, reply).await;
        };
        match (pending, reply) {
            (Pending::Sync { federation, peer, mut round }, Reply::Sync(answer)) => {
                self.rounds.busy.remove(&(federation, peer));
                let Some(found) = self.engine.federation_mut(federation) else {
                    return Ok(());
                };
                let (batch, step) = round.handle(&mut found.log, *answer);
                self.engine.save(federation, &batch.accepted, Durability::Buffered)?;
                for (id, fault) in &batch.refused {
                    tracing::info!(delta = %id.short(), %fault, "a synced delta was refused");
                }
                if !batch.accepted.is_empty() {
                    self.settle()?;
                }
                match step {
                    Step::Ask(ask) => self.ask(federation, peer, round, ask).await?,
                    Step::Done(Done::Misbehaved(why)) => {
                        tracing::warn!(peer = %peer.short(), why, "a peer sent a broken delta");
                    }
                    Step::Done(Done::InSync | Done::NothingNew) => {
                        self.engine.caught_up(federation)?
                    }
                }
            }
            (Pending::Peers { federation }, Reply::Peers(peers)) => {
                let companions = self.engine.companions(federation);
                for (key, addresses) in peers {
                    if companions.contains(&key) && self.engine.addresses_of(&key)?.is_empty() {
                        self.engine.remember(key, addresses)?;
                    }
                }
            }
            (pending, Reply::Refused(why)) => {
                if let Pending::Sync { federation, peer, .. } = pending {
                    self.rounds.busy.remove(&(federation, peer));
                }
                tracing::debug!(peer = %peer.short(), why, "refused by a peer");
            }
            (pending, _) => {
                if let Pending::Sync { federation, peer, .. } = pending {
                    self.rounds.busy.remove(&(federation, peer));
                }
                tracing::warn!(peer = %peer.short(), "a peer answered another question");
            }
        }
        Ok(())
    }
}
