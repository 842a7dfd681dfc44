//! A tool that wants a variable in its environment. It names the variable when it is missing, and the
//! values it knows when the value is none of them.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Variable {
    name: String,
    value: String,
    known: Vec<String>,
    secret: u64,
}

impl Variable {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<6>("names");
        let mut known: Vec<String> = words[2..].iter().map(|word| (*word).to_owned()).collect();
        known.sort();
        Self {
            name: format!("{}_{}", words[0], words[1]).to_ascii_uppercase(),
            value: words[2].to_owned(),
            known,
            secret: quirk.secret(),
        }
    }

    fn answer(&self, id: &str) -> String {
        format!("kiln {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Variable {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
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
