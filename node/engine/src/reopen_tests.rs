//! A store that is read again: the same log, and each signature still checked.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::identity::SecretKey;
use lore_protocol::ids::{DeltaId, FederationId, Hash};
use lore_protocol::log::Ingest;
use lore_protocol::payload::{Payload, Void};
use lore_protocol::proofs::LEAST_BATCH;

use crate::tests::{admit, engine, found, member, open};
use crate::{Durability, Engine, MemoryStorage, RecordKind, Storage as _};

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

#[test]
fn a_store_that_is_read_again_gives_the_same_log_and_one_false_signature_in_it_is_seen() {
    let store = Arc::new(MemoryStorage::new());
    let (federation, digest, last) = full(&store);
    let (whole, again) = held(&open(2, Arc::clone(&store)), federation);
    assert!(whole > 2 * LEAST_BATCH && again == digest);
    let key = [&federation.as_bytes()[..], last.as_bytes()].concat();
    let bytes = store.get(RecordKind::Delta, &key).unwrap().unwrap();
    let mut delta: Delta = codec::decode(&bytes).unwrap();
    delta.signature.0[0] ^= 1;
    store.put(RecordKind::Delta, &key, &delta.to_bytes(), Durability::Synced).unwrap();
    let (left, _) = held(&open(2, store), federation);
    assert_eq!(left, whole - 1, "that one is left out, all others are there");
}
