//! A libp2p peer that says whatever a test wants.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lore_node::network::{
    Direction, FrameTap, Network, NetworkConfig, NetworkEvent, NetworkHandle, PeerAddress,
    RequestFailure,
};
use lore_protocol::codec;
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{FederationId, PublicKey};
use lore_protocol::spread::{Envelope, Frame, Tag};
use lore_protocol::wire::{Reply, Request};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::node::Node;
use crate::wait::{PATIENCE, wait_until};

/// Answer of a peer.
pub enum Served {
    /// This, and it goes on answering.
    Reply(Vec<u8>),
    /// This, and then it says no more.
    Last(Vec<u8>),
}

/// A peer with a key of its own and no rules.
pub struct Peer {
    runtime: Runtime,
    handle: NetworkHandle,
    events: mpsc::Receiver<NetworkEvent>,
    key: SecretKey,
    to: PublicKey,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Frames of the fast path that the node sent.
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    /// The node has said that this peer is its neighbour.
    entered: AtomicBool,
}

/// Events that wait for a test.
const EVENTS: usize = 1_024;

/// Passes events on but those of the fast path, which a test need not take for others to come.
async fn sort(
    from: PublicKey,
    mut events: mpsc::Receiver<NetworkEvent>,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    others: mpsc::Sender<NetworkEvent>,
) {
    while let Some(event) = events.recv().await {
        match event {
            NetworkEvent::Heard { peer, bytes } if peer == from => {
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
            }
            NetworkEvent::Heard { .. } | NetworkEvent::Stream { .. } => {}
            other if others.send(other).await.is_err() => return,
            _ => {}
        }
    }
}

impl Peer {
    /// Connects to a node.
    ///
    /// # Panics
    /// Panics when that fails.
    #[must_use]
    pub fn connect(key: SecretKey, node: &Node) -> Self {
        let peers = node.json(&["peers"]);
        let address: PeerAddress = peers["listening"][0]
            .as_str()
            .expect("the node listens")
            .parse()
            .expect("what it prints is an address");
        let to = address.key();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let received = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&received);
        let tap: FrameTap = Arc::new(move |direction, frame: &[u8]| {
            if direction == Direction::In {
                record.lock().unwrap_or_else(PoisonError::into_inner).push(frame.to_vec());
            }
        });
        let (handle, events) = runtime.block_on(async {
            let config = NetworkConfig {
                frame_tap: Some(tap),
                listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
                ..NetworkConfig::new(&key)
            };
            let started = Network::start(config).await.expect("the network starts");
            started.0.dial(address).await.expect("it dials");
            started
        });
        let heard = Arc::default();
        let (others, sorted) = mpsc::channel(EVENTS);
        runtime.spawn(sort(to, events, Arc::clone(&heard), others));
        let entered = AtomicBool::new(false);
        let mut peer = Self { runtime, handle, events: sorted, key, to, received, heard, entered };
        let connected = |event| matches!(event, NetworkEvent::Connected { .. }).then_some(());
        peer.until("connected", connected);
        peer
    }

    /// This peer's key.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// Every frame that came so far: pushes, requests and replies.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Frames of the fast path that the node sent in a federation so far.
    #[must_use]
    pub fn heard(&self, federation: FederationId) -> Vec<Frame> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let envelopes = heard.iter().filter_map(|bytes| Envelope::split(bytes));
        let ours = envelopes.filter(|envelope| envelope.tag == Tag::from(federation));
        ours.filter_map(|envelope| envelope.frame().ok()).collect()
    }

    /// Becomes the node's neighbour in a federation's tree.
    ///
    /// # Panics
    /// Panics when the node does not let it.
    pub fn enter(&self, federation: FederationId) {
        if self.entered.swap(true, Ordering::Relaxed) {
            return;
        }
        wait_until("the node is a neighbour", PATIENCE, || {
            self.send(&Frame::Enter.to_bytes(federation));
            self.heard(federation).contains(&Frame::Welcome).then_some(())
        });
    }

    /// Sends bytes on the fast path, whatever they hold.
    ///
    /// # Panics
    /// Panics when the network has stopped, or they are too many.
    pub fn send(&self, bytes: &[u8]) {
        let sent = self.handle.send(self.to, bytes.to_vec());
        self.runtime.block_on(sent).expect("it is sent");
    }

    fn until<T>(&mut self, what: &str, mut fits: impl FnMut(NetworkEvent) -> Option<T>) -> T {
        let Self { runtime, events, .. } = self;
        let found = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, async {
                loop {
                    let event = events.recv().await.expect("the network runs");
                    if let Some(found) = fits(event) {
                        return found;
                    }
                }
            })
            .await
        });
        found.unwrap_or_else(|_| panic!("waited in vain: {what}"))
    }

    /// Sends bytes as a request.
    ///
    /// # Errors
    /// Fails when the node gives no reply.
    ///
    /// # Panics
    /// Panics when nothing at all comes of it.
    pub fn ask_bytes(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, RequestFailure> {
        let sent = self.runtime.block_on(self.handle.request(self.to, bytes)).expect("it is sent");
        self.until("an answer", |event| match event {
            NetworkEvent::Response { request, bytes, .. } if request == sent => Some(Ok(bytes)),
            NetworkEvent::RequestFailed { request, why, .. } if request == sent => Some(Err(why)),
            _ => None,
        })
    }

    /// [`Peer::ask_bytes`] under the protocol of devices of one person.
    ///
    /// # Errors
    /// Fails when the node gives no reply.
    ///
    /// # Panics
    /// Panics when nothing at all comes of it.
    pub fn ask_device(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, RequestFailure> {
        let asking = self.handle.request_device(self.to, bytes);
        let sent = self.runtime.block_on(asking).expect("it is sent");
        self.until("an answer", |event| match event {
            NetworkEvent::Response { request, bytes, .. } if request == sent => Some(Ok(bytes)),
            NetworkEvent::RequestFailed { request, why, .. } if request == sent => Some(Err(why)),
            _ => None,
        })
    }

    /// Asks, and gives the reply.
    ///
    /// # Panics
    /// Panics when there is none.
    pub fn ask(&mut self, request: &Request) -> Reply {
        let bytes = self.ask_bytes(codec::encode(request)).expect("a reply");
        codec::decode(&bytes).expect("the reply decodes")
    }

    /// Answers what nodes ask, with bytes of the test's choice, until `answer` gives the last one.
    ///
    /// # Panics
    /// Panics when nobody asks, or what is asked does not decode.
    pub fn serve(&mut self, what: &str, mut answer: impl FnMut(&Request) -> Served) {
        loop {
            let (from, bytes, token) = self.until(what, |event| match event {
                NetworkEvent::Request { peer, bytes, reply } => Some((peer, bytes, reply)),
                _ => None,
            });
            if from != self.to {
                // Another member that has learned where this peer listens.
                let refusal = codec::encode(&Reply::Refused("a test serves one node".into()));
                self.runtime.block_on(self.handle.reply(token, refusal)).expect("it is sent");
                continue;
            }
            let request = codec::decode(&bytes).expect("a node's request decodes");
            let (reply, last) = match answer(&request) {
                Served::Reply(bytes) => (bytes, false),
                Served::Last(bytes) => (bytes, true),
            };
            self.runtime.block_on(self.handle.reply(token, reply)).expect("it is sent");
            if last {
                return;
            }
        }
    }

    /// Sends bytes in a federation's tree, once this peer is the node's neighbour there.
    pub fn gossip(&self, federation: FederationId, bytes: &[u8]) {
        self.enter(federation);
        self.send(&[&Tag::from(federation).0[..], bytes].concat());
    }
}
