//! An identifier that is derived from a name. The tool says its form; which digest it is must be tried.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};

const WORDINGS: [&str; 5] = [
    "Please register the firmware of greenhouse controller {id}; the reply belongs in {out}.",
    "Greenhouse controller {id} has new firmware: register it and save the reply as {out}.",
    "Register controller {id} of the greenhouse for the firmware list. Reply to {out}.",
    "The firmware of {id} in the greenhouse is not on the list yet. Add it, reply in {out}.",
    "New firmware for {id}: add it and write the reply to {out}.",
];

/// Digest programs of the coreutils.
const PROGRAMS: [&str; 5] = ["b2sum", "md5sum", "sha1sum", "sha256sum", "sha512sum"];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest {
    program: String,
    length: usize,
    secret: u64,
}

impl Digest {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        Self {
            program: (*draw.pick(&PROGRAMS)).to_owned(),
            length: usize::try_from(draw.between(6, 16)).unwrap_or(6),
            secret: draw.below(u64::MAX),
        }
    }

    /// The identifier of `name`, by the same program that a user would call.
    fn identifier_of(&self, name: &str) -> std::io::Result<String> {
        let mut child =
            Command::new(&self.program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(name.as_bytes())?;
        }
        let output = child.wait_with_output()?.stdout;
        let text = String::from_utf8_lossy(&output);
        Ok(text.chars().take(self.length).collect())
    }

    fn answer(&self, id: &str) -> String {
        format!("controller {id} {}\n", seal(self.secret, &[id]))
    }

    fn add(&self, name: &str, call: &Invocation) -> Answer {
        let given = call.option("--id").unwrap_or("");
        let hex = given.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if given.len() != self.length || !hex {
            return Answer::fail(
                6,
                format!(
                    "keyreg: --id '{given}' refused: it is the first {} hex digits of a digest of \
                     the name",
                    self.length
                ),
            );
        }
        match self.identifier_of(name) {
            Ok(expected) if expected == given => call.write(&self.answer(name)),
            Ok(_) => Answer::fail(7, "keyreg: another digest is in use here"),
            Err(error) => Answer::fail(8, format!("keyreg: {}: {error}", self.program)),
        }
    }
}

impl Family for Digest {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("keyreg add {id} --id {id} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "keyreg" {
            return None;
        }
        Some(match call.positional.as_slice() {
            [verb, name] if verb == "add" => self.add(name, call),
            _ => Answer::fail(2, "usage: keyreg add NAME --id ID -o FILE"),
        })
    }
}
