//! Words and calls in what a model of the Qwen2 family writes.

use serde_json::Value;

use crate::model::RawCall;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// Keeps calls out of the words that are shown while they come.
#[derive(Debug, Default)]
pub(super) struct Split {
    /// Everything so far.
    text: String,
    /// Up to where it was shown.
    shown: usize,
    /// Where the first call begins.
    call_at: Option<usize>,
}

impl Split {
    /// Takes a piece; gives the words that can be shown now.
    pub(super) fn push(&mut self, piece: &str) -> &str {
        self.text.push_str(piece);
        if self.call_at.is_some() {
            return "";
        }
        let rest = &self.text[self.shown..];
        let until = match rest.find(OPEN) {
            Some(at) => {
                self.call_at = Some(self.shown + at);
                at
            }
            // What may become a mark waits.
            None => {
                let waits = (1..OPEN.len())
                    .rev()
                    .find(|&length| rest.ends_with(&OPEN[..length]))
                    .unwrap_or(0);
                rest.len() - waits
            }
        };
        let from = self.shown;
        self.shown += until;
        &self.text[from..self.shown]
    }

    /// The words that were held back at the end, all words, and the calls.
    pub(super) fn finish(self) -> (String, String, Vec<RawCall>) {
        let Some(at) = self.call_at else {
            return (self.text[self.shown..].to_owned(), self.text, Vec::new());
        };
        let calls = self.text[at..].split(OPEN).skip(1).map(call).collect();
        (String::new(), self.text[..at].trim_end().to_owned(), calls)
    }
}

/// One call; what is not well-formed is given on as it is, for the turn to recover or refuse.
fn call(text: &str) -> RawCall {
    let body = text.split(CLOSE).next().unwrap_or_default().trim();
    let value: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let name = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let arguments = match value.get("arguments") {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => body.to_owned(),
    };
    RawCall { id: String::new(), name, arguments }
}
