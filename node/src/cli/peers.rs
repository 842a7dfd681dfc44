//! `peers`.

use lore_control::{Network, Peers, RelayUse, Way};

use super::Context;
use crate::error::CliError;
use crate::output;

pub(super) fn peers(context: &Context) -> Result<(), CliError> {
    let network = context.ask_running(Peers {})?;
    output::result(&network, context.json, text)
}

fn text(network: &Network) -> String {
    let mut lines = vec!["connected:".to_owned()];
    for one in &network.connections {
        lines.push(format!("  {}  {}, {}", one.peer, words(one.way), one.address));
    }
    if network.connections.is_empty() {
        lines.push("  nobody".into());
    }
    let reach = &network.reach;
    lines.push(format!("reach: {}", reach.says));
    lines.extend(reach.advice.iter().map(|advice| format!("  what to do: {advice}")));
    lines.extend(reach.told.iter().map(|address| format!("  others are told {address}")));
    for relay in &reach.relays {
        let state = match relay.state {
            RelayUse::NotConnected => "does not answer",
            RelayUse::Connected => "connected, not needed as a relay",
            RelayUse::Asked => "asked for a place",
            RelayUse::Reserved => "lets others through to this node",
            RelayUse::Refused => "refused",
        };
        let why = relay.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        lines.push(format!("  relay {}: {state}{why}", relay.address));
    }
    if reach.hole_punched + reach.not_hole_punched > 0 {
        lines.push(format!(
            "  direct ways through two routers: {} made, {} failed",
            reach.hole_punched, reach.not_hole_punched
        ));
    }
    let on = |is| if is { "on" } else { "off" };
    lines.push(format!(
        "looking for members: on the LAN {}, at bootstrap nodes {}; gossip {}",
        on(reach.mdns),
        on(reach.dht),
        on(reach.gossip)
    ));
    lines.push("listening on:".into());
    lines.extend(network.listening.iter().map(|at| format!("  {at}")));
    lines.join("\n")
}

const fn words(way: Way) -> &'static str {
    match way {
        Way::Loopback => "on this machine",
        Way::Lan => "on the LAN",
        Way::Direct => "directly",
        Way::HolePunched => "directly, through two routers",
        Way::Relayed => "through a relay",
    }
}

/// Number of peers, by the way to them.
pub(super) fn ways(network: &Network) -> String {
    let ways = [Way::Loopback, Way::Lan, Way::Direct, Way::HolePunched, Way::Relayed];
    let counts = ways.map(|way| {
        let count = network.connections.iter().filter(|one| one.way == way).count();
        (count > 0).then(|| format!("{count} {}", words(way)))
    });
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let shown = if counts.is_empty() { String::new() } else { format!(": {}", counts.join("; ")) };
    format!("{} peers connected{shown}", network.connected.len())
}
