//! Nodes say truly how others reach them.

use lore_tests::Cluster;
use lore_tests::wait::wait_until;

use crate::nat::Mapping;
use crate::sandbox::alone;
use crate::wire::Wire;
use crate::world::{Host, LONG, Relay, TwoHomes, reach, reached};

#[test]
fn a_node_that_lets_others_in_holds_no_place_at_a_relay() {
    alone("reach::a_node_that_lets_others_in_holds_no_place_at_a_relay", || {
        let cluster = Cluster::of(2);
        let wire = Wire::new();
        let [at, home] = [[20, 0, 0, 1], [20, 0, 0, 2]].map(|ip| Host::public(&wire, ip));
        let relay = Relay::start(&cluster, &at);
        let ada = home.node(&cluster, "ada", &["--relay", &relay.addresses[0]], "");
        reached(&ada, "directly");
        wait_until("the place is given back", LONG, || {
            (reach(&ada)["relays"][0]["state"] == "connected").then_some(())
        });
        let told = reach(&ada)["told"].clone();
        assert!(told[0].as_str().unwrap().starts_with("/ip4/20.0.0.2/"), "{told}");
        assert!(!told.to_string().contains("p2p-circuit"), "{told}");
    });
}

#[test]
fn a_node_that_nobody_reaches_says_so_and_doctor_says_what_to_do() {
    alone("reach::a_node_that_nobody_reaches_says_so_and_doctor_says_what_to_do", || {
        let cluster = Cluster::of(2);
        let homes = TwoHomes::new(Mapping::SameForAll, Mapping::SameForAll);
        let judge = Relay::start(&cluster, &homes.relay);
        let config = format!("# bootstrap = [] => bootstrap = [\"{}\"]", judge.addresses[0]);
        let ada = homes.ada.node(&cluster, "ada", &[], &config);
        reached(&ada, "unreachable");
        let ran = ada.run(&["doctor", "--json"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let report = ran.value();
        let mut checks = report["checks"].as_array().into_iter().flatten();
        let check = checks.find(|one| one["check"] == "reach").unwrap();
        assert_eq!(check["ok"], false, "{check}");
        let says = check["says"].as_str().unwrap();
        assert!(says.contains("others cannot reach this node"), "{says}");
        assert!(says.contains("lore relay"), "{says}");
    });
}

#[test]
fn a_relay_that_comes_back_is_used_again() {
    alone("reach::a_relay_that_comes_back_is_used_again", || {
        let cluster = Cluster::of(2);
        let homes = TwoHomes::new(Mapping::SameForAll, Mapping::SameForAll);
        let relay = Relay::start(&cluster, &homes.relay);
        let line = relay.addresses[0].clone();
        let ada = homes.ada.node(&cluster, "ada", &["--relay", &line], "");
        reached(&ada, "through_relay");
        drop(relay);
        wait_until("ada notices", LONG, || {
            (reach(&ada)["relays"][0]["state"] == "not_connected").then_some(())
        });
        assert!(!reach(&ada)["told"].to_string().contains("p2p-circuit"));
        let again = Relay::start(&cluster, &homes.relay);
        assert!(again.addresses.contains(&line), "a relay keeps its key and its address");
        reached(&ada, "through_relay");
    });
}
