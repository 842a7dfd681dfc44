//! The tool that finds files by name.

use std::sync::Arc;

use globset::GlobBuilder;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::blocking;
use super::excerpt::plain;
use super::files::Files;
use super::walk::walk;
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};

/// Longest list.
const MAX_FILES: usize = 500;

/// Finds files of the workspace by pattern.
#[derive(Debug, Clone)]
pub struct GlobFiles(pub Arc<Files>);

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    /// Pattern such as `**/*.rs` or `src/*.toml`, relative to the workspace.
    pattern: String,
    /// Directory to look in; the whole workspace if absent.
    #[serde(default)]
    path: Option<String>,
}

impl Tool for GlobFiles {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<Arguments>(
            "glob",
            "Lists files whose path matches a pattern, in order of names, without what .gitignore names.",
        )
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        let files = Arc::clone(&self.0);
        let workspace = context.workspace.clone();
        blocking::call(arguments, context, move |arguments: Arguments, stop| {
            let glob = GlobBuilder::new(&arguments.pattern)
                .literal_separator(true)
                .build()
                .map_err(|error| format!("not a pattern: {error}"))?
                .compile_matcher();
            let mut walk =
                walk(&files, &workspace, arguments.path.as_deref().unwrap_or("."), stop)?;
            let mut found = String::new();
            let matching = walk.by_ref().filter(|path| glob.is_match(path));
            for (count, path) in matching.enumerate() {
                if count == MAX_FILES {
                    found.push_str("[more than 500 files; narrow the pattern]\n");
                    break;
                }
                found.push_str(&plain(path.as_os_str().as_encoded_bytes()).replace('\n', "?"));
                found.push('\n');
            }
            if let Some(cut) = walk.cut {
                found.push_str(&format!("[{cut}]\n"));
            }
            if found.is_empty() {
                found.push_str("no file matches");
            }
            Ok(ToolOutput::ok(found))
        })
    }
}
