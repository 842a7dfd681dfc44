//! Classification of answers that are no success.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::OutsideError;
use super::client::Service;
use crate::model::retry_after;

/// Longest text of a service that an error repeats, in characters.
const MAX_CHARS: usize = 300;

/// An answer that is no success.
pub(super) struct Failure<'a> {
    /// HTTP status.
    pub(super) status: u16,
    /// Its headers.
    pub(super) headers: &'a HeaderMap,
    /// The beginning of its body.
    pub(super) body: &'a str,
    /// Unix time, in seconds.
    pub(super) now: i64,
}

impl Failure<'_> {
    /// Names the failure.
    pub(super) fn classify(&self, asked: &Service) -> OutsideError {
        let service = asked.name();
        let value: Value = serde_json::from_str(self.body).unwrap_or(Value::Null);
        let message = asked.clean(&self.words(&value));
        let header = |name: &str| self.headers.get(name)?.to_str().ok().map(str::trim);
        let help = asked.token_help();
        let wait = self.wait();
        // The hub answers 401 for what does not exist when it is asked without a token, and says so here.
        let hub_code = header("x-error-code").unwrap_or_default();
        if matches!(hub_code, "RepoNotFound" | "RevisionNotFound" | "EntryNotFound") {
            return OutsideError::NotFound { service, message: format!("{hub_code}: {message}") };
        }
        if hub_code == "GatedRepo" {
            let help = format!(
                "its owner asks for consent to terms, which the user gives on its page; then {help}"
            );
            return OutsideError::Forbidden { service, message, help };
        }
        let limited = self.status == 429
            || (self.status == 403
                && (header("x-ratelimit-remaining") == Some("0")
                    || header("retry-after").is_some()
                    || message.to_lowercase().contains("rate limit")));
        if limited {
            let help = if asked.has_token() { "ask less often".to_owned() } else { help };
            return OutsideError::RateLimited { service, message, wait, help };
        }
        let code = value.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
        let bad_token = self.status == 401 || code == "SUBSCRIPTION_TOKEN_INVALID";
        match self.status {
            _ if bad_token && asked.has_token() => OutsideError::Auth { service, message, help },
            _ if bad_token => OutsideError::NoToken { service, help },
            // The latter two are Tavily's.
            402 | 432 | 433 => OutsideError::Billing { service, message },
            403 => {
                let help = match asked.forbidden_help() {
                    Some(why) => why.to_owned(),
                    None if asked.has_token() => {
                        format!("the token lacks a right for it; for another one, {help}")
                    }
                    None => format!("it may need a token; {help}"),
                };
                OutsideError::Forbidden { service, message, help }
            }
            404 | 410 => OutsideError::NotFound { service, message },
            408 | 425 | 500..=599 => {
                OutsideError::Transient { service, status: self.status, message, wait }
            }
            status => OutsideError::Refused { service, status, message },
        }
    }

    /// The service's message, from the places where services put it.
    fn words(&self, value: &Value) -> String {
        let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
        let words = error
            .as_str()
            .or_else(|| error.get("message")?.as_str())
            .or_else(|| error.get("detail")?.as_str())
            .or_else(|| value.get("message")?.as_str())
            .or_else(|| value.get("detail")?.as_str())
            .or_else(|| value.pointer("/detail/error")?.as_str());
        let words = words.unwrap_or(self.body).trim();
        if words.is_empty() {
            return format!("status {} without a word", self.status);
        }
        if words.starts_with('<') {
            return format!("status {} with a page", self.status);
        }
        words.to_owned()
    }

    /// Time that the service asks to wait: `Retry-After`; `x-ratelimit-reset` as a Unix time (GitHub) or as
    /// seconds for each of several windows (Brave); `t` of the `RateLimit` header (IETF draft, Hugging Face).
    fn wait(&self) -> Option<Duration> {
        if let Some(wait) = retry_after(self.headers, self.now) {
            return Some(wait);
        }
        let header = |name: &str| self.headers.get(name)?.to_str().ok();
        let numbers = |text: &str| -> Vec<i64> {
            text.split(',').filter_map(|part| part.trim().parse().ok()).collect()
        };
        if let Some(resets) = header("x-ratelimit-reset").map(numbers) {
            let left = header("x-ratelimit-remaining").map(numbers).unwrap_or_default();
            let spent = resets.iter().zip(&left).filter(|(_, left)| **left <= 0);
            let reset = spent.map(|(reset, _)| *reset).max().or_else(|| resets.first().copied())?;
            // A Unix time, unless it is less than any since 2001.
            let seconds = if reset > 1_000_000_000 { reset - self.now } else { reset };
            return u64::try_from(seconds).ok().map(Duration::from_secs);
        }
        let limit = header("ratelimit")?;
        let reset = limit.split(';').find_map(|part| part.trim().strip_prefix("t="))?;
        reset.parse().ok().map(Duration::from_secs)
    }
}

/// The beginning of `text` on one line, for an error.
pub(super) fn shortened(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = words.char_indices().nth(MAX_CHARS) {
        words.truncate(at);
        words.push_str("...");
    }
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let failure = Failure { status: 429, headers: &map, body: "", now: 1_700_000_000 };
        failure.wait().map(|wait| wait.as_secs())
    }

    #[test]
    fn every_way_to_ask_for_patience_is_read() {
        assert_eq!(wait(&[("retry-after", "7"), ("x-ratelimit-reset", "1700000099")]), Some(7));
        assert_eq!(wait(&[("x-ratelimit-reset", "1700000042")]), Some(42));
        assert_eq!(wait(&[("x-ratelimit-reset", "1699999999")]), None);
        let month = [("x-ratelimit-reset", "1, 1419704"), ("x-ratelimit-remaining", "1, 0")];
        assert_eq!(wait(&month), Some(1_419_704));
        let second = [("x-ratelimit-reset", "1, 1419704"), ("x-ratelimit-remaining", "0, 900")];
        assert_eq!(wait(&second), Some(1));
        assert_eq!(wait(&[("ratelimit", "\"api\";r=0;t=55")]), Some(55));
        assert_eq!(wait(&[("x-ratelimit-reset", "soon")]), None);
        assert_eq!(wait(&[]), None);
    }
}
