//! Nothing that a peer sends ends a node, and nothing of it ends the node at its next start.

use lore_protocol::codec;
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{FederationId, Hash, InvitationId, PublicKey};
use lore_protocol::invitation::Invitation;
use lore_protocol::payload::{Payload, Void};
use lore_protocol::spread::Frame;
use lore_protocol::sync::{Answer, Ask, End, Part, Range};
use lore_protocol::wire::{Reply, Request};
use lore_tests::guild::Guild;
use lore_tests::member::{Member, compared, different};
use lore_tests::node::converged;
use lore_tests::peer::Served;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

/// Every prefix of a message, and every message with one byte changed; `step` leaves some out.
fn variants(good: &[u8], step: usize) -> Vec<Vec<u8>> {
    let cut = (0..good.len()).step_by(step).map(|len| good[..len].to_vec());
    let changed = (0..good.len()).step_by(step).flat_map(|at| {
        [0, 0x7f, 0xff].map(|byte| {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            bytes
        })
    });
    cut.chain(changed).collect()
}

fn requests(federation: FederationId, mallory: &Member) -> Vec<Vec<u8>> {
    let ask = Ask::Missing {
        frontiers: mallory.log.frontiers(),
        wants: vec![mallory.log.head(mallory.id()).unwrap().1],
    };
    let join = mallory.log.entries().next().unwrap().1.sound.delta.clone();
    let (invitation, proof) = (InvitationId::ZERO, Hash::ZERO);
    let end = |epoch| Some(End { epoch, depth: 1, id: vec![7] });
    let compare = Ask::Compare {
        salt: Hash::ZERO,
        ranges: vec![
            Range { end: end(1), part: Part::Print(1) },
            Range { end: end(2), part: Part::Have(vec![7; 12]) },
            Range { end: None, part: Part::Want(vec![7; 12]) },
        ],
    };
    let all = [
        Request::Sync { federation, ask: Ask::Digest(Hash::ZERO) },
        Request::Sync { federation, ask },
        Request::Sync { federation, ask: compare },
        Request::Peers { federation },
        Request::Knock { federation, nonce: [0; 32] },
        Request::Charter { federation, invitation, proof },
        Request::Admit { federation, invitation, proof, join: Box::new(join) },
    ];
    all.iter().map(codec::encode).collect()
}

fn replies(mallory: &Member) -> Vec<Vec<u8>> {
    let delta = mallory.log.entries().next().unwrap().1.sound.delta.clone();
    let deltas = Answer::Deltas { deltas: vec![delta.clone(); 3], more: true, digest: Hash::ZERO };
    let long = "\u{1b}[31m\u{202e}".repeat(50_000);
    let all = [
        Reply::Sync(Box::new(Answer::Equal)),
        Reply::Sync(Box::new(different())),
        Reply::Sync(Box::new(compared(vec![delta; 3]))),
        Reply::Sync(Box::new(deltas)),
        Reply::Peers(vec![(PublicKey([0xff; 32]), vec![long.clone(); 8])]),
        Reply::Challenge { nonce: [0; 32] },
        Reply::Charter(mallory.log.signed_charter().clone()),
        Reply::Admitted,
        Reply::Refused(long),
    ];
    let mut all: Vec<Vec<u8>> = all.iter().map(codec::encode).collect();
    all.extend([vec![], vec![0xff; 3 << 20], vec![0; 64]]);
    all
}

/// Answers what the node asks with these bytes, one each.
fn answer_with(mallory: &mut Member, replies: &[Vec<u8>]) {
    for reply in replies {
        mallory.peer.serve("the node asks", |_| Served::Last(reply.clone()));
    }
}

/// The node works, and works after a start from what it stored.
fn lives(node: &mut Node, pid: u32, other: &Node) {
    assert_eq!(node.pid(), pid);
    node.checkpoint();
    converged(&[node, other]);
    node.stop();
    node.start();
    node.checkpoint();
    converged(&[node, other]);
}

#[test]
fn no_bytes_of_a_member_end_the_loop() {
    let cluster = Cluster::of(2);
    let Guild { mut ada, ben, members } = Guild::of(&cluster, [40]);
    let identity = &members[0];
    let pid = ada.pid();
    let root = ada.root();
    let mut mallory = identity.connect(&ada);

    let federation = identity.federation();
    for good in requests(federation, &mallory) {
        for bytes in variants(&good, 7) {
            // Refused or answered, but never silent.
            mallory.peer.ask_bytes(bytes).unwrap();
        }
    }
    let void = mallory.sign(&Payload::Void(Void { release: Hash([1; 32]) }), |_| {});
    let frame = codec::encode(&Frame::Full(void));
    // One frame that is wrong by its bytes and a peer's pushes are not heard for a while.
    for bytes in variants(&frame, 120) {
        mallory.gossip(&bytes);
    }
    let replies = replies(&mallory);
    answer_with(&mut mallory, &replies);
    assert_eq!(ada.root(), root);
    lives(&mut ada, pid, &ben);
}

#[test]
fn huge_addresses_that_a_member_tells_of_others_end_nobody() {
    let cluster = Cluster::of(2);
    let Guild { mut ada, ben, members } = Guild::of(&cluster, 41..46);
    let pid = ada.pid();
    let mut mallory = members[0].connect(&ada);
    // Of members that never listened: nobody can contradict it.
    let silent = mallory.log.tip().roster.values().map(|entry| entry.key);
    let me = SecretKey::from_seed(&[41; 32]).public_key();
    let huge = "/dns4/".to_owned() + &"x".repeat(400 << 10);
    let told = silent.filter(|key| *key != me).map(|key| (key, vec![huge.clone(); 2])).take(4);
    let reply = codec::encode(&Reply::Peers(told.collect()));
    assert!(reply.len() > 3 << 20, "it fits the network's limit only just");
    let different = codec::encode(&Reply::Sync(Box::new(Answer::Equal)));
    let mut rounds = 0;
    mallory.peer.serve("the node asks where members listen", |request| match request {
        Request::Peers { .. } => {
            rounds += 1;
            if rounds < 3 { Served::Reply(reply.clone()) } else { Served::Last(reply.clone()) }
        }
        _ => Served::Reply(different.clone()),
    });
    // An honest member asks, which is what ended the node: at once, and after each start again.
    let mut honest = members[1].connect(&ada);
    let federation = members[1].federation();
    let Reply::Peers(known) = honest.peer.ask(&Request::Peers { federation }) else {
        panic!("members are told where others listen")
    };
    assert!(known.iter().flat_map(|(_, all)| all).all(|address| address.len() <= 256));
    lives(&mut ada, pid, &ben);
}

#[test]
fn an_invitation_with_a_key_that_is_none_ends_nobody() {
    let cluster = Cluster::of(1);
    let ada = cluster.running("ada");
    let pid = ada.pid();
    let key = (0..=255).map(|n| PublicKey([n; 32])).find(|key| !key.is_valid()).unwrap();
    let line = Invitation {
        federation: FederationId([3; 32]),
        inviter: key,
        addresses: vec!["/ip4/127.0.0.1/tcp/9".into()],
        secret: [0; 32],
        uses: 1,
        expires_epoch: 9,
    }
    .to_line();
    let error = ada.error(&["federation", "join", &line, "--yes"]);
    assert_eq!(error["kind"], "invitation", "{error}");
    wait_until("the node answers", PATIENCE, || {
        (ada.run(&["status", "--json"]).code == Some(0)).then_some(())
    });
    assert_eq!(ada.json(&["status"])["daemon"], pid);
}
