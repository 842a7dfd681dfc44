//! Fields of JSON as harnesses write them: texts, flags, arguments and times.

use serde_json::Value;

/// The text of a content field: a text, or a list of parts of which the texts count. None when it is
/// something else.
pub(super) fn text_of(content: &Value) -> Option<String> {
    match content {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.as_str().or_else(|| part.get("text")?.as_str()))
                .collect();
            Some(texts.join("\n"))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// A text field of an object.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// A field that is true or false, and false when it is missing.
pub(super) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// Arguments that are JSON, or a text of JSON. Whether they were neither.
pub(super) fn arguments_of(given: Option<&Value>) -> (Value, bool) {
    match given {
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(arguments) => (arguments, false),
            Err(_) => (Value::String(text.clone()), true),
        },
        other => (other.cloned().unwrap_or(Value::Null), false),
    }
}

/// Seconds since the Unix epoch of an RFC 3339 text or a number of seconds or milliseconds.
pub(super) fn seconds_of(value: &Value) -> Option<u64> {
    // Later than the year 5138 as seconds: it was milliseconds.
    const MILLIS_FROM: f64 = 1e11;
    match value {
        Value::String(text) => {
            // A time without a zone is taken as UTC.
            let time = text.parse::<jiff::Timestamp>().or_else(|_| {
                let time: jiff::civil::DateTime = text.parse()?;
                Ok::<_, jiff::Error>(time.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp())
            });
            u64::try_from(time.ok()?.as_second()).ok()
        }
        Value::Number(number) => {
            let number = number.as_f64().filter(|n| *n >= 0.0 && *n < 1e15)?;
            // In range by the filter.
            Some(if number >= MILLIS_FROM { number / 1000.0 } else { number } as u64)
        }
        _ => None,
    }
}
