//! The network in plain words: who is connected and how, how others reach this node, and what to do.

use lore_control::{
    Connection, Counters, Network as Connections, PublicKey, Reach, Reachable, RelayPlace,
    RelayUse, Way,
};

use super::Daemon;
use crate::network::{self, Lookup, PeerAddress, RelayState};

impl Daemon {
    pub(super) fn connections(&self) -> Connections {
        let counters = self.network.counters();
        let links = self.network.links();
        let connection = |link: &network::PeerLink| Connection {
            peer: PublicKey::of(link.peer),
            way: way_of(link.way),
            address: link.address.to_string(),
        };
        Connections {
            connected: self.network.peers().iter().map(PublicKey::of).collect(),
            connections: links.iter().map(connection).collect(),
            reach: reach_of(&self.network.reach(), &self.network.told()),
            listening: self.network.addresses().iter().map(ToString::to_string).collect(),
            counters: Counters {
                payload_out_bytes: counters.payload_out_bytes,
                payload_in_bytes: counters.payload_in_bytes,
                stream_out_bytes: counters.stream_out_bytes,
                stream_in_bytes: counters.stream_in_bytes,
                gossip_out: counters.gossip_out,
                gossip_in: counters.gossip_in,
            },
        }
    }
}

const fn way_of(way: network::Way) -> Way {
    match way {
        network::Way::Loopback => Way::Loopback,
        network::Way::Lan => Way::Lan,
        network::Way::Direct => Way::Direct,
        network::Way::HolePunched => Way::HolePunched,
        network::Way::Relayed => Way::Relayed,
    }
}

fn reach_of(reach: &network::Reach, told: &[PeerAddress]) -> Reach {
    let relays: Vec<RelayPlace> = reach.relays.iter().map(place_of).collect();
    let state = state_of(reach, &relays);
    let (says, advice) = words(state, reach, &relays);
    Reach {
        state,
        says,
        advice,
        told: told.iter().map(ToString::to_string).collect(),
        confirmed: reach.confirmed.iter().map(ToString::to_string).collect(),
        relays,
        hole_punched: reach.punched,
        not_hole_punched: reach.not_punched,
        mdns: reach.mdns == Lookup::On,
        dht: reach.dht == Lookup::On,
        gossip: reach.gossip,
    }
}

fn place_of(place: &network::RelayPlace) -> RelayPlace {
    let (state, why) = match &place.state {
        RelayState::NotConnected => (RelayUse::NotConnected, None),
        RelayState::Connected => (RelayUse::Connected, None),
        RelayState::Asked => (RelayUse::Asked, None),
        RelayState::Reserved => (RelayUse::Reserved, None),
        RelayState::Refused(why) => (RelayUse::Refused, Some(lore_engine::shelf::escaped(why))),
    };
    RelayPlace { address: place.address.clone(), state, why }
}

fn state_of(reach: &network::Reach, relays: &[RelayPlace]) -> Reachable {
    let loopback = |address: &network::Multiaddr| {
        let text = address.to_string();
        text.starts_with("/ip4/127.") || text.starts_with("/ip6/::1/")
    };
    if !reach.confirmed.is_empty() {
        Reachable::Directly
    } else if relays.iter().any(|relay| relay.state == RelayUse::Reserved) {
        Reachable::ThroughRelay
    } else if reach.told.iter().all(loopback) {
        Reachable::ThisMachine
    } else if reach.unreachable.is_some() {
        Reachable::Unreachable
    } else {
        Reachable::Unknown
    }
}

fn words(
    state: Reachable,
    reach: &network::Reach,
    relays: &[RelayPlace],
) -> (String, Option<String>) {
    let relay = |wanted| relays.iter().find(|relay| relay.state == wanted);
    let to_relays = || {
        match (relays.is_empty(), relay(RelayUse::Refused)) {
        (true, _) => {
            "add a relay under `network.relays` in config.toml: somebody with a public address runs \
             `lore relay`, which prints the line; see docs/network.md"
                .to_owned()
        }
        (false, Some(refused)) => format!(
            "{} refused a place: {}. Try another relay, or ask its operator",
            refused.address,
            refused.why.as_deref().unwrap_or("it gave no reason")
        ),
        (false, None) => format!(
            "no relay answers: look whether {} is right, and whether this machine may connect to it",
            relays.first().map_or("the address", |relay| relay.address.as_str())
        ),
    }
    };
    match state {
        Reachable::Directly => {
            let at = reach.confirmed.first().map(ToString::to_string).unwrap_or_default();
            (format!("others reach this node directly, at {at}"), None)
        }
        Reachable::ThroughRelay => {
            let through = relay(RelayUse::Reserved).map_or("", |relay| relay.address.as_str());
            let says = format!(
                "this node is behind a router that lets nobody in; others reach it through the relay {through}"
            );
            let punched = reach.punched == 0 && reach.not_punched > 0;
            let advice = punched.then(|| {
                "no direct way could be made through the routers: traffic goes through the relay. To \
                 avoid that, forward a port of the router to this node"
                    .to_owned()
            });
            (says, advice)
        }
        Reachable::ThisMachine => (
            "this node listens on this machine only: nobody else can reach it".into(),
            Some(
                "to be reached by others, set `listen` in config.toml to \
                 [\"/ip4/0.0.0.0/udp/4730/quic-v1\", \"/ip4/0.0.0.0/tcp/4730\"]"
                    .into(),
            ),
        ),
        Reachable::Unreachable => {
            let at = reach.unreachable.as_ref().map(ToString::to_string).unwrap_or_default();
            let says = format!(
                "others cannot reach this node: a relay or bootstrap node dialled {at} in vain"
            );
            (says, Some(to_relays()))
        }
        Reachable::Unknown if relays.is_empty() => (
            "others on the same network reach this node; whether others do is not known: no relay or \
             bootstrap node is there to try it"
                .into(),
            Some(to_relays()),
        ),
        Reachable::Unknown => (
            "others on the same network reach this node; whether others do is not known yet".into(),
            Some(to_relays()),
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const RELAY: &str =
        "/ip4/8.8.8.8/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn reach(told: &[&str], relay: Option<RelayState>) -> network::Reach {
        let place = |state| network::RelayPlace { address: RELAY.into(), state };
        network::Reach {
            told: told.iter().map(|text| text.parse().unwrap()).collect(),
            relays: relay.map(place).into_iter().collect(),
            ..network::Reach::default()
        }
    }

    #[test]
    fn each_state_is_said_with_what_to_do() {
        let lan = "/ip4/192.168.1.2/tcp/1";
        let of = |reach: &network::Reach| reach_of(reach, &[]);
        let here = of(&reach(&["/ip4/127.0.0.1/tcp/1"], None));
        assert_eq!(here.state, Reachable::ThisMachine);
        assert!(here.advice.unwrap().contains("listen"));
        let alone = of(&reach(&[lan], None));
        assert_eq!(alone.state, Reachable::Unknown);
        assert!(alone.advice.unwrap().contains("lore relay"));
        let mut vain = reach(&[lan], Some(RelayState::Refused("full\u{1b}[2J".into())));
        vain.unreachable = Some("/ip4/9.9.9.9/tcp/1".parse().unwrap());
        let vain = of(&vain);
        assert_eq!(vain.state, Reachable::Unreachable);
        let advice = vain.advice.unwrap();
        assert!(advice.contains("refused") && !advice.contains('\u{1b}'), "{advice}");
        let through = of(&reach(&[lan], Some(RelayState::Reserved)));
        assert_eq!((through.state, through.advice), (Reachable::ThroughRelay, None));
        let mut direct = reach(&[lan], Some(RelayState::Connected));
        direct.confirmed.push("/ip4/9.9.9.9/tcp/1".parse().unwrap());
        assert_eq!(of(&direct).state, Reachable::Directly);
    }
}
