//! Saved, resumed, forked.

use crate::desk::{Desk, shell};
use lore_test_endpoint::Endpoint;
use lore_test_endpoint::chat::{calls, says};

/// Returns true when request `n` holds a text.
fn asked(endpoint: &Endpoint, n: usize, text: &str) -> bool {
    endpoint.seen()[n].body["messages"].to_string().contains(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_where_it_ended_and_is_stored_in_pieces() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![
        calls(&[("a", "bash", &shell("echo one"))]),
        says("Goes on."),
        says("And on."),
    ]);
    let first = ["a first task", "--policy", "workspace", "--max-calls", "1"];
    let ran = desk.run(&endpoint, &first).await;
    assert_eq!(ran.failed(3)["kind"], "budget");
    let id = ran.session();
    // Without words it goes on with what was left.
    let ran = desk.run(&endpoint, &["--resume", &id, "--policy", "workspace"]).await;
    assert_eq!(ran.done()["session"], id.as_str());
    assert!(asked(&endpoint, 1, "a first task") && asked(&endpoint, 1, "one"));
    // When nothing is left, words are needed.
    desk.run(&endpoint, &["--resume", &id, "--policy", "workspace"]).await.failed(2);
    let ran = desk.run(&endpoint, &["a second", "--resume", &id, "--policy", "workspace"]).await;
    assert_eq!(ran.done()["stored"], format!("agent-{id}-3").as_str());
    assert!(asked(&endpoint, 2, "Goes on.") && asked(&endpoint, 2, "a second"));
    let names: Vec<String> =
        desk.sessions().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let last = desk.node.json(&["session", "show", &format!("agent-{id}-3")]);
    assert_eq!(last["task"], "a second");
    assert!(!last["turns"].to_string().contains("a first task"), "each call is stored once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_another_session_with_the_same_past() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("One."), says("Two."), says("Three.")]);
    let id = desk.run(&endpoint, &["begin", "--policy", "read-only"]).await.session();
    let fork = desk.run(&endpoint, &["other", "--fork", &id, "--policy", "read-only"]).await;
    fork.done();
    assert_ne!(fork.session(), id);
    assert!(asked(&endpoint, 1, "begin") && asked(&endpoint, 1, "One."));
    let ran = desk.run(&endpoint, &["same", "--resume", &id, "--policy", "read-only"]).await;
    ran.done();
    assert!(!asked(&endpoint, 2, "other"), "the first is as it was");
    let stored = desk.node.json(&["session", "show", &format!("agent-{}", fork.session())]);
    assert_eq!(stored["task"], "other", "the past is the other session's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_stores_the_session() {
    let mut desk = Desk::new();
    desk.node.start();
    let endpoint = Endpoint::acts(vec![says("Done.")]);
    let ran = desk.run(&endpoint, &["with the daemon", "--policy", "read-only"]).await;
    assert!(ran.done()["stored"].is_string());
    assert_eq!(desk.sessions()[0]["task"], "with the daemon");
    desk.node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn transcripts_are_private_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("Done.")]);
    let id = desk.run(&endpoint, &["x", "--policy", "read-only"]).await.session();
    let users = desk.node.home().join("agent/users");
    let user = std::fs::read_dir(&users).unwrap().next().unwrap().unwrap().path();
    let file = user.join(format!("sessions/{id}.jsonl"));
    for (path, mode) in [(&file, 0o600), (&users, 0o700), (&user.join("sessions"), 0o700)] {
        let found = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }
}
