//! What failed: the program, the class of the failure, and the line that states it.

use std::collections::BTreeSet;

use lore_protocol::lesson::ErrorClass;
use lore_protocol::steps::Steps;

use crate::call::{Call, Status};
use crate::cut::{beginning, end};
use crate::mask;
use crate::recognise::WORD;
use crate::status::{Reading, read};
use crate::tools::{Kind, kind_of};

/// Bytes of an output in which the error's line is looked for, from its end.
const MAX_LOOKED_BYTES: usize = 4096;

/// A failure, without what is the session's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Situation {
    /// Program and sub-commands (`git push`), or the harness's tool under its canonical name.
    pub program: String,
    /// True when the program and its sub-commands are on the public list.
    pub public: bool,
    /// Kind of failure.
    pub class: ErrorClass,
    /// The public word that is the point: a flag, a sub-command, a module, a code.
    pub word: Option<String>,
    /// The line that states the error, values masked; empty when none does.
    pub message: String,
}

impl Situation {
    /// The point of a fine key: the word, else the message; none when nothing is stated.
    #[must_use]
    pub fn point(&self) -> Option<&str> {
        self.word.as_deref().or(Some(self.message.as_str())).filter(|text| !text.is_empty())
    }
}

/// The situation of one call, when it failed. `task` is the user's task: its words are masked.
#[must_use]
pub fn situation_of(call: &Call, task: &str) -> Option<Situation> {
    let steps = Steps::unbounded();
    let reading = read(call, &steps);
    (reading.status == Status::Failed).then(|| of(call, &reading, task, &steps))
}

/// The situation of a call that failed.
pub(crate) fn of(call: &Call, reading: &Reading, task: &str, steps: &Steps) -> Situation {
    let output = call.output.as_deref().unwrap_or_default();
    let (program, public) = match reading.at {
        Some(at) => (reading.programs[at].path.clone(), reading.programs[at].public),
        None => tool(call),
    };
    let looked = end(output, MAX_LOOKED_BYTES);
    steps.take(2 * looked.len());
    let own = own_words(call, reading, task, steps);
    let (class, word, message) = match &reading.found {
        Some(found) => {
            let word = found.word.clone().and_then(|word| public_word(word, found.class, reading));
            let message = found.message.replace(WORD, word.as_deref().unwrap_or("<value>"));
            (found.class, word, beginning(&message, mask::MAX_MESSAGE_BYTES).trim_end().to_owned())
        }
        None => {
            let line = stated(looked).unwrap_or_default();
            steps.take_regex(line.len(), 1);
            let message = mask::message(beginning(line, 300), &own);
            (ErrorClass::recognise(line, call.exit), None, message)
        }
    };
    Situation { program: beginning(&program, 60).to_owned(), public, class, word, message }
}

fn tool(call: &Call) -> (String, bool) {
    match kind_of(&call.tool) {
        Kind::Reader(name) | Kind::Editor(name) => (name.to_owned(), true),
        Kind::Shell => ("shell".to_owned(), true),
        Kind::Bookkeeping | Kind::Verdict | Kind::Other => (call.tool.to_ascii_lowercase(), false),
    }
}

/// The word of a message that may be the point of a key: of `--timeout=10` the flag. A surplus argument is the
/// session's own, a flag is not.
fn public_word(word: String, class: ErrorClass, reading: &Reading) -> Option<String> {
    let word = match word.split_once('=') {
        Some((flag, _)) if word.starts_with('-') => flag.to_owned(),
        _ => word,
    };
    let surplus = matches!(class, ErrorClass::UnknownOption | ErrorClass::UnknownSubcommand);
    let own = surplus && !word.starts_with('-') && is_argument(reading, &word);
    (is_public_word(&word) && !own).then_some(word)
}

/// Returns true for an argument of the command that failed.
fn is_argument(reading: &Reading, word: &str) -> bool {
    reading.at.is_some_and(|at| {
        let words = &reading.commands[at].words;
        reading.programs[at].arguments.iter().any(|argument| words[*argument].text == word)
    })
}

/// A word that may be the point of a key: no path, no file, no number.
fn is_public_word(word: &str) -> bool {
    !word.contains(['/', '\\', '@', '<', '>', '$', '%'])
        && !word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Words that are this session's own: arguments of the line that are no flags, and words of the task that are
/// no ordinary words.
fn own_words<'a>(
    call: &'a Call,
    reading: &'a Reading,
    task: &'a str,
    steps: &Steps,
) -> BTreeSet<&'a str> {
    let mut own = BTreeSet::new();
    for (command, program) in reading.commands.iter().zip(&reading.programs) {
        let arguments = program.arguments.iter().map(|at| command.words[*at].text.as_str());
        own.extend(arguments.filter(|text| !text.starts_with('-') && text.len() > 2));
    }
    let task = beginning(task, MAX_LOOKED_BYTES);
    steps.take(task.len() + call.tool.len());
    let odd = |word: &&str| {
        word.len() > 2
            && (word.contains(|c: char| c.is_ascii_digit() || c == '_' || c == '.')
                || word.chars().skip(1).any(char::is_uppercase))
    };
    let words = task.split(|c: char| c.is_whitespace() || "\"'`(),;:".contains(c));
    own.extend(words.filter(odd));
    own
}

/// The line of an output that states the error.
fn stated(output: &str) -> Option<&str> {
    const MARKS: [&str; 14] = [
        "error",
        "fatal",
        "failed",
        "cannot",
        "can't",
        "could not",
        "no such",
        "not found",
        "invalid",
        "unknown",
        "denied",
        "unable",
        "not permitted",
        "refused",
    ];
    let lines = || output.lines().map(str::trim).filter(|line| !line.is_empty());
    if output.contains("Traceback (most recent call last)") {
        return lines().rfind(|line| line.contains("Error") || line.contains("Exception"));
    }
    lines().find(|line| {
        let lower = beginning(line, 200).to_ascii_lowercase();
        MARKS.iter().any(|mark| lower.contains(mark)) && !lower.starts_with("exit code")
    })
}
