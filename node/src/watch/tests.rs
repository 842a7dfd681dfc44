//! Passes over directories, with a clock of the test's.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use super::*;

/// Time of the tests, in seconds since the Unix epoch.
const NOW: u64 = 20_000 * 86_400;

fn line(id: &str, turns: usize) -> String {
    let turns = vec![r#"{"role":"user","text":"x"}"#; turns].join(",");
    format!(
        r#"{{"version":1,"id":"{id}","harness":"test","started":{{"unix_seconds":0,"text":""}},"task":"t","turns":[{turns}],"outcome":{{"verdict":"unknown","source":"nobody","confidence_percent":0}}}}"#
    )
}

struct Place {
    dir: tempfile::TempDir,
    known: RefCell<BTreeMap<PathBuf, Position>>,
    watcher: Watcher,
    now: u64,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, known: RefCell::default(), watcher: Watcher::default(), now: NOW }
    }

    /// Writes a file that changed so many seconds before now.
    fn write(&self, name: &str, text: &str, seconds_ago: u64) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.touch(&path, seconds_ago);
        path
    }

    fn touch(&self, path: &Path, seconds_ago: u64) {
        let changed = UNIX_EPOCH + Duration::from_secs(self.now - seconds_ago);
        fs::File::options().append(true).open(path).unwrap().set_modified(changed).unwrap();
    }

    fn begin(&mut self) {
        let directories = vec![self.dir.path().to_owned(), self.dir.path().join("missing")];
        let person = Person { user: "ada".into(), unit: "unit".into(), directories };
        self.watcher.begin(vec![person], self.now);
    }

    fn step(&mut self) -> Step {
        let known = &self.known;
        let step = self.watcher.step(self.now, &|_, path| known.borrow().get(path).cloned());
        known.borrow_mut().extend(step.read.iter().cloned());
        step
    }

    /// A whole pass: the sessions, sorted, and the count.
    fn pass(&mut self) -> (Vec<String>, Tally) {
        self.begin();
        let mut ids = Vec::new();
        loop {
            let step = self.step();
            ids.extend(step.sessions.into_iter().map(|found| found.session.id));
            if let Some(tally) = step.over {
                assert!(!self.watcher.is_in_a_pass());
                ids.sort();
                return (ids, tally);
            }
        }
    }
}

#[test]
fn a_file_is_read_once_it_is_quiet_and_again_only_when_it_changed() {
    let mut place = Place::new();
    place.write("a/b/one.jsonl", &line("one", 1), 4_000);
    place.write("two.json", &line("two", 1), QUIET_SECONDS);
    let open = place.write("open.jsonl", &line("open", 1), QUIET_SECONDS - 1);
    place.write("notes.txt", "no session", 4_000);
    let (ids, tally) = place.pass();
    assert_eq!(ids, ["one", "two"]);
    assert_eq!((tally.files, tally.waiting, tally.unread), (3, 1, 0));
    place.now += 1;
    assert_eq!(place.pass().0, ["open"]);
    assert_eq!(place.pass().0, Vec::<String>::new());

    // It goes on: read when it is quiet again.
    fs::write(&open, line("open", 2)).unwrap();
    place.touch(&open, 5);
    assert_eq!(place.pass().1.waiting, 1);
    place.now += QUIET_SECONDS;
    assert_eq!(place.pass().0, ["open"]);
    // Touched, but the same bytes; and a copy in its place.
    place.touch(&open, QUIET_SECONDS + 7);
    assert_eq!(place.pass().0, Vec::<String>::new());
    let copy = place.write("copy.tmp", &line("open", 2), QUIET_SECONDS + 9);
    fs::rename(copy, &open).unwrap();
    assert_eq!(place.pass().0, Vec::<String>::new());
    // It shrank.
    fs::write(&open, line("other", 1)).unwrap();
    place.touch(&open, QUIET_SECONDS);
    assert_eq!(place.pass().0, ["other"]);
}

#[test]
fn a_file_that_cannot_be_read_is_one_note_and_hinders_no_other() {
    let mut place = Place::new();
    place.write("bad.json", "{}", 4_000);
    place.write("cut.jsonl", "{\"version\":1,\"id\":\"cu", 4_000);
    place.write("good.jsonl", &line("good", 1), 4_000);
    let (ids, tally) = place.pass();
    assert_eq!((ids, tally.unread), (vec!["good".to_owned()], 2));
    assert!(tally.notes.iter().any(|note| note.contains("bad.json")), "{tally:?}");
    assert_eq!(place.pass().1.unread, 0, "it is looked at again when it changed");
    place.write("bad.json", &line("mended", 1), QUIET_SECONDS);
    assert_eq!(place.pass().0, ["mended"]);
}

#[test]
fn a_step_is_bounded_and_a_pass_that_is_cut_off_goes_on() {
    let mut place = Place::new();
    for number in 0..STEP_ENTRIES + 10 {
        fs::write(place.dir.path().join(format!("{number}.txt")), "").unwrap();
    }
    let large: Vec<String> =
        (0..3).map(|n| line(&format!("l{n}"), 1).replace("\"t\"", &text(3))).collect();
    place.write("large.jsonl", &large.join("\n"), 4_000);
    place.begin();
    let mut steps = Vec::new();
    while steps.last().is_none_or(|step: &Step| step.over.is_none()) {
        let step = place.step();
        steps.push(step);
    }
    // 9 MB of sessions and more entries than one step takes.
    let with_sessions = steps.iter().filter(|step| !step.sessions.is_empty());
    assert!(with_sessions.clone().count() >= 2);
    assert_eq!(with_sessions.map(|step| step.sessions.len()).sum::<usize>(), 3);
    assert!(steps.len() >= 3, "{} steps", steps.len());

    // Cut off in the middle of the file: it does not count as read.
    place.known.borrow_mut().clear();
    place.begin();
    while place.step().sessions.is_empty() {}
    assert!(place.known.borrow().is_empty());
    place.watcher = Watcher::default();
    assert_eq!(place.pass().0, ["l0", "l1", "l2"]);
}

/// A JSON string of so many megabytes.
fn text(megabytes: usize) -> String {
    format!("\"{}\"", "t".repeat(megabytes << 20))
}

#[test]
fn a_pass_is_due_some_time_after_the_last_and_links_lead_nowhere() {
    let mut place = Place::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("theirs.jsonl"), line("theirs", 1)).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), place.dir.path().join("link")).unwrap();
    assert!(place.watcher.is_due(place.now));
    assert_eq!(place.pass().0, Vec::<String>::new());
    assert!(!place.watcher.is_due(place.now + PASS_SECONDS - 1));
    assert!(place.watcher.is_due(place.now + PASS_SECONDS));
}
