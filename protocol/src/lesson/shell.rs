//! A small reader of shell command lines: enough to know words, quotes, expansions and operators, so
//! that one command line has one canonical spelling whatever quotes and spaces it was typed with.

use super::placeholder;
use crate::steps::Steps;

/// Longest command line that is read, in bytes; what is longer is no lesson anyway.
pub const MAX_COMMAND_BYTES: usize = 4096;
const MAX_DEPTH: usize = 8;

/// Why a command line could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShellError {
    /// It is longer than 4096 bytes.
    #[error("the command line is longer than {MAX_COMMAND_BYTES} bytes")]
    TooLong,
    /// A quote, a parenthesis or a brace is not closed.
    #[error("a quote or a parenthesis is not closed")]
    Unclosed,
    /// It nests substitutions more than 8 deep.
    #[error("substitutions are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// It uses a here-document, a process substitution or `$'...'`, which have no one-line form here.
    #[error("here-documents, process substitutions and $'...' are not supported")]
    Unsupported,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text, quotes removed. Placeholders stand in it as `<arg>`.
    Text(String),
    /// Unquoted characters with a meaning for the shell: globs, braces, a leading tilde.
    Glob(String),
    /// `$NAME`, `${...}` or `$((...))`.
    Expansion { text: String, quoted: bool },
    /// `$(...)`.
    Substitution { script: Script, quoted: bool },
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ShellWord(pub(super) Vec<Piece>);

/// A word or an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Word(ShellWord),
    Operator(String),
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Script(pub(super) Vec<Item>);

/// Reads a command line.
///
/// # Errors
/// See [`ShellError`].
pub(super) fn parse(text: &str) -> Result<Script, ShellError> {
    parse_within(text, &Steps::unbounded())
}

/// As [`parse`], and counts its steps.
pub(super) fn parse_within(text: &str, steps: &Steps) -> Result<Script, ShellError> {
    if text.len() > MAX_COMMAND_BYTES {
        return Err(ShellError::TooLong);
    }
    Reader::new(text, 0, steps).script(None)
}

struct Reader<'a> {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    steps: &'a Steps,
}

impl<'a> Reader<'a> {
    fn new(text: &str, depth: usize, steps: &'a Steps) -> Self {
        steps.take(text.len());
        Self { chars: text.chars().collect(), at: 0, depth, steps }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.steps.take(1);
        self.chars.get(self.at + ahead).copied()
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c))
    }

    fn script(&mut self, close: Option<char>) -> Result<Script, ShellError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ShellError::TooDeep);
        }
        let mut items: Vec<Item> = Vec::new();
        let mut open = 0_usize;
        loop {
            let Some(c) = self.peek(0) else {
                if close.is_some() {
                    return Err(ShellError::Unclosed);
                }
                break;
            };
            if open == 0 && Some(c) == close {
                self.at += 1;
                break;
            }
            match c {
                '\n' => {
                    self.at += 1;
                    separate(&mut items);
                }
                c if c.is_whitespace() => self.at += 1,
                '\\' if self.peek(1) == Some('\n') => self.at += 2,
                '#' => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => {
                    if let Some(operator) = self.operator()? {
                        match operator.as_str() {
                            "(" => open += 1,
                            ")" => open = open.checked_sub(1).ok_or(ShellError::Unclosed)?,
                            _ => {}
                        }
                        if operator == ";" {
                            separate(&mut items);
                        } else {
                            items.push(Item::Operator(operator));
                        }
                    } else {
                        items.push(Item::Word(self.word()?));
                    }
                }
            }
        }
        if matches!(items.last(), Some(Item::Operator(op)) if op == ";") {
            items.pop();
        }
        self.depth -= 1;
        Ok(Script(items))
    }

    /// Reads an operator if one stands here, with a file descriptor before it.
    fn operator(&mut self) -> Result<Option<String>, ShellError> {
        let digits = self.chars[self.at..].iter().take_while(|c| c.is_ascii_digit()).count();
        self.steps.take(digits);
        let redirects = matches!(self.peek(digits), Some('<' | '>'));
        if digits > 0 && !redirects {
            return Ok(None);
        }
        let descriptor: String = self.chars[self.at..self.at + digits].iter().collect();
        let start = self.at;
        self.at += digits;
        if placeholder::at(&self.chars[self.at..]).is_some() {
            self.at = start;
            return Ok(None);
        }
        if self.starts("<(") || self.starts(">(") || (self.starts("<<") && !self.starts("<<<")) {
            return Err(ShellError::Unsupported);
        }
        const OPERATORS: [&str; 19] = [
            "<<<", "&>>", "&&", "||", ";;", "|&", ">>", "&>", ">&", "<&", "<>", ">|", "|", "&",
            ";", "(", ")", "<", ">",
        ];
        let Some(operator) = OPERATORS.into_iter().find(|op| self.starts(op)) else {
            self.at = start;
            return Ok(None);
        };
        self.at += operator.len();
        let mut text = format!("{descriptor}{operator}");
        if operator == ">&" || operator == "<&" {
            while let Some(c) = self.peek(0).filter(|c| c.is_ascii_digit() || *c == '-') {
                text.push(c);
                self.at += 1;
            }
        }
        Ok(Some(text))
    }

    fn word(&mut self) -> Result<ShellWord, ShellError> {
        let mut word = ShellWord::default();
        let first = self.at;
        while let Some(c) = self.peek(0) {
            match c {
                '\'' => {
                    self.at += 1;
                    let text = self.until('\'')?;
                    word.text(&text);
                }
                '"' => {
                    self.at += 1;
                    self.double_quoted(&mut word)?;
                }
                '\\' => {
                    self.at += 1;
                    match self.peek(0) {
                        Some('\n') => {}
                        Some(c) => word.text(c.encode_utf8(&mut [0; 4])),
                        None => return Err(ShellError::Unclosed),
                    }
                    self.at += 1;
                }
                '$' | '`' => self.expansion(&mut word, false)?,
                '<' => {
                    let Some(len) = placeholder::at(&self.chars[self.at..]) else {
                        break;
                    };
                    let text: String = self.chars[self.at..self.at + len].iter().collect();
                    word.text(&text);
                    self.at += len;
                }
                c if c.is_whitespace() || ";&|()>".contains(c) => break,
                '*' | '[' | ']' | '{' | '}' => {
                    word.glob(c);
                    self.at += 1;
                }
                '~' if self.at == first => {
                    word.glob(c);
                    self.at += 1;
                }
                c => {
                    word.text(c.encode_utf8(&mut [0; 4]));
                    self.at += 1;
                }
            }
        }
        Ok(word)
    }

    fn until(&mut self, close: char) -> Result<String, ShellError> {
        let len = self.chars[self.at..].iter().position(|c| *c == close);
        self.steps.take(len.unwrap_or(self.chars.len() - self.at));
        let len = len.ok_or(ShellError::Unclosed)?;
        let text = self.chars[self.at..self.at + len].iter().collect();
        self.at += len + 1;
        Ok(text)
    }

    fn double_quoted(&mut self, word: &mut ShellWord) -> Result<(), ShellError> {
        word.text("");
        loop {
            match self.peek(0).ok_or(ShellError::Unclosed)? {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' if self.peek(1).is_some_and(|c| "$`\"\\\n".contains(c)) => {
                    if let Some(c) = self.peek(1).filter(|c| *c != '\n') {
                        word.text(c.encode_utf8(&mut [0; 4]));
                    }
                    self.at += 2;
                }
                '$' | '`' => self.expansion(word, true)?,
                c => {
                    word.text(c.encode_utf8(&mut [0; 4]));
                    self.at += 1;
                }
            }
        }
    }

    fn expansion(&mut self, word: &mut ShellWord, quoted: bool) -> Result<(), ShellError> {
        if self.starts("$((") {
            let text = self.arithmetic()?;
            word.0.push(Piece::Expansion { text, quoted });
        } else if self.starts("$(") {
            self.at += 2;
            let script = self.script(Some(')'))?;
            word.0.push(Piece::Substitution { script, quoted });
        } else if self.starts("`") {
            self.at += 1;
            let text = self.until('`')?;
            let script = Self::new(&text, self.depth, self.steps).script(None)?;
            word.0.push(Piece::Substitution { script, quoted });
        } else if self.starts("${") {
            self.at += 2;
            let text = self.until('}')?;
            let plain = !text.is_empty() && text.chars().all(is_name);
            let text = if plain { format!("${text}") } else { format!("${{{text}}}") };
            word.0.push(Piece::Expansion { text, quoted });
        } else if self.starts("$'") && !quoted {
            return Err(ShellError::Unsupported);
        } else {
            self.at += 1;
            let digits = self.peek(0).is_some_and(|c| c.is_ascii_digit() || "?$@#*!-".contains(c));
            let len = if digits {
                1
            } else {
                self.chars[self.at..].iter().take_while(|c| is_name(**c)).count()
            };
            self.steps.take(len);
            if len == 0 {
                word.text("$");
            } else {
                let name: String = self.chars[self.at..self.at + len].iter().collect();
                self.at += len;
                word.0.push(Piece::Expansion { text: format!("${name}"), quoted });
            }
        }
        Ok(())
    }

    fn arithmetic(&mut self) -> Result<String, ShellError> {
        let start = self.at;
        let mut open = 0_usize;
        while let Some(c) = self.peek(0) {
            self.at += 1;
            match c {
                '(' => open += 1,
                ')' if open == 1 => {
                    let text: String = self.chars[start..self.at].iter().collect();
                    return Ok(text.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                ')' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        Err(ShellError::Unclosed)
    }
}

fn separate(items: &mut Vec<Item>) {
    if matches!(items.last(), Some(Item::Word(_)))
        || matches!(items.last(), Some(Item::Operator(op)) if op == ")")
    {
        items.push(Item::Operator(";".into()));
    }
}

pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl ShellWord {
    fn text(&mut self, text: &str) {
        if let Some(Piece::Text(last)) = self.0.last_mut() {
            last.push_str(text);
        } else {
            self.0.push(Piece::Text(text.to_owned()));
        }
    }

    fn glob(&mut self, c: char) {
        if let Some(Piece::Glob(last)) = self.0.last_mut() {
            last.push(c);
        } else {
            self.0.push(Piece::Glob(c.into()));
        }
    }

    /// The text when the word is nothing but literal text.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The literal text that the word begins with; empty when it begins with an expansion.
    pub(super) fn head(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// Returns true when a program's name comes after this word.
    pub(super) fn opens_command(&self) -> bool {
        const OPENERS: [&str; 13] = [
            "do", "then", "else", "if", "elif", "while", "until", "!", "env", "sudo", "time",
            "exec", "export",
        ];
        self.literal().is_some_and(|text| OPENERS.contains(&text))
            || matches!(self.0.as_slice(), [Piece::Glob(glob)] if glob == "{")
    }

    /// Returns true when the word sets a variable (`NAME=...`).
    pub(super) fn is_assignment(&self) -> bool {
        assignment(self.head()).is_some()
    }
}

/// Length of the `NAME=` that a text begins with.
pub(super) fn assignment(text: &str) -> Option<usize> {
    let name = text.split_once('=')?.0;
    let first = name.chars().next()?;
    (name.chars().all(is_name) && !first.is_ascii_digit()).then_some(name.len() + 1)
}
