//! The attack on a whole accounting period: every release of the default schedule through one ledger, and the
//! exact log likelihood ratio of all that was sent.
//!
//! The attacker knows both databases and the laws of the noise, so nothing is learnt from samples: a cell
//! that the victim moved tells by how much it speaks for the victim. Each ballot is chosen from what the
//! release before it showed, as an adaptive attacker would. When the schedule is through, the attacker asks
//! for it a second time over the same sessions, after the end of the period. The ledger has to refuse that,
//! and what it calls the spend of the period is the claim.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::{FederationId, Hash, LessonId, MemberId};
use lore_protocol::lesson::LessonKey;
use lore_protocol::payload::{ItemId, Mechanism, Noise, Payload, PayloadKind, Unit, Window};

use super::attack::{Claim, certify};
use super::law::Law;
use super::lessons::{entries, lesson};
use super::rig::{decode, secret};
use super::{Certified, Observer};
use crate::preset::{Plan, Schedule};
use crate::release::{
    LessonsSpec, OutcomesSpec, VotesSpec, release_lessons, release_outcomes, release_votes,
};
use crate::{
    Budget, Caps, Chain, LessonContribution, MemoryStore, OutcomeContribution, PrivacyError,
    Private, Released, Reservation, SystemNoise, VoteContribution,
};

type Ledger = crate::Ledger<MemoryStore>;

const DAY: u64 = 86_400;
/// Length of the period, in days.
const PERIOD_DAYS: u32 = 90;
/// The first second of the period.
const BEGIN: u64 = 11 * PERIOD_DAYS as u64 * DAY;
/// Epsilon of a period, in millionths, and its delta in 1e-18: the default preset.
const BUDGET: (u64, u64) = (4_000_000, 1_000_000_000_000);
const CHAIN: Chain = Chain { federation: FederationId([1; 32]), member: MemberId([2; 32]) };
const OPEN: Caps = Caps { rho_nano: u64::MAX, delta_e18: u64::MAX };
/// Times that the attacker asks for the schedule over the same sessions.
const ROUNDS: u32 = 2;
/// Sigmas by which the support of a lesson lies above its threshold without the victim.
const ABOVE: f64 = 4.0;
/// Part of the ratio that rho is certified from.
const PART: f64 = 0.8;
/// Length of a lesson payload.
const PADDED_BYTES: u32 = 1_024;

/// The window that a release is charged for, from the window that it reads and the time at which it is made.
pub(crate) type Charge = fn(Window, u64) -> Window;

/// The shipped charge: for the sessions that are read, however late.
pub(crate) const fn shipped(read: Window, _made_at_seconds: u64) -> Window {
    read
}

/// A place in the schedule.
#[derive(Clone, Copy)]
struct Slot {
    kind: PayloadKind,
    window: Window,
    mechanism: Mechanism,
}

/// Two databases that differ by one user, with a period's schedule.
pub(crate) struct Period {
    fresh: MemoryStore,
    slots: Vec<Slot>,
    keys: BTreeSet<LessonKey>,
    /// Supporters of each key besides the victim.
    others: i64,
    /// Log likelihood ratio of a missing key.
    missing: f64,
    teachers: Private<Vec<LessonContribution>>,
    teachers_and_victim: Private<Vec<LessonContribution>>,
}

/// Evidence of one period.
pub(crate) struct Seen {
    /// By how much it speaks for the victim: the log likelihood ratio.
    pub(crate) ratio: f64,
    /// Spend on the sessions of the period, as the ledger has it.
    pub(crate) claim: Claim,
}

impl Period {
    pub(crate) fn new() -> Result<Self, PrivacyError> {
        let budget = Budget::new(Unit::User, BUDGET.0, BUDGET.1, PERIOD_DAYS)?;
        let schedule = Schedule::default();
        let mut ledger = Ledger::open(MemoryStore::default())?;
        ledger.set_budget(budget, BEGIN)?;
        let slots = slots(schedule, budget.plan(schedule)?);
        let lessons = slots.iter().find(|slot| slot.kind == PayloadKind::Lessons);
        let Slot { mechanism, window, .. } =
            *lessons.ok_or(PrivacyError::Unsupported("a period without lessons"))?;
        let sigma = mechanism.scale_micros as f64 / 1e6;
        let (threshold, step) = (i64::from(mechanism.threshold), i64::from(mechanism.linf));
        let users = (threshold + (ABOVE * sigma) as i64) / step;
        let others = users * step;
        let law = Law { noise: mechanism.noise, scale: sigma };
        let missed = |support: i64| 1.0 - law.tail(threshold - support);
        // One lesson each, which has the whole weight of who knows it.
        let primary = lesson(1)?;
        let keys = BTreeSet::from([LessonKey::Primary(primary.clone())]);
        let teaches = |user: &str| LessonContribution {
            unit: secret().user(user),
            start_seconds: window.start_seconds,
            primary: primary.clone(),
            topics: Vec::new(),
        };
        let teachers: Vec<_> = (0..users).map(|n| teaches(&n.to_string())).collect();
        let with = teachers.iter().cloned().chain([teaches("ada")]).collect();
        Ok(Self {
            fresh: ledger.store().clone(),
            slots,
            keys,
            others,
            missing: (missed(others + step) / missed(others)).ln(),
            teachers: Private::new(teachers),
            teachers_and_victim: Private::new(with),
        })
    }

    /// Caps that the owner allows for a period.
    #[cfg(test)]
    pub(crate) fn cap(&self) -> Claim {
        let budget = Ledger::open(self.fresh.clone()).map(|ledger| ledger.budget());
        let caps = budget.ok().flatten().map_or(OPEN, |budget| budget.caps());
        Claim { rho: caps.rho_nano as f64 / 1e9, delta: caps.delta_e18 as f64 / 1e18 }
    }

    /// Asks for the schedule [`ROUNDS`] times over the same sessions.
    pub(crate) fn run(&self, victim: bool, charge: Charge) -> Result<Seen, PrivacyError> {
        let mut ledger = Ledger::open(self.fresh.clone())?;
        let (mut ratio, mut shown) = (0.0, 0);
        for round in 0..ROUNDS {
            let mut refused = BTreeSet::new();
            for (place, slot) in self.slots.iter().enumerate() {
                if refused.contains(&slot.kind) {
                    continue;
                }
                let late = u64::from(round) * u64::from(PERIOD_DAYS) * DAY;
                let at_seconds = slot.window.end_seconds + late;
                let reservation = Reservation {
                    release: Hash::derive("audit/period/v1", &[&[round as u8, place as u8]]),
                    spec: Hash::ZERO,
                    chain: CHAIN,
                    period: round,
                    at_seconds,
                    kind: slot.kind,
                    mechanism: slot.mechanism,
                    window: charge(slot.window, at_seconds),
                };
                let ticket = match ledger.reserve(reservation, OPEN) {
                    Ok(ticket) => ticket,
                    Err(PrivacyError::OverBudget { .. }) => {
                        refused.insert(slot.kind);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let release = ticket.release();
                let drawn = || self.draw(slot, release, victim, shown % 2 == 0);
                let released = ledger.sample(ticket, drawn)?.into();
                let seq = ledger.next_seq(CHAIN).unwrap_or(0);
                let signed = |payload: &Payload, _| codec::encode(payload);
                let committed = ledger.commit(CHAIN, seq, round, &released, signed)?;
                ledger.published(CHAIN, seq)?;
                let (said, last) = self.said(&decode(&committed)?);
                (ratio, shown) = (ratio + said, last);
            }
        }
        let spent = ledger.node_spend(BEGIN);
        let claim =
            Claim { rho: spent.rho_nano as f64 / 1e9, delta: spent.delta_e18 as f64 / 1e18 };
        Ok(Seen { ratio, claim })
    }

    /// Makes one release; `first` chooses its ballot.
    fn draw(
        &self,
        slot: &Slot,
        release: Hash,
        victim: bool,
        first: bool,
    ) -> Result<Released<Payload>, PrivacyError> {
        let Slot { window, mechanism, .. } = *slot;
        let start_seconds = window.start_seconds;
        let unit = secret().user("ada");
        let items_root = Hash::ZERO;
        let from = if first { 0 } else { u8::MAX / 2 };
        let size = if slot.kind == PayloadKind::Votes { 1 } else { mechanism.l0 as u8 };
        let ballot: BTreeSet<ItemId> = (from..from + size).map(item).collect();
        match slot.kind {
            PayloadKind::Lessons => {
                let spec = LessonsSpec::new(release, mechanism, window, PADDED_BYTES);
                let database = if victim { &self.teachers_and_victim } else { &self.teachers };
                release_lessons(&spec, database, &secret(), &mut SystemNoise)
            }
            PayloadKind::Votes => {
                let vote = VoteContribution { unit, start_seconds, supports: ballot.clone() };
                let votes = victim.then_some(vote).into_iter().collect();
                let spec = VotesSpec { release, mechanism, window, items_root, ballot };
                release_votes(&spec, &Private::new(votes), &secret(), &mut SystemNoise)
            }
            _ => {
                let used = |item: &ItemId| OutcomeContribution {
                    unit,
                    item: *item,
                    context: 0,
                    success: true,
                    start_seconds,
                };
                let used = if victim { ballot.iter().map(used).collect() } else { Vec::new() };
                let cells = ballot.into_iter().map(|item| (item, 0)).collect();
                let spec = OutcomesSpec { release, mechanism, window, items_root, cells };
                release_outcomes(&spec, &Private::new(used), &secret(), &mut SystemNoise)
            }
        }
    }

    /// By how much a payload speaks for the victim, and its last number.
    fn said(&self, payload: &Payload) -> (f64, i64) {
        match payload {
            Payload::Outcomes(outcomes) => {
                let of = |cell: &i64| ratio(&outcomes.mechanism, *cell, 0);
                let said = outcomes.cells.iter().map(|cell| of(&cell.successes)).sum();
                (said, outcomes.cells.last().map_or(0, |cell| cell.successes))
            }
            Payload::Votes(votes) => {
                let said = votes.votes.iter().map(|entry| ratio(&votes.mechanism, entry.votes, 0));
                (said.sum(), votes.votes.last().map_or(0, |entry| entry.votes))
            }
            _ => {
                let found: BTreeMap<&LessonKey, i64> = entries(payload).collect();
                let of = |key| match (found.get(key), payload.mechanism()) {
                    (Some(support), Some(mechanism)) => ratio(mechanism, *support, self.others),
                    _ => self.missing,
                };
                (self.keys.iter().map(of).sum(), found.values().sum())
            }
        }
    }
}

/// Runs whole periods over both databases and certifies what they lose together.
pub(crate) fn attack(
    name: &'static str,
    charge: Charge,
    runs: u64,
    observer: &mut dyn Observer,
) -> Result<Certified, PrivacyError> {
    let period = Period::new()?;
    let claim = period.run(true, charge)?.claim;
    let (low, high) = claim.bounds();
    let mut ratio = |victim| Ok(period.run(victim, charge)?.ratio.clamp(low, high));
    certify(name, &mut ratio, PART, claim, runs, observer)
}

fn item(number: u8) -> ItemId {
    ItemId::Lesson(LessonId([number; 32]))
}

/// Log likelihood ratio of one noisy count: of `without` and the most that a unit adds, to `without`.
fn ratio(mechanism: &Mechanism, noisy: i64, without: i64) -> f64 {
    let scale = mechanism.scale_micros as f64 / 1e6;
    let (noise, step) = ((noisy - without) as f64, f64::from(mechanism.linf));
    match mechanism.noise {
        Noise::Gaussian => step * 2.0_f64.mul_add(noise, -step) / (2.0 * scale * scale),
        Noise::Laplace => (noise.abs() - (noise - step).abs()) / scale,
    }
}

/// The schedule: outcomes and votes each over a part of the period, lessons over all of it at the end.
fn slots(schedule: Schedule, plan: Plan) -> Vec<Slot> {
    let kinds = [
        (PayloadKind::Outcomes, schedule.outcomes, plan.outcomes),
        (PayloadKind::Votes, schedule.votes, plan.votes),
        (PayloadKind::Lessons, schedule.lessons, plan.lessons),
    ];
    let mut slots = Vec::new();
    for (kind, releases, mechanism) in kinds {
        let Some(mechanism) = mechanism else { continue };
        let each = u64::from(PERIOD_DAYS) * DAY / u64::from(releases);
        for n in 0..u64::from(releases) {
            let start_seconds = BEGIN + n * each;
            let window = Window { start_seconds, end_seconds: start_seconds + each };
            slots.push(Slot { kind, window, mechanism });
        }
    }
    slots.sort_by_key(|slot| slot.window.end_seconds);
    slots
}
