//! A tool that takes a certain number of things at once. It says how many.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};

const WORDINGS: [&str; 5] = [
    "Please register everyone on the roster {file} and write the replies to {out}.",
    "The roster {file} is complete: register everyone, replies to {out}.",
    "Register all on roster {file}. The replies go to {out}.",
    "Everyone on the roster {file} must be registered; save the replies as {out}.",
    "The roster of the new school is {file}. Register them and put the replies into {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batches {
    size: usize,
    secret: u64,
}

impl Batches {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let size = usize::try_from(draw.between(3, 40)).unwrap_or(3);
        Self { size, secret: draw.below(u64::MAX) }
    }

    fn answer(&self, ids: &[&str]) -> String {
        format!("enrolled {}\n", seal(self.secret, ids))
    }
}

impl Family for Batches {
    fn task(&self, draw: &mut Draw) -> Task {
        let file = format!("roster-{}.txt", draw.between(100, 999));
        let out = out_file(draw);
        let calls = usize::try_from(draw.between(2, 3)).unwrap_or(2);
        let ids: Vec<String> = (0..calls * self.size).map(|_| identifier(draw)).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let replies: String = ids.chunks(self.size).map(|ids| self.answer(ids)).collect();
        let documented = format!("xargs enrolctl add < {file} > {out}");
        let fields = [("file", file.as_str()), ("out", &out)];
        let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
        Task::new(draw, &WORDINGS, &fields, &documented, (out.clone(), replies))
            .with_file(&file, text)
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "enrolctl" {
            return None;
        }
        let Some((verb, ids)) = call.positional.split_first() else {
            return Some(Answer::fail(2, "usage: enrolctl add ID..."));
        };
        Some(if verb == "add" && ids.len() == self.size {
            call.write(&self.answer(&ids.iter().map(String::as_str).collect::<Vec<_>>()))
        } else {
            let refusal = format!("{} at once refused, batches of {} only", ids.len(), self.size);
            Answer::fail(2, format!("enrolctl: {refusal}"))
        })
    }
}
