//! An option with a new name; the help lists the options without saying which one it is.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Renamed {
    option: String,
    listed: Vec<String>,
    secret: u64,
}

impl Renamed {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<5>("names");
        let mut listed: Vec<String> = words.iter().map(|word| format!("--{word}")).collect();
        let option = listed[0].clone();
        listed.sort();
        Self { option, listed, secret: quirk.secret() }
    }

    fn answer(&self, id: &str, date: &str) -> String {
        format!("turbine {id} {date} {}\n", seal(self.secret, &[id, date]))
    }
}

impl Helper for Renamed {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"], &values["since"])
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "telq" {
            return None;
        }
        if call.has("--help") {
            let listed: Vec<String> =
                self.listed.iter().map(|o| format!("  {o} VALUE\n")).collect();
            let usage = "usage: telq dump ID [options]\n  -o FILE\n";
            return Some(Answer::ok(format!("{usage}{}", listed.concat())));
        }
        let known: Vec<&str> = self.listed.iter().map(String::as_str).collect();
        if let Some(stray) = call.stray_option(&known) {
            let refusal = format!("telq: unknown option {stray} (see telq --help)");
            return Some(Answer::fail(2, refusal));
        }
        if let Some(other) = known.iter().find(|option| **option != self.option && call.has(option))
        {
            return Some(Answer::fail(2, format!("telq: {other} does not take a day")));
        }
        Some(match (call.positional.as_slice(), call.option(&self.option)) {
            ([verb, id], Some(date)) if verb == "dump" => call.write(&self.answer(id, date)),
            _ => Answer::fail(2, "usage: telq dump ID [options]"),
        })
    }
}
