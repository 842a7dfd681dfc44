//! Runs the `console` blocks of a Markdown file, so that a guide cannot rot.
//!
//! In a block, a line that begins with `$ ` is a command, and what follows is what it shows: `[..]`
//! stands for any text within a line, a line `...` for any lines. A command that asks is typed at a
//! terminal: the answer is what follows the question's colon in the shown text. A block marked
//! `console wait` is repeated until it shows what it should. From a block marked `console later 2h` on, the
//! clock of `lore` is that much later, in hours (`h`) or days (`d`). Variables and the directory last from one
//! command to the next.

use std::path::Path;
use std::process::Command;

use crate::binary::{faulty, lore};
use crate::pty::at_a_terminal;
use crate::wait::{PATIENCE, wait_until};

/// Ends of a question that a person answers.
const QUESTIONS: [&str; 2] = ["Type yes: ", "[yes/no] "];

/// A line that asks: the question without its end, and the answer.
fn question(line: &str) -> Option<(&str, &str)> {
    QUESTIONS.iter().find_map(|end| line.split_once(end))
}

/// A command and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The command line.
    pub command: String,
    /// Output that it shows, with wildcards.
    pub shows: String,
    /// True when it is repeated until it does.
    pub wait: bool,
    /// Seconds by which the clock is later than at the first step.
    pub later_seconds: i64,
}

/// Clock of the `lore` that a guide runs, as an offset of the machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Time {
    /// Offset of all steps, in seconds.
    pub offset_seconds: i64,
    /// Seconds by which steps that are answered at a terminal happen before the others.
    pub answered_before_seconds: i64,
}

/// The commands of a Markdown text.
///
/// # Panics
/// Panics at a block with a mark that is not known.
#[must_use]
pub fn steps(markdown: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut block, mut later_seconds) = (None, 0);
    for line in markdown.lines() {
        let mark = line.strip_prefix("```console");
        match (block, mark, line) {
            (None, Some(mark), _) => {
                later_seconds += mark.trim().strip_prefix("later ").map_or(0, seconds);
                block = Some(mark == " wait");
            }
            (Some(_), _, "```") => block = None,
            (Some(wait), ..) => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    let (command, shows) = (command.into(), String::new());
                    steps.push(Step { command, shows, wait, later_seconds });
                }
                (None, Some(step)) => step.shows += &format!("{line}\n"),
                (None, None) => {}
            },
            _ => {}
        }
    }
    steps
}

/// A time such as `2h` or `1d`, in seconds.
fn seconds(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let each = match unit {
        "h" => 3_600,
        "d" => 86_400,
        _ => panic!("`{text}` is no time in hours (2h) or days (1d)"),
    };
    number.parse::<i64>().expect("a whole number") * each
}

/// Runs steps in a directory, with the tested `lore` on the path.
///
/// # Panics
/// At the first step that shows something else or fails.
pub fn run(steps: &[Step], directory: &Path) {
    run_at(steps, directory, Time::default());
}

/// [`run`] at another time.
///
/// # Panics
/// As [`run`].
pub fn run_at(steps: &[Step], directory: &Path, time: Time) {
    for step in steps {
        let try_once = || {
            let (code, shown) = shell(step, directory, time);
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

fn shell(step: &Step, directory: &Path, time: Time) -> (Option<i32>, String) {
    let answer = step.shows.lines().find_map(|line| Some(question(line)?.1));
    let before = answer.map_or(0, |_| time.answered_before_seconds);
    let offset = time.offset_seconds + step.later_seconds - before;
    // What the guide calls `lore` is the program with a clock that can be set.
    let set =
        format!("lore() {{ LORE_TEST_CLOCK_OFFSET={offset} '{}' \"$@\"; }}", faulty().display());
    let set = if offset == 0 { "" } else { &set };
    // Variables and the directory are those that the step before left.
    let state = directory.join(".state").display().to_string();
    // Both streams in one, so that lines come as they do at a terminal.
    let script = format!(
        "exec 2>&1; set -a; [ ! -e '{state}' ] || {{ . '{state}'; cd \"$PWD\"; }}; {set}\n{}\ncode=$?; \
         export -p > '{state}'; exit $code",
        step.command
    );
    let programs = lore().parent().map_or_else(String::new, |path| path.display().to_string());
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).current_dir(directory);
    command.env("PATH", format!("{programs}:{path}"));
    command.env_remove("LORE_HOME").env_remove("LORE_LOG");
    if let Some(answer) = answer {
        let (status, shown) = at_a_terminal(&mut command, &format!("{answer}\n"));
        return (status.code(), shown.replace('\r', ""));
    }
    let out = command.output().expect("the shell runs");
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Returns true when a text is what the guide shows.
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
    let expected = question(expected).map_or(expected, |(before, _)| before);
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
    !open && (rest.is_empty() || QUESTIONS.iter().any(|end| shown.contains(end.trim_end())))
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
            later_seconds: 0,
        };
        let expected = [step("a b", "one\n", false), step("c", "", false), step("d", "", true)];
        assert_eq!(steps(text), expected);
    }

    #[test]
    fn time_passes_from_a_marked_block_on() {
        let text = "```console\n$ a\n```\n```console later 2h\n$ b\n$ c\n```\n```console later 1d\n$ d\n```\n";
        let later: Vec<i64> = steps(text).iter().map(|step| step.later_seconds).collect();
        assert_eq!(later, [0, 7_200, 7_200, 93_600]);
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
