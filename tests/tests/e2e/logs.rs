//! Peers cannot fill a node's disk with lines of its log.

use std::fs;

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{Payload, Void};
use lore_protocol::spread::Frame;
use lore_tests::member::Identity;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

fn log_bytes(node: &Node) -> u64 {
    let files = fs::read_dir(node.home().join("logs")).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn what_a_member_or_a_stranger_makes_a_node_log_is_limited_and_the_log_says_so() {
    let cluster = Cluster::of(1);
    let ada = cluster.running("ada");
    ada.json(&["federation", "create", "guild"]);
    let identity = Identity::join(&ada, &ada.invitation(&[]), 80);
    ada.checkpoint();
    let mallory = identity.connect(&ada);
    let before = log_bytes(&ada);
    // Each is refused with a line: a delta of a wrong height.
    let mut number: u32 = 0;
    let mut refused = || {
        number += 1;
        let mut release = [0; 32];
        release[..4].copy_from_slice(&number.to_le_bytes());
        let void = Payload::Void(Void { release: Hash(release) });
        let delta = mallory.sign(&void, |header| header.seq += 1);
        mallory.gossip(&codec::encode(&Frame::Full(delta)));
    };
    (0..4_000).for_each(|_| refused());
    wait_until("the log says that lines were left out", PATIENCE, || {
        refused();
        (ada.log_lines("were too many, and are not here") > 0).then_some(())
    });
    let grown = log_bytes(&ada) - before;
    assert!(grown < 200 << 10, "{grown} bytes of log for {number} frames");
}
