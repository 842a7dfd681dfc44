//! A relay and nodes in one process, on loopback. Every wait is for a condition.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use lore_protocol::ids::PublicKey;
use tokio::sync::mpsc;

use super::*;
use crate::network::{
    Network, NetworkConfig, NetworkEvent, NetworkHandle, RelayState, RequestFailure, Way, limits,
};

const HERE: &str = "/ip4/127.0.0.1/tcp/0";
/// Far longer than anything takes, so that only a real failure ends a wait.
const PATIENCE: Duration = Duration::from_secs(60);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// A relay that serves until the test ends.
async fn relay() -> PeerAddress {
    let key = key(99);
    let relay = Relay::start(RelayConfig {
        key: &key,
        listen: vec![HERE.parse().unwrap()],
        announce: Vec::new(),
        others: Vec::new(),
    });
    let relay = relay.await.unwrap();
    let address = relay.addresses()[0].clone();
    tokio::spawn(relay.run(std::future::pending(), |_| {}));
    address
}

struct Node {
    handle: NetworkHandle,
    events: mpsc::Receiver<NetworkEvent>,
    key: PublicKey,
}

impl Node {
    async fn start(seed: u8, relays: Vec<PeerAddress>) -> Self {
        let key = key(seed);
        let listen = vec![HERE.parse().unwrap()];
        let config = NetworkConfig { listen, relays, ..NetworkConfig::new(&key) };
        let (handle, events) = Network::start(config).await.unwrap();
        Self { handle, events, key: key.public_key() }
    }

    async fn until<T>(&mut self, mut fits: impl FnMut(NetworkEvent) -> Option<T>) -> T {
        let find = async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(found) = fits(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, find).await.expect("the awaited event comes")
    }

    async fn connected(&mut self) -> PublicKey {
        self.until(|event| match event {
            NetworkEvent::Connected { peer } => Some(peer),
            _ => None,
        })
        .await
    }

    /// The address through the relay, when there is one.
    async fn circuit(&self) -> PeerAddress {
        let find = async {
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            loop {
                tick.tick().await;
                let told = self.handle.told();
                if let Some(found) = told.iter().find(|one| address::is_circuit(one.address())) {
                    return found.clone();
                }
            }
        };
        tokio::time::timeout(PATIENCE, find).await.expect("the relay gives a place")
    }
}

#[tokio::test]
async fn a_node_is_reached_through_a_relay_that_is_no_peer_of_it() {
    let mut ada = Node::start(1, vec![relay().await]).await;
    let mut ben = Node::start(2, Vec::new()).await;
    let circuit = ada.circuit().await;
    assert_eq!(ada.handle.reach().relays[0].state, RelayState::Reserved);
    ben.handle.dial(circuit).await.unwrap();
    assert_eq!((ben.connected().await, ada.connected().await), (ada.key, ben.key));
    let ways = [&ada, &ben].map(|node| node.handle.links());
    assert!(ways.iter().all(|links| links[0].way == Way::Relayed), "{ways:?}");
    assert_eq!([ada.handle.peers(), ben.handle.peers()], [[ben.key], [ada.key]]);
    let asked = ben.handle.request(ada.key, b"question".to_vec()).await.unwrap();
    let reply = ada.until(|event| match event {
        NetworkEvent::Request { reply, .. } => Some(reply),
        _ => None,
    });
    let reply = reply.await;
    let largest = vec![7; limits::REPLY_BYTES];
    ada.handle.reply(reply, largest.clone()).await.unwrap();
    let answer = ben.until(|event| match event {
        NetworkEvent::Response { request, bytes, .. } if request == asked => Some(Ok(bytes)),
        NetworkEvent::RequestFailed { request, why, .. } if request == asked => Some(Err(why)),
        _ => None,
    });
    let answer: Result<Vec<u8>, RequestFailure> = answer.await;
    assert!(answer.unwrap() == largest);
}

#[tokio::test]
async fn strangers_through_one_relay_are_few_and_a_member_comes_in() {
    let ada = Node::start(1, vec![relay().await]).await;
    let circuit = ada.circuit().await;
    let member = key(200).public_key();
    ada.handle.keep([member]).await.unwrap();
    let most = u8::try_from(limits::STRANGERS_PER_ADDRESS).unwrap();
    // Those who are in stay in: a node ends when its handle is dropped.
    let mut inside = Vec::new();
    for seed in 2..2 + most {
        let mut stranger = Node::start(seed, Vec::new()).await;
        stranger.handle.dial(circuit.clone()).await.unwrap();
        stranger.connected().await;
        inside.push(stranger);
    }
    let mut late = Node::start(150, Vec::new()).await;
    late.handle.dial(circuit.clone()).await.unwrap();
    late.until(|event| matches!(event, NetworkEvent::Disconnected { .. }).then_some(())).await;
    let mut kept = Node::start(200, Vec::new()).await;
    kept.handle.dial(circuit).await.unwrap();
    assert_eq!(kept.connected().await, ada.key);
    let find = async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while !ada.handle.peers().contains(&member) {
            tick.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, find).await.expect("the member is in");
    let ways = ada.handle.links();
    let relayed = ways.iter().filter(|link| link.way == Way::Relayed);
    let strangers = relayed.filter(|link| link.peer != member).count();
    assert!(strangers <= limits::STRANGERS_PER_ADDRESS, "{strangers} through one relay");
    assert!(!ada.handle.peers().contains(&late.key), "one too many");
}

#[test]
fn a_relay_on_the_internet_tells_nobody_its_private_addresses() {
    let list = |texts: &[&str]| -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    let [loopback, lan, public] =
        ["/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/1"];
    assert_eq!(best(list(&[loopback, lan, public])), list(&[public]));
    assert_eq!(best(list(&[loopback, lan])), list(&[lan]));
    assert_eq!(best(list(&[loopback])), list(&[loopback]));
}
