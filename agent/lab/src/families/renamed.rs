//! An option with a new name; the help lists the options without saying which one it is.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please export the telemetry of turbine {id} since {date} to {out}.",
    "I want the telemetry from {date} on for turbine {id} in {out}.",
    "Turbine {id}: export its telemetry, beginning with {date}, to the file {out}.",
    "Save telemetry of the turbine {id} from {date} to today as {out}.",
    "Get me all telemetry of {id} since {date} and write it to {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renamed {
    option: String,
    listed: Vec<String>,
    secret: u64,
}

impl Renamed {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 5);
        let mut listed: Vec<String> = words.iter().map(|word| format!("--{word}")).collect();
        let option = listed[0].clone();
        listed.sort();
        Self { option, listed, secret: draw.below(u64::MAX) }
    }

    fn answer(&self, id: &str, date: &str) -> String {
        format!("turbine {id} {date} {}\n", seal(self.secret, &[id, date]))
    }
}

impl Family for Renamed {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let date = format!(
            "20{}-{:02}-{:02}",
            draw.between(20, 25),
            draw.between(1, 12),
            draw.between(1, 28)
        );
        let documented = format!("telq dump {id} --since {date} -o {out}");
        let wanted = (out.clone(), self.answer(&id, &date));
        let fields = [("id", id.as_str()), ("out", &out), ("date", &date)];
        Task::new(draw, &WORDINGS, &fields, &documented, wanted)
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
