//! A file format that a checker knows better than the handbook: other names, another separator.

use super::{Helper, Quirk, Values};
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Format {
    separator: String,
    lot: String,
    pieces: String,
}

impl Format {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<2>("names");
        Self {
            separator: quirk.text("parting"),
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

impl Helper for Format {
    fn wanted(&self, values: &Values) -> String {
        let (lot, pieces, sep) = (&self.lot, &self.pieces, &self.separator);
        format!("{lot}{sep}{} {pieces}{sep}{}\n", values["id"], values["pieces"])
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
