//! Members that withhold, date back, say again or make keys, and strangers that drip: no honest root changes, and nobody
//! waits for them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lore_node::network::PeerAddress;
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Spend};
use lore_protocol::ids::MemberId;
use lore_protocol::log::MAX_VOUCHES_PER_EPOCH;
use lore_protocol::payload::Payload;
use lore_protocol::spread::Frame;
use lore_protocol::wire::Reply;
use lore_tests::guild::{Guild, authored};
use lore_tests::log::exported;
use lore_tests::member::{Identity, Member, compared};
use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

fn lesson(command: &str) -> Payload {
    authored([command.to_owned()])
}

fn deltas(node: &Node) -> u64 {
    node.federation()["deltas"].as_u64().unwrap()
}

/// State that must not change.
fn state(node: &Node) -> BTreeMap<&'static str, Value> {
    let status = node.federation();
    ["root", "digest", "deltas", "forks", "lessons", "epoch"]
        .map(|key| (key, status[key].clone()))
        .into()
}

/// A delta on top of one that is not in the member's own log.
fn next(mallory: &Member, before: &Delta, command: &str) -> Delta {
    mallory.sign(&lesson(command), |header| {
        header.seq = before.header.seq + 1;
        header.prev = Some(before.header.id());
        header.depth = before.header.depth + 1;
    })
}

#[test]
fn a_member_that_withholds_what_its_deltas_rest_on_stops_nobody_and_counts_when_it_comes() {
    let cluster = Cluster::of(2);
    let Guild { ada, ben, members } = Guild::of(&cluster, [100, 101]);
    let mallory = members[0].connect(&ada);
    let clean = converged(&[&ada, &ben]);
    let before = state(&ada);
    // The first is kept back; many that rest on it are said, and the head of one whose body is kept back too.
    let withheld = mallory.sign(&lesson("fetch --withheld"), |_| {});
    let mut last = withheld.clone();
    for n in 0..40 {
        last = next(&mallory, &last, &format!("fetch --{n}"));
        mallory.gossip(&codec::encode(&Frame::Full(last.clone())));
    }
    let bulky = authored((0..100).map(|n| format!("fetch --{n} {}", "x".repeat(150))));
    let bulky = mallory.sign(&bulky, |header| {
        header.seq = last.header.seq + 1;
        header.prev = Some(last.header.id());
        header.depth = last.header.depth + 1;
    });
    let head = codec::encode(&Frame::of(&bulky));
    assert!(matches!(codec::decode(&head), Ok(Frame::Head(_))));
    mallory.gossip(&head);
    wait_until("ada knows that something is missing", PATIENCE, || {
        (ada.federation()["waiting"].as_u64().unwrap() >= 40).then_some(())
    });
    assert_eq!(state(&ada), before, "what waits counts nothing");
    // The epoch ends, others go on, and nobody counts what nobody holds.
    ada.checkpoint();
    assert_eq!(converged(&[&ada, &ben]), clean);
    let mut honest = members[1].connect(&ben);
    honest.publish(&lesson("fetch --honest"));
    wait_until("an honest lesson is everywhere", PATIENCE, || {
        [&ada, &ben].iter().all(|node| node.federation()["lessons"] == 1).then_some(())
    });
    // Late, never lost: once it comes, all that rests on it counts.
    mallory.gossip(&codec::encode(&Frame::Full(withheld)));
    wait_until("what was withheld is everywhere", PATIENCE, || {
        [&ada, &ben].iter().all(|node| node.federation()["lessons"] == 42).then_some(())
    });
    ada.checkpoint();
    converged(&[&ada, &ben]);
}

#[test]
fn deltas_that_claim_old_epochs_change_no_epoch_that_is_over_and_save_no_quota_up() {
    let cluster = Cluster::of(2);
    let Guild { ada, ben, members } = Guild::of(&cluster, [110]);
    let identity = &members[0];
    let mut anchors = Vec::new();
    let mut mallory = identity.connect(&ada);
    for _ in 0..4 {
        anchors.push((mallory.log.tip().id, mallory.log.open_epoch()));
        ada.checkpoint();
        converged(&[&ada, &ben]);
        mallory.sync();
    }
    let sealed = |node: &Node, name: &str| {
        let log = exported(node, &cluster.path().join(name), &[]).log;
        log.sealed().iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let before = sealed(&ben, "before");
    // A quota of deltas for every epoch in which it was silent, each with the anchor of its epoch.
    let quota = mallory.log.charter().limits.deltas_per_epoch;
    let known = deltas(&ada);
    let mut last: Option<Delta> = None;
    for (anchor, epoch) in &anchors {
        for n in 0..quota {
            let delta = mallory.sign(&lesson(&format!("fetch --{epoch}-{n}")), |header| {
                (header.anchor, header.epoch) = (*anchor, *epoch);
                let period = mallory.log.charter().period(*epoch);
                header.spend = Spend { period, ..Spend::default() };
                if let Some(last) = &last {
                    header.seq = last.header.seq + 1;
                    header.prev = Some(last.header.id());
                    header.depth = last.header.depth + 1;
                }
            });
            mallory.gossip(&codec::encode(&Frame::Full(delta.clone())));
            last = Some(delta);
        }
    }
    wait_until("both took in what one epoch allows", PATIENCE, || {
        [&ada, &ben].iter().all(|node| deltas(node) >= known + u64::from(quota)).then_some(())
    });
    wait_until("and refused the rest", PATIENCE, || {
        (ada.log_lines("more deltas") + ada.log_lines("too many") > 0).then_some(())
    });
    ada.checkpoint();
    converged(&[&ada, &ben]);
    assert_eq!(deltas(&ada), known + u64::from(quota) + 1, "a quota and the checkpoint");
    let after = sealed(&ben, "after");
    assert_eq!(after[..before.len()], before[..], "epochs that are over stay as they were");
    assert_eq!(after.len(), before.len() + 1);
}

#[test]
fn what_was_said_before_changes_nothing_when_it_is_said_again() {
    let cluster = Cluster::of(2);
    let Guild { ada, ben, members } = Guild::of(&cluster, [120, 121]);
    let mut honest = members[1].connect(&ben);
    honest.publish(&lesson("fetch --once"));
    let mut mallory = members[0].connect(&ada);
    wait_until("it is everywhere", PATIENCE, || {
        [&ada, &ben].iter().all(|node| node.federation()["lessons"] == 1).then_some(())
    });
    converged(&[&ada, &ben]);
    mallory.sync();
    let before = [&ada, &ben].map(state);
    let all: Vec<Delta> =
        mallory.log.entries().map(|(_, entry)| entry.sound.delta.clone()).collect();
    for delta in &all {
        mallory.gossip(&codec::encode(&Frame::Full(delta.clone())));
    }
    for _ in 0..3 {
        mallory.answer_sync(&codec::encode(&Reply::Sync(Box::new(compared(all.clone())))));
    }
    // A new one comes after all that by the same ways.
    let new = mallory.sign(&lesson("fetch --new"), |_| {});
    mallory.gossip(&codec::encode(&Frame::Full(new)));
    wait_until("a new one is everywhere", PATIENCE, || {
        [&ada, &ben].iter().all(|node| node.federation()["lessons"] == 2).then_some(())
    });
    for (node, mut before) in [&ada, &ben].into_iter().zip(before) {
        let mut after = state(node);
        for key in ["root", "digest", "deltas", "lessons"] {
            before.remove(key);
            after.remove(key);
        }
        assert_eq!(after, before);
    }
    assert_eq!(deltas(&ada), all.len() as u64 + 1);
    assert_eq!(deltas(&ben), all.len() as u64 + 1);
}

#[test]
fn keys_that_one_member_makes_fill_no_roster() {
    let cluster = Cluster::of(3);
    let Guild { ada, ben, members } = Guild::of(&cluster, [140]);
    let mut mallory = members[0].connect(&ada);
    let most = u64::from(mallory.log.charter().limits.members_per_voice);
    let on_roster = |node: &Node| node.federation()["members"].as_u64().unwrap();
    let mut seed = 141;
    for _ in 0..3 {
        for _ in 0..MAX_VOUCHES_PER_EPOCH {
            let _ = mallory.puppet(seed, 1_000);
            seed += 1;
        }
        let all = mallory.log.len() as u64;
        wait_until("ada holds the vouches", PATIENCE, || (deltas(&ada) >= all).then_some(()));
        ada.checkpoint();
        converged(&[&ada, &ben]);
        mallory.sync();
    }
    assert!(3 * MAX_VOUCHES_PER_EPOCH > most, "more keys than one voice may have");
    assert_eq!(on_roster(&ada), 2 + most, "the attacker's voice, and the two others");
    // There is room for everybody else.
    let cyd = cluster.running("cyd");
    ada.admit(&cyd);
    ada.checkpoint();
    converged(&[&ada, &ben, &cyd]);
    assert_eq!(on_roster(&cyd), 3 + most);
}

/// A member of which both nodes know.
fn joined(founder: &Node, seed: u8) -> Identity {
    Identity::join(founder, &founder.invitation(&[]), seed)
}

#[test]
fn a_relay_loses_nothing_by_what_a_hostile_member_says_to_it() {
    let cluster = Cluster::of(2);
    // Sync is an hour apart: what arrives came by gossip.
    let [ada, ben] = ["ada", "ben"].map(|name| {
        let mut node = cluster.node_with(name, &["--sync-seconds", "3600"]);
        node.start();
        node
    });
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    let (hostile, honest) = (joined(&ada, 130), joined(&ada, 131));
    ada.checkpoint();
    wait_until("ben is a member", PATIENCE, || {
        (!ben.federation()["member"].is_null()).then_some(())
    });
    let mallory = hostile.connect(&ben);
    let mut honest = honest.connect(&ben);
    let founder: MemberId = mallory.log.founders()[0].0;
    // Sound by their bytes, so that nobody is blamed who relays one: wrong height, wrong key, no member, no ancestor.
    let bad = [
        mallory.sign(&lesson("fetch --height"), |header| header.seq += 7),
        mallory.sign_for(founder, &lesson("fetch --forged"), |_| {}),
        mallory.sign(&lesson("fetch --stranger"), |header| header.author.0 = [9; 32]),
        mallory.sign(&lesson("fetch --anchor"), |header| header.anchor.0 = [9; 32]),
        mallory.sign(&lesson("fetch --dear"), |header| header.spend.rho_nano = u64::MAX),
    ];
    for delta in &bad {
        mallory.gossip(&codec::encode(&Frame::Full(delta.clone())));
    }
    // And bytes that are no frame: these cost their sender.
    for n in 0..3 {
        mallory.gossip(&[n; 40]);
    }
    wait_until("ben heard it", PATIENCE, || (ben.log_lines("refused") > 0).then_some(()));
    let before = ada.federation()["lessons"].as_u64().unwrap();
    honest.publish(&lesson("fetch --honest"));
    wait_until("ada hears the honest member through ben", PATIENCE, || {
        (ada.federation()["lessons"].as_u64().unwrap() == before + 1).then_some(())
    });
    assert_eq!(ada.federation()["forks"], 0);
}

fn socket_of(node: &Node) -> SocketAddr {
    let peers = node.json(&["peers"]);
    let all = peers["listening"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
    let address: PeerAddress =
        all.into_iter().find(|one| one.contains("/tcp/")).unwrap().parse().unwrap();
    let text = address.address().to_string();
    let parts: Vec<&str> = text.split('/').collect();
    SocketAddr::new(parts[2].parse().unwrap(), parts[4].parse().unwrap())
}

/// Beginning of a handshake, as a peer says it.
const BEGINNING: &[u8] = b"\x13/multistream/1.0.0\n";
/// Pause between two bytes of a connection that drips.
const DRIP: Duration = Duration::from_millis(400);

/// A connection that says its handshake byte by byte; ends when the node ends it.
async fn drip(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.into(), 0))?;
    let mut open = socket.connect(to).await?;
    for byte in BEGINNING.iter().cycle() {
        open.write_all(&[*byte]).await?;
        tokio::time::sleep(DRIP).await;
    }
    Ok(())
}

#[test]
fn connections_that_drip_their_handshake_keep_nobody_out() {
    let cluster = Cluster::of(2);
    let ada = cluster.running("ada");
    let ben = cluster.running("ben");
    ada.json(&["federation", "create", "guild"]);
    let to = socket_of(&ada);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicUsize::new(0));
    // From more addresses than one, each with more than it may have.
    for n in 0..200_u8 {
        let (stop, begun) = (Arc::clone(&stop), Arc::clone(&begun));
        let from = Ipv4Addr::new(127, 0, 1, n % 8 + 1);
        runtime.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                begun.fetch_add(1, Ordering::Relaxed);
                let _ = drip(from, to).await;
                tokio::time::sleep(DRIP).await;
            }
        });
    }
    wait_until("all drip", PATIENCE, || (begun.load(Ordering::Relaxed) >= 200).then_some(()));
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    stop.store(true, Ordering::Relaxed);
}
