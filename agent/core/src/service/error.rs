//! Errors of a call to a service.

use std::time::Duration;

/// Why a service gave nothing. Texts of the service are shortened and rid of tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// The arguments cannot be what is meant.
    #[error("{0}")]
    Argument(String),
    /// Nothing is asked without a token here, and there is none.
    #[error("{service} needs a token for this: {help}")]
    NoToken {
        /// The service.
        service: &'static str,
        /// Advice on where to get a token and where to put it.
        help: String,
    },
    /// The token is not taken.
    #[error(
        "{service} refuses the token ({message}): it may be wrong, expired or revoked; to change it, {help}"
    )]
    Auth {
        /// The service.
        service: &'static str,
        /// Its words.
        message: String,
        /// Advice on where to get a token and where to put it.
        help: String,
    },
    /// The token is taken, and does not allow this.
    #[error("{service} does not allow this ({message}): {help}")]
    Forbidden {
        /// The service.
        service: &'static str,
        /// Its words.
        message: String,
        /// The advice.
        help: String,
    },
    /// The account cannot pay.
    #[error(
        "{service} wants to be paid for this ({message}): the plan or the credit of the account \
         does not cover it, which only the user can change"
    )]
    Billing {
        /// The service.
        service: &'static str,
        /// Its words.
        message: String,
    },
    /// Too many requests in a time.
    #[error("{service} limits the rate ({message}): {}; {help}", next(.wait))]
    RateLimited {
        /// The service.
        service: &'static str,
        /// Its words.
        message: String,
        /// Time that it asks to wait.
        wait: Option<Duration>,
        /// Advice on how to get a higher limit.
        help: String,
    },
    /// There is no such thing, or it is not shown to us.
    #[error(
        "{service} does not have this ({message}): check the spelling; what is private is only \
         found with a token that may see it"
    )]
    NotFound {
        /// The service.
        service: &'static str,
        /// Its words.
        message: String,
    },
    /// Broken or overloaded for now.
    #[error("{service} is not available (status {status}, {message}): try again later")]
    Transient {
        /// The service.
        service: &'static str,
        /// HTTP status.
        status: u16,
        /// Its words.
        message: String,
        /// Time that it asks to wait.
        wait: Option<Duration>,
    },
    /// Refused for another reason; the same again does not help.
    #[error("{service} refuses the request (status {status}): {message}")]
    Refused {
        /// The service.
        service: &'static str,
        /// HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The service was not reached.
    #[error(
        "{service} cannot be reached at {host}: {message}. Is there a network? A mirror or proxy of \
         it is set as `{setting}`; do without this tool otherwise"
    )]
    Unreachable {
        /// The service.
        service: &'static str,
        /// The host.
        host: String,
        /// The message of the operating system or the TLS library.
        message: String,
        /// The setting of its address.
        setting: String,
    },
    /// It points to a place that is none of its own.
    #[error("{service} redirects to {to}, which is not followed: {why}")]
    Redirected {
        /// The service.
        service: &'static str,
        /// The target.
        to: String,
        /// Why not.
        why: &'static str,
    },
    /// The answer is larger than is read.
    #[error(
        "the answer of {service} is larger than {limit_bytes} bytes and was given up: ask for less"
    )]
    TooLarge {
        /// The service.
        service: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
    /// The answer is not what the documentation of the service says.
    #[error("the answer of {service} is malformed ({message}): is `{setting}` the right address?")]
    Malformed {
        /// The service.
        service: &'static str,
        /// The problem.
        message: String,
        /// The setting of its address.
        setting: String,
    },
    /// Nothing, or not all, came in time.
    #[error("{service} gave no whole answer within {} s: try again, or ask for less", .waited.as_secs_f32())]
    Hung {
        /// The service.
        service: &'static str,
        /// Time waited.
        waited: Duration,
    },
    /// There is no HTTP client.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

impl OutsideError {
    /// A name for events and metrics.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Argument(_) => "argument",
            Self::NoToken { .. } => "no_token",
            Self::Auth { .. } => "auth",
            Self::Forbidden { .. } => "forbidden",
            Self::Billing { .. } => "billing",
            Self::RateLimited { .. } => "rate_limited",
            Self::NotFound { .. } => "not_found",
            Self::Transient { .. } => "transient",
            Self::Refused { .. } => "refused",
            Self::Unreachable { .. } => "unreachable",
            Self::Redirected { .. } => "redirected",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed { .. } => "malformed",
            Self::Hung { .. } => "hung",
            Self::Client(_) => "client",
        }
    }

    /// The wait before the same call is tried once more, when that is worth it and short.
    pub fn retry_wait(&self) -> Option<Duration> {
        let wait = match self {
            Self::RateLimited { wait, .. } => wait,
            Self::Transient { wait, status: 502..=504, .. } => wait,
            _ => return None,
        };
        let wait = wait.unwrap_or(UNASKED_WAIT);
        (wait <= LONGEST_WAIT).then_some(wait)
    }

    /// The error for an argument that cannot be used; `why` says what to give instead.
    pub fn argument(why: impl Into<String>) -> Self {
        Self::Argument(why.into())
    }
}

/// Wait before the one retry when the service does not say how long.
const UNASKED_WAIT: Duration = Duration::from_secs(1);
/// Longest wait within a call; when a service asks for more, the model is told.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

fn next(wait: &Option<Duration>) -> String {
    match wait {
        Some(wait) => format!("it can be asked again in {} s", wait.as_secs().max(1)),
        None => "ask again in a minute, and less often".to_owned(),
    }
}
