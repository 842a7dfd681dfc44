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

impl From<Hint<'_>> for CallHint {
    fn from(hint: Hint<'_>) -> Self {
        let entry = hint.entry;
        let text = hint.to_string();
        Self::new(entry.lesson.id(), entry.circle, hint.exact, !hint.failed, &text)
    }
}
