//! A number that carries a check of itself: its remainder. The tool says by what.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};

const WORDINGS: [&str; 5] = [
    "Please close box {n} of the harvest at field {id} and keep the reply in {out}.",
    "The harvest of field {id} fills box {n}. Close it, reply to {out}.",
    "Close box {n} with the harvest from field {id}; the reply goes to {out}.",
    "Field {id}, harvest box {n}: close it and save the reply as {out}.",
    "For the harvest, box {n} of field {id} is full: close it, with the reply in {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remainder {
    divisor: u64,
    secret: u64,
}

impl Remainder {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        Self { divisor: draw.between(12, 999), secret: draw.below(u64::MAX) }
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

impl Family for Remainder {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let number = draw.between(10_001, 99_999);
        let text = number.to_string();
        let documented = format!("boxreg close {id} --box {text} -o {out}");
        let wanted = (out.clone(), self.answer(&id, number));
        let fields = [("id", id.as_str()), ("out", &out), ("n", &text)];
        Task::new(draw, &WORDINGS, &fields, &documented, wanted)
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
