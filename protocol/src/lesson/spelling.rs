//! The one spelling of a command line: which quotes and spaces it is written with.

use std::fmt;

use super::placeholder;
use super::shell::{Item, Piece, Script, ShellWord, assignment, is_name};

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        let mut program = true;
        for item in &self.0 {
            match item {
                Item::Operator(op) if op == ";" => f.write_str(";")?,
                Item::Operator(op) => write!(f, "{space}{op}")?,
                Item::Word(word) => {
                    f.write_str(space)?;
                    if program { word.assign(f)? } else { render(&word.0, f)? }
                }
            }
            program = match item {
                Item::Operator(op) => program || !op.contains(['<', '>']),
                Item::Word(word) => program && (word.is_assignment() || word.opens_command()),
            };
            space = " ";
        }
        Ok(())
    }
}

impl fmt::Display for ShellWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render(&self.0, f)
    }
}

impl ShellWord {
    /// Spelling where a variable can be set: quotes around a whole `NAME=value` would not set it.
    fn assign(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(Piece::Text(text)), Some(len)) = (self.0.first(), assignment(self.head())) else {
            return render(&self.0, f);
        };
        f.write_str(&text[..len])?;
        let mut rest = self.0.clone();
        if text.len() > len {
            rest[0] = Piece::Text(text[len..].to_owned());
        } else {
            rest.remove(0);
        }
        if rest.is_empty() { Ok(()) } else { render(&rest, f) }
    }
}

fn render(pieces: &[Piece], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let [Piece::Text(text)] = pieces {
        return f.write_str(&quote(text));
    }
    let is_quoted = |piece: &Piece| match piece {
        Piece::Text(_) => true,
        Piece::Glob(_) => false,
        Piece::Expansion { quoted, .. } | Piece::Substitution { quoted, .. } => *quoted,
    };
    let whole = pieces.iter().all(is_quoted);
    if whole {
        f.write_str("\"")?;
    }
    for (index, piece) in pieces.iter().enumerate() {
        let mark = if !whole && is_quoted(piece) { "\"" } else { "" };
        match piece {
            Piece::Text(text) if whole => f.write_str(&escape(text))?,
            Piece::Text(text) if text.is_empty() => {}
            Piece::Text(text) => f.write_str(&quote(text))?,
            Piece::Glob(text) => f.write_str(text)?,
            Piece::Substitution { script, .. } => write!(f, "{mark}$({script}){mark}")?,
            Piece::Expansion { text, .. } => {
                let glued = match pieces.get(index + 1) {
                    Some(Piece::Text(next)) => mark.is_empty() && next.starts_with(is_name),
                    _ => false,
                };
                let name = text.strip_prefix('$').filter(|name| name.chars().all(is_name));
                match name {
                    Some(name) if glued => write!(f, "${{{name}}}")?,
                    _ => write!(f, "{mark}{text}{mark}")?,
                }
            }
        }
    }
    if whole { f.write_str("\"") } else { Ok(()) }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "$`\"\\".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The canonical spelling of literal text: bare when nothing in it means anything to a shell.
fn quote(text: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || "_-./:=@%+,?^!".contains(c);
    if !text.is_empty() && placeholder::strip(text).chars().all(safe) {
        text.to_owned()
    } else if !text.contains(['$', '`', '"', '\\']) {
        format!("\"{text}\"")
    } else if !text.contains('\'') {
        format!("'{text}'")
    } else {
        format!("\"{}\"", escape(text))
    }
}
