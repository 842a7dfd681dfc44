//! `[network]` of `config.toml`: how this node is found and reached beyond one machine.

use serde::Deserialize;

use super::quoted;
use crate::network::{MAX_RELAYS, Multiaddr, PeerAddress};

/// Settings of the ways to other nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSettings {
    /// Relays, through which others reach this node while it cannot be reached otherwise.
    pub relays: Vec<PeerAddress>,
    /// Nodes at which the addresses of members are looked up; the relays when none is given.
    pub bootstrap: Option<Vec<PeerAddress>>,
    /// Whether members are looked for on the LAN; when nothing was said, unless the node listens on
    /// loopback only.
    pub mdns: Option<bool>,
    /// Whether addresses are published and looked up at the bootstrap nodes.
    pub dht: bool,
    /// Whether deltas are gossiped.
    pub gossip: bool,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self { relays: Vec::new(), bootstrap: None, mdns: None, dht: true, gossip: true }
    }
}

/// The table as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NetworkTable {
    relays: Option<Vec<toml::Spanned<String>>>,
    bootstrap: Option<Vec<toml::Spanned<String>>>,
    mdns: Option<bool>,
    dht: Option<bool>,
    gossip: Option<bool>,
}

impl NetworkTable {
    /// The settings; otherwise where the fault is, and what it is.
    pub(super) fn settings(self) -> Result<NetworkSettings, (usize, String)> {
        let defaults = NetworkSettings::default();
        Ok(NetworkSettings {
            relays: self
                .relays
                .map(|texts| nodes(texts, "relays"))
                .transpose()?
                .unwrap_or_default(),
            bootstrap: self.bootstrap.map(|texts| nodes(texts, "bootstrap")).transpose()?,
            mdns: self.mdns,
            dht: self.dht.unwrap_or(defaults.dht),
            gossip: self.gossip.unwrap_or(defaults.gossip),
        })
    }
}

fn nodes(
    texts: Vec<toml::Spanned<String>>,
    key: &str,
) -> Result<Vec<PeerAddress>, (usize, String)> {
    if let Some(over) = texts.get(MAX_RELAYS) {
        return Err((over.span().start, format!("`{key}` has at most {MAX_RELAYS} addresses")));
    }
    let one = |text: toml::Spanned<String>| {
        let parsed: Result<PeerAddress, _> = text.get_ref().parse();
        parsed.map_err(|error| (text.span().start, error.to_string()))
    };
    texts.into_iter().map(one).collect()
}

impl NetworkSettings {
    /// The bootstrap nodes: the relays when none was given.
    #[must_use]
    pub fn bootstrap_nodes(&self) -> Vec<PeerAddress> {
        self.bootstrap.as_ref().unwrap_or(&self.relays).clone()
    }

    /// Whether members are looked for on the LAN by a node that listens there.
    #[must_use]
    pub fn looks_on_the_lan(&self, listen: &[Multiaddr]) -> bool {
        let loopback = |address: &Multiaddr| {
            let text = address.to_string();
            text.starts_with("/ip4/127.") || text.starts_with("/ip6/::1/")
        };
        self.mdns.unwrap_or_else(|| !listen.iter().all(loopback))
    }

    /// The table with comments.
    pub(super) fn to_toml(&self) -> String {
        let list = |nodes: &[PeerAddress]| {
            let texts: Vec<String> = nodes.iter().map(|one| quoted(&one.to_string())).collect();
            format!("[{}]", texts.join(", "))
        };
        let bootstrap = match &self.bootstrap {
            Some(nodes) => format!("bootstrap = {}\n", list(nodes)),
            None => "# bootstrap = []\n".into(),
        };
        let mdns = match self.mdns {
            Some(on) => format!("mdns = {on}\n"),
            None => "# mdns = true\n".into(),
        };
        format!(
            "# Beyond this machine and its network; docs/network.md explains it.\n\
             [network]\n\
             # Relays, as `lore relay` prints them. A node behind a router is reached through them. A relay\n\
             # sees who talks with whom, and when; it reads nothing.\n\
             relays = {}\n\
             # Nodes at which the addresses of members are looked up. Without this line: the relays.\n\
             {bootstrap}\
             # Look for members on the local network. Everybody there can see this node's key. Without this\n\
             # line: only when the node listens there.\n\
             {mdns}\
             # Publish this node's addresses at the bootstrap nodes, and look up those of members.\n\
             dht = {}\n\
             # Gossip new deltas at once. Without it they come with the next comparison.\n\
             gossip = {}\n",
            list(&self.relays),
            self.dht,
            self.gossip,
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;
    use crate::config::Config;

    const RELAY: &str =
        "/ip4/8.8.8.8/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn parse(text: &str) -> Result<NetworkSettings, String> {
        let config = Config::parse(text, Path::new("config.toml"));
        config.map(|config| config.network).map_err(|error| error.to_string())
    }

    #[test]
    fn relays_are_bootstrap_nodes_where_no_others_are_named() {
        let settings = parse(&format!("[network]\nrelays = [\"{RELAY}\"]\n")).unwrap();
        assert_eq!(settings.bootstrap_nodes(), [RELAY.parse().unwrap()]);
        let settings = parse(&format!("[network]\nrelays = [\"{RELAY}\"]\nbootstrap = []\n"));
        assert_eq!(settings.unwrap().bootstrap_nodes(), []);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let many = vec![format!("\"{RELAY}\""); MAX_RELAYS + 1].join(", ");
        let error = parse(&format!("[network]\nrelays = [{many}]\n")).unwrap_err();
        assert!(error.starts_with("config.toml:2: `relays` has at most 8"), "{error}");
        let error = parse("[network]\nrelays = [\"/ip4/8.8.8.8/tcp/1\"]\n").unwrap_err();
        assert!(error.contains("/p2p/"), "{error}");
    }

    #[test]
    fn a_node_on_loopback_does_not_speak_on_the_lan_unless_it_is_told_to() {
        let listen = |texts: &[&str]| -> Vec<Multiaddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let here = listen(&["/ip4/127.0.0.1/tcp/0", "/ip6/::1/udp/0/quic-v1"]);
        let there = listen(&["/ip4/127.0.0.1/tcp/0", "/ip4/0.0.0.0/tcp/0"]);
        let unsaid = NetworkSettings::default();
        assert!(!unsaid.looks_on_the_lan(&here) && unsaid.looks_on_the_lan(&there));
        let off = NetworkSettings { mdns: Some(false), ..NetworkSettings::default() };
        assert!(!off.looks_on_the_lan(&there));
        let on = NetworkSettings { mdns: Some(true), ..NetworkSettings::default() };
        assert!(on.looks_on_the_lan(&here));
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let relay: PeerAddress = RELAY.parse().unwrap();
        let settings = NetworkSettings {
            relays: vec![relay.clone()],
            bootstrap: Some(vec![relay]),
            mdns: Some(false),
            dht: false,
            gossip: false,
        };
        assert_eq!(parse(&settings.to_toml()).unwrap(), settings);
    }
}
