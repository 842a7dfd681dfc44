//! The approval policy: the question that is put before every tool call.

use std::future::Future;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// A call as a policy sees it. Paths and hosts are those that the arguments name; what a command does
/// beyond its words is bounded by the sandbox, not here.
#[derive(Debug, Clone, PartialEq)]
pub struct Action<'a> {
    /// The tool.
    pub tool: &'a str,
    /// Its arguments, valid for its schema.
    pub arguments: &'a Value,
    /// Paths, absolute and without `..`.
    pub paths: Vec<PathBuf>,
    /// Hosts, in lower case.
    pub hosts: Vec<String>,
    /// The command line, when there is one.
    pub command: Option<&'a str>,
    /// Money used so far in this turn, in millionths of a US dollar.
    pub spent_micro_usd: u64,
}

/// The decision of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Do it.
    Allow,
    /// Do not; the model is told why.
    Deny {
        /// Why, and what to do instead.
        reason: String,
    },
    /// Ask the person; without one it is a denial.
    Ask {
        /// The question.
        question: String,
    },
}

/// A policy of approval.
pub trait Approval: Send + Sync {
    /// Decides on one call.
    fn decide(&self, action: &Action<'_>) -> Decision;
}

/// An answer that is waited for.
pub type PersonFuture<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// A person who can be asked.
pub trait Person: Send + Sync {
    /// Puts a question that is answered with yes or no.
    fn ask<'a>(&'a self, question: &'a str) -> PersonFuture<'a>;
}

/// Argument names that hold paths.
const PATHS: [&str; 9] =
    ["path", "file_path", "file", "directory", "dir", "cwd", "source", "destination", "root"];
/// Argument names that hold command lines.
const COMMANDS: [&str; 3] = ["command", "cmd", "script"];

static HOSTS: LazyLock<Regex> = LazyLock::new(|| {
    // SAFETY: a constant pattern that tests compile.
    #[allow(clippy::expect_used)]
    Regex::new(r"(?i)\b[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?(\[[0-9a-f:.]+\]|[a-z0-9.-]+)")
        .expect("the pattern is valid")
});

impl<'a> Action<'a> {
    /// A call of `tool`; relative paths are below `workspace`.
    #[must_use]
    pub fn new(
        tool: &'a str,
        arguments: &'a Value,
        workspace: &Path,
        spent_micro_usd: u64,
    ) -> Self {
        let texts = |names: &'static [&'static str]| {
            names.iter().filter_map(|name| arguments.get(*name)?.as_str())
        };
        let mut all = String::new();
        collect(arguments, &mut all);
        let hosts = HOSTS.captures_iter(&all).map(|found| found[1].to_lowercase()).collect();
        Self {
            tool,
            arguments,
            paths: texts(&PATHS).map(|path| normal(&workspace.join(path))).collect(),
            hosts,
            command: texts(&COMMANDS).next(),
            spent_micro_usd,
        }
    }
}

/// All texts of a value.
fn collect(value: &Value, all: &mut String) {
    match value {
        Value::String(text) => {
            all.push_str(text);
            all.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, all)),
        _ => {}
    }
}

/// The path without `.` and `..`, by its words: symbolic links are the sandbox's business.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}
