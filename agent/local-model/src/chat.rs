//! A conversation as the text that Qwen2.5-Coder-Instruct was trained on.
//!
//! Source: the chat template in the model's own file (ChatML), without its part about tools.

/// The speaker of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The instructions.
    System,
    /// A person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool.
    Tool,
}

impl Role {
    /// Its name on the wire and in the template.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::System, Self::User, Self::Assistant, Self::Tool]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// The speaker.
    pub role: Role,
    /// The text.
    pub text: String,
    /// Tools that an assistant called, from another server's part of the conversation: each one's name
    /// and its arguments as JSON.
    pub calls: Vec<(String, String)>,
}

impl ChatMessage {
    /// A message without calls.
    #[must_use]
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), calls: Vec::new() }
    }
}

/// A part of a prompt. Text is never read as a control token, whatever it says: a message cannot end
/// itself and begin another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A control token, by its name.
    Control(&'static str),
    /// Text.
    Text(String),
}

/// Begins a message.
pub(super) const START: &str = "<|im_start|>";
/// Ends one.
pub(super) const END: &str = "<|im_end|>";

/// The template's system message when there are no instructions.
const NO_SYSTEM: &str = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";

/// The prompt for the assistant's next message.
pub(super) fn render(messages: &[ChatMessage]) -> Vec<Part> {
    let mut parts = Vec::new();
    if messages.first().is_none_or(|first| first.role != Role::System) {
        message(&mut parts, format!("system\n{NO_SYSTEM}"));
    }
    let mut rest = messages;
    while let [first, others @ ..] = rest {
        rest = others;
        match first.role {
            // Results that follow each other are one turn of the user.
            Role::Tool => {
                let results = 1 + rest.iter().take_while(|next| next.role == Role::Tool).count();
                let (here, after) = rest.split_at(results - 1);
                let text: String = std::iter::once(first)
                    .chain(here)
                    .map(|result| format!("\n<tool_response>\n{}\n</tool_response>", result.text))
                    .collect();
                message(&mut parts, format!("user{text}"));
                rest = after;
            }
            Role::Assistant if !first.calls.is_empty() => {
                let said =
                    if first.text.is_empty() { String::new() } else { format!("\n{}", first.text) };
                let calls: String = first
                    .calls
                    .iter()
                    .map(|(name, arguments)| {
                        format!(
                            "\n<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n\
                             </tool_call>"
                        )
                    })
                    .collect();
                message(&mut parts, format!("assistant{said}{calls}"));
            }
            role => message(&mut parts, format!("{}\n{}", role.name(), first.text)),
        }
    }
    parts.push(Part::Control(START));
    parts.push(Part::Text("assistant\n".to_owned()));
    parts
}

fn message(parts: &mut Vec<Part>, text: String) {
    parts.extend([
        Part::Control(START),
        Part::Text(text),
        Part::Control(END),
        Part::Text("\n".to_owned()),
    ]);
}
