//! OpenAI-compatible chat completions: what is sent.
//!
//! Source: the OpenAI API reference, "Create chat completion", and what Ollama, llama.cpp, vLLM,
//! LM Studio and OpenRouter take of it. The body is written straight from the shared messages: at
//! 200,000 tokens a tree of JSON values would cost more than everything else of a turn.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{Call, Endpoint, Message, Request};
use crate::tool::ToolSpec;

/// The request's body.
pub(super) fn body(endpoint: &Endpoint, request: &Request) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Body { endpoint, request })
}

struct Body<'a> {
    endpoint: &'a Endpoint,
    request: &'a Request,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.endpoint.model())?;
        map.serialize_entry("stream", &true)?;
        map.serialize_entry("stream_options", &StreamOptions { include_usage: true })?;
        map.serialize_entry("messages", &Messages(self.request))?;
        if !self.request.tools.is_empty() {
            map.serialize_entry("tools", &Tools(&self.request.tools))?;
        }
        if let Some(most) = self.request.max_output_tokens {
            // OpenAI's own reasoning models know only the newer name, most servers only the older.
            let own = self.endpoint.base.host_str() == Some("api.openai.com");
            map.serialize_entry(if own { "max_completion_tokens" } else { "max_tokens" }, &most)?;
        }
        if let Some(milli) = self.request.temperature_milli {
            map.serialize_entry("temperature", &(f64::from(milli) / 1000.0))?;
        }
        if let Some(effort) = self.request.effort {
            map.serialize_entry("reasoning_effort", effort.name())?;
        }
        for (name, value) in &self.endpoint.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

struct Messages<'a>(&'a Request);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.messages.len()))?;
        for message in &self.0.messages {
            list.serialize_element(&Wire(message))?;
        }
        list.end()
    }
}

struct Wire<'a>(&'a Message);

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Message::System { text } => {
                map.serialize_entry("role", "system")?;
                map.serialize_entry("content", text)?;
            }
            Message::User { text } => {
                map.serialize_entry("role", "user")?;
                map.serialize_entry("content", text)?;
            }
            // Many templates refuse a second system message, so marked text is what all understand.
            Message::Control { .. } | Message::Summary { .. } => {
                map.serialize_entry("role", "user")?;
                map.serialize_entry("content", &self.0.marked())?;
            }
            Message::Result(result) => {
                map.serialize_entry("role", "tool")?;
                map.serialize_entry("tool_call_id", &result.call)?;
                map.serialize_entry("content", &result.shown())?;
            }
            Message::Assistant { text, calls, .. } => {
                map.serialize_entry("role", "assistant")?;
                map.serialize_entry("content", text)?;
                if !calls.is_empty() {
                    map.serialize_entry("tool_calls", &Calls(calls))?;
                }
            }
        }
        map.end()
    }
}

struct Calls<'a>(&'a [Call]);

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Function<'a> {
            name: &'a str,
            arguments: String,
        }
        #[derive(Serialize)]
        struct WireCall<'a> {
            id: &'a str,
            r#type: &'a str,
            function: Function<'a>,
        }
        serializer.collect_seq(self.0.iter().map(|call| WireCall {
            id: &call.id,
            r#type: "function",
            function: Function { name: &call.tool, arguments: call.arguments.to_string() },
        }))
    }
}

struct Tools<'a>(&'a [ToolSpec]);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tool<'a> {
            r#type: &'a str,
            function: &'a ToolSpec,
        }
        serializer
            .collect_seq(self.0.iter().map(|spec| Tool { r#type: "function", function: spec }))
    }
}
