//! Finds the values of a task: what in its text is the user's own, and not language or environment.
//!
//! Supporters of one lesson must give one key though their numbers, names, dates and files differ and
//! their wording varies. Values are therefore numbered by a rule that wording hardly moves:
//! 1. values that also stand in the command which the task documents in backticks, in that command's
//!    order (the command has one shape for all users);
//! 2. then the others by kind (file, number, date, identifier, quoted text, name, bare word), and
//!    within a kind by their order in the task.
//!
//! The file that the task asks to write is `<out>` and has no number.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex_lite::Regex;

use super::placeholder;
use super::prose::{self, Span};
use super::shell::{self, Item};
use super::value::{Value, ValueKind, occurrences, pattern, shape, writes};
use super::vocabulary::{is_language, is_technical};
use crate::steps::Steps;

pattern!(
    UNITS,
    r"(?i)^([+-]?\d+(?:[.,]\d+)*)(°?[cfk]|°|kg|g|km|m|mi|lbs?|cm|mm|ms|s|min|h|mph|[kmg]b|%)$"
);

/// The number before a unit, in a word such as `20kg`.
fn number_of_units(word: &str) -> Option<&str> {
    // The pattern is slow to say no.
    let may = word.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c));
    let found = if may { UNITS.captures(word) } else { None };
    found.and_then(|found| found.get(1)).map(|number| number.as_str())
}

/// Most values that are looked for: those of a template are numbered up to 99.
const MAX_FOUND: usize = 256;

/// Regular expressions that tell what a word is.
const WORD_PASSES: usize = 6;

/// The values of a task text, in the order in which they are numbered. Of a text above
/// [`super::MAX_TASK_BYTES`] the beginning counts.
#[must_use]
pub fn values(task: &str) -> Vec<Value> {
    values_within(task, &Steps::unbounded())
}

/// As [`values`], and counts its steps.
pub(super) fn values_within(task: &str, steps: &Steps) -> Vec<Value> {
    let mut finder = Finder::new(steps);
    for span in prose::spans(task, steps) {
        match span {
            Span::Prose(text) => finder.prose(&text),
            Span::Quoted(text) => finder.quoted(&text),
            Span::Command(text) => finder.commands.push(text),
        }
    }
    finder.finish()
}

struct Found {
    kind: ValueKind,
    text: String,
    port: bool,
}

/// Words that ask for a file to be written.
const WRITES: [&str; 34] = [
    "write", "writes", "written", "writing", "save", "saves", "saved", "saving", "store", "stored",
    "put", "output", "export", "record", "download", "dump", "place", "produce", "create", "leave",
    "generate", "deliver", "keep", "drop", "land", "goes", "go", "into", "belongs", "ends",
    "convert", "copy", "as", "file",
];

/// Words between a preposition and the file that it is about.
const SKIPPED: [&str; 10] =
    ["the", "a", "an", "file", "new", "local", "named", "called", "results", "output"];

/// Likeness of a file to the one the task asks to write, by the words before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// A verb of writing in its sentence.
    Verb,
    /// A verb, and `in`, `at` or `under` directly before it.
    In,
    /// `to`, `into`, `as`, `named` or `called` directly before it.
    To,
    /// Both.
    VerbTo,
}

/// Words of the open sentence, in lower case, that say something about a file that follows.
#[derive(Default)]
struct Sentence {
    last: Option<String>,
    /// The last word that is not one of [`SKIPPED`].
    before: Option<String>,
    /// True when a verb of writing is among them.
    writes: bool,
}

impl Sentence {
    fn push(&mut self, word: String) {
        self.writes |= WRITES.contains(&word.as_str());
        if !SKIPPED.contains(&word.as_str()) {
            self.before = Some(word.clone());
        }
        self.last = Some(word);
    }
}

struct Finder<'a> {
    found: Vec<Found>,
    /// Values found already, names apart: those may grow.
    known: BTreeSet<(ValueKind, String)>,
    out: Option<(Claim, String)>,
    commands: Vec<String>,
    program_words: BTreeSet<String>,
    sentence: Sentence,
    /// True when the last word was a name that the next may continue.
    in_name: bool,
    steps: &'a Steps,
}

impl<'a> Finder<'a> {
    fn new(steps: &'a Steps) -> Self {
        Self {
            found: Vec::new(),
            known: BTreeSet::new(),
            out: None,
            commands: Vec::new(),
            program_words: BTreeSet::new(),
            sentence: Sentence::default(),
            in_name: false,
            steps,
        }
    }

    fn prose(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            for token in line.split_whitespace() {
                self.token(token);
            }
            if line.ends_with('\n') {
                self.sentence = Sentence::default();
                self.in_name = false;
            }
        }
    }

    fn token(&mut self, token: &str) {
        let edge = |c: char| !(c.is_alphanumeric() || "/~_+-<>°%".contains(c));
        let body = token.trim_end_matches(|c: char| edge(c) || c == '-');
        let mut word = body.trim_start_matches(|c: char| edge(c) && c != '.');
        word = word.trim_start_matches("..").trim_end_matches("'s").trim_end_matches("’s");
        let tail = token.trim_end_matches([')', ']', '"', '”', '\'', '’']);
        let ends = tail.ends_with(['.', '!', '?', ':']) && !tail.ends_with("://");
        if word.is_empty() {
            self.in_name = false;
        } else {
            self.word(word);
        }
        self.in_name &= token.ends_with(word);
        if ends {
            self.sentence = Sentence::default();
            self.in_name = false;
        }
    }

    fn word(&mut self, word: &str) {
        let was_name = std::mem::take(&mut self.in_name);
        self.steps.take_regex(word.len(), WORD_PASSES);
        let opens = self.sentence.last.is_none();
        let lower = word.to_lowercase();
        let port = self.sentence.last.as_deref() == Some("port");
        if word.contains("://") {
            self.url(word);
        } else if let Some(number) = number_of_units(word) {
            self.add(ValueKind::Number, number, false);
        } else if let Some(kind) = shape(word) {
            self.add(kind, word, port);
        } else if word.chars().all(char::is_alphabetic) {
            let capital = word.starts_with(char::is_uppercase) && word != "I";
            // A capital says nothing at the start of a sentence, and acronyms are language.
            let common = if opens { is_language(&lower) } else { is_technical(&lower) };
            if capital && !common {
                self.name(word, was_name);
            } else if !capital && word.len() > 2 && !is_language(&lower) {
                self.add(ValueKind::Bare, word, false);
            }
        }
        self.sentence.push(lower);
    }

    fn name(&mut self, word: &str, continues: bool) {
        self.in_name = true;
        match self.found.last_mut() {
            Some(last) if continues && last.kind == ValueKind::Name => {
                last.text.push(' ');
                last.text.push_str(word);
            }
            _ => self.add(ValueKind::Name, word, false),
        }
    }

    /// The parts of an address in prose: where it points is the environment's, the numbers, dates
    /// and identifiers in its path are the user's.
    fn url(&mut self, url: &str) {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        for part in rest.split(['/', '?', '&', '=', '#']).skip(1) {
            if let Some(kind) = shape(part) {
                self.add(kind, part, false);
            }
        }
    }

    fn quoted(&mut self, text: &str) {
        self.in_name = false;
        let single = !text.contains(char::is_whitespace);
        let kind = if single { shape(text) } else { None };
        match kind {
            Some(kind) => self.add(kind, text, false),
            None => self.add(ValueKind::Text, text, false),
        }
        self.sentence.push(text.to_lowercase());
    }

    fn add(&mut self, kind: ValueKind, text: &str, port: bool) {
        if kind == ValueKind::File {
            self.claim(text);
        }
        let again = kind != ValueKind::Name && !self.known.insert((kind, text.to_owned()));
        if again || self.found.len() == MAX_FOUND {
            return;
        }
        self.found.push(Found { kind, text: text.to_owned(), port });
    }

    fn claim(&mut self, file: &str) {
        let verb = self.sentence.writes;
        let before = self.sentence.before.as_deref();
        let to = matches!(self.sentence.last.as_deref(), Some("named" | "called"))
            || matches!(before, Some("to" | "into" | "as"));
        let claim = match before {
            _ if to && verb => Claim::VerbTo,
            _ if to => Claim::To,
            Some("in" | "at" | "under") if verb => Claim::In,
            _ if verb => Claim::Verb,
            _ => return,
        };
        if self.out.as_ref().is_none_or(|(old, _)| claim >= *old) {
            self.out = Some((claim, file.to_owned()));
        }
    }

    fn finish(mut self) -> Vec<Value> {
        let commands = std::mem::take(&mut self.commands);
        for command in &commands {
            self.documented(command);
        }
        let out = self.out.take().map(|(_, file)| file);
        let parts: Vec<Found> =
            self.found.iter().filter(|f| f.kind == ValueKind::Name).flat_map(name_parts).collect();
        self.found.extend(parts);
        self.found.truncate(2 * MAX_FOUND);
        let documented = commands.join(" ");
        let mut seen = BTreeSet::new();
        let mut list = Vec::new();
        for found in self.found {
            let Found { kind, text, port } = found;
            let word = matches!(kind, ValueKind::Name | ValueKind::Bare);
            let is_out = out.as_deref() == Some(text.as_str());
            let program = self.program_words.contains(&text);
            if text.contains(['<', '>'])
                || (word && program)
                || is_out
                || !seen.insert(text.clone())
            {
                continue;
            }
            self.steps.take(1 + documented.len());
            let place = occurrences(&documented, &text).next().unwrap_or(usize::MAX);
            list.push((place, kind, text, port));
        }
        // Stable, so that equal keys keep their order in the task.
        list.sort_by_key(|(place, kind, ..)| (*place, *kind));
        let out = out.map(|text| Value {
            kind: ValueKind::Out,
            text,
            placeholder: placeholder::OUT.into(),
            port: false,
        });
        let numbered = list.into_iter().take(placeholder::MAX_ARGUMENTS).enumerate();
        let numbered = numbered.map(|(index, (_, kind, text, port))| Value {
            kind,
            text,
            placeholder: placeholder::argument(index),
            port,
        });
        out.into_iter().chain(numbered).collect()
    }

    /// Reads a documented command: which of its words are the program's, and which values stand in it
    /// alone (a task may say "get the invoice" and name its number only in the command).
    fn documented(&mut self, command: &str) {
        let Ok(script) = shell::parse_within(command, self.steps) else {
            return;
        };
        let mut starts = true;
        let mut after: Option<String> = None;
        for item in &script.0 {
            let word = match item {
                Item::Operator(op) => {
                    let redirect = op.contains('>') || op.contains('<');
                    after = redirect.then(|| op.clone());
                    starts |= !redirect;
                    continue;
                }
                Item::Word(word) => word,
            };
            let previous = after.take();
            let text = word.literal().unwrap_or_default();
            if starts && !word.is_assignment() {
                self.program_words.insert(text.to_owned());
                starts = false;
            } else if text.starts_with('-') {
                let (flag, value) =
                    text.split_once('=').map_or((text, None), |(f, v)| (f, Some(v)));
                self.program_words.extend(flag.split('-').map(str::to_owned));
                match value {
                    Some(file) if writes(flag) => self.documented_out(file),
                    Some(_) => {}
                    None => after = Some(flag.to_owned()),
                }
            } else if previous.as_deref().is_some_and(writes) {
                self.documented_out(text);
            } else if text.contains("://") {
                self.documented_url(text);
            } else if previous.as_deref().is_none_or(|flag| !flag.starts_with('-')) {
                let kind = shape(text);
                if kind.is_some_and(|kind| kind <= ValueKind::Identifier) {
                    self.only_documented(kind, text);
                }
            }
        }
    }

    fn documented_url(&mut self, url: &str) {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let mut parts = rest.split(['/', '?', '&', '=', '#']);
        if let Some(authority) = parts.next() {
            self.program_words.extend(authority.split([':', '.', '@']).map(str::to_owned));
        }
        for part in parts {
            match shape(part) {
                Some(ValueKind::Number) if part.len() < 3 => {}
                Some(kind) if part.contains(|c: char| c.is_ascii_digit()) => {
                    self.only_documented(Some(kind), part);
                }
                _ => self.program_words.extend(part.split(['-', '.', '_']).map(str::to_owned)),
            }
        }
    }

    fn documented_out(&mut self, file: &str) {
        if self.out.is_none() && file != "-" && !file.starts_with("/dev/") && !file.is_empty() {
            self.out = Some((Claim::Verb, file.to_owned()));
        } else {
            self.only_documented(shape(file), file);
        }
    }

    /// Adds a value unless the prose had it, or it is made of values that the prose had.
    fn only_documented(&mut self, kind: Option<ValueKind>, text: &str) {
        if self.found.len() == MAX_FOUND {
            return;
        }
        let composed = self.found.iter().any(|found| {
            self.steps.take(1 + if found.text.len() <= text.len() { text.len() } else { 0 });
            occurrences(text, &found.text).next().is_some()
        });
        if let Some(kind) = kind.filter(|_| !composed) {
            self.found.push(Found { kind, text: text.to_owned(), port: false });
        }
    }
}

/// Each word of a name of several words is a value too, after the whole.
fn name_parts(name: &Found) -> Vec<Found> {
    let words: Vec<&str> = name.text.split(' ').collect();
    if words.len() < 2 {
        return Vec::new();
    }
    let part = |word: &&str| Found { kind: ValueKind::Name, text: (*word).to_owned(), port: false };
    words.iter().map(part).collect()
}
