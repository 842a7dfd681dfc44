//! People with machines, at home behind routers or on the internet.

use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lore_tests::binary::lore;
use lore_tests::wait::wait_until;
use lore_tests::{Cluster, Node};
use serde_json::Value;

use crate::nat::Mapping;
use crate::tun::{DEVICE, Network};
use crate::wire::{LanId, Port, Wire};

/// Far longer than anything takes, also at a loss of 5 % and a delay of 200 ms on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(180);

/// A machine on the wire.
pub(crate) struct Host {
    network: Network,
    pub(crate) port: Port,
}

impl Host {
    /// A machine on the internet.
    pub(crate) fn public(wire: &Wire, address: [u8; 4]) -> Self {
        Self::plugged(wire, address.into(), None)
    }

    /// A machine in a LAN.
    pub(crate) fn at_home(wire: &Wire, lan: LanId, address: [u8; 4]) -> Self {
        Self::plugged(wire, address.into(), Some(lan))
    }

    fn plugged(wire: &Wire, address: Ipv4Addr, lan: Option<LanId>) -> Self {
        let (network, device) = Network::new();
        network.run(|| {
            ip(&["link", "set", "lo", "up"]);
            ip(&["address", "add", &format!("{address}/24"), "dev", DEVICE]);
            ip(&["link", "set", DEVICE, "up"]);
            ip(&["route", "add", "default", "dev", DEVICE]);
        });
        Self { network, port: wire.plug(address, lan, device) }
    }

    /// Does something on this machine.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.network.run(work)
    }

    /// A new node that runs here.
    pub(crate) fn node(&self, cluster: &Cluster, name: &str, args: &[&str], config: &str) -> Node {
        let mut node = cluster.node_beyond(name, &[&["--sync-seconds", "1"], args].concat());
        let path = node.home().join("config.toml");
        let text = std::fs::read_to_string(&path).expect("the configuration");
        let (before, after) = config.split_once(" => ").unwrap_or_default();
        assert!(text.contains(before), "{text}");
        std::fs::write(&path, text.replacen(before, after, 1)).expect("it is written");
        self.run(|| node.start());
        node
    }
}

fn ip(args: &[&str]) {
    let ran = Command::new("ip").args(args).output().expect("`ip` runs");
    assert!(ran.status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A relay that runs.
pub(crate) struct Relay {
    process: Child,
    /// Its addresses, as it printed them.
    pub(crate) addresses: Vec<String>,
}

impl Relay {
    /// Starts a relay, as docs/network.md says.
    pub(crate) fn start(cluster: &Cluster, host: &Host) -> Self {
        let mut command = Command::new(lore());
        command.env_remove("LORE_HOME").env_remove("LORE_LOG");
        command.arg("--home").arg(cluster.path().join("relay")).args(["relay", "--json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = host.run(|| command.spawn().expect("the relay starts"));
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().expect("stdout is a pipe"));
        said.read_line(&mut line).expect("it says something");
        let listening: Value = serde_json::from_str(&line).expect("an object");
        let addresses = listening["addresses"].as_array().into_iter().flatten();
        let addresses = addresses.filter_map(|one| Some(one.as_str()?.to_owned())).collect();
        Self { process, addresses }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two homes behind two routers, and a relay on the internet.
pub(crate) struct TwoHomes {
    pub(crate) wire: Wire,
    pub(crate) ada: Host,
    pub(crate) ben: Host,
    pub(crate) relay: Host,
}

impl TwoHomes {
    pub(crate) fn new(ada: Mapping, ben: Mapping) -> Self {
        let wire = Wire::new();
        let here = wire.lan(Some(([20, 1, 0, 1].into(), ada)));
        let there = wire.lan(Some(([20, 2, 0, 1].into(), ben)));
        Self {
            relay: Host::public(&wire, [20, 0, 0, 1]),
            // Most homes use the same few networks.
            ada: Host::at_home(&wire, here, [192, 168, 1, 2]),
            ben: Host::at_home(&wire, there, [192, 168, 1, 3]),
            wire,
        }
    }
}

/// How others reach a node.
pub(crate) fn reach(node: &Node) -> Value {
    node.json(&["peers"])["reach"].clone()
}

/// Waits until others reach a node in this way.
pub(crate) fn reached(node: &Node, how: &str) {
    wait_until(&format!("{} is reached: {how}", node.home().display()), LONG, || {
        let reach = reach(node);
        (reach["state"] == how).then_some(())
    });
}

/// The way from one node to another; none while there is none.
pub(crate) fn way(from: &Node, to: &Node) -> Option<String> {
    let key = to.json(&["status"])["key"].clone();
    let peers = from.json(&["peers"]);
    let mut connections = peers["connections"].as_array().into_iter().flatten();
    let found = connections.find(|one| one["peer"] == key)?;
    found["way"].as_str().map(ToOwned::to_owned)
}
