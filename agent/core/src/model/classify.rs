//! Classifies error answers.
//!
//! Providers agree on statuses only roughly: llama.cpp reports a full context as 400 with
//! `exceed_context_size_error`, OpenRouter sends errors with status 200, OpenAI says 429 for an empty
//! purse, Anthropic 400 for one and 529 when overloaded. Type and code are looked at before the status,
//! the words last.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{Endpoint, ModelError};

/// Facts known of an error answer.
pub(super) struct Failure<'a> {
    /// HTTP status, or the code that the body gives when the status is 200.
    pub(super) status: u16,
    /// From the headers.
    pub(super) retry_after: Option<Duration>,
    /// The whole body, or the `data` of an event.
    pub(super) body: &'a str,
}

impl Failure<'_> {
    /// Names the failure.
    pub(super) fn classify(&self, endpoint: &Endpoint) -> ModelError {
        let value: Value = serde_json::from_str(self.body).unwrap_or(Value::Null);
        // A list with one error (Google), `{"error": {...}}`, `{"error": "text"}`, or the error itself.
        let value = value.get(0).unwrap_or(&value);
        let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
        let words = error
            .as_str()
            .or_else(|| error.get("message")?.as_str())
            .or_else(|| value.get("detail")?.as_str())
            .unwrap_or(self.body);
        let raw = error.pointer("/metadata/raw").and_then(Value::as_str).unwrap_or_default();
        let kinds: Vec<String> = ["type", "code", "status"]
            .iter()
            .filter_map(|name| error.get(*name)?.as_str())
            .map(str::to_lowercase)
            .collect();
        let status = error
            .get("code")
            .and_then(Value::as_u64)
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| self.status < 400 && (400..600).contains(code))
            .unwrap_or(self.status);
        let shown = if words.trim().is_empty() {
            format!("status {status} without a word")
        } else {
            endpoint.clean(words)
        };
        let facts = Facts {
            status,
            kinds,
            text: format!("{words} {raw}").to_lowercase(),
            retry_after: self.retry_after.or_else(|| asked_in_body(error)),
            tokens: ["n_prompt_tokens", "n_ctx"]
                .map(|name| error.get(name).and_then(Value::as_u64)),
        };
        facts.classify(shown)
    }
}

/// Some proxies put the wait into the body.
fn asked_in_body(error: &Value) -> Option<Duration> {
    let seconds = error.get("retry_after").or_else(|| error.pointer("/metadata/retry_after"))?;
    seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

struct Facts {
    status: u16,
    kinds: Vec<String>,
    text: String,
    retry_after: Option<Duration>,
    /// Used and window.
    tokens: [Option<u64>; 2],
}

const OVERFLOW_KINDS: [&str; 4] = [
    "exceed_context_size_error",
    "context_length_exceeded",
    "request_too_large",
    "string_above_max_length",
];
const OVERFLOW_WORDS: [&str; 18] = [
    "maximum context length",
    "context length exceeded",
    "exceed context limit",
    "exceeds the available context size",
    "exceeds the context window",
    "prompt is too long",
    "context window of this model",
    "input is too long",
    "maximum number of tokens allowed",
    "maximum prompt length",
    "exceeded max context length",
    "too many tokens",
    "greater than the context length",
    "larger context length",
    "context the overflows",
    "context overflow",
    "reduce the length of the messages",
    "must have less than",
];
/// Words that name a context, and words that say it is full: both make the sentences of further servers.
const CONTEXT_WORDS: [&str; 4] = ["context length", "context window", "context size", "n_ctx"];
const FULL_WORDS: [&str; 8] = [
    "exceed",
    "overflow",
    "longer than",
    "larger than",
    "greater than",
    "too long",
    "too large",
    "not enough",
];
const BILLING_KINDS: [&str; 4] =
    ["insufficient_quota", "billing_error", "billing_hard_limit_reached", "insufficient_credits"];
const BILLING_WORDS: [&str; 4] = [
    "credit balance is too low",
    "insufficient credits",
    "exceeded your current quota",
    "out of credit",
];
const AUTH_KINDS: [&str; 4] =
    ["authentication_error", "permission_error", "invalid_api_key", "unauthenticated"];
const NO_TOOLS_WORDS: [&str; 5] = [
    "does not support tools",
    "tool choice requires --enable-auto-tool-choice",
    "tools param requires --jinja",
    "support tool use",
    "tool calling is not supported",
];
const TRANSIENT_KINDS: [&str; 6] = [
    "overloaded_error",
    "api_error",
    "server_error",
    "unavailable_error",
    "internal_server_error",
    "timeout_error",
];

impl Facts {
    fn kind_in(&self, list: &[&str]) -> bool {
        self.kinds.iter().any(|kind| list.contains(&kind.as_str()))
    }

    fn says(&self, list: &[&str]) -> bool {
        list.iter().any(|words| self.text.contains(words))
    }

    fn is_overflow(&self) -> bool {
        // Of a limit of tokens a minute the same words are said.
        let by_words = self.status != 429
            && (self.says(&OVERFLOW_WORDS)
                || (self.says(&CONTEXT_WORDS) && self.says(&FULL_WORDS)));
        self.kind_in(&OVERFLOW_KINDS) || by_words || self.status == 413
    }

    fn classify(self, message: String) -> ModelError {
        let retry_after = self.retry_after;
        if self.is_overflow() {
            let [used, window] = self.tokens;
            let (said_used, said_window) = numbers(&self.text);
            return ModelError::Overflow {
                used: used.or(said_used),
                window: window.or(said_window),
                message,
            };
        }
        if self.status == 402 || self.kind_in(&BILLING_KINDS) || self.says(&BILLING_WORDS) {
            return ModelError::Billing { message };
        }
        if self.says(&NO_TOOLS_WORDS) {
            return ModelError::NoTools { message };
        }
        if matches!(self.status, 401 | 403) || self.kind_in(&AUTH_KINDS) {
            return ModelError::Auth { message };
        }
        if self.status == 429 || self.kind_in(&["rate_limit_error", "rate_limit_exceeded"]) {
            return ModelError::RateLimited { retry_after, message };
        }
        let transient = matches!(self.status, 408 | 409 | 425 | 500..=599);
        // An error within a stream, with nothing that says why: the provider behind a router broke.
        let unexplained = self.status < 400 && self.kinds.is_empty();
        if transient || unexplained || self.kind_in(&TRANSIENT_KINDS) {
            return ModelError::Transient { retry_after, message };
        }
        ModelError::Refused { status: self.status, message }
    }
}

/// Tokens used and the window, of the sentences that providers write:
/// "maximum context length is 8192 tokens. However, you requested 9000 tokens",
/// "prompt is too long: 215000 tokens > 200000 maximum",
/// "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000".
/// The larger number is what was used; a sentence with one number gives the window.
fn numbers(text: &str) -> (Option<u64>, Option<u64>) {
    let mut found: Vec<u64> = text
        .split(|letter: char| !letter.is_ascii_digit() && letter != ',')
        .filter_map(|word| word.replace(',', "").parse().ok())
        .filter(|number| (256..=100_000_000).contains(number))
        .take(4)
        .collect();
    if let Some((sum, limit)) = text.split_once(" > ")
        && let Some((_, sum)) = sum.rsplit_once(':')
    {
        let add = |part: &str| -> u64 {
            let digits = part.split(|letter: char| !letter.is_ascii_digit());
            digits.filter_map(|word| word.parse::<u64>().ok()).fold(0, u64::saturating_add)
        };
        let first = limit.split(|letter: char| !letter.is_ascii_digit()).next();
        if let Some(window) = first.and_then(|word| word.parse().ok()) {
            return (Some(add(sum)), Some(window));
        }
    }
    match (found.len(), text.contains("maximum context length")) {
        (0, _) => (None, None),
        // "maximum context length is W tokens. However, ... U tokens (a in the messages, b in ...)".
        (_, true) => {
            let window = found.remove(0);
            (found.into_iter().find(|&used| used > window), Some(window))
        }
        (1, false) => (None, Some(found[0])),
        (_, false) => (found.iter().max().copied(), found.iter().min().copied()),
    }
}

/// `Retry-After` in seconds or as a date, or `retry-after-ms`.
pub fn retry_after(headers: &HeaderMap, now_unix_seconds: i64) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(ms));
    }
    let value = text("retry-after")?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    u64::try_from(date.timestamp().as_second().saturating_sub(now_unix_seconds))
        .ok()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Dialect;
    use super::*;

    fn classify(status: u16, body: &str) -> ModelError {
        let endpoint = Endpoint::new("http://127.0.0.1:1/v1", Dialect::OpenAiChat, "m").unwrap();
        Failure { status, retry_after: None, body }.classify(&endpoint)
    }

    #[test]
    fn every_provider_s_overflow_gives_its_numbers() {
        let cases = [
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9012,"n_ctx":4096}}"#,
                (Some(9012), Some(4096)),
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
                (Some(9001), Some(8192)),
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 215000 tokens > 200000 maximum"}}"#,
                (Some(215_000), Some(200_000)),
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length"}}"#,
                (Some(210_000), Some(200_000)),
            ),
            (
                413,
                r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds"}}"#,
                (None, None),
            ),
        ];
        for (status, body, expected) in cases {
            let ModelError::Overflow { used, window, .. } = classify(status, body) else {
                panic!("{body}: {:?}", classify(status, body));
            };
            assert_eq!((used, window), expected, "{body}");
        }
    }

    #[test]
    fn a_full_context_is_known_in_the_words_of_every_server() {
        let sentences = [
            "The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input",
            "Trying to keep the first 9110 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
            "Requested tokens (9110) exceed context window of 4096",
            "The input (9110 tokens) is longer than the model's context length (4096 tokens).",
            "Prompt contains 9110 tokens and 0 draft tokens, too large for model with 4096 maximum context length",
            "This model's maximum prompt length is 4096 but the request contains 9110 tokens.",
            "prompt too long; exceeded max context length by 5014 tokens",
            "You passed 9110 input tokens. However, the model's context length is only 4096 tokens, resulting in a prompt that is too long.",
            "`inputs` must have less than 4096 tokens. Given: 9110",
            "Please reduce the length of the messages or completion.",
        ];
        for sentence in sentences {
            let body = serde_json::json!({"error": {"message": sentence}}).to_string();
            let found = classify(400, &body);
            assert_eq!(found.class(), "overflow", "{sentence}: {found:?}");
        }
        let pace = r#"{"error":{"message":"Request too large on tokens per min: limit 30000, the context window is not enough"}}"#;
        assert_eq!(classify(429, pace).class(), "rate_limited");
    }

    #[test]
    fn each_failure_has_its_class() {
        let cases = [
            (401, r#"{"error":{"message":"no","code":"invalid_api_key"}}"#, "auth"),
            (403, "forbidden", "auth"),
            (402, r#"{"error":{"message":"pay","code":402}}"#, "billing"),
            (429, r#"{"error":{"message":"q","type":"insufficient_quota"}}"#, "billing"),
            (
                400,
                r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
                "billing",
            ),
            (429, r#"{"error":{"message":"slow down"}}"#, "rate_limited"),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                "transient",
            ),
            (
                503,
                r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
                "transient",
            ),
            (500, "", "transient"),
            (200, r#"{"error":{"message":"Provider returned error","code":502}}"#, "transient"),
            (200, r#"{"error":{"message":"Rate limit exceeded","code":429}}"#, "rate_limited"),
            (400, r#"{"error":"registry/m does not support tools"}"#, "no_tools"),
            (404, r#"{"error":{"message":"model not found"}}"#, "refused"),
            (400, r#"{"error":{"message":"temperature must be below 2"}}"#, "refused"),
        ];
        for (status, body, expected) in cases {
            assert_eq!(classify(status, body).class(), expected, "{status} {body}");
        }
    }

    #[test]
    fn retry_after_as_seconds_milliseconds_and_date() {
        let read = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers, 1_445_412_480).map(|wait| wait.as_millis())
        };
        assert_eq!(read("retry-after", "7"), Some(7_000));
        assert_eq!(read("retry-after-ms", "250"), Some(250));
        assert_eq!(read("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"), Some(30_000));
        assert_eq!(read("retry-after", "-1"), None);
        assert_eq!(read("retry-after", "soon"), None);
    }
}
