//! Both clients against a real model server, when `LORE_REAL_MODEL` gives its base URL
//! (`http://127.0.0.1:PORT/v1`, as `lore model serve` prints it). Without it the test says so.
//! Claims are the clients' business; whether a small model calls a tool is only printed.

use std::sync::Arc;
use std::time::Instant;

use lore_agent::model::{
    Call, Delta, Dialect, Endpoint, Finish, HttpModel, Message, Model, ModelError, Request,
    ToolResult, probe,
};
use lore_agent::tool::ToolSpec;
use serde_json::json;

fn question(text: &str, most: u32) -> Request {
    Request {
        messages: vec![
            Arc::new(Message::system("You answer briefly.")),
            Arc::new(Message::user(text)),
        ],
        max_output_tokens: Some(most),
        temperature_milli: Some(0),
        ..Request::default()
    }
}

fn add() -> Arc<[ToolSpec]> {
    Arc::from([ToolSpec {
        name: "add".to_owned(),
        description: "Adds two whole numbers.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        }),
    }])
}

#[tokio::test]
async fn both_clients_work_with_a_real_model() {
    let Ok(url) = std::env::var("LORE_REAL_MODEL") else {
        eprintln!("real-model: SKIPPED LORE_REAL_MODEL is not set");
        return;
    };
    for dialect in [Dialect::OpenAiChat, Dialect::Anthropic] {
        let name = dialect.name();
        let model = HttpModel::new(Endpoint::new(&url, dialect, "default").unwrap()).unwrap();

        // Words come in pieces, whose sum is the reply, and tokens are told.
        let (mut pieces, mut text, began) = (0, String::new(), Instant::now());
        let mut sink = |delta: Delta<'_>| {
            if let Delta::Text(piece) = delta {
                pieces += 1;
                text.push_str(piece);
            }
        };
        let counting = question("Count from one to ten in words.", 64);
        let reply = model.complete(&counting, &mut sink).await.unwrap();
        eprintln!("{name}: {pieces} pieces in {:?}: {reply:?}", began.elapsed());
        assert!(pieces > 3 && text == reply.text);
        assert_eq!(reply.finish, Finish::Stop);
        let told = reply.usage.unwrap();
        assert!(told.input > 10 && told.output > 5, "{told:?}");

        // The limit cuts, and that is said.
        let mut short = counting.clone();
        short.max_output_tokens = Some(4);
        let reply = model.complete(&short, &mut |_| {}).await.unwrap();
        assert_eq!(reply.finish, Finish::Length);

        // A call and its result are understood as parts of a conversation.
        let mut calling = question("Use the tool to add 20 and 22.", 96);
        calling.tools = add();
        let reply = model.complete(&calling, &mut |_| {}).await.unwrap();
        eprintln!("{name}: asked for a tool: {:?} {:?}", reply.calls, reply.text);
        let call = Call {
            id: "call_1".to_owned(),
            tool: "add".to_owned(),
            arguments: json!({"a": 20, "b": 22}),
            unreadable: None,
        };
        let result = ToolResult {
            call: "call_1".to_owned(),
            tool: "add".to_owned(),
            text: "42".to_owned(),
            is_error: false,
            exit_code: None,
            duration_ms: None,
            hint: None,
        };
        let said = Message::Assistant { text: String::new(), calls: vec![call], opaque: vec![] };
        calling.messages.extend([Arc::new(said), Arc::new(Message::Result(result))]);
        let reply = model.complete(&calling, &mut |_| {}).await.unwrap();
        eprintln!("{name}: after the result: {:?}", reply.text);
        assert!(reply.text.contains("42"), "{reply:?}");

        // What it can do is found out, its window too.
        let able = probe(&model).await.unwrap();
        eprintln!("{name}: {able:?}");
        assert!(able.streaming && able.usage);
        let window = able.window_tokens.unwrap();

        // A request that does not fit is named as that, with the window.
        let words = "lorem ".repeat(usize::try_from(window).unwrap() * 2);
        let error = model.complete(&question(&words, 8), &mut |_| {}).await.unwrap_err();
        eprintln!("{name}: {error}");
        let ModelError::Overflow { used, window: told, .. } = error else { panic!("{error:?}") };
        assert!(used.is_none_or(|used| used > window));
        assert!(told.is_none_or(|told| told == window), "{told:?} {window}");
    }
    eprintln!("real-model: ran {url}");
}
