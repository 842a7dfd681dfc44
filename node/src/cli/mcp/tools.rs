//! Tools: what an agent may ask, and how its arguments are read.

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// One call of a tool.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What is known about a failing command.
    Lesson(Failure),
    /// Skills for a task.
    Search {
        /// The task, in words.
        task: String,
    },
    /// Text of one skill.
    Read {
        /// Name of the skill.
        name: String,
    },
    /// Whether a lesson helped.
    Report(Report),
    /// A note for the user.
    Note {
        /// Its text.
        text: String,
    },
}

/// A command that failed.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    /// Command line.
    pub(super) command: String,
    /// Its output, with its errors.
    #[serde(default)]
    pub(super) output: String,
    /// Exit status; none when not known.
    #[serde(default)]
    pub(super) exit: Option<i32>,
}

/// Outcome of a lesson, as an agent says it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    /// Id of the lesson.
    pub(super) lesson: String,
    /// True when it helped.
    pub(super) helped: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    task: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

impl Wanted {
    /// Reads a call.
    ///
    /// # Errors
    /// In words: no such tool, or the argument that is wrong.
    pub(super) fn read(tool: &str, arguments: JsonObject) -> Result<Self, String> {
        match tool {
            "lesson_for_failure" => of(arguments).map(Self::Lesson),
            "skill_search" => of(arguments).map(|Task { task }| Self::Search { task }),
            "skill_read" => of(arguments).map(|Name { name }| Self::Read { name }),
            "report_outcome" => of(arguments).map(Self::Report),
            "note" => of(arguments).map(|Text { text }| Self::Note { text }),
            _ => Err("there is no such tool; `tools/list` names them".to_owned()),
        }
    }
}

fn of<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, String> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| error.to_string())
}

/// The tools, by name.
pub(super) fn all() -> Vec<Tool> {
    let text = |about: &str| json!({"type": "string", "description": about});
    vec![
        tool(
            "lesson_for_failure",
            "Look up what others learnt about a command that just failed. Gives at most one hint.",
            &json!({
                "command": text("The command line that failed."),
                "output": text("Its output, errors included; the end is enough."),
                "exit": {"type": "integer", "description": "Its exit status."},
            }),
            &["command", "output"],
        )
        .with_annotations(reads()),
        tool(
            "skill_search",
            "Find the shared skills that fit a task. Gives names and descriptions; `skill_read` gives the text.",
            &json!({"task": text("The task, or the error, in words.")}),
            &["task"],
        )
        .with_annotations(reads()),
        tool(
            "skill_read",
            "Read one shared skill by its name.",
            &json!({"name": text("Name of the skill, as `skill_search` gives it.")}),
            &["name"],
        )
        .with_annotations(reads()),
        tool(
            "report_outcome",
            "Note whether a lesson helped. The note stays on this machine.",
            &json!({
                "lesson": text("Id of the lesson, as `lesson_for_failure` gave it."),
                "helped": {"type": "boolean", "description": "True when it helped."},
            }),
            &["lesson", "helped"],
        )
        .with_annotations(writes()),
        tool(
            "note",
            "Leave the user a note about what you learnt, such as a remedy that `lesson_for_failure` did not know. It \
             stays on this machine, and is published by nobody but the user.",
            &json!({"text": text("One or two sentences: what failed, and what worked.")}),
            &["text"],
        )
        .with_annotations(writes()),
    ]
}

fn reads() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).open_world(false)
}

fn writes() -> ToolAnnotations {
    ToolAnnotations::new().destructive(false).open_world(false)
}

fn tool(name: &'static str, about: &'static str, properties: &Value, required: &[&str]) -> Tool {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties.clone());
    schema.insert("required".to_owned(), json!(required));
    schema.insert("additionalProperties".to_owned(), false.into());
    Tool::new(name, about, schema)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(tool: &str, arguments: &Value) -> Result<Wanted, String> {
        Wanted::read(tool, arguments.as_object().cloned().unwrap_or_default())
    }

    #[test]
    fn every_listed_tool_is_read_and_no_other() {
        for tool in all() {
            let refused = read(&tool.name, &json!({})).unwrap_err();
            assert!(refused.contains("missing field"), "{}: {refused}", tool.name);
        }
        assert!(read("lore_approve", &json!({})).unwrap_err().contains("no such tool"));
        let extra = read("skill_read", &json!({"name": "a", "approve": true}));
        assert!(extra.unwrap_err().contains("unknown field"));
    }
}
