//! Differences of servers, as recorded and rebuilt.

use std::sync::Arc;
use std::time::Duration;

use lore_agent::model::{
    Call, ControlKind, Delta, Dialect, Endpoint as Place, Finish, HttpModel, Message, Model,
    ModelError, Patience, Reply, Request, ToolResult, Usage, probe,
};
use lore_agent::tool::ToolSpec;
use secrecy::SecretString;
use serde_json::json;

use lore_test_endpoint::chat::{DONE, calls, delta, event, says, usage};
use lore_test_endpoint::{Act, Ending, Endpoint, answer, fails};

const SHORT: Patience = Patience {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_millis(400),
    idle: Duration::from_millis(400),
    total: Duration::from_secs(20),
    reply_bytes: 1 << 20,
};

fn place(endpoint: &Endpoint, dialect: Dialect) -> Place {
    Place::new(&endpoint.url, dialect, "m").unwrap()
}

async fn ask(acts: Vec<Act>, dialect: Dialect) -> Result<Reply, ModelError> {
    let endpoint = Endpoint::acts(acts);
    let model = HttpModel::new(place(&endpoint, dialect).with_patience(SHORT)).unwrap();
    model.complete(&request(), &mut |_| {}).await
}

async fn chat(acts: Vec<Act>) -> Result<Reply, ModelError> {
    ask(acts, Dialect::OpenAiChat).await
}

fn request() -> Request {
    Request { messages: vec![Arc::new(Message::user("hello"))], ..Request::default() }
}

fn stream(pieces: &[String]) -> Act {
    let mut pieces = pieces.to_vec();
    pieces.push(DONE.to_owned());
    Act::Stream(pieces, Ending::Whole)
}

#[tokio::test]
async fn words_calls_and_a_usage_chunk_with_empty_choices() {
    let piece = |arguments: &str| {
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}), None)
    };
    let endpoint = Endpoint::acts(vec![stream(&[
        delta(json!({"role": "assistant", "content": "I "}), None),
        delta(json!({"content": "look."}), None),
        delta(
            json!({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "bash", "arguments": ""}}]}),
            None,
        ),
        piece("{\"command\":"),
        piece("\"ls\"}"),
        delta(json!({}), Some("tool_calls")),
        usage(11, 7),
    ])]);
    let model = HttpModel::new(place(&endpoint, Dialect::OpenAiChat)).unwrap();
    let mut words = Vec::new();
    let mut sink = |delta: Delta<'_>| {
        if let Delta::Text(text) = delta {
            words.push(text.to_owned());
        }
    };
    let reply = model.complete(&request(), &mut sink).await.unwrap();
    assert_eq!(words, ["I ", "look."]);
    assert_eq!((reply.text.as_str(), reply.finish), ("I look.", Finish::Calls));
    assert_eq!(reply.calls[0].arguments, "{\"command\":\"ls\"}");
    assert_eq!(reply.usage, Some(Usage { input: 11, cached: 0, output: 7 }));
}

#[tokio::test]
async fn ollama_sends_whole_calls_with_one_index_objects_and_a_wrong_reason() {
    let call = |id: &str| json!({"index": 0, "id": id, "function": {"name": "add", "arguments": {"a": 1}}});
    let reply = chat(vec![stream(&[
        delta(json!({"content": "", "tool_calls": [call("x")]}), None),
        delta(json!({"content": "", "tool_calls": [call("y")]}), None),
        delta(json!({}), Some("stop")),
    ])])
    .await
    .unwrap();
    let arguments: Vec<&str> = reply.calls.iter().map(|call| call.arguments.as_str()).collect();
    assert_eq!((arguments, reply.finish), (vec!["{\"a\":1}"; 2], Finish::Calls));
    assert_eq!(reply.usage, None);
}

#[tokio::test]
async fn openrouter_comments_are_skipped_and_errors_within_200_are_errors() {
    let comment = ": OPENROUTER PROCESSING\n\n".to_owned();
    let error = event(
        &json!({"error": {"code": 502, "message": "Provider returned error"}, "choices": []}),
    );
    let good =
        chat(vec![stream(&[comment.clone(), delta(json!({"content": "ok"}), Some("stop"))])]).await;
    assert_eq!(good.unwrap().text, "ok");
    let amid = chat(vec![stream(&[comment, delta(json!({"content": "half"}), None), error])]).await;
    assert_eq!(amid.unwrap_err().class(), "transient");
    let whole = chat(vec![fails(200, r#"{"error":{"code":429,"message":"Rate limited"}}"#)]).await;
    assert_eq!(whole.unwrap_err().class(), "rate_limited");
    let reason = chat(vec![stream(&[delta(json!({"content": "half"}), Some("error"))])]).await;
    assert_eq!(reason.unwrap_err().class(), "cut");
}

#[tokio::test]
async fn llama_server_loads_and_overflows() {
    let loading = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    assert_eq!(chat(vec![fails(503, loading)]).await.unwrap_err().class(), "transient");
    let full = r#"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#;
    let ModelError::Overflow { used, window, .. } = chat(vec![fails(400, full)]).await.unwrap_err()
    else {
        panic!("not an overflow");
    };
    assert_eq!((used, window), (Some(5000), Some(4096)));
}

#[tokio::test]
async fn a_stream_cut_short_is_a_failure_however_it_is_cut() {
    let half = vec![delta(json!({"content": "half an ans"}), None)];
    for ending in [Ending::Whole, Ending::Cut] {
        let error = chat(vec![Act::Stream(half.clone(), ending)]).await.unwrap_err();
        assert_eq!(error.class(), "cut", "{ending:?}");
    }
    let within = vec!["data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\ndata: {".to_owned()];
    assert_eq!(chat(vec![Act::Stream(within, Ending::Whole)]).await.unwrap_err().class(), "cut");
    let start = event(&json!({"type": "message_start", "message": {"usage": {"input_tokens": 3}}}));
    let error = ask(vec![Act::Stream(vec![start], Ending::Whole)], Dialect::Anthropic).await;
    assert_eq!(error.unwrap_err().class(), "cut");
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_given_up() {
    assert_eq!(chat(vec![Act::Hang]).await.unwrap_err().class(), "hung");
    let begun = vec![delta(json!({"content": "a"}), None)];
    assert_eq!(chat(vec![Act::Stream(begun, Ending::Hang)]).await.unwrap_err().class(), "hung");
    assert_eq!(
        chat(vec![Act::Stream(Vec::new(), Ending::Hang)]).await.unwrap_err().class(),
        "hung"
    );
}

#[tokio::test]
async fn a_reply_of_a_gigabyte_is_given_up_early() {
    let error = chat(vec![Act::Flood("text/event-stream", 1 << 30)]).await.unwrap_err();
    assert_eq!(error, ModelError::TooLarge { limit_bytes: 1 << 20 });
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let model = HttpModel::new(Place::new(&url, Dialect::OpenAiChat, "m").unwrap()).unwrap();
    let error = model.complete(&request(), &mut |_| {}).await.unwrap_err();
    assert_eq!((error.class(), error.is_retryable()), ("unreachable", false));
    let said = error.to_string();
    assert!(said.contains(&url) && said.contains("lore model serve"), "{said}");
}

#[tokio::test]
async fn a_web_page_in_place_of_an_api_is_named_and_not_asked_again() {
    let page = "<!doctype html>\n<title>Sign in to this network</title>";
    for (kind, page) in [("text/html", page), ("text/plain", page), ("text/html", "Welcome")] {
        let endpoint = Endpoint::start(move |_, _| answer(200, kind, page));
        for dialect in [Dialect::OpenAiChat, Dialect::Anthropic] {
            let model = HttpModel::new(place(&endpoint, dialect)).unwrap();
            let error = model.complete(&request(), &mut |_| {}).await.unwrap_err();
            assert_eq!((error.class(), error.is_retryable()), ("web_page", false));
            let said = error.to_string();
            assert!(said.contains(&endpoint.url) && said.contains("sign-in"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_read_whole() {
    let body = json!({"choices": [{"message": {"content": "hi", "tool_calls": [
        {"id": "a", "function": {"name": "t", "arguments": {"x": 1}}}]}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2}});
    let reply = chat(vec![fails(200, &body.to_string())]).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.calls.len()), ("hi", 1));
    assert_eq!(chat(vec![fails(200, "{}")]).await.unwrap_err().class(), "malformed");
    assert_eq!(chat(vec![fails(200, "<html>")]).await.unwrap_err().class(), "malformed");
}

#[tokio::test]
async fn anthropic_blocks_become_a_reply() {
    let events = [
        json!({"type": "message_start", "message": {"model": "c", "usage": {"input_tokens": 4, "cache_read_input_tokens": 6}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "sig"}}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "ok"}}),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {}}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"command\":"}}),
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "\"ls\"}"}}),
        json!({"type": "content_block_stop", "index": 2}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ];
    let pieces = events.iter().map(event).collect();
    let reply = ask(vec![Act::Stream(pieces, Ending::Hang)], Dialect::Anthropic).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("ok", Finish::Calls));
    assert_eq!(reply.calls[0].arguments, "{\"command\":\"ls\"}");
    assert_eq!(reply.usage, Some(Usage { input: 10, cached: 6, output: 9 }));
    assert_eq!(reply.opaque, [json!({"type": "thinking", "thinking": "hm", "signature": "sig"})]);
    let busy = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert_eq!(
        ask(vec![fails(529, busy)], Dialect::Anthropic).await.unwrap_err().class(),
        "transient"
    );
    let amid = vec![event(&serde_json::from_str(busy).unwrap())];
    let error = ask(vec![Act::Stream(amid, Ending::Whole)], Dialect::Anthropic).await;
    assert_eq!(error.unwrap_err().class(), "transient");
}

/// A conversation with everything in it.
fn conversation() -> Request {
    let call = |id: &str| Call {
        id: id.to_owned(),
        tool: "bash".to_owned(),
        arguments: json!({"command": "ls"}),
        unreadable: None,
    };
    let result = |id: &str| {
        Message::Result(ToolResult {
            call: id.to_owned(),
            tool: "bash".to_owned(),
            text: "a b".to_owned(),
            is_error: false,
            exit_code: Some(0),
            duration_ms: None,
            hint: None,
        })
    };
    let messages = [
        Message::system("rules"),
        Message::user("task"),
        Message::Assistant {
            text: String::new(),
            calls: vec![call("1"), call("2")],
            opaque: Vec::new(),
        },
        result("1"),
        result("2"),
        Message::Control { kind: ControlKind::Loop, text: "stop that".to_owned() },
    ];
    let spec = ToolSpec {
        name: "bash".to_owned(),
        description: "runs".to_owned(),
        parameters: json!({"type": "object"}),
    };
    Request {
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: Arc::from([spec]),
        ..Request::default()
    }
}

async fn sent(dialect: Dialect) -> serde_json::Value {
    let endpoint = Endpoint::acts(Vec::new());
    let model = HttpModel::new(place(&endpoint, dialect)).unwrap();
    model.complete(&conversation(), &mut |_| {}).await.unwrap_err();
    endpoint.seen()[0].body.clone()
}

#[tokio::test]
async fn a_conversation_as_chat_completions() {
    let body = sent(Dialect::OpenAiChat).await;
    let roles: Vec<&str> =
        body["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool", "user"]);
    // Arguments are a text on this wire, and guidance is marked as what it is.
    assert_eq!(
        body["messages"][2]["tool_calls"][1]["function"]["arguments"],
        "{\"command\":\"ls\"}"
    );
    assert!(
        body["messages"][5]["content"]
            .as_str()
            .unwrap()
            .starts_with("<harness_note kind=\"loop\">")
    );
    assert_eq!(body["tools"][0]["function"]["parameters"], json!({"type": "object"}));
    assert_eq!(body["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn a_conversation_as_anthropic_messages() {
    let body = sent(Dialect::Anthropic).await;
    assert_eq!(body["system"][0]["text"], "rules");
    let turns = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = turns.iter().map(|turn| turn["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    let kinds: Vec<&str> = turns[2]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text"]);
    assert_eq!(turns[1]["content"][0]["input"], json!({"command": "ls"}));
    assert_eq!(body["tools"][0]["input_schema"], json!({"type": "object"}));
    assert!(body["max_tokens"].is_u64());
    // Marks for the cache: the end of the tools, of the rules, and of the conversation.
    for block in [&body["tools"][0], &body["system"][0], &turns[2]["content"][2]] {
        assert_eq!(block["cache_control"]["type"], "ephemeral");
    }
}

#[tokio::test]
async fn the_key_is_sent_and_never_shown() {
    let secret = format!("{}-{}", "odd", "format/of+a=key");
    let echo = secret.clone();
    let endpoint = Endpoint::start(move |_, seen| {
        assert!(seen.headers.values().any(|value| value.contains(&echo)));
        fails(401, &json!({"error": {"message": format!("bad key {echo}")}}).to_string())
    });
    for dialect in [Dialect::OpenAiChat, Dialect::Anthropic] {
        let place = place(&endpoint, dialect).with_key(SecretString::from(secret.clone())).unwrap();
        let shown = format!("{place:?}");
        let model = HttpModel::new(place).unwrap();
        let error = model.complete(&request(), &mut |_| {}).await.unwrap_err();
        assert_eq!(error.class(), "auth");
        for text in [shown, format!("{model:?}"), format!("{error:?}"), error.to_string()] {
            assert!(!text.contains(&secret), "{text}");
        }
    }
    assert_eq!(endpoint.seen().len(), 2);
}

#[tokio::test]
async fn a_redirect_does_not_take_the_key_along() {
    let thief = Endpoint::acts(vec![says("thanks")]);
    let location = format!("{}/messages", thief.url);
    let endpoint = Endpoint::acts(vec![answer(307, "text/plain", "").with("location", location)]);
    let place = place(&endpoint, Dialect::Anthropic).with_key(SecretString::from("k")).unwrap();
    let error = HttpModel::new(place).unwrap().complete(&request(), &mut |_| {}).await.unwrap_err();
    assert_eq!(error.class(), "refused");
    assert!(thief.seen().is_empty());
}

#[test]
fn a_key_does_not_travel_in_urls_or_unencrypted() {
    let new = |url: &str| Place::new(url, Dialect::OpenAiChat, "m");
    for url in
        ["ftp://a/v1", "a/v1", "https://user:word@a.example/v1", "https://a.example/v1?key=x"]
    {
        assert!(new(url).is_err(), "{url}");
    }
    let key = || SecretString::from("k");
    assert!(new("http://a.example/v1").unwrap().with_key(key()).is_err());
    for url in [
        "https://a.example/v1",
        "http://127.0.0.1:1/v1",
        "http://[::1]:1/v1",
        "http://localhost/v1/",
    ] {
        assert!(new(url).unwrap().with_key(key()).is_ok(), "{url}");
    }
    assert!(new("https://a.example").unwrap().with_key(SecretString::from("a\nb")).is_err());
}

#[tokio::test]
async fn a_probe_finds_out_what_is_there_and_what_is_not() {
    let able = Endpoint::start(|_, seen| {
        let list = json!({"data": [{"id": "other", "max_model_len": 1}, {"id": "m", "max_model_len": 32768}]});
        match seen.path.as_str() {
            "/v1/models" => fails(200, &list.to_string()),
            _ if seen.body["tools"].is_array() => calls(&[("1", "add", "{\"a\":2,\"b\":3}")]),
            _ if seen.body["response_format"].is_object() => says("{\"ok\": true}"),
            _ => stream(&[
                delta(json!({"content": "one"}), None),
                delta(json!({"content": " two"}), Some("stop")),
                usage(9, 2),
            ]),
        }
    });
    let found = probe(&HttpModel::new(place(&able, Dialect::OpenAiChat)).unwrap()).await.unwrap();
    assert!(
        found.streaming && found.usage && found.tools && found.json && found.effort,
        "{found:?}"
    );
    assert_eq!(found.window_tokens, Some(32_768));

    let plain = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/props" => fails(200, r#"{"default_generation_settings":{"n_ctx":4096}}"#),
        "/v1/models" => fails(200, r#"{"data":[{"id":"m","meta":{"n_ctx_train":131072}}]}"#),
        _ if seen.body["tools"].is_array() => fails(400, r#"{"error":"m does not support tools"}"#),
        _ if seen.body["reasoning_effort"].is_string() => {
            fails(400, r#"{"error":"unknown field"}"#)
        }
        _ => says("hello"),
    });
    let found = probe(&HttpModel::new(place(&plain, Dialect::OpenAiChat)).unwrap()).await.unwrap();
    assert!(
        !found.streaming && !found.usage && !found.tools && !found.json && !found.effort,
        "{found:?}"
    );
    assert_eq!(found.window_tokens, Some(4096));
}
