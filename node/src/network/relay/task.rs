//! The loop of a relay.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{PeerId, Swarm, kad, relay};
use tokio::time::MissedTickBehavior;

use super::behaviour::{Behaviour, BehaviourEvent};
use super::records::{Records, source_of};
use super::{RelayCounters, limits};
use crate::network::crowd::Source;
use crate::network::peer::public_key_of;

/// Time that a connection without a place may stay.
pub(super) const VISIT: Duration = Duration::from_secs(limits::VISIT_SECONDS);
/// Interval at which connections and records are looked at.
const SWEEP: Duration = Duration::from_secs(10);

pub(super) struct Task {
    swarm: Swarm<Behaviour>,
    sources: BTreeMap<ConnectionId, Option<Source>>,
    places: BTreeSet<PeerId>,
    records: Records,
    counters: RelayCounters,
}

impl Task {
    pub(super) fn new(swarm: Swarm<Behaviour>) -> Self {
        Self {
            swarm,
            sources: BTreeMap::new(),
            places: BTreeSet::new(),
            records: Records::default(),
            counters: RelayCounters::default(),
        }
    }

    pub(super) async fn run(
        mut self,
        stop: impl Future<Output = ()>,
        mut tell: impl FnMut(RelayCounters),
    ) {
        let mut stop = pin!(stop);
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = self.counters;
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = sweep.tick() => {
                    self.sweep();
                    self.counters.places = self.places.len();
                    if told != self.counters {
                        told = self.counters;
                        tell(told);
                    }
                }
                event = self.swarm.select_next_some() => self.on_swarm(event),
            }
        }
    }

    fn sweep(&mut self) {
        let now = Instant::now();
        let places = &self.places;
        let behaviour = self.swarm.behaviour_mut();
        self.records.sweep(&mut behaviour.kad, now);
        for connection in behaviour.crowd.overdue(now, VISIT, |peer| places.contains(peer)) {
            self.swarm.close_connection(connection);
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                if public_key_of(&peer_id).is_none() {
                    // Nodes have ed25519 keys.
                    self.swarm.close_connection(connection_id);
                }
                let source = source_of(endpoint.get_remote_address());
                self.sources.insert(connection_id, source);
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                self.sources.remove(&connection_id);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Relay(event)) => self.on_relay(event),
            SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::InboundRequest {
                request: kad::InboundRequest::PutRecord { source, connection, record: Some(record) },
            })) => {
                let from = self.sources.get(&connection).copied().flatten();
                let kad = &mut self.swarm.behaviour_mut().kad;
                if self.records.take(kad, record, source, from) {
                    self.counters.records += 1;
                }
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "listener"),
            _ => {}
        }
    }

    fn on_relay(&mut self, event: relay::Event) {
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, .. } => {
                self.places.insert(src_peer_id);
            }
            relay::Event::ReservationClosed { src_peer_id }
            | relay::Event::ReservationTimedOut { src_peer_id } => {
                self.places.remove(&src_peer_id);
            }
            relay::Event::CircuitReqAccepted { .. } => self.counters.circuits += 1,
            relay::Event::CircuitReqDenied { .. } => self.counters.refused += 1,
            _ => {}
        }
    }
}
