//! Every tool, whatever its service does.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lore_services::OUTSIDE_READERS;

use crate::support::{Reads, TOKEN, call, context, fails, samples, tools};
use lore_test_endpoint::{Act, Endpoint, answer, json};

#[tokio::test]
async fn every_tool_is_tried_here_and_readers_are_those_that_only_look() {
    let tools = tools("http://127.0.0.1:9", true);
    let tried: BTreeSet<&str> = samples().iter().map(|sample| sample.name).collect();
    assert_eq!(tried, tools.keys().map(String::as_str).collect());
    let looking: BTreeSet<&str> =
        samples().iter().filter(|sample| sample.looks).map(|sample| sample.name).collect();
    assert_eq!(looking, OUTSIDE_READERS.into_iter().collect());
    for (name, tool) in &tools {
        assert_eq!(tool.hosts()[0], "127.0.0.1", "{name}");
        let spec = tool.spec();
        assert_eq!(spec.parameters["type"], "object", "{name}");
        assert_eq!(spec.parameters["additionalProperties"], false, "{name}");
    }
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    let limited = |_: &_| {
        answer(429, "application/json", r#"{"message":"slow down"}"#).with("retry-after", "37")
    };
    let server = Endpoint::start(move |_, seen| limited(seen));
    let tools = tools(&server.root(), true);
    for sample in samples() {
        let told = fails(&tools, sample.name, sample.arguments, "rate_limited").await;
        assert!(told.contains("slow down") && told.contains("37 s"), "{told}");
    }
    assert_eq!(server.seen().len(), samples().len(), "a long wait is the model's business");
}

#[tokio::test]
async fn a_short_wait_is_waited_for_once_by_what_only_looks() {
    let limited = |_: &_| answer(429, "application/json", "{}").with("retry-after", "0");
    let server = Endpoint::start(move |_, seen| limited(seen));
    let tools = tools(&server.root(), true);
    for sample in samples() {
        let before = server.seen().len();
        // What acts is asked once, and so is a stream, which the model asks for again.
        let once = !sample.looks || sample.reads == Reads::Events;
        fails(&tools, sample.name, sample.arguments, "rate_limited").await;
        let asked = server.seen().len() - before;
        assert_eq!(asked, if once { 1 } else { 2 }, "{}", sample.name);
    }
}

#[tokio::test]
async fn github_says_a_rate_limit_with_403() {
    for (name, value, body) in [
        ("x-ratelimit-remaining", "0", r#"{"message":"API rate limit exceeded"}"#),
        ("retry-after", "60", r#"{"message":"You have exceeded a secondary rate limit"}"#),
    ] {
        let reset = jiff::Timestamp::now().as_second() + 1000;
        let limited = move |_: &_| {
            answer(403, "application/json", body)
                .with(name, value)
                .with("x-ratelimit-reset", reset.to_string())
        };
        let server = Endpoint::start(move |_, seen| limited(seen));
        for token in [true, false] {
            let tools = tools(&server.root(), token);
            let arguments = serde_json::json!({"repo": "o/r"});
            let told = fails(&tools, "github_list", arguments, "rate_limited").await;
            let waits = if name == "retry-after" { ["in 60 s"; 2] } else { ["in 99", "in 1000 s"] };
            assert!(waits.iter().any(|wait| told.contains(wait)), "{told}");
            assert_eq!(
                told.contains("GITHUB_TOKEN"),
                !token,
                "a token gives a higher limit: {told}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_token_says_where_another_goes_and_is_not_shown() {
    let echo = format!(r#"{{"error":"Invalid credentials {TOKEN}"}}"#);
    for (status, class) in [(401, "auth"), (403, "forbidden")] {
        let body = echo.clone();
        let server = Endpoint::start(move |_, _| answer(status, "application/json", body.clone()));
        let tools = tools(&server.root(), true);
        for sample in samples() {
            // arXiv knows no token.
            let class = match (sample.reads, status) {
                (Reads::Xml, 401) => "no_token",
                _ => class,
            };
            let told = fails(&tools, sample.name, sample.arguments, class).await;
            // arXiv was given no token that it could be rid of.
            if sample.reads != Reads::Xml {
                assert!(!told.contains(TOKEN), "{told}");
                assert!(told.contains("[token]") && told.contains("agent.outside."), "{told}");
                assert!(told.contains("https://"), "where a token is had: {told}");
            }
        }
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_asked_that_needs_one() {
    let server = Endpoint::start(|_, _| answer(401, "application/json", "{}"));
    let tools = tools(&server.root(), false);
    for sample in samples() {
        let before = server.seen().len();
        let told = fails(&tools, sample.name, sample.arguments, "no_token").await;
        assert_eq!(server.seen().len() - before, usize::from(sample.anonymous), "{}", sample.name);
        if sample.reads != Reads::Xml {
            assert!(told.contains("set ") && told.contains(".token`"), "{told}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let server = Endpoint::start(|_, _| answer(404, "text/html", "<html>nothing</html>"));
    let tools = tools(&server.root(), true);
    for sample in samples() {
        let told = fails(&tools, sample.name, sample.arguments, "not_found").await;
        assert!(told.contains("spelling") && !told.contains("<html>"), "{told}");
    }
}

#[tokio::test]
async fn a_malformed_answer_is_an_error_and_not_nothing_found() {
    for body in ["{\"cut", "<feed><entry><title>cut", "null", "[[]]", "\"words\"", "{\"a\":1}"] {
        let server = Endpoint::start(move |_, _| json(body));
        let tools = tools(&server.root(), true);
        for sample in samples() {
            if matches!(sample.reads, Reads::Json | Reads::Xml) {
                // This provider leaves out what it has nothing of.
                if sample.name == "web_search" && body == "{\"a\":1}" {
                    continue;
                }
                let told = fails(&tools, sample.name, sample.arguments, "malformed").await;
                assert!(told.contains("_url`"), "which setting to look at: {told}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_without_end_is_given_up_or_cut() {
    let server = Endpoint::start(|_, _| Act::Flood("text/plain", u64::MAX));
    let tools = tools(&server.root(), true);
    for sample in samples() {
        let output = call(&tools, sample.name, sample.arguments).await;
        assert!(output.text.len() < 64 << 10, "{}: {}", sample.name, output.text.len());
        match sample.reads {
            Reads::Json | Reads::Xml | Reads::Nothing => {
                assert!(output.text.starts_with("[too_large]"), "{}: {}", sample.name, output.text);
            }
            Reads::Text => assert!(output.text.contains("omitted"), "{}", sample.name),
            Reads::Events => assert!(output.text.contains("no more is read"), "{}", sample.name),
        }
    }
}

#[tokio::test]
async fn a_service_that_hangs_is_left_after_the_time_of_the_call() {
    let server = Endpoint::start(|_, _| Act::Hang);
    let tools = tools(&server.root(), true);
    let mut running = tokio::task::JoinSet::new();
    for sample in samples() {
        let tool = std::sync::Arc::clone(&tools[sample.name]);
        running.spawn(async move {
            tool.call(sample.arguments, &context(Duration::from_millis(400))).await
        });
    }
    let began = Instant::now();
    while let Some(output) = running.join_next().await {
        let output = output.unwrap();
        assert!(output.is_error && output.text.starts_with("[hung] "), "{}", output.text);
        assert!(output.text.contains("0.4 s"), "{}", output.text);
    }
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_cancelled_call_ends_at_once() {
    let server = Endpoint::start(|_, _| Act::Hang);
    let tools = tools(&server.root(), true);
    let context = context(Duration::from_secs(60));
    let call = tools["github_list"].call(serde_json::json!({"repo": "o/r"}), &context);
    let cancel = async {
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        context.cancel.cancel();
    };
    let (output, ()) = tokio::join!(call, cancel);
    assert_eq!((output.is_error, output.text.as_str()), (true, "cancelled"));
}

#[tokio::test]
async fn without_a_network_the_setting_of_the_address_is_named() {
    // Nobody listens on port 9 of loopback.
    let tools = tools("http://127.0.0.1:9", true);
    for sample in samples() {
        let told = fails(&tools, sample.name, sample.arguments, "unreachable").await;
        assert!(told.contains("Is there a network?") && told.contains("_url`"), "{told}");
    }
}

#[tokio::test]
async fn a_broken_service_is_asked_once_more() {
    let server = Endpoint::start(|_, _| answer(503, "text/plain", "busy").with("retry-after", "0"));
    let tools = tools(&server.root(), true);
    let arguments = serde_json::json!({"query": "raft"});
    let told = fails(&tools, "github_search_repos", arguments, "transient").await;
    assert!(told.contains("busy") && server.seen().len() == 2, "{told}");
}
