//! The ledger itself: opening, appending, and what is due after a crash. Its steps are in `steps`.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::Payload;

use super::StoreError;
use super::entry::{Chain, Entry, Record, Reservation, record_hash};
use super::point::Point;
use super::state::{Release, State, Step};
use super::store::{Head, LedgerStore};
use super::verify::{self, Verified};
use crate::released::Provenance;
use crate::{Budget, Cost, NoiseSource, Outgoing, PrivacyError, Spend, SystemNoise};

/// A hash-chained ledger over a store, of releases that are drawn with the noise `N`.
pub struct Ledger<S, N = SystemNoise> {
    store: S,
    /// Hash of every record, as it was written or checked at opening.
    hashes: Vec<Hash>,
    pub(super) state: State,
    /// A write failed: what is stored is unknown until the ledger is opened again.
    failed: bool,
    watch: Option<Box<dyn Fn(Point) + Send + Sync>>,
    noise: PhantomData<fn() -> N>,
}

/// Task that is left, found when a ledger is opened (or at any time).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// The release sends nothing: commit a `Void` for it.
    Void {
        /// The release.
        release: Hash,
        /// Chain that its void belongs to.
        chain: Chain,
    },
    /// The release has its result: take it with [`Ledger::resume`] and commit it.
    Commit {
        /// The release.
        release: Hash,
        /// Chain that it belongs to.
        chain: Chain,
    },
    /// The result waits for a person: call [`Ledger::pass`] when the deadline has come.
    Gate {
        /// The release.
        release: Hash,
        /// Chain that it belongs to.
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

impl<S: LedgerStore> Ledger<S> {
    /// Opens a ledger of the system's noise: reads and checks the whole chain, then voids every release that
    /// was reserved and not sampled, because noise may have been drawn for it.
    ///
    /// # Errors
    /// [`PrivacyError::Damaged`] with the entry that does not verify; store errors.
    pub fn open(store: S) -> Result<Self, PrivacyError> {
        Self::open_for(store)
    }
}

impl<S: LedgerStore, N: NoiseSource> Ledger<S, N> {
    /// The same for a ledger of any noise. One that was written for another noise does not open.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_for(store: S) -> Result<Self, PrivacyError> {
        let mut ledger = Self {
            store,
            hashes: Vec::new(),
            state: State::default(),
            failed: false,
            watch: None,
            noise: PhantomData,
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
            let (entry, hash) = verify::read(&self.store, index, self.head())?;
            self.state.apply(index, &entry).map_err(|why| verify::damaged(index, why))?;
            self.hashes.push(hash);
        }
        if self.head() != head.hash {
            return Err(PrivacyError::Damaged {
                index: self.count(),
                why: "the last entry is not the one that the head names".into(),
            });
        }
        Ok(())
    }

    /// Refuses to go on after a failed write.
    pub(super) fn check_open(&self) -> Result<(), PrivacyError> {
        if self.failed {
            return Err(StoreError("an earlier write failed".into()).into());
        }
        Ok(())
    }

    pub(super) fn append(&mut self, entry: Entry) -> Result<(), PrivacyError> {
        self.check_open()?;
        let index = self.count();
        let record = Record { index, prev: self.head(), entry };
        let bytes = record.encode();
        let hash = record_hash(&bytes);
        let count = index + 1;
        if let Err(error) = self.store.append(&bytes, Head { count, hash }) {
            self.failed = true;
            return Err(error.into());
        }
        self.hashes.push(hash);
        let applied = self.state.apply(index, &record.entry);
        applied.map_err(|why| verify::damaged(index, why))
    }

    /// Tasks that are left, voids and results first, in the order of their reservation.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        let releases = self.state.order.iter().filter_map(|id| {
            let release = self.state.releases.get(id)?;
            let (chain, gated, step) =
                (release.reservation.chain, release.gate.is_some(), release.step);
            let release = *id;
            match step {
                Step::Voided => Some(Pending::Void { release, chain }),
                Step::Sampled(_) if gated => Some(Pending::Gate { release, chain }),
                Step::Sampled(_) => Some(Pending::Commit { release, chain }),
                Step::Reserved | Step::Committed => None,
            }
        });
        let unsent = self.state.sent.iter().filter(|(_, sent)| !sent.published);
        let unsent = unsent.map(|((chain, seq), _)| Pending::Publish { chain: *chain, seq: *seq });
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

    /// Spend of a chain in the charter's period that the header of `outgoing` carries: what is committed
    /// there, and what it completes itself. What is paid for and still to be sent comes with its own header.
    #[must_use]
    pub fn spend_with(&self, chain: Chain, period: u32, outgoing: &Outgoing<N>) -> Spend {
        let own = match outgoing {
            Outgoing::Released(released) => match released.provenance() {
                Provenance::Sampled(release) | Provenance::Passed(release) => Some(release),
                Provenance::Mechanism | Provenance::Authored => None,
            },
            Outgoing::Control(_) => match outgoing.payload() {
                Payload::Void(void) => Some(void.release),
                _ => None,
            },
        };
        let mut spend = self.state.spend(chain, period);
        let waiting = self.state.releases.iter().filter(|(id, known)| {
            Some(**id) != own
                && known.step != Step::Committed
                && known.reservation.chain == chain
                && known.reservation.period == period
        });
        for (_, known) in waiting {
            let cost = known.reservation.cost();
            spend.rho_nano = spend.rho_nano.saturating_sub(cost.rho_nano);
            spend.delta_e18 = spend.delta_e18.saturating_sub(cost.delta_e18);
        }
        spend
    }

    /// Spend of the node on sessions of the wall-clock period around `now_seconds`; nothing without a
    /// budget.
    #[must_use]
    pub fn node_spend(&self, now_seconds: u64) -> Cost {
        self.state.budget.map_or_else(Cost::default, |budget| {
            self.state.node_spend(budget.period_days, now_seconds)
        })
    }

    /// Spend of the node in every period of the budget's length that has any, by the period's
    /// first second.
    #[must_use]
    pub fn node_periods(&self) -> BTreeMap<u64, Cost> {
        self.state
            .budget
            .map_or_else(BTreeMap::new, |budget| self.state.node_periods(budget.period_days))
    }

    /// Time when the first budget was set, in seconds since the Unix epoch; none without one.
    #[must_use]
    pub const fn budget_since_seconds(&self) -> Option<u64> {
        self.state.budget_since_seconds
    }

    /// Beginning of first windows, in seconds since the Unix epoch; none when the owner named no date.
    #[must_use]
    pub const fn history_from_seconds(&self) -> Option<u64> {
        self.state.history_from_seconds
    }

    /// The reservation of a release.
    #[must_use]
    pub fn reservation(&self, release: &Hash) -> Option<&Reservation> {
        self.state.releases.get(release).map(|known| &known.reservation)
    }

    /// Earliest beginning of windows, in seconds since the Unix epoch: when the unit or the length
    /// of a period was changed last.
    #[must_use]
    pub const fn windows_from_seconds(&self) -> u64 {
        self.state.windows_from_seconds
    }

    /// Latest wall-clock time of a reservation, in seconds since the Unix epoch; 0 before the first.
    #[must_use]
    pub const fn latest_seconds(&self) -> u64 {
        self.state.latest_seconds
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
            Some((&release.reservation, release.name()))
        })
    }

    /// Returns true when a write failed, so that only opening the ledger again shows what is stored.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Calls `watch` at every [`Point`] that is passed from now on.
    pub fn watch(&mut self, watch: impl Fn(Point) + Send + Sync + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// Says that a point was passed: the node, of the points that the ledger does not see.
    pub fn reach(&self, point: Point) {
        if let Some(watch) = &self.watch {
            watch(point);
        }
    }

    /// Reads the whole store again, as [`verify`](super::verify()) does, and compares it with what this
    /// ledger holds.
    ///
    /// # Errors
    /// The first entry or cost that does not hold.
    pub fn verify(&self) -> Result<Verified, PrivacyError> {
        let verified = verify::verify_for::<S, N>(&self.store)?;
        let head = self.store.head()?.map_or_else(N::genesis, |head| head.hash);
        if head != self.head() {
            return Err(verify::damaged(verified.entries, "it is not what this process wrote"));
        }
        Ok(verified)
    }

    /// The store, for the node's own records beside the ledger's.
    pub const fn store(&self) -> &S {
        &self.store
    }

    pub(super) fn entry(&self, index: u64) -> Result<Entry, PrivacyError> {
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
        self.hashes.last().copied().unwrap_or_else(N::genesis)
    }

    fn hash_at(&self, index: u64) -> Option<&Hash> {
        self.hashes.get(usize::try_from(index).ok()?)
    }

    fn releases_at(&self, at: impl Fn(Step) -> bool) -> impl Iterator<Item = Hash> {
        self.state.order.iter().filter(move |id| self.step_of(id).is_some_and(&at)).copied()
    }

    pub(super) fn step_of(&self, release: &Hash) -> Option<Step> {
        self.state.releases.get(release).map(|known| known.step)
    }

    pub(super) fn out_of_order(&self, release: Hash, step: &'static str) -> PrivacyError {
        let known = self.state.releases.get(&release);
        let state = known.map_or("not reserved", Release::name);
        PrivacyError::OutOfOrder { release, state, step }
    }

    pub(super) fn damaged(&self, index: u64) -> PrivacyError {
        verify::damaged(index, "it is not what was written")
    }
}
