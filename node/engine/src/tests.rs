//! Engines over a virtual network: what one wants sent, the other is told.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lore_privacy::SystemNoise;
use lore_protocol::charter::WindowTerms;
use lore_protocol::codec;
use lore_protocol::identity::SecretKey;
use lore_protocol::ids::{FederationId, Hash, MemberId, PublicKey};
use lore_protocol::sync::{Answer, End, Part, Range};
use lore_protocol::wire::{MAX_ADDRESSES, MAX_PEERS, Reply, Request};

use crate::{
    Clock, Effect, Engine, EngineError, Entropy, Event, Joining, MemoryStorage, NoSessions, Parts,
    Recovery, Settings, Storage, Terms,
};

/// A clock that stands until it is set, and randomness that counts: a test is the same each time.
pub(crate) struct World(AtomicU64);

impl World {
    pub(crate) fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seconds)))
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for World {
    fn unix_seconds(&self) -> u64 {
        1_700_000_000 + self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

impl Entropy for World {
    fn bytes(&self) -> Result<[u8; 32], EngineError> {
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(*blake3::hash(&count.to_le_bytes()).as_bytes())
    }
}

pub(crate) fn open(seed: u8, store: Arc<MemoryStorage>) -> Engine {
    open_later(seed, store, 0)
}

/// [`open`], so many seconds later.
fn open_later(seed: u8, store: Arc<MemoryStorage>, seconds: u64) -> Engine {
    open_in(seed, store, World::at((u64::from(seed) << 32) + seconds))
}

/// [`open`], with a clock that the test moves.
pub(crate) fn open_in(seed: u8, store: Arc<MemoryStorage>, world: Arc<World>) -> Engine {
    let parts = Parts {
        key: SecretKey::from_seed(&[seed; 32]),
        store,
        clock: Arc::clone(&world) as _,
        entropy: world,
        sessions: Arc::new(NoSessions),
        noise: SystemNoise,
        watch: None,
    };
    Engine::open(parts, Settings::default()).unwrap()
}

pub(crate) fn engine(seed: u8) -> Engine {
    open(seed, Arc::new(MemoryStorage::new()))
}

pub(crate) fn found(engine: &mut Engine) -> FederationId {
    engine.federation_create(&terms()).unwrap().federation
}

pub(crate) fn terms() -> Terms {
    Terms {
        name: "guild".into(),
        epsilon_micros: 4_000_000,
        epoch_hours: None,
        epochs_per_period: 90,
        topic_words: 0,
        lessons_at: None,
        outcomes_at: None,
        votes_at: None,
        windows: WindowTerms::SHORTEST,
        units: None,
        costs: None,
        members: None,
        scripts: true,
        vouches: None,
        codebook: None,
    }
}

/// Carries effects between two connected engines until neither wants anything.
pub(crate) fn exchange(a: &mut Engine, b: &mut Engine) -> Vec<Joining> {
    let keys = [a.public_key(), b.public_key()];
    let mut joined = Vec::new();
    let mut queue: VecDeque<(usize, Effect)> = VecDeque::new();
    loop {
        queue.extend(a.take_effects().into_iter().map(|effect| (0, effect)));
        queue.extend(b.take_effects().into_iter().map(|effect| (1, effect)));
        let Some((from, effect)) = queue.pop_front() else { return joined };
        let (other, peer) = (if from == 0 { &mut *b } else { &mut *a }, keys[from]);
        match effect {
            Effect::Send { peer: to, bytes } if to == keys[1 - from] => {
                other.handle(Event::Heard { peer, bytes }).unwrap();
            }
            Effect::Request { number, peer: to, bytes } if to == keys[1 - from] => {
                other.handle(Event::Request { number, peer, bytes }).unwrap();
            }
            Effect::Reply { number, bytes } => {
                other.handle(Event::Response { number, peer, bytes }).unwrap();
            }
            Effect::Joined { result, .. } => joined.push(result.unwrap()),
            _ => {}
        }
    }
}

pub(crate) fn connect(a: &mut Engine, b: &mut Engine) {
    let keys = [a.public_key(), b.public_key()];
    for (one, other) in [(a, keys[1]), (b, keys[0])] {
        one.handle(Event::Connected { peer: other }).unwrap();
        one.handle(Event::Stream { peer: other, open: true }).unwrap();
    }
}

/// A founder and a member on its roster.
fn two() -> (Engine, Engine, FederationId) {
    let (mut ada, mut ben) = (engine(1), engine(2));
    let federation = found(&mut ada);
    admit(&mut ada, &mut ben, federation);
    (ada, ben, federation)
}

pub(crate) fn admit(ada: &mut Engine, other: &mut Engine, federation: FederationId) {
    let address = vec!["/ip4/127.0.0.1/tcp/1".to_owned()];
    let invited = ada.federation_invite(federation, 1, 8, address).unwrap();
    connect(ada, other);
    other.begin_join(&invited.line, false).unwrap();
    let joined = exchange(ada, other);
    assert!(matches!(&joined[..], [Joining::Admitted { .. }]), "{joined:?}");
    ada.federation_checkpoint(federation).unwrap();
    exchange(ada, other);
}

pub(crate) fn member(engine: &Engine, federation: FederationId) -> MemberId {
    engine.federation(federation).unwrap().log().member_of(&engine.public_key()).unwrap()
}

fn roster(engine: &Engine, federation: FederationId) -> Vec<MemberId> {
    engine.federation(federation).unwrap().log().tip().roster.keys().copied().collect()
}

fn root(engine: &Engine, federation: FederationId) -> lore_protocol::ids::Hash {
    engine.federation(federation).unwrap().root()
}

#[test]
fn a_node_joins_by_an_invitation_and_holds_what_its_inviter_holds() {
    let (ada, ben, federation) = two();
    assert_eq!(root(&ada, federation), root(&ben, federation));
    let log = ben.federation(federation).unwrap().log();
    assert_eq!(log.tip().roster.len(), 2);
    assert!(log.member_of(&ben.public_key()).is_some());
}

#[test]
fn who_left_is_off_the_roster_of_others_and_signs_nothing_more() {
    let (mut ada, mut ben, federation) = two();
    let left = member(&ben, federation);
    let refused = ada.federation_leave(federation, "").unwrap_err();
    assert_eq!(refused.kind, "signer", "without the founder no epoch ends");
    let long = ben.federation_leave(federation, &"x".repeat(257)).unwrap_err();
    assert!(long.message.contains("257 bytes"), "{long}");
    assert!(!ben.is_former_member(federation).unwrap());
    ben.federation_leave(federation, "moved on").unwrap();
    exchange(&mut ada, &mut ben);
    assert!(roster(&ada, federation).contains(&left), "until the epoch ends");
    // It may never see that checkpoint, since who left is not served.
    let again = ben.federation_leave(federation, "").unwrap_err();
    assert_eq!(again.kind, "former_member");
    let founder = member(&ada, federation);
    assert_eq!(ben.federation_revoke(federation, founder, "").unwrap_err().kind, "signer");
    assert!(ben.silence(federation).is_some_and(|why| why.contains("left")));

    ada.federation_checkpoint(federation).unwrap();
    assert_eq!(roster(&ada, federation), [founder]);
    exchange(&mut ada, &mut ben);
    assert!(ben.is_former_member(federation).unwrap());
    assert!(!ada.is_former_member(federation).unwrap());
    let refused = ben.federation_leave(federation, "").unwrap_err();
    assert_eq!(refused.kind, "former_member", "whether it saw the checkpoint or not");
}

#[test]
fn two_voices_remove_a_member_and_one_does_not() {
    let (mut ada, mut ben, federation) = two();
    let mut cleo = engine(3);
    admit(&mut ada, &mut cleo, federation);
    exchange(&mut ada, &mut ben);
    ada.begin_round(federation, ben.public_key());
    ben.begin_round(federation, ada.public_key());
    exchange(&mut ada, &mut ben);
    let target = member(&cleo, federation);
    assert_eq!(roster(&ben, federation).len(), 3);

    let mine = member(&ben, federation);
    assert_eq!(ben.federation_revoke(federation, mine, "").unwrap_err().kind, "usage");
    let first = ben.federation_revoke(federation, target, "it floods").unwrap();
    assert_eq!((first.voices, first.needed), (1, 2));
    let again = ben.federation_revoke(federation, target, "it floods").unwrap_err();
    assert!(again.message.contains("already"), "{again}");
    exchange(&mut ada, &mut ben);
    ada.federation_checkpoint(federation).unwrap();
    exchange(&mut ada, &mut ben);
    assert!(roster(&ada, federation).contains(&target), "one voice is not enough");

    let second = ada.federation_revoke(federation, target, "it floods").unwrap();
    assert_eq!((second.voices, second.needed), (2, 2));
    ada.federation_checkpoint(federation).unwrap();
    exchange(&mut ada, &mut ben);
    assert!(!roster(&ada, federation).contains(&target));
    assert_eq!(roster(&ada, federation), roster(&ben, federation));
    let gone = ada.federation_revoke(federation, target, "again").unwrap_err();
    assert!(gone.message.contains("not on the roster"), "{gone}");
}

#[test]
fn a_name_that_this_node_has_already_is_refused() {
    let mut ada = engine(1);
    found(&mut ada);
    let terms = Terms { epsilon_micros: 1_000_000, scripts: true, ..terms() };
    let error = ada.federation_create(&terms).unwrap_err();
    assert!(error.message.contains("`guild` already"), "{error}");
    assert_eq!(ada.federations().len(), 1);
}

/// The reply to a request of a peer.
fn ask(engine: &mut Engine, peer: PublicKey, request: &Request) -> Vec<u8> {
    engine.handle(Event::Request { number: 7, peer, bytes: codec::encode(request) }).unwrap();
    let reply = engine.take_effects().into_iter().find_map(|effect| match effect {
        Effect::Reply { number: 7, bytes } => Some(bytes),
        _ => None,
    });
    reply.unwrap()
}

#[test]
fn huge_addresses_that_a_member_tells_of_others_are_neither_kept_nor_told_on() {
    let (mut ada, ben, federation) = two();
    let hostile = ben.public_key();
    let huge: Vec<String> = (0..MAX_ADDRESSES * 4).map(|_| "x".repeat(64 << 10)).collect();
    // Told by the peer of itself.
    ada.handle(Event::Identified { peer: hostile, addresses: huge.clone() }).unwrap();
    assert!(ada.addresses_of(&hostile).unwrap().is_empty());
    // Told in an answer, among one that an honest peer could have told.
    ada.take_effects();
    ada.handle(Event::Disconnected { peer: hostile }).unwrap();
    ada.handle(Event::Connected { peer: hostile }).unwrap();
    let asked = ada.take_effects().into_iter().find_map(|effect| match effect {
        Effect::Request { number, bytes, .. } => {
            let peers = matches!(codec::decode(&bytes), Ok(Request::Peers { .. }));
            peers.then_some(number)
        }
        _ => None,
    });
    let mut told = huge;
    told.insert(3, "/ip4/127.0.0.1/tcp/9".into());
    let bytes = codec::encode(&Reply::Peers(vec![(hostile, told)]));
    ada.handle(Event::Response { number: asked.unwrap(), peer: hostile, bytes }).unwrap();
    assert_eq!(ada.addresses_of(&hostile).unwrap(), ["/ip4/127.0.0.1/tcp/9"]);
    // Another member asks: the answer is one that the network takes.
    let reply = ask(&mut ada, hostile, &Request::Peers { federation });
    assert!(reply.len() < MAX_PEERS * MAX_ADDRESSES * crate::MAX_ADDRESS_BYTES);
    assert!(reply.len() < crate::MAX_REPLY_BYTES);
}

#[test]
fn an_invitation_with_a_key_that_is_none_is_refused_and_nothing_is_dialled() {
    let mut ben = engine(2);
    let mut bad = [0xff; 32];
    bad[0] = 0x02;
    let key = (0..=255).map(|n| {
        bad[1] = n;
        PublicKey(bad)
    });
    let inviter = key.into_iter().find(|key| !key.is_valid()).unwrap();
    let line = lore_protocol::invitation::Invitation {
        federation: FederationId::ZERO,
        inviter,
        addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
        secret: [0; 32],
        uses: 1,
        expires_epoch: 9,
    }
    .to_line();
    let error = ben.begin_join(&line, false).unwrap_err();
    assert_eq!(error.kind, "invitation");
    assert!(ben.take_effects().is_empty());
}

/// Bytes that a hostile peer may send: every prefix of a good message, and every message with one byte
/// changed.
fn variants(good: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..good.len()).map(|len| good[..len].to_vec());
    let changed = (0..good.len().min(300)).flat_map(move |at| {
        [0, 1, 0x7f, 0xff].into_iter().map(move |byte| {
            let mut bytes = good.to_vec();
            bytes[at] = byte;
            bytes
        })
    });
    cut.chain(changed)
}

#[test]
fn no_event_of_a_peer_is_an_error_of_the_engine_whatever_its_bytes_are() {
    let (mut ada, mut ben, federation) = two();
    let hostile = ben.public_key();
    let charter = ada.federation(federation).unwrap().log().signed_charter().clone();
    let before = root(&ada, federation);
    ben.begin_round(federation, ada.public_key());
    let ask = ben.take_effects().into_iter().find_map(|effect| match effect {
        Effect::Request { bytes, .. } => Some(bytes),
        _ => None,
    });
    let delta = ada.federation(federation).unwrap().log().entries().next().unwrap().1;
    let frame = lore_protocol::spread::Frame::Full(delta.sound.delta.clone());
    let frame = frame.to_bytes(federation);
    let different = Answer::Different { before: Hash::ZERO, epochs: vec![(1, Hash::ZERO)] };
    let end = |depth| Some(End { epoch: 1, depth, id: vec![1] });
    let compared = Answer::Compared {
        ranges: vec![
            Range { end: end(1), part: Part::Print(1) },
            Range { end: end(2), part: Part::Have(vec![1; 8]) },
        ],
        deltas: vec![delta.sound.delta.clone()],
        rest: end(3),
        digest: Hash::ZERO,
    };
    let replies = [
        codec::encode(&Reply::Charter(charter)),
        codec::encode(&Reply::Challenge { nonce: [1; 32] }),
        codec::encode(&Reply::Admitted),
        codec::encode(&Reply::Peers(vec![(hostile, vec!["/ip4/1.2.3.4/tcp/5".into()])])),
        codec::encode(&Reply::Refused("\u{1b}[31m".repeat(1_000))),
        codec::encode(&Reply::Sync(Box::new(different))),
        codec::encode(&Reply::Sync(Box::new(compared))),
    ];
    let mut events = 0;
    let mut tell = |event| {
        ada.handle(event).unwrap();
        events += 1;
    };
    for bytes in variants(&ask.unwrap()) {
        tell(Event::Request { number: 1, peer: hostile, bytes });
    }
    for bytes in variants(&frame) {
        // Back at once: a peer whose bytes are wrong is not heard for a while.
        tell(Event::Heard { peer: hostile, bytes });
    }
    for good in &replies {
        // Numbers of open requests, of answered ones, and of none.
        for (bytes, number) in variants(good).zip((0..40).cycle()) {
            tell(Event::Response { number, peer: hostile, bytes });
        }
    }
    for number in 0..40 {
        tell(Event::RequestFailed { number, why: String::new() });
    }
    let stranger = PublicKey([9; 32]);
    tell(Event::Disconnected { peer: stranger });
    tell(Event::Identified { peer: stranger, addresses: vec![String::new(); 1_000] });
    tell(Event::Tick);
    assert!(events > 1_000);
    assert_eq!(root(&ada, federation), before);
    connect(&mut ada, &mut ben);
    exchange(&mut ada, &mut ben);
    assert_eq!(root(&ada, federation), root(&ben, federation));
}

#[test]
fn members_that_joined_in_one_epoch_learn_where_the_others_listen() {
    let (mut ada, mut ben, mut cyd) = (engine(1), engine(2), engine(3));
    let federation = found(&mut ada);
    let at = |engine: &Engine| vec![format!("/dns4/{}/tcp/1", engine.public_key().short())];
    let invited = ada.federation_invite(federation, 2, 8, at(&ada)).unwrap();
    for joiner in [&mut ben, &mut cyd] {
        connect(&mut ada, joiner);
        let addresses = at(joiner);
        ada.handle(Event::Identified { peer: joiner.public_key(), addresses }).unwrap();
        joiner.begin_join(&invited.line, false).unwrap();
        exchange(&mut ada, joiner);
    }
    ada.federation_checkpoint(federation).unwrap();
    ada.handle(Event::Tick).unwrap();
    exchange(&mut ada, &mut ben);
    assert!(ben.addresses_of(&cyd.public_key()).unwrap().is_empty());
    ben.handle(Event::Tick).unwrap();
    exchange(&mut ada, &mut ben);
    assert_eq!(ben.addresses_of(&cyd.public_key()).unwrap(), at(&cyd));
}

/// A founder without members and a copy of its home, as it is an hour later.
#[test]
fn an_epoch_that_a_restored_founder_cannot_end_yet_is_no_end_of_the_node() {
    let store = Arc::new(MemoryStorage::new());
    let mut ada = open(1, Arc::clone(&store));
    let windows = WindowTerms { grid_seconds: 60, least_seconds: 60, send_after_seconds: 0 };
    let terms = Terms { epoch_hours: Some(1), windows, ..terms() };
    let federation = ada.federation_create(&terms).unwrap().federation;
    let mut ben = engine(2);
    admit(&mut ada, &mut ben, federation);
    let mut back = open_later(1, Arc::new(store.copy()), 10_000);
    let open = back.federation(federation).unwrap().log().open_epoch();
    back.handle(Event::Tick).unwrap();
    back.handle(Event::Request { number: 1, peer: ben.public_key(), bytes: vec![1] }).unwrap();
    assert_eq!(back.federation(federation).unwrap().log().open_epoch(), open, "it asks first");
    back.take_effects();
    connect(&mut back, &mut ben);
    exchange(&mut back, &mut ben);
    assert_eq!(back.federation(federation).unwrap().log().open_epoch(), open + 1);
}

#[test]
fn a_restored_node_does_not_believe_three_peers_that_one_member_made() {
    let store = Arc::new(MemoryStorage::new());
    let mut ada = open(1, Arc::clone(&store));
    let federation = found(&mut ada);
    let (mut mallory, mut eve) = (engine(2), engine(3));
    admit(&mut ada, &mut mallory, federation);
    admit(&mut ada, &mut eve, federation);
    let mut puppets = [engine(4), engine(5)];
    for puppet in &mut puppets {
        mallory.begin_round(federation, ada.public_key());
        exchange(&mut ada, &mut mallory);
        let address = vec!["/ip4/127.0.0.1/tcp/1".to_owned()];
        let invited = mallory.federation_invite(federation, 1, 8, address).unwrap();
        connect(&mut mallory, puppet);
        puppet.begin_join(&invited.line, false).unwrap();
        exchange(&mut mallory, puppet);
        ada.begin_round(federation, mallory.public_key());
        exchange(&mut ada, &mut mallory);
        ada.federation_checkpoint(federation).unwrap();
        exchange(&mut ada, &mut mallory);
        puppet.begin_round(federation, mallory.public_key());
        exchange(&mut mallory, puppet);
    }
    assert_eq!(roster(&ada, federation).len(), 5);
    let backup = Arc::new(store.copy());
    // What ada signs now only eve hears of; mallory and its puppets say what the backup says.
    ada.federation_checkpoint(federation).unwrap();
    eve.begin_round(federation, ada.public_key());
    exchange(&mut ada, &mut eve);

    let mut back = open(1, Arc::clone(&backup));
    let [one, two] = &mut puppets;
    for liar in [&mut mallory, one, two] {
        connect(&mut back, liar);
        exchange(&mut back, liar);
    }
    assert_eq!(backup.recovery().unwrap(), Some(Recovery::Restored), "three keys, one voice");
    connect(&mut back, &mut eve);
    exchange(&mut back, &mut eve);
    // Eve told of an epoch that is over: what the others said before is old.
    back.begin_round(federation, mallory.public_key());
    exchange(&mut back, &mut mallory);
    assert_eq!(backup.recovery().unwrap(), None);
    back.federation_checkpoint(federation).unwrap();
    exchange(&mut back, &mut eve);
    assert!(eve.federation(federation).unwrap().log().forks().is_empty());
}

#[test]
fn a_restored_node_signs_only_after_it_asked_and_then_goes_on_at_the_height_that_peers_know() {
    let store = Arc::new(MemoryStorage::new());
    let mut ada = open(1, Arc::clone(&store));
    let federation = found(&mut ada);
    let address = vec!["/ip4/127.0.0.1/tcp/1".to_owned()];
    let invited = ada.federation_invite(federation, 1, 8, address).unwrap();
    let mut ben = engine(2);
    connect(&mut ada, &mut ben);
    ben.begin_join(&invited.line, false).unwrap();
    exchange(&mut ada, &mut ben);
    ada.federation_checkpoint(federation).unwrap();
    exchange(&mut ada, &mut ben);
    let backup = Arc::new(store.copy());
    ada.federation_checkpoint(federation).unwrap();
    exchange(&mut ada, &mut ben);

    let mut back = open(1, Arc::clone(&backup));
    assert_eq!(backup.recovery().unwrap(), Some(Recovery::Restored));
    let error = back.federation_checkpoint(federation).unwrap_err();
    assert_eq!(error.kind, "recovering");
    connect(&mut back, &mut ben);
    exchange(&mut back, &mut ben);
    assert_eq!(backup.recovery().unwrap(), None);
    back.federation_checkpoint(federation).unwrap();
    exchange(&mut back, &mut ben);
    assert_eq!(root(&back, federation), root(&ben, federation));
    assert!(ben.federation(federation).unwrap().log().forks().is_empty());
}
