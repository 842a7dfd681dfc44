//! A tool that only rehearses unless an option says that it is meant. The help lists options without
//! saying which one it is.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    option: String,
    listed: Vec<String>,
    secret: u64,
}

impl Rehearsal {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<10>("names");
        let mut listed: Vec<String> =
            words.chunks(2).map(|pair| format!("--{}-{}", pair[0], pair[1])).collect();
        let option = listed[0].clone();
        listed.sort();
        Self { option, listed, secret: quirk.secret() }
    }

    fn answer(&self, id: &str) -> String {
        format!("host {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Rehearsal {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "prunectl" {
            return None;
        }
        if call.has("--help") {
            let listed: Vec<String> = self.listed.iter().map(|o| format!("  {o}\n")).collect();
            let usage = "usage: prunectl drop ID [options]\n  -o FILE\n";
            return Some(Answer::ok(format!("{usage}{}", listed.concat())));
        }
        let known: Vec<&str> = self.listed.iter().map(String::as_str).collect();
        if let Some(stray) = call.stray_option(&known) {
            return Some(Answer::fail(2, format!("prunectl: unknown option {stray}")));
        }
        if let Some(other) = known.iter().find(|option| **option != self.option && call.has(option))
        {
            return Some(Answer::fail(2, format!("prunectl: {other} is for tapes only")));
        }
        Some(match call.positional.as_slice() {
            [verb, id] if verb == "drop" && call.has(&self.option) => call.write(&self.answer(id)),
            [verb, id] if verb == "drop" => {
                Answer::ok(format!("dry run: {id} is as it was (see prunectl --help)"))
            }
            _ => Answer::fail(2, "usage: prunectl drop ID [options]"),
        })
    }
}
