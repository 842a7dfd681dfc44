//! A tool that works in one directory only. It names the directory.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Workdir {
    directory: String,
    secret: u64,
}

impl Workdir {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        Self { directory: format!("srv/{}", quirk.text("place")), secret: quirk.secret() }
    }

    fn answer(&self, id: &str) -> String {
        format!("tree {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Workdir {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
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
