//! The measured model, and its allowance.

use std::time::Duration;

use lore_agent::model::{Dialect, Endpoint, HttpModel, Patience};
use lore_agent::turn::Price;
use lore_lab::episode::Bounds;

use crate::error::CliError;

/// The model and the bounds of an episode.
#[derive(Debug, Clone, clap::Args)]
pub struct ModelArgs {
    /// Base URL of an endpoint, such as http://127.0.0.1:8080/v1.
    #[arg(long, value_name = "URL")]
    pub model: String,
    /// Name of the model, as the endpoint knows it.
    #[arg(long, default_value = "local", value_name = "NAME")]
    pub model_name: String,
    /// SHA-256 of the model's file, when there is one: results are kept by it.
    #[arg(long, value_name = "HEX")]
    pub model_hash: Option<String>,
    /// Protocol of the endpoint.
    #[arg(long, default_value = "openai", value_parser = ["openai", "anthropic"])]
    pub protocol: String,
    /// Environment variable that holds the endpoint's key.
    #[arg(long, value_name = "VARIABLE")]
    pub key_env: Option<String>,
    /// Price in US dollars for a million tokens read and written, such as `0.15,0.6`.
    #[arg(long, value_name = "READ,WRITTEN")]
    pub price: Option<String>,
    /// Most model calls, and so commands, of an episode.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub steps: u32,
    /// Most tokens of one reply.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub tokens: u32,
    /// Most tokens of a prompt with its reply.
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u64).range(256..=2_000_000))]
    pub window: u64,
    /// Most minutes of an episode.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub minutes: u64,
}

impl ModelArgs {
    /// A client.
    pub(super) fn connect(&self) -> Result<HttpModel, CliError> {
        let dialect = match self.protocol.as_str() {
            "anthropic" => Dialect::Anthropic,
            _ => Dialect::OpenAiChat,
        };
        let usage = |error: lore_agent::model::EndpointError| CliError::usage(error);
        let mut endpoint = Endpoint::new(&self.model, dialect, &self.model_name).map_err(usage)?;
        if let Some(variable) = &self.key_env {
            let key = std::env::var(variable).map_err(|_| {
                CliError::usage(format!("the environment has no readable variable {variable}"))
                    .help("set it to the endpoint's key, or leave out --key-env")
            })?;
            endpoint = endpoint.with_key(key.into()).map_err(usage)?;
        }
        let episode = Duration::from_secs(self.minutes * 60);
        // A reply is short: what takes longer, or is larger, is not one.
        let patience = Patience {
            first_byte: episode.min(Duration::from_secs(300)),
            idle: Duration::from_secs(60),
            total: episode.min(Duration::from_secs(600)),
            reply_bytes: 4 << 20,
            ..Patience::default()
        };
        HttpModel::new(endpoint.with_patience(patience)).map_err(usage)
    }

    /// Name and hash, by which results are kept.
    pub(super) fn id(&self) -> String {
        match &self.model_hash {
            Some(hash) => format!("{} sha256:{hash}", self.model_name),
            None => self.model_name.clone(),
        }
    }

    /// The bounds of each episode.
    pub(super) fn bounds(&self) -> Result<Bounds, CliError> {
        Ok(Bounds {
            steps: self.steps,
            reply_tokens: self.tokens,
            window_tokens: self.window,
            // About two thirds of a window hold the output of all steps at three bytes a token.
            shown_bytes: usize::try_from(self.window * 2 / u64::from(self.steps))
                .unwrap_or(800)
                .clamp(200, 800),
            episode: Duration::from_secs(self.minutes * 60),
            price: self.price.as_deref().map(price).transpose()?,
            ..Bounds::default()
        })
    }
}

/// `READ,WRITTEN` in dollars; what is cached costs as much as what is read.
fn price(text: &str) -> Result<Price, CliError> {
    let (read, written) = text.split_once(',').ok_or_else(|| {
        CliError::usage(format!("`{text}` is no price")).help("give two numbers, such as 0.15,0.6")
    })?;
    let input = crate::decimal::parse("price", read, 6)?;
    let output = crate::decimal::parse("price", written, 6)?;
    Ok(Price { input, cached: input, output })
}
