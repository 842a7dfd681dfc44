//! Nobody is evicted by one member, however many keys it makes; members can defend themselves, and a removed
//! member learns it.

use lore_protocol::payload::{Payload, Revoke, RevokeTarget};
use lore_tests::guild::Guild;
use lore_tests::member::{Identity, Member};
use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

fn members(node: &Node) -> u64 {
    node.federation()["members"].as_u64().unwrap()
}

/// Waits until a node holds as many deltas as a hostile member knows of.
fn holds(node: &Node, mallory: &Member) {
    let all = mallory.log.len() as u64;
    wait_until("the node holds what was said", PATIENCE, || {
        (node.federation()["deltas"].as_u64().unwrap() >= all).then_some(())
    });
}

#[test]
fn a_member_and_the_keys_that_it_vouched_for_evict_nobody_and_are_removed_by_two_others() {
    let cluster = Cluster::of(2);
    let Guild { ada, ben, members: played } = Guild::of(&cluster, [50]);
    let identity = &played[0];

    // The attacker vouches for three keys that it holds itself.
    let mut mallory = identity.connect(&ada);
    let puppets: Vec<Identity> = (51..54).map(|seed| mallory.puppet(seed, 1_000)).collect();
    holds(&ada, &mallory);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    assert_eq!(members(&ada), 6);

    // All four speak against an honest member: once, that removed it for good.
    let target = ben.federation()["member"].as_str().unwrap().parse().unwrap();
    let reason = String::new();
    let revoke = Payload::Revoke(Revoke { target: RevokeTarget::Member(target), reason });
    drop(mallory);
    for identity in puppets.iter().chain([identity]) {
        let mut member = identity.connect(&ada);
        member.publish(&revoke);
        holds(&ada, &member);
    }
    ada.checkpoint();
    converged(&[&ada, &ben]);
    assert_eq!(members(&ada), 6, "four keys of one member are one voice");
    assert_eq!(ben.federation()["former_member"], false);

    // Two voices remove the attacker, and every key of it can be removed likewise.
    let mallory = identity.connect(&ada);
    let (attacker, log) = (mallory.id(), mallory.log.tip().roster.clone());
    drop(mallory);
    let below = log.values().filter(|entry| entry.sponsor == attacker).map(|entry| entry.member);
    for one in below.chain([attacker]) {
        let one = one.to_string();
        let revoke = ["federation", "revoke", "guild", &one, "--reason", "it floods", "--yes"];
        for node in [&ada, &ben] {
            node.json(&revoke);
        }
    }
    converged(&[&ada, &ben]);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    assert_eq!(members(&ada), 2);
}

#[test]
fn who_was_removed_is_told_so_and_what_it_can_do() {
    let cluster = Cluster::of(3);
    let ada = cluster.running("ada");
    let (ben, cleo) = (cluster.running("ben"), cluster.running("cleo"));
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.admit(&cleo);
    ada.checkpoint();
    converged(&[&ada, &ben, &cleo]);
    let target = cleo.federation()["member"].as_str().unwrap().to_owned();
    for node in [&ada, &ben] {
        node.json(&["federation", "revoke", "guild", &target, "--reason", "it floods", "--yes"]);
    }
    converged(&[&ada, &ben]);
    let mut cleo = cleo;
    cleo.stop();
    ada.checkpoint();
    converged(&[&ada, &ben]);
    // It was down when the epoch ended, and is served nothing that would tell.
    cleo.start();
    wait_until("the removed node says so", PATIENCE, || {
        let status = cleo.federation();
        let told = status["problems"].to_string().contains("this node was removed");
        (told || status["former_member"] == true).then_some(())
    });
    let doctor = cleo.run(&["doctor", "--json"]);
    assert!(doctor.stdout.contains("was removed"), "{doctor:?}");
}
