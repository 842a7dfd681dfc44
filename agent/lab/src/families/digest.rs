//! An identifier that is derived from a name. The tool says its form; which digest it is must be tried.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Digest {
    program: String,
    length: usize,
    secret: u64,
}

impl Digest {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        Self {
            program: quirk.text("digest"),
            length: quirk.count("length"),
            secret: quirk.secret(),
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

impl Helper for Digest {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
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
