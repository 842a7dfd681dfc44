//! `lesson notes`: what a user's agents left for that user.

use lore_connect::hook::HintFiles;
use lore_session::Started;
use serde::Serialize;

use super::Context;
use crate::agent::plain;
use crate::at_rest;
use crate::error::CliError;
use crate::output;

/// Output of `lesson notes --json`.
#[derive(Serialize)]
struct Notes {
    notes: Vec<NoteShown>,
    /// True when they were deleted.
    forgotten: bool,
}

#[derive(Serialize)]
struct NoteShown {
    /// Time, as RFC 3339 in UTC.
    at: String,
    text: String,
}

pub(super) fn notes(context: &Context, forget: bool, user: &str) -> Result<(), CliError> {
    context.must_be_a_home()?;
    let failed = |error: String| CliError::failed("notes", error);
    let key = at_rest::hint_key(&context.home);
    let files = HintFiles::new(&context.home.hints_path(), user, key);
    let notes = files.notes().map_err(|error| failed(error.to_string()))?;
    if forget {
        files.forget_notes().map_err(|error| failed(error.to_string()))?;
    }
    let shown = notes.into_iter().rev();
    let shown = shown.map(|note| NoteShown { at: Started::at(note.at).text, text: note.text });
    let notes = Notes { notes: shown.collect(), forgotten: forget };
    output::result(&notes, context.json, |notes| {
        let lines = notes.notes.iter().map(|note| format!("{}  {}\n", note.at, plain(&note.text)));
        let mut text: String = lines.collect();
        text.push_str(match (notes.notes.is_empty(), notes.forgotten) {
            (true, _) => "your agents left no notes",
            (false, true) => "deleted",
            (false, false) => "publish one as a lesson: lore lesson share --help",
        });
        text
    })
}
