//! Handle that the rest of the node acts through.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libp2p::{Multiaddr, PeerId};
use lore_protocol::ids::PublicKey;
use tokio::sync::{mpsc, oneshot};

use super::event::{ReplyToken, RequestId};
use super::links::Links;
use super::meter::{Counters, Meter};
use super::peer::{PeerAddress, peer_id_of};
use super::reach::{PeerLink, Reach};
use super::{NetworkError, limits};

/// Which questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    /// Of federations.
    Federations,
    /// Of devices of one person.
    Devices,
}

/// Command to the task.
pub(super) enum Command {
    Send(PeerId, Vec<u8>),
    Want(PeerAddress, oneshot::Sender<Result<(), NetworkError>>),
    Forget(PeerId),
    Keep(Vec<PeerId>),
    Request(Channel, RequestId, PeerId, Vec<u8>),
    Reply(ReplyToken, Vec<u8>),
    Block(PeerId),
    Unblock(PeerId),
}

/// View that can be read without asking the task.
#[derive(Default)]
pub(super) struct View {
    pub(super) addresses: Vec<Multiaddr>,
    pub(super) peers: BTreeSet<PublicKey>,
    pub(super) links: Links,
    pub(super) reach: Reach,
}

pub(super) struct Shared {
    pub(super) view: Mutex<View>,
    pub(super) meter: Meter,
    pub(super) requests_in_flight: AtomicU64,
    pub(super) next_request: AtomicU64,
    pub(super) local: PublicKey,
}

impl Shared {
    pub(super) fn view(&self) -> MutexGuard<'_, View> {
        // A view is replaced in single steps, so a poisoned one is still whole.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cheap, cloneable handle. The network stops when the last one is dropped.
#[derive(Clone)]
pub struct NetworkHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) shared: Arc<Shared>,
}

impl NetworkHandle {
    async fn command(&self, command: Command) -> Result<(), NetworkError> {
        self.commands.send(command).await.map_err(|_| NetworkError::Stopped)
    }

    /// Sends a frame of the fast path, of at most [`limits::SPREAD_BYTES`], to a peer. Where there is no stream to
    /// it, or too much waits for it, the frame is lost.
    ///
    /// # Errors
    /// [`NetworkError::TooLarge`], [`NetworkError::NotAPeer`], [`NetworkError::Stopped`].
    pub async fn send(&self, peer: PublicKey, frame: Vec<u8>) -> Result<(), NetworkError> {
        within("pushed frame", frame.len(), limits::SPREAD_BYTES)?;
        self.command(Command::Send(peer_id_of(&peer)?, frame)).await
    }

    /// Keeps a connection with a peer from now on: dials at once and again, with a growing wait,
    /// whenever the connection is lost, until [`Self::forget`]. May be called again with another
    /// address of the same peer.
    ///
    /// # Errors
    /// [`NetworkError::TooManyPeers`], [`NetworkError::Stopped`].
    pub async fn dial(&self, address: PeerAddress) -> Result<(), NetworkError> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Want(address, answer)).await?;
        answered.await.map_err(|_| NetworkError::Stopped)?
    }

    /// No longer redials a peer. An open connection stays with a member, and a minute with others.
    ///
    /// # Errors
    /// [`NetworkError::NotAPeer`], [`NetworkError::Stopped`].
    pub async fn forget(&self, peer: PublicKey) -> Result<(), NetworkError> {
        self.command(Command::Forget(peer_id_of(&peer)?)).await
    }

    /// Sets the members: their connections are let in whatever strangers do, and kept while they are
    /// idle. A stranger is cut off after a minute. At most [`limits::WANTED_PEERS`] count.
    ///
    /// # Errors
    /// [`NetworkError::Stopped`].
    pub async fn keep(
        &self,
        members: impl IntoIterator<Item = PublicKey>,
    ) -> Result<(), NetworkError> {
        // A key that is none can have no connection.
        let peers = members.into_iter().filter_map(|key| peer_id_of(&key).ok());
        self.command(Command::Keep(peers.take(limits::WANTED_PEERS).collect())).await
    }

    /// Asks a connected peer. Exactly one `Response` or `RequestFailed` event follows, unless the
    /// network is stopped.
    ///
    /// # Errors
    /// [`NetworkError::TooLarge`], [`NetworkError::TooManyRequests`], [`NetworkError::NotAPeer`],
    /// [`NetworkError::Stopped`].
    pub async fn request(
        &self,
        peer: PublicKey,
        request: Vec<u8>,
    ) -> Result<RequestId, NetworkError> {
        within("request", request.len(), limits::REQUEST_BYTES)?;
        self.request_unchecked(Channel::Federations, peer, request).await
    }

    /// [`Self::request`] under [`super::DEVICES_PROTOCOL`].
    ///
    /// # Errors
    /// Those of [`Self::request`].
    pub async fn request_device(
        &self,
        peer: PublicKey,
        request: Vec<u8>,
    ) -> Result<RequestId, NetworkError> {
        within("request", request.len(), limits::REQUEST_BYTES)?;
        self.request_unchecked(Channel::Devices, peer, request).await
    }

    /// [`Self::request`] without the sender's own size check: what a hostile peer does.
    pub(super) async fn request_unchecked(
        &self,
        channel: Channel,
        peer: PublicKey,
        request: Vec<u8>,
    ) -> Result<RequestId, NetworkError> {
        let peer = peer_id_of(&peer)?;
        let limit = limits::REQUESTS_IN_FLIGHT as u64;
        self.shared
            .requests_in_flight
            .try_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < limit).then_some(n + 1))
            .map_err(|_| NetworkError::TooManyRequests(limits::REQUESTS_IN_FLIGHT))?;
        let id = RequestId(self.shared.next_request.fetch_add(1, Ordering::Relaxed));
        let sent = self.command(Command::Request(channel, id, peer, request)).await;
        if sent.is_err() {
            self.shared.requests_in_flight.fetch_sub(1, Ordering::AcqRel);
        }
        sent.map(|()| id)
    }

    /// Answers a request with a frame of at most [`limits::REPLY_BYTES`]. A peer that is gone by
    /// then is not an error here.
    ///
    /// # Errors
    /// [`NetworkError::TooLarge`], [`NetworkError::Stopped`].
    pub async fn reply(&self, token: ReplyToken, reply: Vec<u8>) -> Result<(), NetworkError> {
        within("reply", reply.len(), limits::REPLY_BYTES)?;
        self.command(Command::Reply(token, reply)).await
    }

    /// Closes all connections with a peer, refuses new ones and no longer redials it.
    ///
    /// # Errors
    /// [`NetworkError::NotAPeer`], [`NetworkError::Stopped`].
    pub async fn block(&self, peer: PublicKey) -> Result<(), NetworkError> {
        self.command(Command::Block(peer_id_of(&peer)?)).await
    }

    /// Takes a block back.
    ///
    /// # Errors
    /// [`NetworkError::NotAPeer`], [`NetworkError::Stopped`].
    pub async fn unblock(&self, peer: PublicKey) -> Result<(), NetworkError> {
        self.command(Command::Unblock(peer_id_of(&peer)?)).await
    }

    /// Addresses that this node listens on, each with its key.
    #[must_use]
    pub fn addresses(&self) -> Vec<PeerAddress> {
        let bare = self.shared.view().addresses.clone();
        bare.into_iter()
            .filter_map(|address| PeerAddress::new(address, self.shared.local).ok())
            .collect()
    }

    /// Addresses under which others may reach this node, the best first, each with its key: what an
    /// invitation carries.
    #[must_use]
    pub fn told(&self) -> Vec<PeerAddress> {
        let bare = self.shared.view().reach.told.clone();
        bare.into_iter()
            .filter_map(|address| PeerAddress::new(address, self.shared.local).ok())
            .collect()
    }

    /// How this node can be reached.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.shared.view().reach.clone()
    }

    /// Connected peers, sorted by key, each with the best way to it.
    #[must_use]
    pub fn links(&self) -> Vec<PeerLink> {
        let view = self.shared.view();
        let link = |peer: &PublicKey| {
            let (way, address) = view.links.best(&peer_id_of(peer).ok()?)?;
            Some(PeerLink { peer: *peer, way, address: address.clone() })
        };
        view.peers.iter().filter_map(link).collect()
    }

    /// Peers that are connected, sorted.
    #[must_use]
    pub fn peers(&self) -> Vec<PublicKey> {
        self.shared.view().peers.iter().copied().collect()
    }

    /// Bytes and frames since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.meter.read()
    }
}

fn within(what: &'static str, len: usize, limit: usize) -> Result<(), NetworkError> {
    if len > limit {
        return Err(NetworkError::TooLarge { what, len, limit });
    }
    Ok(())
}
