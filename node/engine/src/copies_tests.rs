//! Copies of a home: beside their original, put back in place, and both at work before either knows.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lore_privacy::Budget;
use lore_protocol::ids::{FederationId, MemberId};
use lore_protocol::payload::Unit;

use crate::tests::{admit, connect, engine, exchange, found, member, open};
use crate::{Engine, MemoryStorage, SecondCopy, Storage};

/// Lets a thousand seconds pass: each draw takes one.
fn wait(engine: &Engine) {
    for _ in 0..1_000 {
        engine.entropy.bytes().unwrap();
    }
}

/// Makes what is due, once the window has closed.
fn release(engine: &mut Engine) {
    wait(engine);
    engine.settle().unwrap();
    engine.run_jobs().unwrap();
}

/// Deltas of a member at each height, as a log has them.
fn heights(engine: &Engine, federation: FederationId, of: MemberId) -> Vec<u64> {
    let log = engine.federation(federation).unwrap().log();
    let own = log.entries().filter(|(_, entry)| entry.chain == of);
    let mut heights: Vec<u64> = own.map(|(_, entry)| entry.header().seq).collect();
    heights.sort_unstable();
    heights
}

/// A founder without a budget; a member with one; and a copy of the member's home, made before anything
/// was released. The number is the next epoch in which something is due, outcomes, votes or lessons.
fn copied() -> (Engine, Engine, Arc<MemoryStorage>, FederationId, u32) {
    let store = Arc::new(MemoryStorage::new());
    let (mut ada, mut ben) = (engine(1), open(2, Arc::clone(&store)));
    let federation = found(&mut ada);
    admit(&mut ada, &mut ben, federation);
    let budget = Budget::new(Unit::User, 4_000_000, 1_000_000_000_000, 90).unwrap();
    ben.set_budget(budget).unwrap();
    (ada, ben, store, federation, 6)
}

/// Ends epochs until this one is open.
fn open_epoch(ada: &mut Engine, others: &mut [&mut Engine], federation: FederationId, epoch: u32) {
    while ada.federation(federation).unwrap().log().open_epoch() < epoch {
        ada.federation_checkpoint(federation).unwrap();
        for other in others.iter_mut() {
            // What is gossiped goes to the first; the others ask.
            other.begin_round(federation, ada.public_key());
            exchange(ada, other);
        }
    }
}

/// Both live on: the copy listens for one epoch that has releases, hears the original, and draws nothing.
#[test]
fn a_copy_that_runs_beside_its_original_draws_nothing_and_both_are_told() {
    let (mut ada, mut ben, store, federation, due) = copied();
    let member = member(&ben, federation);
    let mut copy = open(2, Arc::new(store.copy()));
    // Its clock began where that of its original did.
    wait(&copy);
    connect(&mut ada, &mut copy);
    exchange(&mut ada, &mut copy);
    let error = |engine: &mut Engine| engine.federation_leave(federation, "").unwrap_err().kind;
    open_epoch(&mut ada, &mut [&mut ben, &mut copy], federation, due);
    // At the same public moment; the copy is quicker.
    release(&mut copy);
    release(&mut ben);
    exchange(&mut ada, &mut copy);
    exchange(&mut ada, &mut ben);
    assert!(heights(&ada, federation, member).len() > 2, "the original released");
    copy.begin_round(federation, ada.public_key());
    exchange(&mut ada, &mut copy);
    assert_eq!(copy.second_copy().unwrap(), Some(SecondCopy::Ahead(federation)));
    assert_eq!(error(&mut copy), "second_copy");
    open_epoch(&mut ada, &mut [&mut ben, &mut copy], federation, 2 * due + 1);
    for engine in [&mut copy, &mut ben] {
        release(engine);
        exchange(&mut ada, engine);
    }
    let all = heights(&ada, federation, member);
    assert!(all.is_sorted_by(|a, b| a < b), "two deltas of one height: {all:?}");
    assert!(ada.federation(federation).unwrap().log().forks().is_empty());
    assert_eq!(ben.second_copy().unwrap(), None);
}

/// A home that was put back in place looks like itself: it asks in every epoch, and stops when members
/// know more.
#[test]
fn a_home_that_was_put_back_in_place_draws_nothing_once_a_member_knows_more() {
    let (mut ada, mut ben, store, federation, due) = copied();
    let member = member(&ben, federation);
    let before = Arc::new(store.copy());
    before.clear_recovery().unwrap();
    open_epoch(&mut ada, &mut [&mut ben], federation, due);
    release(&mut ben);
    exchange(&mut ada, &mut ben);
    let released = heights(&ada, federation, member);
    assert!(released.len() > 2, "{released:?}");
    drop(ben);

    let mut back = open(2, before);
    wait(&back);
    release(&mut back);
    connect(&mut ada, &mut back);
    exchange(&mut ada, &mut back);
    release(&mut back);
    exchange(&mut ada, &mut back);
    assert_eq!(heights(&ada, federation, member), released, "nothing was drawn again");
    assert_eq!(back.second_copy().unwrap(), Some(SecondCopy::Ahead(federation)));
    assert!(back.silence(federation).unwrap().contains("another copy"));
}

/// Two copies that signed one height are proof to everybody, and neither goes on.
#[test]
fn a_fork_of_its_own_chain_stops_a_node_for_good() {
    let (mut ada, mut ben, store, federation, due) = copied();
    let twin_store = Arc::new(store.copy());
    twin_store.clear_recovery().unwrap();
    let mut twin = open(2, Arc::clone(&twin_store));
    wait(&twin);
    connect(&mut ada, &mut twin);
    open_epoch(&mut ada, &mut [&mut ben, &mut twin], federation, due);
    // Both draw before either hears of the other, which no message can prevent.
    release(&mut twin);
    release(&mut ben);
    exchange(&mut ada, &mut twin);
    exchange(&mut ada, &mut ben);
    twin.begin_round(federation, ada.public_key());
    exchange(&mut ada, &mut twin);
    for engine in [&mut twin, &mut ben] {
        engine.begin_round(federation, ada.public_key());
        exchange(&mut ada, engine);
        assert_eq!(engine.second_copy().unwrap(), Some(SecondCopy::Fork(federation)));
        let error = engine.federation_leave(federation, "").unwrap_err();
        assert_eq!(error.kind, "second_copy");
    }
    // After a restart too, and when the checkpoint has excluded it.
    open_epoch(&mut ada, &mut [&mut twin], federation, due + 1);
    drop(twin);
    let again = open(2, twin_store);
    assert_eq!(again.second_copy().unwrap(), Some(SecondCopy::Fork(federation)));
}
