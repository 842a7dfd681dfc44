//! The steps of a release, each one durable append, and what checks stand before it.

use std::marker::PhantomData;

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::Payload;

use super::entry::{Chain, Entry, Reservation};
use super::machine::Ledger;
use super::point::Point;
use super::state::Step;
use super::store::LedgerStore;
use crate::released::Provenance;
use crate::{
    Budget, Caps, Cost, NoiseSource, Outgoing, PrivacyError, Released, Spend, SystemNoise,
    mechanism,
};

/// The right to sample one reserved release, once.
#[must_use = "a reservation that is not sampled is spent for nothing"]
pub struct Ticket(Reservation);

impl Ticket {
    /// The release.
    #[must_use]
    pub const fn release(&self) -> Hash {
        self.0.release
    }
}

/// Signed bytes that the ledger holds: the only thing that is ever sent.
///
/// There is no other way to get one:
/// ```compile_fail,E0451
/// use lore_privacy::{Chain, Committed};
/// fn forge(chain: Chain) -> Committed {
///     Committed { chain, seq: 0, bytes: Vec::new(), noise: todo!() }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed<N = SystemNoise> {
    chain: Chain,
    seq: u64,
    bytes: Vec<u8>,
    noise: PhantomData<fn() -> N>,
}

impl<N> Committed<N> {
    const fn of(chain: Chain, seq: u64, bytes: Vec<u8>) -> Self {
        Self { chain, seq, bytes, noise: PhantomData }
    }

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

impl<S: LedgerStore, N: NoiseSource> Ledger<S, N> {
    /// Sets the owner's budget from now on.
    ///
    /// # Errors
    /// Fails when the current period already has spend and the new budget changes the period's length or the
    /// unit: both would change what was promised for it. When the clock is in an earlier period than the
    /// ledger: a period whose spend it does not see would look fresh.
    pub fn set_budget(&mut self, budget: Budget, now_seconds: u64) -> Result<(), PrivacyError> {
        self.set_budget_since(budget, now_seconds, None)
    }

    /// As [`set_budget`](Self::set_budget), and lets first windows begin at a date that the owner names, in
    /// seconds since the Unix epoch: for sessions from before the node had a budget. None changes nothing.
    ///
    /// # Errors
    /// As there.
    pub fn set_budget_since(
        &mut self,
        budget: Budget,
        now_seconds: u64,
        history_from_seconds: Option<u64>,
    ) -> Result<(), PrivacyError> {
        if let Some(old) = self.state.budget {
            let seconds = old.period_seconds();
            if now_seconds / seconds < self.state.latest_seconds / seconds {
                return Err(PrivacyError::PeriodWentBack);
            }
            let spent = self.state.node_spend(old.period_days, now_seconds);
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
        let entry = Entry::Budget { budget, at_seconds: now_seconds, history_from_seconds };
        self.append(entry)
    }

    /// Pays for a release, before any data is read. Both the owner's budget (over all federations, in
    /// the wall-clock period that the window lies in) and the smaller of budget and `charter` (in the
    /// charter's period) bind.
    ///
    /// # Errors
    /// Without a budget, over a cap, for a mechanism that declares less than it costs, for a release
    /// that is already there, for a window that touches two wall-clock periods, or when a period went
    /// back. Nothing is spent then.
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
        let seconds = budget.period_seconds();
        let wall = |at: u64| at / seconds;
        let latest = self.state.periods.get(&reservation.chain);
        if wall(reservation.at_seconds) < wall(self.state.latest_seconds)
            || latest.is_some_and(|latest| reservation.period < *latest)
        {
            return Err(PrivacyError::PeriodWentBack);
        }
        reservation
            .check_window(budget, self.state.windows_from_seconds)
            .map_err(|why| PrivacyError::Parameter { what: "window", why: why.into() })?;
        mechanism::verify(&reservation.mechanism)?;
        let cost = reservation.cost();
        let node = self.state.node_spend(budget.period_days, reservation.window.start_seconds);
        budget.caps().admit("owner's budget", node, cost)?;
        let spend = self.state.spend(reservation.chain, reservation.period);
        let member = Cost { rho_nano: spend.rho_nano, delta_e18: spend.delta_e18 };
        let caps = charter.min(budget.caps());
        caps.admit("federation's charter", member, cost)?;
        self.reach(Point::BeforeReserve);
        self.append(Entry::Reserved(reservation))?;
        self.reach(Point::Reserved);
        Ok(Ticket(reservation))
    }

    /// Runs the mechanism of a reserved release and records its result. `sample` reads the data: it runs
    /// after the reservation is durable, and never twice. When it fails, the release is voided.
    ///
    /// # Errors
    /// Returns what `sample` or the store returns, and fails when the result is not what was reserved.
    pub fn sample(
        &mut self,
        ticket: Ticket,
        sample: impl FnOnce() -> Result<Released<Payload, N>, PrivacyError>,
    ) -> Result<Released<Payload, N>, PrivacyError> {
        self.read_and_sample(ticket, || Ok(()), |()| sample())
    }

    /// The same in two steps: `read` gathers the data, `draw` runs the mechanism on it.
    ///
    /// # Errors
    /// Returns what `read`, `draw` or the store returns, and fails when the result is not what was reserved.
    pub fn read_and_sample<T>(
        &mut self,
        ticket: Ticket,
        read: impl FnOnce() -> Result<T, PrivacyError>,
        draw: impl FnOnce(T) -> Result<Released<Payload, N>, PrivacyError>,
    ) -> Result<Released<Payload, N>, PrivacyError> {
        let Ticket(reservation) = ticket;
        let release = reservation.release;
        self.check_open()?;
        if self.step_of(&release) != Some(Step::Reserved) {
            return Err(self.out_of_order(release, "sampled"));
        }
        let data = read();
        self.reach(Point::DataRead);
        let made = data.and_then(draw).and_then(|made| {
            let payload = made.get();
            if payload.kind() != reservation.kind
                || payload.mechanism() != Some(&reservation.mechanism)
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
        self.reach(Point::Drawn);
        self.append(Entry::Sampled { release, payload: codec::encode(&payload) })?;
        self.reach(Point::Sampled);
        Ok(Released::sampled(payload, release))
    }

    /// The one result of a sampled release, read back.
    ///
    /// # Errors
    /// Fails when the release is not in the state of being sampled, or its entry is damaged.
    pub fn resume(&self, release: Hash) -> Result<Released<Payload, N>, PrivacyError> {
        Ok(Released::sampled(self.sampled_payload(release)?, release))
    }

    pub(super) fn sampled_payload(&self, release: Hash) -> Result<Payload, PrivacyError> {
        let Some(Step::Sampled(index)) = self.step_of(&release) else {
            return Err(self.out_of_order(release, "resumed"));
        };
        let Entry::Sampled { payload, .. } = self.entry(index)? else {
            return Err(self.damaged(index));
        };
        codec::decode(&payload).map_err(|_| self.damaged(index))
    }

    /// Gives a release up: it stays paid for, and a `Void` is due.
    ///
    /// # Errors
    /// Fails when the release is neither reserved nor sampled.
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
    /// Fails when the height is not the next one, the period went back or is not that of the release, the
    /// value did not come through this ledger, or the bytes do not hold the payload.
    pub fn commit(
        &mut self,
        chain: Chain,
        seq: u64,
        period: u32,
        outgoing: &Outgoing<N>,
        sign: impl FnOnce(&Payload, Spend) -> Vec<u8>,
    ) -> Result<Committed<N>, PrivacyError> {
        let expected = self.state.next_seq(chain).unwrap_or(seq);
        if seq != expected {
            return Err(PrivacyError::WrongSeq { expected, found: seq });
        }
        let latest = self.state.periods.get(&chain);
        if latest.is_some_and(|latest| period < *latest) {
            return Err(PrivacyError::PeriodWentBack);
        }
        let release = self.release_of(outgoing, chain, period)?;
        let bytes = sign(outgoing.payload(), self.spend_with(chain, period, outgoing));
        if !holds(&bytes, &codec::encode(outgoing.payload())) {
            return Err(PrivacyError::Mismatch("the signed delta"));
        }
        self.reach(Point::Signed);
        self.append(Entry::Committed { chain, seq, period, release, bytes: bytes.clone() })?;
        self.reach(Point::Committed);
        Ok(Committed::of(chain, seq, bytes))
    }

    /// The release that `outgoing` completes, if any, after checking that it may be committed here.
    fn release_of(
        &self,
        outgoing: &Outgoing<N>,
        chain: Chain,
        period: u32,
    ) -> Result<Option<Hash>, PrivacyError> {
        let (release, void) = match outgoing {
            Outgoing::Released(released) => match released.provenance() {
                Provenance::Mechanism => return Err(PrivacyError::NotSampled),
                Provenance::Authored => return Ok(None),
                Provenance::Sampled(release) => (release, false),
                Provenance::Passed(release) => {
                    // An answer may have come after the gate was opened.
                    if self.let_through(release)?.as_ref() != Some(released.get()) {
                        return Err(PrivacyError::Mismatch("what the gate lets through"));
                    }
                    (release, false)
                }
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
        let passed = matches!(outgoing, Outgoing::Released(released)
            if released.provenance() == Provenance::Passed(release));
        if let (Some(gate), false, false) = (&known.gate, void, passed) {
            return Err(PrivacyError::AtGate { deadline_seconds: gate.deadline_seconds });
        }
        if known.reservation.chain != chain {
            return Err(PrivacyError::Mismatch("the chain"));
        }
        // A header's spend is that of its period: a result of another period would not be covered.
        if !void && known.reservation.period != period {
            return Err(PrivacyError::Late { reserved: known.reservation.period, now: period });
        }
        // Nothing but the one result that is recorded here: another ledger may have drawn another.
        if !void && !passed && self.sampled_payload(release)? != *outgoing.payload() {
            return Err(PrivacyError::Mismatch("the result that was drawn"));
        }
        Ok(Some(release))
    }

    /// Notes a delta of this node that the network holds and this ledger does not know, which shows that
    /// the ledger is an older copy. From then on the height is taken and what its header had spent is
    /// spent here too. Does nothing for a height that is known.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn adopt(
        &mut self,
        chain: Chain,
        seq: u64,
        spend: Spend,
        at_seconds: u64,
    ) -> Result<bool, PrivacyError> {
        let unknown = self.next_seq(chain).is_none_or(|next| next <= seq);
        if unknown {
            self.append(Entry::Adopted { chain, seq, spend, at_seconds })?;
        }
        Ok(unknown)
    }

    /// Bytes committed at a height, read back with their hashes checked.
    ///
    /// # Errors
    /// Fails when there are none, or the entry is damaged.
    pub fn committed(&self, chain: Chain, seq: u64) -> Result<Committed<N>, PrivacyError> {
        let sent = self.state.sent.get(&(chain, seq));
        let sent = sent.ok_or_else(|| PrivacyError::WrongSeq {
            expected: self.state.next_seq(chain).unwrap_or(0),
            found: seq,
        })?;
        match self.entry(sent.index)? {
            Entry::Committed { bytes, .. } => Ok(Committed::of(chain, seq, bytes)),
            _ => Err(self.damaged(sent.index)),
        }
    }

    /// Notes that committed bytes were handed to the network. Does nothing the second time.
    ///
    /// # Errors
    /// Fails when nothing is committed there.
    pub fn published(&mut self, chain: Chain, seq: u64) -> Result<(), PrivacyError> {
        match self.state.sent.get(&(chain, seq)) {
            Some(sent) if sent.published => Ok(()),
            Some(_) => {
                self.reach(Point::BeforePublished);
                self.append(Entry::Published { chain, seq })?;
                self.reach(Point::Published);
                Ok(())
            }
            None => Err(PrivacyError::WrongSeq {
                expected: self.state.next_seq(chain).unwrap_or(0),
                found: seq,
            }),
        }
    }
}

/// Returns true when `bytes` contain `part`; a delta ends with its payload, so that is looked at first.
pub(super) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.ends_with(part) || bytes.windows(part.len().max(1)).any(|window| window == part)
}

#[cfg(test)]
impl Ticket {
    pub(super) const fn forge(reservation: Reservation) -> Self {
        Self(reservation)
    }
}
