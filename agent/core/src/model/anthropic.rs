//! Anthropic Messages: what is sent.
//!
//! Source: the Anthropic API reference, "Messages". Differences from chat completions: the system text
//! stands apart, messages alternate and consist of blocks, results are blocks of a user turn that come
//! before its text, tools have `input_schema`, and `max_tokens` is required. Caching is asked for with
//! marks on the last tool, the system text and the end of the conversation ("Prompt caching").

use serde::Serialize;
use serde_json::Value;

use super::{Endpoint, Message, Request};

/// `max_tokens` when the caller gives none.
const DEFAULT_MAX_TOKENS: u32 = 8192;

/// The request's body.
pub(super) fn body(endpoint: &Endpoint, request: &Request) -> Result<Vec<u8>, serde_json::Error> {
    let mut messages = turns(request);
    if let Some(block) = messages.last_mut().and_then(|turn| turn.content.last_mut()) {
        block.mark();
    }
    let texts: Vec<&str> = request
        .messages
        .iter()
        .filter_map(|message| match &**message {
            Message::System { text } if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let last = texts.len().saturating_sub(1);
    let system = texts.iter().enumerate().map(|(at, text)| Block::Text {
        text: (*text).into(),
        cache_control: (at == last).then_some(EPHEMERAL),
    });
    let tools = request.tools.iter().enumerate().map(|(at, spec)| Tool {
        name: &spec.name,
        description: &spec.description,
        input_schema: &spec.parameters,
        cache_control: (at + 1 == request.tools.len()).then_some(EPHEMERAL),
    });
    serde_json::to_vec(&Body {
        model: endpoint.model(),
        max_tokens: request.max_output_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        stream: true,
        system: system.collect(),
        messages,
        tools: tools.collect(),
        temperature: request.temperature_milli.map(|milli| f64::from(milli) / 1000.0),
        output_config: request.effort.map(|effort| OutputConfig { effort: effort.name() }),
        extra: &endpoint.extra,
    })
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<WireTurn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(flatten)]
    extra: &'a std::collections::BTreeMap<String, Value>,
}

#[derive(Serialize)]
struct OutputConfig {
    effort: &'static str,
}

#[derive(Serialize, Clone, Copy)]
struct CacheControl {
    r#type: &'static str,
}

const EPHEMERAL: CacheControl = CacheControl { r#type: "ephemeral" };

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct WireTurn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: std::borrow::Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: &'a Value,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: std::borrow::Cow<'a, str>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    #[serde(untagged)]
    Opaque(&'a Value),
}

impl<'a> Block<'a> {
    fn text(text: impl Into<std::borrow::Cow<'a, str>>) -> Self {
        Block::Text { text: text.into(), cache_control: None }
    }

    fn mark(&mut self) {
        if let Block::Text { cache_control, .. } | Block::ToolResult { cache_control, .. } = self {
            *cache_control = Some(EPHEMERAL);
        }
    }
}

/// The conversation as alternating turns. Empty texts are left out: they are refused.
fn turns(request: &Request) -> Vec<WireTurn<'_>> {
    let mut turns: Vec<WireTurn<'_>> = Vec::new();
    for message in &request.messages {
        let (role, blocks) = match &**message {
            Message::System { .. } => continue,
            Message::User { text } => ("user", vec![Block::text(text)]),
            Message::Control { .. } | Message::Summary { .. } => {
                ("user", message.marked().map(Block::text).into_iter().collect())
            }
            Message::Result(result) => (
                "user",
                vec![Block::ToolResult {
                    tool_use_id: &result.call,
                    content: result.shown(),
                    is_error: result.is_error,
                    cache_control: None,
                }],
            ),
            Message::Assistant { text, calls, opaque } => {
                let mut blocks: Vec<Block<'_>> = opaque.iter().map(Block::Opaque).collect();
                if !text.trim().is_empty() {
                    blocks.push(Block::text(text));
                }
                blocks.extend(calls.iter().map(|call| Block::ToolUse {
                    id: &call.id,
                    name: &call.tool,
                    input: &call.arguments,
                }));
                ("assistant", blocks)
            }
        };
        if blocks.iter().all(|block| matches!(block, Block::Text { text, .. } if text.is_empty())) {
            continue;
        }
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(blocks),
            _ => turns.push(WireTurn { role, content: blocks }),
        }
    }
    turns
}
