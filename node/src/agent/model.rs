//! The model that a session asks, and its bounds.

use std::sync::Arc;
use std::time::Duration;

use lore_agent::model::{HttpModel, Patience, Retries, window};
use lore_agent::turn::{Allowance, Limits, Mode, Price};

use crate::config::AgentSettings as Settings;
use crate::decimal;
use crate::error::CliError;
use crate::home::Home;
use crate::models;

/// The model options of the command line.
#[derive(Debug, Clone, Default)]
pub struct ModelOptions {
    /// A name in `config.toml`, or `URL#MODEL`.
    pub spec: Option<String>,
    /// Tokens of the window, when neither the configuration nor the endpoint says.
    pub window: Option<u64>,
    /// True when commands are written as fenced blocks instead of tool calls.
    pub text_mode: bool,
    /// Dollars for a million tokens read and written, `IN/OUT`.
    pub price: Option<String>,
    /// Longest silence of the endpoint.
    pub patience: Option<Duration>,
    /// Most attempts after a failed one.
    pub retries: Option<u32>,
    /// Most tokens of a reply.
    pub max_output: Option<u32>,
}

/// Bounds of a task and of a day, as the command line gives them.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// Model calls of a task.
    pub calls: Option<u64>,
    /// Tokens of a task.
    pub tokens: Option<u64>,
    /// Dollars of a task.
    pub usd: Option<String>,
    /// Model calls of a day.
    pub day_calls: Option<u64>,
    /// Tokens of a day.
    pub day_tokens: Option<u64>,
    /// Dollars of a day.
    pub day_usd: Option<String>,
}

/// A model, ready to be asked.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The name in output.
    pub(super) label: String,
    /// Its client.
    pub(super) model: Arc<HttpModel>,
    /// The bounds of a turn, the day's part left open.
    pub(super) limits: Limits,
    /// The bounds of a day.
    pub(super) day: Allowance,
}

impl Chosen {
    /// The model that the options or the settings name. Asks the endpoint for its window when nobody
    /// else says it.
    ///
    /// # Errors
    /// When none is named, the endpoint cannot be one, or its window is unknown.
    pub(super) async fn resolve(
        home: &Home,
        options: &ModelOptions,
        bounds: &Bounds,
        settings: &Settings,
    ) -> Result<Self, CliError> {
        let found = models::resolve(home, options.spec.as_deref())?;
        let label = found.label();
        let mut endpoint = found.endpoint;
        if let Some(silence) = options.patience {
            let patience = Patience { first_byte: silence, idle: silence, ..Patience::default() };
            endpoint = endpoint.with_patience(patience);
        }
        let model = HttpModel::new(endpoint)
            .map(Arc::new)
            .map_err(|error| CliError::usage(error).kind("bad_endpoint"))?;
        let tokens = match options.window.or(found.window_tokens) {
            Some(tokens) => Some(tokens),
            None => window(&model).await,
        };
        let tokens = tokens.filter(|&tokens| tokens > 0).ok_or_else(|| {
            CliError::failed(
                "unknown_window",
                format!("{label} does not say how large its window is"),
            )
            .help("is it running? else give its context size with --window TOKENS")
        })?;
        let mut limits = Limits::for_window(tokens);
        let without_tools = found.recorded.is_some_and(|known| !known.abilities.tools);
        if options.text_mode || without_tools {
            limits.mode = Mode::Text;
            limits.temperature_milli = Some(0);
        }
        limits.max_output_tokens = options.max_output.or(found.max_tokens);
        limits.effort = found.effort;
        if let Some(most) = options.retries {
            limits.retries = Retries { most, ..limits.retries };
        }
        limits.price = options.price.as_deref().map(price).transpose()?.or(found.price);
        limits.task = Allowance {
            calls: bounds.calls.or(settings.max_calls).or(limits.task.calls),
            tokens: bounds.tokens.or(settings.max_tokens),
            cost_micro_usd: dollars("--budget-usd", &bounds.usd, &settings.max_usd)?,
        };
        let day = Allowance {
            calls: bounds.day_calls.or(settings.day_calls),
            tokens: bounds.day_tokens.or(settings.day_tokens),
            cost_micro_usd: dollars("--budget-day-usd", &bounds.day_usd, &settings.day_usd)?,
        };
        Ok(Self { label, model, limits, day })
    }
}

/// Millionths of a dollar.
fn dollars(
    what: &str,
    given: &Option<String>,
    set: &Option<String>,
) -> Result<Option<u64>, CliError> {
    given.as_ref().or(set.as_ref()).map(|text| decimal::parse(what, text, 6)).transpose()
}

/// `IN/OUT` in dollars for a million tokens, or `IN/CACHED/OUT`.
fn price(text: &str) -> Result<Price, CliError> {
    let parts: Vec<u64> =
        text.split('/').map(|part| decimal::parse("--price", part, 6)).collect::<Result<_, _>>()?;
    match parts.as_slice() {
        [input, output] => Ok(Price { input: *input, cached: *input, output: *output }),
        [input, cached, output] => Ok(Price { input: *input, cached: *cached, output: *output }),
        _ => Err(CliError::usage(format!("--price {text}: write it as IN/OUT, such as 0.5/1.5"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn prices_are_exact_and_nothing_else_is_taken() {
        let found = price("0.5/1.5").unwrap();
        assert_eq!(found, Price { input: 500_000, cached: 500_000, output: 1_500_000 });
        assert_eq!(price("3/0.3/15").unwrap().cached, 300_000);
        for wrong in ["", "1", "1/2/3/4", "a/b", "1/-2"] {
            assert!(price(wrong).is_err(), "{wrong}");
        }
    }
}
