//! The tool that writes a file.

use std::io;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::blocking::{self, Outcome};
use super::files::{Files, MAX_FILE_BYTES, Want};
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};

/// Writes whole files of the workspace.
#[derive(Debug, Clone)]
pub struct WriteFile(pub Arc<Files>);

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    /// Path of the file, relative to the workspace. Directories are made as needed.
    path: String,
    /// The whole content.
    content: String,
}

impl Tool for WriteFile {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<Arguments>(
            "write",
            "Writes a file, new or whole. An existing file must have been read before; to change a part, \
             use edit.",
        )
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        let files = Arc::clone(&self.0);
        let workspace = context.workspace.clone();
        blocking::call(arguments, context, move |arguments: Arguments, _| {
            let place = files.place(&workspace, &arguments.path, Want::Write)?;
            let name = place.name();
            let content = arguments.content.as_bytes();
            if content.len() as u64 > MAX_FILE_BYTES {
                return Err(Outcome::said(format!("{name}: more than 16 MiB in one call")));
            }
            let new = match place.read() {
                Ok(before) => {
                    files
                        .check_seen(&place.real, &before)
                        .map_err(|why| format!("{name} exists: {why}"))?;
                    false
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => true,
                Err(error) => return Err(Outcome::said(format!("{name}: {error}"))),
            };
            place.replace(content).map_err(|error| format!("{name}: {error}"))?;
            files.saw(&place.real, content);
            let done = if new { "created" } else { "replaced" };
            Ok(ToolOutput::ok(format!("{done} {name} ({} bytes)", content.len())))
        })
    }
}
