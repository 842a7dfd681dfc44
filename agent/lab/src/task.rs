//! One task as a family makes it, and the pieces families share.

use std::collections::BTreeMap;

use super::draw::Draw;
use super::words::PREFIXES;

/// Ways to cite the documented command, which no longer works.
const CITATIONS: [&str; 5] = [
    "The runbook says: `{}`",
    "According to the handbook this is done with `{}`.",
    "Documented command: `{}`",
    "The notes of the team give `{}` for it.",
    "It used to be `{}`.",
];

/// A task: what is asked, what lies in the scratch directory before, and what must lie there after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// The user's words.
    pub(crate) prompt: String,
    /// Files by relative path.
    pub(crate) files: BTreeMap<String, String>,
    /// The file asked for, relative, and its exact contents.
    pub(crate) wanted: (String, String),
}

impl Task {
    /// A task in one of `wordings`, in which `{id}`-like names are replaced by `fields`.
    pub(crate) fn new(
        draw: &mut Draw,
        wordings: &[&str],
        fields: &[(&str, &str)],
        documented: &str,
        wanted: (String, String),
    ) -> Self {
        let mut asked = (*draw.pick(wordings)).to_owned();
        for (name, value) in fields {
            asked = asked.replace(&format!("{{{name}}}"), value);
        }
        let citation = cite(draw, documented);
        Self { prompt: format!("{asked} {citation}"), files: BTreeMap::new(), wanted }
    }

    /// The same with a file that is there from the start.
    pub(crate) fn with_file(mut self, path: &str, contents: String) -> Self {
        self.files.insert(path.to_owned(), contents);
        self
    }
}

/// A sentence that cites the documented command.
pub(crate) fn cite(draw: &mut Draw, documented: &str) -> String {
    draw.pick(&CITATIONS).replace("{}", documented)
}

/// An identifier such as `KM-4711`.
pub(crate) fn identifier(draw: &mut Draw) -> String {
    let prefix = *draw.pick(&PREFIXES);
    format!("{prefix}-{}", draw.between(1000, 99_999))
}

/// A name for the file that is asked for; people name files in their own ways.
pub(crate) fn out_file(draw: &mut Draw) -> String {
    let stem = *draw.pick(&["result", "answer", "copy", "mine", "reply", "final"]);
    match draw.below(3) {
        0 => format!("{stem}.txt"),
        1 => format!("{stem}-{}.txt", draw.between(1, 999)),
        _ => format!("{stem}_{}.out", draw.between(10, 99)),
    }
}
