//! The values of a task: what in its text is the user's own, and not language or environment.
//!
//! Supporters of one lesson must give one key though their numbers, names, dates and files differ and
//! their wording varies. Values are therefore numbered by a rule that wording hardly moves:
//! 1. values that also stand in the command which the task documents in backticks, in that command's
//!    order (the command has one shape for all users);
//! 2. then the others by kind (file, number, date, identifier, quoted text, name, bare word), and
//!    within a kind by their order in the task.
//!
//! The file that the task asks to write is `<out>` and has no number.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::prose::{self, Span};
use super::shell::{self, Item};
use super::vocabulary::{is_language, is_technical};
use super::{placeholder, scrub};

/// What a value is. The order is the order of numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// The file that the task asks to write.
    Out,
    /// Another file name or path.
    File,
    /// A number.
    Number,
    /// A date or a time of day.
    Date,
    /// A word with digits, underscores, hyphens or inner capitals; an e-mail address.
    Identifier,
    /// A string in quotes.
    Text,
    /// A capitalised word that is not one because a sentence begins, or several in a row.
    Name,
    /// A word that is not of the language.
    Bare,
}

/// One value of a task.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// As it stands in the task.
    pub text: String,
    /// What stands for it in a template: `<out>`, `<arg>`, `<arg2>`, ...
    pub placeholder: String,
    /// Whether it is a number that the task calls a port: only such a value is replaced where a
    /// command names a host's port.
    pub port: bool,
}

/// The values of a task text, in the order in which they are numbered.
#[must_use]
pub fn values(task: &str) -> Vec<Value> {
    let mut finder = Finder::default();
    for span in prose::spans(task) {
        match span {
            Span::Prose(text) => finder.prose(&text),
            Span::Quoted(text) => finder.quoted(&text),
            Span::Command(text) => finder.commands.push(text),
        }
    }
    finder.finish()
}

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            // SAFETY: a constant pattern, compiled by the tests.
            #[allow(clippy::expect_used)]
            Regex::new($text).expect("constant pattern")
        });
    };
}
pattern!(
    DATE,
    r"^(\d{4}[-/]\d{2}([-/]\d{2})?([T ]\d{2}:\d{2}(:\d{2})?Z?)?|\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{1,2}:\d{2}(:\d{2})?)$"
);
pattern!(NUMBER, r"^[+-]?\d+([.,]\d+)*$");
pattern!(
    UNITS,
    r"(?i)^([+-]?\d+(?:[.,]\d+)*)(°?[cfk]|°|kg|g|km|m|mi|lbs?|cm|mm|ms|s|min|h|mph|[kmg]b|%)$"
);
pattern!(ORDINAL, r"^\d+(st|nd|rd|th)$");
pattern!(FILE, r"^[\w.~/-]*[\w-]\.[A-Za-z][A-Za-z0-9]{0,7}$");
pattern!(VERSION, r"^v\d+(\.\d+)*$");

/// Which kind a single word is by its looks alone; none for a plain word.
pub(super) fn shape(word: &str) -> Option<ValueKind> {
    let digits = word.contains(|c: char| c.is_ascii_digit());
    let letters = word.contains(char::is_alphabetic);
    let lower = word.to_lowercase();
    if !word.contains(char::is_alphanumeric) || ORDINAL.is_match(&lower) {
        None
    } else if DATE.is_match(word) {
        Some(ValueKind::Date)
    } else if NUMBER.is_match(word) {
        Some(ValueKind::Number)
    } else if scrub::is_email(word) {
        Some(ValueKind::Identifier)
    } else if FILE.is_match(word)
        || (word.contains('/') && (digits || word.starts_with(['/', '~', '.'])))
    {
        Some(ValueKind::File)
    } else if VERSION.is_match(&lower) || (digits && is_language(&lower) && word.len() > 2) {
        None
    } else if digits && letters {
        Some(ValueKind::Identifier)
    } else if word.contains(['_', '-']) && letters {
        Some(ValueKind::Identifier)
    } else {
        let inner = word.chars().zip(word.chars().skip(1));
        let camel = inner
            .clone()
            .any(|(a, b)| a.is_lowercase() && b.is_uppercase());
        camel.then_some(ValueKind::Identifier)
    }
}

struct Found {
    kind: ValueKind,
    text: String,
    port: bool,
}

/// How much a file looks like the one the task asks to write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// A writing verb stands before it in its sentence.
    Verb,
    /// ... and `in`, `at` or `under` directly before it.
    In,
    /// ... and `to`, `into`, `as`, `named` or `called` directly before it.
    To,
}

#[derive(Default)]
struct Finder {
    found: Vec<Found>,
    out: Option<(Claim, String)>,
    commands: Vec<String>,
    program_words: Vec<String>,
    /// The words of the open sentence, in lower case.
    sentence: Vec<String>,
    /// Whether the last word was a name that the next may continue.
    in_name: bool,
}

impl Finder {
    fn prose(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            for token in line.split_whitespace() {
                self.token(token);
            }
            if line.ends_with('\n') {
                self.sentence.clear();
                self.in_name = false;
            }
        }
    }

    fn token(&mut self, token: &str) {
        let edge = |c: char| !(c.is_alphanumeric() || "/~_+-<>°%".contains(c));
        let body = token.trim_end_matches(|c: char| edge(c) || c == '-');
        let mut word = body.trim_start_matches(|c: char| edge(c) && c != '.');
        word = word
            .trim_start_matches("..")
            .trim_end_matches("'s")
            .trim_end_matches("’s");
        let tail = token.trim_end_matches([')', ']', '"', '”', '\'', '’']);
        let ends = tail.ends_with(['.', '!', '?', ':']) && !tail.ends_with("://");
        if word.is_empty() {
            self.in_name = false;
        } else {
            self.word(word);
        }
        self.in_name &= token.ends_with(word);
        if ends {
            self.sentence.clear();
            self.in_name = false;
        }
    }

    fn word(&mut self, word: &str) {
        let was_name = std::mem::take(&mut self.in_name);
        let opens = self.sentence.is_empty();
        let lower = word.to_lowercase();
        let port = self.sentence.last().is_some_and(|last| last == "port");
        if word.contains("://") {
            self.url(word);
        } else if let Some(number) = UNITS.captures(word).and_then(|found| found.get(1)) {
            self.add(ValueKind::Number, number.as_str(), false);
        } else if let Some(kind) = shape(word) {
            self.add(kind, word, port);
        } else if word.chars().all(char::is_alphabetic) {
            let capital = word.starts_with(char::is_uppercase) && word != "I";
            // A capital says nothing at the start of a sentence, and acronyms are language.
            let common = if opens {
                is_language(&lower)
            } else {
                is_technical(&lower)
            };
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
        self.found.push(Found {
            kind,
            text: text.to_owned(),
            port,
        });
    }

    fn claim(&mut self, file: &str) {
        const WRITES: [&str; 34] = [
            "write", "writes", "written", "writing", "save", "saves", "saved", "saving", "store",
            "stored", "put", "output", "export", "record", "download", "dump", "place", "produce",
            "create", "leave", "generate", "deliver", "keep", "drop", "land", "goes", "go", "into",
            "belongs", "ends", "convert", "copy", "as", "file",
        ];
        const SKIPPED: [&str; 10] = [
            "the", "a", "an", "file", "new", "local", "named", "called", "results", "output",
        ];
        let verb = self
            .sentence
            .iter()
            .any(|word| WRITES.contains(&word.as_str()));
        let named = matches!(
            self.sentence.last().map(String::as_str),
            Some("named" | "called")
        );
        let before = self
            .sentence
            .iter()
            .rev()
            .find(|word| !SKIPPED.contains(&word.as_str()));
        let claim = match before.map(String::as_str) {
            _ if !verb => return,
            _ if named => Claim::To,
            Some("to" | "into" | "as") => Claim::To,
            Some("in" | "at" | "under") => Claim::In,
            _ => Claim::Verb,
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
        let parts: Vec<Found> = self
            .found
            .iter()
            .filter(|f| f.kind == ValueKind::Name)
            .flat_map(name_parts)
            .collect();
        self.found.extend(parts);
        let documented = commands.join(" ");
        let mut seen = std::collections::BTreeSet::new();
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
        let numbered = list
            .into_iter()
            .take(placeholder::MAX_ARGUMENTS)
            .enumerate();
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
        let Ok(script) = shell::parse(command) else {
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
                self.program_words.push(text.to_owned());
                starts = false;
            } else if text.starts_with('-') {
                let (flag, value) = text
                    .split_once('=')
                    .map_or((text, None), |(f, v)| (f, Some(v)));
                self.program_words
                    .extend(flag.split('-').map(str::to_owned));
                match value {
                    Some(file) if writes(flag) => self.documented_out(file),
                    Some(_) => {}
                    None => after = Some(flag.to_owned()),
                }
            } else if previous.as_deref().is_some_and(writes) {
                self.documented_out(text);
            } else if text.contains("://") {
                self.documented_url(text);
            } else if previous
                .as_deref()
                .is_none_or(|flag| !flag.starts_with('-'))
            {
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
            self.program_words
                .extend(authority.split([':', '.', '@']).map(str::to_owned));
        }
        for part in parts {
            match shape(part) {
                Some(ValueKind::Number) if part.len() < 3 => {}
                Some(kind) if part.contains(|c: char| c.is_ascii_digit()) => {
                    self.only_documented(Some(kind), part);
                }
                _ => self
                    .program_words
                    .extend(part.split(['-', '.', '_']).map(str::to_owned)),
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
        let composed = self
            .found
            .iter()
            .any(|found| occurrences(text, &found.text).next().is_some());
        if let Some(kind) = kind.filter(|_| !composed) {
            self.found.push(Found {
                kind,
                text: text.to_owned(),
                port: false,
            });
        }
    }
}

/// Each word of a name of several words is a value too, after the whole.
fn name_parts(name: &Found) -> Vec<Found> {
    let words: Vec<&str> = name.text.split(' ').collect();
    if words.len() < 2 {
        return Vec::new();
    }
    let part = |word: &&str| Found {
        kind: ValueKind::Name,
        text: (*word).to_owned(),
        port: false,
    };
    words.iter().map(part).collect()
}

/// Whether a flag or an operator is followed by the file it writes.
pub(super) fn writes(flag: &str) -> bool {
    let operator = flag.contains('>') && !flag.contains('&');
    operator
        || matches!(
            flag,
            "-o" | "-O"
                | "--out"
                | "--output"
                | "--output-file"
                | "--outfile"
                | "--save"
                | "--to-file"
        )
}

/// Byte offsets at which `value` stands in `text` as a whole: not inside a longer word or number.
pub(super) fn occurrences<'a>(text: &'a str, value: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(value)
        .map(|(at, _)| at)
        .filter(move |at| bounded(text, *at, value))
}

fn bounded(text: &str, at: usize, value: &str) -> bool {
    if value.is_empty() {
        return false;
    }
    let mut before = text[..at].chars().rev();
    let mut after = text[at + value.len()..].chars();
    let (last, next) = (before.next(), after.next());
    let joins = |inner: Option<char>, outer: Option<char>| {
        inner.is_some_and(char::is_alphanumeric) && outer.is_some_and(char::is_alphanumeric)
    };
    if joins(value.chars().next(), last) || joins(value.chars().last(), next) {
        return false;
    }
    // `47` is not part of `4.47` or of `127.0.0.1`.
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let number = NUMBER.is_match(value);
    let fraction = |mark: Option<char>, beyond: Option<char>| mark == Some('.') && digit(beyond);
    !(number && (fraction(last, before.next()) || fraction(next, after.next())))
}
