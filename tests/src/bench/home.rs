//! A home with many users and a large library, whose releases are about to be due.

use std::collections::BTreeSet;
use std::path::Path;

use lore_control::{
    FederationCheckpoint, FederationCreate, FederationInvite, PrivacySet, SessionAdd, SessionLine,
    Windows,
};
use lore_engine::{Durability, Engine, Storage as _};
use lore_node::config::Config;
use lore_node::home::Home;
use lore_node::host::{Handwritten, Node};
use lore_node::store::Store;
use lore_protocol::delta::Delta;
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{BlobId, FederationId};
use lore_protocol::log::Ingest;
use lore_protocol::payload::{FileEntry, Payload, Revision};
use lore_session::{Session, SkillUse, Started};

use crate::clock::{MIDDLE_OF_A_PERIOD, SetClock};
use crate::played::admit;
use crate::sessions::learnt;

/// Users of the node.
pub const USERS: usize = 1_000;
/// Their sessions.
pub const SESSIONS: usize = 10_000;
/// Public revisions that outcomes are counted for.
pub const REVISIONS: usize = 500;
/// Public lessons that are voted on beside them; users learnt a few of these.
pub const LESSONS: usize = 10;
/// Distinct things that users learnt.
const KINDS: usize = 20;
/// Of the other member, who is played.
const MEMBER_SEED: [u8; 32] = [2; 32];
/// Epoch in which all releases are due.
const EPOCH: u32 = 4;

/// The moment at which the prepared releases are not due yet; a few seconds later they are.
pub const BEFORE: u64 = MIDDLE_OF_A_PERIOD;

/// Makes a home with a budget and so many users and sessions, whose federation has an epoch open in which
/// lessons, outcomes and votes are due once the clock moves on.
///
/// # Panics
/// Panics when the node refuses any of it.
pub fn prepare(path: &Path, users: usize, sessions: usize) {
    let home = Home::at(path).expect("a path");
    home.initialise(&Config::default().to_toml()).expect("a home");
    drop(Store::open_or_create(&home.store_path()).expect("a store"));
    let mut node = Node::open(home, &SetClock::at(BEFORE).machine()).expect("a node");
    for user in 0..users {
        let own = (user..sessions).step_by(users).map(session);
        let lines = own.map(|session| SessionLine::new(session.to_line())).collect();
        let added = SessionAdd { user: format!("user-{user}"), sessions: lines };
        node.ask(added).expect("they are stored");
    }
    let terms = FederationCreate {
        name: "bench".into(),
        epsilon_micros: 4_000_000,
        epoch_hours: None,
        epochs_per_period: 90,
        topic_words: 0,
        lessons_at: Some(vec![EPOCH]),
        outcomes_at: Some(vec![EPOCH]),
        votes_at: Some(vec![EPOCH]),
        windows: Windows { grid_seconds: 1, least_seconds: 1, send_after_seconds: 0 },
        units: None,
        costs: None,
        without_codebook: false,
        scripts: false,
        members: None,
        vouches: None,
    };
    node.ask(terms).expect("a federation");
    let budget = PrivacySet {
        epsilon_micros: 4_000_000,
        delta_e18: 1_000_000_000_000,
        period_days: 90,
        unit: Some(lore_control::Unit::User),
        since_seconds: None,
    };
    node.ask(budget).expect("a budget");
    let invite = FederationInvite { federation: None, uses: 1, epochs: 8 };
    let invited = node.federation_invite(&invite, vec!["/ip4/127.0.0.1/tcp/1".into()]);
    let line = invited.expect("an invitation").invitation;
    let key = SecretKey::from_seed(&MEMBER_SEED);
    let federation = admit(node.engine_mut(), &line, &key);
    for half in 0..2 {
        node.ask(FederationCheckpoint { federation: None }).expect("a checkpoint");
        for n in half * REVISIONS / 2..(half + 1) * REVISIONS / 2 {
            publish(node.engine_mut(), federation, &key, &Payload::Revision(revision(n)));
        }
        for n in half * LESSONS / 2..(half + 1) * LESSONS / 2 {
            publish(node.engine_mut(), federation, &key, &lesson(n));
        }
    }
    node.ask(FederationCheckpoint { federation: None }).expect("a checkpoint");
    let found = &node.engine().federations()[&federation];
    assert_eq!(found.log().open_epoch(), EPOCH);
    assert_eq!(found.fold().sealed().active_items(1).len(), REVISIONS + LESSONS);
}

/// The node of a prepared home, which has heard from the member that is played.
///
/// # Panics
/// Panics when it cannot be opened.
#[must_use]
pub fn open(path: &Path, clock: &std::sync::Arc<SetClock>) -> Node {
    let home = Home::at(path).expect("a path");
    // A copied home lets an epoch pass, in case that its original is at work; here it is not.
    let store = Store::open(&home.store_path()).expect("a store");
    store.clear_recovery().expect("it is open");
    drop(store);
    let mut node = Node::open(home, &clock.machine()).expect("a node");
    let engine = node.engine_mut();
    // A node asks a member before it signs; here there is none but the one that is played.
    let federations: Vec<FederationId> = engine.federations().keys().copied().collect();
    for federation in federations {
        let member = SecretKey::from_seed(&MEMBER_SEED).public_key();
        engine.caught_up(federation, member).expect("it has asked");
    }
    node
}

/// The `n`-th session: one of a few things is found out, and a skill was read.
#[must_use]
pub fn session(n: usize) -> Session {
    let (kind, value, user) = (n / USERS % KINDS, 4_700 + n, n % USERS);
    let kind = kind + KINDS / 2 * (user % 2);
    let task = format!(
        "Fetch invoice {value} and save it as {n}.txt. \
         `fetch http://127.0.0.1:8080/inv/{value} -o {n}.txt`"
    );
    let wrong = format!("fetch http://127.0.0.1:8080/inv/{value} -o {n}.txt");
    let right = format!("fetch http://127.0.0.1:8{kind:03}/v2/{value} -o {n}.txt");
    let mut session = learnt(&format!("session-{n}"), &task, &wrong, &right);
    session.started = Started::at(BEFORE - 60);
    let revision = revision(n % REVISIONS).id();
    let (skill, state) = (None, None);
    let name = format!("skill-{}", n % REVISIONS);
    session.skills_read =
        vec![SkillUse { name, skill, revision: Some(revision), state, lessons: BTreeSet::new() }];
    session
}

fn manifest(n: usize) -> Vec<FileEntry> {
    let mut blob = [0; 32];
    blob[..8].copy_from_slice(&(n as u64).to_le_bytes());
    let path = "SKILL.md".into();
    vec![FileEntry { path, executable: false, len: 1000, blob: BlobId(blob) }]
}

fn revision(n: usize) -> Revision {
    Revision {
        skill: None,
        name: format!("skill-{n}"),
        description: format!("How to do task {n}."),
        parents: Vec::new(),
        files: manifest(n),
    }
}

fn lesson(n: usize) -> Payload {
    let command = format!("fetch http://127.0.0.1:8{n:03}/v2/<arg> -o <out>");
    Handwritten::example(&command, vec!["invoice".into()])
        .expect("a lesson")
        .payload()
        .expect("its words")
}

fn publish(engine: &mut Engine, federation: FederationId, key: &SecretKey, payload: &Payload) {
    let log = engine.federations()[&federation].log();
    let member = log.member_of(&key.public_key()).expect("it is on the roster");
    let header = log.draft(member, log.spend(member)).expect("a header");
    let sound = Delta::sign(header, payload, key).sound().expect("it is sound");
    let taken = engine.ingest(federation, sound, Durability::Buffered).expect("it is stored");
    assert!(matches!(taken, Ingest::Accepted(_)), "{taken:?}");
}
