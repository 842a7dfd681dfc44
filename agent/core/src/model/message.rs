//! Messages: the parts of a conversation.

use std::borrow::Cow;

use lore_session::CallHint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One item of a conversation, as it is kept, saved and sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Standing instructions.
    System {
        /// The text.
        text: String,
    },
    /// A person's words. Nothing else is ever of this kind.
    User {
        /// The text.
        text: String,
    },
    /// The model's words and the calls that it asks for.
    Assistant {
        /// Text it said; may be empty beside calls.
        text: String,
        /// Calls that it wants.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<Call>,
        /// Blocks of the provider that must come back unchanged (signed reasoning).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        opaque: Vec<Value>,
    },
    /// Result of a call.
    Result(ToolResult),
    /// Guidance by the loop: never shown as a person's words.
    Control {
        /// Why it is said.
        kind: ControlKind,
        /// The text.
        text: String,
    },
    /// Stands for messages that compaction removed.
    Summary {
        /// The text.
        text: String,
        /// Number of messages that it stands for.
        replaced: u64,
    },
}

/// A call as the model asked for it, its arguments read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    /// Id, unique within the conversation, `[a-zA-Z0-9_-]{1,64}`.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// Its arguments; an empty object when they could not be read.
    pub arguments: Value,
    /// Why the arguments could not be read; such a call is never run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolResult {
    /// The call that it answers.
    pub call: String,
    /// The tool's name.
    pub tool: String,
    /// Text that the model reads.
    pub text: String,
    /// True when the call failed, was refused or never ran.
    #[serde(default)]
    pub is_error: bool,
    /// Exit code of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Time it ran, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Hint that the model reads behind the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<CallHint>,
}

impl ToolResult {
    /// Text that the model reads: what the tool said, and the hint marked as ours.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match &self.hint {
            None => Cow::Borrowed(&self.text),
            Some(hint) => {
                let text = self.text.trim_end();
                let gap = if text.is_empty() { "" } else { "\n" };
                Cow::Owned(format!("{text}{gap}{}", hint.shown()))
            }
        }
    }
}

/// Why the loop speaks to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// The same calls give the same results again and again.
    Loop,
    /// An answer was cut at the output limit.
    Truncated,
    /// An answer held neither words nor calls.
    Empty,
    /// A call was written as words.
    Unsent,
    /// The budget is nearly used up.
    Budget,
    /// Skills that fit the task are offered.
    Skills,
}

impl ControlKind {
    /// Its name on the wire and in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::Unsent => "unsent",
            Self::Budget => "budget",
            Self::Skills => "skills",
        }
    }
}

impl Message {
    /// A person's words.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::User { text: text.into() }
    }

    /// Standing instructions.
    #[must_use]
    pub fn system(text: impl Into<String>) -> Self {
        Self::System { text: text.into() }
    }

    /// The text of the message.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::System { text }
            | Self::User { text }
            | Self::Assistant { text, .. }
            | Self::Control { text, .. }
            | Self::Summary { text, .. } => text,
            Self::Result(result) => &result.text,
        }
    }

    /// The calls that it asks for.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        match self {
            Self::Assistant { calls, .. } => calls,
            _ => &[],
        }
    }

    /// Items that neither wire format has a role for, marked so that a model does not take them for a
    /// person's words. None for the other items.
    pub(super) fn marked(&self) -> Option<String> {
        match self {
            Self::Control { kind, text } => {
                Some(format!("<harness_note kind=\"{}\">\n{text}\n</harness_note>", kind.name()))
            }
            Self::Summary { text, replaced } => Some(format!(
                "<summary_of_earlier_messages count=\"{replaced}\">\n{text}\n</summary_of_earlier_messages>"
            )),
            _ => None,
        }
    }
}
