//! The endpoint of a model: its address, key and timeouts.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// The protocol that an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `POST {base}/chat/completions`.
    OpenAiChat,
    /// `POST {base}/messages`.
    Anthropic,
}

impl Dialect {
    /// Its name in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// The dialect of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::OpenAiChat, Self::Anthropic].into_iter().find(|dialect| dialect.name() == name)
    }
}

/// Time and size limits of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the first byte of a reply: a local model first reads the whole prompt.
    pub first_byte: Duration,
    /// Between two pieces of a reply.
    pub idle: Duration,
    /// For a whole reply.
    pub total: Duration,
    /// Largest reply, in bytes on the wire.
    pub reply_bytes: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(3600),
            reply_bytes: 32 << 20,
        }
    }
}

/// An endpoint. Its `Debug` and all errors are free of its key.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub(super) base: Url,
    pub(super) dialect: Dialect,
    pub(super) model: String,
    pub(super) key: Option<SecretString>,
    pub(super) patience: Patience,
    /// Fields that are added to every request body, for what only one server knows.
    pub(super) extra: BTreeMap<String, serde_json::Value>,
}

/// Why an endpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL over http or https.
    #[error("the model's URL is not an http or https URL; it looks like http://127.0.0.1:8080/v1")]
    Url,
    /// A key in the URL would be in logs.
    #[error("the model's URL holds a name, password or query; give the key apart from the URL")]
    CredentialsInUrl,
    /// The key would be readable on the way.
    #[error("a key is not sent over plain http to {host}; use https, or http on loopback only")]
    KeyOverPlainHttp {
        /// The host.
        host: String,
    },
    /// The key cannot be a header.
    #[error("the key holds bytes that no header can; it was probably copied with a line break")]
    Key,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

impl Endpoint {
    /// An endpoint at `base`, which ends before `/chat/completions` or `/messages` (`.../v1`).
    ///
    /// # Errors
    /// When the URL is none, or holds credentials.
    pub fn new(base: &str, dialect: Dialect, model: &str) -> Result<Self, EndpointError> {
        let base: Url = base.trim_end_matches('/').parse().map_err(|_| EndpointError::Url)?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(EndpointError::Url);
        }
        let has_password = !base.username().is_empty() || base.password().is_some();
        if has_password || base.query().is_some() || base.fragment().is_some() {
            return Err(EndpointError::CredentialsInUrl);
        }
        Ok(Self {
            base,
            dialect,
            model: model.to_owned(),
            key: None,
            patience: Patience::default(),
            extra: BTreeMap::new(),
        })
    }

    /// With a key.
    ///
    /// # Errors
    /// When it would travel unencrypted to another machine, or cannot be a header.
    pub fn with_key(mut self, key: SecretString) -> Result<Self, EndpointError> {
        if self.base.scheme() == "http" && !self.is_loopback() {
            let host = self.base.host_str().unwrap_or_default().to_owned();
            return Err(EndpointError::KeyOverPlainHttp { host });
        }
        if key.expose_secret().bytes().any(|byte| !(0x20..0x7f).contains(&byte)) {
            return Err(EndpointError::Key);
        }
        self.key = Some(key);
        Ok(self)
    }

    /// With other limits of time and size.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// With a field in every request body that only this server knows (`{"cache_prompt": true}`).
    #[must_use]
    pub fn with_field(mut self, name: &str, value: serde_json::Value) -> Self {
        self.extra.insert(name.to_owned(), value);
        self
    }

    /// The base address of the endpoint without the API's path; never with a key.
    #[must_use]
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The protocol that it speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns true when the endpoint is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        crate::http::is_loopback(self.base.host_str().unwrap_or_default())
    }

    /// The URL of `path` below the base.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// The URL of `path` at the server's root.
    pub(super) fn root_url(&self, path: &str) -> String {
        let mut root = self.base.clone();
        root.set_path(path);
        root.to_string()
    }

    /// `text` without the key, should the endpoint have echoed it, and without other secrets;
    /// at most 300 characters.
    pub(super) fn clean(&self, text: &str) -> String {
        // Before shortening, so that half a key is not left at the end.
        let text: String = text.chars().take(4_000).collect();
        let text = match &self.key {
            Some(key) if !key.expose_secret().is_empty() => {
                text.replace(key.expose_secret(), "[key]")
            }
            _ => text,
        };
        let text = lore_session::redact::text(&text).into_owned();
        let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((at, _)) = words.char_indices().nth(300) {
            words.truncate(at);
            words.push_str("...");
        }
        words
    }
}
