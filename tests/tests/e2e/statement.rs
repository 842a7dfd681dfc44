//! PRIVACY.md names commands and tests that there are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lore_protocol::payload::Payload;
use lore_tests::Cluster;
use lore_tests::binary::lore;
use lore_tests::log::exported;

const STATEMENT: &str = include_str!("../../../PRIVACY.md");

/// Texts between backticks, in one line each.
fn quoted() -> Vec<String> {
    let parts = STATEMENT.split('`').skip(1).step_by(2);
    parts.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn sources(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_verb_that_the_privacy_statement_names_is_there() {
    let verbs: Vec<String> =
        quoted().into_iter().filter(|text| text.starts_with("lore ")).collect();
    assert!(verbs.len() > 10, "{verbs:?}");
    for verb in verbs {
        // Flags with what follows them, and names in capitals, are not verbs.
        let words = verb.split(' ').skip(1);
        let words: Vec<&str> = words
            .take_while(|word| {
                !word.starts_with(['-', '[']) && !word.starts_with(char::is_uppercase)
            })
            .collect();
        let out = Command::new(lore()).args(&words).arg("--help").output().unwrap();
        assert!(out.status.success(), "`{verb}`: {}", String::from_utf8_lossy(&out.stderr));
        let help = String::from_utf8_lossy(&out.stdout).into_owned();
        for flag in verb.split([' ', '[', ']']).filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "`{verb}` has no {flag}: {help}");
        }
    }
}

/// The folder of a crate: a room, or a folder in one.
fn folder_of(root: &Path, package: &str) -> PathBuf {
    let name = format!("name = \"{package}\"");
    let named = |folder: &PathBuf| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains(&name))
    };
    let rooms = ["protocol", "privacy", "agent", "node"].map(|room| root.join(room));
    let inner = rooms.iter().flat_map(|room| fs::read_dir(room).unwrap());
    let inner = inner.map(|entry| entry.unwrap().path());
    let mut folders = inner.chain(rooms.clone()).filter(named);
    folders.next().unwrap_or_else(|| panic!("no crate is named {package}"))
}

#[test]
fn every_test_that_the_privacy_statement_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for room in ["protocol", "privacy", "node", "tests"] {
        sources(&root.join(room), &mut files);
    }
    let code: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut named = 0;
    for text in quoted() {
        let cargo = text.strip_prefix("cargo test -p ");
        let words: Vec<&str> = cargo.map(|rest| rest.split(' ').collect()).unwrap_or_default();
        let found = match words[..] {
            // The name of an end-to-end test is a sentence.
            [] if text.matches('_').count() > 4 => code.contains(&format!("fn {text}()")),
            [] if text.ends_with("::") => {
                root.join("tests/tests/e2e").join(text.replace("::", ".rs")).is_file()
            }
            [room, "--lib", filter] => {
                let module = format!("mod {};", filter.trim_end_matches("::"));
                assert!(folder_of(root, room).is_dir(), "{text}");
                code.contains(&module)
            }
            [room, "--test", name, ref filter @ ..] => {
                let tests = folder_of(root, room).join("tests");
                let mut files = vec![tests.join(format!("{name}.rs"))];
                let modules = tests.join(name);
                if modules.is_dir() {
                    sources(&modules, &mut files);
                }
                let read = |file: &PathBuf| fs::read_to_string(file).unwrap_or_default();
                let code: String = files.iter().map(read).collect();
                let has = |filter: &str| {
                    let mut names = code.lines().filter_map(|line| line.trim().strip_prefix("fn "));
                    names.any(|name| name.contains(filter))
                        || modules.join(filter.replace("::", ".rs")).is_file()
                };
                !code.is_empty() && filter.iter().all(|filter| has(filter))
            }
            [room, "--doc"] => folder_of(root, room).is_dir(),
            _ => continue,
        };
        assert!(found, "`{text}` is not there");
        named += 1;
    }
    assert!(named > 10, "{named}");
}

/// The program says of names what it does with them.
#[test]
fn the_name_in_the_configuration_is_published_as_the_file_and_the_charter_say() {
    let cluster = Cluster::of(2);
    let (ada, ben) = (cluster.running("ada"), cluster.running("ben"));
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    let log = exported(&ada, &cluster.path().join("log"), &[]).log;
    let joined = log.entries().any(
        |(_, entry)| matches!(entry.control(), Some(Payload::Join(join)) if join.name == "ben"),
    );
    assert!(joined, "the name is in the signed log of another member");
    let file = fs::read_to_string(ben.home().join("config.toml")).unwrap();
    let about: String = file.lines().take_while(|line| !line.starts_with("name =")).collect();
    assert!(about.contains("member of that federation sees it, for ever"), "{file}");
    let shown = ben.json(&["federation", "show"])["in_words"].to_string();
    assert!(shown.contains("Every member sees your node's name"), "{shown}");
    assert!(STATEMENT.contains("`name` in config.toml is published"));
}
