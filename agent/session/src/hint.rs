//! Hints as a session keeps them: apart from what the tool said.

use lore_lessons::{Circle, Hint, MAX_HINT_BYTES, beginning};
use lore_protocol::ids::LessonId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// Takes lines that show a hint out of all texts of a value. What is given to an agent comes back in its transcript,
/// in whatever words its harness wraps around it, and is no evidence there.
pub(crate) fn take_hints_out(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(BEGINNING) => {
            let lines = text.split('\n').filter(|line| !line.contains(BEGINNING));
            let rest = lines.collect::<Vec<_>>().join("\n");
            *text = rest.trim_end_matches('\n').to_owned();
        }
        Value::Array(items) => items.iter_mut().for_each(take_hints_out),
        Value::Object(fields) => fields.values_mut().for_each(take_hints_out),
        _ => {}
    }
}

impl From<Hint<'_>> for CallHint {
    fn from(hint: Hint<'_>) -> Self {
        let entry = hint.entry;
        let text = hint.to_string();
        Self::new(entry.lesson.id(), entry.circle, hint.exact, !hint.failed, &text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hint_is_taken_out_in_the_words_of_every_harness() {
        let hint = "[hint from lore: `git push` failed. What worked: add `-u`.]";
        let mut value = json!({
            "plain": format!("fatal: no upstream\n{hint}"),
            "wrapped": [format!("Exit Code: 1\n</untrusted_context>\n<hook_context>{hint}</hook_context>")],
            "named": format!("<exited with exit code 1>\n\nTool \"bash\" added: {hint}"),
            "alone": hint,
            "other": "hints from lore are short\n",
        });
        take_hints_out(&mut value);
        let rest = json!({
            "plain": "fatal: no upstream",
            "wrapped": ["Exit Code: 1\n</untrusted_context>"],
            "named": "<exited with exit code 1>",
            "alone": "",
            "other": "hints from lore are short\n",
        });
        assert_eq!(value, rest);
    }
}
