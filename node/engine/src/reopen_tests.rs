//! A store that is read again: the same log, and what nobody else can have written is not checked again.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::identity::SecretKey;
use lore_protocol::ids::{DeltaId, FederationId, Hash};
use lore_protocol::log::Ingest;
use lore_protocol::payload::{Payload, Void};
use lore_protocol::proofs::LEAST_BATCH;

use crate::tests::{admit, engine, found, member, open};
use crate::{Batch, Durability, Engine, MemoryStorage, RecordKind, Storage as _, delta_in};

/// Fills the store of a member with more deltas of the founder than are checked one by one; gives the last of them.
fn full(store: &Arc<MemoryStorage>) -> (FederationId, Hash, DeltaId) {
    let (mut ada, mut bob) = (engine(1), open(2, Arc::clone(store)));
    let federation = found(&mut ada);
    admit(&mut ada, &mut bob, federation);
    let (author, key) = (member(&ada, federation), SecretKey::from_seed(&[1; 32]));
    for n in 0..2 * LEAST_BATCH {
        let log = bob.federations()[&federation].log();
        let header = log.draft(author, log.spend(author)).unwrap();
        let release = Hash(*blake3::hash(&n.to_le_bytes()).as_bytes());
        let delta = Delta::sign(header, &Payload::Void(Void { release }), &key);
        let taken = bob.ingest(federation, delta.sound().unwrap(), Durability::Buffered).unwrap();
        assert!(matches!(taken, Ingest::Accepted(_)), "{taken:?}");
    }
    let log = bob.federations()[&federation].log();
    (federation, log.digest(), log.head(author).unwrap().1)
}

fn held(engine: &Engine, federation: FederationId) -> (usize, Hash) {
    let log = engine.federations()[&federation].log();
    (log.len(), log.digest())
}

/// Key and value of the record of a delta.
fn record(store: &MemoryStorage, federation: FederationId, id: DeltaId) -> (Vec<u8>, Vec<u8>) {
    let found = store.scan(RecordKind::Delta, federation.as_bytes()).map(Result::unwrap);
    found.into_iter().find(|(key, _)| key.ends_with(id.as_bytes())).unwrap()
}

#[test]
fn a_store_that_is_read_again_gives_the_same_log_and_one_false_signature_in_it_is_seen() {
    let store = Arc::new(MemoryStorage::new());
    let (federation, digest, last) = full(&store);
    let (whole, again) = held(&open(2, Arc::clone(&store)), federation);
    assert!(whole > 2 * LEAST_BATCH && again == digest);
    let (key, mut value) = record(&store, federation, last);
    let mut delta: Delta = codec::decode(delta_in(&value).unwrap()).unwrap();
    delta.signature.0[0] ^= 1;
    let mark = value.split_off(delta_in(&value).unwrap().len());
    let value = [delta.to_bytes(), mark].concat();
    store.put(RecordKind::Delta, &key, &value, Durability::Synced).unwrap();
    let (left, _) = held(&open(2, store), federation);
    assert_eq!(left, whole - 1, "that one is left out, all others are there");
}

#[test]
fn what_is_stored_without_a_right_mark_is_taken_in_by_its_signature() {
    let store = Arc::new(MemoryStorage::new());
    let (federation, digest, last) = full(&store);
    let (key, mut value) = record(&store, federation, last);
    *value.last_mut().unwrap() ^= 1;
    store.put(RecordKind::Delta, &key, &value, Durability::Synced).unwrap();
    assert_eq!(held(&open(2, Arc::clone(&store)), federation).1, digest);
    store.put(RecordKind::Delta, &key, &value[..8], Durability::Synced).unwrap();
    let engine = crate::tests::try_open(2, store);
    assert!(engine.is_err(), "a record that is cut off is no delta");
}

#[test]
fn records_of_the_layout_before_are_rewritten_once() {
    let store = Arc::new(MemoryStorage::new());
    let (federation, digest, _) = full(&store);
    let records = || {
        let found = store.scan(RecordKind::Delta, federation.as_bytes());
        found.map(Result::unwrap).collect::<Vec<_>>()
    };
    let mut old = Batch::new();
    for (key, value) in records() {
        let id = &key[key.len() - 32..];
        let delta = delta_in(&value).unwrap();
        old.put(RecordKind::Delta, [federation.as_bytes(), id].concat(), delta);
        old.delete(RecordKind::Delta, key);
    }
    store.write(old, Durability::Synced).unwrap();
    let engine = open(2, Arc::clone(&store));
    assert_eq!(held(&engine, federation).1, digest);
    let lengths: BTreeSet<usize> = records().iter().map(|(key, _)| key.len()).collect();
    assert_eq!(lengths, BTreeSet::from([72]), "by federation, epoch, depth and id");
    assert_eq!(held(&open(2, Arc::clone(&store)), federation).1, digest);
}
