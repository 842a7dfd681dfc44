//! Errors of a model call.

use std::time::Duration;

/// Why a call gave no reply. Texts of the endpoint are shortened and rid of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Too many requests or tokens in a time.
    #[error("the endpoint limits the rate: {message}")]
    RateLimited {
        /// Time that the endpoint asks to wait.
        retry_after: Option<Duration>,
        /// Its words.
        message: String,
    },
    /// Overloaded, loading or broken for now.
    #[error("the endpoint is not available: {message}")]
    Transient {
        /// Time that the endpoint asks to wait.
        retry_after: Option<Duration>,
        /// Its words.
        message: String,
    },
    /// The endpoint was not reached.
    #[error("the endpoint cannot be reached: {message}; is it running, and is its URL right?")]
    Unreachable {
        /// The message of the operating system or the TLS library.
        message: String,
    },
    /// Nothing listens at an address of this machine: waiting does not help, starting a server does.
    #[error(
        "nothing listens at {url}: start a model server there, such as `lore model serve NAME`, \
         llama-server or Ollama, or name another with --model"
    )]
    NothingListens {
        /// The endpoint's URL.
        url: String,
    },
    /// A page for people came: a wrong URL, or the sign-in page of a network.
    #[error(
        "{url} answers with a web page, so that it is no API of models: check the URL (many end with \
         /v1), and whether this network wants a sign-in first"
    )]
    WebPage {
        /// The endpoint's URL.
        url: String,
    },
    /// The request does not fit the model's window.
    #[error("the request does not fit the model's context window: {message}")]
    Overflow {
        /// Tokens of the request, when given.
        used: Option<u64>,
        /// Tokens of the window, when given.
        window: Option<u64>,
        /// The endpoint's words.
        message: String,
    },
    /// The key is missing, wrong or not allowed to do this.
    #[error("the endpoint refuses the key: {message}; check the key and what it is allowed")]
    Auth {
        /// The endpoint's words.
        message: String,
    },
    /// No credit left.
    #[error(
        "the account has no credit or quota left: {message}; top it up or use another endpoint"
    )]
    Billing {
        /// The endpoint's words.
        message: String,
    },
    /// The model or its server cannot call tools.
    #[error("tools cannot be called here: {message}; use text mode or start the server with tools")]
    NoTools {
        /// The endpoint's words.
        message: String,
    },
    /// The request is refused for another reason; trying again does not help.
    #[error("the endpoint refuses the request (status {status}): {message}")]
    Refused {
        /// HTTP status, or the code in the body.
        status: u16,
        /// The endpoint's words.
        message: String,
    },
    /// The answer is not what the protocol says.
    #[error("the endpoint's answer is malformed: {message}; is this the right kind of endpoint?")]
    Malformed {
        /// The problem.
        message: String,
    },
    /// The stream ended before the reply did.
    #[error("the reply was cut short: {message}")]
    Cut {
        /// The way in which it ended.
        message: String,
    },
    /// Nothing came for too long.
    #[error("the endpoint hung: nothing for {seconds} s while {waiting_for}")]
    Hung {
        /// Time waited, in seconds.
        seconds: u64,
        /// For what.
        waiting_for: &'static str,
    },
    /// The reply is larger than is read.
    #[error("the reply is larger than {limit_bytes} bytes and was given up")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
}

impl ModelError {
    /// Returns true when trying the same call again may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Transient { .. }
            | Self::Unreachable { .. }
            | Self::Malformed { .. }
            | Self::Cut { .. }
            | Self::Hung { .. } => true,
            Self::NothingListens { .. }
            | Self::WebPage { .. }
            | Self::Overflow { .. }
            | Self::Auth { .. }
            | Self::Billing { .. }
            | Self::NoTools { .. }
            | Self::Refused { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// Time that the endpoint asks to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Transient { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// A name for events and metrics.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Transient { .. } => "transient",
            Self::Unreachable { .. } | Self::NothingListens { .. } => "unreachable",
            Self::WebPage { .. } => "web_page",
            Self::Overflow { .. } => "overflow",
            Self::Auth { .. } => "auth",
            Self::Billing { .. } => "billing",
            Self::NoTools { .. } => "no_tools",
            Self::Refused { .. } => "refused",
            Self::Malformed { .. } => "malformed",
            Self::Cut { .. } => "cut",
            Self::Hung { .. } => "hung",
            Self::TooLarge { .. } => "too_large",
        }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::Malformed { message: message.into() }
    }

    pub(super) fn cut(message: impl Into<String>) -> Self {
        Self::Cut { message: message.into() }
    }
}
