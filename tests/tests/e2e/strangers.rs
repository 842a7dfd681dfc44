//! Connections of strangers: who has one address cannot keep everybody else out.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lore_node::network::{Multiaddr, Network, NetworkConfig, NetworkHandle, PeerAddress};
use lore_protocol::identity::SecretKey;
use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

/// Address of the attacker. Everybody else is at 127.0.0.1.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Pause before a socket that was closed is opened again.
const BACK_OFF: Duration = Duration::from_millis(20);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn listening(node: &Node, transport: &str) -> PeerAddress {
    let peers = node.json(&["peers"]);
    let all = peers["listening"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
    all.into_iter().find(|one| one.contains(transport)).unwrap().parse().unwrap()
}

fn socket_of(address: &PeerAddress) -> SocketAddr {
    let text = address.address().to_string();
    let parts: Vec<&str> = text.split('/').collect();
    SocketAddr::new(parts[2].parse().unwrap(), parts[4].parse().unwrap())
}

async fn silent(to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::new(ATTACKER.into(), 0)).ok()?;
    socket.connect(to).await.ok()
}

/// Keeps this many sockets open that never say anything, each opened again when it is closed. Counts those that were
/// open once.
fn keep_silent(
    runtime: &Runtime,
    to: SocketAddr,
    many: usize,
    stop: &Arc<AtomicBool>,
) -> Arc<AtomicUsize> {
    let opened = Arc::new(AtomicUsize::new(0));
    for _ in 0..many {
        let (stop, opened) = (Arc::clone(stop), Arc::clone(&opened));
        runtime.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                if let Some(open) = silent(to).await {
                    opened.fetch_add(1, Ordering::Relaxed);
                    // Readable is only what the node has closed.
                    let _ = tokio::time::timeout(PATIENCE, open.readable()).await;
                }
                // An attacker that spins would only slow itself down.
                tokio::time::sleep(BACK_OFF).await;
            }
        });
    }
    opened
}

fn connected(node: &Node) -> usize {
    node.json(&["peers"])["connected"].as_array().unwrap().len()
}

fn joins(founder: &Node, joiner: &Node) {
    founder.admit(joiner);
    founder.checkpoint();
    wait_until("the newcomer is a member", PATIENCE, || {
        (!joiner.federation()["member"].is_null()).then_some(())
    });
}

#[test]
fn sockets_that_never_speak_keep_no_newcomer_out() {
    let cluster = Cluster::of(2);
    let ada = cluster.running("ada");
    let ben = cluster.running("ben");
    ada.json(&["federation", "create", "guild"]);
    let runtime = runtime();
    let stop = Arc::new(AtomicBool::new(false));
    let opened = keep_silent(&runtime, socket_of(&listening(&ada, "/tcp/")), 200, &stop);
    wait_until("the sockets are open", PATIENCE, || {
        (opened.load(Ordering::Relaxed) >= 200).then_some(())
    });
    joins(&ada, &ben);
    stop.store(true, Ordering::Relaxed);
}

#[test]
fn idle_connections_of_one_address_keep_no_newcomer_out() {
    let cluster = Cluster::of(2);
    let ada = cluster.running("ada");
    let ben = cluster.running("ben");
    ada.json(&["federation", "create", "guild"]);
    let to = listening(&ada, "/quic-v1");
    let runtime = runtime();
    let listen: Multiaddr = format!("/ip4/{ATTACKER}/udp/0/quic-v1").parse().unwrap();
    let mut open: Vec<NetworkHandle> = Vec::new();
    for n in 0..200_u8 {
        let key = SecretKey::from_seed(&[n; 32]);
        let (handle, mut events) = runtime.block_on(async {
            // QUIC dials from the socket that it listens on.
            let config = NetworkConfig { listen: vec![listen.clone()], ..NetworkConfig::new(&key) };
            let started = Network::start(config).await.unwrap();
            started.0.dial(to.clone()).await.unwrap();
            started
        });
        runtime.spawn(async move { while events.recv().await.is_some() {} });
        open.push(handle);
    }
    wait_until("the attacker has what it can have", PATIENCE, || {
        (connected(&ada) >= 32).then_some(())
    });
    joins(&ada, &ben);
    let all = connected(&ada);
    assert!(all <= 32 + 4, "{all} connections, and one address has 32 at most");
    drop(open);
}

#[test]
fn idle_connections_of_many_addresses_keep_no_newcomer_and_no_member_out() {
    let cluster = Cluster::of(3);
    let [ada, mut ben, cyd] = ["ada", "ben", "cyd"].map(|name| cluster.running(name));
    ada.json(&["federation", "create", "guild"]);
    joins(&ada, &ben);
    ben.stop();
    let to = listening(&ada, "/quic-v1");
    let runtime = runtime();
    let mut open: Vec<NetworkHandle> = Vec::new();
    for n in 0..200_u8 {
        // One each from as many addresses, and more than there is room for; each comes again when it is closed.
        let listen: Multiaddr = format!("/ip4/127.0.2.{}/udp/0/quic-v1", n + 1).parse().unwrap();
        let key = SecretKey::from_seed(&[n; 32]);
        let (handle, mut events) = runtime.block_on(async {
            let config = NetworkConfig { listen: vec![listen], ..NetworkConfig::new(&key) };
            let started = Network::start(config).await.unwrap();
            started.0.dial(to.clone()).await.unwrap();
            started
        });
        runtime.spawn(async move { while events.recv().await.is_some() {} });
        open.push(handle);
    }
    let most = lore_node::network::limits::STRANGERS;
    wait_until("the attacker has what it can have", PATIENCE, || {
        (connected(&ada) >= most).then_some(())
    });
    joins(&ada, &cyd);
    ben.start();
    ada.checkpoint();
    converged(&[&ada, &ben, &cyd]);
    let all = connected(&ada);
    assert!(
        all <= most + 8,
        "{all} connections: strangers have {most} at most, and a few are being closed"
    );
    drop(open);
}
