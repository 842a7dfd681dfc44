//! Frames of the fast path: one long-lived stream to every peer, on one of its connections.
//!
//! Each side opens a stream for what it sends ([`SPREAD_PROTOCOL`]) and reads from the other's. A frame is a
//! two-byte big-endian length and that many bytes. What waits for a peer is bounded ([`Lane`]); of a peer that
//! reads slowly the connection alone suffers. The frames themselves are [`lore_protocol::spread`]'s.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use lore_protocol::spread::is_announcement;

use super::spread_stream::{Handler, Told};

/// The name under which streams of the fast path are negotiated.
pub const SPREAD_PROTOCOL: StreamProtocol = StreamProtocol::new("/commonlore/1/spread");

/// Most frames that wait for a peer.
const WAITING_FRAMES: usize = 512;
/// Most bytes that wait for a peer.
const WAITING_BYTES: usize = 1 << 20;

/// Event for the task.
#[derive(Debug)]
pub(super) enum Event {
    /// Frames can be sent to a peer, or cannot any more.
    Stream { peer: PeerId, open: bool },
    /// A frame came.
    Heard { peer: PeerId, bytes: Vec<u8> },
}

/// Frames that wait on one connection, between the behaviour and the connection's own task.
#[derive(Debug, Default)]
pub(super) struct Lane {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Frames are sent on this connection of the peer.
    active: bool,
    waker: Option<Waker>,
}

/// A [`Lane`] as both sides hold it.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedLane(Arc<Mutex<Lane>>);

impl SharedLane {
    pub(super) fn lock(&self) -> MutexGuard<'_, Lane> {
        // A lane is changed in steps that leave it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    /// Lets a frame wait. Where there is no room the oldest announcement makes it, since another peer announces
    /// the same; else the frame is lost.
    fn push(&mut self, frame: Vec<u8>) {
        while self.frames.len() >= WAITING_FRAMES || self.bytes + frame.len() > WAITING_BYTES {
            let oldest = self.frames.iter().position(|waiting| is_announcement(waiting));
            let Some(lost) = oldest.and_then(|at| self.frames.remove(at)) else { return };
            self.bytes -= lost.len();
        }
        self.bytes += frame.len();
        self.frames.push_back(frame);
        self.wake();
    }

    fn set_active(&mut self) {
        self.active = true;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) const fn is_active(&self) -> bool {
        self.active
    }

    /// Takes all that waits. Where that is nothing, the waker is woken when something does.
    pub(super) fn take(&mut self, context: &Context<'_>) -> VecDeque<Vec<u8>> {
        self.waker = Some(context.waker().clone());
        self.bytes = 0;
        std::mem::take(&mut self.frames)
    }

    /// What waited is lost with the stream.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }
}

/// Connections of one peer.
#[derive(Debug, Default)]
struct Lanes {
    by_connection: BTreeMap<ConnectionId, SharedLane>,
    /// The one that is used.
    used: Option<ConnectionId>,
    open: bool,
}

/// The streams of all peers.
#[derive(Debug, Default)]
pub(super) struct Streams {
    peers: BTreeMap<PeerId, Lanes>,
    /// Bounded: the swarm empties it before it lets a connection bring more.
    events: VecDeque<Event>,
}

impl Streams {
    /// Sends a frame on the peer's stream; without one it is lost.
    pub(super) fn send(&self, peer: &PeerId, frame: Vec<u8>) {
        let lanes = self.peers.get(peer).filter(|lanes| lanes.open);
        let used = lanes.and_then(|lanes| lanes.by_connection.get(&lanes.used?));
        if let Some(lane) = used {
            lane.lock().push(frame);
        }
    }

    fn handler(&mut self, peer: PeerId, connection: ConnectionId) -> Handler {
        let lane = SharedLane::default();
        let lanes = self.peers.entry(peer).or_default();
        if lanes.used.is_none() {
            lanes.used = Some(connection);
            lane.lock().set_active();
        }
        lanes.by_connection.insert(connection, lane.clone());
        Handler::new(lane)
    }

    fn closed(&mut self, peer: PeerId, connection: ConnectionId) {
        let Some(lanes) = self.peers.get_mut(&peer) else { return };
        lanes.by_connection.remove(&connection);
        if lanes.used == Some(connection) {
            if std::mem::take(&mut lanes.open) {
                self.events.push_back(Event::Stream { peer, open: false });
            }
            let next = lanes.by_connection.first_key_value();
            lanes.used = next.map(|(connection, lane)| {
                lane.lock().set_active();
                *connection
            });
        }
        if lanes.by_connection.is_empty() {
            self.peers.remove(&peer);
        }
    }
}

impl NetworkBehaviour for Streams {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, connection))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, connection))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                self.closed(peer_id, connection_id);
            }
            // Refused by another behaviour after this one had made its handler.
            FromSwarm::DialFailure(failure) => {
                if let Some(peer) = failure.peer_id {
                    self.closed(peer, failure.connection_id);
                }
            }
            FromSwarm::ListenFailure(failure) => {
                if let Some(peer) = failure.peer_id {
                    self.closed(peer, failure.connection_id);
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        told: THandlerOutEvent<Self>,
    ) {
        let open = match told {
            Told::Heard(bytes) => return self.events.push_back(Event::Heard { peer, bytes }),
            Told::Opened => true,
            Told::Lost => false,
        };
        let lanes = self.peers.get_mut(&peer).filter(|lanes| lanes.used == Some(connection));
        if let Some(lanes) = lanes.filter(|lanes| lanes.open != open) {
            lanes.open = open;
            self.events.push_back(Event::Stream { peer, open });
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        self.events
            .pop_front()
            .map_or(Poll::Pending, |event| Poll::Ready(ToSwarm::GenerateEvent(event)))
    }
}

#[cfg(test)]
mod tests {
    use lore_protocol::ids::FederationId;
    use lore_protocol::spread::{Frame, ShortId};

    use super::*;

    #[test]
    fn a_lane_is_bounded_and_the_oldest_announcement_is_lost_first() {
        let have = |n: u8| Frame::Have(vec![ShortId([n; 8])]).to_bytes(FederationId([1; 32]));
        let push = Frame::Prune.to_bytes(FederationId([1; 32]));
        let mut lane = Lane::default();
        lane.push(push.clone());
        lane.push(have(1));
        lane.push(have(2));
        while lane.frames.len() < WAITING_FRAMES {
            lane.push(push.clone());
        }
        lane.push(push.clone());
        assert_eq!(lane.frames.len(), WAITING_FRAMES);
        assert!(!lane.frames.contains(&have(1)) && lane.frames.contains(&have(2)));
        lane.push(push.clone());
        // There is no announcement left: what is new is lost.
        lane.push(have(3));
        assert_eq!(lane.frames.len(), WAITING_FRAMES);
        assert!(lane.frames.iter().all(|frame| *frame == push));
        assert_eq!(lane.bytes, lane.frames.iter().map(Vec::len).sum::<usize>());
        let mut large = Lane::default();
        for _ in 0..1_000 {
            large.push(vec![0; 16 << 10]);
        }
        assert!(large.bytes <= WAITING_BYTES);
    }
}
