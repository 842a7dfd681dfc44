//! The tool that changes a part of a file.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::blocking::{self, Outcome};
use super::files::{Files, MAX_FILE_BYTES, Want};
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};

/// Lines that are shown before and after a change.
const CONTEXT_LINES: usize = 3;
/// Longest part that is shown after a change, in lines.
const MAX_SHOWN_LINES: usize = 40;
/// The most places listed of a text that is not unique.
const MAX_PLACES: usize = 10;

/// Replaces exact text in files of the workspace.
#[derive(Debug, Clone)]
pub struct EditFile(pub Arc<Files>);

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    /// Path of the file, relative to the workspace.
    path: String,
    /// The text to replace, exactly as it is in the file, without line numbers. Must be unique in it.
    old: String,
    /// The text to put there.
    new: String,
    /// Replace every occurrence instead of the only one.
    #[serde(default)]
    replace_all: bool,
}

impl Tool for EditFile {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<Arguments>(
            "edit",
            "Replaces exact text in a file that was read before. Give enough of the surrounding lines \
             that the text is unique.",
        )
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        let files = Arc::clone(&self.0);
        let workspace = context.workspace.clone();
        blocking::call(arguments, context, move |arguments: Arguments, _| {
            let place = files.place(&workspace, &arguments.path, Want::Write)?;
            let name = place.name();
            let say = |why: String| Outcome::said(format!("{name}: {why}"));
            let content = place.read().map_err(|error| say(error.to_string()))?;
            files.check_seen(&place.real, &content).map_err(|why| say(why.to_owned()))?;
            let text = String::from_utf8(content)
                .map_err(|_| say("not valid UTF-8; change it with a command".to_owned()))?;
            let (text, at) = changed(&text, &arguments).map_err(say)?;
            place.replace(text.as_bytes()).map_err(|error| say(error.to_string()))?;
            files.saw(&place.real, text.as_bytes());
            Ok(ToolOutput::ok(shown(&name, &text, at, arguments.new.len())))
        })
    }
}

/// The text after the change and where the first change begins.
fn changed(text: &str, arguments: &Arguments) -> Result<(String, usize), String> {
    let Arguments { old, new, replace_all, .. } = arguments;
    if old.is_empty() {
        return Err("`old` is empty; to write a whole file use write".to_owned());
    }
    if old == new {
        return Err("`old` and `new` are the same".to_owned());
    }
    let places: Vec<usize> = text.match_indices(old.as_str()).map(|(at, _)| at).collect();
    let Some(first) = places.first().copied() else { return Err(why_absent(text, old)) };
    if places.len() > 1 && !replace_all {
        let lines: Vec<String> =
            places.iter().take(MAX_PLACES).map(|at| line_of(text, *at).to_string()).collect();
        return Err(format!(
            "`old` occurs {} times (lines {}); give more of the surrounding text or set replace_all",
            places.len(),
            lines.join(", ")
        ));
    }
    let growth = new.len().saturating_sub(old.len()) as u64;
    let size = (text.len() as u64).saturating_add(growth.saturating_mul(places.len() as u64));
    if size > MAX_FILE_BYTES {
        return Err("the file would be larger than 16 MiB".to_owned());
    }
    Ok((text.replace(old.as_str(), new), first))
}

/// A hint that lets the next try succeed.
fn why_absent(text: &str, old: &str) -> String {
    if text.contains("\r\n") && text.replace("\r\n", "\n").contains(old) {
        return "`old` is not there: the file has CRLF line ends, so write \\r\\n".to_owned();
    }
    let squeeze = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = old.lines().find(|line| !line.trim().is_empty()).map(squeeze).unwrap_or_default();
    let near = text.lines().position(|line| !first.is_empty() && squeeze(line) == first);
    match near {
        Some(at) => format!(
            "`old` is not there; line {} begins like it but differs in white space or in what follows",
            at + 1
        ),
        None => "`old` is not there; read the file again".to_owned(),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn shown(name: &str, text: &str, at: usize, length: usize) -> String {
    let first = line_of(text, at).saturating_sub(CONTEXT_LINES).max(1);
    let last = line_of(text, at + length) + CONTEXT_LINES;
    let mut shown = format!("changed {name}\n");
    for (number, line) in (1..).zip(text.lines()).skip(first - 1).take(last + 1 - first) {
        if number >= first + MAX_SHOWN_LINES {
            shown.push_str("[...]\n");
            break;
        }
        shown.push_str(&format!("{number:>6}\t{line}\n"));
    }
    shown
}
