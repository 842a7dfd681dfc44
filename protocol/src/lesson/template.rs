//! Command templates: a command line of one session with the values of its task taken out, and back.
//!
//! [`templatise`] and [`instantiate`] are inverse to each other up to the canonical spelling of
//! [`normalise_command`]: one spelling of quotes and white space, whatever was typed. What the task
//! text does not name (ports, paths, flags, header names, formats, expressions) stays: it is the
//! lesson.

use std::cell::Cell;

use super::finder::values;
use super::placeholder::{self, OUT, TMP};
use super::scrub;
use super::shell::{self, Item, MAX_COMMAND_BYTES, Piece, Script, ShellError, ShellWord};
use super::value::{Value, ValueKind, occurrences};
use super::{Token, TokenError};
use crate::steps::Steps;

/// Why a command line is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It cannot be read as a command line.
    #[error("not a command line that fits one line: {0}")]
    Shell(#[from] ShellError),
    /// The template is not a token: too long, empty, or with control characters.
    #[error("the template is not a token: {0}")]
    Token(#[from] TokenError),
}

/// One canonical spelling of a command line, recognised private tokens removed. Idempotent.
///
/// # Errors
/// Fails when it cannot be read, or is longer than a token.
pub fn normalise_command(command: &str) -> Result<Token, TemplateError> {
    templatise_with(command, &[])
}

/// Takes the values of `task` out of `command`: `<out>`, `<arg>`, `<arg2>`, ...
///
/// # Errors
/// Fails when it cannot be read, or is longer than a token.
pub fn templatise(command: &str, task: &str) -> Result<Token, TemplateError> {
    templatise_with(command, &values(task))
}

/// As [`templatise`], with values that are already known.
///
/// # Errors
/// Fails when it cannot be read, or is longer than a token.
pub fn templatise_with(command: &str, values: &[Value]) -> Result<Token, TemplateError> {
    templatise_within(command, values, &Steps::unbounded())
}

/// As [`templatise_with`], and counts its steps. Nothing is done for a text that is too long.
pub(super) fn templatise_within(
    command: &str,
    values: &[Value],
    steps: &Steps,
) -> Result<Token, TemplateError> {
    let command = command.trim();
    if command.len() > MAX_COMMAND_BYTES {
        return Err(ShellError::TooLong.into());
    }
    if let Some((tool, json)) = structured(command) {
        let text = Taker::new(values, steps).text(json, Place::Argument);
        return Ok(Token::new(collapse(&format!("{tool} {text}")))?);
    }
    let mut script = shell::parse_within(command, steps)?;
    Taker::new(values, steps).script(&mut script);
    // Spelling is decided on what is left: a text that lost its spaces needs no quotes.
    let once = shell::parse_within(&script.to_string(), steps)?;
    Ok(Token::new(once.to_string())?)
}

/// Fills a template with the values of another task. None when the task lacks a value that the
/// template needs, or the template holds a mark that nothing fills (`<n>`, `<email>`, ...).
#[must_use]
pub fn instantiate(template: &str, task: &str) -> Option<String> {
    instantiate_with(template, &values(task))
}

/// As [`instantiate`], with values that are already known.
#[must_use]
pub fn instantiate_with(template: &str, values: &[Value]) -> Option<String> {
    if let Some((tool, json)) = structured(template.trim()) {
        let json = fill(json, values, &|text| text.replace('\\', "\\\\").replace('"', "\\\""))?;
        return Some(format!("{tool} {json}"));
    }
    let mut script = shell::parse(template).ok()?;
    fill_script(&mut script, values)?;
    Some(script.to_string())
}

/// A call of a tool that is no shell: its name, then its arguments as a JSON object.
fn structured(command: &str) -> Option<(&str, &str)> {
    let (tool, rest) = command.split_once(' ')?;
    let json = rest.trim();
    let name = tool.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    (name && json.starts_with("{\"") && json.ends_with('}')).then_some((tool, json))
}

pub(super) fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Place of a text in a command: not everything may be a value everywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The program: only a file can be the user's.
    Program,
    /// A flag up to its `=`: nothing is.
    Flag,
    /// Anything else.
    Argument,
    /// An arithmetic expression: a short number is taken once only, its factors may equal it.
    Expression,
}

/// Private tokens of one command line that may be kept for a value.
const MAX_KEPT: u32 = 16;
/// Longest value that one is kept for, in bytes: a longer one is no token.
const MAX_KEPT_BYTES: usize = 256;

struct Taker<'a> {
    /// Longest first, so that a file name goes before the number in it.
    values: Vec<&'a Value>,
    /// Private tokens that were asked for.
    kept: Cell<u32>,
    steps: &'a Steps,
}

impl<'a> Taker<'a> {
    fn new(values: &'a [Value], steps: &'a Steps) -> Self {
        let mut values: Vec<&Value> = values.iter().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.text.len()));
        Self { values, kept: Cell::new(0), steps }
    }

    fn script(&self, script: &mut Script) {
        let mut program = true;
        let mut secret = false;
        for item in &mut script.0 {
            match item {
                Item::Operator(op) => {
                    program |= !op.contains(['<', '>']);
                    secret = false;
                }
                Item::Word(word) => {
                    let place = if program && !word.is_assignment() {
                        Place::Program
                    } else {
                        Place::Argument
                    };
                    let flag = word
                        .literal()
                        .is_some_and(|text| text.starts_with('-') && scrub::names_secret(text));
                    if std::mem::replace(&mut secret, flag)
                        && word.literal().is_some_and(|t| !t.starts_with('-'))
                    {
                        let mark = self.secret(word.literal().unwrap_or_default());
                        word.0 = vec![Piece::Text(mark)];
                    }
                    if place == Place::Program {
                        program = word.opens_command();
                    }
                    self.word(word, place);
                }
            }
        }
    }

    fn word(&self, word: &mut ShellWord, place: Place) {
        for piece in &mut word.0 {
            match piece {
                Piece::Text(text) => *text = self.flagged(text, place),
                Piece::Glob(_) => {}
                Piece::Expansion { text, .. } if text.starts_with("$((") => {
                    *text = self.text(text, Place::Expression);
                }
                Piece::Expansion { .. } => {}
                Piece::Substitution { script, .. } => self.script(script),
            }
        }
        if let [Piece::Text(text)] = word.0.as_mut_slice() {
            // The file a task asks for is relative to where the session works.
            let relative = [format!("./{OUT}"), format!("{TMP}/{OUT}")];
            if relative.contains(text) {
                *text = OUT.to_owned();
            }
        }
    }

    /// A flag's own letters are the program's (`-c1-8`, `--top=3`): only what follows `=` is looked at.
    fn flagged(&self, text: &str, place: Place) -> String {
        let mut chars = text.chars();
        let flag = place == Place::Argument
            && chars.next() == Some('-')
            && chars.next().is_some_and(|c| c == '-' || c.is_alphabetic())
            && !text.contains(' ');
        match text.split_once('=') {
            Some((name, value)) if flag && scrub::names_secret(name) => {
                format!("{name}={}", self.secret(value))
            }
            Some((name, value)) if flag => {
                format!("{}={}", self.text(name, Place::Flag), self.text(value, place))
            }
            _ if flag => self.text(text, Place::Flag),
            _ if text.contains('*') && place == Place::Argument => {
                self.text(text, Place::Expression)
            }
            _ => self.text(text, place),
        }
    }

    /// Removes what follows a flag such as `--token`; a value of the task goes as such.
    fn secret(&self, text: &str) -> String {
        let known = self.values.iter().find(|value| value.text == text);
        let stays = text.is_empty() || placeholder::is(text);
        let mark = known.map_or(placeholder::SECRET, |value| &value.placeholder);
        if stays { text.to_owned() } else { mark.to_owned() }
    }

    fn text(&self, text: &str, place: Place) -> String {
        let keep = |found: &str| self.keeps(found);
        let text = scrub::scrub(text, &keep, self.steps);
        let taken = placeholder::map(&text, |stretch| self.take(stretch, place));
        // What was kept for a value that then did not stand here as a whole goes now.
        scrub::scrub(&taken, &|_| false, self.steps)
    }

    /// Returns true when a private token is part of a value, and so about to become a placeholder. So many
    /// are asked for in one command line: each is looked for in all values.
    fn keeps(&self, found: &str) -> bool {
        let asked = self.kept.get();
        self.kept.set(asked.saturating_add(1));
        asked < MAX_KEPT
            && self.values.iter().any(|value| {
                let fits = (found.len()..=MAX_KEPT_BYTES).contains(&value.text.len());
                self.steps.take(1 + if fits { value.text.len() / 8 } else { 0 });
                fits && value.text.contains(found)
            })
    }

    fn take(&self, text: &str, place: Place) -> String {
        let authority = authority(text);
        let mut spans: Vec<(usize, usize, &str)> = Vec::new();
        // Which bytes are taken: to ask each span about each other would take quadratic time.
        let mut is_taken = vec![false; text.len()];
        for value in &self.values {
            if !fits(value, place) {
                continue;
            }
            let short = value.kind == ValueKind::Number && value.text.len() <= 3;
            self.steps.take(1 + if value.text.len() <= text.len() { text.len() } else { 0 });
            for at in occurrences(text, &value.text) {
                let end = at + value.text.len();
                let port = authority.is_some_and(|(from, to)| at >= from && end <= to);
                self.steps.take(value.text.len());
                if is_taken[at..end].contains(&true)
                    || (port && value.kind == ValueKind::Number && !value.port)
                {
                    continue;
                }
                is_taken[at..end].fill(true);
                spans.push((at, end, &value.placeholder));
                if short && place == Place::Expression {
                    break;
                }
            }
        }
        spans.sort_unstable();
        let mut out = String::new();
        let mut from = 0;
        for (at, end, mark) in spans {
            out.push_str(&text[from..at]);
            out.push_str(mark);
            from = end;
        }
        out + &text[from..]
    }
}

fn fits(value: &Value, place: Place) -> bool {
    match place {
        Place::Flag => false,
        Place::Program => matches!(value.kind, ValueKind::Out | ValueKind::File),
        Place::Argument | Place::Expression => true,
    }
}

/// The byte range of `host:port` in an address.
fn authority(text: &str) -> Option<(usize, usize)> {
    let from = text.find("://")? + 3;
    let len = text[from..].find(['/', '?', '#', ' ']).unwrap_or(text.len() - from);
    Some((from, from + len))
}

fn fill_script(script: &mut Script, values: &[Value]) -> Option<()> {
    for item in &mut script.0 {
        let Item::Word(word) = item else { continue };
        for piece in &mut word.0 {
            match piece {
                Piece::Text(text) => *text = fill(text, values, &str::to_owned)?,
                Piece::Expansion { text, .. } => *text = fill(text, values, &str::to_owned)?,
                Piece::Substitution { script, .. } => fill_script(script, values)?,
                Piece::Glob(_) => {}
            }
        }
    }
    Some(())
}

fn fill(text: &str, values: &[Value], spell: &dyn Fn(&str) -> String) -> Option<String> {
    let mut out = String::new();
    for (mark, stretch) in placeholder::split(text) {
        if !mark {
            out.push_str(stretch);
        } else if stretch == TMP {
            // Commands run in the session's scratch directory.
            out.push('.');
        } else {
            let value = values.iter().find(|value| value.placeholder == stretch)?;
            out.push_str(&spell(&value.text));
        }
    }
    Some(out)
}
