//! A tolerant reader of command lines: which programs a line runs, with which words, joined how.
//!
//! It never fails: what it does not understand it reads as plain words. Redirections, here-documents and
//! comments are left out. Linear in the line, of which at most [`MAX_LINE_BYTES`] are read.

use crate::cut::beginning;

/// Bytes of a command line that are read.
pub(crate) const MAX_LINE_BYTES: usize = 8 << 10;

/// How a command follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joint {
    /// It is the first.
    First,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `|`.
    Pipe,
    /// `;`, `&` or a new line.
    Then,
}

/// A word without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// True when a part of it stood in quotes, or the shell has still to expand it.
    pub(crate) value: bool,
}

/// One program with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) joint: Joint,
    /// `NAME=value` before the program.
    pub(crate) assignments: Vec<Word>,
    /// The program, then its arguments; not empty.
    pub(crate) words: Vec<Word>,
    /// True when `sudo` or the like stood before it.
    pub(crate) privileged: bool,
}

impl Command {
    /// The program's name without its directory.
    pub(crate) fn name(&self) -> &str {
        let word = self.words[0].text.as_str();
        let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
        let name = name.strip_suffix(".exe").unwrap_or(name);
        if name.is_empty() { word } else { name }
    }
}

/// Words that stand before a program and only begin something.
const OPENERS: [&str; 10] =
    ["do", "then", "else", "if", "elif", "while", "until", "!", "{", "time"];
/// Commands of the shell's grammar that run nothing.
const GRAMMAR: [&str; 8] = ["for", "case", "done", "fi", "esac", "}", "function", "select"];
/// Programs that run another, with the number of words of their own that are no flags.
const WRAPPERS: [(&str, usize); 9] = [
    ("env", 0),
    ("nohup", 0),
    ("exec", 0),
    ("command", 0),
    ("builtin", 0),
    ("timeout", 1),
    ("gtimeout", 1),
    ("nice", 0),
    ("stdbuf", 0),
];

/// The commands of a line, in order.
pub(crate) fn commands(line: &str) -> Vec<Command> {
    let mut reader = Reader { rest: beginning(line, MAX_LINE_BYTES), ..Reader::default() };
    reader.read();
    reader.commands.into_iter().flat_map(unwrapped).collect()
}

/// The commands of `bash -c '...'`, once; else the command itself.
fn unwrapped(command: Command) -> Vec<Command> {
    let shell = matches!(command.name(), "bash" | "sh" | "zsh" | "dash");
    let inner = match command.words.as_slice() {
        [_, flag, line, ..] if shell && flag.text.starts_with('-') && flag.text.ends_with('c') => {
            line.text.clone()
        }
        _ => return vec![command],
    };
    let mut reader = Reader { rest: &inner, ..Reader::default() };
    reader.read();
    if let Some(first) = reader.commands.first_mut() {
        first.joint = command.joint;
    }
    if reader.commands.is_empty() { vec![command] } else { reader.commands }
}

#[derive(Default)]
struct Reader<'a> {
    rest: &'a str,
    commands: Vec<Command>,
    words: Vec<Word>,
    word: Option<Word>,
    joint: Option<Joint>,
    /// The next word is the target of a redirection.
    redirect: bool,
    /// Ends of here-documents that begin on the next line.
    documents: Vec<String>,
    /// The next word names the end of a here-document.
    document: bool,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(c) = self.rest.chars().next() {
            let next = self.rest[c.len_utf8()..].chars().next();
            match c {
                '\\' => {
                    if next == Some('\n') {
                        self.skip(2);
                    } else {
                        self.skip(1);
                        // Windows paths keep their backslashes.
                        let keeps = self.word.as_ref().is_some_and(|word| {
                            word.text.ends_with(':') || word.text.contains('\\')
                        });
                        if keeps {
                            self.push("\\");
                        }
                        if let Some(next) = next {
                            self.push(next.encode_utf8(&mut [0; 4]));
                            self.skip(next.len_utf8());
                        }
                    }
                }
                '\'' | '"' => self.quoted(c),
                '$' if next == Some('(') => self.nested('(', ')', 1),
                '`' => self.backquoted(),
                '$' => {
                    self.push("$");
                    self.mark();
                    self.skip(1);
                }
                '#' if self.word.is_none() => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.skip(end);
                }
                '\n' => {
                    self.end_command(Joint::Then);
                    self.skip(1);
                    self.skip_documents();
                }
                c if c.is_whitespace() => {
                    self.end_word();
                    self.skip(c.len_utf8());
                }
                '<' | '>' => self.redirection(),
                '&' if next == Some('>') => {
                    self.end_word();
                    self.skip(1);
                    self.redirection();
                }
                '&' if next == Some('&') => self.operator(Joint::And, 2),
                '|' if next == Some('|') => self.operator(Joint::Or, 2),
                '|' => self.operator(Joint::Pipe, if next == Some('&') { 2 } else { 1 }),
                '&' | ';' | '(' | ')' => self.operator(Joint::Then, 1),
                c => {
                    self.push(c.encode_utf8(&mut [0; 4]));
                    self.skip(c.len_utf8());
                }
            }
        }
        self.end_command(Joint::Then);
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes.min(self.rest.len())..];
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_with(|| Word { text: String::new(), value: false })
    }

    fn push(&mut self, text: &str) {
        self.word().text.push_str(text);
    }

    fn mark(&mut self) {
        self.word().value = true;
    }

    fn operator(&mut self, joint: Joint, bytes: usize) {
        self.end_command(joint);
        self.skip(bytes);
    }

    fn quoted(&mut self, quote: char) {
        self.skip(1);
        self.mark();
        let mut escaped = false;
        let end = self.rest.char_indices().find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = quote == '"' && *c == '\\' && !escaped;
            ends
        });
        let end = end.map_or(self.rest.len(), |(at, _)| at);
        let text = &self.rest[..end];
        if quote == '"' {
            self.push(&text.replace("\\\"", "\""))
        } else {
            self.push(text)
        }
        self.skip(end + 1);
    }

    /// A substitution is one word whose text is its source.
    fn nested(&mut self, open: char, close: char, from: usize) {
        let mut depth = 0_usize;
        let end = self.rest[from..].char_indices().find(|(_, c)| {
            depth += usize::from(*c == open);
            depth -= usize::from(*c == close && depth > 0);
            depth == 0
        });
        let end = end.map_or(self.rest.len(), |(at, _)| from + at + 1);
        let text = &self.rest[..end];
        self.push(text);
        self.mark();
        self.skip(end);
    }

    fn backquoted(&mut self) {
        let end = self.rest[1..].find('`').map_or(self.rest.len(), |at| at + 2);
        let text = &self.rest[..end];
        self.push(text);
        self.mark();
        self.skip(end);
    }

    fn redirection(&mut self) {
        // `2>&1`: the descriptor is no word.
        let descriptor = self.word.as_ref().is_some_and(|word| {
            !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit())
        });
        if descriptor {
            self.word = None;
        }
        self.end_word();
        let document = self.rest.starts_with("<<") && !self.rest.starts_with("<<<");
        let operator = self.rest.bytes().take_while(|b| b"<>|&".contains(b)).count();
        self.skip(operator);
        if document {
            self.skip(usize::from(self.rest.starts_with('-')));
            self.document = true;
        } else if self.rest.starts_with('(') {
            // A process substitution is one word.
            self.nested('(', ')', 0);
        } else {
            self.redirect = true;
        }
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.redirect) {
            return;
        }
        if std::mem::take(&mut self.document) {
            self.documents.push(word.text);
            return;
        }
        self.words.push(word);
    }

    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.documents) {
            while !self.rest.is_empty() {
                let line = self.rest.split('\n').next().unwrap_or_default();
                let ends = line.trim() == end;
                self.skip(line.len() + 1);
                if ends {
                    break;
                }
            }
        }
    }

    fn end_command(&mut self, next: Joint) {
        self.end_word();
        (self.redirect, self.document) = (false, false);
        let joint = self.joint.unwrap_or(Joint::First);
        if let Some(command) = command(joint, std::mem::take(&mut self.words)) {
            self.commands.push(command);
        }
        if !self.commands.is_empty() {
            self.joint = Some(next);
        }
    }
}

/// A command without what stands before its program; none when there is no program.
fn command(joint: Joint, mut words: Vec<Word>) -> Option<Command> {
    let mut command =
        Command { joint, assignments: Vec::new(), words: Vec::new(), privileged: false };
    words.reverse();
    while let Some(word) = words.pop() {
        let text = word.text.as_str();
        if OPENERS.contains(&text) {
            continue;
        }
        if GRAMMAR.contains(&text) {
            return None;
        }
        if is_assignment(text) {
            command.assignments.push(word);
            continue;
        }
        if matches!(text, "sudo" | "doas") {
            command.privileged = true;
            skip_own(&mut words, 0);
            continue;
        }
        if let Some((_, own)) = WRAPPERS.iter().find(|(name, _)| *name == text) {
            skip_own(&mut words, *own);
            continue;
        }
        command.words.push(word);
        command.words.extend(words.into_iter().rev());
        return Some(command);
    }
    None
}

/// Takes a wrapper's flags and so many other words; `words` are in reverse.
fn skip_own(words: &mut Vec<Word>, mut own: usize) {
    while let Some(word) = words.last() {
        let flag = word.text.starts_with('-');
        if !flag && own == 0 {
            return;
        }
        own -= usize::from(!flag);
        words.pop();
    }
}

/// Returns true for `NAME=value`.
pub(crate) fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}
