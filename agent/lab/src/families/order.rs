//! A tool that works only after another of its own steps; its help lists the steps, and one of them is
//! this site's.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The directory in which the tool keeps what was prepared, below the working directory.
const STATE: &str = ".bookctl";

/// The quirk.
#[derive(Debug)]
pub(crate) struct Order {
    step: String,
    listed: Vec<String>,
    secret: u64,
}

impl Order {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<5>("names");
        let mut listed: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        listed.sort();
        Self { step: words[0].to_owned(), listed, secret: quirk.secret() }
    }

    fn answer(&self, id: &str) -> String {
        format!("batch {id} {}\n", seal(self.secret, &[id]))
    }

    fn prepare(&self, verb: &str, id: &str) -> Answer {
        if verb != self.step {
            return Answer::fail(3, format!("bookctl: {verb} is not done at this site"));
        }
        let done = std::fs::create_dir_all(STATE)
            .and_then(|()| std::fs::write(format!("{STATE}/{id}"), seal(self.secret, &[verb, id])));
        match done {
            Ok(()) => Answer::ok("prepared"),
            Err(error) => Answer::fail(4, format!("bookctl: {STATE}: {error}")),
        }
    }

    fn is_prepared(&self, id: &str) -> bool {
        std::fs::read_to_string(format!("{STATE}/{id}"))
            .is_ok_and(|mark| mark == seal(self.secret, &[&self.step, id]))
    }
}

impl Helper for Order {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "bookctl" {
            return None;
        }
        if call.has("--help") {
            let steps: Vec<String> = self.listed.iter().map(|s| format!("  {s} ID\n")).collect();
            let usage = "usage: bookctl STEP ID\nsteps:\n  post ID -o FILE\n";
            return Some(Answer::ok(format!("{usage}{}", steps.concat())));
        }
        Some(match call.positional.as_slice() {
            [_, id] if id.contains(['/', '.']) => Answer::fail(2, "bookctl: not a batch"),
            [verb, id] if verb == "post" && self.is_prepared(id) => call.write(&self.answer(id)),
            [verb, id] if verb == "post" => Answer::fail(
                5,
                format!(
                    "bookctl: {id} is not prepared, a step is missing before (see bookctl --help)"
                ),
            ),
            [verb, id] => self.prepare(verb, id),
            _ => Answer::fail(2, "usage: bookctl STEP ID"),
        })
    }
}
