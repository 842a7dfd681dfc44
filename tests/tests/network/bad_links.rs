//! Links that lose, delay and break.

use std::time::Duration;

use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

use crate::sandbox::alone;
use crate::wire::Wire;
use crate::world::{Host, LONG, way};

const LESSON: &str = "fetch http://127.0.0.1:8123/v2/<arg> -o <out>";

/// Machines on the internet, each with an address.
fn machines<const N: usize>(wire: &Wire) -> [Host; N] {
    let mut last = 0;
    [(); N].map(|()| {
        last += 1;
        Host::public(wire, [20, 0, 0, last])
    })
}

/// A federation of two nodes on two machines.
fn pair(cluster: &Cluster, [one, two]: [&Host; 2], config: &str) -> (Node, Node) {
    let ada = one.node(cluster, "ada", &[], config);
    let ben = two.node(cluster, "ben", &[], config);
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    (ada, ben)
}

fn has_lesson(node: &Node) -> bool {
    !node.skills().is_empty()
}

fn gossiped(node: &Node) -> (u64, u64) {
    let counters = node.json(&["peers"])["counters"].clone();
    let count = |key: &str| counters[key].as_u64().expect("a number");
    (count("gossip_in"), count("gossip_out"))
}

#[test]
fn sync_alone_brings_everything_when_nobody_gossips() {
    alone("bad_links::sync_alone_brings_everything_when_nobody_gossips", || {
        let cluster = Cluster::of(2);
        let wire = Wire::new();
        let [one, two] = &machines(&wire);
        let (ada, mut ben) = pair(&cluster, [one, two], "gossip = true => gossip = false");
        two.run(|| ben.share_and_restart(LESSON, "invoice"));
        wait_until("sync brings the lesson", LONG, || has_lesson(&ada).then_some(()));
        converged(&[&ada, &ben]);
        assert_eq!([gossiped(&ada), gossiped(&ben)], [(0, 0); 2]);
    });
}

#[test]
fn a_link_with_200_ms_and_a_loss_of_5_percent_brings_everything() {
    alone("bad_links::a_link_with_200_ms_and_a_loss_of_5_percent_brings_everything", || {
        let cluster = Cluster::of(2);
        let wire = Wire::new();
        wire.worsen(Duration::from_millis(200), 5);
        let [one, two] = &machines(&wire);
        let (ada, mut ben) = pair(&cluster, [one, two], "");
        two.run(|| ben.share_and_restart(LESSON, "invoice"));
        wait_until("the lesson comes", LONG, || has_lesson(&ada).then_some(()));
        ada.checkpoint();
        converged(&[&ada, &ben]);
        assert!(wire.lost() > 5, "packets were lost: {}", wire.lost());
    });
}

#[test]
fn a_partition_that_heals_leaves_one_library() {
    alone("bad_links::a_partition_that_heals_leaves_one_library", || {
        let cluster = Cluster::of(2);
        let wire = Wire::new();
        let [one, two] = &machines(&wire);
        let (mut ada, mut ben) = pair(&cluster, [one, two], "");
        wire.cut(one.port, two.port);
        wire.cut(two.port, one.port);
        // Work on both sides of the cut, which both outlive a restart.
        one.run(|| ada.share_and_restart("tar -xzf <arg>", "archive"));
        two.run(|| ben.share_and_restart(LESSON, "invoice"));
        ada.checkpoint();
        assert_eq!([way(&ada, &ben), way(&ben, &ada)], [None, None]);
        let apart = [&ada, &ben].map(|node| node.federation());
        assert_ne!(apart[0]["root"], apart[1]["root"]);
        wire.mend();
        wait_until("both lessons are on both sides", LONG, || {
            [&ada, &ben].iter().all(|node| node.federation()["lessons"] == 2).then_some(())
        });
        ada.checkpoint();
        converged(&[&ada, &ben]);
    });
}

#[test]
fn who_hears_nothing_of_one_member_hears_it_from_another() {
    alone("bad_links::who_hears_nothing_of_one_member_hears_it_from_another", || {
        let cluster = Cluster::of(3);
        let wire = Wire::new();
        let [one, two, three] = &machines(&wire);
        let (mut ada, ben) = pair(&cluster, [one, two], "");
        let cleo = three.node(&cluster, "cleo", &[], "");
        ada.admit(&cleo);
        ada.checkpoint();
        converged(&[&ada, &ben, &cleo]);
        // Ben's packets arrive at Ada, and hers do not arrive at Ben.
        wire.cut(one.port, two.port);
        one.run(|| ada.share_and_restart(LESSON, "invoice"));
        wait_until("ben has the lesson of ada", LONG, || has_lesson(&ben).then_some(()));
        wait_until("ben notices that ada is silent", LONG, || {
            (way(&ben, &ada).is_none() && way(&ben, &cleo).is_some()).then_some(())
        });
        ada.checkpoint();
        wait_until("and her checkpoint", PATIENCE, || {
            (ada.federation()["epoch"] == ben.federation()["epoch"]).then_some(())
        });
        converged(&[&ada, &ben, &cleo]);
    });
}
