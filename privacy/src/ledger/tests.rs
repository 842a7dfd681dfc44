#![allow(clippy::unwrap_used)]
use lore_protocol::codec;
use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::payload::{
    Join, Leave, Lessons, Mechanism, Origin, Payload, PayloadKind, Unit, Void, Window,
};

use super::*;
use crate::{Budget, Caps, Cost, Outgoing, PrivacyError, Released, SeededNoise, Spend, mechanism};

pub(super) const DAY: u64 = 86_400;
pub(super) const NOW: u64 = 1_000 * DAY;
pub(super) const CHARTER: Caps = Caps { rho_nano: u64::MAX, delta_e18: u64::MAX };
const CHAIN: Chain = chain(1);

pub(super) const fn chain(number: u8) -> Chain {
    Chain { federation: FederationId([number; 32]), member: MemberId([9; 32]) }
}

pub(super) fn budget() -> Budget {
    Budget::new(Unit::User, 4_000_000, 1_000_000_000_000, 90).unwrap()
}

/// A quarter of the budget's rho, roughly, and a little of its delta.
fn quarter() -> Mechanism {
    mechanism::gaussian(Unit::User, crate::Bounds::cells(3, 1), 4_600_000, 40).unwrap()
}

pub(super) fn reservation(number: u8) -> Reservation {
    Reservation {
        release: Hash([number; 32]),
        spec: Hash::ZERO,
        chain: CHAIN,
        period: 3,
        at_seconds: NOW,
        kind: PayloadKind::Lessons,
        mechanism: quarter(),
        window: Window { start_seconds: NOW - DAY, end_seconds: NOW },
    }
}

/// A stand-in for a mechanism's result; `draw` tells two draws apart.
pub(super) fn result(draw: u64) -> Payload {
    Payload::Lessons(Lessons {
        origin: Origin::Mechanism(quarter()),
        window: None,
        entries: Vec::new(),
        padding: draw.to_le_bytes().to_vec(),
    })
}

pub(super) fn sign(payload: &Payload, spend: Spend) -> Vec<u8> {
    let mut bytes = codec::encode(&spend);
    bytes.extend(codec::encode(payload));
    bytes
}

fn ledger() -> Ledger<MemoryStore> {
    let mut ledger = Ledger::open(MemoryStore::default()).unwrap();
    ledger.set_budget(budget(), NOW).unwrap();
    ledger
}

fn sampled(ledger: &mut Ledger<MemoryStore>, number: u8) -> Released<Payload> {
    let ticket = ledger.reserve(reservation(number), CHARTER).unwrap();
    ledger.sample(ticket, || Ok(Released::by_mechanism(result(1)))).unwrap()
}

#[test]
fn without_a_budget_nothing_is_released_and_the_error_says_what_to_run() {
    let mut ledger = Ledger::open(MemoryStore::default()).unwrap();
    let error = ledger.reserve(reservation(1), CHARTER).err().unwrap();
    assert!(matches!(error, PrivacyError::NoBudget));
    assert!(error.to_string().contains("lore privacy set --epsilon 4 --period 90d"));
}

#[test]
fn a_release_goes_through_its_states_and_its_bytes_carry_the_spend() {
    let mut ledger = ledger();
    let released = sampled(&mut ledger, 1);
    assert_eq!(ledger.pending(), [Pending::Commit { release: Hash([1; 32]), chain: CHAIN }]);
    let committed = ledger.commit(CHAIN, 5, 3, &released.into(), sign).unwrap();
    let spend = ledger.spend(CHAIN, 3);
    assert_eq!(spend.rho_nano, quarter().rho_nano);
    assert_eq!(spend.delta_e18, quarter().delta_e18);
    assert_eq!(committed.bytes(), sign(&result(1), spend));
    assert_eq!(ledger.pending(), [Pending::Publish { chain: CHAIN, seq: 5 }]);
    assert_eq!(ledger.committed(CHAIN, 5).unwrap(), committed);
    ledger.published(CHAIN, 5).unwrap();
    ledger.published(CHAIN, 5).unwrap();
    assert_eq!(ledger.pending(), []);
    assert_eq!(ledger.next_seq(CHAIN), Some(6));
    let verified = ledger.verify().unwrap();
    assert_eq!((verified.entries, verified.releases), (5, 1));
}

#[test]
fn the_budget_binds_over_all_federations_of_the_node() {
    let mut ledger = ledger();
    for number in 1..=4 {
        let reserved = Reservation { chain: chain(number), ..reservation(number) };
        assert!(ledger.reserve(reserved, CHARTER).is_ok());
    }
    let fifth = Reservation { chain: chain(5), ..reservation(5) };
    let error = ledger.reserve(fifth, CHARTER).err().unwrap();
    assert!(matches!(error, PrivacyError::OverBudget { whose: "owner's budget", .. }));
    let later = NOW + 90 * DAY;
    let window = Window { start_seconds: later - DAY, end_seconds: later };
    let next = Reservation { at_seconds: later, window, ..fifth };
    assert!(ledger.reserve(next, CHARTER).is_ok(), "the next period has its own budget");
}

#[test]
fn the_smaller_of_charter_and_budget_binds_in_the_charters_period() {
    let mut ledger = ledger();
    let charter = Caps { rho_nano: 2 * quarter().rho_nano, ..CHARTER };
    assert!(ledger.reserve(reservation(1), charter).is_ok());
    assert!(ledger.reserve(reservation(2), charter).is_ok());
    let error = ledger.reserve(reservation(3), charter).err().unwrap();
    assert!(matches!(error, PrivacyError::OverBudget { whose: "federation's charter", .. }));
    let next = Reservation { period: 4, ..reservation(3) };
    assert!(ledger.reserve(next, charter).is_ok());
}

#[test]
fn a_release_is_reserved_once_and_sampled_once() {
    let mut ledger = ledger();
    sampled(&mut ledger, 1);
    let again = ledger.reserve(reservation(1), CHARTER).err().unwrap();
    assert!(matches!(again, PrivacyError::AlreadyReserved(_)));
    let copied = Ticket::forge(reservation(1));
    let mut ran = false;
    let resampled = ledger.sample(copied, || {
        ran = true;
        Ok(Released::by_mechanism(result(2)))
    });
    assert!(resampled.is_err() && !ran);
}

#[test]
fn undercharged_open_and_backdated_reservations_cost_nothing() {
    let mut ledger = ledger();
    sampled(&mut ledger, 1);
    let before = ledger.lifetime();
    let mut cheap = reservation(2);
    cheap.mechanism.rho_nano -= 1;
    let mut open = reservation(2);
    open.window.end_seconds = NOW + 1;
    let mut session = reservation(2);
    session.mechanism.unit = Unit::Session;
    let back = Reservation { period: 2, ..reservation(2) };
    let window = Window { start_seconds: NOW - 101 * DAY, end_seconds: NOW - 100 * DAY };
    let clock = Reservation { at_seconds: NOW - 100 * DAY, window, ..reservation(2) };
    for refused in [cheap, open, session, back, clock] {
        assert!(ledger.reserve(refused, CHARTER).is_err());
    }
    assert_eq!(ledger.lifetime(), before);
}

#[test]
fn a_failed_or_wrong_sample_is_voided_and_stays_paid_for() {
    let mut ledger = ledger();
    let failing = ledger.reserve(reservation(1), CHARTER).unwrap();
    assert!(ledger.sample(failing, || Err(PrivacyError::Noise("broken".into()))).is_err());
    let wrong = ledger.reserve(reservation(2), CHARTER).unwrap();
    let other = Payload::Void(Void { release: Hash::ZERO });
    assert!(ledger.sample(wrong, || Ok(Released::by_mechanism(other))).is_err());
    let due = [1, 2].map(|n| Pending::Void { release: Hash([n; 32]), chain: CHAIN });
    assert_eq!(ledger.pending(), due);
    assert_eq!(ledger.lifetime().rho_nano, 2 * quarter().rho_nano);
    let void = Void { release: Hash([1; 32]) };
    ledger.commit(CHAIN, 0, 3, &void.clone().into(), sign).unwrap();
    assert!(ledger.commit(CHAIN, 1, 3, &void.into(), sign).is_err(), "a void is sent once");
}

#[test]
fn a_refused_result_is_voided_and_never_comes_back() {
    let mut ledger = ledger();
    let released = sampled(&mut ledger, 1);
    ledger.void(Hash([1; 32])).unwrap();
    assert!(ledger.resume(Hash([1; 32])).is_err());
    assert!(ledger.commit(CHAIN, 0, 3, &released.into(), sign).is_err());
    assert!(ledger.void(Hash([1; 32])).is_err());
}

#[test]
fn a_height_takes_one_byte_string_and_only_the_next_height_is_free() {
    let mut ledger = ledger();
    let leave = |reason: &str| Outgoing::from(Leave { reason: reason.into() });
    ledger.commit(CHAIN, 7, 3, &leave("a"), sign).unwrap();
    for seq in [0, 6, 7, 9] {
        let error = ledger.commit(CHAIN, seq, 3, &leave("b"), sign).unwrap_err();
        assert!(matches!(error, PrivacyError::WrongSeq { expected: 8, .. }));
    }
    let back = ledger.commit(CHAIN, 8, 2, &leave("b"), sign).unwrap_err();
    assert!(matches!(back, PrivacyError::PeriodWentBack));
    ledger.commit(CHAIN, 8, 3, &leave("b"), sign).unwrap();
}

#[test]
fn only_what_the_ledger_sampled_is_committed_and_only_in_its_own_place() {
    let mut ledger = ledger();
    let unsampled = Outgoing::from(Released::by_mechanism(result(1)));
    let error = ledger.commit(CHAIN, 0, 3, &unsampled, sign).unwrap_err();
    assert!(matches!(error, PrivacyError::NotSampled));
    let released = Outgoing::from(sampled(&mut ledger, 1));
    let elsewhere = ledger.commit(chain(2), 0, 3, &released, sign).unwrap_err();
    assert!(matches!(elsewhere, PrivacyError::Mismatch("the chain")));
    let late = ledger.commit(CHAIN, 0, 4, &released, sign).unwrap_err();
    assert!(matches!(late, PrivacyError::Late { reserved: 3, now: 4 }));
    let mut another = self::ledger();
    let ticket = another.reserve(reservation(1), CHARTER).unwrap();
    let drawn_again = another.sample(ticket, || Ok(Released::by_mechanism(result(2)))).unwrap();
    let second = ledger.commit(CHAIN, 0, 3, &Outgoing::from(drawn_again), sign).unwrap_err();
    assert!(matches!(second, PrivacyError::Mismatch("the result that was drawn")));
    let other = ledger.commit(CHAIN, 0, 3, &released, |_, _| vec![1, 2, 3]).unwrap_err();
    assert!(matches!(other, PrivacyError::Mismatch("the signed delta")));
    ledger.commit(CHAIN, 0, 3, &released, sign).unwrap();
    let twice = ledger.commit(CHAIN, 1, 3, &released, sign).unwrap_err();
    assert!(matches!(twice, PrivacyError::OutOfOrder { .. }));
}

#[test]
fn control_deltas_need_no_budget() {
    let mut ledger = Ledger::open(MemoryStore::default()).unwrap();
    let join = Join {
        key: lore_protocol::ids::PublicKey::ZERO,
        recovery: Hash::ZERO,
        invitation: None,
        name: "node".into(),
    };
    let committed = ledger.commit(CHAIN, 0, 0, &join.into(), sign).unwrap();
    assert!(committed.bytes().starts_with(&codec::encode(&Spend::default())));
}

#[test]
fn unit_and_period_change_only_in_a_period_without_spend() {
    let mut ledger = ledger();
    let shorter = Budget { period_days: 30, ..budget() };
    ledger.set_budget(shorter, NOW - 3 * DAY).unwrap();
    ledger.set_budget(budget(), NOW - 2 * DAY).unwrap();
    sampled(&mut ledger, 1);
    assert!(ledger.set_budget(shorter, NOW).is_err());
    assert!(ledger.set_budget(Budget { unit: Unit::Session, ..budget() }, NOW).is_err());
    let smaller = Budget::new(Unit::User, 1_000_000, 1_000_000_000_000, 90).unwrap();
    ledger.set_budget(smaller, NOW).unwrap();
    assert!(ledger.reserve(reservation(2), CHARTER).is_err());
}

/// The first day of the period that `NOW` lies in.
const PERIOD: u64 = NOW / (90 * DAY) * 90 * DAY;

#[test]
fn a_release_is_charged_to_the_period_of_its_window_however_late_it_is_reserved() {
    let mut ledger = ledger();
    let window = Window { start_seconds: PERIOD - 2 * DAY, end_seconds: PERIOD };
    // Its window closed at midnight, and it is reserved some seconds after.
    for number in 1..=4 {
        let late = Reservation { window, at_seconds: PERIOD + 9, ..reservation(number) };
        assert!(ledger.reserve(late, CHARTER).is_ok());
    }
    assert_eq!(ledger.node_spend(PERIOD - 1).rho_nano, 4 * quarter().rho_nano);
    assert_eq!(ledger.node_spend(PERIOD).rho_nano, 0);
    // The sessions of the old period have fed all that its budget pays for, whatever the clock says.
    let fifth = Reservation { window, at_seconds: PERIOD + 10, ..reservation(5) };
    assert!(matches!(ledger.reserve(fifth, CHARTER), Err(PrivacyError::OverBudget { .. })));
    ledger.verify().unwrap();
}

#[test]
fn no_budget_covers_a_window_that_touches_two_periods() {
    let mut ledger = ledger();
    let across = Window { start_seconds: PERIOD - 1, end_seconds: PERIOD + 1 };
    let refused = Reservation { window: across, at_seconds: PERIOD + 9, ..reservation(1) };
    let error = ledger.reserve(refused, CHARTER).err().unwrap();
    assert!(error.to_string().contains("touches two wall-clock periods"), "{error}");
    let empty = Window { start_seconds: PERIOD, end_seconds: PERIOD };
    assert!(ledger.reserve(Reservation { window: empty, ..reservation(1) }, CHARTER).is_err());
    assert_eq!(ledger.lifetime(), Cost::default());
}

#[test]
fn another_length_of_a_period_opens_no_second_budget_for_old_sessions() {
    let mut ledger = ledger();
    // The old period is spent; in the new one nothing is, so that its length may change.
    let window = Window { start_seconds: PERIOD - 2 * DAY, end_seconds: PERIOD };
    for number in 1..=4 {
        let late = Reservation { window, at_seconds: PERIOD, ..reservation(number) };
        assert!(ledger.reserve(late, CHARTER).is_ok());
    }
    ledger.set_budget(Budget { period_days: 1, ..budget() }, PERIOD + DAY).unwrap();
    let day = Window { start_seconds: PERIOD - 10 * DAY, end_seconds: PERIOD - 9 * DAY };
    let old = Reservation { window: day, at_seconds: PERIOD + DAY, ..reservation(5) };
    let error = ledger.reserve(old, CHARTER).err().unwrap();
    assert!(error.to_string().contains("was changed"), "{error}");
    let fresh = Window { start_seconds: PERIOD + DAY, end_seconds: PERIOD + 2 * DAY };
    let at_seconds = PERIOD + 2 * DAY;
    let new = Reservation { window: fresh, at_seconds, period: 4, ..reservation(5) };
    assert!(ledger.reserve(new, CHARTER).is_ok());
    ledger.verify().unwrap();
}

#[test]
fn any_flipped_bit_lost_tail_or_swapped_entry_is_found_at_opening() {
    let mut ledger = ledger();
    let released = sampled(&mut ledger, 1);
    ledger.commit(CHAIN, 0, 3, &released.into(), sign).unwrap();
    ledger.published(CHAIN, 0).unwrap();
    let whole = ledger.store().clone();
    assert!(Ledger::open(whole.clone()).is_ok());
    let damaged =
        |store: MemoryStore| matches!(Ledger::open(store), Err(PrivacyError::Damaged { .. }));
    let mut sizes = whole.clone();
    let sizes: Vec<usize> = sizes.records_mut().iter().map(Vec::len).collect();
    for (index, size) in sizes.iter().enumerate() {
        for bit in 0..size * 8 {
            let mut store = whole.clone();
            store.records_mut()[index][bit / 8] ^= 1 << (bit % 8);
            assert!(damaged(store), "bit {bit} of entry {index}");
        }
    }
    let mut cut = whole.clone();
    cut.records_mut().pop();
    assert!(damaged(cut));
    let mut swapped = whole.clone();
    swapped.records_mut().swap(1, 2);
    assert!(damaged(swapped));
    let mut headless = whole;
    let head = headless.head().unwrap().unwrap();
    headless.set_head(Some(Head { count: head.count - 1, ..head }));
    assert!(damaged(headless));
}

#[test]
fn a_ledger_of_simulated_noise_is_none_of_the_systems_and_the_other_way_round() {
    let real = ledger();
    let damaged_at_0 =
        |error: PrivacyError| assert!(matches!(error, PrivacyError::Damaged { index: 0, .. }));
    let opened = Ledger::<_, SeededNoise>::open_for(real.store().clone());
    damaged_at_0(opened.map(drop).unwrap_err());

    let mut simulated = Ledger::<_, SeededNoise>::open_for(MemoryStore::default()).unwrap();
    simulated.set_budget(budget(), NOW).unwrap();
    assert_eq!(simulated.verify().unwrap().entries, 1);
    let kept = simulated.store().clone();
    damaged_at_0(verify(&kept).map(drop).unwrap_err());
    damaged_at_0(Ledger::open(kept.clone()).map(drop).unwrap_err());
    assert!(Ledger::<_, SeededNoise>::open_for(kept).is_ok());
}

#[test]
fn an_older_copy_takes_over_what_the_network_knows_and_pays_for_it_too() {
    let mut ledger = ledger();
    let sampled = Outgoing::from(sampled(&mut ledger, 1));
    ledger.commit(CHAIN, 4, 3, &sampled, sign).unwrap();
    let cost = reservation(1).cost();
    let known = ledger.spend(CHAIN, 3);
    let more = Spend { rho_nano: known.rho_nano + cost.rho_nano, ..known };
    // Known heights change nothing; unknown ones move height and spend, here and for the owner's budget.
    assert!(!ledger.adopt(CHAIN, 4, more, NOW).unwrap());
    assert_eq!(ledger.spend(CHAIN, 3), known);
    assert!(ledger.adopt(CHAIN, 6, more, NOW).unwrap());
    assert!(!ledger.adopt(CHAIN, 6, more, NOW).unwrap());
    assert_eq!(ledger.spend(CHAIN, 3), more);
    assert_eq!(ledger.node_spend(NOW).rho_nano, more.rho_nano);
    assert_eq!(ledger.next_seq(CHAIN), Some(7));
    let leave = Outgoing::from(Leave { reason: String::new() });
    assert!(matches!(
        ledger.commit(CHAIN, 5, 3, &leave, sign),
        Err(PrivacyError::WrongSeq { expected: 7, found: 5 })
    ));
    // A delta that says less than what is known takes nothing back.
    assert!(ledger.adopt(CHAIN, 7, Spend { period: 3, ..Spend::default() }, NOW).unwrap());
    assert_eq!(ledger.spend(CHAIN, 3), more);
    let verified = ledger.verify().unwrap();
    let ledger = Ledger::open(ledger.store().clone()).unwrap();
    assert_eq!(ledger.spend(CHAIN, 3), more);
    assert_eq!((ledger.next_seq(CHAIN), ledger.verify().unwrap()), (Some(8), verified));
}
