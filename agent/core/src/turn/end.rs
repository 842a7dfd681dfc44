//! Ends of a turn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The end of a turn. All but the first are said to the user with what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum End {
    /// The model answered and asks for nothing more.
    Done {
        /// Its answer.
        text: String,
    },
    /// A bound was reached.
    Budget {
        /// Bound that was reached.
        which: Which,
        /// The bound, in its unit.
        limit: u64,
    },
    /// Money is bounded, the price is unknown, and no person agreed to continue.
    UnknownPrice,
    /// The conversation does not fit the window, however much is left out.
    Overflow {
        /// Tokens of the window as known.
        window_tokens: u64,
    },
    /// The same calls gave the same results again and again, also after that was said.
    Stuck,
    /// The model refused.
    Refused {
        /// Its words.
        text: String,
    },
    /// The model gave nothing usable several times.
    NoAnswer,
    /// The endpoint failed for good.
    Failed {
        /// The class of the error.
        class: String,
        /// Words of the endpoint and what to do.
        message: String,
    },
    /// The user ended it.
    Cancelled,
}

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Model calls.
    Calls,
    /// Tokens.
    Tokens,
    /// Money, in millionths of a US dollar.
    Money,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done { text } => f.write_str(text),
            Self::Budget { which, limit } => {
                let unit = match which {
                    Which::Calls => "model calls",
                    Which::Tokens => "tokens",
                    Which::Money => "millionths of a US dollar",
                };
                write!(f, "the budget of {limit} {unit} is used up before the task was done; resume the session with a larger one")
            }
            Self::UnknownPrice => f.write_str(
                "money is limited but the model's price is unknown; configure the price or lift the limit",
            ),
            Self::Overflow { window_tokens } => write!(
                f,
                "the conversation does not fit the window of {window_tokens} tokens even when compacted; use a model with a larger window or a smaller task"
            ),
            Self::Stuck => f.write_str(
                "the model repeats the same calls with the same results; say what else to try",
            ),
            Self::Refused { text } => write!(f, "the model refused: {text}"),
            Self::NoAnswer => f.write_str(
                "the model gave neither words nor calls several times; try another model or mode",
            ),
            Self::Failed { message, .. } => f.write_str(message),
            Self::Cancelled => f.write_str("cancelled; the session can be resumed"),
        }
    }
}
