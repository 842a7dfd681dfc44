//! Cost of one epoch's releases for a node with many users and a large library.

use std::path::Path;
use std::process::Command;

use lore_control::{
    FederationCheckpoint, FederationCreate, FederationInvite, PrivacyExplain, PrivacySet,
    ReleaseState, Windows,
};
use lore_engine::{Batch, Durability, Effect, Engine, Event, RecordKind, Storage as _};
use lore_node::config::Config;
use lore_node::home::Home;
use lore_node::host::{Machine, Node};
use lore_node::store::Store;
use lore_protocol::charter::join_header;
use lore_protocol::delta::Delta;
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{BlobId, FederationId, Hash, PublicKey, RevisionId};
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::log::Ingest;
use lore_protocol::payload::{FileEntry, Join, Payload, Revision};
use lore_protocol::skill::revision_id;
use lore_protocol::wire::{Reply, Request};
use lore_session::SkillUse;
use serde_json::{Value, json};

use super::bar;
use super::clock::time;
use crate::files::copy_tree;
use crate::sessions::learnt;

/// Users of the node.
const USERS: usize = 1_000;
/// Their sessions.
const SESSIONS: usize = 10_000;
/// Of the other member, who is played.
const MEMBER_SEED: [u8; 32] = [2; 32];
/// Public revisions that outcomes are counted for.
const REVISIONS: usize = 500;
/// Distinct things that users learnt.
const KINDS: usize = 20;
const BAR_S: f64 = 2.0;
const BAR_MIB: f64 = 200.0;

/// Measures one epoch's releases of lessons, outcomes and votes, each time in a fresh process on a fresh copy.
///
/// # Panics
/// When a process fails.
#[must_use]
pub fn run(runs: usize) -> Value {
    let directory = tempfile::tempdir().expect("a directory");
    let prepared = directory.path().join("prepared");
    prepare(&prepared);
    let program = std::env::current_exe().expect("this program has a path");
    let once = |n: usize| -> Value {
        let home = directory.path().join(n.to_string());
        copy_tree(&prepared, &home);
        let out = Command::new(&program).arg("release-once").arg(&home).output().expect("it runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).expect("it prints its result")
    };
    once(0);
    let all: Vec<Value> = (1..=runs.max(1)).map(once).collect();
    let median = |key: &str| {
        let mut values: Vec<f64> = all.iter().filter_map(|one| one[key].as_f64()).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    json!({
        "users": USERS,
        "sessions": SESSIONS,
        "revisions": REVISIONS,
        "seconds": median("wall_s"),
        "cpu_s": median("cpu_s"),
        "growth_mib": median("growth_mib"),
        "bar_s": bar(median("wall_s"), BAR_S),
        "bar_mib": bar(median("growth_mib"), BAR_MIB),
        "runs": all.len(),
    })
}

/// Makes the releases of a prepared home and gives what they cost.
///
/// # Panics
/// When they are not all made.
#[must_use]
pub fn once(home: &Path) -> Value {
    let home = Home::at(home).expect("a path");
    let mut node = Node::open(home, &Machine::new()).expect("a node");
    let engine = node.engine_mut();
    // A copy asks a member before it signs; here there is none but the one that is played.
    let federations: Vec<FederationId> = engine.federations().keys().copied().collect();
    for federation in federations {
        let member = SecretKey::from_seed(&MEMBER_SEED).public_key();
        engine.caught_up(federation, member).expect("it has asked");
    }
    // Resets the peak (proc(5), clear_refs), so that it is that of the releases.
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak is reset");
    let before = status_kib("VmRSS:");
    let budget = PrivacySet {
        epsilon_micros: 4_000_000,
        delta_e18: 1_000_000_000_000,
        period_days: 90,
        unit: None,
    };
    // The epoch in which all are due is open: with a budget they are made at once.
    let (took, set) = time(|| node.ask(budget));
    set.expect("a budget");
    let peak = status_kib("VmHWM:");
    let releases = node.ask(PrivacyExplain {}).expect("the ledger").releases;
    assert!(
        releases.len() == 3 && releases.iter().all(|one| one.state == ReleaseState::Committed),
        "{releases:?}"
    );
    json!({
        "wall_s": took.wall,
        "cpu_s": took.cpu,
        "growth_mib": peak.saturating_sub(before) as f64 / 1024.0,
    })
}

fn status_kib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(key)).expect("the field");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

fn manifest(n: usize) -> Vec<FileEntry> {
    let mut blob = [0; 32];
    blob[..8].copy_from_slice(&(n as u64).to_le_bytes());
    let path = "SKILL.md".into();
    vec![FileEntry { path, executable: false, len: 1000, blob: BlobId(blob) }]
}

/// A home whose federation is about to be released to.
fn prepare(path: &Path) {
    let home = Home::at(path).expect("a path");
    home.initialise(&Config::default().to_toml()).expect("a home");
    let store = Store::open_or_create(&home.store_path()).expect("a store");
    write_sessions(&store);
    drop(store);
    let mut node = Node::open(home, &Machine::new()).expect("a node");
    let terms = FederationCreate {
        name: "bench".into(),
        epsilon_micros: 4_000_000,
        epoch_hours: None,
        epochs_per_period: 90,
        lessons_at: Some(vec![4]),
        outcomes_at: Some(vec![4]),
        votes_at: Some(vec![4]),
        windows: Windows { grid_seconds: 1, least_seconds: 1, send_after_seconds: 0 },
        units: None,
        costs: None,
    };
    node.ask(terms).expect("a federation");
    let invite = FederationInvite { federation: None, uses: 1, epochs: 8 };
    let invited = node.federation_invite(&invite, vec!["/ip4/127.0.0.1/tcp/1".into()]);
    let line = invited.expect("an invitation").invitation;
    let key = SecretKey::from_seed(&MEMBER_SEED);
    let federation = admit(node.engine_mut(), &line, &key);
    for half in 0..2 {
        node.ask(FederationCheckpoint { federation: None }).expect("a checkpoint");
        for n in half * REVISIONS / 2..(half + 1) * REVISIONS / 2 {
            publish(node.engine_mut(), federation, &key, n);
        }
    }
    node.ask(FederationCheckpoint { federation: None }).expect("a checkpoint");
    assert_eq!(node.engine().federations()[&federation].log().open_epoch(), 4);
    assert_eq!(
        node.engine().federations()[&federation].fold().sealed().active_items().len(),
        REVISIONS
    );
}

fn write_sessions(store: &Store) {
    let mut batch = Batch::new();
    for n in 0..SESSIONS {
        let (kind, value, user) = (n / USERS % KINDS, 4_700 + n, n % USERS);
        let kind = kind + KINDS / 2 * (user % 2);
        let task = format!(
            "Fetch invoice {value} and save it as {n}.txt. \
             `fetch http://127.0.0.1:8080/inv/{value} -o {n}.txt`"
        );
        let wrong = format!("fetch http://127.0.0.1:8080/inv/{value} -o {n}.txt");
        let right = format!("fetch http://127.0.0.1:8{kind:03}/v2/{value} -o {n}.txt");
        let mut session = learnt(&format!("session-{n}"), &task, &wrong, &right);
        session.unit = Some(format!("{user:064x}"));
        let revision: RevisionId = revision_id(&manifest(n % REVISIONS));
        let (skill, state) = (None, None);
        let name = format!("skill-{}", n % REVISIONS);
        session.skills_read = vec![SkillUse { name, skill, revision: Some(revision), state }];
        let bytes = serde_json::to_vec(&session).expect("a session");
        batch.put(RecordKind::Session, session.id.into_bytes(), bytes);
    }
    store.write(batch, Durability::Synced).expect("they are stored");
}

/// Lets a member in by the wire's own requests, without a wire.
fn admit(engine: &mut Engine, line: &str, key: &SecretKey) -> FederationId {
    let invitation = Invitation::from_line(line).expect("an invitation");
    let (federation, id) = (invitation.federation, invitation.id());
    let peer: PublicKey = key.public_key();
    let mut ask = |request: Request| {
        let bytes = lore_protocol::codec::encode(&request);
        engine.handle(Event::Request { number: 1, peer, bytes }).expect("it is stored");
        let reply = engine.take_effects().into_iter().find_map(|effect| match effect {
            Effect::Reply { bytes, .. } => lore_protocol::codec::decode::<Reply>(&bytes).ok(),
            _ => None,
        });
        reply.expect("an answer")
    };
    let Reply::Challenge { nonce } = ask(Request::Knock { federation, nonce: [1; 32] }) else {
        panic!("a challenge was expected")
    };
    let proof = invitation.proof(&peer, &Challenge { joiner: [1; 32], inviter: nonce });
    let join =
        Join { key: peer, recovery: Hash::ZERO, invitation: Some(id), name: "member".into() };
    let (header, payload) = join_header(federation, join);
    let join = Box::new(Delta::sign(header, &payload, key));
    let admitted = ask(Request::Admit { federation, invitation: id, proof, join });
    assert_eq!(admitted, Reply::Admitted);
    federation
}

fn publish(engine: &mut Engine, federation: FederationId, key: &SecretKey, n: usize) {
    let log = engine.federations()[&federation].log();
    let member = log.member_of(&key.public_key()).expect("it is on the roster");
    let header = log.draft(member, log.spend(member)).expect("a header");
    let revision = Revision {
        skill: None,
        name: format!("skill-{n}"),
        description: format!("How to do task {n}."),
        parents: Vec::new(),
        files: manifest(n),
    };
    let sound =
        Delta::sign(header, &Payload::Revision(revision), key).sound().expect("it is sound");
    let taken = engine.ingest(federation, sound, Durability::Buffered).expect("it is stored");
    assert!(matches!(taken, Ingest::Accepted(_)), "{taken:?}");
}
