//! A tool that wants two options which the handbook does not know. The help lists their values, of
//! which one each is right here.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// One mandatory option.
#[derive(Debug)]
struct Flag {
    name: String,
    value: String,
    listed: Vec<String>,
}

/// The quirk.
#[derive(Debug)]
pub(crate) struct Flags {
    flags: [Flag; 2],
    secret: u64,
}

impl Flags {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<8>("names");
        let flag = |words: &[&str]| {
            let mut listed: Vec<String> = words[1..].iter().map(|w| (*w).to_owned()).collect();
            listed.sort();
            Flag { name: format!("--{}", words[0]), value: words[1].to_owned(), listed }
        };
        Self { flags: [flag(&words[..4]), flag(&words[4..])], secret: quirk.secret() }
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

impl Helper for Flags {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
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
