//! What the entries add up to.

use std::collections::BTreeMap;

use lore_protocol::ids::Hash;

use super::entry::{Chain, Entry, Reservation};
use crate::{Budget, Cost, Spend};

/// Where a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Reserved,
    /// With the index of the entry that holds the result.
    Sampled(u64),
    Voided,
    Committed,
}

impl Step {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Sampled(_) => "sampled",
            Self::Voided => "voided",
            Self::Committed => "committed",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Release {
    pub(super) reservation: Reservation,
    pub(super) step: Step,
}

/// One committed height: the entry that holds its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) index: u64,
    pub(super) published: bool,
}

/// What a reservation cost, or what an older copy of the ledger did not know was spent.
#[derive(Debug, Clone, Copy)]
struct Paid {
    chain: Chain,
    period: u32,
    at_seconds: u64,
    cost: Cost,
}

impl From<&Reservation> for Paid {
    fn from(reservation: &Reservation) -> Self {
        let Reservation { chain, period, at_seconds, .. } = *reservation;
        Self { chain, period, at_seconds, cost: reservation.cost() }
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) budget: Option<Budget>,
    /// In the order of their reservation.
    pub(super) order: Vec<Hash>,
    pub(super) releases: BTreeMap<Hash, Release>,
    pub(super) sent: BTreeMap<(Chain, u64), Sent>,
    /// Heights that were found on the network.
    adopted: BTreeMap<Chain, u64>,
    /// What they had cost.
    unknown: Vec<Paid>,
    /// Latest charter period seen on each chain.
    pub(super) periods: BTreeMap<Chain, u32>,
    /// Latest wall-clock time of a reservation.
    pub(super) latest_seconds: u64,
}

impl State {
    /// Applies the entry at `index`.
    ///
    /// # Errors
    /// When the entry cannot follow what is there: our own code never writes that.
    pub(super) fn apply(&mut self, index: u64, entry: &Entry) -> Result<(), &'static str> {
        match entry {
            Entry::Budget(budget) => self.budget = Some(*budget),
            Entry::Reserved(reservation) => self.reserve(reservation)?,
            Entry::Sampled { release, .. } => {
                self.step(release, Step::Sampled(index), |step| step == Step::Reserved)?;
            }
            Entry::Voided { release } => self.step(release, Step::Voided, |step| {
                matches!(step, Step::Reserved | Step::Sampled(_))
            })?,
            Entry::Committed { chain, seq, period, release, .. } => {
                if self.next_seq(*chain).is_some_and(|next| next != *seq) {
                    return Err("a height is committed out of order");
                }
                if let Some(release) = release {
                    self.step(release, Step::Committed, |step| {
                        matches!(step, Step::Voided | Step::Sampled(_))
                    })?;
                }
                self.see_period(*chain, *period);
                let published = false;
                self.sent.insert((*chain, *seq), Sent { index, published });
            }
            Entry::Published { chain, seq } => {
                let sent = self.sent.get_mut(&(*chain, *seq));
                sent.ok_or("a height is published that was never committed")?.published = true;
            }
            Entry::Adopted { chain, seq, spend, at_seconds } => {
                if self.next_seq(*chain).is_some_and(|next| next > *seq) {
                    return Err("a height is adopted that was known");
                }
                let known = self.spend(*chain, spend.period);
                let cost = Cost {
                    rho_nano: spend.rho_nano.saturating_sub(known.rho_nano),
                    delta_e18: spend.delta_e18.saturating_sub(known.delta_e18),
                };
                let (chain, period, at_seconds) = (*chain, spend.period, *at_seconds);
                self.unknown.push(Paid { chain, period, at_seconds, cost });
                self.adopted.insert(chain, *seq);
                self.see_period(chain, period);
                self.latest_seconds = self.latest_seconds.max(at_seconds);
            }
        }
        Ok(())
    }

    fn reserve(&mut self, reservation: &Reservation) -> Result<(), &'static str> {
        let release = Release { reservation: *reservation, step: Step::Reserved };
        if self.releases.insert(reservation.release, release).is_some() {
            return Err("a release is reserved twice");
        }
        self.order.push(reservation.release);
        self.see_period(reservation.chain, reservation.period);
        self.latest_seconds = self.latest_seconds.max(reservation.at_seconds);
        Ok(())
    }

    fn step(
        &mut self,
        release: &Hash,
        to: Step,
        from: impl FnOnce(Step) -> bool,
    ) -> Result<(), &'static str> {
        let release = self.releases.get_mut(release).ok_or("a release was never reserved")?;
        if !from(release.step) {
            return Err("a release takes a step out of order");
        }
        release.step = to;
        Ok(())
    }

    fn see_period(&mut self, chain: Chain, period: u32) {
        let latest = self.periods.entry(chain).or_default();
        *latest = period.max(*latest);
    }

    /// The next height of a chain; none when nothing was committed on it.
    pub(super) fn next_seq(&self, chain: Chain) -> Option<u64> {
        let last = self.sent.range((chain, 0)..=(chain, u64::MAX)).next_back();
        let last = last.map(|((_, seq), _)| *seq).max(self.adopted.get(&chain).copied());
        last.map(|seq| seq.saturating_add(1))
    }

    /// Spend of a chain in the charter's period, as its headers carry it.
    pub(super) fn spend(&self, chain: Chain, period: u32) -> Spend {
        let sums = self.sum(|paid| paid.chain == chain && paid.period == period);
        Spend { period, rho_nano: sums.rho_nano, delta_e18: sums.delta_e18 }
    }

    /// Spend of the node in the wall-clock period that `now_seconds` lies in, over all federations.
    pub(super) fn node_spend(&self, period_seconds: u64, now_seconds: u64) -> Cost {
        let period = now_seconds / period_seconds.max(1);
        self.sum(|paid| paid.at_seconds / period_seconds.max(1) == period)
    }

    /// Everything ever spent.
    pub(super) fn lifetime(&self) -> Cost {
        self.sum(|_| true)
    }

    fn sum(&self, of: impl Fn(&Paid) -> bool) -> Cost {
        let reserved = self.releases.values().map(|release| Paid::from(&release.reservation));
        let all = reserved.chain(self.unknown.iter().copied()).filter(|paid| of(paid));
        all.fold(Cost::default(), |sum, paid| sum.plus(paid.cost))
    }
}
