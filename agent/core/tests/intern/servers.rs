//! Differences between servers, each by name; beside the recorded streams of `model`.

use std::sync::Arc;

use lore_agent::model::{
    Dialect, Effort, Endpoint as Place, Finish, HttpModel, Message, Model, ModelError, Reply,
    Request, Usage, probe,
};
use lore_agent::tool::ToolSpec;
use serde_json::{Value, json};

use lore_test_endpoint::chat::{DONE, delta, event, says, usage};
use lore_test_endpoint::{Act, Ending, Endpoint, fails};

fn model(endpoint: &Endpoint, dialect: Dialect) -> HttpModel {
    HttpModel::new(Place::new(&endpoint.url, dialect, "m").unwrap()).unwrap()
}

async fn ask(act: Act, dialect: Dialect, request: Request) -> Result<Reply, ModelError> {
    let endpoint = Endpoint::acts(vec![act]);
    model(&endpoint, dialect).complete(&request, &mut |_| {}).await
}

fn request() -> Request {
    Request { messages: vec![Arc::new(Message::user("hello"))], ..Request::default() }
}

fn with_tool() -> Request {
    let tool = ToolSpec {
        name: "add".to_owned(),
        description: "adds".to_owned(),
        parameters: json!({"type": "object"}),
    };
    Request { tools: Arc::from([tool]), ..request() }
}

fn stream(pieces: &[String]) -> Act {
    let mut pieces = pieces.to_vec();
    pieces.push(DONE.to_owned());
    Act::Stream(pieces, Ending::Whole)
}

#[tokio::test]
async fn ollama_is_never_asked_for_what_it_ignores() {
    // It takes no notice of `tool_choice`, and of a context size only in its own API.
    let endpoint = Endpoint::acts(Vec::new());
    for dialect in [Dialect::OpenAiChat, Dialect::Anthropic] {
        let _ = model(&endpoint, dialect).complete(&with_tool(), &mut |_| {}).await;
    }
    for seen in endpoint.seen() {
        assert!(seen.body["tools"].is_array());
        for field in ["tool_choice", "options", "num_ctx"] {
            assert!(seen.body.get(field).is_none(), "{field}");
        }
    }
}

#[tokio::test]
async fn ollama_tells_the_window_it_loaded_and_not_what_the_model_was_trained_for() {
    let endpoint = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/v1/models" => fails(200, r#"{"object":"list","data":[{"id":"m","owned_by":"library"}]}"#),
        "/api/ps" => fails(
            200,
            r#"{"models":[{"name":"other","context_length":8192},{"name":"m","context_length":4096}]}"#,
        ),
        path if path.starts_with("/v1/chat") => says("hello"),
        _ => fails(404, "404 page not found"),
    });
    let found = probe(&model(&endpoint, Dialect::OpenAiChat)).await.unwrap();
    assert_eq!(found.window_tokens, Some(4096));
}

#[tokio::test]
async fn ollama_says_stop_at_the_output_limit_and_the_count_tells() {
    let limited = Request { max_output_tokens: Some(16), ..request() };
    for (written, finish) in [(16, Finish::Length), (15, Finish::Stop)] {
        let reply = stream(&[
            delta(json!({"content": "half an"}), None),
            delta(json!({}), Some("stop")),
            usage(5, written),
        ]);
        let reply = ask(reply, Dialect::OpenAiChat, limited.clone()).await.unwrap();
        assert_eq!(reply.finish, finish);
    }
}

#[tokio::test]
async fn vllm_without_its_flags_for_tools_is_told_from_a_wrong_request() {
    let words = r#"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"#;
    let old = format!(
        r#"{{"object":"error","message":"{words}","type":"BadRequestError","param":null,"code":400}}"#
    );
    let new = format!(r#"{{"error":{{"message":"{words}","type":"BadRequestError","code":400}}}}"#);
    for body in [old, new] {
        let error = ask(fails(400, &body), Dialect::OpenAiChat, with_tool()).await.unwrap_err();
        assert_eq!(error.class(), "no_tools");
        assert!(!error.is_retryable() && error.to_string().contains("text mode"), "{error}");
    }
    let other =
        r#"{"object":"error","message":"bad temperature","type":"BadRequestError","code":400}"#;
    let error = ask(fails(400, other), Dialect::OpenAiChat, with_tool()).await.unwrap_err();
    assert_eq!(error.class(), "refused");
}

#[tokio::test]
async fn llama_server_s_anthropic_messages_load_and_overflow_like_its_chat() {
    // Its errors have OpenAI's shape on this path too.
    let loading = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    let error = ask(fails(503, loading), Dialect::Anthropic, request()).await.unwrap_err();
    assert_eq!(error.class(), "transient");
    let full = r#"{"error":{"code":400,"message":"request (2009 tokens) exceeds the available context size (512 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":2009,"n_ctx":512}}"#;
    let error = ask(fails(400, full), Dialect::Anthropic, request()).await.unwrap_err();
    let ModelError::Overflow { used, window, .. } = error else { panic!("{error}") };
    assert_eq!((used, window), (Some(2009), Some(512)));
}

#[tokio::test]
async fn arguments_may_be_a_text_or_an_object_in_both_dialects_streamed_or_whole() {
    let arguments =
        |reply: Reply| -> Value { serde_json::from_str(&reply.calls[0].arguments).unwrap() };
    for sent in [json!("{\"a\":1}"), json!({"a": 1})] {
        let call = json!([{"index": 0, "id": "c", "function": {"name": "add", "arguments": sent}}]);
        let whole =
            json!({"choices": [{"message": {"tool_calls": call}, "finish_reason": "tool_calls"}]});
        let streamed = stream(&[delta(json!({"tool_calls": call}), Some("tool_calls"))]);
        for act in [streamed, fails(200, &whole.to_string())] {
            let reply = ask(act, Dialect::OpenAiChat, with_tool()).await.unwrap();
            assert_eq!(arguments(reply), json!({"a": 1}));
        }
        let block = json!({"type": "tool_use", "id": "t", "name": "add", "input": sent});
        let streamed = [
            json!({"type": "message_start", "message": {}}),
            json!({"type": "content_block_start", "index": 0, "content_block": block}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
            json!({"type": "message_stop"}),
        ];
        let streamed = Act::Stream(streamed.iter().map(event).collect(), Ending::Whole);
        let whole = json!({"content": [block], "stop_reason": "tool_use"});
        for act in [streamed, fails(200, &whole.to_string())] {
            let reply = ask(act, Dialect::Anthropic, with_tool()).await.unwrap();
            assert_eq!(reply.finish, Finish::Calls);
            assert_eq!(arguments(reply), json!({"a": 1}));
        }
    }
}

#[tokio::test]
async fn usage_may_be_missing_null_or_nonsense_everywhere() {
    for usage in [json!(null), json!({}), json!({"prompt_tokens": -3, "completion_tokens": "many"})]
    {
        let last = event(&json!({"choices": [], "usage": usage}));
        let reply = stream(&[delta(json!({"content": "hi"}), Some("stop")), last]);
        let reply = ask(reply, Dialect::OpenAiChat, request()).await.unwrap();
        assert_eq!(reply.text, "hi");
        assert!(reply.usage.is_none_or(|told| told == Usage::default()), "{:?}", reply.usage);
        let whole = json!({
            "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": usage
        });
        let reply =
            ask(fails(200, &whole.to_string()), Dialect::Anthropic, request()).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.usage), ("hi", None));
    }
}

#[tokio::test]
async fn anthropic_streams_that_end_early_are_cut_wherever_that_is() {
    let whole = [
        json!({"type": "message_start", "message": {"usage": {"input_tokens": 3}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "half"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}),
    ];
    for until in 0..=whole.len() {
        for ending in [Ending::Whole, Ending::Cut] {
            let pieces = whole[..until].iter().map(event).collect();
            let error =
                ask(Act::Stream(pieces, ending), Dialect::Anthropic, request()).await.unwrap_err();
            assert_eq!(error.class(), "cut", "after {until} events, {ending:?}");
        }
    }
}

#[tokio::test]
async fn effort_goes_to_each_dialect_in_its_own_words_or_not_at_all() {
    let endpoint = Endpoint::acts(Vec::new());
    let chat = model(&endpoint, Dialect::OpenAiChat);
    let _ = chat.complete(&request(), &mut |_| {}).await;
    let hard = Request { effort: Some(Effort::High), ..request() };
    let _ = chat.complete(&hard, &mut |_| {}).await;
    let seen = endpoint.seen();
    assert!(seen[0].body.get("reasoning_effort").is_none());
    assert_eq!(seen[1].body["reasoning_effort"], "high");
}
