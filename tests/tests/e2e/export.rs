//! `skill export` for agents: the shelf in their directories, and what leaves the shelf leaves every copy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node, Ran};
use serde_json::json;

use crate::hooks::hook;
use crate::review::{id, poisoned, poisoned_node};

/// Does a verb for a person with a home of their own.
fn run(node: &Node, person: &Path, args: &[&str]) -> Ran {
    let mut command = node.command(args);
    let out = command.arg("--json").env("HOME", person).output().unwrap();
    Ran {
        code: out.status.code(),
        stdout: String::from_utf8(out.stdout).unwrap(),
        stderr: String::from_utf8(out.stderr).unwrap(),
    }
}

fn texts(person: &Path) -> Vec<PathBuf> {
    let places = [".claude/skills", ".agents/skills"].map(|place| person.join(place));
    let files = places.map(|place| place.join("deployctl/SKILL.md"));
    files.into_iter().filter(|path| path.exists()).collect()
}

/// Every path below a directory, with the bytes of files.
fn tree(directory: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
            found.insert(path, None);
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, Some(bytes));
        }
    }
    found
}

/// The hint that an agent's hook gives at the program that a poisoned lesson is about.
fn hinted(node: &Node, session: &str) -> bool {
    let call = json!({
        "session_id": session, "hook_event_name": "PostToolUseFailure", "tool_name": "Bash",
        "tool_input": {"command": "deployctl --now"}, "error": "Exit code 127\nbash: deployctl: command not found",
    });
    let said = hook(node.home(), "claude-code", "after", call.to_string().as_bytes());
    assert!(said.is_empty() || said.contains("evilctl"), "{said}");
    !said.is_empty()
}

#[test]
fn what_leaves_the_shelf_leaves_every_exported_copy() {
    let cluster = Cluster::of(1);
    let (mut ada, mallory) = poisoned_node(&cluster);
    let person = cluster.path().join("person");
    for mark in [".claude", ".codex", ".agents/skills/mine"] {
        fs::create_dir_all(person.join(mark)).unwrap();
    }
    let mine = person.join(".agents/skills/mine/SKILL.md");
    fs::write(&mine, "mine").unwrap();
    let tool = id(&poisoned()[5].0);
    let tool = &tool[..8];
    assert!(!hinted(&ada, "before"));
    ada.json(&["approve", tool, "--yes"]);
    assert!(hinted(&ada, "approved"));

    let dry = run(&ada, &person, &["skill", "export", "--all", "--dry-run"]).value();
    assert!(texts(&person).is_empty(), "{dry}");
    let done = run(&ada, &person, &["skill", "export", "--all"]).value();
    assert!(done["exports"].as_array().unwrap().len() >= 2, "{done}");
    assert_eq!(texts(&person).len(), 2, "{done}");
    let check = ["skill", "export", "--all", "--check"];
    assert_eq!(run(&ada, &person, &check).code, Some(0));

    // One is taken away and one edited: a check says so, a repair brings back the first and keeps the edit.
    let [claude, shared] = [".claude", ".agents"].map(|place| person.join(place).join("skills"));
    fs::remove_dir_all(claude.join("deployctl")).unwrap();
    fs::write(shared.join("deployctl/SKILL.md"), "edited").unwrap();
    let checked = run(&ada, &person, &check);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let plain = run(&ada, &person, &["skill", "export", "--agent", "claude"]).value();
    assert_eq!(plain["exports"][0]["missing"], json!(["deployctl"]), "{plain}");
    let repaired = run(&ada, &person, &["skill", "export", "--all", "--repair"]).value();
    let edited = repaired["exports"].as_array().unwrap().iter();
    assert!(edited.clone().any(|one| one["edited"] == json!(["deployctl"])), "{repaired}");
    assert!(claude.join("deployctl/SKILL.md").exists());
    assert_eq!(fs::read_to_string(shared.join("deployctl/SKILL.md")).unwrap(), "edited");
    fs::remove_dir_all(shared.join("deployctl")).unwrap();
    assert_eq!(run(&ada, &person, &["skill", "export", "--all", "--repair"]).code, Some(0));
    assert_eq!(texts(&person).len(), 2);

    // Undoing takes the skills back too, and leaves what is the person's.
    assert_eq!(run(&ada, &person, &["connect", "--undo"]).code, Some(0));
    assert!(texts(&person).is_empty() && mine.exists() && !claude.exists());
    assert!(!shared.join(".lore-export.json").exists());

    // Connecting brings the skills, an agent's undo takes back only what no other agent reads, and the last one leaves
    // the home as it was.
    let before = tree(&person);
    let connected = run(&ada, &person, &["connect", "--yes", "--no-run"]);
    assert_eq!((connected.code, texts(&person).len()), (Some(0), 2), "{connected:?}");
    assert_eq!(connected.value()["skills"].as_array().unwrap().len(), 2, "{connected:?}");
    assert_eq!(run(&ada, &person, &["connect", "claude-code", "--undo"]).code, Some(0));
    assert_eq!(texts(&person), [shared.join("deployctl/SKILL.md")]);
    assert_eq!(run(&ada, &person, &["connect", "--undo"]).code, Some(0));
    assert_eq!(tree(&person), before);
    assert_eq!(run(&ada, &person, &["connect", "--yes", "--no-run"]).code, Some(0));
    assert_eq!(texts(&person).len(), 2);

    // A decision reaches the copies with a running node and without one.
    ada.json(&["revoke", tool]);
    assert!(texts(&person).is_empty() && !hinted(&ada, "revoked"));
    ada.json(&["approve", tool, "--yes"]);
    assert_eq!(texts(&person).len(), 2, "what comes back to the shelf comes back to the agents");
    ada.stop();
    ada.json(&["reject", tool]);
    assert!(texts(&person).is_empty());
    ada.json(&["approve", tool, "--yes"]);
    ada.json(&["block", &mallory[..8]]);
    assert!(texts(&person).is_empty());
    assert!(!hinted(&ada, "blocked"));
    ada.json(&["block", &mallory[..8], "--undo"]);
    assert_eq!(texts(&person).len(), 2);
    assert!(hinted(&ada, "unblocked"));

    // A running node looks by itself: what changed while nobody knew of the copies reaches them when it starts.
    let (known, aside) = (ada.home().join("connect/exports.json"), ada.home().join("aside"));
    fs::rename(&known, &aside).unwrap();
    ada.json(&["block", &mallory[..8]]);
    assert_eq!(texts(&person).len(), 2);
    fs::rename(&aside, &known).unwrap();
    ada.start();
    wait_until("the copies are gone", PATIENCE, || texts(&person).is_empty().then_some(()));
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
}

#[test]
fn an_export_names_a_directory_or_an_agent() {
    let cluster = Cluster::of(1);
    let ada = cluster.node("ada");
    for args in [
        &["skill", "export"][..],
        &["skill", "export", "--agent", "nobody"],
        &["skill", "export", "--all", "--dir", "x"],
        &["skill", "export", "--all", "--check", "--repair"],
    ] {
        assert_eq!(ada.error(args)["exit"], 2, "{args:?}");
    }
}
