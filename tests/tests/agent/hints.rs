//! Hints about failed calls, from the node's book.

use crate::desk::{Desk, Lines, shell};
use lore_test_endpoint::Endpoint;
use lore_test_endpoint::chat::{calls, says};
use serde_json::Value;

const PUSH: &str = "git -C repo push";
const FIX: &str = "git -C repo push -u origin topic";

/// A repository below the workspace with a branch that its remote does not know.
fn repository(desk: &Desk) {
    let script = "git init -q --bare -b main remote.git && git init -q -b topic repo && cd repo && \
        git config user.email a@example.org && git config user.name a && \
        git remote add origin ../remote.git && echo 1 > a && git add a && git commit -qm one";
    let _ = std::fs::remove_dir_all(desk.workspace.join("repo"));
    let _ = std::fs::remove_dir_all(desk.workspace.join("remote.git"));
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]).current_dir(&desk.workspace);
    assert!(command.status().unwrap().success());
}

/// One session: the push fails twice, then what works.
async fn push(desk: &Desk, more: &[&str]) -> (Endpoint, Lines) {
    repository(desk);
    let endpoint = Endpoint::acts(vec![
        calls(&[("a", "bash", &shell(PUSH))]),
        calls(&[("b", "bash", &shell(PUSH))]),
        calls(&[("c", "bash", &shell(FIX))]),
        says("Pushed."),
    ]);
    let args = [&["push the branch", "--policy", "workspace"], more].concat();
    let ran = desk.run(&endpoint, &args).await;
    ran.done();
    (endpoint, ran)
}

fn stored(desk: &Desk, ran: &Lines) -> Value {
    desk.node.json(&["session", "show", ran.done()["stored"].as_str().unwrap()])
}

/// The hint of the first call as it is stored; none for the others.
fn hint_of_the_first(session: &Value) -> Value {
    let turns = session["turns"].as_array().unwrap();
    let calls: Vec<&Value> =
        turns.iter().filter_map(|turn| turn["calls"].as_array()).flatten().collect();
    assert_eq!(calls.len(), 3, "{session}");
    assert!(calls[1..].iter().all(|call| call["hint"].is_null()), "{session}");
    assert!(!calls[0]["result"].to_string().contains("hint from lore"), "{session}");
    calls[0]["hint"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_push_gets_the_own_lesson_in_the_second_session() {
    let mut desk = Desk::new();
    // The first session knows only what the documentation says.
    let (_, ran) = push(&desk, &[]).await;
    let told = ran.events("hinted");
    assert_eq!((told.len(), &told[0]["call"]), (1, &Value::from("a")), "{ran:?}");
    assert_eq!(told[0]["hint"]["circle"], "codebook");
    assert_eq!(hint_of_the_first(&stored(&desk, &ran)), told[0]["hint"]);
    // The second knows what worked in the first, with a daemon and without.
    for with_daemon in [false, true] {
        if with_daemon {
            desk.node.start();
        }
        let (endpoint, ran) = push(&desk, &[]).await;
        let told = ran.events("hinted");
        assert_eq!((told.len(), &told[0]["hint"]["circle"]), (1, &Value::from("own")), "{ran:?}");
        let text = told[0]["hint"]["text"].as_str().unwrap();
        assert!(text.contains(FIX) && text.len() <= 400, "{text}");
        let asked = &endpoint.seen()[1].body["messages"];
        let result = asked.as_array().unwrap().last().unwrap();
        assert_eq!(result["role"], "tool");
        assert!(
            result["content"].as_str().unwrap().ends_with(&format!("[hint from lore: {text}]"))
        );
        let id = hint_of_the_first(&stored(&desk, &ran))["lesson"].clone();
        let why = desk.node.json(&["lesson", "why", id.as_str().unwrap(), "--user", "tester"]);
        assert!(why["known"].to_string().contains("own"), "{why}");
    }
    desk.node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_are_switched_off_by_the_flag_and_by_the_setting() {
    let desk = Desk::new();
    let (endpoint, ran) = push(&desk, &["--no-hints"]).await;
    assert!(ran.events("hinted").is_empty(), "{ran:?}");
    assert!(!endpoint.seen()[3].body.to_string().contains("hint from lore"));
    let first = stored(&desk, &ran);
    assert!(hint_of_the_first(&first).is_null());
    let config = desk.node.home().join("config.toml");
    let before = std::fs::read_to_string(&config).unwrap_or_default();
    std::fs::write(&config, format!("{before}\n[agent]\nhints = false\n")).unwrap();
    let (_, ran) = push(&desk, &[]).await;
    assert!(ran.events("hinted").is_empty(), "{ran:?}");
    // It teaches what it would with hints.
    let listed = desk.node.json(&["lesson", "list", "git push", "--user", "tester"]);
    assert_eq!(listed["lessons"][0]["worked"], 2, "{listed}");
    std::fs::write(&config, before).unwrap();
    push(&desk, &[]).await;
    let listed = desk.node.json(&["lesson", "list", "git push", "--user", "tester"]);
    assert_eq!(listed["lessons"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["lessons"][0]["worked"], 3, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_single_sessions_are_protected_none_is_shown_what_another_one_taught() {
    let desk = Desk::new();
    desk.node.found(&["lab", "--units", "session"]);
    desk.node.json(&["privacy", "set", "--epsilon", "4", "--unit", "session", "--yes"]);
    for _ in 0..2 {
        let (_, ran) = push(&desk, &[]).await;
        assert_eq!(ran.events("hinted")[0]["hint"]["circle"], "codebook", "{ran:?}");
    }
    let listed = desk.node.json(&["lesson", "list", "git push", "--user", "tester"]);
    assert_eq!(listed["lessons"][0]["circle"], "own", "its owner sees it: {listed}");
}
