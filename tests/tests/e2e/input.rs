//! Bad input: one clear error that names the thing, the right exit code, and nothing lost.

use std::fs;
use std::process::Command;

use lore_tests::binary::lore;
use lore_tests::sessions::{learnt, write};
use lore_tests::{Cluster, Node};

fn says(node: &Node, args: &[&str], exit: i64, words: &[&str]) {
    let error = node.error(args);
    let text = format!("{} {}", error["message"], error["help"]);
    for word in words {
        assert!(text.contains(word), "`{word}` is not in {text}");
    }
    assert_eq!(error["exit"], exit, "{text}");
}

#[test]
fn a_configuration_with_an_unknown_key_is_named_with_its_line() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let path = node.home().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("colour = 3\n{text}")).unwrap();
    says(&node, &["run"], 2, &["config.toml:1", "colour", "known keys"]);
}

#[test]
fn pipes_and_devices_are_not_imported_whether_the_node_runs_or_not() {
    let cluster = Cluster::of(1);
    let mut node = cluster.node("ada");
    let pipe = cluster.path().join("pipe.jsonl");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let link = cluster.path().join("link.jsonl");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for running in [false, true] {
        if running {
            node.start();
        }
        for path in [&pipe, &link, std::path::Path::new("/dev/zero")] {
            let args = ["session", "import", path.to_str().unwrap()];
            says(&node, &args, 2, &["neither a file nor a directory"]);
        }
        // In a directory they are no files that could hold sessions.
        says(&node, &["session", "import", cluster.path().to_str().unwrap()], 2, &["there is no"]);
    }
}

#[test]
fn a_session_file_that_cannot_be_read_is_named_and_nothing_is_imported() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let path = cluster.path().join("broken.jsonl");
    fs::write(&path, b"\x00\xff\x00 no session").unwrap();
    says(&node, &["session", "import", path.to_str().unwrap()], 1, &["broken.jsonl", "--format"]);
    let missing = cluster.path().join("missing.jsonl");
    says(&node, &["session", "import", missing.to_str().unwrap()], 1, &["missing.jsonl"]);
    assert_eq!(node.json(&["session", "list"])["total"], 0);
}

#[test]
fn two_users_may_have_sessions_of_one_id_and_the_same_one_comes_once() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let path = cluster.path().join("one.jsonl");
    write(&path, &[learnt("one", "Count the lines of a.txt", "wc -x a.txt", "wc -l a.txt")]);
    let import = |user| node.json(&["session", "import", path.to_str().unwrap(), "--user", user]);
    import("ann");
    import("bob");
    import("bob");
    assert_eq!(node.json(&["session", "list"])["total"], 2);
    assert_eq!(node.json(&["privacy", "status"])["users"], 2);
}

#[test]
fn a_truncated_database_is_refused_with_the_way_out_and_left_as_it_is() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    node.json(&["federation", "create", "guild"]);
    let database = node.home().join("store/db");
    let log = fs::read_dir(&database)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    says(&node, &["status"], 1, &["store", "lore store repair"]);
    // Refused, not eaten: the file is as it was, and whole again the node is too.
    fs::write(&log, &bytes).unwrap();
    assert_eq!(node.json(&["status"])["federations"][0]["name"], "guild");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let cluster = Cluster::of(1);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let node = cluster.node("ada");
    let path = node.home().join("config.toml");
    let text = fs::read_to_string(&path).unwrap().replace("/tcp/0", &format!("/tcp/{port}"));
    fs::write(&path, text).unwrap();
    says(&node, &["run"], 1, &[&port.to_string()]);
}

#[test]
fn an_invitation_that_is_wrong_damaged_or_used_up_is_refused() {
    let cluster = Cluster::of(3);
    let ada = cluster.running("ada");
    let ben = cluster.running("ben");
    let cleo = cluster.running("cleo");
    ada.json(&["federation", "create", "guild"]);
    says(&ben, &["federation", "join", "hello", "--yes"], 2, &["lore-invite-1-"]);
    let line = ada.invitation(&[]);
    let damaged = format!("{}A", &line[..line.len() - 1]);
    let changed = if damaged == line { format!("{}B", &line[..line.len() - 1]) } else { damaged };
    says(&ben, &["federation", "join", &changed, "--yes"], 2, &["damaged"]);
    ben.json(&["federation", "join", &line, "--yes"]);
    says(&cleo, &["federation", "join", &line, "--yes"], 3, &["used up"]);
}

#[test]
fn an_expired_invitation_is_refused_and_says_so() {
    let cluster = Cluster::of(2);
    let ada = cluster.running("ada");
    let ben = cluster.running("ben");
    ada.json(&["federation", "create", "guild"]);
    let line = ada.invitation(&["--epochs", "0"]);
    ada.checkpoint();
    says(&ben, &["federation", "join", &line, "--yes"], 3, &["expired"]);
}

#[test]
fn a_message_names_what_is_wrong_and_the_way_out() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let error = node.error(&["nosuch"]);
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("unrecognized subcommand 'nosuch'"), "{message}");

    let missing = cluster.path().join("nosuch");
    says(&node, &["store", "restore", missing.to_str().unwrap()], 1, &["no backup at", "nosuch"]);
    says(&node, &["federation", "checkpoint"], 2, &["in no federation", "federation create"]);
}

#[test]
fn an_empty_variable_for_the_home_is_an_unset_one_and_an_empty_flag_a_mistake() {
    let cluster = Cluster::of(1);
    let run = |args: &[&str]| {
        let mut command = Command::new(lore());
        command.args(args).arg("--json").env("LORE_HOME", "").env_remove("XDG_DATA_HOME");
        command.env("HOME", cluster.path()).output().unwrap()
    };
    let made = run(&["init", "--loopback", "--name", "ada"]);
    assert!(made.status.success(), "{made:?}");
    assert!(cluster.path().join(".local/share/commonlore/config.toml").exists());

    let mut command = Command::new(lore());
    command.args(["--home", "", "status", "--json"]).env_remove("LORE_HOME");
    let out = command.output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    assert!(String::from_utf8_lossy(&out.stdout).contains("--home is empty"), "{out:?}");
}
