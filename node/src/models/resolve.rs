//! From what a person wrote, a model's name or a URL, to an endpoint.

use std::io;

use lore_agent::model::{Effort, Endpoint, EndpointError};
use lore_agent::turn::Price;

use super::key::{self, URL_KEY};
use super::{Recorded, Records};
use crate::config::{Config, ConfigError};
use crate::config::{base_url, dialect_of};
use crate::error::CliError;
use crate::home::Home;

/// The model's name where a URL gives none: servers of one model answer to any.
const ANY_MODEL: &str = "default";

/// A model that was chosen, with what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// Its name in the configuration; None for a URL.
    pub(crate) name: Option<String>,
    /// The endpoint; holds its key.
    pub(crate) endpoint: Endpoint,
    /// Its context window in tokens, as configured, else as recorded. None means: ask the endpoint.
    pub(crate) window_tokens: Option<u64>,
    /// The price: as configured, nothing on this machine, else unknown.
    pub(crate) price: Option<Price>,
    /// Most tokens of one reply.
    pub(crate) max_tokens: Option<u32>,
    /// The reasoning effort.
    pub(crate) effort: Option<Effort>,
    /// The record of `lore model test`.
    pub(crate) recorded: Option<Recorded>,
}

/// The model of a name in `config.toml` or of a URL (`URL#MODEL` where the server has several); without
/// either the one that `[agent] model` names, or the only one there is.
///
/// # Errors
/// When there is no such model, its key is missing or exposed, or its URL cannot be used.
pub(crate) fn resolve(home: &Home, spec: Option<&str>) -> Result<Chosen, CliError> {
    let config = config(home)?;
    match spec {
        Some(url) if url.contains("://") => of_url(home, url),
        Some(name) => of_name(home, &config, name),
        None => of_name(home, &config, default_name(&config)?),
    }
}

/// The configuration; the default where there is no file yet.
pub(crate) fn config(home: &Home) -> Result<Config, CliError> {
    match Config::load(&home.config_path()) {
        Err(ConfigError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Config::default())
        }
        other => Ok(other?),
    }
}

fn default_name(config: &Config) -> Result<&str, CliError> {
    if let Some(name) = &config.default_model {
        return Ok(name);
    }
    let mut names = config.models.keys();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            let names: Vec<&str> = config.models.keys().map(String::as_str).collect();
            let message = format!("several models are configured: {}", names.join(", "));
            Err(CliError::usage(message)
                .kind("no_model")
                .help("name one, or `lore model set NAME --default`"))
        }
        (None, _) => Err(CliError::usage("no model is configured").kind("no_model").help(
            "give a URL such as http://127.0.0.1:8080/v1, or `lore model set NAME --url URL --model \
             MODEL`; a small model for this machine: `lore model pull qwen2.5-coder-1.5b`",
        )),
    }
}

fn of_name(home: &Home, config: &Config, name: &str) -> Result<Chosen, CliError> {
    let settings = config.models.get(name).ok_or_else(|| {
        let known: Vec<&str> = config.models.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        CliError::usage(format!("there is no model `{name}`; configured: {known}"))
            .kind("no_model")
            .help("`lore model set NAME --url URL --model MODEL` adds one; a URL can be given as it is")
    })?;
    let endpoint = settings.endpoint().map_err(unusable)?;
    let endpoint = match key::of(home, settings)? {
        Some(key) => endpoint.with_key(key).map_err(unusable)?,
        None => endpoint,
    };
    Ok(Chosen {
        window_tokens: settings.window_tokens,
        price: settings.price,
        max_tokens: settings.max_tokens,
        effort: settings.effort,
        ..known(home, Some(name.to_owned()), endpoint)
    }
    .completed())
}

fn of_url(home: &Home, spec: &str) -> Result<Chosen, CliError> {
    let (url, model) = spec.split_once('#').unwrap_or((spec, ANY_MODEL));
    let model = if model.is_empty() { ANY_MODEL } else { model };
    let url = base_url(url);
    let mut endpoint = Endpoint::new(&url, dialect_of(&url), model).map_err(unusable)?;
    if let Some(key) = key::variable_value(URL_KEY) {
        endpoint = endpoint.with_key(key).map_err(unusable)?;
    }
    Ok(known(home, None, endpoint).completed())
}

/// An endpoint with what is recorded about it.
fn known(home: &Home, name: Option<String>, endpoint: Endpoint) -> Chosen {
    let recorded = Records::load(home).get(&endpoint).cloned();
    Chosen {
        name,
        endpoint,
        window_tokens: None,
        price: None,
        max_tokens: None,
        effort: None,
        recorded,
    }
}

impl Chosen {
    /// The name in output.
    pub(crate) fn label(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| format!("{}#{}", self.endpoint.base(), self.endpoint.model()))
    }

    fn completed(mut self) -> Self {
        let recorded = self.recorded.as_ref();
        self.window_tokens =
            self.window_tokens.or_else(|| recorded.and_then(|known| known.abilities.window_tokens));
        if self.endpoint.is_loopback() {
            self.price = self.price.or(Some(Price { input: 0, cached: 0, output: 0 }));
        }
        self
    }
}

fn unusable(error: EndpointError) -> CliError {
    CliError::usage(error).kind("bad_endpoint")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use lore_agent::model::{Abilities, Dialect};

    use super::*;

    fn home(config: &str) -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path()).unwrap();
        fs::write(home.config_path(), config).unwrap();
        (dir, home)
    }

    const ONE: &str =
        "[models.one]\nurl = \"https://a.example/v1\"\nmodel = \"m\"\nmax_tokens = 99\n";
    const TWO: &str = "[models.two]\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"n\"\n";

    #[test]
    fn a_name_a_url_and_nothing_each_give_an_endpoint() {
        let (_dir, home) = home(ONE);
        for spec in [None, Some("one")] {
            let chosen = resolve(&home, spec).unwrap();
            assert_eq!(chosen.label(), "one");
            assert_eq!(chosen.endpoint.base(), "https://a.example/v1");
            assert_eq!((chosen.max_tokens, chosen.price), (Some(99), None));
        }
        let chosen = resolve(&home, Some("http://127.0.0.1:9#q")).unwrap();
        assert_eq!(chosen.label(), "http://127.0.0.1:9/v1#q");
        // What runs on this machine costs nothing.
        assert!(chosen.price.is_some_and(|price| price.input == 0));
        assert_eq!(
            resolve(&home, Some("https://b.example/v1")).unwrap().endpoint.model(),
            ANY_MODEL
        );
    }

    #[test]
    fn without_a_name_the_default_is_taken_and_several_are_never_guessed_among() {
        let (_dir, home) = home(&format!("[agent]\nmodel = \"two\"\n{ONE}{TWO}"));
        assert_eq!(resolve(&home, None).unwrap().label(), "two");
        fs::write(home.config_path(), format!("{ONE}{TWO}")).unwrap();
        let error = resolve(&home, None).unwrap_err();
        assert!(error.message.contains("one, two"), "{error}");
        fs::remove_file(home.config_path()).unwrap();
        let error = resolve(&home, None).unwrap_err();
        assert!(error.help.contains("lore model set"), "{error}");
        assert!(resolve(&home, Some("three")).unwrap_err().message.contains("none"));
    }

    #[test]
    fn what_was_recorded_comes_along_and_the_configured_window_wins() {
        let (_dir, home) = home(ONE);
        let endpoint = resolve(&home, None).unwrap().endpoint;
        let abilities = Abilities {
            streaming: true,
            usage: true,
            tools: true,
            json: true,
            effort: true,
            window_tokens: Some(8192),
        };
        let recorded = Recorded { abilities, tested_at_seconds: 1 };
        Records::record(&home, &endpoint, recorded).unwrap();
        let chosen = resolve(&home, None).unwrap();
        assert_eq!(chosen.window_tokens, Some(8192));
        assert!(chosen.recorded.is_some_and(|recorded| recorded.abilities.tools));
        fs::write(home.config_path(), format!("{ONE}window = 1000\n")).unwrap();
        assert_eq!(resolve(&home, None).unwrap().window_tokens, Some(1000));
    }

    #[test]
    fn a_missing_key_is_an_error_and_a_key_does_not_go_over_plain_http() {
        let (_dir, home) = home(&format!("{ONE}key_env = \"LORE_TEST_NO_SUCH_VARIABLE\"\n"));
        let error = resolve(&home, None).unwrap_err();
        assert_eq!(error.kind, "no_key");
        assert!(error.message.contains("LORE_TEST_NO_SUCH_VARIABLE"), "{error}");
        // PATH is set wherever tests run.
        let plain =
            "[models.p]\nurl = \"http://far.example/v1\"\nmodel = \"m\"\nkey_env = \"PATH\"\n";
        fs::write(home.config_path(), plain).unwrap();
        let error = resolve(&home, None).unwrap_err();
        assert_eq!(error.kind, "bad_endpoint");
        assert!(error.message.contains("far.example"), "{error}");
        let shown = format!("{error:?}");
        assert!(!shown.contains(&std::env::var("PATH").unwrap()));
        let near = plain.replace("far.example", "127.0.0.1:1");
        fs::write(home.config_path(), near).unwrap();
        let chosen = resolve(&home, None).unwrap();
        assert_eq!(chosen.endpoint.dialect(), Dialect::OpenAiChat);
        assert!(!format!("{chosen:?}").contains(&std::env::var("PATH").unwrap()));
    }
}
