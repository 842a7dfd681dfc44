//! Verification from the first entry on, of a store alone: nothing is appended and nobody is asked.

use std::collections::HashSet;

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{Mechanism, Payload, Void};

use super::entry::{Answer, Entry, Record, Reservation, record_hash};
use super::gate;
use super::state::{State, Step};
use super::steps::holds;
use super::store::LedgerStore;
use crate::{Cost, NoiseSource, PrivacyError, SystemNoise, mechanism};

/// Result of a full verification that found all in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Entries read.
    pub entries: u64,
    /// Reservations whose cost was derived again.
    pub releases: u64,
    /// Results that were drawn, one for each such release.
    pub sampled: u64,
    /// Releases that send nothing.
    pub voided: u64,
    /// Byte strings fixed, one for each height.
    pub committed: u64,
    /// Everything ever spent.
    pub lifetime: Cost,
}

/// Reads a ledger from its first entry: the hash chain up to the head, the order of every step, the cost
/// of every mechanism through opendp's maps, the budget at every reservation, and that what was signed
/// is what was drawn. Of a ledger of the system's noise, and no other.
///
/// # Errors
/// [`PrivacyError::Damaged`] with the first entry that does not hold; store errors.
pub fn verify<S: LedgerStore>(store: &S) -> Result<Verified, PrivacyError> {
    verify_for::<S, SystemNoise>(store)
}

/// The same for a ledger of any noise.
pub(super) fn verify_for<S: LedgerStore, N: NoiseSource>(
    store: &S,
) -> Result<Verified, PrivacyError> {
    let mut check = Check { store, state: State::default(), costed: HashSet::new() };
    let mut found = Verified {
        entries: 0,
        releases: 0,
        sampled: 0,
        voided: 0,
        committed: 0,
        lifetime: Cost::default(),
    };
    let Some(head) = store.head()? else { return Ok(found) };
    let mut prev = N::genesis();
    for index in 0..head.count {
        let (entry, hash) = read(store, index, prev)?;
        prev = hash;
        let before = check.step_before(&entry);
        check.state.apply(index, &entry).map_err(|why| damaged(index, why))?;
        check.entry(index, &entry, before)?;
        match entry {
            Entry::Reserved(_) => found.releases += 1,
            Entry::Sampled { .. } => found.sampled += 1,
            Entry::Voided { .. } => found.voided += 1,
            Entry::Committed { .. } => found.committed += 1,
            _ => {}
        }
    }
    if prev != head.hash {
        return Err(damaged(head.count, "the last entry is not the one that the head names"));
    }
    Ok(Verified { entries: head.count, lifetime: check.state.lifetime(), ..found })
}

/// Reads one entry and checks that it follows the one with hash `prev`.
pub(super) fn read<S: LedgerStore>(
    store: &S,
    index: u64,
    prev: Hash,
) -> Result<(Entry, Hash), PrivacyError> {
    let bytes = store.read(index)?.ok_or_else(|| damaged(index, "it is missing"))?;
    let record: Record =
        codec::decode(&bytes).map_err(|error| damaged(index, &error.to_string()))?;
    if record.index != index || record.prev != prev {
        let why = match index {
            0 => "it does not begin a ledger of this noise",
            _ => "the hash chain is broken before it",
        };
        return Err(damaged(index, why));
    }
    Ok((record.entry, record_hash(&bytes)))
}

pub(super) fn damaged(index: u64, why: &str) -> PrivacyError {
    PrivacyError::Damaged { index, why: why.into() }
}

struct Check<'a, S> {
    store: &'a S,
    state: State,
    /// Mechanisms whose cost was derived: a schedule repeats few.
    costed: HashSet<Mechanism>,
}

impl<S: LedgerStore> Check<'_, S> {
    /// State of an entry's release before it.
    fn step_before(&self, entry: &Entry) -> Option<Step> {
        let Entry::Committed { release: Some(release), .. } = entry else { return None };
        self.state.releases.get(release).map(|known| known.step)
    }

    fn entry(
        &mut self,
        index: u64,
        entry: &Entry,
        before: Option<Step>,
    ) -> Result<(), PrivacyError> {
        match entry {
            Entry::Reserved(reservation) => self.reserved(index, reservation),
            Entry::Sampled { release, payload } => self.sampled(index, release, payload),
            Entry::Committed { release: Some(release), bytes, .. } => {
                let expected = match before {
                    Some(Step::Sampled(at)) => self.result(index, release, at)?,
                    _ => Payload::Void(Void { release: *release }),
                };
                if holds(bytes, &codec::encode(&expected)) {
                    return Ok(());
                }
                Err(damaged(index, "the signed bytes are not those of the release"))
            }
            _ => Ok(()),
        }
    }

    fn reserved(&mut self, index: u64, reservation: &Reservation) -> Result<(), PrivacyError> {
        if !self.costed.contains(&reservation.mechanism) {
            mechanism::verify(&reservation.mechanism)
                .map_err(|error| damaged(index, &error.to_string()))?;
            self.costed.insert(reservation.mechanism);
        }
        let budget = self.state.budget.ok_or_else(|| damaged(index, "no budget was set"))?;
        reservation
            .check_window(budget, self.state.windows_from_seconds)
            .map_err(|why| damaged(index, &format!("its window {why}")))?;
        let spent = self.state.node_spend(budget.period_days, reservation.window.start_seconds);
        let caps = budget.caps();
        if spent.rho_nano > caps.rho_nano || spent.delta_e18 > caps.delta_e18 {
            return Err(damaged(index, "it spends more than the budget of its period"));
        }
        Ok(())
    }

    fn sampled(&self, index: u64, release: &Hash, payload: &[u8]) -> Result<(), PrivacyError> {
        let payload: Payload =
            codec::decode(payload).map_err(|error| damaged(index, &error.to_string()))?;
        let known = self.state.releases.get(release);
        let fits = known.is_some_and(|known| {
            payload.kind() == known.reservation.kind
                && payload.mechanism() == Some(&known.reservation.mechanism)
        });
        if fits { Ok(()) } else { Err(damaged(index, "the result is not what was reserved")) }
    }

    /// Payload that a release may send: its result, or the part of it that the gate let through.
    fn result(&self, index: u64, release: &Hash, at: u64) -> Result<Payload, PrivacyError> {
        let missing = || damaged(at, "it is not what was written");
        let bytes = self.store.read(at)?.ok_or_else(missing)?;
        let record: Record = codec::decode(&bytes).map_err(|_| missing())?;
        let Entry::Sampled { payload, .. } = record.entry else { return Err(missing()) };
        let payload = codec::decode(&payload).map_err(|_| missing())?;
        let gate = self.state.releases.get(release).and_then(|known| known.gate.as_ref());
        match gate.and_then(|gate| gate.answer.as_ref()) {
            Some(Answer::Keep(keep)) => gate::select(payload, keep)
                .ok_or_else(|| damaged(index, "the gate let nothing through that can be sent")),
            // A refused release is voided before anything is signed: the state would not follow.
            Some(Answer::Refuse) | None => Ok(payload),
        }
    }
}
