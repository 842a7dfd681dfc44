//! Real nodes in one process, on loopback, over TCP and over QUIC. Every wait is for a condition.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::PublicKey;
use tokio::sync::mpsc;

use super::handle::Channel;
use super::*;

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
/// Far longer than anything takes, so that only a real failure ends a wait.
const PATIENCE: Duration = Duration::from_secs(60);

type Frames = Arc<Mutex<Vec<(Direction, Vec<u8>)>>>;

struct Node {
    handle: NetworkHandle,
    events: mpsc::Receiver<NetworkEvent>,
    key: PublicKey,
    frames: Frames,
}

impl Node {
    async fn try_start(seed: u8, listen: &str) -> Result<Self, NetworkError> {
        Self::start_with(seed, listen, true).await
    }

    async fn start_with(seed: u8, listen: &str, gossip: bool) -> Result<Self, NetworkError> {
        let key = SecretKey::from_seed(&[seed; 32]);
        let frames = Frames::default();
        let seen = Arc::clone(&frames);
        let (handle, events) = Network::start(NetworkConfig {
            listen: vec![listen.parse().unwrap()],
            gossip,
            frame_tap: Some(Arc::new(move |direction, frame: &[u8]| {
                seen.lock().unwrap().push((direction, frame.to_vec()));
            })),
            ..NetworkConfig::new(&key)
        })
        .await?;
        Ok(Self { handle, events, key: key.public_key(), frames })
    }

    async fn start(seed: u8, listen: &str) -> Self {
        Self::try_start(seed, listen).await.unwrap()
    }

    fn address(&self) -> PeerAddress {
        self.handle.addresses().remove(0)
    }

    /// Takes events until one fits.
    async fn until<T>(&mut self, mut fits: impl FnMut(NetworkEvent) -> Option<T>) -> T {
        tokio::time::timeout(PATIENCE, async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(found) = fits(event) {
                    return found;
                }
            }
        })
        .await
        .expect("the awaited event comes")
    }

    async fn connected(&mut self, to: PublicKey) {
        self.until(|event| {
            matches!(event, NetworkEvent::Connected { peer } if peer == to).then_some(())
        })
        .await;
    }

    /// Waits until frames can be sent to a peer.
    async fn stream_to(&mut self, to: PublicKey) {
        self.until(|event| {
            matches!(event, NetworkEvent::Stream { peer, open: true } if peer == to).then_some(())
        })
        .await;
    }

    /// The next frame of a peer.
    async fn heard_from(&mut self, from: PublicKey) -> Vec<u8> {
        self.until(|event| match event {
            NetworkEvent::Heard { peer, bytes } if peer == from => Some(bytes),
            _ => None,
        })
        .await
    }

    /// Stops the node and waits until its task has ended.
    async fn stop(self) {
        let Self { handle, mut events, .. } = self;
        drop(handle);
        while events.recv().await.is_some() {}
    }

    /// Starts on the port of a node that was stopped in this process. QUIC says goodbye in a task
    /// of its own and keeps its socket so long; a node that is a process has no such moment.
    async fn start_on_freed_port(seed: u8, listen: &str) -> Self {
        tokio::time::timeout(PATIENCE, async {
            loop {
                match Self::try_start(seed, listen).await {
                    Ok(node) => return node,
                    Err(NetworkError::PortInUse { .. }) => tokio::task::yield_now().await,
                    Err(other) => panic!("{other}"),
                }
            }
        })
        .await
        .expect("the port becomes free")
    }
}

async fn link(from: &mut Node, to: &mut Node) {
    from.handle.dial(to.address()).await.unwrap();
    from.connected(to.key).await;
    to.connected(from.key).await;
}

async fn two_nodes_talk(listen: &str) {
    let mut a = Node::start(1, listen).await;
    let mut b = Node::start(2, listen).await;
    link(&mut a, &mut b).await;
    assert_eq!(a.handle.peers(), [b.key]);

    a.stream_to(b.key).await;
    let frame = vec![5; limits::SPREAD_BYTES];
    a.handle.send(b.key, frame.clone()).await.unwrap();
    assert!(b.heard_from(a.key).await == frame, "a frame of the largest size");
    for number in 0..200_u8 {
        a.handle.send(b.key, vec![number]).await.unwrap();
    }
    for number in 0..200_u8 {
        assert_eq!(b.heard_from(a.key).await, [number], "in order, and none is lost");
    }

    let asked = a.handle.request(b.key, b"question".to_vec()).await.unwrap();
    let (peer, bytes, reply) = b
        .until(|event| match event {
            NetworkEvent::Request { peer, bytes, reply } => Some((peer, bytes, reply)),
            _ => None,
        })
        .await;
    assert_eq!((peer, bytes.as_slice()), (a.key, &b"question"[..]));
    b.handle.reply(reply, b"answer".to_vec()).await.unwrap();
    let (request, peer, bytes) = a
        .until(|event| match event {
            NetworkEvent::Response { request, peer, bytes } => Some((request, peer, bytes)),
            _ => None,
        })
        .await;
    assert_eq!((request, peer, bytes.as_slice()), (asked, b.key, &b"answer"[..]));

    let out = |node: &Node, bytes: &[u8]| {
        node.frames.lock().unwrap().contains(&(Direction::Out, bytes.to_vec()))
    };
    assert!(out(&a, b"question") && out(&a, &frame) && out(&b, b"answer"));
    let counters = a.handle.counters();
    assert!(counters.payload_out_bytes >= (8 + frame.len()) as u64);
    assert!(counters.payload_in_bytes >= 6);
    assert!(counters.stream_out_bytes > counters.payload_out_bytes, "{counters:?}");
    assert!(counters.stream_in_bytes > 0);
}

#[tokio::test]
async fn two_nodes_push_and_answer_over_tcp() {
    two_nodes_talk(TCP).await;
}

#[tokio::test]
async fn two_nodes_push_and_answer_over_quic() {
    two_nodes_talk(QUIC).await;
}

#[tokio::test]
async fn questions_of_devices_and_of_federations_are_never_taken_for_each_other() {
    let mut a = Node::start(1, TCP).await;
    let mut b = Node::start(2, TCP).await;
    link(&mut a, &mut b).await;
    // The first request under each name: libp2p gives both the same number.
    let of_devices = a.handle.request_device(b.key, b"devices?".to_vec()).await.unwrap();
    let of_federations = a.handle.request(b.key, b"federations?".to_vec()).await.unwrap();
    for _ in 0..2 {
        let (answer, reply) = b
            .until(|event| match event {
                NetworkEvent::DeviceRequest { bytes, reply, .. } => {
                    assert_eq!(bytes, b"devices?");
                    Some((b"devices!".to_vec(), reply))
                }
                NetworkEvent::Request { bytes, reply, .. } => {
                    assert_eq!(bytes, b"federations?");
                    Some((b"federations!".to_vec(), reply))
                }
                _ => None,
            })
            .await;
        b.handle.reply(reply, answer).await.unwrap();
    }
    for _ in 0..2 {
        let (request, bytes) = a
            .until(|event| match event {
                NetworkEvent::Response { request, bytes, .. } => Some((request, bytes)),
                _ => None,
            })
            .await;
        let expected = match request {
            id if id == of_devices => &b"devices!"[..],
            id if id == of_federations => &b"federations!"[..],
            _ => panic!("an answer to nothing"),
        };
        assert_eq!(bytes, expected);
    }
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_not_sent_and_one_to_nobody_is_lost() {
    let mut a = Node::start(1, TCP).await;
    let mut b = Node::start(2, TCP).await;
    a.handle.send(b.key, b"nobody is there".to_vec()).await.unwrap();
    link(&mut a, &mut b).await;
    a.stream_to(b.key).await;
    let long = a.handle.send(b.key, vec![0; limits::SPREAD_BYTES + 1]).await;
    assert!(matches!(long, Err(NetworkError::TooLarge { .. })));
    a.handle.send(b.key, b"after".to_vec()).await.unwrap();
    assert_eq!(b.heard_from(a.key).await, b"after");
}

#[tokio::test]
async fn with_a_node_that_is_set_to_sync_alone_there_is_no_stream_and_it_answers() {
    let mut a = Node::start(1, TCP).await;
    let mut b = Node::start_with(2, TCP, false).await.unwrap();
    let mut c = Node::start(3, TCP).await;
    link(&mut a, &mut b).await;
    a.handle.request(b.key, b"question".to_vec()).await.unwrap();
    let reply = b
        .until(|event| match event {
            NetworkEvent::Request { reply, .. } => Some(reply),
            event => {
                assert!(!matches!(event, NetworkEvent::Stream { .. }), "{event:?}");
                None
            }
        })
        .await;
    b.handle.reply(reply, b"answer".to_vec()).await.unwrap();
    // A stream to a peer that came later shows that there was time for one.
    link(&mut a, &mut c).await;
    let with = a
        .until(|event| match event {
            NetworkEvent::Stream { peer, open } => Some((peer, open)),
            _ => None,
        })
        .await;
    assert_eq!(with, (c.key, true));
}

#[tokio::test]
async fn a_stream_ends_with_its_connection_and_comes_back_with_the_next() {
    let mut a = Node::start(1, TCP).await;
    let mut b = Node::start(2, TCP).await;
    link(&mut a, &mut b).await;
    a.stream_to(b.key).await;
    b.handle.block(a.key).await.unwrap();
    let (peer, open) = a
        .until(|event| match event {
            NetworkEvent::Stream { peer, open } => Some((peer, open)),
            _ => None,
        })
        .await;
    assert_eq!((peer, open), (b.key, false));
    b.handle.unblock(a.key).await.unwrap();
    a.stream_to(b.key).await;
    a.handle.send(b.key, b"back".to_vec()).await.unwrap();
    assert_eq!(b.heard_from(a.key).await, b"back");
}

#[tokio::test]
async fn an_oversized_request_is_refused_by_both_sides() {
    let mut a = Node::start(1, TCP).await;
    let mut b = Node::start(2, TCP).await;
    link(&mut a, &mut b).await;
    let oversized = vec![0; limits::REQUEST_BYTES + 1];
    assert!(matches!(
        a.handle.request(b.key, oversized.clone()).await,
        Err(NetworkError::TooLarge { .. })
    ));
    // A hostile sender does not check; the receiver does.
    let hostile = a.handle.request_unchecked(Channel::Federations, b.key, oversized).await.unwrap();
    let why = a
        .until(|event| match event {
            NetworkEvent::RequestFailed { request, why, .. } if request == hostile => Some(why),
            _ => None,
        })
        .await;
    assert!(matches!(why, RequestFailure::Refused(_) | RequestFailure::ConnectionClosed), "{why}");
    // And it keeps serving requests that are within the limit.
    let largest = vec![7; limits::REQUEST_BYTES];
    a.handle.request(b.key, largest.clone()).await.unwrap();
    let received = b
        .until(|event| match event {
            NetworkEvent::Request { bytes, .. } => Some(bytes),
            _ => None,
        })
        .await;
    assert!(received == largest, "the oversized request was not delivered, this one was");
}

#[tokio::test]
async fn a_reply_of_the_largest_size_arrives_and_a_larger_one_is_not_sent() {
    let mut a = Node::start(1, QUIC).await;
    let mut b = Node::start(2, QUIC).await;
    link(&mut a, &mut b).await;
    for _ in 0..2 {
        a.handle.request(b.key, Vec::new()).await.unwrap();
    }
    let mut tokens = Vec::new();
    while tokens.len() < 2 {
        tokens.push(
            b.until(|event| match event {
                NetworkEvent::Request { reply, .. } => Some(reply),
                _ => None,
            })
            .await,
        );
    }
    let too_large = b.handle.reply(tokens.remove(0), vec![0; limits::REPLY_BYTES + 1]).await;
    assert!(matches!(too_large, Err(NetworkError::TooLarge { .. })));
    let largest = vec![9; limits::REPLY_BYTES];
    b.handle.reply(tokens.remove(0), largest.clone()).await.unwrap();
    let answer = a
        .until(|event| match event {
            NetworkEvent::Response { bytes, .. } => Some(bytes),
            _ => None,
        })
        .await;
    assert!(answer == largest);
}

async fn a_peer_that_restarts_is_found_again(listen: &str) {
    let mut a = Node::start(1, listen).await;
    let mut b = Node::start(2, listen).await;
    link(&mut a, &mut b).await;
    let address = b.address();
    let bare = address.to_string();
    let (bare, _) = bare.rsplit_once("/p2p/").unwrap();
    let key = b.key;
    b.stop().await;
    a.until(|event| {
        matches!(event, NetworkEvent::Disconnected { peer } if peer == key).then_some(())
    })
    .await;
    assert!(a.handle.peers().is_empty());
    let mut again = Node::start_on_freed_port(2, bare).await;
    assert_eq!(again.address(), address);
    a.connected(key).await;
    again.connected(a.key).await;
}

#[tokio::test]
async fn a_peer_that_restarts_on_its_port_is_found_again_over_tcp() {
    a_peer_that_restarts_is_found_again(TCP).await;
}

#[tokio::test]
async fn a_peer_that_restarts_on_its_port_is_found_again_over_quic() {
    a_peer_that_restarts_is_found_again(QUIC).await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_way_out() {
    for listen in [TCP, QUIC] {
        let first = Node::start(1, listen).await;
        let taken = first.address().to_string();
        let (taken, _) = taken.rsplit_once("/p2p/").unwrap();
        let error = Node::try_start(2, taken).await.err().unwrap();
        assert!(matches!(error, NetworkError::PortInUse { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(taken) && text.contains("config.toml"), "{text}");
    }
}

#[tokio::test]
async fn an_address_that_answers_with_another_key_is_no_connection() {
    let a = Node::start(1, TCP).await;
    let b = Node::start(2, TCP).await;
    let c = Node::start(3, TCP).await;
    let wrong = PeerAddress::new(b.address().to_string().parse().unwrap(), c.key).unwrap();
    a.handle.dial(wrong).await.unwrap();
    // The connection with the right key comes later than the refused one.
    let mut a = a;
    a.handle.dial(b.address()).await.unwrap();
    a.connected(b.key).await;
    assert_eq!(a.handle.peers(), [b.key]);
}

#[tokio::test]
async fn a_blocked_peer_is_cut_off_and_cannot_come_back() {
    let mut a = Node::start(1, TCP).await;
    let mut b = Node::start(2, TCP).await;
    let mut c = Node::start(3, TCP).await;
    link(&mut a, &mut b).await;
    b.handle.block(a.key).await.unwrap();
    b.until(|event| matches!(event, NetworkEvent::Disconnected { .. }).then_some(())).await;
    // a keeps trying; a peer that connects meanwhile shows that b still listens.
    link(&mut c, &mut b).await;
    assert_eq!(b.handle.peers(), [c.key]);
    b.handle.unblock(a.key).await.unwrap();
    b.connected(a.key).await;
}

#[tokio::test]
async fn a_request_to_a_stranger_fails_and_does_not_hang() {
    let mut a = Node::start(1, TCP).await;
    let stranger = SecretKey::from_seed(&[9; 32]).public_key();
    let asked = a.handle.request(stranger, Vec::new()).await.unwrap();
    let why = a
        .until(|event| match event {
            NetworkEvent::RequestFailed { request, why, .. } if request == asked => Some(why),
            _ => None,
        })
        .await;
    assert_eq!(why, RequestFailure::NotConnected);
}

#[tokio::test]
async fn a_reader_that_does_not_read_stops_requests_by_a_limit_and_loses_none() {
    let mut a = Node::start(1, TCP).await;
    let stranger = SecretKey::from_seed(&[9; 32]).public_key();
    let mut accepted = 0;
    // Failures fill the event channel and then the outbox; each stays "in flight" until handed over.
    while a.handle.request(stranger, Vec::new()).await.is_ok() {
        accepted += 1;
        assert!(accepted <= limits::REQUESTS_IN_FLIGHT + limits::EVENTS_WAITING + 1);
    }
    assert!(accepted >= limits::REQUESTS_IN_FLIGHT);
    // The handle is served all the same.
    a.handle.send(stranger, b"x".to_vec()).await.unwrap();
    for _ in 0..accepted {
        a.until(|event| matches!(event, NetworkEvent::RequestFailed { .. }).then_some(())).await;
    }
    a.handle.request(stranger, Vec::new()).await.unwrap();
}

#[test]
fn a_peer_id_is_the_key_and_back() {
    for seed in 0..20 {
        let key = SecretKey::from_seed(&[seed; 32]).public_key();
        assert_eq!(public_key_of(&peer_id_of(&key).unwrap()), Some(key));
    }
    // The hash of an RSA key: a peer id that holds no key.
    let rsa = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N".parse().unwrap();
    assert_eq!(public_key_of(&rsa), None);
}

#[test]
fn an_address_must_say_whom_to_expect() {
    let without = "/ip4/127.0.0.1/tcp/4001".parse::<PeerAddress>();
    assert!(matches!(without, Err(NetworkError::AddressWithoutPeer(_))));
    let no_address = "nowhere".parse::<PeerAddress>();
    assert!(matches!(no_address, Err(NetworkError::BadAddress { .. })));
    let key = SecretKey::from_seed(&[1; 32]).public_key();
    let address = PeerAddress::new("/ip4/127.0.0.1/tcp/1".parse().unwrap(), key).unwrap();
    let text = address.to_string();
    assert_eq!(text.parse::<PeerAddress>().unwrap(), address);
    assert_eq!(address.key(), key);
}
