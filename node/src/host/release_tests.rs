//! A federation of one node, from sessions to what is published, without a network.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lore_control::{
    Ask, FederationCheckpoint, FederationCreate, FederationShow, PrivacyBuys, PrivacyExplain,
    PrivacySet, PrivacyStatusOf, SkillList, SkillShow,
};
use lore_protocol::library::VoteEstimate;
use lore_protocol::payload::{Payload, PayloadKind, Unit};
use lore_protocol::trace::Outcome;
use lore_session::{
    Role, Session, SessionOutcome, SkillUse, Source, Started, ToolCall, Turn, VERSION,
};
use serde_json::json;
use tempfile::TempDir;

use super::contributions::MOST_IN_MEMORY;
use super::{Machine, Node as Host};
use crate::config::Config;
use crate::error::CliError;
use crate::home::Home;
use crate::store::Store;

/// A clock that stands until it is set: a day in the middle of a period.
pub(super) struct Clock(pub(super) AtomicU64);

impl lore_engine::Clock for Clock {
    fn unix_seconds(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.unix_seconds())
    }
}

/// Begin of a test, in seconds since the Unix epoch.
pub(super) const BEGIN: u64 = 20_000 * 86_400;

/// Does a verb whose arguments and answer are JSON.
pub(super) fn ask<R: Ask>(
    node: &mut Host,
    args: serde_json::Value,
) -> Result<serde_json::Value, CliError> {
    node.ask(serde_json::from_value::<R>(args).unwrap()).map(|answer| json!(answer))
}

pub(super) struct Node {
    pub(super) node: Host,
    pub(super) clock: Arc<Clock>,
    pub(super) _home: TempDir,
}

/// A call that fails, and the same command another way, which does the task.
pub(super) fn session(id: &str, user: u64) -> Session {
    let value = 4_000 + user;
    let task = format!("Fetch invoice {value} and save it as i{value}.txt.");
    let call = |command: String, exit: i32| ToolCall {
        id: None,
        tool: "bash".into(),
        arguments: json!({ "command": command }),
        result: Some(if exit == 0 { String::new() } else { "connection refused".into() }),
        exit: Some(exit),
        failed: exit != 0,
        refusal: None,
        duration_ms: Some(2_500),
        hint: None,
    };
    let turn = |calls| Turn { role: Role::Assistant, text: String::new(), calls, tokens: None };
    Session {
        version: VERSION,
        id: id.into(),
        root: None,
        links: Vec::new(),
        unit: None,
        harness: "test".into(),
        model: None,
        started: Started::at(BEGIN - 3_600),
        task: task.clone(),
        turns: vec![
            Turn { role: Role::User, text: task, calls: Vec::new(), tokens: None },
            turn(vec![call(format!("fetch http://127.0.0.1:80/inv/{value} -o i{value}.txt"), 7)]),
            turn(vec![call(format!("fetch http://127.0.0.1:81/v2/{value} -o i{value}.txt"), 0)]),
        ],
        outcome: SessionOutcome::certain(Outcome::Success, Source::Validator),
        skills_read: Vec::new(),
        skills_injected: Vec::new(),
        proposals: None,
    }
}

impl Node {
    /// Lessons are released in the second epoch, outcomes and votes in the third and votes again in the
    /// fourth.
    pub(super) fn found(units: &[&str]) -> Self {
        Self::found_with(units, json!(null))
    }

    /// The same with cost releases.
    fn found_with(units: &[&str], costs: serde_json::Value) -> Self {
        Self::found_on(json!({
            "name": "guild",
            "epochs_per_period": 64,
            "lessons_at": [2],
            "outcomes_at": [3],
            "votes_at": [3, 4],
            "windows": { "grid_seconds": 1, "least_seconds": 1, "send_after_seconds": 0 },
            "units": units,
            "costs": costs,
        }))
    }

    fn found_on(terms: serde_json::Value) -> Self {
        let directory = TempDir::new().unwrap();
        let home = Home::at(&directory.path().join("home")).unwrap();
        home.initialise(&Config::default().to_toml()).unwrap();
        Store::open_or_create(&home.store_path()).unwrap();
        let clock = Arc::new(Clock(AtomicU64::new(BEGIN)));
        let machine = Machine { clock: Arc::clone(&clock) as _, ..Machine::new() };
        let mut node = Host::open(home, &machine).unwrap();
        ask::<FederationCreate>(&mut node, terms).unwrap();
        Self { node, clock, _home: directory }
    }

    pub(super) fn budget(&mut self, unit: Option<&str>) -> Result<serde_json::Value, String> {
        let wanted = json!({
            "epsilon_micros": 4_000_000_u64,
            "delta_e18": 1_000_000_000_000_u64,
            "period_days": 90,
            "unit": unit,
        });
        ask::<PrivacySet>(&mut self.node, wanted).map_err(|error| error.kind)
    }

    fn import(&mut self, users: std::ops::Range<u64>) {
        for user in users {
            let sessions = vec![session(&format!("session-{user}"), user)];
            self.node.session_import(&format!("user-{user}"), sessions).unwrap();
        }
    }

    pub(super) fn checkpoint(&mut self) {
        ask::<FederationCheckpoint>(&mut self.node, json!({})).unwrap();
    }

    /// Kind and unit of every release in the log, in order of their heights.
    fn published(&self) -> Vec<(PayloadKind, Unit)> {
        let found = self.node.engine().federations().values().next().unwrap();
        let mut all: Vec<_> = found
            .log()
            .entries()
            .filter_map(|(_, entry)| {
                let payload: &Payload = &entry.payload();
                let unit = payload.mechanism()?.unit;
                Some((entry.header().seq, (payload.kind(), unit)))
            })
            .collect();
        all.sort_unstable_by_key(|(seq, _)| *seq);
        all.into_iter().map(|(_, release)| release).collect()
    }

    /// A window has a second at least: the clock moves on, and what is due is released.
    pub(super) fn settle_until(&mut self, releases: usize) {
        self.clock.0.fetch_add(1, Ordering::SeqCst);
        self.node.settle().unwrap();
        assert_eq!(self.published().len(), releases, "{:?}", self.published());
    }

    fn votes(&mut self) -> Option<VoteEstimate> {
        self.node.settle().unwrap();
        let library = self.node.engine().federations().values().next().unwrap().library();
        let lesson = *library.lessons.keys().next()?;
        library.votes(lore_protocol::payload::ItemId::Lesson(lesson))
    }
}

/// The promise of the quick start: a federation as `federation create NAME` makes it, twenty users who found the
/// same, a budget, and an epoch a day. Nothing is spent before a window had time to fill.
#[test]
fn a_federation_with_the_default_terms_releases_what_its_users_learned() {
    let mut node = Node::found_on(json!({ "name": "team" }));
    node.budget(Some("user")).unwrap();
    assert!(node.published().is_empty(), "nothing is released with `privacy set`");
    node.import(0..20);
    let status = ask::<PrivacyStatusOf>(&mut node.node, json!({})).unwrap();
    let due = status["due"].as_array().unwrap();
    assert!(due.iter().any(|one| one["kind"] == "lessons" && one["epoch"] == 6), "{due:?}");
    assert_eq!(status["problems"].as_array().map(Vec::len), Some(0), "{status}");
    let offer = json!({
        "epsilon_micros": 4_000_000_u64, "delta_e18": 1_000_000_000_000_u64, "period_days": 90,
    });
    let shared = ask::<PrivacyBuys>(&mut node.node, offer).unwrap()["shared"].clone();
    let counted = ["units", "lessons", "most_shared_by", "most_support", "enough"];
    assert_eq!(counted.map(|name| shared[name].as_f64().unwrap()), [20.0, 1.0, 20.0, 20.0, 1.0]);
    assert!((13.0..14.0).contains(&shared["support_needed"].as_f64().unwrap()), "{shared}");
    let lessons = |node: &Node| {
        let found = node.node.engine().federations().values().next().unwrap();
        found.library().lessons.len()
    };
    for _ in 0..6 {
        assert_eq!(lessons(&node), 0);
        node.clock.0.fetch_add(86_400, Ordering::SeqCst);
        node.checkpoint();
    }
    // To the end of the hour, and the time after which it is sent.
    for _ in 0..2 {
        node.clock.0.fetch_add(3_600, Ordering::SeqCst);
        node.node.settle().unwrap();
    }
    assert_eq!(lessons(&node), 1);
}

#[test]
fn a_federation_with_votes_in_its_schedule_publishes_what_its_users_vote() {
    let mut node = Node::found(&["user"]);
    node.import(0..60);
    node.budget(Some("user")).unwrap();
    node.checkpoint();
    node.settle_until(1);
    node.checkpoint();
    node.settle_until(3);
    use PayloadKind::{Lessons, Outcomes, Votes};
    let kinds = |node: &Node| -> Vec<PayloadKind> {
        node.published().into_iter().map(|(kind, _)| kind).collect()
    };
    assert_eq!(kinds(&node), [Lessons, Outcomes, Votes]);
    let votes = node.votes().unwrap();
    // Sixty users; b is 4.2, so that the chance of being off by forty is below 1e-4.
    assert!((20_000_000..=100_000_000).contains(&votes.votes_micros), "{votes:?}");
    assert!(votes.sure_micros() > 0);

    // Two hundred users whose sessions started before the window closed, imported after it did.
    node.import(60..260);
    node.checkpoint();
    node.settle_until(4);
    assert_eq!(kinds(&node), [Lessons, Outcomes, Votes, Votes]);
    let votes = node.votes().unwrap();
    assert!(votes.votes_micros < 160_000_000, "they feed nothing: {votes:?}");
    assert!(node.published().iter().all(|(_, unit)| *unit == Unit::User));
}

#[test]
fn a_node_of_one_person_only_receives_until_its_owner_says_otherwise() {
    let mut node = Node::found(&["user", "personal"]);
    node.import(0..1);
    assert_eq!(node.budget(None), Err("one_user".into()));
    node.checkpoint();
    assert!(node.published().is_empty());
    node.budget(Some("personal")).unwrap();
    node.settle_until(0);
    node.checkpoint();
    node.settle_until(2);
    let personal = |kind| (kind, Unit::Personal);
    let expected = [personal(PayloadKind::Outcomes), personal(PayloadKind::Votes)];
    assert_eq!(node.published(), expected, "and never a lesson");
    let status = ask::<PrivacyStatusOf>(&mut node.node, json!({})).unwrap();
    assert_eq!(status["unit"], "personal");
    let explained = ask::<PrivacyExplain>(&mut node.node, json!({})).unwrap();
    assert!(explained["releases"][0]["formula"].as_str().unwrap().contains("person replaced"));

    // A second answer on the same candidates is a release of its own: it is charged like the first, and
    // one that is out is never made again.
    let spent = |node: &mut Node| {
        let status = ask::<PrivacyStatusOf>(&mut node.node, json!({})).unwrap();
        status["spent"]["rho_nano"].as_u64().unwrap()
    };
    let before = spent(&mut node);
    node.node.settle().unwrap();
    assert_eq!((node.published().len(), spent(&mut node)), (2, before));
    node.checkpoint();
    node.settle_until(3);
    assert_eq!(node.published()[2], personal(PayloadKind::Votes));
    let explained = ask::<PrivacyExplain>(&mut node.node, json!({})).unwrap();
    let cost = |release: &serde_json::Value| release["cost"]["rho_nano"].as_u64().unwrap();
    let all = explained["releases"].as_array().unwrap();
    assert_eq!(all.iter().map(cost).sum::<u64>(), spent(&mut node));
    let votes: Vec<u64> = all.iter().filter(|r| r["kind"] == "votes").map(cost).collect();
    assert!(votes.len() == 2 && votes[0] == votes[1] && votes[0] > 0, "{votes:?}");
}

#[test]
fn a_charter_with_costs_says_so_in_plain_words_and_its_members_release_them() {
    let costs = json!({
        "at": [1], "bound": 50,
        "kinds": [{ "measure": "tokens", "per": 1000 }, { "measure": "calls", "per": 1 }],
    });
    let mut node = Node::found_with(&["user"], costs);
    let shown = ask::<FederationShow>(&mut node.node, json!({})).unwrap();
    let words = shown["in_words"].to_string();
    assert!(
        words.contains("1 times in a period, in units of: 1000 tokens; tool calls."),
        "{words}"
    );
    assert!(words.contains("adds at most 50"), "{words}");
    node.import(0..3);
    node.budget(Some("user")).unwrap();
    node.settle_until(1);
    assert_eq!(node.published(), [(PayloadKind::Costs, Unit::User)]);
    let found = node.node.engine().federations().values().next().unwrap();
    let mechanism = found.log().entries().find_map(|(_, e)| e.payload().mechanism().copied());
    // Three items of two kinds each, by at most the bound.
    let mechanism = mechanism.unwrap();
    assert_eq!((mechanism.l0, mechanism.linf), (6, 50));

    let mut without = Node::found(&["user"]);
    let shown = ask::<FederationShow>(&mut without.node, json!({})).unwrap();
    assert!(shown["in_words"].to_string().contains("cost is not released"));
    let empty = json!({ "name": "x", "costs": { "at": [1], "bound": 0, "kinds": [] } });
    let error = ask::<FederationCreate>(&mut without.node, empty).unwrap_err();
    assert_eq!(error.exit, crate::error::Exit::Usage);
}

#[test]
fn what_sessions_with_a_skill_cost_is_shown_beside_its_evidence() {
    let calls = json!({ "at": [4], "bound": 4, "kinds": [{ "measure": "calls", "per": 1 }] });
    let mut node = Node::found_with(&["user"], calls);
    node.import(0..60);
    node.budget(Some("user")).unwrap();
    node.checkpoint();
    node.settle_until(1);
    let skill = |node: &mut Node| {
        let list = ask::<SkillList>(&mut node.node, json!({})).unwrap();
        list["skills"][0].clone()
    };
    let found = skill(&mut node);
    assert_eq!(found["costs"], json!([]));
    let revision = serde_json::from_value(found["revision"].clone()).unwrap();
    let given = SkillUse {
        name: "fetch".into(),
        skill: None,
        revision,
        state: None,
        lessons: BTreeSet::new(),
    };
    for user in 60..120 {
        let skills_injected = vec![given.clone()];
        let session = Session { skills_injected, ..session(&format!("session-{user}"), user) };
        node.node.session_import(&format!("user-{user}"), vec![session]).unwrap();
    }
    node.checkpoint();
    node.settle_until(3);
    node.checkpoint();
    node.settle_until(5);
    let found = skill(&mut node);
    let cost = &found["costs"][0];
    assert_eq!((&cost["measure"], &cost["bound"]), (&json!("calls"), &json!(4)), "{found}");
    let (sum, error) = (cost["sum"].as_f64().unwrap(), cost["standard_error"].as_f64().unwrap());
    // Two calls a session. The chance of being off by six standard errors is below 1e-8.
    assert!(error > 1.0 && (sum - 120.0).abs() < 6.0 * error, "{cost}");
    let shown = ask::<SkillShow>(&mut node.node, json!({ "name": found["name"] })).unwrap();
    assert_eq!(shown["costs"], found["costs"]);
    // Outcomes of the epoch before count the same sessions: they were given the skill.
    let works = &found["evidence"];
    assert!(works["sessions"].as_i64().unwrap() > 20 && works["rate"] != json!(0.0), "{works}");
}

#[test]
fn a_unit_that_the_charter_does_not_allow_is_refused_and_nothing_is_released() {
    let mut node = Node::found(&["user"]);
    node.import(0..3);
    assert_eq!(node.budget(Some("session")).unwrap_err(), "unit_not_allowed");
    for _ in 0..4 {
        node.checkpoint();
    }
    assert!(node.published().is_empty());

    let mut other = Node::found(&["session"]);
    other.import(0..3);
    other.budget(Some("session")).unwrap();
    other.checkpoint();
    other.settle_until(1);
    assert_eq!(other.published(), [(PayloadKind::Lessons, Unit::Session)]);
}

/// Thirty-one pieces of one conversation, each of which teaches the same: side chains of one file, and
/// files that were resumed or forked.
fn pieces(resumed: bool) -> Vec<Session> {
    let piece = |at: u64| {
        let mut piece = session(&format!("piece-{at:02}"), at);
        piece.root = (!resumed).then(|| "piece-00".into());
        let entries = if resumed { vec![at.to_string(), (at + 1).to_string()] } else { vec![] };
        let links = entries.iter().map(|name| lore_session::conversation::mark("entry", name));
        piece.links = links.collect();
        piece
    };
    (0..31).map(piece).collect()
}

#[test]
fn pieces_of_one_conversation_are_one_unit_and_release_no_lesson_of_their_own() {
    let lessons = |sessions: Vec<Session>| {
        let mut node = Node::found(&["session"]);
        let count = sessions.len() as u64;
        // One file after another.
        for one in sessions {
            node.node.session_import("ada", vec![one]).unwrap();
        }
        node.budget(Some("session")).unwrap();
        node.checkpoint();
        node.settle_until(1);
        let stored =
            ask::<lore_control::SessionList>(&mut node.node, json!({ "limit": 1 })).unwrap();
        assert_eq!(stored["total"], count);
        node.checkpoint();
        let found = node.node.engine().federations().values().next().unwrap();
        found.library().lessons.len()
    };
    // Each on its own they are enough; what one unit supports is not: the chance is below 1e-6.
    assert!(lessons((0..31).map(|at| session(&format!("alone-{at}"), at)).collect()) > 0);
    assert_eq!(lessons(pieces(false)), 0);
    assert_eq!(lessons(pieces(true)), 0);
}

#[test]
fn too_few_counts_conversations_and_not_their_pieces() {
    let status = |sessions: Vec<Vec<Session>>| {
        let mut node = Node::found(&["session"]);
        node.budget(Some("session")).unwrap();
        for some in sessions {
            node.node.session_import("ada", some).unwrap();
        }
        let shown = ask::<PrivacyStatusOf>(&mut node.node, json!({})).unwrap();
        shown["problems"].to_string()
    };
    for resumed in [false, true] {
        let one_by_one: Vec<Vec<Session>> = pieces(resumed).into_iter().map(|s| vec![s]).collect();
        let backwards = one_by_one.iter().rev().cloned().collect();
        // The first half again: what is here already adds nothing.
        let twice = vec![pieces(resumed), pieces(resumed).into_iter().take(15).collect()];
        for sessions in [one_by_one, backwards, twice] {
            let problems = status(sessions);
            assert!(problems.contains("conversations that support it"), "{problems}");
            assert!(problems.contains("has 1 in all"), "{problems}");
        }
    }
    // Two that were apart and turn out to be one.
    let (mut ends, middle) = (pieces(true), vec![pieces(true).swap_remove(15)]);
    ends.retain(|piece| piece.id != "piece-15");
    assert!(status(vec![ends.clone()]).contains("has 2 in all"));
    assert!(status(vec![ends, middle]).contains("has 1 in all"));
    let apart = (0..31).map(|at| session(&format!("alone-{at}"), at)).collect();
    assert!(!status(vec![apart]).contains("in all"));
}

/// Memory of a node for a release does not grow with the number of sessions: of few at a time, what was read is not
/// looked through yet.
#[test]
fn a_release_holds_few_sessions_at_a_time() {
    let directory = TempDir::new().unwrap();
    let home = Home::at(&directory.path().join("home")).unwrap();
    home.initialise(&Config::default().to_toml()).unwrap();
    Store::open_or_create(&home.store_path()).unwrap();
    let clock = Arc::new(Clock(AtomicU64::new(BEGIN)));
    let looks: Arc<Mutex<Vec<bool>>> = Arc::default();
    let seen = Arc::clone(&looks);
    let probe = move |looked_through: bool, _: &str| seen.lock().unwrap().push(looked_through);
    let machine =
        Machine { clock: Arc::clone(&clock) as _, probe: Some(Arc::new(probe)), ..Machine::new() };
    let mut node = Node { node: Host::open(home, &machine).unwrap(), clock, _home: directory };
    let windows = json!({ "grid_seconds": 1, "least_seconds": 1, "send_after_seconds": 0 });
    let terms = json!({
        "name": "team", "lessons_at": [2], "outcomes_at": [50], "votes_at": [50], "windows": windows,
    });
    ask::<FederationCreate>(&mut node.node, terms).unwrap();
    node.import(0..60);
    node.budget(Some("user")).unwrap();
    node.checkpoint();
    looks.lock().unwrap().clear();
    node.settle_until(1);
    let looks = looks.lock().unwrap();
    let count = |of: bool| looks.iter().filter(|look| **look == of).count();
    assert_eq!([count(false), count(true)], [60; 2], "each is read, and looked through");
    let mut waiting = 0_usize;
    for looked_through in &*looks {
        waiting = if *looked_through { waiting - 1 } else { waiting + 1 };
        assert!(waiting <= MOST_IN_MEMORY, "{waiting} sessions wait in memory");
    }
}
