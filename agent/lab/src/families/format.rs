//! A file format that a checker knows better than the handbook: other names, another separator.

use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please write the conveyor manifest {out} for lot {id} with {n} pieces.",
    "The conveyor needs a manifest: lot {id}, {n} pieces, in the file {out}.",
    "Make a manifest for the conveyor. Lot {id} has {n} pieces; name the file {out}.",
    "Put lot {id} with {n} pieces on the conveyor and write its manifest to {out}.",
    "A manifest is missing: lot {id}, {n} pieces. It should be in {out}.",
];

/// Separators that are plain text between single quotes and in a format string.
const SEPARATORS: [&str; 8] = ["~", ":", ";", ",", "@", "+", "^", "|"];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Format {
    separator: String,
    lot: String,
    pieces: String,
}

impl Format {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 2);
        Self {
            separator: (*draw.pick(&SEPARATORS)).to_owned(),
            lot: words[0].to_owned(),
            pieces: words[1].to_owned(),
        }
    }

    /// The first thing that is wrong with a file.
    fn fault(&self, text: &str) -> Option<(String, String)> {
        let mut columns = text.trim_end_matches('\n').split(' ');
        for name in [&self.lot, &self.pieces] {
            let column = columns.next().unwrap_or("");
            let end = column.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(column.len());
            let (found, rest) = column.split_at(end);
            if found != name {
                return Some((name.clone(), found.to_owned()));
            }
            if !rest.starts_with(self.separator.as_str()) {
                let found = rest.chars().next().map(String::from).unwrap_or_default();
                return Some((self.separator.clone(), found));
            }
        }
        None
    }
}

impl Family for Format {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let pieces = draw.between(1000, 9999).to_string();
        let documented =
            format!("printf 'lot=%s pieces=%s\\n' {id} {pieces} > {out} && mlint {out}");
        let contents =
            format!("{}{sep}{id} {}{sep}{pieces}\n", self.lot, self.pieces, sep = self.separator);
        let fields = [("id", id.as_str()), ("out", &out), ("n", &pieces)];
        Task::new(draw, &WORDINGS, &fields, &documented, (out.clone(), contents))
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "mlint" {
            return None;
        }
        let Some(path) = call.positional.first() else {
            return Some(Answer::fail(2, "usage: mlint FILE"));
        };
        let Ok(text) = std::fs::read_to_string(path) else {
            return Some(Answer::fail(2, format!("{path}: cannot be read")));
        };
        Some(match self.fault(&text) {
            None => Answer::ok("accepted"),
            Some((expected, found)) => {
                Answer::fail(1, format!("line 1: expected '{expected}', found '{found}'"))
            }
        })
    }
}
