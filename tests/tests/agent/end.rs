//! Ended from outside: a signal, a kill.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use lore_tests::wait::{PATIENCE, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::desk::{Desk, shell};
use lore_test_endpoint::chat::{calls, says};
use lore_test_endpoint::{Act, Endpoint};

/// A command that lives on in its own session, whatever its shell does.
const STAYS: &str = "setsid sleep 4173 & sleep 4173; echo never";

/// Starts a run and waits until it tells an event.
#[allow(clippy::zombie_processes)] // The caller waits for it.
fn begun(desk: &Desk, endpoint: &Endpoint, until: &str) -> (Child, String) {
    let args = ["stay", "--policy", "workspace", "--skills", "none", "--json"];
    let mut command = desk.command(endpoint, &args);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut session = String::new();
    loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if let Some(id) = line["session"].as_str() {
            session = id.to_owned();
        }
        if line["event"] == until {
            return (child, session);
        }
    }
}

/// Processes whose command line is the one of `STAYS`.
fn left() -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            line == b"sleep\x004173\x00"
        })
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_all_that_runs_saves_the_session_and_exits_1() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![calls(&[("a", "bash", &shell(STAYS))]), says("Went on.")]);
    let (child, id) = tokio::task::block_in_place(|| begun(&desk, &endpoint, "calling"));
    wait_until("the command runs", PATIENCE, || (left() == 2).then_some(()));
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let out = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(out.status.code(), Some(1));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["kind"], "cancelled");
    assert_eq!(left(), 0, "everything that it started is gone");
    assert_eq!(desk.sessions().len(), 1);
    let ran = desk.run(&endpoint, &["go on", "--resume", &id, "--policy", "read-only"]).await;
    ran.done();
    let told = endpoint.seen()[1].body["messages"].to_string();
    assert!(told.contains("cancelled"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_session_is_resumed_and_nothing_of_it_lives_on() {
    let desk = Desk::new();
    let stays = STAYS.replace("4173", "4174");
    let endpoint = Endpoint::acts(vec![calls(&[("a", "bash", &shell(&stays))]), says("On.")]);
    let (mut child, id) = tokio::task::block_in_place(|| begun(&desk, &endpoint, "calling"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(desk.sessions().is_empty());
    let ran = desk.run(&endpoint, &["--resume", &id, "--policy", "read-only"]).await;
    assert_eq!(ran.done()["stored"], format!("agent-{id}").as_str());
    let told = endpoint.seen()[1].body["messages"].to_string();
    assert!(told.contains("interrupted before there was a result"), "{told}");
    wait_until("what it started is gone", PATIENCE, || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let mut lines =
            processes.map(|entry| std::fs::read(entry.path().join("cmdline")).unwrap_or_default());
        (!lines.any(|line| line == b"sleep\x004174\x00")).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_model_call_that_hangs() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![Act::Hang]);
    let (child, _) = tokio::task::block_in_place(|| begun(&desk, &endpoint, "asking"));
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let out = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(out.status.code(), Some(1));
}
