//! The tool that reads a file.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::blocking::{self, Outcome};
use super::excerpt::plain;
use super::files::{Files, Want};
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};

/// Lines that are shown when no number is asked for, and at most.
const MAX_LINES: usize = 2000;
/// Longest line that is shown whole, in characters.
const MAX_LINE_CHARS: usize = 2000;
/// Longest answer, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Bytes of a file that are read to tell text from binary.
const SNIFF_BYTES: usize = 8192;

/// Reads text files of the workspace.
#[derive(Debug, Clone)]
pub struct ReadFile(pub Arc<Files>);

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    /// Path of the file, relative to the workspace.
    path: String,
    /// First line to show, from 1.
    #[serde(default)]
    offset: Option<usize>,
    /// Number of lines to show, at most 2000.
    #[serde(default)]
    limit: Option<usize>,
}

impl Tool for ReadFile {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<Arguments>(
            "read",
            "Reads a text file with line numbers. Read a file before you edit it.",
        )
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        let files = Arc::clone(&self.0);
        let workspace = context.workspace.clone();
        blocking::call(arguments, context, move |arguments: Arguments, _| {
            let place = files.place(&workspace, &arguments.path, Want::Read)?;
            let name = place.name();
            let content = place.read().map_err(|error| format!("{name}: {error}"))?;
            if content.iter().take(SNIFF_BYTES).any(|byte| *byte == 0) {
                return Err(Outcome::said(format!(
                    "{name}: binary ({} bytes); use a command that understands it",
                    content.len()
                )));
            }
            files.saw(&place.real, &content);
            Ok(show(&name, &content, arguments.offset, arguments.limit))
        })
    }
}

fn show(name: &str, content: &[u8], offset: Option<usize>, limit: Option<usize>) -> ToolOutput {
    if content.is_empty() {
        return ToolOutput::ok(format!("{name}: empty"));
    }
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let total = content.split(|byte| *byte == b'\n').count();
    let first = offset.unwrap_or(1).max(1);
    if first > total {
        return ToolOutput::error(format!("{name}: has {total} lines, none from {first}"));
    }
    let limit = limit.unwrap_or(MAX_LINES).clamp(1, MAX_LINES);
    let mut text = String::new();
    let mut last = first - 1;
    let mut invalid = false;
    for (at, line) in content.split(|byte| *byte == b'\n').enumerate().skip(first - 1).take(limit) {
        invalid |= std::str::from_utf8(line).is_err();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let shown = plain(line);
        let cut: String = shown.chars().take(MAX_LINE_CHARS).collect();
        let mark = if cut.len() < shown.len() { " [line cut]" } else { "" };
        let row = format!("{:>6}\t{cut}{mark}\n", at + 1);
        if text.len() + row.len() > MAX_TEXT_BYTES {
            break;
        }
        text.push_str(&row);
        last = at + 1;
    }
    if last < total {
        text.push_str(&format!(
            "[lines {first} to {last} of {total}; go on with offset {}]\n",
            last + 1
        ));
    }
    if invalid {
        text.push_str("[not valid UTF-8: shown with U+FFFD; edit refuses such files]\n");
    }
    let omitted = content.len().saturating_sub(text.len()) as u64;
    let omitted_bytes = if last < total || first > 1 { omitted } else { 0 };
    ToolOutput { omitted_bytes, ..ToolOutput::ok(text) }
}
