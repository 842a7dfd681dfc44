//! A whole node without I/O: every event that peers bring about, with any values.
//!
//! No event is an error, and afterwards the node works: an honest member comes to the same library.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lore_engine::{
    Clock, Effect, Engine, EngineError, Entropy, Event, MAX_REPLY_BYTES, MemoryStorage, NoSessions,
    Parts, Settings, Storage as _, Terms,
};
use lore_privacy::SystemNoise;
use lore_protocol::charter::WindowTerms;
use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::identity::Signer as _;
use lore_protocol::ids::{FederationId, Hash, InvitationId, PublicKey};
use lore_protocol::payload::Payload;
use lore_protocol::spread::{Frame, Tag};
use lore_protocol::sync::{Answer, Ask, Part, Range};
use lore_protocol::wire::{Reply, Request};

use crate::guild::{authored, key};
use crate::script::{Script, text};
use crate::seeds::vectors;

/// Most events of one run.
const MAX_EVENTS: usize = 64;

/// The founder's node, the member that is hostile, and the one that is honest.
const ADA: u8 = 1;
const MALLORY: u8 = 2;
const CYD: u8 = 3;

/// A clock that is set, and randomness that counts.
struct World(AtomicU64);

impl Clock for World {
    fn unix_seconds(&self) -> u64 {
        1_700_000_000 + self.0.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

impl Entropy for World {
    fn bytes(&self) -> Result<[u8; 32], EngineError> {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(*blake3::hash(&count.to_le_bytes()).as_bytes())
    }
}

fn open(seed: u8, store: &Arc<MemoryStorage>) -> (Engine, Arc<World>) {
    let world = Arc::new(World(AtomicU64::new(u64::from(seed) << 32)));
    let parts = Parts {
        key: key(seed),
        store: Arc::clone(store) as _,
        clock: Arc::clone(&world) as _,
        entropy: Arc::clone(&world) as _,
        sessions: Arc::new(NoSessions),
        noise: SystemNoise,
        watch: None,
    };
    (Engine::open(parts, Settings::default()).expect("a node opens"), world)
}

/// Homes as they are when all three are members.
struct Homes {
    federation: FederationId,
    ada: Arc<MemoryStorage>,
    cyd: Arc<MemoryStorage>,
    /// A line by which one more may join.
    line: String,
}

impl Homes {
    fn make() -> Self {
        let [ada_store, mallory_store, cyd_store] = [(); 3].map(|()| Arc::default());
        let (mut ada, _) = open(ADA, &ada_store);
        let (mut mallory, _) = open(MALLORY, &mallory_store);
        let (mut cyd, _) = open(CYD, &cyd_store);
        let federation = ada.federation_create(&terms()).expect("it is founded").federation;
        let address = vec!["/ip4/127.0.0.1/tcp/1".to_owned()];
        let line = ada.federation_invite(federation, 9, 99, address).expect("it invites").line;
        for joiner in [&mut mallory, &mut cyd] {
            connect(&mut ada, joiner);
            joiner.begin_join(&line, false).expect("it asks");
            exchange(&mut ada, joiner);
            ada.federation_checkpoint(federation).expect("the epoch ends");
            exchange(&mut ada, joiner);
        }
        cyd.begin_round(federation, ada.public_key());
        exchange(&mut ada, &mut cyd);
        Self { federation, ada: ada_store, cyd: cyd_store, line }
    }
}

/// The home itself once more, and not one that came back from a copy.
fn again(store: &MemoryStorage) -> Arc<MemoryStorage> {
    let copy = store.copy();
    copy.clear_recovery().expect("memory does not fail");
    Arc::new(copy)
}

fn terms() -> Terms {
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

fn connect(a: &mut Engine, b: &mut Engine) {
    let keys = [a.public_key(), b.public_key()];
    for (one, peer) in [(a, keys[1]), (b, keys[0])] {
        one.handle(Event::Connected { peer }).expect("no event is an error");
        one.handle(Event::Stream { peer, open: true }).expect("no event is an error");
    }
}

/// Carries effects between two connected engines until neither wants anything.
fn exchange(a: &mut Engine, b: &mut Engine) {
    let keys = [a.public_key(), b.public_key()];
    let mut queue: VecDeque<(usize, Effect)> = VecDeque::new();
    loop {
        queue.extend(a.take_effects().into_iter().map(|effect| (0, effect)));
        queue.extend(b.take_effects().into_iter().map(|effect| (1, effect)));
        let Some((from, effect)) = queue.pop_front() else { return };
        let (other, peer) = (if from == 0 { &mut *b } else { &mut *a }, keys[from]);
        let event = match effect {
            Effect::Send { peer: to, bytes } if to == keys[1 - from] => {
                Event::Heard { peer, bytes }
            }
            Effect::Request { number, peer: to, bytes } if to == keys[1 - from] => {
                Event::Request { number, peer, bytes }
            }
            Effect::Reply { number, bytes } => Event::Response { number, peer, bytes },
            _ => continue,
        };
        other.handle(event).expect("no event is an error");
    }
}

/// A node under attack.
struct Attacked {
    federation: FederationId,
    ada: Engine,
    clock: Arc<World>,
    /// Numbers of requests that it made and that nobody has answered.
    open: Vec<u64>,
}

impl Attacked {
    fn tell(&mut self, event: Event) {
        self.ada.handle(event).expect("no event of a peer is an error");
        for effect in self.ada.take_effects() {
            match effect {
                Effect::Request { number, .. } => self.open.push(number),
                Effect::Reply { bytes, .. } => assert!(bytes.len() <= MAX_REPLY_BYTES),
                _ => {}
            }
        }
    }

    fn act(&mut self, script: &mut Script<'_>) {
        let federation = self.federation;
        let kind = script.byte();
        let peer = peer(script);
        let number = u64::from(script.byte());
        let event = match kind % 13 {
            0 => Event::Connected { peer },
            1 => Event::Disconnected { peer },
            2 => Event::Identified { peer, addresses: addresses(script) },
            3 => Event::Stream { peer, open: !script.byte().is_multiple_of(4) },
            4 => {
                Event::Heard { peer, bytes: [&Tag::from(federation).0[..], script.text()].concat() }
            }
            5 => Event::Heard { peer, bytes: Frame::of(&self.delta(script)).to_bytes(federation) },
            6 => Event::Request { number, peer, bytes: script.text().to_vec() },
            7 => Event::Request { number, peer, bytes: self.request(script) },
            8 => Event::Response { number, peer, bytes: script.text().to_vec() },
            9 => {
                let number = self.open.pop().unwrap_or(number);
                let bytes = if script.byte().is_multiple_of(2) {
                    script.text().to_vec()
                } else {
                    self.reply(script)
                };
                Event::Response { number, peer, bytes }
            }
            10 => {
                let why = String::from_utf8_lossy(script.text()).into_owned();
                Event::RequestFailed { number: self.open.pop().unwrap_or(number), why }
            }
            rest => {
                self.clock.0.fetch_add(u64::from(script.u32() >> 12), Ordering::Relaxed);
                if rest == 11 { Event::Tick } else { Event::Wake }
            }
        };
        self.tell(event);
    }

    /// Something that the hostile member signs, with a header that is bent.
    fn delta(&self, script: &mut Script<'_>) -> Delta {
        let log = self.ada.federation(self.federation).expect("its federation").log();
        let payload = codec::decode::<Payload>(script.text())
            .unwrap_or_else(|_| authored(script.byte() % 3, script.byte()));
        let key = key(MALLORY);
        let member = log.member_of(&key.public_key()).unwrap_or(log.founders()[0].0);
        let header = log.draft(member, log.spend(member)).ok();
        let mut header = header.unwrap_or_else(|| {
            log.entries().last().map(|(_, entry)| entry.sound.header().clone()).expect("a delta")
        });
        match script.byte() % 12 {
            0 => header.seq = u64::from(script.u32()),
            1 => header.prev = Some(lore_protocol::ids::DeltaId(script.id())),
            2 => header.anchor.0 = script.id(),
            3 => header.epoch = script.u32(),
            4 => header.depth = script.u32(),
            5 => header.author.0 = script.id(),
            6 => header.spend.rho_nano = u64::from(script.u32()) << (script.byte() % 32),
            7 => header.deps = vec![lore_protocol::ids::DeltaId(script.id())],
            _ => {}
        }
        Delta::sign(header, &payload, &key)
    }

    /// A request of this federation.
    fn request(&self, script: &mut Script<'_>) -> Vec<u8> {
        let federation = self.federation;
        let (invitation, proof) = (InvitationId(script.id()), Hash(script.id()));
        codec::encode(&match script.byte() % 6 {
            0 => Request::Sync { federation, ask: Ask::Digest(Hash(script.id())) },
            1 => match codec::decode(script.text()) {
                Ok(ask) => Request::Sync { federation, ask },
                Err(_) => Request::Peers { federation },
            },
            2 => Request::Knock { federation, nonce: script.id() },
            3 => Request::Charter { federation, invitation, proof },
            4 => {
                let join = Box::new(self.delta(script));
                Request::Admit { federation, invitation, proof, join }
            }
            _ => Request::Blob { federation, blob: lore_protocol::ids::BlobId(script.id()) },
        })
    }

    /// An answer with deltas, or addresses, of the hostile member's making.
    fn reply(&self, script: &mut Script<'_>) -> Vec<u8> {
        codec::encode(&match script.byte() % 4 {
            0 => {
                let (before, epochs) = (Hash(script.id()), vec![(1, Hash(script.id()))]);
                Reply::Sync(Box::new(Answer::Different { before, epochs }))
            }
            1 => {
                let deltas = (0..script.below(8)).map(|_| self.delta(script)).collect();
                let digest = Hash(script.id());
                let ranges = vec![Range { end: None, part: Part::Print(1) }];
                Reply::Sync(Box::new(Answer::Compared { ranges, deltas, rest: None, digest }))
            }
            2 => {
                let told = (0..script.below(80)).map(|_| (peer(script), addresses(script)));
                Reply::Peers(told.collect())
            }
            _ => Reply::Blob(Some(script.text().to_vec())),
        })
    }
}

fn peer(script: &mut Script<'_>) -> PublicKey {
    match script.byte() {
        n @ 0..=7 => key(n % 4 + 1).public_key(),
        n => PublicKey([n; 32]),
    }
}

fn addresses(script: &mut Script<'_>) -> Vec<String> {
    let one = String::from_utf8_lossy(script.text()).into_owned();
    vec![one; usize::from(script.byte())]
}

pub(crate) fn run(bytes: &[u8]) {
    static HOMES: OnceLock<Homes> = OnceLock::new();
    let homes = HOMES.get_or_init(Homes::make);
    let (ada, clock) = open(ADA, &again(&homes.ada));
    let federation = homes.federation;
    let mut attacked = Attacked { federation, ada, clock, open: Vec::new() };
    let mut script = Script::new(bytes);
    for _ in 0..MAX_EVENTS {
        if script.is_over() {
            break;
        }
        attacked.act(&mut script);
    }
    works(attacked, homes, bytes.len().is_multiple_of(4));
}

/// The epoch ends, and an honest member comes to the same library; a newcomer, which takes most of the time, is let in.
fn works(attacked: Attacked, homes: &Homes, with_newcomer: bool) {
    let Attacked { federation, mut ada, .. } = attacked;
    let (mut cyd, _) = open(CYD, &again(&homes.cyd));
    let root =
        |engine: &Engine| engine.federation(federation).expect("its federation").library().root();
    connect(&mut ada, &mut cyd);
    exchange(&mut ada, &mut cyd);
    ada.federation_checkpoint(federation).expect("the founder ends its epoch");
    exchange(&mut ada, &mut cyd);
    cyd.begin_round(federation, ada.public_key());
    exchange(&mut ada, &mut cyd);
    assert_eq!(root(&cyd), root(&ada), "an honest member has the same library");
    if !with_newcomer {
        return;
    }
    let (mut newcomer, _) = open(CYD + 1, &Arc::default());
    connect(&mut ada, &mut newcomer);
    newcomer.begin_join(&homes.line, false).expect("it asks");
    exchange(&mut ada, &mut newcomer);
    ada.federation_checkpoint(federation).expect("the founder ends its epoch");
    exchange(&mut ada, &mut newcomer);
    newcomer.begin_round(federation, ada.public_key());
    exchange(&mut ada, &mut newcomer);
    assert_eq!(root(&newcomer), root(&ada), "a newcomer is let in");
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let one = |first: [u8; 3], body: &[u8]| [&first[..], body].concat();
    let of = |structure, kind: u8| {
        vectors(structure, usize::MAX)
            .into_iter()
            .map(move |(name, bytes)| (name, one([kind, 1, 0], &text(&bytes))))
    };
    let address = text(b"/ip4/127.0.0.1/tcp/5");
    let mut all: Vec<(String, Vec<u8>)> = of("Request", 6).collect();
    // A neighbour: connected, with a stream, by an `Enter`. Then a frame of each kind, and the wake after it.
    let enter = text(&codec::encode(&Frame::Enter));
    let entered = [one([0, 1, 0], &[]), one([3, 1, 0], &[1]), one([4, 1, 0], &enter)].concat();
    let wake = one([12, 1, 0], &[0, 255, 0, 0]);
    all.extend(
        of("Frame", 4).map(|(name, bytes)| (name, [entered.as_slice(), &bytes, &wake].concat())),
    );
    // A tick long after, in which the node asks, and then an answer of each kind.
    let tick = one([11, 1, 0], &[0, 0, 0, 255]);
    let hello = one([0, 1, 0], &[]);
    all.extend(vectors("Reply", usize::MAX).into_iter().map(|(name, bytes)| {
        let answer = one([9, 1, 0], &[&[0][..], &text(&bytes)].concat());
        (name, [hello.clone(), tick.clone(), answer.clone(), answer].concat())
    }));
    let delta = |bend: &[u8]| one([5, 1, 0], &[&text(b"")[..], &[0, 1], bend].concat());
    all.extend([
        (
            "identified".into(),
            [hello.clone(), one([2, 1, 0], &[address.as_slice(), &[9]].concat())].concat(),
        ),
        (
            "identified-nowhere".into(),
            [hello.clone(), one([2, 1, 0], &[text(b"").as_slice(), &[0]].concat())].concat(),
        ),
        (
            "deltas".into(),
            [delta(&[9]), delta(&[0, 9, 0, 0, 0]), delta(&[6, 1, 1, 0, 0, 3])].concat(),
        ),
        (
            "asks".into(),
            [
                one([7, 1, 0], &[1, 2, 0, 3]),
                one([7, 1, 0], &[1, 2, 2, 4]),
                one([7, 1, 0], &[1, 2, 5, 4]),
            ]
            .concat(),
        ),
        (
            "answers-with-deltas".into(),
            [
                hello,
                tick,
                one([9, 1, 0], &[1, 0]),
                one([9, 1, 0], &[1, 1, 2, 0, 0, 1, 1, 9, 0, 0, 2, 2, 9, 4]),
            ]
            .concat(),
        ),
        ("gone-and-back".into(), [[1, 1, 0], [0, 1, 0], [1, 9, 0]].concat()),
    ]);
    all
}
