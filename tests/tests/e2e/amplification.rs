//! A short question makes a node send no more than a stated factor of what an honest member needs.

use lore_engine::metering::{REFILL_BYTES_PER_SECOND, ROOM_BYTES};
use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::Payload;
use lore_protocol::sync::{Ask, Part, Range};
use lore_protocol::wire::{Reply, Request};
use lore_tests::Cluster;
use lore_tests::guild::{Guild, authored};
use lore_tests::member::Member;
use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};

/// A release of lessons that is some 50 KiB long.
fn bulky(number: usize) -> Payload {
    authored((0..40).map(|entry| format!("fetch --{number}-{entry} {}", "x".repeat(120))))
}

/// The questions that have the largest answers.
fn everything(member: &Member) -> [Vec<u8>; 2] {
    let ranges = vec![Range { end: None, part: Part::Have(Vec::new()) }];
    let asks = [
        Ask::Missing { frontiers: Vec::new(), wants: Vec::new() },
        Ask::Compare { salt: Hash::ZERO, ranges },
    ];
    asks.map(|ask| codec::encode(&Request::Sync { federation: member.log.federation(), ask }))
}

#[test]
fn a_member_that_asks_for_everything_again_and_again_is_told_to_wait_and_others_are_served() {
    let cluster = Cluster::of(2);
    let Guild { ada, ben, members } = Guild::of(&cluster, [60, 61]);
    let mut mallory = members[0].connect(&ada);
    for number in 0..40 {
        mallory.publish(&bulky(number));
    }
    let all = mallory.log.len() as u64;
    wait_until("ada holds it", PATIENCE, || {
        (ada.federation()["deltas"].as_u64().unwrap() >= all).then_some(())
    });
    let log_bytes = mallory.log.stored_bytes();

    let questions = everything(&mallory);
    let begun = std::time::Instant::now();
    let mut answered: u64 = 0;
    let mut next = questions.iter().cycle();
    let refusal = loop {
        let reply = mallory.peer.ask_bytes(next.next().unwrap().clone()).unwrap();
        if let Reply::Refused(why) = codec::decode(&reply).unwrap() {
            break why;
        }
        answered += reply.len() as u64;
        let gained = (begun.elapsed().as_secs() + 1) * REFILL_BYTES_PER_SECOND;
        let bound = ROOM_BYTES + log_bytes + gained + (1 << 20);
        assert!(answered <= bound, "{answered} bytes for one member, of a log of {log_bytes}");
    };
    assert!(refusal.contains("ask again in"), "{refusal}");
    // Nobody else waits for it: another member catches up from nothing meanwhile.
    let honest = members[1].connect(&ada);
    assert!(honest.log.len() as u64 >= all);
    ada.checkpoint();
    converged(&[&ada, &ben]);
}
