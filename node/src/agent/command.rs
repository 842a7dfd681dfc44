//! Commands at the prompt.

use lore_agent::turn::Allowance;

use crate::decimal;
use crate::error::CliError;

/// The commands, for `/help`.
pub(super) const HELP: &str = "\
/model [NAME|URL#MODEL]      show the model, or use another one
/budget [calls|tokens|usd N] show the bounds, or set one for the tasks that follow (`off` lifts it)
/compact                     make the conversation smaller now
/undo                        take back your last words and what followed; files stay as they are
/skills                      the skills at hand, and those that were offered
/approve [TOOL]              what you agreed to for this session, or agree to a tool
/resume [ID]                 the saved sessions, or resume one
/help                        this list
/quit                        save and leave (Ctrl-D, or Ctrl-C twice)
Ctrl-C ends what is running; the session stays.";

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Words for the model.
    Words(String),
    /// Nothing.
    Empty,
    Model(Option<String>),
    Budget(Option<(String, String)>),
    Compact,
    Undo,
    Skills,
    Approve(Option<String>),
    Resume(Option<String>),
    Help,
    Quit,
    /// A command that nobody knows, or with arguments that do not fit.
    Unknown(String),
}

impl Line {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::Empty;
        }
        // A path is no command.
        let Some(command) =
            text.strip_prefix('/').filter(|rest| !rest.contains('/') || is_known(rest))
        else {
            return Self::Words(text.to_owned());
        };
        let mut parts = command.split_whitespace().map(str::to_owned);
        let name = parts.next().unwrap_or_default();
        let arguments: Vec<String> = parts.collect();
        match (name.as_str(), arguments.as_slice()) {
            ("model", []) => Self::Model(None),
            ("model", [spec]) => Self::Model(Some(spec.clone())),
            ("budget", []) => Self::Budget(None),
            ("budget", [which, value]) => Self::Budget(Some((which.clone(), value.clone()))),
            ("compact", []) => Self::Compact,
            ("undo", []) => Self::Undo,
            ("skills", []) => Self::Skills,
            ("approve", []) => Self::Approve(None),
            ("approve", [tool]) => Self::Approve(Some(tool.clone())),
            ("resume", []) => Self::Resume(None),
            ("resume", [id]) => Self::Resume(Some(id.clone())),
            ("help" | "?", _) => Self::Help,
            ("quit" | "exit" | "q", []) => Self::Quit,
            _ => Self::Unknown(text.to_owned()),
        }
    }
}

fn is_known(rest: &str) -> bool {
    let name = rest.split_whitespace().next().unwrap_or_default();
    ["model", "resume", "approve"].contains(&name)
}

/// Sets one bound of `allowance`.
///
/// # Errors
/// Fails when the bound or its value is not one.
pub(super) fn set_bound(
    allowance: &mut Allowance,
    which: &str,
    value: &str,
) -> Result<(), CliError> {
    let number = || -> Result<Option<u64>, CliError> {
        match value {
            "off" => Ok(None),
            "0" => Err(CliError::usage("a budget of 0 leaves nothing to do")),
            _ => value.parse().map(Some).map_err(|_| {
                CliError::usage(format!("`{value}` is neither a whole number nor `off`"))
            }),
        }
    };
    match which {
        "calls" => allowance.calls = number()?,
        "tokens" => allowance.tokens = number()?,
        "usd" if value == "off" => allowance.cost_micro_usd = None,
        "usd" => allowance.cost_micro_usd = Some(decimal::parse("the budget", value, 6)?),
        other => {
            let message = format!("there is no budget of `{other}`: calls, tokens or usd");
            return Err(CliError::usage(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn commands_words_and_paths_are_told_apart() {
        for (text, line) in [
            ("", Line::Empty),
            (" /quit ", Line::Quit),
            ("/model http://127.0.0.1:1/v1#m", Line::Model(Some("http://127.0.0.1:1/v1#m".into()))),
            ("/budget calls 5", Line::Budget(Some(("calls".into(), "5".into())))),
            ("/budget calls", Line::Unknown("/budget calls".into())),
            ("/nonsense", Line::Unknown("/nonsense".into())),
            ("/etc/hosts is odd", Line::Words("/etc/hosts is odd".into())),
            ("fix it /quit", Line::Words("fix it /quit".into())),
        ] {
            assert_eq!(Line::parse(text), line, "{text}");
        }
    }

    #[test]
    fn a_bound_is_set_lifted_and_never_guessed() {
        let mut bound = Allowance::default();
        set_bound(&mut bound, "calls", "5").unwrap();
        set_bound(&mut bound, "usd", "0.25").unwrap();
        assert_eq!((bound.calls, bound.cost_micro_usd), (Some(5), Some(250_000)));
        set_bound(&mut bound, "calls", "off").unwrap();
        assert_eq!(bound.calls, None);
        for (which, value) in [("calls", "0"), ("tokens", "-1"), ("usd", "x"), ("time", "5")] {
            assert!(set_bound(&mut bound, which, value).is_err(), "{which} {value}");
        }
    }
}
