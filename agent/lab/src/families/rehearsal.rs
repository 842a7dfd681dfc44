//! A tool that only rehearses unless an option says that it is meant. The help lists options without
//! saying which one it is.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please drop the backups of host {id} and keep the reply in {out}.",
    "Host {id} is gone: drop its backups, reply to {out}.",
    "Drop all backups for the host {id}; the reply goes to {out}.",
    "The backups of host {id} are too old. Drop them and save the reply as {out}.",
    "We need room: the backups of {id} can be dropped, with the reply in {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rehearsal {
    option: String,
    listed: Vec<String>,
    secret: u64,
}

impl Rehearsal {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 10);
        let mut listed: Vec<String> =
            words.chunks(2).map(|pair| format!("--{}-{}", pair[0], pair[1])).collect();
        let option = listed[0].clone();
        listed.sort();
        Self { option, listed, secret: draw.below(u64::MAX) }
    }

    fn answer(&self, id: &str) -> String {
        format!("host {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Rehearsal {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("prunectl drop {id} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
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
