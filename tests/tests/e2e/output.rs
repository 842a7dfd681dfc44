//! Output of verbs: the published types, and nothing but the result into a pipe that is closed.

use std::fs::File;
use std::io::pipe;
use std::process::{Command, Output, Stdio};

use lore_tests::binary::lore;
use lore_tests::sessions::{learnt, write};
use lore_tests::{Cluster, Node};
use serde_json::Value;

/// Runs a verb whose stdout is a pipe that its reader closed already.
fn into_closed_pipe(node: &Node, args: &[&str]) -> Output {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut command = node.command(args);
    command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn a_reader_that_closes_the_pipe_early_is_no_error() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    for args in [
        &["lab", "families"][..],
        &["status"],
        &["status", "--json"],
        &["session", "list"],
        &["privacy", "explain"],
        &["lesson", "words"],
        &["doctor"],
        &["--version"],
        &["--help"],
        &["completions", "bash"],
        &["man"],
        &["session", "import", "--help"],
    ] {
        let out = into_closed_pipe(&node, args);
        let said = String::from_utf8_lossy(&out.stderr);
        // `doctor` may find a fault of this machine, and then says so.
        let fine = out.status.code() == Some(0) && said.is_empty();
        assert!(
            fine || (args[0] == "doctor" && said.contains("checks failed")),
            "{args:?}: {said}"
        );
        assert!(!said.contains("Broken pipe"), "{args:?}: {said}");
    }
    let out = into_closed_pipe(&node, &["session", "show", "none", "--json"]);
    assert_eq!(out.status.code(), Some(2), "a failed verb keeps its exit code");
}

#[test]
fn a_closed_stderr_does_not_change_the_exit_code() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let status = Command::new(lore())
        .arg("nonsense")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(writer)
        .status();
    assert_eq!(status.unwrap().code(), Some(2));
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = node.command(&["status"]);
    let out = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("cannot write to stdout"));
}

#[test]
fn bash_takes_the_completions() {
    let script = "source <(\"$1\" completions bash) && complete -p lore";
    let out = Command::new("bash").args(["-c", script, "bash"]).arg(lore()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success() && said.contains("complete "), "{out:?}");
}

#[test]
fn help_fits_the_width_of_the_terminal() {
    for columns in [40, 80, 200] {
        for args in [&["--help"][..], &["agent", "--help"], &["federation", "create", "--help"]] {
            let out = Command::new(lore())
                .args(args)
                .env("COLUMNS", columns.to_string())
                .output()
                .unwrap();
            let text = String::from_utf8(out.stdout).unwrap();
            assert!(text.contains("Usage: lore"), "{text}");
            for line in text.lines() {
                let one_word = !line.trim().contains(' ');
                assert!(one_word || line.chars().count() <= columns, "{columns}: {line}");
            }
        }
    }
    let long = Command::new(lore()).arg("--help").output().unwrap();
    let long = String::from_utf8(long.stdout).unwrap();
    assert!(long.contains("Examples:") && long.contains("LORE_HOME"), "{long}");
}

#[test]
fn stop_and_status_of_a_node_that_is_not_running_give_the_advice_that_helps() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let error = node.error(&["stop"]);
    assert_eq!(error["kind"], "not_running");
    let said = format!("{} {}", error["message"], error["help"]);
    assert!(said.contains("is not running") && !said.contains("lore run"), "{said}");
    node.json(&["federation", "create", "guild"]);
    let next = node.json(&["status"])["next"].to_string();
    assert!(next.contains("lore run --detach"), "{next}");
}

/// The published schema of a verb's answer.
fn schema(verb: &str) -> Value {
    let published: Value =
        serde_json::from_str(include_str!("../../../docs/control.schema.json")).unwrap();
    let mut schema = published["verbs"][verb]["answer"].clone();
    assert!(schema.is_object(), "{verb}");
    schema["$defs"] = published["$defs"].clone();
    schema
}

fn fits(verb: &str, printed: &Value) {
    let validator = jsonschema::validator_for(&schema(verb)).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(printed).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{verb}: {errors:?} in {printed:#}");
}

#[test]
fn verbs_print_what_the_published_schema_says() {
    let cluster = Cluster::of(1);
    let mut node = cluster.node("ada");
    fits("federation.create", &node.json(&["federation", "create", "guild"]));
    let file = cluster.path().join("one.jsonl");
    write(&file, &[learnt("one", "Count the lines of a.txt", "wc -x a.txt", "wc -l a.txt")]);
    let path = file.to_str().unwrap();
    fits("session.import", &node.json(&["session", "import", path, "--user", "ann"]));
    for running in [false, true] {
        if running {
            node.start();
            fits("peers", &node.json(&["peers"]));
            fits("federation.invite", &node.json(&["federation", "invite"]));
        }
        fits("session.import", &node.json(&["session", "import", path, "--user", "ben"]));
        let set = ["privacy", "set", "--epsilon", "4", "--period", "90d", "--yes"];
        fits("privacy.set", &node.json(&set));
        for (verb, args) in [
            ("status", &["status"][..]),
            ("federation.show", &["federation", "show"]),
            ("federation.checkpoint", &["federation", "checkpoint"]),
            ("session.list", &["session", "list"]),
            ("shelf.review", &["review", "--all"]),
            ("skill.list", &["skill", "list"]),
            ("skill.search", &["skill", "search", "count lines"]),
            ("lesson.preview", &["lesson", "preview"]),
            ("privacy.status", &["privacy", "status"]),
            ("privacy.explain", &["privacy", "explain"]),
            ("privacy.preview", &["privacy", "preview"]),
            ("privacy.deny_list.add", &["privacy", "deny-list", "add", "acme"]),
            ("privacy.deny_list", &["privacy", "deny-list", "list"]),
            ("privacy.deny_list.remove", &["privacy", "deny-list", "remove", "acme"]),
            ("privacy.ledger.verify", &["privacy", "ledger", "verify"]),
        ] {
            fits(verb, &node.json(args));
        }
    }
    let error = node.error(&["session", "show", "none"]);
    assert_eq!(error["exit"], 2);
}

#[test]
fn a_budget_that_is_set_is_said_in_words() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let args = ["privacy", "set", "--unit", "user", "--epsilon", "4", "--period", "90", "--yes"];
    let said = node.run(&args).stdout;
    for words in ["epsilon 4", "delta 0.000001", "90 days", "each user", "began on"] {
        assert!(said.contains(words), "`{words}` is not in {said}");
    }
    assert!(!said.contains("e-") && !said.contains("0e0"), "{said}");
    let error = node.error(&["privacy", "set", "--epsilon", "4", "--period", "long", "--yes"]);
    assert!(error["message"].to_string().contains("--period long"), "{error}");
}
