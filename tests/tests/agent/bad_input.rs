//! Endpoints and tools that mean no good: bounded calls, a clear end, nothing lost, resumable.

use serde_json::json;

use crate::desk::{Desk, Lines, shell};
use lore_test_endpoint::chat::{DONE, calls, delta, says, usage};
use lore_test_endpoint::{Act, Ending, Endpoint, fails};

const BRIEF: [&str; 6] = ["--policy", "workspace", "--patience", "1", "--retries", "1"];

/// Runs a task and then goes on with the session at an honest endpoint, which must be shown the task.
async fn ends(desk: &Desk, endpoint: &Endpoint, exit: i32, kind: &str, most_calls: usize) -> Lines {
    let task = "a task that must not be lost";
    let ran = desk.run(endpoint, &[&[task], BRIEF.as_slice()].concat()).await;
    let error = ran.failed(exit);
    assert_eq!(error["kind"], kind, "{error}");
    let asked = endpoint.seen().len();
    assert!(asked <= most_calls, "{asked} requests");
    assert_eq!(ran.events("ended").len(), 1, "{ran:?}");
    let id = ran.session();
    assert!(error["help"].as_str().unwrap().contains(&id), "{error}");
    let honest = Endpoint::acts(vec![says("Now it is done.")]);
    let again = desk.run(&honest, &[&["--resume", &id], BRIEF.as_slice()].concat()).await;
    assert_eq!(again.done()["text"], "Now it is done.");
    assert!(honest.seen()[0].body["messages"].to_string().contains(task));
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_gives_up_an_endpoint_that_hangs() {
    let desk = Desk::new();
    let endpoint = Endpoint::start(|_, _| Act::Hang);
    let ran = ends(&desk, &endpoint, 1, "hung", 2).await;
    assert_eq!(ran.events("retry").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_gives_up_an_endpoint_that_hangs_amid_a_reply() {
    let desk = Desk::new();
    let half = || vec![delta(json!({"content": "half a"}), None)];
    let endpoint = Endpoint::start(move |_, _| Act::Stream(half(), Ending::Hang));
    ends(&desk, &endpoint, 1, "hung", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_takes_a_stream_that_is_cut_for_a_failure_and_never_for_an_answer() {
    let desk = Desk::new();
    let half = || vec![delta(json!({"content": "All is don"}), None)];
    let endpoint = Endpoint::start(move |_, _| Act::Stream(half(), Ending::Cut));
    ends(&desk, &endpoint, 1, "cut", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_sees_an_error_within_status_200() {
    let desk = Desk::new();
    let error = r#"{"error":{"code":401,"message":"no such key"}}"#;
    let endpoint = Endpoint::start(move |_, _| fails(200, error));
    ends(&desk, &endpoint, 1, "auth", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_answers_malformed_calls_and_ends_when_they_go_on() {
    let desk = Desk::new();
    let broken = || calls(&[("a", "bash", "{\"command\": \"ls"), ("b", "nothing", "[1]")]);
    let endpoint = Endpoint::acts(vec![broken(), says("I cannot write calls.")]);
    let ran = desk.run(&endpoint, &[&["x"], BRIEF.as_slice()].concat()).await;
    ran.done();
    assert_eq!((ran.events("refused").len(), ran.events("called").len()), (2, 0));
    let endpoint = Endpoint::start(move |_, _| broken());
    ends(&desk, &endpoint, 1, "stuck", 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_ends_an_overflow_that_does_not_go_away() {
    let desk = Desk::new();
    let full = r#"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error"}}"#;
    let endpoint = Endpoint::start(move |_, _| fails(400, full));
    ends(&desk, &endpoint, 1, "overflow", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_believes_no_lie_about_usage() {
    let desk = Desk::new();
    // Each reply claims to have cost nothing, and then more than there is.
    let endpoint = Endpoint::start(|n, _| {
        let call = json!([{"index": 0, "id": "c", "function":
            {"name": "bash", "arguments": shell(&format!("echo {n}"))}}]);
        let claimed = if n % 2 == 0 { 0 } else { u64::MAX / 2 };
        let pieces = vec![
            delta(json!({ "tool_calls": call }), Some("tool_calls")),
            usage(claimed, claimed),
            DONE.to_owned(),
        ];
        Act::Stream(pieces, Ending::Whole)
    });
    let args = ["x", "--policy", "workspace", "--budget-tokens", "8000"];
    let ran = desk.run(&endpoint, &args).await;
    assert_eq!(ran.failed(3)["kind"], "budget");
    let spend = ran.events("ended").pop().unwrap()["spend"].clone();
    assert_eq!(spend["estimated"], true);
    let asked = endpoint.seen().len();
    assert!((2..=8).contains(&asked), "{asked} requests: {spend}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_gives_up_a_reply_without_end() {
    let desk = Desk::new();
    let endpoint = Endpoint::start(|_, _| Act::Flood("text/event-stream", 1 << 30));
    ends(&desk, &endpoint, 1, "too_large", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_says_when_nobody_listens() {
    let desk = Desk::new();
    let mut endpoint = Endpoint::acts(Vec::new());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    endpoint.url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let ran = ends(&desk, &endpoint, 1, "unreachable", 0).await;
    // Waiting starts no server on this machine.
    assert!(ran.events("retry").is_empty(), "{ran:?}");
    let said = ran.failed(1)["message"].as_str().unwrap().to_owned();
    assert!(said.contains(&endpoint.url) && said.contains("lore model serve"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_says_that_it_gave_up_and_after_how_many_attempts() {
    let desk = Desk::new();
    let endpoint = Endpoint::start(|_, _| fails(502, "bad gateway"));
    let ran = ends(&desk, &endpoint, 1, "transient", 2).await;
    let said = ran.failed(1)["message"].as_str().unwrap().to_owned();
    assert!(said.ends_with("bad gateway; given up after 2 attempts"), "{said}");
    assert!(!ran.events("retry")[0]["message"].as_str().unwrap().contains("again"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_answers_without_the_thoughts_that_come_in_the_text() {
    for (pieces, thought) in [
        (["<thi", "nk>They want a number.\n</thi", "nk>\n\nThe answer is 42."], true),
        (["They want", " a number.\n</think>\n\n", "The answer is 42."], false),
    ] {
        let desk = Desk::new();
        let deltas = pieces.map(|piece| delta(json!({ "content": piece }), None));
        let pieces = [deltas.as_slice(), &[delta(json!({}), Some("stop")), DONE.to_owned()]];
        let reply = Act::Stream(pieces.concat(), Ending::Whole);
        let endpoint = Endpoint::acts(vec![reply.clone(), reply]);
        let ran = desk.run(&endpoint, &[&["x"], BRIEF.as_slice()].concat()).await;
        assert_eq!(ran.done()["text"], "The answer is 42.");
        let told = |kind: &str| -> String {
            ran.events(kind).iter().filter_map(|event| event["text"].as_str()).collect()
        };
        if thought {
            assert_eq!(told("text").trim(), "The answer is 42.");
            assert_eq!(told("reasoning"), "They want a number.\n");
        }
        let mut plain =
            desk.command(&endpoint, &[&["x", "--skills", "none"], BRIEF.as_slice()].concat());
        let ran = crate::desk::lines(&mut plain).await;
        assert_eq!(
            (ran.0.code, ran.0.stdout.as_str()),
            (Some(0), "The answer is 42.\n"),
            "{ran:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lore_agent_outlives_tools_that_flood_never_end_or_take_their_directory_away() {
    let desk = Desk::new();
    let never = json!({"command": "trap '' TERM; sleep 9999", "timeout_seconds": 1}).to_string();
    let endpoint = Endpoint::acts(vec![
        calls(&[("a", "bash", &shell("head -c 1G /dev/zero | tr '\\0' x"))]),
        calls(&[("b", "bash", &never)]),
        calls(&[("c", "bash", &shell("rm -rf \"$PWD\"; rm -rf ./* .[a-z]*; echo gone"))]),
        calls(&[("d", "bash", &shell("echo still here"))]),
        says("Done."),
    ]);
    std::fs::write(desk.workspace.join("file"), "x").unwrap();
    let ran = desk.run(&endpoint, &[&["x"], BRIEF.as_slice()].concat()).await;
    ran.done();
    let texts: Vec<String> = ran
        .events("called")
        .iter()
        .map(|event| event["text"].as_str().unwrap().to_owned())
        .collect();
    assert!(texts[0].len() < 100_000 && texts[0].contains("bytes omitted"), "{}", texts[0].len());
    assert!(texts[1].contains("timed out after 1 s"), "{}", texts[1]);
    assert!(texts[3].contains("still here"), "{texts:?}");
    assert!(desk.content("file").is_none());
}
