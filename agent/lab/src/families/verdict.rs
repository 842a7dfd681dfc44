//! A tool whose exit status for success is not 0. It says which one it is.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};

const WORDINGS: [&str; 5] = [
    "Please clean radiator {id} and put the report into {out}.",
    "Radiator {id} must be cleaned; the report belongs in {out}.",
    "Clean the radiator {id}. I want the report in {out}.",
    "The radiator {id} is cold: clean it and save the report as {out}.",
    "Before winter, clean radiator {id}, with the report in {out}.",
];

/// Where the tool keeps what was done, below the working directory.
const STATE: &str = ".heatctl";

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    success: i32,
    secret: u64,
}

impl Verdict {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        // Below the statuses that shells and xargs use.
        let success = i32::try_from(draw.between(10, 119)).unwrap_or(10);
        Self { success, secret: draw.below(u64::MAX) }
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

impl Family for Verdict {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("heatctl run {id} && heatctl report {id} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
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
