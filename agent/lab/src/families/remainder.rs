//! A number that carries a check of itself: its remainder. The tool says by what.

use super::{Helper, Quirk, Values, number};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Remainder {
    divisor: u64,
    secret: u64,
}

impl Remainder {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        Self { divisor: quirk.number("divisor"), secret: quirk.secret() }
    }

    fn answer(&self, id: &str, number: u64) -> String {
        let code = seal(self.secret, &[id, &number.to_string()]);
        format!("box {number} {code}\n")
    }

    /// The number in a text such as `1234-17`, when its remainder is right.
    fn read(&self, text: &str) -> Option<u64> {
        let (number, remainder) = text.split_once('-')?;
        let (number, remainder): (u64, u64) = (number.parse().ok()?, remainder.parse().ok()?);
        (number.checked_rem(self.divisor)? == remainder).then_some(number)
    }
}

impl Helper for Remainder {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"], number(values, "serial"))
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "boxreg" {
            return None;
        }
        let [verb, id] = call.positional.as_slice() else {
            return Some(Answer::fail(2, "usage: boxreg close FIELD --box N -o FILE"));
        };
        let given = call.option("--box").unwrap_or("");
        Some(match self.read(given).filter(|_| verb == "close") {
            Some(number) => call.write(&self.answer(id, number)),
            None => Answer::fail(
                9,
                format!(
                    "boxreg: --box '{given}' refused: it is followed by a dash and its \
                     remainder by {}",
                    self.divisor
                ),
            ),
        })
    }
}
