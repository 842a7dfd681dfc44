//! Where members are: on the LAN by mDNS, elsewhere by the hash table of addresses.

use std::collections::BTreeSet;
use std::time::Instant;

use libp2p::kad::{self, GetRecordOk, QueryResult};
use libp2p::{PeerId, mdns};

use super::address::{self, Place};
use super::reach::Lookup;
use super::task::Task;

/// Most answers on the LAN that are kept at once. More are no LAN of people, and mDNS is stopped.
const MAX_ON_THE_LAN: usize = 4_096;

impl Task {
    /// Looks for members that are not connected, and says where this node is.
    pub(super) fn seek(&mut self, now: Instant) {
        self.take_places();
        let told = address::published(&self.shared.view().reach.told);
        let known = self.members.iter().copied().chain(self.redial.wanted());
        let gone: BTreeSet<PeerId> = known.filter(|peer| !self.swarm.is_connected(peer)).collect();
        let Some(directory) = &mut self.directory else { return };
        let reachable = !self.hidden.is_empty();
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut()
            && reachable
        {
            directory.publish(kad, &told, now);
            directory.ask(kad, &gone, now);
        }
    }

    pub(super) fn on_kad(&mut self, event: kad::Event) {
        let kad::Event::OutboundQueryProgressed { id, result, step, .. } = event else { return };
        let Some(directory) = &mut self.directory else { return };
        match result {
            QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))) => {
                if let Some((peer, addresses)) = directory.answered(id, &found.record) {
                    tracing::debug!(%peer, ?addresses, "found at a bootstrap node");
                    for address in addresses {
                        self.redial.found(Instant::now(), peer, address);
                    }
                }
            }
            QueryResult::PutRecord(Err(error)) => {
                tracing::debug!(%error, "addresses not published");
                directory.not_published();
            }
            _ => {}
        }
        if step.last
            && let Some(directory) = &mut self.directory
        {
            directory.over(&id);
        }
    }

    pub(super) fn on_mdns(&mut self, event: mdns::Event) {
        let mdns::Event::Discovered(found) = event else { return };
        for (peer, address) in found {
            let address = address::without(address, &peer);
            let here = matches!(Place::of(&address), Some(Place::Lan | Place::Public));
            // A stranger that says it is here is not dialled.
            if here && !self.hidden.contains(&peer) && self.is_kept(&peer) {
                tracing::debug!(%peer, %address, "found on the LAN");
                if !self.swarm.is_connected(&peer) {
                    self.redial.found(Instant::now(), peer, address);
                }
            }
        }
        let mdns = &mut self.swarm.behaviour_mut().mdns;
        let crowded =
            mdns.as_ref().is_some_and(|mdns| mdns.discovered_nodes().len() > MAX_ON_THE_LAN);
        if crowded {
            tracing::warn!("more answer on the LAN than can be members: they are not looked for");
            *mdns = None.into();
            self.standing.mdns = Lookup::Overrun;
            self.refresh();
        }
    }
}
