//! Work that a crash or a wait left half done.

use lore_privacy::ledger::Passage;
use lore_privacy::{Chain, NoiseSource, Outgoing, Pending};
use lore_protocol::ids::{FederationId, Hash};

use crate::sign::NOT_ALLOWED;
use crate::{Engine, EngineError};

impl<N: NoiseSource> Engine<N> {
    /// Ends what a crash left half done: committed bytes are sent again, sampled results are
    /// committed, and what was only reserved becomes a Void.
    /// Anything that cannot be finished now (no checkpoint yet, a peer must be asked first) stays pending.
    pub(crate) fn finish_pending(&mut self) {
        for pending in self.ledger.pending() {
            if let Err(error) = self.finish(pending) {
                tracing::debug!(%error, "left for later");
            }
        }
    }

    fn finish(&mut self, pending: Pending) -> Result<(), EngineError> {
        match pending {
            Pending::Publish { chain, seq } => {
                if self.federations.contains_key(&chain.federation) {
                    let committed = self.ledger.committed(chain, seq)?;
                    self.keep_committed(&committed)?;
                }
            }
            Pending::Commit { release, chain }
            | Pending::Gate { release, chain }
            | Pending::Void { release, chain }
                if !self.is_time(release, chain.federation) => {}
            Pending::Commit { chain, .. }
            | Pending::Gate { chain, .. }
            | Pending::Void { chain, .. }
                if !self.may_release(chain.federation)? => {}
            Pending::Commit { release, chain } => {
                let released = self.ledger.resume(release)?;
                self.finish_sampled(release, chain, &Outgoing::from(released))?;
            }
            Pending::Gate { release, chain } => {
                match self.ledger.pass(release, self.now_seconds())? {
                    Passage::Wait { .. } => {}
                    Passage::Void => self.publish_void(chain.federation, release)?,
                    Passage::Open(released) => {
                        self.finish_sampled(release, chain, &Outgoing::from(*released))?;
                    }
                }
            }
            Pending::Void { release, chain } => {
                self.publish_void(chain.federation, release)?;
            }
        }
        Ok(())
    }

    /// Returns true when the public time at which a release, or its void, is sent has come.
    fn is_time(&self, release: Hash, federation: FederationId) -> bool {
        self.ledger.reservation(&release).is_none_or(|reservation| {
            self.now_seconds() >= self.sent_at(federation, reservation.window)
        })
    }

    /// Commits a result, or voids it when its time is over: by the charter's rules, which are public.
    /// Whatever else stands in the way passes, and the result waits.
    fn finish_sampled(
        &mut self,
        release: Hash,
        chain: Chain,
        outgoing: &Outgoing<N>,
    ) -> Result<(), EngineError> {
        match self.publish(chain.federation, outgoing) {
            Ok(_) => Ok(()),
            Err(error) if [NOT_ALLOWED, "late"].contains(&error.kind) => {
                tracing::warn!(%error, "a sampled release is late and becomes a void");
                self.ledger.void(release)?;
                self.publish_void(chain.federation, release)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives up a release that was paid for and whose data could not be read: a void is due at once, as
    /// it would be after a crash. After a failed write, opening the ledger again does the same.
    pub(crate) fn void_if_reserved(&mut self, release: Hash) {
        let reserved = |(known, state): (&lore_privacy::Reservation, &str)| {
            known.release == release && state == "reserved"
        };
        if self.ledger.releases().any(reserved)
            && let Err(error) = self.ledger.void(release)
        {
            tracing::warn!(%error, "the release becomes a void when the ledger is open again");
        }
    }
}
