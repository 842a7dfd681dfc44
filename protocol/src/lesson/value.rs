//! A value of a task, its kind by its looks, and where it stands in another text.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::scrub;
use super::vocabulary::is_language;

/// Kind of a value. The order is the order of numbering.
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
    /// Its kind.
    pub kind: ValueKind,
    /// As it stands in the task.
    pub text: String,
    /// Placeholder for it in a template: `<out>`, `<arg>`, `<arg2>`, ...
    pub placeholder: String,
    /// True when it is a number that the task calls a port: only such a value is replaced where a
    /// command names a host's port.
    pub port: bool,
}

/// A constant pattern, compiled once.
macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            // SAFETY: a constant pattern, compiled by the tests.
            #[allow(clippy::expect_used)]
            Regex::new($text).expect("constant pattern")
        });
    };
}
pub(super) use pattern;

pattern!(
    DATE,
    r"^(\d{4}[-/]\d{2}([-/]\d{2})?([T ]\d{2}:\d{2}(:\d{2})?Z?)?|\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{1,2}:\d{2}(:\d{2})?)$"
);
pattern!(NUMBER, r"^[+-]?\d+([.,]\d+)*$");
pattern!(ORDINAL, r"^\d+(st|nd|rd|th)$");
pattern!(FILE, r"^[\w.~/-]*[\w-]\.[A-Za-z][A-Za-z0-9]{0,7}$");
pattern!(VERSION, r"^v\d+(\.\d+)*$");

/// Returns true when the word is of the pattern. Asked only about words that `may` be: a pattern is slow to say no.
fn fits(pattern: &Regex, may: bool, word: &str) -> bool {
    may && pattern.is_match(word)
}

fn is_number(word: &str) -> bool {
    fits(&NUMBER, word.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)), word)
}

/// Kind of a single word by its looks alone; none for a plain word.
pub(super) fn shape(word: &str) -> Option<ValueKind> {
    let digits = word.contains(|c: char| c.is_ascii_digit());
    let letters = word.contains(char::is_alphabetic);
    let lower = || word.to_lowercase();
    let counts = word.starts_with(|c: char| c.is_ascii_digit());
    if !word.contains(char::is_alphanumeric) || (counts && ORDINAL.is_match(&lower())) {
        None
    } else if fits(&DATE, counts, word) {
        Some(ValueKind::Date)
    } else if is_number(word) {
        Some(ValueKind::Number)
    } else if scrub::is_email(word) {
        Some(ValueKind::Identifier)
    } else if fits(&FILE, word.contains('.'), word)
        || (word.contains('/') && (digits || word.starts_with(['/', '~', '.'])))
    {
        Some(ValueKind::File)
    } else if fits(&VERSION, digits && word.starts_with(['v', 'V']), &lower())
        || (digits && is_language(&lower()) && word.len() > 2)
    {
        None
    } else if letters && (digits || word.contains(['_', '-'])) {
        Some(ValueKind::Identifier)
    } else {
        let inner = word.chars().zip(word.chars().skip(1));
        let camel = inner.clone().any(|(a, b)| a.is_lowercase() && b.is_uppercase());
        camel.then_some(ValueKind::Identifier)
    }
}

/// Returns true when a flag or an operator is followed by the file it writes.
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
    // A search prepares itself in time that grows with what is sought, however short the text is.
    let may_stand = value.len() <= text.len();
    let found = may_stand.then(|| text.match_indices(value)).into_iter().flatten();
    found.map(|(at, _)| at).filter(move |at| bounded(text, *at, value))
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
    let fraction = |mark: Option<char>, beyond: Option<char>| mark == Some('.') && digit(beyond);
    !((fraction(last, before.next()) || fraction(next, after.next())) && is_number(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_word_of_a_pattern_may_be_of_it(word in "[-+vV0-9a-zA-Z._/:, ]{0,12}") {
            let lower = word.to_lowercase();
            let counts = word.starts_with(|c: char| c.is_ascii_digit());
            prop_assert_eq!(is_number(&word), NUMBER.is_match(&word));
            prop_assert!(counts || !(DATE.is_match(&word) || ORDINAL.is_match(&lower)));
            prop_assert!(word.contains('.') || !FILE.is_match(&word));
            prop_assert!(word.starts_with(['v', 'V']) || !VERSION.is_match(&lower));
        }
    }
}
