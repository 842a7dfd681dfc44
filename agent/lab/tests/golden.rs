//! A seed names its tasks: what was measured with one can be measured again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod room;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use lore_lab::FamilyId;
use room::Room;

const GOLDEN: &str = include_str!("golden.txt");

#[test]
fn the_tasks_of_a_seed_are_those_that_it_always_gave() {
    let room = Room::new(4);
    let mut found = String::new();
    for family in FamilyId::quirks().into_iter().chain(FamilyId::controls()) {
        let mut hasher = blake3::Hasher::new();
        for (user, n) in [("ann", 0), ("ann", 1), ("bob", 0), ("bob", 7)] {
            let task = room.lab.environment().instance(family, user, n).unwrap();
            let scratch = tempfile::tempdir().unwrap();
            task.setup(scratch.path()).unwrap();
            hasher.update(without_ports(task.prompt()).as_bytes());
            for (path, text) in files(scratch.path(), scratch.path()) {
                hasher.update(format!("\n{path}\n{text}").as_bytes());
            }
        }
        writeln!(found, "{family} {}", &hasher.finalize().to_hex()[..16]).unwrap();
    }
    assert_eq!(found, GOLDEN);
}

/// Removes ports from a prompt: free ports depend on the machine, not on the seed.
fn without_ports(prompt: &str) -> String {
    let mut parts = prompt.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
    rest.fold(first, |text, part| text + "127.0.0.1" + part)
}

fn files(root: &Path, dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(root, &path));
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}
