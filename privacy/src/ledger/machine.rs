//! The ledger itself: the steps of a release, and what is due after a crash.

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{Lessons, Mechanism, Origin, Payload};

use super::entry::{Chain, Entry, Record, Reservation, record_hash};
use super::state::{State, Step};
use super::store::{Head, LedgerStore, StoreError};
use crate::released::Provenance;
use crate::{Budget, Caps, Cost, Outgoing, PrivacyError, Released, Spend, mechanism};

/// A hash-chained ledger over a store.
pub struct Ledger<S> {
    store: S,
    /// Hash of every record, as it was written or checked at opening.
    hashes: Vec<Hash>,
    state: State,
    /// A write failed: what is stored is unknown until the ledger is opened again.
    failed: bool,
}

/// The right to sample one reserved release, once.
#[must_use = "a reservation that is not sampled is spent for nothing"]
pub struct Ticket(Reservation);

/// Signed bytes that the ledger holds: the only thing that is ever sent.
///
/// There is no other way to get one:
/// ```compile_fail,E0451
/// use lore_privacy::{Chain, Committed};
/// fn forge(chain: Chain) -> Committed {
///     Committed { chain, seq: 0, bytes: Vec::new() }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    chain: Chain,
    seq: u64,
    bytes: Vec<u8>,
}

impl Committed {
    /// The chain it stands on.
    #[must_use]
    pub const fn chain(&self) -> Chain {
        self.chain
    }

    /// Its height.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The exact signed bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What is left to do, found when a ledger is opened (or at any time).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// The release sends nothing: commit a `Void` for it.
    Void {
        /// The release.
        release: Hash,
        /// Where its void belongs.
        chain: Chain,
    },
    /// The release has its result: take it with [`Ledger::resume`] and commit it.
    Commit {
        /// The release.
        release: Hash,
        /// Where it belongs.
        chain: Chain,
    },
    /// Bytes are committed that nobody may have seen: take them with [`Ledger::committed`], send them,
    /// then call [`Ledger::published`].
    Publish {
        /// The chain.
        chain: Chain,
        /// The height.
        seq: u64,
    },
}

/// What a full verification found in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Entries read.
    pub entries: u64,
    /// Reservations whose cost was derived again.
    pub releases: u64,
    /// Everything ever spent.
    pub lifetime: Cost,
}

impl<S: LedgerStore> Ledger<S> {
    /// Opens a ledger: reads and checks the whole chain, then voids every release that was reserved and
    /// not sampled, because noise may have been drawn for it.
    ///
    /// # Errors
    /// [`PrivacyError::Damaged`] with the entry that does not verify; store errors.
    pub fn open(store: S) -> Result<Self, PrivacyError> {
        let mut ledger = Self {
            store,
            hashes: Vec::new(),
            state: State::default(),
            failed: false,
        };
        if let Some(head) = ledger.store.head()? {
            ledger.replay(head)?;
        }
        let reserved: Vec<Hash> = ledger.releases_at(|step| step == Step::Reserved).collect();
        for release in reserved {
            ledger.append(Entry::Voided { release })?;
        }
        Ok(ledger)
    }

    fn replay(&mut self, head: Head) -> Result<(), PrivacyError> {
        for index in 0..head.count {
            let damaged = |why: String| PrivacyError::Damaged { index, why };
            let bytes = self.store.read(index)?;
            let bytes = bytes.ok_or_else(|| damaged("it is missing".into()))?;
            let record: Record =
                codec::decode(&bytes).map_err(|error| damaged(error.to_string()))?;
            if record.index != index || record.prev != self.head() {
                return Err(damaged("the hash chain is broken before it".into()));
            }
            self.state
                .apply(index, &record.entry)
                .map_err(|why| damaged(why.into()))?;
            self.hashes.push(record_hash(&bytes));
        }
        if self.head() != head.hash {
            return Err(PrivacyError::Damaged {
                index: self.count(),
                why: "the last entry is not the one that the head names".into(),
            });
        }
        Ok(())
    }

    fn append(&mut self, entry: Entry) -> Result<(), PrivacyError> {
        if self.failed {
            return Err(StoreError("an earlier write failed".into()).into());
        }
        let index = self.count();
        let record = Record {
            index,
            prev: self.head(),
            entry,
        };
        let bytes = record.encode();
        let hash = record_hash(&bytes);
        let count = index + 1;
        if let Err(error) = self.store.append(&bytes, Head { count, hash }) {
            self.failed = true;
            return Err(error.into());
        }
        self.hashes.push(hash);
        let applied = self.state.apply(index, &record.entry);
        applied.map_err(|why| PrivacyError::Damaged {
            index,
            why: why.into(),
        })
    }

    /// Sets the owner's budget from now on.
    ///
    /// # Errors
    /// When the current period already has spend and the new budget changes the period's length or the
    /// unit: both would change what was promised for it.
    pub fn set_budget(&mut self, budget: Budget, now_seconds: u64) -> Result<(), PrivacyError> {
        if let Some(old) = self.state.budget {
            let spent = self.state.node_spend(old.period_seconds(), now_seconds);
            let same = old.period_days == budget.period_days && old.unit == budget.unit;
            if spent != Cost::default() && !same {
                return Err(PrivacyError::Parameter {
                    what: "budget",
                    why: "unit and period can change only in a period without spend; epsilon and \
                          delta can change now"
                        .into(),
                });
            }
        }
        self.append(Entry::Budget(budget))
    }

    /// Pays for a release, before any data is read. Both the owner's budget (over all federations, in
    /// the wall-clock period) and the smaller of budget and `charter` (in the charter's period) bind.
    ///
    /// # Errors
    /// Without a budget, over a cap, for a mechanism that declares less than it costs, for a release
    /// that is already there, or when a period went back. Nothing is spent then.
    pub fn reserve(
        &mut self,
        reservation: Reservation,
        charter: Caps,
    ) -> Result<Ticket, PrivacyError> {
        let budget = self.state.budget.ok_or(PrivacyError::NoBudget)?;
        if self.state.releases.contains_key(&reservation.release) {
            return Err(PrivacyError::AlreadyReserved(reservation.release));
        }
        if reservation.mechanism.unit != budget.unit {
            return Err(PrivacyError::Mismatch("the unit of the mechanism"));
        }
        if reservation.window.end_seconds > reservation.at_seconds {
            return Err(PrivacyError::Parameter {
                what: "window",
                why: "is still open; a release is made after its window closed".into(),
            });
        }
        let seconds = budget.period_seconds();
        let wall = |at: u64| at / seconds;
        let latest = self.state.periods.get(&reservation.chain);
        if wall(reservation.at_seconds) < wall(self.state.latest_seconds)
            || latest.is_some_and(|latest| reservation.period < *latest)
        {
            return Err(PrivacyError::PeriodWentBack);
        }
        mechanism::verify(&reservation.mechanism)?;
        let cost = reservation.cost();
        let node = self.state.node_spend(seconds, reservation.at_seconds);
        budget.caps().admit("owner's budget", node, cost)?;
        let spend = self.state.spend(reservation.chain, reservation.period);
        let member = Cost {
            rho_nano: spend.rho_nano,
            delta_e18: spend.delta_e18,
        };
        let caps = charter.min(budget.caps());
        caps.admit("federation's charter", member, cost)?;
        self.append(Entry::Reserved(reservation))?;
        Ok(Ticket(reservation))
    }

    /// Runs the mechanism of a reserved release and records its result. `sample` reads the data: it runs
    /// after the reservation is durable, and never twice. When it fails, the release is voided.
    ///
    /// # Errors
    /// What `sample` or the store returns, and when the result is not what was reserved.
    pub fn sample(
        &mut self,
        ticket: Ticket,
        sample: impl FnOnce() -> Result<Released<Payload>, PrivacyError>,
    ) -> Result<Released<Payload>, PrivacyError> {
        let Ticket(reservation) = ticket;
        let release = reservation.release;
        if self.failed || self.step_of(&release) != Some(Step::Reserved) {
            return Err(self.out_of_order(release, "sampled"));
        }
        let made = sample().and_then(|made| {
            let payload = made.get();
            if payload.kind() != reservation.kind
                || mechanism_in(payload) != Some(&reservation.mechanism)
            {
                return Err(PrivacyError::Mismatch("the result of the mechanism"));
            }
            Ok(made.into_inner())
        });
        let payload = match made {
            Ok(payload) => payload,
            Err(error) => {
                self.append(Entry::Voided { release })?;
                return Err(error);
            }
        };
        self.append(Entry::Sampled {
            release,
            payload: codec::encode(&payload),
        })?;
        Ok(Released::sampled(payload, release))
    }

    /// The one result of a sampled release, read back.
    ///
    /// # Errors
    /// When the release is not in the state of being sampled, or its entry is damaged.
    pub fn resume(&self, release: Hash) -> Result<Released<Payload>, PrivacyError> {
        let Some(Step::Sampled(index)) = self.step_of(&release) else {
            return Err(self.out_of_order(release, "resumed"));
        };
        let Entry::Sampled { payload, .. } = self.entry(index)? else {
            return Err(self.damaged(index));
        };
        let payload = codec::decode(&payload).map_err(|_| self.damaged(index))?;
        Ok(Released::sampled(payload, release))
    }

    /// Gives a release up: it stays paid for, and a `Void` is due.
    ///
    /// # Errors
    /// When the release is neither reserved nor sampled.
    pub fn void(&mut self, release: Hash) -> Result<(), PrivacyError> {
        match self.step_of(&release) {
            Some(Step::Reserved | Step::Sampled(_)) => self.append(Entry::Voided { release }),
            _ => Err(self.out_of_order(release, "voided")),
        }
    }

    /// Fixes the bytes at the next height of a chain. `sign` gets the payload and the cumulative spend
    /// for the header, and returns the exact bytes that will be sent.
    ///
    /// # Errors
    /// When the height is not the next one, the period went back or is not that of the release, the
    /// value did not come through this ledger, or the bytes do not hold the payload.
    pub fn commit(
        &mut self,
        chain: Chain,
        seq: u64,
        period: u32,
        outgoing: &Outgoing,
        sign: impl FnOnce(&Payload, Spend) -> Vec<u8>,
    ) -> Result<Committed, PrivacyError> {
        let expected = self.state.next_seq(chain).unwrap_or(seq);
        if seq != expected {
            return Err(PrivacyError::WrongSeq {
                expected,
                found: seq,
            });
        }
        let latest = self.state.periods.get(&chain);
        if latest.is_some_and(|latest| period < *latest) {
            return Err(PrivacyError::PeriodWentBack);
        }
        let release = self.release_of(outgoing, chain, period)?;
        let bytes = sign(outgoing.payload(), self.state.spend(chain, period));
        if !holds(&bytes, &codec::encode(outgoing.payload())) {
            return Err(PrivacyError::Mismatch("the signed delta"));
        }
        self.append(Entry::Committed {
            chain,
            seq,
            period,
            release,
            bytes: bytes.clone(),
        })?;
        Ok(Committed { chain, seq, bytes })
    }

    /// The release that `outgoing` completes, if any, after checking that it may be committed here.
    fn release_of(
        &self,
        outgoing: &Outgoing,
        chain: Chain,
        period: u32,
    ) -> Result<Option<Hash>, PrivacyError> {
        let (release, void) = match outgoing {
            Outgoing::Released(released) => match released.provenance() {
                Provenance::Mechanism => return Err(PrivacyError::NotSampled),
                Provenance::Authored => return Ok(None),
                Provenance::Sampled(release) => (release, false),
            },
            Outgoing::Control(_) => match outgoing.payload() {
                Payload::Void(void) => (void.release, true),
                _ => return Ok(None),
            },
        };
        let known = self.state.releases.get(&release);
        let fits = known.is_some_and(|known| match known.step {
            Step::Sampled(_) => !void,
            Step::Voided => void,
            Step::Reserved | Step::Committed => false,
        });
        let Some(known) = known.filter(|_| fits) else {
            return Err(self.out_of_order(release, "committed"));
        };
        if known.reservation.chain != chain {
            return Err(PrivacyError::Mismatch("the chain"));
        }
        // A header's spend is that of its period: a result of another period would not be covered.
        if !void && known.reservation.period != period {
            return Err(PrivacyError::Late {
                reserved: known.reservation.period,
                now: period,
            });
        }
        Ok(Some(release))
    }

    /// Bytes committed at a height, read back with their hashes checked.
    ///
    /// # Errors
    /// When there are none, or the entry is damaged.
    pub fn committed(&self, chain: Chain, seq: u64) -> Result<Committed, PrivacyError> {
        let sent = self.state.sent.get(&(chain, seq));
        let sent = sent.ok_or_else(|| PrivacyError::WrongSeq {
            expected: self.state.next_seq(chain).unwrap_or(0),
            found: seq,
        })?;
        match self.entry(sent.index)? {
            Entry::Committed { bytes, .. } => Ok(Committed { chain, seq, bytes }),
            _ => Err(self.damaged(sent.index)),
        }
    }

    /// Notes that committed bytes were handed to the network. Does nothing the second time.
    ///
    /// # Errors
    /// When nothing is committed there.
    pub fn published(&mut self, chain: Chain, seq: u64) -> Result<(), PrivacyError> {
        match self.state.sent.get(&(chain, seq)) {
            Some(sent) if sent.published => Ok(()),
            Some(_) => self.append(Entry::Published { chain, seq }),
            None => Err(PrivacyError::WrongSeq {
                expected: self.state.next_seq(chain).unwrap_or(0),
                found: seq,
            }),
        }
    }

    /// What is left to do, voids and results first, in the order of their reservation.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        let releases = self.state.order.iter().filter_map(|id| {
            let release = self.state.releases.get(id)?;
            let (release, chain, step) = (*id, release.reservation.chain, release.step);
            match step {
                Step::Voided => Some(Pending::Void { release, chain }),
                Step::Sampled(_) => Some(Pending::Commit { release, chain }),
                Step::Reserved | Step::Committed => None,
            }
        });
        let unsent = self.state.sent.iter().filter(|(_, sent)| !sent.published);
        let unsent = unsent.map(|((chain, seq), _)| Pending::Publish {
            chain: *chain,
            seq: *seq,
        });
        releases.chain(unsent).collect()
    }

    /// The owner's budget.
    #[must_use]
    pub const fn budget(&self) -> Option<Budget> {
        self.state.budget
    }

    /// The next height of a chain; none when nothing was committed on it.
    #[must_use]
    pub fn next_seq(&self, chain: Chain) -> Option<u64> {
        self.state.next_seq(chain)
    }

    /// Cumulative spend of a chain in the charter's period.
    #[must_use]
    pub fn spend(&self, chain: Chain, period: u32) -> Spend {
        self.state.spend(chain, period)
    }

    /// What the node spent in the wall-clock period around `now_seconds`; nothing without a budget.
    #[must_use]
    pub fn node_spend(&self, now_seconds: u64) -> Cost {
        self.state.budget.map_or_else(Cost::default, |budget| {
            self.state.node_spend(budget.period_seconds(), now_seconds)
        })
    }

    /// Everything ever spent.
    #[must_use]
    pub fn lifetime(&self) -> Cost {
        self.state.lifetime()
    }

    /// All reservations in order, with the name of the state that each is in.
    pub fn releases(&self) -> impl Iterator<Item = (&Reservation, &'static str)> {
        self.state.order.iter().filter_map(|id| {
            let release = self.state.releases.get(id)?;
            Some((&release.reservation, release.step.name()))
        })
    }

    /// Reads the whole chain again and derives every cost again through the privacy maps.
    ///
    /// # Errors
    /// The first entry or cost that does not hold.
    pub fn verify(&self) -> Result<Verified, PrivacyError> {
        let mut prev = Hash::ZERO;
        for index in 0..self.count() {
            let bytes = self.store.read(index)?;
            let bytes = bytes.ok_or_else(|| self.damaged(index))?;
            let record: Record = codec::decode(&bytes).map_err(|_| self.damaged(index))?;
            if record.prev != prev || record.index != index {
                return Err(self.damaged(index));
            }
            prev = record_hash(&bytes);
        }
        if prev != self.head() {
            return Err(self.damaged(self.count()));
        }
        for release in self.state.releases.values() {
            mechanism::verify(&release.reservation.mechanism)?;
        }
        Ok(Verified {
            entries: self.count(),
            releases: self.state.releases.len() as u64,
            lifetime: self.lifetime(),
        })
    }

    /// The store, for the node's own records beside the ledger's.
    pub const fn store(&self) -> &S {
        &self.store
    }

    fn entry(&self, index: u64) -> Result<Entry, PrivacyError> {
        let bytes = self.store.read(index)?;
        let bytes = bytes.ok_or_else(|| self.damaged(index))?;
        let record: Record = codec::decode(&bytes).map_err(|_| self.damaged(index))?;
        if record.index != index || Some(&record_hash(&bytes)) != self.hash_at(index) {
            return Err(self.damaged(index));
        }
        Ok(record.entry)
    }

    fn count(&self) -> u64 {
        self.hashes.len() as u64
    }

    fn head(&self) -> Hash {
        self.hashes.last().copied().unwrap_or(Hash::ZERO)
    }

    fn hash_at(&self, index: u64) -> Option<&Hash> {
        self.hashes.get(usize::try_from(index).ok()?)
    }

    fn releases_at(&self, at: impl Fn(Step) -> bool) -> impl Iterator<Item = Hash> {
        self.state
            .order
            .iter()
            .filter(move |id| self.step_of(id).is_some_and(&at))
            .copied()
    }

    fn step_of(&self, release: &Hash) -> Option<Step> {
        self.state.releases.get(release).map(|known| known.step)
    }

    fn out_of_order(&self, release: Hash, step: &'static str) -> PrivacyError {
        let state = self.step_of(&release).map_or("not reserved", Step::name);
        PrivacyError::OutOfOrder {
            release,
            state,
            step,
        }
    }

    fn damaged(&self, index: u64) -> PrivacyError {
        PrivacyError::Damaged {
            index,
            why: "it is not what was written".into(),
        }
    }
}

/// The mechanism that a payload says it was made by.
const fn mechanism_in(payload: &Payload) -> Option<&Mechanism> {
    match payload {
        Payload::Lessons(Lessons {
            origin: Origin::Mechanism(mechanism),
            ..
        }) => Some(mechanism),
        Payload::Outcomes(outcomes) => Some(&outcomes.mechanism),
        Payload::Votes(votes) => Some(&votes.mechanism),
        _ => None,
    }
}

/// Whether `bytes` contain `part`; a delta ends with its payload, so that is looked at first.
fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.ends_with(part)
        || bytes
            .windows(part.len().max(1))
            .any(|window| window == part)
}

#[cfg(test)]
impl Ticket {
    pub(super) const fn forge(reservation: Reservation) -> Self {
        Self(reservation)
    }
}
