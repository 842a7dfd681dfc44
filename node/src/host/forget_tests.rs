//! What is left of a session after it was deleted, and when a session is deleted by itself.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lore_control::{
    SessionForget, SessionList, SessionsForgotten, Status, StoredSession, WhichSessions,
};
use lore_engine::{Durability, Event, RecordKind};
use lore_session::Session;
use lore_session::conversation::mark;
use lore_session::import::Found;
use serde_json::json;

use super::release_tests::{BEGIN, Node, session};
use super::{Machine, Node as Host};

const DAY: u64 = 86_400;

fn forget(node: &mut Host, user: &str, which: WhichSessions) -> SessionsForgotten {
    node.ask(SessionForget { user: user.into(), which, preview: false }).unwrap()
}

fn total(node: &mut Host) -> u64 {
    node.ask(SessionList { limit: 1 }).unwrap().total
}

fn ids(ids: &[&str]) -> WhichSessions {
    WhichSessions::Ids(ids.iter().map(|id| (*id).to_owned()).collect())
}

/// A session that is a piece of a conversation.
fn piece(id: &str, links: &[&str]) -> Session {
    let links = links.iter().map(|link| mark("entry", link)).collect();
    Session { links, ..session(id, 1) }
}

/// Whether a text is in any file below a directory.
fn is_in_a_file(directory: &Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_in_a_file(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

impl Node {
    /// Goes on by some days, and lets the node look at its clock.
    fn days_pass(&mut self, days: u64) {
        self.clock.0.fetch_add(days * DAY, Ordering::SeqCst);
        self.node.handle(Event::Tick).unwrap();
        self.node.engine_mut().run_jobs().unwrap();
    }

    fn records(&self, kind: RecordKind) -> usize {
        self.node.store.scan(kind, b"").count()
    }

    /// Closes the node and opens it again.
    pub(super) fn reopened(self) -> Self {
        let Self { node, clock, _home } = self;
        let home = node.home.clone();
        drop(node);
        let machine = Machine { clock: Arc::clone(&clock) as _, ..Machine::new() };
        Self { node: Host::open(home, &machine).unwrap(), clock, _home }
    }
}

#[test]
fn a_forgotten_session_is_in_no_index_and_in_no_file_and_nobody_elses_is_touched() {
    let mut node = Node::found(&["user"]);
    let needle = "needle-in-a-task-41";
    let mut hidden = piece("hidden-piece", &["a", "b"]);
    hidden.task = needle.into();
    let sessions = vec![hidden.clone(), piece("other", &["c"]), session("alone", 3)];
    node.node.session_import("ada", sessions).unwrap();
    node.node.session_import("ben", vec![hidden]).unwrap();
    let marks = node.records(RecordKind::Conversation);

    let done = forget(&mut node.node, "ada", ids(&["hidden-piece", "nowhere"]));
    assert_eq!((done.forgotten, done.not_here, done.left), (1, 1, 2));
    assert!(done.stays.iter().any(|line| line.contains("released")), "{done:?}");
    assert_eq!(total(&mut node.node), 3, "ben's session of the same id is another one");
    assert!(node.records(RecordKind::Conversation) < marks);
    assert_eq!(node.records(RecordKind::SessionArrived), 3);
    assert_eq!(node.node.conversation_count().unwrap(), 3);

    let done = forget(&mut node.node, "ben", WhichSessions::All);
    assert_eq!((done.forgotten, done.left), (1, 0));
    assert_eq!(node.node.users().unwrap(), 1, "a user without a session is none");
    let done = forget(&mut node.node, "ada", WhichSessions::All);
    assert_eq!(done.forgotten, 2);
    for kind in [
        RecordKind::Session,
        RecordKind::SessionArrived,
        RecordKind::Conversation,
        RecordKind::SessionCount,
        RecordKind::ConversationCount,
    ] {
        assert_eq!(node.records(kind), 0, "{kind:?}");
    }
    // Also not in what RocksDB keeps of its own: the table of contents is written again at every opening.
    let node = node.reopened();
    let root = node.node.home.root().to_owned();
    assert!(!is_in_a_file(&root, needle));
    assert!(!is_in_a_file(&root, "hidden-piece"));
}

#[test]
fn files_are_rewritten_once_at_a_time_however_much_devices_give_up() {
    let node = Node::found(&["user"]);
    let lessons = RecordKind::DeviceLessons;
    node.node.store.put(lessons, b"nobody/device", b"x", Durability::Synced).unwrap();
    let mut node = node.reopened();
    assert_eq!(node.records(lessons), 0, "it was given up at the opening");
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let running = std::thread::spawn(move || for () in ends {});
    let first = running.thread().id();
    node.node.scrubbing = Some(running);
    let at_work = |node: &Node| node.node.scrubbing.as_ref().unwrap().thread().id();
    node.node.tend_devices().unwrap();
    assert_eq!(at_work(&node), first, "another one was begun");
    drop(end);
    while node.node.is_scrubbing() {
        std::thread::yield_now();
    }
    node.node.tend_devices().unwrap();
    assert_ne!(at_work(&node), first, "it was forgotten");
}

#[test]
fn what_was_forgotten_comes_back_only_when_it_is_asked_for() {
    let mut node = Node::found(&["user"]);
    let both = || vec![session("one", 1), session("two", 2)];
    node.node.session_import("ada", both()).unwrap();
    forget(&mut node.node, "ada", ids(&["one"]));
    let added = node.node.session_import("ada", both()).unwrap();
    assert_eq!((added.imported, added.known, added.forgotten), (0, 1, 1));
    // It is a matter between this user and the node.
    let added = node.node.session_import("ben", both()).unwrap();
    assert_eq!((added.imported, added.forgotten), (2, 0));
    let added = node
        .node
        .session_store("ada", both().into_iter().map(Found::bare).collect(), true)
        .unwrap();
    assert_eq!((added.imported, added.known, added.forgotten), (1, 1, 0));
    let added = node.node.session_import("ada", both()).unwrap();
    assert_eq!((added.known, added.forgotten), (2, 0));
}

#[test]
fn a_preview_and_a_day_delete_nothing_else() {
    let mut node = Node::found(&["user"]);
    let mut late = session("late", 1);
    late.started = lore_session::Started::at(BEGIN + 5);
    node.node.session_import("ada", vec![session("early", 2), late]).unwrap();
    let wanted = SessionForget { user: "ada".into(), which: WhichSessions::All, preview: true };
    let counted = node.node.ask(wanted).unwrap();
    assert_eq!((counted.forgotten, counted.preview), (2, true));
    assert_eq!(total(&mut node.node), 2);
    let done = forget(&mut node.node, "ada", WhichSessions::BeforeSeconds(BEGIN));
    assert_eq!((done.forgotten, done.left), (1, 1));
    assert_eq!(node.node.ask(SessionList { limit: 9 }).unwrap().sessions[0].id, "late");
}

#[test]
fn a_session_that_went_on_brings_its_turns_and_keeps_its_beginning() {
    let mut node = Node::found(&["user"]);
    let whole = session("one", 1);
    let mut half = whole.clone();
    half.turns.truncate(2);
    let import = |node: &Node, session: &Session| {
        let added = node.node.session_import("ada", vec![session.clone()]).unwrap();
        (added.imported, added.known, added.grown)
    };
    assert_eq!(import(&node, &half), (1, 0, 0));
    let mut later = whole.clone();
    later.started = lore_session::Started::at(BEGIN + 99);
    assert_eq!(import(&node, &later), (0, 0, 1));
    assert_eq!(import(&node, &half), (0, 1, 0), "the longer state stays");
    let StoredSession { session } =
        node.node.ask(lore_control::SessionShow { name: "one".into() }).unwrap();
    let kept = Session::from_line(session.as_str(), 1).unwrap();
    assert_eq!(kept.turns, whole.turns);
    assert_eq!(kept.started, half.started, "its window stays the one that may have counted it");
    assert_eq!(node.node.session_count().unwrap(), 1);
}

#[test]
fn sessions_are_kept_for_ninety_days_from_when_they_came_or_as_the_owner_says() {
    let mut node = Node::found(&["user"]);
    let mut old = session("old", 1);
    old.started = lore_session::Started::at(BEGIN - 900 * DAY);
    node.node.session_import("ada", vec![old]).unwrap();
    node.days_pass(40);
    node.node.session_import("ben", vec![session("new", 2)]).unwrap();
    let status = node.node.ask(Status {}).unwrap().retention;
    assert_eq!(status.keep_days, Some(90));
    let due = lore_session::Started::at(BEGIN + 90 * DAY).text;
    assert_eq!(status.next_due.as_deref(), Some(due.as_str()));
    let listed = node.node.ask(SessionList { limit: 9 }).unwrap().sessions;
    assert_eq!(listed.iter().find(|one| one.id == "old").unwrap().kept_until, Some(due));

    node.days_pass(49);
    assert_eq!(total(&mut node.node), 2);
    node.days_pass(1);
    assert_eq!(total(&mut node.node), 1, "a session stays for its days, however old it was");
    let config = node.node.home.config_path();
    std::fs::write(&config, "[sessions]\nkeep_days = 0\n").unwrap();
    node.days_pass(4_000);
    assert_eq!(total(&mut node.node), 1);
    std::fs::write(&config, "[sessions]\nkeep_days = \"?\"\n").unwrap();
    node.days_pass(1);
    assert_eq!(total(&mut node.node), 1, "a configuration that cannot be read deletes nothing");
    std::fs::write(&config, "[sessions]\nkeep_days = 5\n").unwrap();
    node.days_pass(1);
    assert_eq!(total(&mut node.node), 0);
    let added = node.node.session_import("ben", vec![session("new", 2)]).unwrap();
    assert_eq!(added.forgotten, 1, "what was deleted by age does not come back by itself");
}

#[test]
fn a_session_whose_release_is_to_come_outlives_its_days_until_then() {
    let mut node = Node::found(&["user"]);
    node.budget(Some("user")).unwrap();
    node.node.session_import("ada", vec![session("one", 1)]).unwrap();
    std::fs::write(node.node.home.config_path(), "[sessions]\nkeep_days = 1\n").unwrap();
    node.days_pass(2);
    assert_eq!(total(&mut node.node), 1);
    assert_eq!(node.node.ask(Status {}).unwrap().retention.awaiting_release, 1);
    assert!(node.node.ask(SessionList { limit: 1 }).unwrap().sessions[0].awaits_release);
    for releases in [1, 3, 4] {
        node.checkpoint();
        node.settle_until(releases);
    }
    // Every kind has closed a window that contains it.
    node.days_pass(1);
    let explained =
        super::release_tests::ask::<lore_control::PrivacyExplain>(&mut node.node, json!({}));
    assert_eq!(total(&mut node.node), 0, "{explained:?}");
}
