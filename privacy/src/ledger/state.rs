//! State that the entries add up to.

use std::collections::BTreeMap;

use lore_protocol::ids::Hash;

use super::entry::{Answer, Chain, Entry, Reservation};
use crate::{Budget, Cost, Spend};

const DAY_SECONDS: u64 = 86_400;
const NEVER_RESERVED: &str = "a release was never reserved";

/// State of a release.
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
    pub(super) gate: Option<Gate>,
}

/// Gate of a person between a result and its publication.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) deadline_seconds: u64,
    pub(super) answer: Option<Answer>,
}

impl Release {
    /// Name of the state, for people.
    pub(super) const fn name(&self) -> &'static str {
        match (self.step, &self.gate) {
            (Step::Sampled(_), Some(_)) => "at the gate",
            (step, _) => step.name(),
        }
    }
}

/// One committed height: the entry that holds its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) index: u64,
    pub(super) published: bool,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) budget: Option<Budget>,
    /// Time when the first budget was set.
    pub(super) budget_since_seconds: Option<u64>,
    /// In the order of their reservation.
    pub(super) order: Vec<Hash>,
    pub(super) releases: BTreeMap<Hash, Release>,
    pub(super) sent: BTreeMap<(Chain, u64), Sent>,
    /// Heights that were found on the network.
    adopted: BTreeMap<Chain, u64>,
    /// Latest charter period seen on each chain.
    pub(super) periods: BTreeMap<Chain, u32>,
    /// Latest wall-clock time of a reservation.
    pub(super) latest_seconds: u64,
    /// Windows begin here or later: when the length of a period or the unit changed last, and not before
    /// the period in which spend of an unknown window was found. The sums of today do not cover what was
    /// promised for earlier sessions.
    pub(super) windows_from_seconds: u64,
    /// Beginning of first windows, when the owner named it, in seconds since the Unix epoch.
    pub(super) history_from_seconds: Option<u64>,
    /// Spend of each chain in each of the charter's periods.
    by_period: BTreeMap<(Chain, u32), Cost>,
    /// Spend of the node by day since the Unix epoch: periods are whole days.
    by_day: BTreeMap<u64, Cost>,
    lifetime: Cost,
}

impl State {
    /// Applies the entry at `index`.
    ///
    /// # Errors
    /// Fails when the entry cannot follow what is there: our own code never writes that.
    pub(super) fn apply(&mut self, index: u64, entry: &Entry) -> Result<(), &'static str> {
        match entry {
            Entry::Budget { budget, at_seconds, history_from_seconds } => {
                let same =
                    |old: Budget| old.period_days == budget.period_days && old.unit == budget.unit;
                if self.budget.is_some_and(|old| !same(old)) {
                    self.windows_from_seconds = self.windows_from_seconds.max(*at_seconds);
                }
                self.budget = Some(*budget);
                self.budget_since_seconds.get_or_insert(*at_seconds);
                self.history_from_seconds = history_from_seconds.or(self.history_from_seconds);
            }
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
                    self.check_gate(release)?;
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
            Entry::Gated { release, deadline_seconds } => {
                let known = self.releases.get_mut(release).ok_or(NEVER_RESERVED)?;
                if known.step != Step::Reserved || known.gate.is_some() {
                    return Err("a gate is set after data was read");
                }
                known.gate = Some(Gate { deadline_seconds: *deadline_seconds, answer: None });
            }
            Entry::Answered { release, answer } => {
                let known = self.releases.get_mut(release).ok_or(NEVER_RESERVED)?;
                let sampled = matches!(known.step, Step::Sampled(_));
                let Some(gate) = known.gate.as_mut().filter(|_| sampled) else {
                    return Err("an answer is given where nothing waits");
                };
                if matches!(answer, Answer::Keep(keep) if !keep.is_sorted_by(|a, b| a < b)) {
                    return Err("an answer names an entry twice");
                }
                gate.answer = Some(answer.clone());
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
                self.pay(chain, period, at_seconds, cost);
                // Which window it was drawn from is not known: older periods are closed from now on.
                if let Some(budget) = self.budget {
                    let start = at_seconds / budget.period_seconds() * budget.period_seconds();
                    self.windows_from_seconds = self.windows_from_seconds.max(start);
                }
                self.adopted.insert(chain, *seq);
                self.see_period(chain, period);
                self.latest_seconds = self.latest_seconds.max(at_seconds);
            }
        }
        Ok(())
    }

    fn reserve(&mut self, reservation: &Reservation) -> Result<(), &'static str> {
        let release = Release { reservation: *reservation, step: Step::Reserved, gate: None };
        if self.releases.insert(reservation.release, release).is_some() {
            return Err("a release is reserved twice");
        }
        self.order.push(reservation.release);
        self.see_period(reservation.chain, reservation.period);
        self.latest_seconds = self.latest_seconds.max(reservation.at_seconds);
        let Reservation { chain, period, window, .. } = *reservation;
        self.pay(chain, period, window.start_seconds, reservation.cost());
        Ok(())
    }

    /// Adds a cost to the charter's period and to the wall-clock day that `seconds` lies in.
    fn pay(&mut self, chain: Chain, period: u32, seconds: u64, cost: Cost) {
        let add = |sum: &mut Cost| *sum = sum.plus(cost);
        add(self.by_period.entry((chain, period)).or_default());
        add(self.by_day.entry(seconds / DAY_SECONDS).or_default());
        add(&mut self.lifetime);
    }

    fn step(
        &mut self,
        release: &Hash,
        to: Step,
        from: impl FnOnce(Step) -> bool,
    ) -> Result<(), &'static str> {
        let release = self.releases.get_mut(release).ok_or(NEVER_RESERVED)?;
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

    /// Refuses the result of a gated release that nobody let through.
    fn check_gate(&self, release: &Hash) -> Result<(), &'static str> {
        let known = self.releases.get(release).ok_or(NEVER_RESERVED)?;
        let Some(gate) = &known.gate else { return Ok(()) };
        let open = matches!(gate.answer, Some(Answer::Keep(_)));
        if known.step == Step::Voided || open {
            return Ok(());
        }
        Err("a result passes the gate without an answer")
    }

    /// Spend of a chain in the charter's period, as its headers carry it.
    pub(super) fn spend(&self, chain: Chain, period: u32) -> Spend {
        let sums = self.by_period.get(&(chain, period)).copied().unwrap_or_default();
        Spend { period, rho_nano: sums.rho_nano, delta_e18: sums.delta_e18 }
    }

    /// Spend of the node on sessions of the wall-clock period that `seconds` lies in, over all federations.
    pub(super) fn node_spend(&self, period_days: u32, seconds: u64) -> Cost {
        let days = u64::from(period_days.max(1));
        let first = seconds / DAY_SECONDS / days * days;
        let period = self.by_day.range(first..first.saturating_add(days));
        period.fold(Cost::default(), |sum, (_, cost)| sum.plus(*cost))
    }

    /// Spend of every wall-clock period that has any, by its first second.
    pub(super) fn node_periods(&self, period_days: u32) -> BTreeMap<u64, Cost> {
        let days = u64::from(period_days.max(1));
        let mut periods: BTreeMap<u64, Cost> = BTreeMap::new();
        for (day, cost) in &self.by_day {
            let sum = periods.entry(day / days * days * DAY_SECONDS).or_default();
            *sum = sum.plus(*cost);
        }
        periods
    }

    /// Everything ever spent.
    pub(super) const fn lifetime(&self) -> Cost {
        self.lifetime
    }
}
