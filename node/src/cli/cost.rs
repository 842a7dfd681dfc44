//! A kind of cost, as a founder names it.

use std::str::FromStr;

use lore_protocol::charter::{CostKind, Measure};

/// `tokens`, `seconds` or `calls`, and after a slash how many of it make one: `tokens/1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CostArg(pub(super) CostKind);

impl FromStr for CostArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, per) = text.split_once('/').unwrap_or((text, "1"));
        let measure = match name {
            "tokens" => Measure::Tokens,
            "seconds" => Measure::Seconds,
            "calls" => Measure::Calls,
            _ => return Err(format!("`{name}` is not one of tokens, seconds and calls")),
        };
        match per.parse() {
            Ok(per) if per > 0 => Ok(Self(CostKind { measure, per })),
            _ => Err(format!("`{per}` is not a number from 1 on, as in `{name}/1000`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_measure_with_how_many_make_one() {
        let kind = |measure, per| Ok(CostArg(CostKind { measure, per }));
        assert_eq!("tokens/1000".parse(), kind(Measure::Tokens, 1_000));
        assert_eq!("calls".parse(), kind(Measure::Calls, 1));
        for bad in ["", "euros", "tokens/0", "tokens/", "tokens/-1", "tokens/1/2", "seconds/x"] {
            assert!(bad.parse::<CostArg>().is_err(), "{bad}");
        }
    }
}
