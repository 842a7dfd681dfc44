//! Members that moved, and whose old addresses lead nowhere.

use lore_tests::node::converged;
use lore_tests::wait::wait_until;
use lore_tests::{Cluster, Node};

use crate::sandbox::alone;
use crate::wire::Wire;
use crate::world::{Host, LONG, Relay, way};

/// Stops both nodes, and starts them on other machines.
fn move_both(nodes: [&mut Node; 2], hosts: [&Host; 2]) {
    for node in nodes {
        node.stop();
        let host = hosts[usize::from(node.home().ends_with("ben"))];
        host.run(|| node.start());
    }
}

fn federation(ada: &Node, ben: &Node) {
    ada.json(&["federation", "create", "guild"]);
    ada.admit(ben);
    ada.checkpoint();
    converged(&[ada, ben]);
}

#[test]
fn members_on_a_lan_find_each_other_without_addresses_and_strangers_are_left_alone() {
    let name =
        "moved::members_on_a_lan_find_each_other_without_addresses_and_strangers_are_left_alone";
    alone(name, || {
        let cluster = Cluster::of(3);
        let wire = Wire::new();
        let lan = wire.lan(None);
        let host = |last| Host::at_home(&wire, lan, [192, 168, 7, last]);
        let [first, second] = [host(2), host(3)];
        let mut ada = first.node(&cluster, "ada", &[], "");
        let mut ben = second.node(&cluster, "ben", &[], "");
        federation(&ada, &ben);
        let stranger = host(9);
        let cleo = stranger.node(&cluster, "cleo", &[], "");
        let [third, fourth] = [host(4), host(5)];
        move_both([&mut ada, &mut ben], [&third, &fourth]);
        for (from, to) in [(&ada, &ben), (&ben, &ada)] {
            wait_until("they met", LONG, || (way(from, to)? == "lan").then_some(()));
        }
        ada.checkpoint();
        converged(&[&ada, &ben]);
        for node in [&ada, &ben] {
            assert_eq!([way(&cleo, node), way(node, &cleo)], [None, None]);
        }
        assert!(wire.carried(stranger.port, third.port) > 0, "the stranger was heard");
    });
}

#[test]
fn devices_of_one_person_find_each_other_on_a_lan_after_both_moved() {
    alone("moved::devices_of_one_person_find_each_other_on_a_lan_after_both_moved", || {
        let cluster = Cluster::of(2);
        let wire = Wire::new();
        let lan = wire.lan(None);
        let host = |last| Host::at_home(&wire, lan, [192, 168, 7, last]);
        let [first, second] = [host(2), host(3)];
        let mut ada = first.node(&cluster, "ada", &[], "");
        let mut ben = second.node(&cluster, "ben", &[], "");
        // They are in no federation.
        let line = ada.json(&["device", "invite", "--user", "me"])["line"].clone();
        ben.json(&["device", "join", line.as_str().unwrap(), "--user", "me", "--yes"]);
        let [third, fourth] = [host(4), host(5)];
        move_both([&mut ada, &mut ben], [&third, &fourth]);
        wait_until("they met", LONG, || (way(&ada, &ben)? == "lan").then_some(()));
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/example-session.jsonl");
        ada.json(&["session", "import", example, "--user", "me"]);
        wait_until("the lesson is there", LONG, || {
            let listed = ben.json(&["lesson", "list", "rg", "--user", "me"]);
            (listed["lessons"][0]["circle"] == "devices").then_some(())
        });
    });
}

#[test]
fn members_that_both_moved_find_each_other_at_a_bootstrap_node() {
    alone("moved::members_that_both_moved_find_each_other_at_a_bootstrap_node", || {
        let cluster = Cluster::of(3);
        let wire = Wire::new();
        let host = |last| Host::public(&wire, [20, 0, 0, last]);
        let [at, first, second] = [host(1), host(2), host(3)];
        let bootstrap = Relay::start(&cluster, &at);
        let config = format!("# bootstrap = [] => bootstrap = [\"{}\"]", bootstrap.addresses[0]);
        let mut ada = first.node(&cluster, "ada", &[], &config);
        let mut ben = second.node(&cluster, "ben", &[], &config);
        federation(&ada, &ben);
        let [third, fourth] = [host(4), host(5)];
        move_both([&mut ada, &mut ben], [&third, &fourth]);
        for (from, to) in [(&ada, &ben), (&ben, &ada)] {
            wait_until("they met", LONG, || (way(from, to)? == "direct").then_some(()));
        }
        ada.checkpoint();
        converged(&[&ada, &ben]);
        // They hear nothing of each other but through the bootstrap node: there is no LAN here.
        assert!(wire.carried(third.port, at.port) > 0);
    });
}
