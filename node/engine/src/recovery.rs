//! Catching up: what a restored, repaired or copied node asks its peers before it signs.

use std::collections::BTreeSet;

use lore_privacy::{Chain, NoiseSource};
use lore_protocol::ids::{FederationId, PublicKey};

use crate::{Engine, EngineError};

impl<N: NoiseSource> Engine<N> {
    /// Returns true when what comes of sessions may be signed now: a peer was asked since this process
    /// began, and nobody knows more of this node's chain than its ledger does. A copied home looks whole.
    pub(crate) fn may_release(&self, federation: FederationId) -> Result<bool, EngineError> {
        if self.store.recovery()?.is_some() {
            return Ok(false);
        }
        let alone = self.companions(federation).is_empty();
        let asked = self.asked.get(&federation).is_some_and(|peers| !peers.is_empty());
        Ok((alone || asked) && !self.ledger_is_behind(federation)?)
    }

    /// Returns true when this node's chain as the network has it goes further than its ledger.
    ///
    /// # Errors
    /// Fails when this node is not in the federation.
    pub fn ledger_is_behind(&self, federation: FederationId) -> Result<bool, EngineError> {
        let log = self.federation(federation)?.log();
        let Some(member) = log.member_of(&self.public_key()) else { return Ok(false) };
        let chain = Chain { federation, member };
        // Height 0 is the Join, which the ledger keeps under no member's name.
        let next = self.ledger.next_seq(chain).unwrap_or(1);
        let seen = log.spend(member);
        let known = self.ledger.spend(chain, seen.period);
        Ok(log.head(member).is_some_and(|(seq, _)| seq >= next)
            || known.rho_nano < seen.rho_nano
            || known.delta_e18 < seen.delta_e18)
    }

    /// A round with a peer is complete, so that this node knows what that peer knows. A repaired or
    /// restored store takes over what the network holds of this node's chain and counts as caught up when
    /// a few peers of every federation were asked: one alone may be behind, or keep back what this node
    /// signed before.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn caught_up(
        &mut self,
        federation: FederationId,
        peer: PublicKey,
    ) -> Result<(), EngineError> {
        self.asked.entry(federation).or_default().insert(peer);
        if self.store.recovery()?.is_none() {
            return Ok(());
        }
        self.adopt(federation)?;
        self.end_recovery()
    }

    /// Ends a recovery when nobody is left to be asked. Nobody is, from the start, for a founder without
    /// members.
    pub(crate) fn end_recovery(&self) -> Result<(), EngineError> {
        let enough = |id: &FederationId| {
            let wanted = self.companions(*id).len().min(self.settings.recovery_peers);
            self.asked.get(id).map_or(0, BTreeSet::len) >= wanted
        };
        if self.store.recovery()?.is_some() && self.federations.keys().all(enough) {
            tracing::info!("nobody is left to be asked: this node signs again");
            self.store.clear_recovery()?;
        }
        Ok(())
    }

    /// Takes what the log holds of this node's own chain, and the ledger does not, into the ledger.
    fn adopt(&mut self, federation: FederationId) -> Result<(), EngineError> {
        let log = self.federation(federation)?.log();
        let Some(member) = log.member_of(&self.public_key()) else {
            return Ok(());
        };
        let chain = Chain { federation, member };
        let known = self.ledger.next_seq(chain).unwrap_or(0);
        let mut unknown = Vec::new();
        let mut next = log.head(member).map(|(_, id)| id);
        while let Some(entry) = next.and_then(|id| log.get(&id)) {
            let header = entry.sound.header();
            if header.seq < known.max(1) {
                break;
            }
            unknown.push((header.seq, header.spend));
            next = header.prev;
        }
        for (seq, spend) in unknown.into_iter().rev() {
            self.ledger.adopt(chain, seq, spend, self.now_seconds())?;
        }
        Ok(())
    }
}
