//! A list that must be in order before it is handed in. The tool names the order.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, out_file};
use crate::tools::{Answer, Invocation};

const WORDINGS: [&str; 5] = [
    "Please submit the payroll sheet {file} and put the receipt into {out}.",
    "The payroll sheet {file} is due: submit it, with the receipt in {out}.",
    "Can you submit {file}, our payroll? The receipt goes to {out}.",
    "Submit payroll sheet {file}; I want the receipt in {out}.",
    "Our payroll, {file}, must be handed in today. Save the receipt as {out}.",
];

/// Separators that are plain text between single quotes.
const SEPARATORS: [&str; 8] = [";", ":", "|", "~", ",", "+", "@", "^"];
const FIELDS: usize = 5;
const LINES: usize = 9;

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sorted {
    separator: String,
    /// Counted from 1.
    field: usize,
    numeric: bool,
    descending: bool,
    secret: u64,
}

impl Sorted {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        Self {
            separator: (*draw.pick(&SEPARATORS)).to_owned(),
            field: usize::try_from(draw.between(1, FIELDS as u64)).unwrap_or(1),
            numeric: draw.below(2) == 0,
            descending: draw.below(2) == 0,
            secret: draw.below(u64::MAX),
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

impl Family for Sorted {
    fn task(&self, draw: &mut Draw) -> Task {
        let file = format!("sheet-{}.txt", draw.between(100, 999));
        let out = out_file(draw);
        let columns: Vec<Vec<u64>> = (0..FIELDS).map(|_| column(draw)).collect();
        let lines: Vec<String> = (0..LINES)
            .map(|n| {
                let line: Vec<String> =
                    columns.iter().map(|column| column[n].to_string()).collect();
                line.join(&self.separator)
            })
            .collect();
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let ordered = self.in_order(&lines);
        if lines == ordered {
            lines.rotate_left(1);
        }
        let documented = format!("payctl submit {file} -o {out}");
        let fields = [("file", file.as_str()), ("out", &out)];
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        Task::new(draw, &WORDINGS, &fields, &documented, (out.clone(), self.answer(&ordered)))
            .with_file(&file, text)
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
