//! A node that follows the directories of agents, tick by tick.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use lore_control::{
    SessionForget, SessionList, SessionWatch, WatchSetting, Watching, WhichSessions,
};

use super::release_tests::{BEGIN, Node, session};

/// Seconds after which a file counts as quiet, and a further pass is due.
const LATER: u64 = 3_600;

/// A person's home with an agent's directory in it.
struct Person {
    dir: tempfile::TempDir,
}

impl Person {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".claude/projects/one")).unwrap();
        Self { dir }
    }

    /// Writes the session `id` with its first turns to a file that changed at a time.
    fn write(&self, id: &str, turns: usize, changed: u64) -> PathBuf {
        let mut session = session(id, 1);
        session.turns.truncate(turns);
        let path = self.dir.path().join(".claude/projects/one").join(format!("{id}.jsonl"));
        fs::write(&path, session.to_line() + "\n").unwrap();
        let changed = UNIX_EPOCH + Duration::from_secs(changed);
        fs::File::options().append(true).open(&path).unwrap().set_modified(changed).unwrap();
        path
    }
}

impl Node {
    fn watch(&mut self, user: &str, set: WatchSetting) -> Watching {
        self.node.ask(SessionWatch { user: user.into(), set }).unwrap()
    }

    fn on(&mut self, user: &str, home: &Path) -> Watching {
        self.watch(user, WatchSetting::On { home: home.to_owned() })
    }

    /// Time goes on, and all steps that are due then are done.
    fn later(&mut self) {
        self.clock.0.fetch_add(LATER, Ordering::SeqCst);
        while let Some(job) = self.node.watch_begin().unwrap() {
            self.node.watch_finish(job.run()).unwrap();
        }
    }

    fn now(&self) -> u64 {
        self.clock.0.load(Ordering::SeqCst)
    }

    fn total(&mut self) -> u64 {
        self.node.ask(SessionList { limit: 1 }).unwrap().total
    }
}

#[test]
fn nothing_is_followed_before_a_user_says_so_nor_after_they_say_no() {
    let (mut node, person) = (Node::found(&["user"]), Person::new());
    person.write("one", 3, BEGIN);
    node.later();
    assert!(!node.watch("ada", WatchSetting::Keep).on);
    assert_eq!(node.total(), 0);
    assert!(node.on("ada", person.dir.path()).on);
    assert!(!node.watch("ben", WatchSetting::Keep).on, "each user for themselves");
    node.later();
    let status = node.watch("ada", WatchSetting::Keep);
    assert_eq!((status.imported, status.files, status.waiting), (1, 1, 0), "{status:?}");
    assert!(status.last_pass.is_some());
    assert_eq!(node.node.users().unwrap(), 1);

    assert!(!node.watch("ada", WatchSetting::Off).on);
    person.write("two", 3, node.now());
    node.later();
    assert_eq!(node.total(), 1);
    // A step that was begun before they said no brings nothing.
    node.on("ada", person.dir.path());
    node.clock.0.fetch_add(LATER, Ordering::SeqCst);
    let step = node.node.watch_begin().unwrap().unwrap().run();
    node.watch("ada", WatchSetting::Off);
    node.node.watch_finish(step).unwrap();
    assert_eq!(node.total(), 1);
}

#[test]
fn a_session_comes_once_brings_its_new_turns_and_stays_away_when_it_was_forgotten() {
    let (mut node, person) = (Node::found(&["user"]), Person::new());
    person.write("one", 2, BEGIN);
    node.on("ada", person.dir.path());
    node.later();
    node.later();
    let status = node.watch("ada", WatchSetting::Keep);
    assert_eq!((status.imported, status.grown), (1, 0));
    person.write("one", 3, node.now());
    node.later();
    let status = node.watch("ada", WatchSetting::Keep);
    assert_eq!((status.imported, status.grown), (1, 1));
    let forget = SessionForget {
        user: "ada".into(),
        which: WhichSessions::Ids(vec!["one".into()]),
        preview: false,
    };
    node.node.ask(forget).unwrap();
    person.write("one", 3, node.now());
    node.later();
    assert_eq!(node.total(), 0);
}

#[test]
fn what_was_read_is_remembered_when_the_node_starts_again() {
    let (mut node, person) = (Node::found(&["user"]), Person::new());
    person.write("one", 3, BEGIN);
    let bad = person.write("bad", 3, BEGIN);
    fs::write(&bad, "no session").unwrap();
    node.on("ada", person.dir.path());
    node.later();
    let mut node = node.reopened();
    let step = {
        node.clock.0.fetch_add(LATER, Ordering::SeqCst);
        node.node.watch_begin().unwrap().unwrap().run()
    };
    assert!(step.found_nothing(), "no file is read again");
    node.node.watch_finish(step).unwrap();
    let status = node.watch("ada", WatchSetting::Keep);
    assert_eq!((status.imported, status.unread), (1, 1), "{status:?}");
    assert!(status.notes[0].contains("bad.jsonl"), "{status:?}");
    assert_eq!(node.total(), 1);
}
