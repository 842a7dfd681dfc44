//! A tool that wants two options which the handbook does not know. The help lists their values, of
//! which one each is right here.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please print the levy voucher {id} into {out}.",
    "Voucher {id} for the levy should be printed; the copy goes to {out}.",
    "Print a levy voucher with number {id} and keep it in {out}.",
    "We owe a levy: make voucher {id}, written to {out}.",
    "Voucher {id} is needed today. Print it to {out}.",
];

/// One mandatory option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Flag {
    name: String,
    value: String,
    listed: Vec<String>,
}

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flags {
    flags: [Flag; 2],
    secret: u64,
}

impl Flags {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 8);
        let flag = |words: &[&str]| {
            let mut listed: Vec<String> = words[1..].iter().map(|w| (*w).to_owned()).collect();
            listed.sort();
            Flag { name: format!("--{}", words[0]), value: words[1].to_owned(), listed }
        };
        Self { flags: [flag(&words[..4]), flag(&words[4..])], secret: draw.below(u64::MAX) }
    }

    fn help(&self) -> String {
        let mut text = "usage: vpress print ID [options]\n  -o FILE\n".to_owned();
        for flag in &self.flags {
            text += &format!("  {} <{}>  required\n", flag.name, flag.listed.join("|"));
        }
        text
    }

    fn answer(&self, id: &str) -> String {
        format!("voucher {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Flags {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("vpress print {id} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "vpress" {
            return None;
        }
        if call.has("--help") {
            return Some(Answer::ok(self.help()));
        }
        for flag in &self.flags {
            let refusal = match call.option(&flag.name) {
                None => format!("missing required option {} (see vpress --help)", flag.name),
                Some(value) if value != flag.value => {
                    format!("{} {value}: not fitted in this machine", flag.name)
                }
                Some(_) => continue,
            };
            return Some(Answer::fail(2, format!("vpress: {refusal}")));
        }
        let known: Vec<&str> = self.flags.iter().map(|flag| flag.name.as_str()).collect();
        if let Some(stray) = call.stray_option(&known) {
            return Some(Answer::fail(2, format!("vpress: unknown option {stray}")));
        }
        Some(match call.positional.as_slice() {
            [verb, id] if verb == "print" => call.write(&self.answer(id)),
            _ => Answer::fail(2, "usage: vpress print ID [options]"),
        })
    }
}
