//! Speed at which a node takes in what a peer sends, beside the mere checking of the same signatures.

use std::path::Path;

use ed25519_dalek::{Signature, VerifyingKey};
use lore_engine::{Batch, Durability, Effect, Event, RecordKind, Storage as _};
use lore_node::config::Config;
use lore_node::home::Home;
use lore_node::host::{Machine, Node};
use lore_node::store::Store;
use lore_protocol::codec;
use lore_protocol::identity::Signer as _;
use lore_protocol::ids::{Hash, InvitationId};
use lore_protocol::library::Fold;
use lore_protocol::log::Log;
use lore_protocol::wire::Reply;
use serde_json::{Value, json};

use super::clock::{Samples, Took, time};
use super::federation::Federation;

/// Signatures in one batch of the control arm.
#[cfg(feature = "batch")]
const BATCH: usize = 256;

/// A signed message, ready to be checked by the library alone.
struct Signed {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Signature,
}

/// Measures ingest and its control arms over `epochs` epochs of a federation.
///
/// # Panics
/// Panics when the node does not come to the federation's root.
#[must_use]
pub fn run(epochs: usize, runs: usize) -> Value {
    let mut federation = Federation::made(20, epochs, 100);
    let (count, root) = (federation.deltas.len(), federation.root());
    let replies = federation.replies();
    let signed = signed(&federation);

    let directory = tempfile::tempdir().expect("a directory");
    let mut number = 0;
    let node = Samples::repeat(runs, || {
        number += 1;
        node_ingests(&federation, &replies, root, &directory.path().join(number.to_string()))
    });
    let strict = Samples::repeat(runs, || {
        let sound = |one: &Signed| one.key.verify_strict(&one.message, &one.signature).is_ok();
        let (took, all) = time(|| signed.iter().all(sound));
        assert!(all);
        took
    });
    let batch = batch(&signed, runs);

    let micros = |samples: &Samples| samples.cpu() / count as f64 * 1e6;
    let rate = |samples: &Samples| count as f64 / samples.cpu();
    let bytes: usize = replies.iter().map(Vec::len).sum();
    json!({
        "deltas": count,
        "bytes_per_delta": bytes / count,
        "batches": replies.len() - 1,
        "per_second": rate(&node),
        "micros": micros(&node),
        "verify_strict_per_second": rate(&strict),
        "verify_strict_micros": micros(&strict),
        "verify_batch_per_second": batch.as_ref().map(rate),
        "verify_batch_micros": batch.as_ref().map(micros),
        "share_of_strict": rate(&node) / rate(&strict),
        "share_of_batch": batch.as_ref().map(|batch| rate(&node) / rate(batch)),
        "parts_micros": parts(&federation, &replies, runs, &directory.path().join("parts"), &micros),
        "samples": { "node": node.json(), "strict": strict.json() },
    })
}

fn signed(federation: &Federation) -> Vec<Signed> {
    let signers = federation.signers().into_iter();
    let pairs = federation.deltas.iter().zip(signers);
    let one =
        |(sound, key): (&lore_protocol::delta::Sound, &lore_protocol::identity::SecretKey)| {
            Signed {
                key: VerifyingKey::from_bytes(&key.public_key().0).expect("a key"),
                message: sound.header().signed_bytes(),
                signature: Signature::from_bytes(&sound.delta.signature.0),
            }
        };
    pairs.map(one).collect()
}

/// Does what the daemon does with each answer of a peer: decode, take into the log, store, fold.
fn node_ingests(federation: &Federation, replies: &[Vec<u8>], root: Hash, home: &Path) -> Took {
    let home = Home::at(home).expect("a path");
    home.initialise(&Config::default().to_toml()).expect("a home");
    drop(Store::open_or_create(&home.store_path()).expect("a store"));
    let (took, node) = take_replies(federation, replies, home);
    let found = &node.engine().federations()[&federation.log.federation()];
    assert_eq!((found.log().len(), found.root()), (federation.deltas.len(), root));
    took
}

/// Gives a node, whose home has a store, the answers of a peer; says how long it took.
pub(super) fn take_replies(
    federation: &Federation,
    replies: &[Vec<u8>],
    home: Home,
) -> (Took, Node) {
    let mut node = Node::open(home, &Machine::new()).expect("a node");
    let engine = node.engine_mut();
    let charter = federation.charter.clone();
    engine.prepare_join(charter, InvitationId::ZERO, "bench").expect("a federation");
    let id = federation.log.federation();
    let (took, ()) = time(|| {
        let peer = federation.signers()[0].public_key();
        engine.begin_round(id, peer);
        for reply in replies {
            let number = engine.take_effects().into_iter().rev().find_map(|effect| match effect {
                Effect::Request { number, .. } => Some(number),
                _ => None,
            });
            let number = number.expect("the round goes on");
            let answer = Event::Response { number, peer, bytes: reply.clone() };
            engine.handle(answer).expect("it is stored");
        }
        let found = &engine.federations()[&id];
        std::hint::black_box(found.root());
    });
    (took, node)
}

/// The same work taken apart, each part alone.
fn parts(
    federation: &Federation,
    replies: &[Vec<u8>],
    runs: usize,
    directory: &Path,
    micros: &dyn Fn(&Samples) -> f64,
) -> Value {
    let decode = Samples::repeat(runs, || {
        time(|| replies.iter().for_each(|r| drop(codec::decode::<Reply>(r).expect("a reply")))).0
    });
    let check = Samples::repeat(runs, || {
        let deltas: Vec<_> = federation.deltas.iter().map(|sound| sound.delta.clone()).collect();
        time(|| deltas.into_iter().for_each(|delta| drop(delta.sound().expect("it is sound")))).0
    });
    let keys: Vec<_> = federation.signers().iter().map(|key| key.public_key()).collect();
    let verify = Samples::repeat(runs, || {
        let pairs = || federation.deltas.iter().zip(&keys);
        time(|| assert!(pairs().all(|(sound, key)| sound.signed_by(key)))).0
    });
    let log = Samples::repeat(runs, || {
        let sounds = federation.deltas.clone();
        let mut log = Log::new(federation.charter.clone()).expect("it opens");
        time(|| sounds.into_iter().for_each(|sound| drop(log.ingest(sound)))).0
    });
    let store = Store::open_or_create(directory).expect("a store");
    let store = Samples::repeat(runs, || {
        time(|| {
            for sounds in federation.deltas.chunks(federation.deltas.len() / replies.len()) {
                let mut batch = Batch::new();
                for sound in sounds {
                    let key = [&federation.log.federation().0[..], &sound.id.0].concat();
                    batch.put(RecordKind::Delta, key, sound.delta.to_bytes());
                }
                store.write(batch, Durability::Buffered).expect("it is stored");
            }
        })
        .0
    });
    let fold = Samples::repeat(runs, || {
        time(|| {
            let mut fold = Fold::default();
            fold.advance(&federation.log);
            fold.library(&federation.log).root()
        })
        .0
    });
    json!({
        "decode": micros(&decode),
        "check_bytes": micros(&check),
        "verify_with_key_decoding": micros(&verify),
        "log_with_verification": micros(&log),
        "store": micros(&store),
        "fold_once": micros(&fold),
    })
}

#[cfg(feature = "batch")]
fn batch(signed: &[Signed], runs: usize) -> Option<Samples> {
    let messages: Vec<&[u8]> = signed.iter().map(|one| one.message.as_slice()).collect();
    let signatures: Vec<Signature> = signed.iter().map(|one| one.signature).collect();
    let keys: Vec<VerifyingKey> = signed.iter().map(|one| one.key).collect();
    Some(Samples::repeat(runs, || {
        time(|| {
            let chunks = messages.chunks(BATCH).zip(signatures.chunks(BATCH));
            for ((messages, signatures), keys) in chunks.zip(keys.chunks(BATCH)) {
                ed25519_dalek::verify_batch(messages, signatures, keys).expect("all are true");
            }
        })
        .0
    }))
}

/// Not built in: the feature would give every crate of the network another build.
#[cfg(not(feature = "batch"))]
fn batch(_: &[Signed], _: usize) -> Option<Samples> {
    None
}
