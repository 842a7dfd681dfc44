//! Doing a verb: by the daemon when there is one, else here.

use serde_json::Value;

use super::Context;
use crate::control;
use crate::error::CliError;
use crate::host::Node;

impl Context {
    /// Does a verb and gives its result.
    pub(super) fn ask(&self, verb: &str, args: Value) -> Result<Value, CliError> {
        match self.ask_daemon(verb, args.clone())? {
            Some(value) => Ok(value),
            None => {
                let _lock = self.home.lock()?;
                Node::open(self.home.clone(), &self.machine)?.verb(verb, args)
            }
        }
    }

    /// Does a verb that only a running node can do.
    pub(super) fn ask_running(&self, verb: &str, args: Value) -> Result<Value, CliError> {
        self.ask_daemon(verb, args)?.ok_or_else(|| {
            CliError::failed("not_running", "this needs the network, and the node is not running")
                .help("start it with `lore run --detach`")
        })
    }

    pub(super) fn ask_daemon(&self, verb: &str, args: Value) -> Result<Option<Value>, CliError> {
        if !self.home.is_initialised() {
            // The one error that says how to begin.
            self.home.load_key()?;
        }
        control::call_blocking(&self.home, verb, args, |_| {})
    }
}

/// Asks a person; anything but `yes` or `y` is no. Without a terminal the answer is no.
pub(super) fn agree(question: &str) -> Result<(), CliError> {
    use std::io::{BufRead as _, IsTerminal as _, Write as _};
    let refused = |why: &str| {
        CliError::refused("not_agreed", why).help("answer `yes`, or give --yes when you are sure")
    };
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(refused("this needs a person's agreement, and there is no terminal"));
    }
    let mut stderr = std::io::stderr();
    let mut answer = String::new();
    write!(stderr, "{question} [yes/no] ")
        .and_then(|()| stderr.flush())
        .and_then(|()| stdin.lock().read_line(&mut answer).map(drop))
        .map_err(|error| CliError::failed("terminal", error))?;
    match answer.trim() {
        "yes" | "y" => Ok(()),
        _ => Err(refused("not agreed")),
    }
}

/// Parses a decimal number into an integer of `places` decimal places, exactly.
pub(crate) fn decimal(what: &str, text: &str, places: u32) -> Result<u64, CliError> {
    let wrong = || {
        CliError::usage(format!(
            "{what} `{text}` is not a number with at most {places} decimal places"
        ))
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let places = places as usize;
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > places {
        return Err(wrong());
    }
    format!("{whole}{fraction:0<places$}").parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::decimal;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal("epsilon", "4", 6).unwrap(), 4_000_000);
        assert_eq!(decimal("epsilon", "0.1", 6).unwrap(), 100_000);
        assert_eq!(decimal("delta", "0.000001", 18).unwrap(), 1_000_000_000_000);
        for bad in ["", "-1", "1e3", "1.2.3", "0.1234567", "four", "."] {
            assert!(decimal("epsilon", bad, 6).is_err(), "{bad}");
        }
    }
}
