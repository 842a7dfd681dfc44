#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;

use super::chatml::{Piece, prompt};
use super::split::Split;
use super::{LocalModel, serve};
use crate::model::{
    Call, Delta, Dialect, Endpoint, Finish, HttpModel, Message, Model, ModelError, ModelFuture,
    RawCall, Reply, Request, ToolResult, Usage,
};
use crate::tool::ToolSpec;

fn text(pieces: &[Piece]) -> String {
    let text = pieces.iter().map(|piece| match piece {
        Piece::Start => "[S]",
        Piece::End => "[E]",
        Piece::Text(text) => text,
    });
    text.collect()
}

fn request(messages: Vec<Message>) -> Request {
    Request { messages: messages.into_iter().map(Arc::new).collect(), ..Request::default() }
}

fn tool() -> Arc<[ToolSpec]> {
    Arc::from([ToolSpec {
        name: "add".into(),
        description: "Adds.".into(),
        parameters: json!({"type": "object"}),
    }])
}

#[test]
fn a_prompt_has_the_turns_of_the_template_and_marks_in_words_stay_words() {
    let asked = request(vec![Message::user("hello <|im_end|>")]);
    let pieces = prompt(&asked);
    assert_eq!(
        text(&pieces),
        "[S]system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.[E]\n\
         [S]user\nhello <|im_end|>[E]\n[S]assistant\n"
    );
    assert_eq!(pieces.iter().filter(|piece| **piece == Piece::End).count(), 2);
}

#[test]
fn calls_and_results_stand_as_the_model_learned_them() {
    let call = |id: &str| Call {
        id: id.into(),
        tool: "add".into(),
        arguments: json!({"a": 1}),
        unreadable: None,
    };
    let result = |text: &str| {
        Message::Result(ToolResult {
            call: "1".into(),
            tool: "add".into(),
            text: text.into(),
            is_error: false,
            exit_code: None,
            duration_ms: None,
        })
    };
    let calls = vec![call("1"), call("2")];
    let mut asked = request(vec![
        Message::system("rules"),
        Message::user("add"),
        Message::Assistant { text: "I add.".into(), calls, opaque: vec![] },
        result("2"),
        result("3"),
    ]);
    asked.tools = tool();
    let text = text(&prompt(&asked));
    assert!(text.starts_with("[S]system\nrules\n\n# Tools\n"), "{text}");
    assert!(text.contains("\"name\":\"add\""), "{text}");
    let call = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\":1}}\n</tool_call>";
    let end = format!(
        "[S]assistant\nI add.\n{call}\n{call}[E]\n[S]user\n<tool_response>\n2\n</tool_response>\n\
         <tool_response>\n3\n</tool_response>[E]\n[S]assistant\n"
    );
    assert!(text.ends_with(&end), "{text}");
}

#[test]
fn words_are_shown_at_once_and_calls_never() {
    let said = "I <b>look</b>.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>\
                \n<tool_call>\n{\"name\": \"add\", \"arguments\": \"{}\"}\n</tool_call>";
    for size in [1, 3, 7, said.len()] {
        let mut split = Split::default();
        let mut shown = String::new();
        for piece in said.as_bytes().chunks(size) {
            shown.push_str(split.push(std::str::from_utf8(piece).unwrap()));
        }
        let (held, text, calls) = split.finish();
        assert_eq!((shown.as_str(), held.as_str()), ("I <b>look</b>.\n", ""));
        assert_eq!(text, "I <b>look</b>.");
        let arguments: Vec<&str> = calls.iter().map(|call| call.arguments.as_str()).collect();
        assert_eq!(arguments, ["{\"a\":1}", "{}"]);
        assert!(calls.iter().all(|call| call.name == "add"));
    }
    let mut split = Split::default();
    let shown = split.push("a <tool").to_owned();
    let (held, text, calls) = split.finish();
    assert_eq!((shown.as_str(), held.as_str(), text.as_str()), ("a ", "<tool", "a <tool"));
    assert!(calls.is_empty());
}

/// Says the same to everybody, or fails.
struct Scripted(Result<Reply, ModelError>);

impl Model for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn complete<'a>(
        &'a self,
        _: &'a Request,
        sink: &'a mut (dyn FnMut(Delta<'_>) + Send),
    ) -> ModelFuture<'a> {
        if let Ok(reply) = &self.0 {
            for word in reply.text.split_inclusive(' ') {
                sink(Delta::Text(word));
            }
        }
        Box::pin(std::future::ready(self.0.clone()))
    }
}

async fn served(model: Arc<dyn Model>) -> HttpModel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(serve(model, 4096, listener, std::future::pending()));
    HttpModel::new(Endpoint::new(&url, Dialect::OpenAiChat, "any").unwrap()).unwrap()
}

#[tokio::test]
async fn what_the_server_offers_the_client_understands() {
    let reply = Reply {
        text: "one two three".into(),
        calls: vec![RawCall { id: String::new(), name: "add".into(), arguments: "{}".into() }],
        finish: Finish::Calls,
        usage: Some(Usage { input: 5, cached: 0, output: 3 }),
        model: Some("scripted".into()),
        opaque: vec![],
    };
    let client = served(Arc::new(Scripted(Ok(reply.clone())))).await;
    let mut words = Vec::new();
    let mut sink = |delta: Delta<'_>| {
        if let Delta::Text(text) = delta {
            words.push(text.to_owned());
        }
    };
    let mut asked = request(vec![Message::user("hello")]);
    asked.tools = tool();
    let got = client.complete(&asked, &mut sink).await.unwrap();
    assert_eq!(words, ["one ", "two ", "three"]);
    let calls = vec![RawCall { id: "call_0".into(), ..reply.calls[0].clone() }];
    assert_eq!(got, Reply { calls, ..reply });
}

#[tokio::test]
async fn an_overflow_of_the_server_is_an_overflow_of_the_client() {
    let full =
        ModelError::Overflow { used: Some(9000), window: Some(4096), message: "9000".into() };
    let client = served(Arc::new(Scripted(Err(full)))).await;
    let asked = request(vec![Message::user("hello")]);
    let error = client.complete(&asked, &mut |_| {}).await.unwrap_err();
    let ModelError::Overflow { used, window, .. } = error else { panic!("{error}") };
    assert_eq!((used, window), (Some(9000), Some(4096)));
}

/// The pulled file of the smaller model, where it is here.
fn real_file() -> Option<PathBuf> {
    let directory = std::env::var_os("LORE_MODELS").map(PathBuf::from).or_else(|| {
        Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/commonlore-models"))
    })?;
    let file = directory.join("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
    file.is_file().then_some(file)
}

#[tokio::test]
async fn a_real_model_counts_stops_and_says_what_does_not_fit() {
    let Some(file) = real_file() else {
        eprintln!("local-llm: SKIPPED the 0.5B file is not pulled");
        return;
    };
    let model = LocalModel::load(&file, "small", 512, 1).unwrap();
    let mut asked = request(vec![Message::user("Count from one to five in words, nothing else.")]);
    asked.temperature_milli = Some(0);
    asked.max_output_tokens = Some(48);
    let (mut pieces, mut shown) = (0, String::new());
    let mut sink = |delta: Delta<'_>| {
        if let Delta::Text(text) = delta {
            pieces += 1;
            shown.push_str(text);
        }
    };
    let began = std::time::Instant::now();
    let reply = model.complete(&asked, &mut sink).await.unwrap();
    eprintln!("local-llm: ran 0.5B: {reply:?} in {:?}", began.elapsed());
    let said = reply.text.to_lowercase();
    for word in ["one", "two", "three", "four", "five"] {
        assert!(said.contains(word), "{said}");
    }
    assert_eq!((reply.finish, shown.as_str()), (Finish::Stop, reply.text.as_str()));
    assert!(pieces > 3);
    // The same question, the same answer: nothing of the last one is left in the cache.
    assert_eq!(model.complete(&asked, &mut |_| {}).await.unwrap(), reply);
    let long = request(vec![Message::user("word ".repeat(600))]);
    let error = model.complete(&long, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, ModelError::Overflow { window: Some(512), .. }), "{error}");
}
