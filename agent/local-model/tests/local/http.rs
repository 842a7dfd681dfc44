//! Answers of the server, and its treatment of clients that go, wait or ask too much.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use lore_local_model::{ChatMessage, Ended, LocalError, Role, Step};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Running, SOON, client, endless, events, generated, post, say};

fn hello() -> Value {
    json!({ "messages": [{ "role": "user", "content": "hello" }] })
}

fn streamed(usage: bool) -> Value {
    let mut ask = hello();
    ask["stream"] = json!(true);
    ask["stream_options"] = json!({ "include_usage": usage });
    ask
}

#[tokio::test]
async fn a_whole_answer_has_its_text_its_end_and_its_tokens() {
    let server = Running::start(|_, sink| Ok(say(&["Good ", "day", "."], sink))).await;
    let (status, body) = server.post(&hello()).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "scripted");
    let message = json!({ "role": "assistant", "content": "Good day." });
    assert_eq!(
        answer["choices"],
        json!([{ "index": 0, "message": message, "finish_reason": "stop" }])
    );
    assert_eq!(
        answer["usage"],
        json!({
            "prompt_tokens": 11,
            "completion_tokens": 4,
            "total_tokens": 15,
            "prompt_tokens_details": { "cached_tokens": 4 },
        })
    );
    let timings =
        json!({ "prompt_n": 7, "prompt_ms": 20.0, "predicted_n": 4, "predicted_ms": 10.0 });
    assert_eq!(answer["timings"], timings);
    assert!(server.stop().await.is_ok());
}

#[tokio::test]
async fn a_stream_begins_with_who_speaks_and_ends_with_why_and_usage_when_asked() {
    let server = Running::start(|_, sink| Ok(say(&["Good ", "", "day"], sink))).await;
    for usage in [false, true] {
        let (status, body) = server.post(&streamed(usage)).await;
        assert_eq!(status, 200);
        let mut events = events(&body);
        assert_eq!(events.pop().as_deref(), Some("[DONE]"));
        let events: Vec<Value> =
            events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        let choices: Vec<&Value> = events.iter().map(|event| &event["choices"]).collect();
        let chunk = |delta: Value, finish: Value| json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        let mut expected = vec![
            chunk(json!({ "role": "assistant", "content": "" }), Value::Null),
            chunk(json!({ "content": "Good " }), Value::Null),
            chunk(json!({ "content": "day" }), Value::Null),
            chunk(json!({}), json!("stop")),
        ];
        if usage {
            expected.push(json!([]));
        }
        assert_eq!(choices, expected.iter().collect::<Vec<_>>());
        let told: Vec<bool> = events.iter().map(|event| event["usage"].is_object()).collect();
        assert_eq!(told.iter().filter(|&&told| told).count(), usize::from(usage));
        assert_eq!(told.last(), Some(&usage));
    }
}

#[tokio::test]
async fn what_is_asked_reaches_the_generator() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let server = Running::start(move |ask, sink| {
        kept.lock().unwrap().push(ask.clone());
        Ok(say(&["x"], sink))
    })
    .await;
    let mut ask = json!({
        "model": "whatever",
        "messages": [
            { "role": "developer", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "1", "type": "function", "function": { "name": "f", "arguments": "{\"a\": 1}" } },
            ] },
            { "role": "tool", "tool_call_id": "1", "content": "done" },
        ],
        "max_tokens": 7, "temperature": 0.7, "seed": 3, "top_p": 1, "stop": [], "user": "u",
        "response_format": { "type": "text" }, "tools": [],
    });
    assert_eq!(server.post(&ask).await.0, 200);
    ask["max_completion_tokens"] = json!(9);
    ask["temperature"] = Value::Null;
    assert_eq!(server.post(&ask).await.0, 200);
    assert_eq!(server.post(&hello()).await.0, 200);
    let seen = seen.lock().unwrap();
    let call = ("f".to_owned(), "{\"a\": 1}".to_owned());
    let messages = vec![
        ChatMessage::new(Role::System, "Be brief."),
        ChatMessage::new(Role::User, "ab"),
        ChatMessage { calls: vec![call], ..ChatMessage::new(Role::Assistant, "") },
        ChatMessage::new(Role::Tool, "done"),
    ];
    assert_eq!(seen[0].messages, messages);
    let asked = |at: usize| {
        let ask: &lore_local_model::Ask = &seen[at];
        (ask.max_tokens, ask.temperature_milli, ask.seed)
    };
    assert_eq!([asked(0), asked(1), asked(2)], [(Some(7), 700, 3), (Some(9), 0, 3), (None, 0, 0)]);
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_its_name() {
    let server = Running::start(|_, _| panic!("nothing may be asked")).await;
    let cases = [
        ("tools", json!([{ "type": "function" }]), "does not support tools"),
        ("response_format", json!({ "type": "json_object" }), "response_format"),
        ("reasoning_effort", json!("low"), "reasoning_effort"),
        ("stop", json!(["\n"]), "stop"),
        ("n", json!(2), "`n`"),
        ("top_p", json!(0.9), "top_p"),
        ("logprobs", json!(true), "logprobs"),
        ("messages", json!([]), "messages"),
        ("messages", json!([{ "role": "judge", "content": "x" }]), "judge"),
        ("messages", json!([{ "role": "user", "content": [{ "type": "image_url" }] }]), "content"),
        ("max_tokens", json!(0), "max_tokens"),
        ("temperature", json!(2.5), "temperature"),
        ("temperature", json!("hot"), "cannot be read"),
    ];
    for (name, value, told) in cases {
        let mut ask = hello();
        ask[name] = value;
        let (status, body) = server.post(&ask).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(400)), "{name}");
        assert_eq!(answer["error"]["type"], "invalid_request_error");
        assert!(answer["error"]["message"].as_str().unwrap().contains(told), "{name}: {answer}");
    }
}

#[tokio::test]
async fn other_hosts_other_bodies_and_other_paths_are_refused() {
    let server = Running::start(|_, _| panic!("nothing may be asked")).await;
    let url = server.url("/v1/chat/completions");
    let status = async |request: reqwest::RequestBuilder| {
        request.timeout(SOON).send().await.unwrap().status().as_u16()
    };
    let json =
        |request: reqwest::RequestBuilder| request.header("content-type", "application/json");
    let http = client();
    assert_eq!(status(json(http.post(&url)).header("host", "evil.example").body("{}")).await, 403);
    assert_eq!(
        status(http.get(server.url("/v1/models")).header("host", "evil.example:80")).await,
        403
    );
    assert_eq!(status(http.post(&url).header("content-type", "text/plain").body("{}")).await, 415);
    assert_eq!(status(http.post(&url).body("{}")).await, 415);
    assert_eq!(status(json(http.post(&url)).body("{")).await, 400);
    assert_eq!(status(json(http.post(&url)).body(" ".repeat((8 << 20) + 1))).await, 413);
    assert_eq!(status(http.get(&url)).await, 405);
    assert_eq!(status(http.get(server.url("/v1/embeddings"))).await, 404);
    for host in ["localhost", "localhost:1", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(
            status(http.get(server.url("/health")).header("host", host)).await,
            200,
            "{host}"
        );
    }
}

#[tokio::test]
async fn too_long_a_prompt_is_told_as_llama_cpp_tells_it() {
    let server = Running::start(|_, _| {
        Err(LocalError::TooLong { prompt_tokens: 9012, window_tokens: 4096 })
    })
    .await;
    for ask in [hello(), streamed(true)] {
        let (status, body) = server.post(&ask).await;
        let error = &serde_json::from_str::<Value>(&body).unwrap()["error"];
        assert_eq!(status, 400);
        assert_eq!(error["type"], "exceed_context_size_error");
        assert_eq!((&error["n_prompt_tokens"], &error["n_ctx"]), (&json!(9012), &json!(4096)));
    }
}

#[tokio::test]
async fn a_client_that_goes_ends_its_generation() {
    for stream in [false, true] {
        let (stopped, until_stopped) = mpsc::channel();
        let (started, until_started) = mpsc::channel();
        let mut first = true;
        let server = Running::start(move |_, sink| {
            if std::mem::replace(&mut first, false) {
                assert!(sink(Step::Text("begun")).is_continue());
                started.send(()).unwrap();
                return Ok(endless(sink, &stopped));
            }
            Ok(say(&["next"], sink))
        })
        .await;
        let ask = if stream { streamed(false) } else { hello() }.to_string();
        let mut gone = TcpStream::connect(server.address).await.unwrap();
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let request = format!("{head}content-length: {}\r\n\r\n{ask}", ask.len());
        gone.write_all(request.as_bytes()).await.unwrap();
        if stream {
            let mut byte = [0];
            gone.read_exact(&mut byte).await.unwrap();
        }
        let wait = move |until: mpsc::Receiver<()>| {
            tokio::task::spawn_blocking(move || until.recv_timeout(SOON).unwrap())
        };
        wait(until_started).await.unwrap();
        drop(gone);
        wait(until_stopped).await.unwrap();
        let (status, body) = server.post(&hello()).await;
        assert_eq!(status, 200);
        assert!(body.contains("next"), "{body}");
    }
}

#[tokio::test]
async fn one_is_answered_eight_wait_and_more_are_sent_away() {
    let (started, until_started) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let (now, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let counted = (Arc::clone(&now), Arc::clone(&most));
    let server = Running::start(move |_, sink| {
        let at_once = {
            let mut now = counted.0.lock().unwrap();
            *now += 1;
            *now
        };
        let before = *counted.1.lock().unwrap();
        *counted.1.lock().unwrap() = before.max(at_once);
        let _ = started.send(());
        // Opened once, for all.
        let _ = gate.recv_timeout(SOON);
        let said = say(&["x"], sink);
        *counted.0.lock().unwrap() -= 1;
        Ok(said)
    })
    .await;
    let url = server.url("/v1/chat/completions");
    let (tell, mut answers) = tokio::sync::mpsc::channel(16);
    let ask = || {
        let (url, tell) = (url.clone(), tell.clone());
        tokio::spawn(async move { tell.send(post(&url, &hello()).await.0).await.unwrap() });
    };
    ask();
    tokio::task::spawn_blocking(move || until_started.recv_timeout(SOON).unwrap()).await.unwrap();
    for _ in 0..10 {
        ask();
    }
    // Nobody else can have been answered while the gate is shut.
    assert_eq!([answers.recv().await, answers.recv().await], [Some(503); 2]);
    drop(open);
    for _ in 0..9 {
        assert_eq!(answers.recv().await, Some(200));
    }
    assert_eq!(*most.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let long = "many words ".repeat(2000);
    let server = Running::start(move |ask, sink| {
        if ask.max_tokens.is_some() {
            return Ok(say(&["short"], sink));
        }
        Ok(say(&vec![long.as_str(); 500], sink))
    })
    .await;
    let request = client().post(server.url("/v1/chat/completions"));
    let request = request.header("content-type", "application/json");
    // Eleven megabytes, of which only the head is read.
    let unread = request.body(streamed(false).to_string()).send().await.unwrap();
    let mut short = hello();
    short["max_tokens"] = json!(4);
    assert!(server.post(&short).await.1.contains("short"));
    assert!(unread.text().await.unwrap().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn stopping_ends_the_generation_under_way() {
    let (stopped, until_stopped) = mpsc::channel();
    let server = Running::start(move |_, sink| {
        assert!(sink(Step::Text("begun")).is_continue());
        Ok(endless(sink, &stopped))
    })
    .await;
    let request = client().post(server.url("/v1/chat/completions"));
    let request = request.header("content-type", "application/json");
    let answer = request.body(streamed(false).to_string()).send().await.unwrap();
    assert!(server.stop().await.is_ok());
    until_stopped.try_recv().unwrap();
    // Cut, and not ended as if it were whole.
    assert!(answer.text().await.is_err());
}

#[tokio::test]
async fn a_generator_that_breaks_down_is_told_and_ends_the_server() {
    let server = Running::start(|_, _| panic!("a planted fault")).await;
    let (status, body) = server.post(&hello()).await;
    assert_eq!(status, 500, "{body}");
    let ended = tokio::time::timeout(SOON, server.served).await.unwrap().unwrap();
    assert!(matches!(ended, Err(LocalError::Broken)), "{ended:?}");
}

#[tokio::test]
async fn a_failure_amid_a_stream_is_an_event_and_no_end() {
    let server = Running::start(|_, sink| {
        let _ = sink(Step::Text("half"));
        Err(LocalError::Compute("it overheated".to_owned()))
    })
    .await;
    let (status, body) = server.post(&streamed(true)).await;
    let events = events(&body);
    assert_eq!(status, 200);
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["type"], "server_error");
    assert!(!body.contains("[DONE]") && !body.contains("\"finish_reason\":\"stop\""));
    let (status, body) = server.post(&hello()).await;
    assert_eq!(status, 500);
    assert!(body.contains("it overheated"));
}

#[tokio::test]
async fn a_reply_at_its_limit_says_so() {
    let server = Running::start(|_, sink| {
        let _ = sink(Step::Text("cut"));
        Ok(generated(Ended::Length, 1))
    })
    .await;
    let (_, body) = server.post(&hello()).await;
    assert!(body.contains("\"finish_reason\":\"length\""), "{body}");
}
