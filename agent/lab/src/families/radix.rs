//! A number in another base, counted from another beginning. The tool names both.

use super::{Helper, Quirk, Values, number};
use crate::draw::{Draw, seal};
use crate::invocation::{Answer, Invocation};
use std::collections::BTreeMap;

/// The quirk.
#[derive(Debug)]
pub(crate) struct Radix {
    octal: bool,
    first: u64,
    secret: u64,
}

impl Radix {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        Self {
            octal: quirk.text("base") == "octal",
            first: quirk.number("first"),
            secret: quirk.secret(),
        }
    }

    fn written(&self, slot: u64) -> String {
        let from_first = slot.saturating_sub(self.first);
        if self.octal { format!("{from_first:o}") } else { format!("{from_first:x}") }
    }

    /// The store's own plan, so that the tool can tell a wrong slot; only a digest of it is kept.
    fn plan(&self, id: &str, slot: &str) -> String {
        seal(self.secret, &["plan", id, slot])
    }

    fn answer(&self, id: &str) -> String {
        format!("item {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Radix {
    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        let id = &values["id"];
        let plan = self.plan(id, &self.written(number(values, "slot")));
        BTreeMap::from([(format!("plan/{id}"), plan)])
    }

    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "slotreg" {
            return None;
        }
        let [verb, id] = call.positional.as_slice() else {
            return Some(Answer::fail(2, "usage: slotreg mark ID --slot N -o FILE"));
        };
        let slot = call.option("--slot").unwrap_or("");
        let plan = std::fs::read_to_string(format!("plan/{id}")).unwrap_or_default();
        Some(if verb == "mark" && plan == self.plan(id, slot) {
            call.write(&self.answer(id))
        } else {
            let base = if self.octal { "octal" } else { "hexadecimal" };
            let wish = format!("it is counted from {} in {base}", self.first);
            Answer::fail(9, format!("slotreg: --slot '{slot}' refused: {wish}"))
        })
    }
}
