//! A number in another base, counted from another beginning. The tool names both.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};

const WORDINGS: [&str; 5] = [
    "Please mark slot {n} for item {id} in the stocktake and keep the reply in {out}.",
    "Stocktake: item {id} lies in slot {n}. Mark it, reply to {out}.",
    "Mark item {id} of the stocktake at slot {n}; the reply goes to {out}.",
    "The stocktake found item {id} in slot {n}. Mark that and save the reply as {out}.",
    "For the stocktake, item {id} belongs to slot {n}: mark it, with the reply in {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Radix {
    octal: bool,
    first: u64,
    secret: u64,
}

impl Radix {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        Self {
            octal: draw.below(2) == 0,
            first: draw.between(11, 999),
            secret: draw.below(u64::MAX),
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

impl Family for Radix {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let slot = draw.between(10_001, 99_999);
        let text = slot.to_string();
        let documented = format!("slotreg mark {id} --slot {text} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        let fields = [("id", id.as_str()), ("out", &out), ("n", &text)];
        let plan = self.plan(&id, &self.written(slot));
        Task::new(draw, &WORDINGS, &fields, &documented, wanted)
            .with_file(&format!("plan/{id}"), plan)
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
