//! Hostile peers without rights: what they get, and what they can break: nothing.

use lore_protocol::codec;
use lore_protocol::identity::SecretKey;
use lore_protocol::ids::{FederationId, Hash, InvitationId};
use lore_protocol::spread::Frame;
use lore_protocol::sync::Ask;
use lore_protocol::wire::{Reply, Request};
use lore_tests::Cluster;
use lore_tests::member::Identity;
use lore_tests::peer::Peer;
use lore_tests::wait::{PATIENCE, wait_until};

fn federation(node: &lore_tests::Node) -> FederationId {
    node.federation()["federation"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_stranger_is_refused_sync_peers_charter_and_admission() {
    let cluster = Cluster::of(1);
    let ada = cluster.running("ada");
    ada.json(&["federation", "create", "guild"]);
    let federation = federation(&ada);
    let mut stranger = Peer::connect(SecretKey::from_seed(&[9; 32]), &ada);
    let refused = |reply: Reply| matches!(reply, Reply::Refused(why) if !why.is_empty());

    let ask = Ask::Missing { frontiers: Vec::new(), wants: Vec::new() };
    assert!(refused(stranger.ask(&Request::Sync { federation, ask })));
    assert!(refused(stranger.ask(&Request::Peers { federation })));
    let knock = stranger.ask(&Request::Knock { federation, nonce: [1; 32] });
    assert!(matches!(knock, Reply::Challenge { .. }));
    let guess = Request::Charter { federation, invitation: InvitationId::ZERO, proof: Hash::ZERO };
    assert!(refused(stranger.ask(&guess)));
}

#[test]
fn bytes_that_are_no_request_and_frames_of_no_member_change_nothing_and_it_hears_nothing() {
    let cluster = Cluster::of(1);
    let mut ada = cluster.running("ada");
    ada.json(&["federation", "create", "guild"]);
    let identity = Identity::join(&ada, &ada.invitation(&[]), 7);
    let federation = identity.federation();
    ada.checkpoint();
    let member = identity.connect(&ada);
    member.peer.enter(federation);
    let mut stranger = Peer::connect(SecretKey::from_seed(&[9; 32]), &ada);
    for bytes in [vec![], vec![0xff; 40], vec![0; 100_000]] {
        let reply = stranger.ask_bytes(bytes).unwrap();
        assert!(matches!(codec::decode(&reply), Ok(Reply::Refused(_))));
    }
    let before = ada.federation()["deltas"].as_u64().unwrap();
    // It knows the federation, asks to be a neighbour, and says what a member said.
    let said = member.log.entries().last().unwrap().1.sound.delta.clone();
    let stranger_says = || {
        for frame in [Frame::Enter, Frame::Welcome, Frame::Full(said.clone()), Frame::Prune] {
            stranger.send(&frame.to_bytes(federation));
        }
        stranger.send(b"no frame of this federation");
    };
    wait_until("what the stranger says arrives", PATIENCE, || {
        stranger_says();
        (ada.json(&["peers"])["counters"]["gossip_in"].as_u64().unwrap() > 40).then_some(())
    });

    // A neighbour hears of the next checkpoint at once; the stranger hears of nothing.
    ada.checkpoint();
    wait_until("the member hears the checkpoint", PATIENCE, || {
        let pushed = |frame: &Frame| matches!(frame, Frame::Full(_));
        member.peer.heard(federation).iter().any(pushed).then_some(())
    });
    assert_eq!(stranger.heard(federation), []);
    assert_eq!(ada.federation()["deltas"], before + 1);
    assert_eq!(ada.federation()["waiting"], 0);
    ada.stop();
}
