//! The project's own client at the server.

use std::sync::Arc;

use lore_agent::model::{
    Abilities, Delta, Finish, Message, Model, ModelError, Request, Usage, probe,
};
use lore_agent::tool::ToolSpec;
use lore_local_model::LocalError;
use serde_json::json;

use crate::support::{Running, say};

fn request() -> Request {
    Request {
        messages: vec![Arc::new(Message::user("hello"))],
        max_output_tokens: Some(64),
        ..Request::default()
    }
}

#[tokio::test]
async fn it_reads_the_pieces_the_end_and_the_tokens() {
    let server = Running::start(|_, sink| Ok(say(&["Grüß ", "Gott"], sink))).await;
    let mut pieces = Vec::new();
    let reply = server
        .model()
        .complete(&request(), &mut |delta| {
            if let Delta::Text(text) = delta {
                pieces.push(text.to_owned());
            }
        })
        .await
        .unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("Grüß Gott", Finish::Stop));
    assert_eq!(reply.usage, Some(Usage { input: 11, cached: 4, output: 3 }));
    assert_eq!(pieces, ["Grüß ", "Gott"]);
}

#[tokio::test]
async fn it_knows_too_long_a_prompt_and_a_model_without_tools() {
    let server =
        Running::start(|_, _| Err(LocalError::TooLong { prompt_tokens: 600, window_tokens: 512 }))
            .await;
    let failed = server.model().complete(&request(), &mut |_| {}).await.unwrap_err();
    let ModelError::Overflow { used, window, .. } = failed else { panic!("{failed:?}") };
    assert_eq!((used, window), (Some(600), Some(512)));
    let tool = ToolSpec {
        name: "add".to_owned(),
        description: "adds".to_owned(),
        parameters: json!({ "type": "object" }),
    };
    let with_tool = Request { tools: Arc::from([tool]), ..request() };
    let failed = server.model().complete(&with_tool, &mut |_| {}).await.unwrap_err();
    assert!(matches!(failed, ModelError::NoTools { .. }), "{failed:?}");
}

#[tokio::test]
async fn a_test_of_the_endpoint_records_what_is_true() {
    // It would answer with JSON and with a call, were it asked as if it could.
    let server = Running::start(|_, sink| Ok(say(&["{\"ok\":", " true}"], sink))).await;
    let found = probe(&server.model()).await.unwrap();
    let expected = Abilities {
        streaming: true,
        usage: true,
        tools: false,
        json: false,
        effort: false,
        window_tokens: Some(512),
    };
    assert_eq!(found, expected);
}
