//! A tool that wants a variable in its environment. It names the variable when it is missing, and the
//! values it knows when the value is none of them.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please fire kiln {id} and keep the reply in {out}.",
    "Kiln {id} is loaded: fire it and save the reply as {out}.",
    "Fire the kiln {id}. The reply goes to {out}.",
    "The pottery waits for kiln {id}; fire it, reply in {out}.",
    "It is time for kiln {id}: fire it and write the reply to {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Variable {
    name: String,
    value: String,
    known: Vec<String>,
    secret: u64,
}

impl Variable {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 6);
        let mut known: Vec<String> = words[2..].iter().map(|word| (*word).to_owned()).collect();
        known.sort();
        Self {
            name: format!("{}_{}", words[0], words[1]).to_ascii_uppercase(),
            value: words[2].to_owned(),
            known,
            secret: draw.below(u64::MAX),
        }
    }

    fn answer(&self, id: &str) -> String {
        format!("kiln {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Variable {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("kilnctl fire {id} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "kilnctl" {
            return None;
        }
        let [verb, id] = call.positional.as_slice() else {
            return Some(Answer::fail(2, "usage: kilnctl fire ID -o FILE"));
        };
        let set = std::env::var(&self.name).unwrap_or_default();
        Some(if verb == "fire" && set == self.value {
            call.write(&self.answer(id))
        } else if set.is_empty() {
            let refusal = format!("kilnctl: environment variable {} is not set", self.name);
            Answer::fail(3, refusal)
        } else if self.known.contains(&set) {
            Answer::fail(3, format!("kilnctl: {set}: no such fuel at this site"))
        } else {
            Answer::fail(
                3,
                format!("kilnctl: bad value '{set}', one of: {}", self.known.join(", ")),
            )
        })
    }
}
