//! One release from sessions to signed bytes over the ledger in memory, with a crash in the middle.

use lore_protocol::codec;
use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::payload::{Mechanism, Payload, PayloadKind, Window};

use crate::ledger::Pending;
use crate::{
    Budget, Caps, Chain, Committed, Ledger, LocalSecret, MemoryStore, PrivacyError, Released,
    Reservation,
};

pub(crate) const NOW: u64 = 1_000 * 86_400;
pub(crate) const WINDOW: Window = Window { start_seconds: NOW - 1_000, end_seconds: NOW };
const CHAIN: Chain = Chain { federation: FederationId([1; 32]), member: MemberId([2; 32]) };
const OPEN: Caps = Caps { rho_nano: u64::MAX, delta_e18: u64::MAX };

pub(crate) fn secret() -> LocalSecret {
    LocalSecret::from_bytes([7; 32])
}

/// A ledger with a budget, and releases of one mechanism to make on it.
pub(crate) struct Rig {
    fresh: MemoryStore,
    kind: PayloadKind,
    mechanism: Mechanism,
}

impl Rig {
    pub(crate) fn new(kind: PayloadKind, mechanism: Mechanism) -> Result<Self, PrivacyError> {
        let mut ledger = Ledger::open(MemoryStore::default())?;
        let budget = Budget::new(mechanism.unit, 12_000_000, 1_000_000_000_000_000, 90)?;
        ledger.set_budget(budget, NOW)?;
        Ok(Self { fresh: ledger.store().clone(), kind, mechanism })
    }

    /// Reserves and samples on a fresh ledger; what is left on disk when the process dies then.
    pub(crate) fn sample_and_die(
        &self,
        release: impl FnOnce() -> Result<Released<Payload>, PrivacyError>,
    ) -> Result<MemoryStore, PrivacyError> {
        let mut ledger = Ledger::open(self.fresh.clone())?;
        let reservation = Reservation {
            release: Hash::ZERO,
            spec: Hash::ZERO,
            chain: CHAIN,
            period: 0,
            at_seconds: NOW,
            kind: self.kind,
            mechanism: self.mechanism,
            window: WINDOW,
        };
        let ticket = ledger.reserve(reservation, OPEN)?;
        ledger.sample(ticket, release)?;
        Ok(ledger.store().clone())
    }

    /// Opens the ledger after the crash and does what is pending; all that is sent.
    pub(crate) fn recover(store: MemoryStore) -> Result<Vec<Payload>, PrivacyError> {
        let mut ledger = Ledger::open(store)?;
        let mut sent = Vec::new();
        while let Some(pending) = ledger.pending().first().copied() {
            match pending {
                Pending::Commit { release, chain } => {
                    let released = ledger.resume(release)?.into();
                    let seq = ledger.next_seq(chain).unwrap_or(0);
                    ledger.commit(chain, seq, 0, &released, |payload, _| codec::encode(payload))?;
                }
                Pending::Publish { chain, seq } => {
                    sent.push(decode(&ledger.committed(chain, seq)?)?);
                    ledger.published(chain, seq)?;
                }
                Pending::Void { .. } | Pending::Gate { .. } => {
                    return Err(PrivacyError::NotSampled);
                }
            }
        }
        Ok(sent)
    }
}

/// Decodes a signed delta of this rig.
pub(crate) fn decode(committed: &Committed) -> Result<Payload, PrivacyError> {
    codec::decode(committed.bytes()).map_err(|_| PrivacyError::Mismatch("the signed delta"))
}
