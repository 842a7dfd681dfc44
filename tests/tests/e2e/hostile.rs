//! Hostile peers without rights: what they get, and what they can break: nothing.

use lore_protocol::codec;
use lore_protocol::identity::SecretKey;
use lore_protocol::ids::{FederationId, Hash, InvitationId};
use lore_protocol::sync::Ask;
use lore_protocol::wire::{Reply, Request};
use lore_tests::Cluster;
use lore_tests::peer::Peer;
use lore_tests::wait::PATIENCE;

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
fn bytes_that_are_no_request_and_gossip_of_no_member_change_nothing() {
    let cluster = Cluster::of(1);
    let mut ada = cluster.running("ada");
    ada.json(&["federation", "create", "guild"]);
    let federation = federation(&ada);
    let mut stranger = Peer::connect(SecretKey::from_seed(&[9; 32]), &ada);
    for bytes in [vec![], vec![0xff; 40], vec![0; 100_000]] {
        let reply = stranger.ask_bytes(bytes).unwrap();
        assert!(matches!(codec::decode(&reply), Ok(Reply::Refused(_))));
    }
    stranger.gossip(federation, b"not sealed for this federation, and long enough for a nonce");

    // What the mesh lets a stranger hear is sealed: of a charter it does not know, nothing is read.
    ada.checkpoint();
    let heard = stranger.heard(PATIENCE).expect("a stranger can be in the mesh");
    let other = cluster.node("eve");
    other.json(&["federation", "create", "guild"]);
    let dump = cluster.path().join("log");
    other.json(&["federation", "export-log", "--dir", dump.to_str().unwrap()]);
    let charter = codec::decode(&std::fs::read(dump.join("charter.bin")).unwrap()).unwrap();
    assert!(lore_protocol::wire::FrameSeal::new(&charter).open(&heard).is_err());
    assert!(codec::decode::<lore_protocol::wire::Frame>(&heard).is_err());
    // The founder's Join, its codebook and its checkpoint, and nothing else, long after the stranger spoke.
    assert_eq!(ada.federation()["deltas"], 3);
    assert_eq!(ada.federation()["waiting"], 0);
    ada.stop();
}
