//! Settings of one model in `config.toml`.

use std::path::PathBuf;

use lore_agent::model::{Dialect, Effort, Endpoint, EndpointError};
use lore_agent::turn::Price;
use serde::Deserialize;
use toml::Spanned;

/// Longest name of a model, in bytes.
const NAME_BYTES: usize = 64;

/// One `[models.NAME]`, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSettings {
    /// The endpoint's URL, up to and with `/v1`.
    pub url: String,
    /// The model's name on the server.
    pub model: String,
    /// The protocol that it speaks.
    pub dialect: Dialect,
    /// The environment variable that holds its key.
    pub key_env: Option<String>,
    /// The private file that holds its key; relative to the node's home.
    pub key_file: Option<PathBuf>,
    /// Its context window, in tokens.
    pub window_tokens: Option<u64>,
    /// The price; None when unknown.
    pub price: Option<Price>,
    /// Most tokens of one reply.
    pub max_tokens: Option<u32>,
    /// The reasoning effort.
    pub effort: Option<Effort>,
}

impl ModelSettings {
    /// The endpoint, without its key.
    ///
    /// # Errors
    /// When its URL cannot be used.
    pub fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        Endpoint::new(&self.url, self.dialect, &self.model)
    }

    /// The source of its key, never the key.
    #[must_use]
    pub fn key_source(&self) -> Option<String> {
        let variable = self.key_env.as_ref().map(|variable| format!("${variable}"));
        variable.or_else(|| Some(self.key_file.as_ref()?.display().to_string()))
    }
}

/// One `[models.NAME]` as it is written. A misspelt key is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelFile {
    url: Option<Spanned<String>>,
    model: Option<Spanned<String>>,
    dialect: Option<Spanned<String>>,
    key_env: Option<Spanned<String>>,
    key_file: Option<PathBuf>,
    window: Option<Spanned<u64>>,
    price_in: Option<Spanned<toml::Value>>,
    price_out: Option<Spanned<toml::Value>>,
    max_tokens: Option<Spanned<u32>>,
    effort: Option<Spanned<String>>,
}

/// The position of a mistake in the file, and its text. Never quotes a value that may be a key.
type Mistake = (usize, String);

impl ModelFile {
    /// Understands the section, which begins at the byte `at`.
    ///
    /// # Errors
    /// The byte where the mistake is, and what it is.
    pub(crate) fn settings(self, name: &str, at: usize) -> Result<ModelSettings, Mistake> {
        if !is_name(name) {
            let why = "a model's name is letters, digits, `.`, `_` and `-`, at most 64".to_owned();
            return Err((at, why));
        }
        let missing = |key: &str| (at, format!("[models.{name}] lacks `{key}`"));
        let url = self.url.ok_or_else(|| missing("url"))?;
        let model = self.model.ok_or_else(|| missing("model"))?;
        if model.get_ref().trim().is_empty() {
            return Err((model.span().start, "`model` is empty".to_owned()));
        }
        let dialect = match self.dialect {
            None => dialect_of(url.get_ref()),
            Some(dialect) => Dialect::named(dialect.get_ref()).ok_or_else(|| {
                (dialect.span().start, "the dialect is \"openai\" or \"anthropic\"".to_owned())
            })?,
        };
        let url_at = url.span().start;
        let url = base_url(url.get_ref());
        Endpoint::new(&url, dialect, model.get_ref()).map_err(|why| (url_at, why.to_string()))?;
        if self.key_env.is_some() && self.key_file.is_some() {
            return Err((at, "give `key_env` or `key_file`, not both".to_owned()));
        }
        if let Some(variable) = &self.key_env
            && !is_variable(variable.get_ref())
        {
            let why = "`key_env` is the name of an environment variable, such as OPENAI_API_KEY; \
                       a key itself is never written into this file"
                .to_owned();
            return Err((variable.span().start, why));
        }
        let effort = match self.effort {
            None => None,
            Some(effort) => Some(Effort::named(effort.get_ref()).ok_or_else(|| {
                (effort.span().start, "the effort is \"low\", \"medium\" or \"high\"".to_owned())
            })?),
        };
        Ok(ModelSettings {
            url,
            model: model.into_inner(),
            dialect,
            key_env: self.key_env.map(Spanned::into_inner),
            key_file: self.key_file,
            window_tokens: positive("window", self.window)?,
            price: price(at, self.price_in, self.price_out)?,
            max_tokens: positive("max_tokens", self.max_tokens)?,
            effort,
        })
    }
}

/// Returns true when a model may have this name: never mistaken for a URL, and a bare key in TOML.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=NAME_BYTES).contains(&name.len())
        && name.bytes().all(fits)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// Returns true when a text is a variable's name, and not a key that was put in its place.
fn is_variable(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=NAME_BYTES).contains(&text.len())
        && text.bytes().all(fits)
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && lore_session::redact::text(text) == text
}

/// The base of a URL: a server's bare address stands for its `/v1`.
pub(crate) fn base_url(text: &str) -> String {
    let text = text.trim().trim_end_matches('/');
    let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
    if after_scheme.is_empty() || after_scheme.contains(['/', '?', '#']) {
        text.to_owned()
    } else {
        format!("{text}/v1")
    }
}

/// The dialect of a URL whose configuration names none: only Anthropic's own host speaks its own.
pub(crate) fn dialect_of(url: &str) -> Dialect {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    if host.eq_ignore_ascii_case("api.anthropic.com") {
        Dialect::Anthropic
    } else {
        Dialect::OpenAiChat
    }
}

fn positive<T: Copy + PartialEq + From<u8>>(
    key: &str,
    value: Option<Spanned<T>>,
) -> Result<Option<T>, Mistake> {
    match value {
        Some(value) if *value.get_ref() == T::from(0) => {
            Err((value.span().start, format!("`{key}` is a number of tokens above 0")))
        }
        value => Ok(value.map(Spanned::into_inner)),
    }
}

/// Both prices or none: half a price is a wrong price.
fn price(
    at: usize,
    input: Option<Spanned<toml::Value>>,
    output: Option<Spanned<toml::Value>>,
) -> Result<Option<Price>, Mistake> {
    match (input, output) {
        (None, None) => Ok(None),
        (Some(input), Some(output)) => {
            let input = micro_usd(&input)?;
            Ok(Some(Price { input, cached: input, output: micro_usd(&output)? }))
        }
        _ => Err((at, "give both `price_in` and `price_out`, or neither".to_owned())),
    }
}

/// US dollars with at most six decimal places, in millionths.
fn micro_usd(value: &Spanned<toml::Value>) -> Result<u64, Mistake> {
    let text = match value.get_ref() {
        toml::Value::Integer(whole) => whole.to_string(),
        // The shortest text that is this number: 0.15 stays 0.15.
        toml::Value::Float(number) => number.to_string(),
        _ => String::new(),
    };
    crate::decimal::parse("the price", &text, 6).map_err(|_| {
        let why = "a price is US dollars for a million tokens, such as 0.15".to_owned();
        (value.span().start, why)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("config.toml")).map_err(|error| error.to_string())
    }

    const WHOLE: &str = "[agent]\nmodel = \"big\"\n\n[models.big]\nurl = \"https://api.example/v1/\"\n\
        model = \"m-1\"\ndialect = \"anthropic\"\nkey_env = \"BIG_KEY\"\nwindow = 200000\nprice_in = 3\n\
        price_out = 0.15\nmax_tokens = 4096\neffort = \"low\"\n\n\
        [models.\"small.1\"]\nurl = \"http://127.0.0.1:8080\"\nmodel = \"any\"\n";

    #[test]
    fn a_section_is_read_whole_and_a_short_one_has_defaults() {
        let config = parse(WHOLE).unwrap();
        assert_eq!(config.default_model.as_deref(), Some("big"));
        let big = &config.models["big"];
        assert_eq!(big.url, "https://api.example/v1");
        assert_eq!((big.dialect, big.effort), (Dialect::Anthropic, Some(Effort::Low)));
        assert_eq!((big.window_tokens, big.max_tokens), (Some(200_000), Some(4096)));
        assert_eq!(big.price, Some(Price { input: 3_000_000, cached: 3_000_000, output: 150_000 }));
        let small = &config.models["small.1"];
        assert_eq!(small.url, "http://127.0.0.1:8080/v1");
        assert_eq!((small.dialect, small.price), (Dialect::OpenAiChat, None));
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        let base = "[models.m]\nurl = \"https://a.example/v1\"\nmodel = \"x\"\n";
        let with = |line: &str| parse(&format!("{base}{line}\n")).unwrap_err();
        for (line, says) in [
            ("api_key = \"abc\"", "config.toml:4: unknown key `api_key`"),
            ("dialect = \"soap\"", "config.toml:4: the dialect is"),
            ("window = 0", "config.toml:4: `window`"),
            ("window = -1", "config.toml:4:"),
            ("price_in = 1", "give both"),
            ("price_in = -1\nprice_out = 1", "config.toml:4: a price"),
            ("price_in = nan\nprice_out = 1", "config.toml:4: a price"),
            ("price_in = \"1\"\nprice_out = 1", "config.toml:4: a price"),
            ("effort = \"extreme\"", "config.toml:4: the effort"),
            ("key_env = \"A\"\nkey_file = \"b\"", "not both"),
        ] {
            let error = with(line);
            assert!(error.contains(says), "{line}: {error}");
        }
        let error = parse("[models.m]\nmodel = \"x\"\n").unwrap_err();
        assert_eq!(error, "config.toml:1: [models.m] lacks `url`");
        let error = parse("[models.m]\nurl = \"ftp://a/v1\"\nmodel = \"x\"\n").unwrap_err();
        assert!(error.starts_with("config.toml:2: the model's URL"), "{error}");
        let error = parse("[agent]\nmodel = \"gone\"\n").unwrap_err();
        assert_eq!(error, "config.toml:2: there is no [models.gone]");
        let error = parse("[models.\"a/b\"]\nurl = \"http://a\"\nmodel = \"x\"\n").unwrap_err();
        assert!(error.contains("a model's name"), "{error}");
    }

    #[test]
    fn a_key_in_place_of_a_variable_is_refused_and_not_repeated() {
        for key in ["sk-abc def", &format!("{}{}", "hf_", "AbCdEfGhIjKlMnOpQrStUvWxYz01234567")] {
            let text = format!(
                "[models.m]\nurl = \"https://a.example/v1\"\nmodel = \"x\"\nkey_env = \"{key}\"\n"
            );
            let error = parse(&text).unwrap_err();
            assert!(error.contains("never written") && !error.contains(key), "{error}");
        }
    }

    #[test]
    fn a_bare_address_stands_for_its_v1_and_only_anthropics_host_for_its_dialect() {
        assert_eq!(base_url("http://127.0.0.1:8080/"), "http://127.0.0.1:8080/v1");
        assert_eq!(base_url("https://a.example/api/v1"), "https://a.example/api/v1");
        assert_eq!(dialect_of("https://api.anthropic.com/v1"), Dialect::Anthropic);
        assert_eq!(dialect_of("https://api.anthropic.com.evil.example/v1"), Dialect::OpenAiChat);
    }
}
