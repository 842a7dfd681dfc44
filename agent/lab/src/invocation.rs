//! One call of a tool, and what it answers.

use std::collections::BTreeMap;
use std::io::Write;

/// A parsed command line: `-o FILE`, `--name VALUE`, `--name=VALUE`, `--help`, the rest positional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// The tool.
    pub(crate) name: String,
    /// Arguments that are neither options nor their values.
    pub(crate) positional: Vec<String>,
    options: BTreeMap<String, String>,
}

impl Invocation {
    pub(crate) fn parse(name: &str, args: &[String]) -> Self {
        let (mut positional, mut options) = (Vec::new(), BTreeMap::new());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--help" {
                options.insert(arg.clone(), String::new());
            } else if let Some((option, value)) =
                arg.split_once('=').filter(|_| arg.starts_with("--"))
            {
                options.insert(option.to_owned(), value.to_owned());
            } else if arg.starts_with("--") || arg == "-o" {
                options.insert(arg.clone(), args.next().cloned().unwrap_or_default());
            } else {
                positional.push(arg.clone());
            }
        }
        Self { name: name.to_owned(), positional, options }
    }

    /// Returns true when an option was given.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.contains_key(option)
    }

    /// The value of an option.
    pub(crate) fn option(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }

    /// An option that is neither `-o` nor one of `known`.
    pub(crate) fn stray_option(&self, known: &[&str]) -> Option<&str> {
        let given = self.options.keys().map(String::as_str);
        given.into_iter().find(|option| *option != "-o" && !known.contains(option))
    }

    /// The end of a task: `text` goes to the file of `-o`, or to standard output.
    pub(crate) fn write(&self, text: &str) -> Answer {
        match self.option("-o") {
            None => Answer::ok(text),
            Some(path) => match std::fs::write(path, text) {
                Ok(()) => Answer::ok("done"),
                Err(error) => Answer::fail(73, format!("{}: {path}: {error}", self.name)),
            },
        }
    }
}

/// A tool's output and its exit status: text of a failure goes to standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    status: i32,
    text: String,
}

impl Answer {
    pub(crate) fn ok(text: impl Into<String>) -> Self {
        Self::fail(0, text)
    }

    /// `status` other than 0 is a failure.
    pub(crate) fn fail(status: i32, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Self { status, text }
    }

    /// Prints the text and gives the status. A reader that closed the pipe is no failure of the tool.
    pub(crate) fn print(&self) -> i32 {
        let text = self.text.as_bytes();
        let _ = if self.status == 0 {
            std::io::stdout().write_all(text)
        } else {
            std::io::stderr().write_all(text)
        };
        self.status
    }
}
