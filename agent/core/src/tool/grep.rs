//! The tool that searches in files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use globset::GlobBuilder;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkMatch};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::blocking;
use super::excerpt::plain;
use super::files::{Files, Want};
use super::walk::walk;
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};

/// Most matches that are shown.
const MAX_MATCHES: usize = 200;
/// Longest line that is shown whole, in characters.
const MAX_LINE_CHARS: usize = 400;
/// Longest line that is searched, in bytes.
const MAX_LINE_BYTES: usize = 8 << 20;
/// Largest compiled expression, in bytes.
const MAX_REGEX_BYTES: usize = 4 << 20;

/// Searches files of the workspace by regular expression.
#[derive(Debug, Clone)]
pub struct GrepFiles(pub Arc<Files>);

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    /// Regular expression (Rust syntax, no look-around).
    pattern: String,
    /// File or directory to look in; the whole workspace if absent.
    #[serde(default)]
    path: Option<String>,
    /// Only files whose path matches this, such as `**/*.py`.
    #[serde(default)]
    glob: Option<String>,
    /// Take upper and lower case for the same.
    #[serde(default)]
    ignore_case: bool,
    /// Only the names of the files.
    #[serde(default)]
    files_only: bool,
}

impl Tool for GrepFiles {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<Arguments>(
            "grep",
            "Searches files line by line with a regular expression. Binary files and what .gitignore \
             names are left out.",
        )
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        let files = Arc::clone(&self.0);
        let workspace = context.workspace.clone();
        blocking::call(arguments, context, move |arguments: Arguments, stop| {
            let matcher = RegexMatcherBuilder::new()
                .case_insensitive(arguments.ignore_case)
                .size_limit(MAX_REGEX_BYTES)
                .line_terminator(Some(b'\n'))
                .build(&arguments.pattern)
                .map_err(|error| format!("not a regular expression: {error}"))?;
            search(&files, &workspace, &arguments, &matcher, stop)
        })
    }
}

fn search(
    files: &Files,
    workspace: &Path,
    arguments: &Arguments,
    matcher: &RegexMatcher,
    stop: &CancellationToken,
) -> Result<ToolOutput, blocking::Outcome> {
    let glob = arguments
        .glob
        .as_ref()
        .map(|glob| GlobBuilder::new(glob).literal_separator(true).build())
        .transpose()
        .map_err(|error| format!("not a pattern: {error}"))?
        .map(|glob| glob.compile_matcher());
    let mut searcher = SearcherBuilder::new()
        .line_number(true)
        .binary_detection(BinaryDetection::quit(0))
        .heap_limit(Some(MAX_LINE_BYTES))
        .build();
    let mut found = Found { files_only: arguments.files_only, stop, text: String::new(), count: 0 };
    let mut walk = walk(files, workspace, arguments.path.as_deref().unwrap_or("."), stop)?;
    let mut unread = 0_u64;
    for path in walk.by_ref().filter(|path| glob.as_ref().is_none_or(|glob| glob.is_match(path))) {
        if found.count >= MAX_MATCHES || stop.is_cancelled() {
            break;
        }
        // Opened as every file is: what the walk saw may be a link by now.
        let opened = path
            .to_str()
            .ok_or(io::ErrorKind::InvalidFilename.into())
            .and_then(|name| files.place(workspace, name, Want::Read).map_err(io::Error::other))
            .and_then(|place| place.open());
        let Ok(file) = opened else {
            unread += 1;
            continue;
        };
        let name = plain(path.as_os_str().as_encoded_bytes()).replace('\n', "?");
        let mut sink = Lines { found: &mut found, name: &name };
        unread += u64::from(searcher.search_file(matcher, &file.into_std(), &mut sink).is_err());
    }
    let Found { mut text, count, .. } = found;
    if count >= MAX_MATCHES {
        text.push_str("[200 matches shown; narrow the search]\n");
    }
    if let Some(cut) = walk.cut {
        text.push_str(&format!("[{cut}]\n"));
    }
    if unread > 0 {
        text.push_str(&format!("[{unread} files could not be searched]\n"));
    }
    if text.is_empty() {
        text.push_str("no line matches");
    }
    Ok(ToolOutput::ok(text))
}

/// The matches found so far.
struct Found<'a> {
    files_only: bool,
    stop: &'a CancellationToken,
    text: String,
    count: usize,
}

/// Takes the matching lines of one file.
struct Lines<'a, 'b> {
    found: &'a mut Found<'b>,
    name: &'a str,
}

impl Sink for Lines<'_, '_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        self.found.count += 1;
        if self.found.files_only {
            self.found.text.push_str(&format!("{}\n", self.name));
            return Ok(false);
        }
        let line = plain(found.bytes());
        let line = line.trim_end();
        let cut: String = line.chars().take(MAX_LINE_CHARS).collect();
        let mark = if cut.len() < line.len() { " [line cut]" } else { "" };
        let number = found.line_number().unwrap_or(0);
        self.found.text.push_str(&format!("{}:{number}: {cut}{mark}\n", self.name));
        Ok(self.found.count < MAX_MATCHES && !self.found.stop.is_cancelled())
    }
}
