//! Files among a few engines, some of which lie.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lore_privacy::SystemNoise;
use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::identity::SecretKey;
use lore_protocol::ids::{BlobId, FederationId, PublicKey, RevisionId};
use lore_protocol::payload::{FileEntry, Payload, Revision};
use lore_protocol::skill::{MAX_FILE_BYTES, blob_id};
use lore_protocol::wire::{Reply, Request};

use super::{BlobWishes, MAX_VOICE_BYTES};
use crate::tests::{admit, connect, exchange, found};
use crate::{
    Clock, Durability, Effect, Engine, EngineError, Entropy, Event, MemoryStorage, NoSessions,
    Parts, Settings,
};

/// A clock that a test moves.
#[derive(Default)]
struct Hands(AtomicU64);

impl Clock for Hands {
    fn unix_seconds(&self) -> u64 {
        1_700_000_000 + self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

struct Counter(u8, AtomicU64);

impl Entropy for Counter {
    fn bytes(&self) -> Result<[u8; 32], EngineError> {
        let count = self.1.fetch_add(1, Ordering::SeqCst);
        Ok(*blake3::hash(&[&[self.0][..], &count.to_le_bytes()].concat()).as_bytes())
    }
}

fn open(seed: u8, clock: &Arc<Hands>) -> Engine {
    let parts = Parts {
        key: SecretKey::from_seed(&[seed; 32]),
        store: Arc::new(MemoryStorage::new()),
        clock: Arc::clone(clock) as _,
        entropy: Arc::new(Counter(seed, AtomicU64::new(0))),
        sessions: Arc::new(NoSessions),
        noise: SystemNoise,
        watch: None,
    };
    Engine::open(parts, Settings::default()).unwrap()
}

/// A founder and two members that know each other.
struct Three {
    ada: Engine,
    ben: Engine,
    eve: Engine,
    federation: FederationId,
    clock: Arc<Hands>,
}

fn three() -> Three {
    let clock = Arc::new(Hands::default());
    let [mut ada, mut ben, mut eve] = [1, 2, 3].map(|seed| open(seed, &clock));
    let federation = found(&mut ada);
    admit(&mut ada, &mut ben, federation);
    admit(&mut ada, &mut eve, federation);
    let ada_key = ada.public_key();
    ben.begin_round(federation, ada_key);
    exchange(&mut ada, &mut ben);
    Three { ada, ben, eve, federation, clock }
}

fn entry(path: &str, bytes: &[u8]) -> FileEntry {
    let (len, blob) = (bytes.len() as u64, blob_id(bytes));
    FileEntry { path: path.into(), executable: false, len, blob }
}

/// A revision of these files on the chain of an engine, which holds the files when `holds` is true.
fn publish(
    engine: &mut Engine,
    seed: u8,
    name: &str,
    files: &[(&str, &[u8])],
    holds: bool,
) -> RevisionId {
    let federation = *engine.federations().keys().next().unwrap();
    let manifest: Vec<FileEntry> = files.iter().map(|(path, bytes)| entry(path, bytes)).collect();
    let revision = Revision {
        skill: None,
        name: name.into(),
        description: "About it.".into(),
        parents: Vec::new(),
        files: manifest,
    };
    let (id, payload) = (revision.id(), Payload::Revision(revision));
    let log = engine.federation(federation).unwrap().log();
    let member = log.member_of(&engine.public_key()).unwrap();
    let header = log.draft(member, log.spend(member)).unwrap();
    let delta = Delta::sign(header, &payload, &SecretKey::from_seed(&[seed; 32]));
    if holds {
        let kept = files.iter().map(|(_, bytes)| (blob_id(bytes), bytes.to_vec()));
        engine.keep_blobs(kept, Durability::Buffered).unwrap();
    }
    engine.ingest(federation, delta.sound().unwrap(), Durability::Buffered).unwrap();
    engine.handle(Event::Tick).unwrap();
    id
}

/// Lets an engine learn what another has, without any file.
fn learn(from: &mut Engine, to: &mut Engine, federation: FederationId) {
    to.begin_round(federation, from.public_key());
    exchange(from, to);
}

/// What an engine asks for now: the peers and the files.
fn asked(engine: &mut Engine) -> Vec<(u64, PublicKey, BlobId)> {
    let effects = engine.take_effects().into_iter();
    let requests = effects.filter_map(|effect| match effect {
        Effect::Request { number, peer, bytes } => match codec::decode(&bytes).unwrap() {
            Request::Blob { blob, .. } => Some((number, peer, blob)),
            _ => None,
        },
        _ => None,
    });
    requests.collect()
}

fn answer(engine: &mut Engine, number: u64, peer: PublicKey, reply: &Reply) {
    let bytes = codec::encode(reply);
    engine.handle(Event::Response { number, peer, bytes }).unwrap();
}

#[test]
fn a_member_fetches_every_file_and_keeps_only_what_is_right() {
    let mut all = three();
    let files: [(&str, &[u8]); 2] = [("SKILL.md", b"text"), ("a.md", b"more")];
    publish(&mut all.ada, 1, "one", &files, true);
    learn(&mut all.ada, &mut all.ben, all.federation);
    connect(&mut all.ada, &mut all.ben);
    all.ben.handle(Event::Tick).unwrap();
    exchange(&mut all.ada, &mut all.ben);
    for (_, bytes) in files {
        assert_eq!(all.ben.blob(blob_id(bytes)).unwrap().as_deref(), Some(bytes));
    }
}

#[test]
fn wrong_bytes_are_not_kept_and_another_member_is_asked_at_once() {
    let mut all = three();
    publish(&mut all.ada, 1, "one", &[("SKILL.md", b"text")], true);
    learn(&mut all.ada, &mut all.ben, all.federation);
    connect(&mut all.ada, &mut all.ben);
    connect(&mut all.eve, &mut all.ben);
    all.ben.take_effects();
    all.ben.handle(Event::Tick).unwrap();
    let (ada, eve, wanted) = (all.ada.public_key(), all.eve.public_key(), blob_id(b"text"));
    let [(number, first, _)] = asked(&mut all.ben)[..] else { panic!("one request") };
    assert_eq!(first, ada, "the author is asked first");
    // An answer of another peer to this request counts for nothing.
    answer(&mut all.ben, number, eve, &Reply::Blob(Some(b"evil".to_vec())));
    assert_eq!(asked(&mut all.ben), []);
    answer(&mut all.ben, number, ada, &Reply::Blob(Some(b"evil".to_vec())));
    assert!(!all.ben.holds_blob(wanted));
    let [(number, second, _)] = asked(&mut all.ben)[..] else { panic!("one request") };
    assert_eq!(second, eve);
    answer(&mut all.ben, number, eve, &Reply::Blob(Some(b"text".to_vec())));
    assert!(all.ben.holds_blob(wanted));
    assert_eq!(all.ben.heard().malformed, 1);
}

#[test]
fn peers_that_say_nothing_are_left_alone_for_longer_and_longer() {
    let mut all = three();
    let bodies: Vec<String> = (0..20).map(|n| format!("file {n}")).collect();
    let paths: Vec<String> = (10..30).map(|n| format!("f{n}.md")).collect();
    let mut files: Vec<(&str, &[u8])> = vec![("SKILL.md", b"text")];
    files.extend(paths.iter().zip(&bodies).map(|(path, body)| (path.as_str(), body.as_bytes())));
    publish(&mut all.ada, 1, "one", &files, true);
    learn(&mut all.ada, &mut all.ben, all.federation);
    all.ben.handle(Event::Connected { peer: all.ada.public_key() }).unwrap();
    all.ben.handle(Event::Tick).unwrap();
    let mut requests = 0;
    for _ in 0..600 {
        let open = asked(&mut all.ben);
        assert!(open.len() <= 2, "at most two requests with one peer");
        requests += open.len();
        all.clock.0.fetch_add(30, Ordering::SeqCst);
        for (number, ..) in open {
            all.ben.handle(Event::RequestFailed { number, why: "timeout".into() }).unwrap();
        }
        all.ben.handle(Event::Tick).unwrap();
    }
    // Five hours, with pauses that grow to an hour.
    assert!((10..40).contains(&requests), "{requests} requests");
    assert!(all.ben.blobs.flights.is_empty() && all.ben.blobs.faults.len() == 1);
}

#[test]
fn only_members_are_served_and_only_what_a_version_names() {
    let mut all = three();
    publish(&mut all.ada, 1, "one", &[("SKILL.md", b"text")], true);
    let private = [(blob_id(b"private"), b"private".to_vec())];
    all.ada.keep_blobs(private, Durability::Buffered).unwrap();
    let federation = all.federation;
    let mut ask = |peer: PublicKey, bytes: &[u8]| {
        let request = Request::Blob { federation, blob: blob_id(bytes) };
        let bytes = all.ada.answer(peer, &codec::encode(&request)).unwrap();
        codec::decode::<Reply>(&bytes).unwrap()
    };
    let ben = all.ben.public_key();
    assert_eq!(ask(ben, b"text"), Reply::Blob(Some(b"text".to_vec())));
    assert_eq!(ask(ben, b"private"), Reply::Blob(None));
    assert!(matches!(ask(PublicKey([7; 32]), b"text"), Reply::Refused(_)));
}

#[test]
fn a_voice_fills_no_more_than_its_share_and_what_is_used_stays() {
    let mut all = three();
    let used = publish(&mut all.eve, 3, "used", &[("SKILL.md", b"used")], false);
    learn(&mut all.eve, &mut all.ben, all.federation);
    let kept = [used].into();
    all.ben.wish_blobs(BlobWishes { kept, ..BlobWishes::default() });
    let big = vec![7; usize::try_from(MAX_FILE_BYTES).unwrap()];
    for n in 0..40_u8 {
        let mut body = big.clone();
        body[0] = n;
        publish(&mut all.eve, 3, &format!("flood-{n}"), &[("SKILL.md", &body)], false);
    }
    learn(&mut all.eve, &mut all.ben, all.federation);
    all.clock.0.fetch_add(60, Ordering::SeqCst);
    all.ben.handle(Event::Tick).unwrap();
    let wanted = &all.ben.blobs.wanted;
    assert!(wanted.contains_key(&blob_id(b"used")));
    assert_eq!(wanted.len() as u64, MAX_VOICE_BYTES / MAX_FILE_BYTES + 1);
}

#[test]
fn files_of_a_version_that_was_turned_down_are_dropped() {
    let mut all = three();
    let id = publish(&mut all.ada, 1, "one", &[("SKILL.md", b"text")], true);
    learn(&mut all.ada, &mut all.ben, all.federation);
    connect(&mut all.ada, &mut all.ben);
    all.ben.handle(Event::Tick).unwrap();
    exchange(&mut all.ada, &mut all.ben);
    assert!(all.ben.holds_blob(blob_id(b"text")));
    all.ben.wish_blobs(BlobWishes { dropped: [id].into(), ..BlobWishes::default() });
    all.clock.0.fetch_add(2, Ordering::SeqCst);
    all.ben.handle(Event::Tick).unwrap();
    assert!(!all.ben.holds_blob(blob_id(b"text")));
    assert_eq!(all.ben.blob(blob_id(b"text")).unwrap(), None);
    assert_eq!(asked(&mut all.ben), []);
}
