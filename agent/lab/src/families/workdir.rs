//! A tool that works in one directory only. It names the directory.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please log tree {id} of the orchard and keep the reply in {out}.",
    "Tree {id} in the orchard was planted: log it and save the reply as {out}.",
    "Log the orchard tree {id}. The reply goes to {out}.",
    "The orchard has a tree {id} that is in no log; add it, reply in {out}.",
    "For the orchard: log tree {id} and write the reply to {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Workdir {
    directory: String,
    secret: u64,
}

impl Workdir {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 2);
        Self { directory: format!("srv/{}/{}", words[0], words[1]), secret: draw.below(u64::MAX) }
    }

    fn answer(&self, id: &str) -> String {
        format!("tree {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Workdir {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("graftctl log {id} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
            .with_file(&format!("{}/site.txt", self.directory), "site\n".to_owned())
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "graftctl" {
            return None;
        }
        let here = std::env::current_dir().is_ok_and(|dir| dir.ends_with(&self.directory));
        Some(match call.positional.as_slice() {
            [verb, id] if verb == "log" && here => call.write(&self.answer(id)),
            [verb, _] if verb == "log" => Answer::fail(
                4,
                format!("graftctl: must be run in the directory {}, not elsewhere", self.directory),
            ),
            _ => Answer::fail(2, "usage: graftctl log ID -o FILE"),
        })
    }
}
