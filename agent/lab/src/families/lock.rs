//! A lock that nobody holds any more; the tool says where it lies.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please take a snapshot of tenant {id} and note its number in {out}.",
    "Tenant {id} wants a snapshot. Put the reply into {out}.",
    "Make a snapshot for the tenant {id}; {out} should hold what the tool says.",
    "A snapshot of the data of tenant {id} is due, with the result in {out}.",
    "Take a snapshot of {id} before the change. The result goes to {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    path: String,
    secret: u64,
}

impl Lock {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 2);
        Self { path: format!("run/{}/{}.lock", words[0], words[1]), secret: draw.below(u64::MAX) }
    }

    fn answer(&self, id: &str) -> String {
        format!("snapshot {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Lock {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("snapctl take {id} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
            .with_file(&self.path, "holder: none\n".to_owned())
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "snapctl" {
            return None;
        }
        if std::path::Path::new(&self.path).exists() {
            let refusal = format!("snapctl: refused, stale lock file {} is in the way", self.path);
            return Some(Answer::fail(11, refusal));
        }
        Some(match call.positional.as_slice() {
            [verb, id] if verb == "take" => call.write(&self.answer(id)),
            _ => Answer::fail(2, "usage: snapctl take ID -o FILE"),
        })
    }
}
