//! A tool whose exit status for success is not 0. It says which one it is.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The directory in which the tool keeps what was done, below the working directory.
const STATE: &str = ".heatctl";

/// The quirk.
#[derive(Debug)]
pub(crate) struct Verdict {
    success: i32,
    secret: u64,
}

impl Verdict {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let success = i32::try_from(quirk.number("code")).unwrap_or(10);
        Self { success, secret: quirk.secret() }
    }

    fn answer(&self, id: &str) -> String {
        format!("radiator {id} {}\n", seal(self.secret, &[id]))
    }

    fn run(&self, id: &str) -> Answer {
        let mark = seal(self.secret, &["run", id]);
        let done = std::fs::create_dir_all(STATE)
            .and_then(|()| std::fs::write(format!("{STATE}/{id}"), mark));
        match done {
            Ok(()) => Answer::fail(
                self.success,
                format!("heatctl: {id} is cleaned; exit status {} means success", self.success),
            ),
            Err(error) => Answer::fail(4, format!("heatctl: {STATE}: {error}")),
        }
    }

    fn is_cleaned(&self, id: &str) -> bool {
        std::fs::read_to_string(format!("{STATE}/{id}"))
            .is_ok_and(|mark| mark == seal(self.secret, &["run", id]))
    }
}

impl Helper for Verdict {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "heatctl" {
            return None;
        }
        Some(match call.positional.as_slice() {
            [_, id] if id.contains(['/', '.']) => Answer::fail(2, "heatctl: not a radiator"),
            [verb, id] if verb == "run" => self.run(id),
            [verb, id] if verb == "report" && self.is_cleaned(id) => call.write(&self.answer(id)),
            [verb, id] if verb == "report" => {
                Answer::fail(5, format!("heatctl: {id} was not cleaned"))
            }
            _ => Answer::fail(2, "usage: heatctl run ID, heatctl report ID -o FILE"),
        })
    }
}
