//! A lock that nobody holds any more; the tool says where it lies.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Lock {
    path: String,
    secret: u64,
}

impl Lock {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        Self { path: format!("run/{}.lock", quirk.text("place")), secret: quirk.secret() }
    }

    fn answer(&self, id: &str) -> String {
        format!("snapshot {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Lock {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
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
