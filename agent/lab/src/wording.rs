//! Pieces of tasks that families share.

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
