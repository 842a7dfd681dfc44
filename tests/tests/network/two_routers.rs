//! Two people behind two routers that let nobody in, and a relay.

use lore_tests::node::converged;
use lore_tests::wait::wait_until;
use lore_tests::{Cluster, Node};

use crate::nat::Mapping;
use crate::sandbox::alone;
use crate::world::{LONG, Relay, TwoHomes, reach, reached, way};

/// What docs/network.md tells two people to do, up to a lesson that both have. Gives both nodes.
fn from_nothing_to_a_shared_lesson(
    cluster: &Cluster,
    homes: &TwoHomes,
    relay: &Relay,
) -> (Node, Node) {
    let line = &relay.addresses[0];
    let ada = homes.ada.node(cluster, "ada", &["--relay", line], "");
    reached(&ada, "through_relay");
    let mut ben = homes.ben.node(cluster, "ben", &["--relay", line], "");
    reached(&ben, "through_relay");
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    homes
        .ben
        .run(|| ben.share_and_restart("fetch http://127.0.0.1:8123/v2/<arg> -o <out>", "invoice"));
    wait_until("both have the skill", LONG, || {
        [&ada, &ben].iter().all(|node| !node.skills().is_empty()).then_some(())
    });
    ada.checkpoint();
    converged(&[&ada, &ben]);
    (ada, ben)
}

#[test]
fn two_people_behind_two_routers_share_a_lesson_and_make_a_direct_way() {
    alone(
        "two_routers::two_people_behind_two_routers_share_a_lesson_and_make_a_direct_way",
        || {
            let cluster = Cluster::of(3);
            let homes = TwoHomes::new(Mapping::SameForAll, Mapping::SameForAll);
            let relay = Relay::start(&cluster, &homes.relay);
            let (ada, ben) = from_nothing_to_a_shared_lesson(&cluster, &homes, &relay);
            // Whose first packet comes second sees the other one's connection come in.
            wait_until("the way is direct", LONG, || {
                let ways = [way(&ada, &ben), way(&ben, &ada)];
                let direct = |way: &String| way == "hole_punched" || way == "direct";
                ways.iter().all(|way| way.as_ref().is_some_and(direct)).then_some(())
            });
            assert!(reach(&ada)["hole_punched"].as_u64() > Some(0));
            assert!(homes.wire.carried(homes.ada.port, homes.ben.port) > 0);
        },
    );
}

#[test]
fn where_routers_allow_no_direct_way_the_relay_carries_everything() {
    alone("two_routers::where_routers_allow_no_direct_way_the_relay_carries_everything", || {
        let cluster = Cluster::of(3);
        let homes = TwoHomes::new(Mapping::OneForEach, Mapping::OneForEach);
        let relay = Relay::start(&cluster, &homes.relay);
        let (ada, ben) = from_nothing_to_a_shared_lesson(&cluster, &homes, &relay);
        assert_eq!(way(&ada, &ben).as_deref(), Some("relayed"));
        assert_eq!(way(&ben, &ada).as_deref(), Some("relayed"));
        assert_eq!(homes.wire.carried(homes.ada.port, homes.ben.port), 0);
        assert_eq!(homes.wire.carried(homes.ben.port, homes.ada.port), 0);
    });
}
