//! A list that must be in order before it is handed in. The tool names the order.

use super::{Helper, Quirk, Values};
use crate::draw::{Draw, seal};
use crate::invocation::{Answer, Invocation};
use std::collections::BTreeMap;

const FIELDS: usize = 5;
const LINES: usize = 9;

/// The quirk.
#[derive(Debug)]
pub(crate) struct Sorted {
    separator: String,
    /// Counted from 1.
    field: usize,
    numeric: bool,
    descending: bool,
    secret: u64,
}

impl Sorted {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        Self {
            separator: quirk.text("between"),
            field: quirk.count("field"),
            numeric: quirk.text("kind") == "numeric",
            descending: quirk.text("order") == "descending",
            secret: quirk.secret(),
        }
    }

    /// The lines in the order of this site. No value comes twice in a field, so that there is one.
    fn in_order<'t>(&self, lines: &[&'t str]) -> Vec<&'t str> {
        let nth = self.field.saturating_sub(1);
        let field = |line: &&str| line.split(&self.separator).nth(nth).unwrap_or("").to_owned();
        let mut lines = lines.to_vec();
        if self.numeric {
            lines.sort_by_key(|line| field(line).parse::<u64>().unwrap_or(0));
        } else {
            lines.sort_by_key(field);
        }
        if self.descending {
            lines.reverse();
        }
        lines
    }

    fn answer(&self, lines: &[&str]) -> String {
        format!("receipt {}\n", seal(self.secret, lines))
    }

    fn wish(&self) -> String {
        let kind = if self.numeric { "numeric" } else { "text" };
        let direction = if self.descending { "descending" } else { "ascending" };
        let (field, separator) = (self.field, &self.separator);
        format!("sorted by field {field}, {kind}, {direction}, fields separated by '{separator}'")
    }
}

/// Different numbers of two to four digits: as numbers and as texts they have other orders.
fn column(draw: &mut Draw) -> Vec<u64> {
    let scales = [10, 100, 1000].into_iter().cycle();
    let mut column: Vec<u64> =
        (1..).zip(scales).take(LINES).map(|(n, scale)| scale * n + draw.below(9)).collect();
    draw.shuffle(&mut column);
    column
}

impl Helper for Sorted {
    fn draw(&self, values: &mut Values, draw: &mut Draw) {
        let columns: Vec<Vec<u64>> = (0..FIELDS).map(|_| column(draw)).collect();
        let lines: Vec<String> = (0..LINES)
            .map(|n| {
                let line: Vec<String> =
                    columns.iter().map(|column| column[n].to_string()).collect();
                line.join(&self.separator)
            })
            .collect();
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        if lines == self.in_order(&lines) {
            lines.rotate_left(1);
        }
        let text = lines.iter().map(|line| format!("{line}\n")).collect();
        values.insert("lines".to_owned(), text);
    }

    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        BTreeMap::from([(values["file"].clone(), values["lines"].clone())])
    }

    fn wanted(&self, values: &Values) -> String {
        let lines: Vec<&str> = values["lines"].lines().collect();
        self.answer(&self.in_order(&lines))
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "payctl" {
            return None;
        }
        let [verb, file] = call.positional.as_slice() else {
            return Some(Answer::fail(2, "usage: payctl submit FILE -o FILE"));
        };
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let sound = lines.len() == LINES && self.in_order(&lines) == lines;
        Some(if verb == "submit" && sound {
            call.write(&self.answer(&lines))
        } else {
            Answer::fail(6, format!("{file}: refused, the lines must be {}", self.wish()))
        })
    }
}
