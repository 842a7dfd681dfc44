//! The rights of a sub-agent, and its result.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lore_agent::model::{Dialect, Endpoint as Place, HttpModel};
use lore_agent::tool::{Files, Tool, ToolContext, ToolOutput};
use lore_agent::turn::{Allowance, Approval, Event, Limits, Research, RulePolicy};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Fake, limits};
use lore_test_endpoint::chat::{calls, says};
use lore_test_endpoint::{Act, Endpoint};

fn research(endpoint: &Endpoint, workspace: &Path, policy: &str, limits: Limits) -> Research {
    let place = Place::new(&endpoint.url, Dialect::OpenAiChat, "m").unwrap();
    let policy: Arc<dyn Approval> = Arc::new(RulePolicy::parse(policy, workspace).unwrap());
    let pages: Arc<dyn Tool> = Arc::new(Fake("web_fetch", |_: &Value| ToolOutput::ok("a page")));
    let files = Files::new(Vec::new(), vec![workspace.join("key")]);
    Research::new(Arc::new(HttpModel::new(place).unwrap()), &files, vec![pages], policy, limits)
}

async fn ask(research: &Research, workspace: &Path, timeout: Duration) -> ToolOutput {
    let context =
        ToolContext { workspace: workspace.to_owned(), cancel: CancellationToken::new(), timeout };
    research.call(json!({"question": "Where is the answer?"}), &context).await
}

const PATIENT: Duration = Duration::from_secs(60);

/// The results that the sub-agent was given for its calls, in order.
fn results(endpoint: &Endpoint) -> Vec<String> {
    let seen = endpoint.seen();
    let messages = seen.last().unwrap().body["messages"].as_array().unwrap().clone();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    results.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn it_looks_and_answers_in_one_text() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("notes"), "the answer is 42\n").unwrap();
    let endpoint = Endpoint::acts(vec![
        calls(&[("c1", "grep", r#"{"pattern": "answer"}"#)]),
        says("It is 42 (notes:1)."),
    ]);
    let research = research(&endpoint, place.path(), "read-only", limits(50_000));
    let watched: Arc<Mutex<Vec<Event>>> = Arc::default();
    let kept = Arc::clone(&watched);
    let research =
        research.watched_by(Arc::new(move |event| kept.lock().unwrap().push(event.clone())));
    let answer = ask(&research, place.path(), PATIENT).await;
    assert_eq!((answer.text.as_str(), answer.is_error), ("It is 42 (notes:1).", false));
    assert_eq!(results(&endpoint), ["notes:1: the answer is 42\n"]);
    assert_eq!(research.spent().calls, 2);
    let calling = |event: &Event| matches!(event, Event::Calling { tool, .. } if tool == "grep");
    assert!(watched.lock().unwrap().iter().any(calling));
    // It begins afresh: the question is all that it knows.
    let first = &endpoint.seen()[0].body["messages"];
    assert_eq!(first.as_array().unwrap().len(), 2);
    assert_eq!(first[1]["content"], "Where is the answer?");
}

#[tokio::test]
async fn it_can_only_look_whatever_the_policy_allows() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("key"), "the-key\n").unwrap();
    let asked = [
        ("c1", "bash", r#"{"command": "touch planted"}"#),
        ("c2", "write", r#"{"path": "planted", "content": "x"}"#),
        ("c3", "research", r#"{"question": "again?"}"#),
        ("c4", "read", r#"{"path": "key"}"#),
        ("c5", "web_fetch", r#"{"command": "touch planted"}"#),
    ];
    let endpoint = Endpoint::acts(vec![calls(&asked), says("Nothing.")]);
    let research = research(&endpoint, place.path(), "all", limits(50_000));
    ask(&research, place.path(), PATIENT).await;
    let offered = endpoint.seen()[0].body["tools"].clone();
    let mut offered: Vec<&str> = offered
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tool| tool["function"]["name"].as_str())
        .collect();
    offered.sort_unstable();
    assert_eq!(offered, ["glob", "grep", "read", "web_fetch"]);
    let results = results(&endpoint);
    for (result, why) in
        results.iter().zip(["no tool", "no tool", "no tool", "not accessible", "no commands"])
    {
        assert!(result.contains(why), "{why}: {result}");
    }
    assert_eq!(results.len(), asked.len());
    assert!(!place.path().join("planted").exists());
}

#[tokio::test]
async fn its_policy_is_the_callers_and_nobody_can_be_asked() {
    let place = tempfile::tempdir().unwrap();
    for (policy, why) in [
        (r#"{"rules": [], "otherwise": "ask"}"#, "nobody is there to ask"),
        ("read-only", "does not allow"),
    ] {
        let endpoint = Endpoint::acts(vec![
            calls(&[("c1", "read", r#"{"path": "/etc/hostname"}"#)]),
            says("Nothing."),
        ]);
        let research = research(&endpoint, place.path(), policy, limits(50_000));
        ask(&research, place.path(), PATIENT).await;
        let results = results(&endpoint);
        assert!(results[0].contains(why), "{policy}: {results:?}");
    }
}

#[tokio::test]
async fn its_budget_is_its_own_for_each_question_and_for_all() {
    let place = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(|n, _| {
        calls(&[(&format!("c{n}"), "glob", &format!("{{\"pattern\": \"*{n}\"}}"))])
    });
    let mut limits = limits(50_000);
    limits.task = Allowance { calls: Some(4), ..Allowance::default() };
    limits.today = Allowance { calls: Some(6), ..Allowance::default() };
    let research = research(&endpoint, place.path(), "read-only", limits);
    for (used, bound) in [(4, 4), (6, 2), (6, 0)] {
        let output = ask(&research, place.path(), PATIENT).await;
        assert!(output.is_error, "{}", output.text);
        let why = format!("no answer: the budget of {bound} model calls");
        assert!(output.text.starts_with(&why), "{}", output.text);
        assert_eq!(research.spent().calls, used);
    }
    assert_eq!(endpoint.seen().len(), 6);
}

#[tokio::test]
async fn a_flood_of_words_is_cut_and_a_model_that_hangs_ends_with_the_call() {
    let place = tempfile::tempdir().unwrap();
    let flood = format!("\u{1b}[2J{}", "word ".repeat(40_000));
    let endpoint = Endpoint::acts(vec![says(&flood)]);
    let research_flood = research(&endpoint, place.path(), "read-only", limits(500_000));
    let output = ask(&research_flood, place.path(), PATIENT).await;
    assert!(!output.is_error && output.text.len() < 17_000, "{}", output.text.len());
    assert!(output.text.starts_with("word") && output.text.contains("bytes omitted"));

    let endpoint = Endpoint::acts(vec![Act::Hang]);
    let research = research(&endpoint, place.path(), "read-only", limits(50_000));
    let output = ask(&research, place.path(), Duration::from_millis(400)).await;
    assert!(output.is_error && output.text.starts_with("not done within"), "{}", output.text);
}

#[tokio::test]
async fn what_it_read_its_caller_has_not() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("f"), "alpha\n").unwrap();
    let files = Arc::new(Files::new(Vec::new(), Vec::new()));
    let endpoint =
        Endpoint::acts(vec![calls(&[("c1", "read", r#"{"path": "f"}"#)]), says("alpha")]);
    let place_of_model = Place::new(&endpoint.url, Dialect::OpenAiChat, "m").unwrap();
    let policy: Arc<dyn Approval> = Arc::new(RulePolicy::parse("read-only", place.path()).unwrap());
    let model = Arc::new(HttpModel::new(place_of_model).unwrap());
    let research = Research::new(model, &files, Vec::new(), policy, limits(50_000));
    assert_eq!(ask(&research, place.path(), PATIENT).await.text, "alpha");
    let edit = lore_agent::tool::EditFile(files);
    let context = ToolContext {
        workspace: place.path().canonicalize().unwrap(),
        cancel: CancellationToken::new(),
        timeout: PATIENT,
    };
    let output = edit.call(json!({"path": "f", "old": "alpha", "new": "beta"}), &context).await;
    assert!(output.is_error && output.text.contains("read it first"), "{}", output.text);
}
