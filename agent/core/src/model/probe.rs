//! Probe of an endpoint's abilities.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Dialect, Effort, Finish, HttpModel, Message, Model, ModelError, Reply, Request};
use crate::tool::ToolSpec;

/// The abilities that an endpoint showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// It sends a reply in pieces.
    pub streaming: bool,
    /// It says how many tokens it used.
    pub usage: bool,
    /// It called a tool when asked to.
    pub tools: bool,
    /// It takes `response_format: json_object` and answers with JSON. Never asked of Anthropic, which
    /// has no such field.
    pub json: bool,
    /// It takes a reasoning effort.
    pub effort: bool,
    /// Tokens of its context window, when it says so. Ollama's is what it was loaded with, not what the
    /// model was trained for.
    pub window_tokens: Option<u64>,
}

/// Asks an endpoint what it can do, with at most four short model calls.
///
/// # Errors
/// When not even a plain question is answered. An ability that fails is absent, not an error.
pub async fn probe(model: &HttpModel) -> Result<Abilities, ModelError> {
    let mut pieces = 0;
    let plain = question("Count from one to twenty in words.", 64);
    let reply = model
        .complete(&plain, &mut |delta| {
            pieces += usize::from(matches!(delta, super::Delta::Text(_)))
        })
        .await?;
    Ok(Abilities {
        streaming: pieces > 1,
        usage: reply.usage.is_some_and(|usage| usage.input > 0),
        tools: calls_tools(model).await,
        json: writes_json(model).await,
        effort: takes_effort(model).await,
        window_tokens: window(model).await,
    })
}

fn question(text: &str, most: u32) -> Request {
    Request {
        messages: vec![Arc::new(Message::user(text))],
        max_output_tokens: Some(most),
        ..Request::default()
    }
}

async fn quietly(model: &HttpModel, request: &Request) -> Option<Reply> {
    model.complete(request, &mut |_| {}).await.ok()
}

async fn calls_tools(model: &HttpModel) -> bool {
    let mut request =
        question("Call the tool `add` with a = 2 and b = 3. Do not answer yourself.", 256);
    request.tools = Arc::from([ToolSpec {
        name: "add".to_owned(),
        description: "Adds two whole numbers.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        }),
    }]);
    let reply = quietly(model, &request).await;
    reply.is_some_and(|reply| {
        reply.calls.iter().any(|call| {
            let arguments = serde_json::from_str::<Value>(&call.arguments);
            call.name == "add" && arguments.is_ok_and(|arguments| arguments.is_object())
        })
    })
}

async fn writes_json(model: &HttpModel) -> bool {
    if model.endpoint().dialect == Dialect::Anthropic {
        return false;
    }
    let format = json!({"type": "json_object"});
    let endpoint = model.endpoint().clone().with_field("response_format", format);
    let Ok(model) = HttpModel::new(endpoint) else {
        return false;
    };
    let request = question("Answer in JSON: an object with a key \"ok\" whose value is true.", 64);
    let reply = quietly(&model, &request).await;
    reply.is_some_and(|reply| {
        serde_json::from_str::<Value>(reply.text.trim()).is_ok_and(|value| value.is_object())
    })
}

async fn takes_effort(model: &HttpModel) -> bool {
    let mut request = question("Say hello.", 64);
    request.effort = Some(Effort::Low);
    // A server that ignores the field cannot be told from one that heeds it; neither does harm.
    quietly(model, &request).await.is_some_and(|reply| reply.finish != Finish::Refused)
}

/// Tokens of the context window, asked of the places where servers tell it; no model call. None when it
/// says nothing.
pub async fn window(model: &HttpModel) -> Option<u64> {
    let (endpoint, name) = (model.endpoint(), model.name());
    if let Some(list) = get(model, endpoint.url("/models")).await
        && let Some(found) = window_in_list(&list, name)
    {
        return Some(found);
    }
    // llama.cpp.
    if let Some(props) = get(model, endpoint.root_url("/props")).await
        && let Some(found) = number(&props, &["/default_generation_settings/n_ctx", "/n_ctx"])
    {
        return Some(found);
    }
    // Ollama: what is loaded now; the question before has loaded it.
    let loaded = get(model, endpoint.root_url("/api/ps")).await?;
    let loaded = loaded.get("models")?.as_array()?;
    let ours = loaded.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name));
    number(ours?, &["/context_length"])
}

/// vLLM, OpenRouter, LM Studio, Groq, llama.cpp and Anthropic, in this order. What a model was trained
/// for (`n_ctx_train`) is not what the server gives it.
fn window_in_list(list: &Value, name: &str) -> Option<u64> {
    const PLACES: [&str; 7] = [
        "/max_model_len",
        "/top_provider/context_length",
        "/context_length",
        "/loaded_context_length",
        "/context_window",
        "/meta/n_ctx",
        "/max_input_tokens",
    ];
    let entries = list.get("data")?.as_array()?;
    let ours = entries.iter().find(|entry| entry.get("id").and_then(Value::as_str) == Some(name));
    // A server with one model often answers to any name.
    let entry = ours.or_else(|| entries.first().filter(|_| entries.len() == 1))?;
    number(entry, &PLACES)
}

fn number(value: &Value, places: &[&str]) -> Option<u64> {
    places.iter().find_map(|place| value.pointer(place)?.as_u64()).filter(|&number| number > 0)
}

async fn get(model: &HttpModel, url: String) -> Option<Value> {
    let (_, body) = model.send(model.http().get(url)).await.ok()?;
    serde_json::from_str(&body.text().await.ok()?).ok()
}
