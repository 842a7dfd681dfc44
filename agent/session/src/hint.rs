//! Hints as a session keeps them: apart from what the tool said.

use lore_lessons::{Circle, Hint, MAX_HINT_BYTES, beginning};
use lore_protocol::ids::LessonId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A hint that the agent read beside a call's result: a trial of the lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallHint {
    /// The lesson.
    #[schemars(with = "String")]
    pub lesson: LessonId,
    /// Circle that it is known from.
    #[schemars(with = "CircleSchema")]
    pub circle: Circle,
    /// True when it was learnt from the same message.
    pub exact: bool,
    /// True when the command line is a known failing form; false when the failure itself was recognised.
    pub advice: bool,
    /// Text that was shown, at most 400 bytes without control characters.
    pub text: String,
}

/// The circles as the schema shows them; [`Circle`] itself lives in a room without schemas.
#[derive(JsonSchema)]
#[schemars(rename = "Circle", rename_all = "snake_case")]
#[allow(dead_code)] // Only its schema is used.
enum CircleSchema {
    Own,
    Node,
    Federation,
    Codebook,
}

impl CallHint {
    /// A hint with its text brought within its bounds.
    #[must_use]
    pub fn new(lesson: LessonId, circle: Circle, exact: bool, advice: bool, text: &str) -> Self {
        let line: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = beginning(&line, MAX_HINT_BYTES).to_owned();
        Self { lesson, circle, exact, advice, text }
    }
}

/// Before the text of a hint, wherever a model reads it.
const BEGINNING: &str = "[hint from lore: ";
/// After it, at the end of the line.
const END: char = ']';

impl CallHint {
    /// The hint as a model reads it: one line of its own.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{BEGINNING}{}{END}", self.text)
    }
}

/// A text without lines that show a hint, and their texts. What is given to an agent comes back in its transcript,
/// where it is no evidence.
#[must_use]
pub fn without_hints(text: &str) -> (String, Vec<String>) {
    if !text.contains(BEGINNING) {
        return (text.to_owned(), Vec::new());
    }
    let (mut rest, mut hints) = (Vec::new(), Vec::new());
    for line in text.split('\n') {
        let hint = line.trim().strip_prefix(BEGINNING).and_then(|inner| inner.strip_suffix(END));
        match hint {
            Some(hint) => hints.push(hint.to_owned()),
            None => rest.push(line),
        }
    }
    (rest.join("\n").trim_end_matches('\n').to_owned(), hints)
}

impl From<Hint<'_>> for CallHint {
    fn from(hint: Hint<'_>) -> Self {
        let entry = hint.entry;
        let text = hint.to_string();
        Self::new(entry.lesson.id(), entry.circle, hint.exact, !hint.failed, &text)
    }
}
