//! Calls that a model wrote into its words instead of asking for them.
//!
//! Local servers that do not know a model's own form of calls pass it through as text. A call in a form that is
//! nothing else is run: the tags of Hermes and Qwen (`<tool_call>`, `<function=NAME>`) and of Anthropic
//! (`<invoke name="NAME">`), the marks of Mistral, Granite and Llama (`[TOOL_CALLS]`, `<|tool_call|>`, `<|python_tag|>`), or
//! nothing but JSON. What only looks like a call, such as one in a fence between words, may be an
//! illustration: it is asked for again.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::recover::unfence;
use crate::model::RawCall;

/// Contents of a text without calls of the protocol.
#[derive(Debug)]
pub(super) enum Written {
    /// Calls of tools that are offered.
    Calls(Vec<RawCall>),
    /// Something in the form of a call that is not run: in a fence between words, cut, or of no tool.
    Unclear,
    /// Words.
    Words,
}

struct Patterns {
    /// Beginnings of calls in the forms of many models, each at the beginning of a line.
    mark: Regex,
    tool_call: Regex,
    /// A call in tags: the name within the first one, the rest up to the last.
    function: Regex,
    invoke: Regex,
    parameter: Regex,
    /// A mark before JSON.
    list: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    // SAFETY: constant patterns that tests compile.
    #[allow(clippy::expect_used)]
    let pattern = |text: &str| Regex::new(text).expect("the pattern is valid");
    Patterns {
        mark: pattern(
            r"(?m)^\s*(?:<tool_call|<function=|<function_call|<(?:\w+:)?invoke name=|\[TOOL_CALLS\]|<\|tool_call|<\|python_tag\|>|<\|channel\|>commentary to=functions|<｜tool▁call|```tool_(?:code|call)|Action Input:)",
        ),
        tool_call: pattern(r"(?s)<tool_call>(.*?)(?:</tool_call>|\z)"),
        function: pattern(r"(?s)<function=([\w.:-]+)>(.*?)</function>"),
        invoke: pattern(r#"(?s)<(?:\w+:)?invoke name="([\w.:-]+)">(.*?)</(?:\w+:)?invoke>"#),
        parameter: pattern(
            r#"(?s)<(?:\w+:)?parameter(?:=([\w.-]+)| name="([\w.-]+)")>(.*?)</(?:\w+:)?parameter>"#,
        ),
        list: pattern(r"(?s)\A\s*(?:\[TOOL_CALLS\]|<\|tool_calls?\|>|<\|python_tag\|>)(.*)\z"),
    }
});

/// Reads the calls in a text without thoughts.
pub(super) fn calls_in(text: &str, offered: &BTreeSet<String>) -> Written {
    let is_offered = |call: &RawCall| offered.contains(&call.name);
    let marked = marked(text);
    if !marked.is_empty() {
        let calls: Option<Vec<RawCall>> = marked.into_iter().collect();
        return match calls.filter(|calls| calls.iter().all(is_offered)) {
            Some(calls) => Written::Calls(calls),
            None => Written::Unclear,
        };
    }
    // An object with a name may be the answer: only the name of a tool makes it a call.
    if let Some(calls) = of_json(unfence(text.trim())).filter(|calls| calls.iter().all(is_offered))
    {
        return Written::Calls(calls);
    }
    let in_a_fence = || {
        let fenced = fences(text).filter_map(of_json);
        fenced.flatten().any(|call| is_offered(&call))
    };
    if PATTERNS.mark.is_match(text) || in_a_fence() { Written::Unclear } else { Written::Words }
}

/// Calls in the forms that are nothing else, in order; none in the place of one that cannot be read.
fn marked(text: &str) -> Vec<Option<RawCall>> {
    if let Some(list) = PATTERNS.list.captures(text) {
        let rest = list[1].trim();
        return match of_json(rest).or_else(|| named(rest).map(|call| vec![call])) {
            Some(calls) => calls.into_iter().map(Some).collect(),
            None => vec![None],
        };
    }
    let tagged = |text: &str| -> Vec<RawCall> {
        let both = [&PATTERNS.function, &PATTERNS.invoke];
        let found = both.into_iter().flat_map(|pattern| pattern.captures_iter(text));
        found.map(|call| in_tags(&call[1], &call[2])).collect()
    };
    let inner: Vec<Option<RawCall>> = PATTERNS
        .tool_call
        .captures_iter(text)
        .flat_map(|call| {
            match of_json(unfence(call[1].trim())) {
                Some(calls) => calls,
                None => tagged(&call[1]),
            }
            .into_iter()
            .map(Some)
            .collect::<Vec<_>>()
        })
        .collect();
    if inner.is_empty() { tagged(text).into_iter().map(Some).collect() } else { inner }
}

/// A call whose parameters stand in tags. A value that is JSON but no text is that value.
fn in_tags(name: &str, body: &str) -> RawCall {
    let mut arguments = Map::new();
    for parameter in PATTERNS.parameter.captures_iter(body) {
        let Some(key) = parameter.get(1).or_else(|| parameter.get(2)) else { continue };
        let text = &parameter[3];
        let text = text.strip_prefix('\n').unwrap_or(text);
        let text = text.strip_suffix('\n').unwrap_or(text);
        let value = match serde_json::from_str(text.trim()) {
            Ok(Value::String(_)) | Err(_) => Value::String(text.to_owned()),
            Ok(value) => value,
        };
        arguments.insert(key.as_str().to_owned(), value);
    }
    raw(name, &Value::Object(arguments))
}

/// `NAME{...}` or `NAME[ARGS]{...}`.
fn named(text: &str) -> Option<RawCall> {
    let at = text.find('{')?;
    let (name, arguments) = text.split_at(at);
    let name = name.trim().trim_end_matches("[ARGS]");
    let value: Value = serde_json::from_str(arguments.trim()).ok()?;
    (!name.is_empty()).then(|| raw(name, &value))
}

/// One call, or a list of them, and nothing else.
fn of_json(text: &str) -> Option<Vec<RawCall>> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let values = match value {
        Value::Array(values) if !values.is_empty() => values,
        value @ Value::Object(_) => vec![value],
        _ => return None,
    };
    values.iter().map(of_object).collect()
}

fn of_object(value: &Value) -> Option<RawCall> {
    let value = value.get("function").filter(|inner| inner.is_object()).unwrap_or(value);
    let name = value.get("name").or_else(|| value.get("tool"))?.as_str()?;
    let arguments = value.get("arguments").or_else(|| value.get("parameters"))?;
    Some(raw(name, arguments))
}

fn raw(name: &str, arguments: &Value) -> RawCall {
    let arguments = match arguments {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    RawCall { id: String::new(), name: name.to_owned(), arguments }
}

/// Texts within closed fences of three backticks.
fn fences(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split("```").collect::<Vec<_>>();
    let closed = pieces.len().saturating_sub(1);
    let inner = pieces.into_iter().take(closed).skip(1).step_by(2);
    inner.filter_map(|fence| fence.split_once('\n').map(|(_, body)| body))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Written {
        calls_in(text, &BTreeSet::from(["bash".to_owned(), "read".to_owned()]))
    }

    fn arguments(text: &str) -> Vec<Value> {
        match read(text) {
            Written::Calls(calls) => {
                calls.iter().map(|call| serde_json::from_str(&call.arguments).unwrap()).collect()
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_call_in_a_form_that_is_nothing_else_is_a_call() {
        let ls = json!({"command": "ls"});
        for text in [
            "<tool_call>\n{\"name\":\"bash\",\"arguments\":{\"command\":\"ls\"}}\n</tool_call>",
            "<tool_call>\n{\"name\":\"bash\",\"arguments\":{\"command\":\"ls\"}}",
            "Let me look.\n<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>",
            "Let me look.\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>",
            "<function_calls>\n<invoke name=\"bash\">\n<parameter name=\"command\">ls</parameter>\n</invoke>\n</function_calls>",
            "[TOOL_CALLS][{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}]",
            "[TOOL_CALLS]bash[ARGS]{\"command\": \"ls\"}",
            "<|tool_call|>[{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}]",
            "<|python_tag|>{\"type\": \"function\", \"name\": \"bash\", \"parameters\": {\"command\": \"ls\"}}",
            "{\"name\":\"bash\",\"arguments\":{\"command\":\"ls\"}}",
            "```json\n{\"name\":\"bash\",\"arguments\":\"{\\\"command\\\":\\\"ls\\\"}\"}\n```",
            "{\"function\":{\"name\":\"bash\",\"arguments\":{\"command\":\"ls\"}}}",
        ] {
            assert_eq!(arguments(text), std::slice::from_ref(&ls), "{text}");
        }
        let two = "<function=bash><parameter=command>a\nb</parameter></function>\n<function=read><parameter=path>x</parameter><parameter=offset>10</parameter></function>";
        assert_eq!(
            arguments(two),
            [json!({"command": "a\nb"}), json!({"path": "x", "offset": 10})]
        );
    }

    #[test]
    fn what_only_looks_like_a_call_is_neither_run_nor_taken_for_the_answer() {
        for text in [
            "Here it is:\n```json\n{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}\n```",
            "<tool_call>\n{\"name\":\"rm\",\"arguments\":{}}\n</tool_call>",
            "<function=bash>\n<parameter=command>\nrm -rf /tmp/a",
            "<tool_call>\n{\"name\":\"bash\",\"arguments\":{\"command\":\"rm -rf /tm",
            "Thought: look\nAction: bash\nAction Input: ls",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>bash",
            "<|channel|>commentary to=functions.bash <|message|>{\"command\":\"ls\"}",
        ] {
            assert!(matches!(read(text), Written::Unclear), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn words_about_calls_are_words() {
        for text in [
            "Done.",
            "Use {\"name\":\"bash\",\"arguments\":{}} like this.",
            "{\"name\":\"rm\",\"arguments\":{}}",
            "{\"name\":\"Ada\",\"parameters\":3}",
            "Write `<tool_call>` before a call.",
            "```bash\nls\n```",
            "```json\n{\"name\": \"pears\", \"arguments\": 7}\n```\nis the file.",
        ] {
            assert!(matches!(read(text), Written::Words), "{text}: {:?}", read(text));
        }
    }
}
