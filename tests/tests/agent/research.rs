//! The sub-agent that looks something up.

use serde_json::{Value, json};

use crate::desk::Desk;
use lore_test_endpoint::chat::{calls, says};
use lore_test_endpoint::{Act, Endpoint};

fn asks(question: &str) -> Act {
    calls(&[("a", "research", &json!({ "question": question }).to_string())])
}

fn tools(body: &Value) -> Vec<&str> {
    let tools = body["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_looked_up_by_an_agent_that_can_only_look_and_its_calls_are_the_tasks() {
    let desk = Desk::new();
    std::fs::write(desk.workspace.join("notes"), "the answer is 42\n").unwrap();
    let endpoint = Endpoint::acts(vec![
        asks("Where is the answer?"),
        calls(&[("b", "grep", r#"{"pattern": "answer"}"#)]),
        says("It is 42 (notes:1)."),
        says("42."),
    ]);
    let ran = desk.run(&endpoint, &["look it up", "--policy", "workspace"]).await;
    let done = ran.done();
    assert_eq!(ran.events("called")[0]["text"], "It is 42 (notes:1).");
    assert_eq!(done["spend"]["calls"], 4, "{done}");
    let seen = endpoint.seen();
    assert_eq!(tools(&seen[1].body), ["glob", "grep", "read"]);
    let told = seen[1].body["messages"].to_string();
    assert!(told.contains("Where is the answer?") && !told.contains("look it up"), "{told}");
    let told = seen[3].body["messages"].to_string();
    assert!(told.contains("It is 42") && !told.contains("the answer is 42"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bounds_of_a_task_and_of_a_day_hold_for_its_questions_too() {
    for bound in ["--max-calls", "--budget-day-calls"] {
        let desk = Desk::new();
        // The sub-agent would look for ever.
        let endpoint = Endpoint::start(|n, _| match n {
            0 => asks("Where?"),
            n => calls(&[("b", "glob", &json!({ "pattern": format!("*{n}") }).to_string())]),
        });
        let ran = desk.run(&endpoint, &["look", "--policy", "read-only", bound, "5"]).await;
        let error = ran.failed(3);
        assert_eq!(error["kind"], "budget", "{error}");
        assert_eq!(endpoint.seen().len(), 5, "{bound}");
        let text = ran.events("called")[0]["text"].to_string();
        assert!(text.contains("budget of 4 model calls"), "{text}");
        if bound == "--budget-day-calls" {
            let again = desk.run(&endpoint, &["more", "--policy", "read-only", bound, "5"]).await;
            assert_eq!(again.failed(3)["kind"], "budget");
            assert_eq!(endpoint.seen().len(), 5, "the day's sum counts questions");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_model_that_writes_blocks_has_none() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("done")]);
    desk.run(&endpoint, &["x", "--policy", "workspace", "--text-mode"]).await.done();
    assert!(!endpoint.seen()[0].body.to_string().contains("research"));
}
