//! Runs the `console` blocks of a Markdown file, so that a guide cannot rot.
//!
//! In a block, a line that begins with `$ ` is a command, and what follows is what it shows: `[..]`
//! stands for any text within a line, a line `...` for any lines. A command that asks is typed at a
//! terminal: the answer is what follows the question's colon in the shown text. A block marked
//! `console wait` is repeated until it shows what it should. Variables and the directory last from
//! one command to the next.

use std::path::Path;
use std::process::Command;

use crate::binary::lore;
use crate::pty::at_a_terminal;
use crate::wait::{PATIENCE, wait_until};

const QUESTION: &str = "Type yes: ";

/// A command and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The command line.
    pub command: String,
    /// The expected output, with wildcards.
    pub shows: String,
    /// True when it is repeated until the output fits.
    pub wait: bool,
}

/// The commands of a Markdown text.
#[must_use]
pub fn steps(markdown: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut block = None;
    for line in markdown.lines() {
        match (block, line) {
            (None, "```console") => block = Some(false),
            (None, "```console wait") => block = Some(true),
            (Some(_), "```") => block = None,
            (Some(wait), line) => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.into(), shows: String::new(), wait });
                }
                (None, Some(step)) => step.shows += &format!("{line}\n"),
                (None, None) => {}
            },
            _ => {}
        }
    }
    steps
}

/// Runs steps in a directory, with the tested `lore` on the path.
///
/// # Panics
/// At the first step that shows something else or fails.
pub fn run(steps: &[Step], directory: &Path) {
    for step in steps {
        let try_once = || {
            let (code, shown) = shell(step, directory);
            (code == Some(0) && fits(&step.shows, &shown)).then_some(()).ok_or((code, shown))
        };
        if step.wait {
            wait_until(&step.command, PATIENCE, || try_once().ok());
        } else if let Err((code, shown)) = try_once() {
            panic!(
                "`{}` ended with {code:?} and showed\n{shown}\nwhere the guide has\n{}",
                step.command, step.shows
            );
        }
    }
}

fn shell(step: &Step, directory: &Path) -> (Option<i32>, String) {
    // Both streams in one, so that lines come as they do at a terminal.
    let script = format!(
        "exec 2>&1; set -a; [ ! -e .state ] || . ./.state; {}\ncode=$?; export -p > .state; exit $code",
        step.command
    );
    let programs = lore().parent().map_or_else(String::new, |path| path.display().to_string());
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).current_dir(directory);
    command.env("PATH", format!("{programs}:{path}"));
    command.env_remove("LORE_HOME").env_remove("LORE_LOG");
    if let Some(answer) = step.shows.lines().find_map(|line| Some(line.split_once(QUESTION)?.1)) {
        let (status, shown) = at_a_terminal(&mut command, &format!("{answer}\n"));
        return (status.code(), shown.replace('\r', ""));
    }
    let out = command.output().expect("the shell runs");
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Returns true when a text fits the guide's text.
fn fits(expected: &str, shown: &str) -> bool {
    let expected: Vec<&str> = expected.lines().map(str::trim_end).collect();
    let shown: Vec<&str> = shown.trim_end().lines().map(str::trim_end).collect();
    lines_fit(&expected, &shown)
}

fn lines_fit(expected: &[&str], shown: &[&str]) -> bool {
    match (expected, shown) {
        ([], []) => true,
        (["...", rest @ ..], _) => (0..=shown.len()).any(|skip| lines_fit(rest, &shown[skip..])),
        ([line, rest @ ..], [first, others @ ..]) => {
            line_fits(line, first) && lines_fit(rest, others)
        }
        _ => false,
    }
}

fn line_fits(expected: &str, shown: &str) -> bool {
    // What is typed may be echoed before or after the question: only the question counts.
    let expected = expected.split_once(QUESTION).map_or(expected, |(before, _)| before);
    let mut parts = expected.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = shown.strip_prefix(first) else { return false };
    let mut open = false;
    for part in parts {
        open = true;
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        if part.is_empty() {
            return true;
        }
        open = open && !rest.is_empty();
    }
    !open && (rest.is_empty() || shown.contains(QUESTION.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_what_they_show_are_read_from_console_blocks_only() {
        let text = "Say\n```sh\n$ no\n```\n```console\n$ a b\none\n$ c\n```\nand\n```console wait\n$ d\n```\n";
        let step = |command: &str, shows: &str, wait| Step {
            command: command.into(),
            shows: shows.into(),
            wait,
        };
        let expected = [step("a b", "one\n", false), step("c", "", false), step("d", "", true)];
        assert_eq!(steps(text), expected);
    }

    #[test]
    fn wildcards_stand_for_text_and_lines_and_everything_else_must_be_there() {
        assert!(fits("a [..] c\n...\nend\n", "a b c\n1\n2\nend\n"));
        assert!(fits("...\n", ""));
        assert!(!fits("a\n", "b\n"));
        assert!(!fits("a\n", "a\nb\n"));
        assert!(!fits("a [..] c\n", "a b d\n"));
        assert!(!fits("a\nb\n", "a\n"));
    }

    #[test]
    fn a_step_that_shows_something_else_fails_and_variables_last() {
        let directory = tempfile::tempdir().unwrap();
        let guide = "```console\n$ A=1\n$ echo $A\n1\n```\n";
        run(&steps(guide), directory.path());
        let wrong = steps("```console\n$ echo 2\n1\n```\n");
        assert!(std::panic::catch_unwind(|| run(&wrong, directory.path())).is_err());
    }
}
