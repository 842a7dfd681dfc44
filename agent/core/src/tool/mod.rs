//! Tools: what a model can call, and what it gets back.
//!
//! The tools of files open nothing outside the workspace (`files`), the tool of commands runs them in the
//! sandbox. Every output is bounded, is harmless on a terminal, and says what it left out.

mod address;
pub mod arguments;
mod bash;
mod blocking;
mod edit;
pub(crate) mod excerpt;
mod files;
mod glob;
mod grep;
mod mcp;
mod plan;
mod read;
mod toolbox;
mod validator;
mod walk;
mod web_fetch;
mod write;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use bash::{Bash, BashSettings};
pub use edit::EditFile;
pub use excerpt::plain;
pub use files::Files;
pub use glob::GlobFiles;
pub use grep::GrepFiles;
pub use mcp::{McpError, McpHttpSettings, McpServer, McpSettings};
pub use plan::{Plan, Status, Step};
pub use read::ReadFile;
pub use toolbox::{Toolbox, ToolboxError};
pub use validator::{Validated, Validator};
pub use web_fetch::{Reach, WebFetch};
pub use write::WriteFile;

/// The tools here that only look, so that neighbouring calls of them may run at the same time.
pub const LOOKING: &[&str] = &["glob", "grep", "read", "web_fetch"];

/// A call under way.
pub type ToolFuture<'a> = Pin<Box<dyn Future<Output = ToolOutput> + Send + 'a>>;

/// A tool as a model is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolSpec {
    /// Name, `[A-Za-z][A-Za-z0-9_-]{0,63}`; those of an MCP server begin with the server's name.
    pub name: String,
    /// Description for the model: what it does and when to use it.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// Result of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolOutput {
    /// Text that the model reads: UTF-8, bounded by the tool, with a remark where something was left out.
    pub text: String,
    /// True when the call failed.
    pub is_error: bool,
    /// Exit code of a command.
    pub exit_code: Option<i32>,
    /// Bytes of output that were left out of `text`.
    pub omitted_bytes: u64,
}

/// Place and time limit of a call.
#[derive(Debug, Clone)]
pub struct ToolContext {
    /// The directory that the session works in; absolute.
    pub workspace: PathBuf,
    /// Ends the call, with everything that it started.
    pub cancel: CancellationToken,
    /// Longest run.
    pub timeout: Duration,
}

/// A tool. Its arguments have been validated against its schema before it is called.
pub trait Tool: Send + Sync {
    /// Name, description and arguments.
    fn spec(&self) -> ToolSpec;

    /// Hosts that every call reaches, in lower case, `*.example.org` for all below one; what arguments name
    /// comes on top. A policy of approval is shown both.
    fn hosts(&self) -> Vec<String> {
        Vec::new()
    }

    /// Runs it. Cancelling, running out of time and failing are outputs, never panics.
    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a>;
}

impl<T: Tool + ?Sized> Tool for Arc<T> {
    fn spec(&self) -> ToolSpec {
        (**self).spec()
    }

    fn hosts(&self) -> Vec<String> {
        (**self).hosts()
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        (**self).call(arguments, context)
    }
}

impl ToolOutput {
    /// A success.
    #[must_use]
    pub fn ok(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: false, exit_code: None, omitted_bytes: 0 }
    }

    /// A failure that the model can read.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: true, exit_code: None, omitted_bytes: 0 }
    }
}
