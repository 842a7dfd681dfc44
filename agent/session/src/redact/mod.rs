//! Takes secrets and personal marks out of text before it is shown, logged or exported.
//!
//! An extra layer and never the privacy guarantee: it knows shapes of secrets, not what is secret.
//! Public bytes that leave a node go through `lore-privacy`, whatever this module finds.

mod named;
mod shapes;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use lore_protocol::steps::Steps;
use serde_json::{Map, Value};

use crate::Session;

/// `text` without secrets, e-mail addresses and names of home directories. What is taken out leaves
/// `[redacted:KIND]`; doing it twice changes nothing more.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    text_within(text, &Steps::unbounded())
}

/// As [`text`], and counts its steps.
fn text_within<'a>(text: &'a str, steps: &Steps) -> Cow<'a, str> {
    let shaped = shapes::redact(text, steps);
    match named::redact(&shaped, steps) {
        Cow::Borrowed(_) => shaped,
        Cow::Owned(changed) => Cow::Owned(changed),
    }
}

/// A JSON value likewise: texts, keys of objects, and whole values whose key names a secret.
#[must_use]
pub fn value(value: &Value) -> Value {
    match value {
        Value::String(string) => Value::String(text(string).into_owned()),
        Value::Array(items) => Value::Array(items.iter().map(self::value).collect()),
        Value::Object(fields) => {
            let mut clean = Map::new();
            for (key, field) in fields {
                let secret = named::is_secret_name(key)
                    && field.as_str().is_some_and(|field| named::is_secret_value(field, true));
                let field = if secret { named::MARK.into() } else { self::value(field) };
                clean.insert(text(key).into_owned(), field);
            }
            Value::Object(clean)
        }
        other => other.clone(),
    }
}

/// A session likewise: task, words, arguments and results. Ids, names of tools and numbers stay.
#[must_use]
pub fn session(session: &Session) -> Session {
    let mut clean = session.clone();
    clean.task = text(&session.task).into_owned();
    for turn in &mut clean.turns {
        turn.text = text(&turn.text).into_owned();
        for call in &mut turn.calls {
            call.arguments = value(&call.arguments);
            call.result = call.result.as_deref().map(|result| text(result).into_owned());
            if let Some(hint) = &mut call.hint {
                hint.text = text(&hint.text).into_owned();
            }
        }
    }
    clean
}
