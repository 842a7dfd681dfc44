//! The recognisers of failures, from `data/recognisers.txt`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use lore_protocol::lesson::ErrorClass;
use lore_protocol::steps::Steps;

/// Bytes of a line that are looked at.
const MAX_LINE_BYTES: usize = 600;
/// Longest word that is kept as the point of a message, in bytes.
const MAX_WORD_BYTES: usize = 48;
/// Place of the kept word in a message.
pub(crate) const WORD: &str = "{w}";

enum Piece {
    Literal(&'static str),
    /// A word that is kept.
    Word,
    /// Anything.
    Any,
}

struct Row {
    class: ErrorClass,
    /// First words of programs; empty for all.
    programs: Vec<&'static str>,
    exact: bool,
    pieces: Vec<Piece>,
}

struct Table {
    rows: Vec<Row>,
    /// Finds the longest literal of each row.
    anchors: AhoCorasick,
}

/// A recogniser that fits an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) class: ErrorClass,
    /// The word that is the point.
    pub(crate) word: Option<String>,
    /// What it says, with `<value>` for all that is not the recogniser's own; the word stands at `{w}`.
    pub(crate) message: String,
    /// The programs that it is about; empty for all.
    pub(crate) programs: &'static [&'static str],
    /// It shows a failure whatever the exit status says.
    pub(crate) exact: bool,
    /// It stands at the beginning of its line.
    pub(crate) leads: bool,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let classes: BTreeMap<String, ErrorClass> =
        ErrorClass::ALL.iter().map(|class| (class.name(), *class)).collect();
    let lines = include_str!("../data/recognisers.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rows: Vec<Row> = lines.filter_map(|line| row(line, &classes)).collect();
    let anchors: Vec<&str> = rows.iter().map(|row| anchor(&row.pieces)).collect();
    // SAFETY: constant patterns, compiled by the tests.
    #[allow(clippy::expect_used)]
    let anchors = AhoCorasick::new(anchors).expect("constant patterns");
    Table { rows, anchors }
});

fn row(line: &'static str, classes: &BTreeMap<String, ErrorClass>) -> Option<Row> {
    let (class, rest) = line.split_once(' ')?;
    let (programs, pattern) = rest.split_once(' ')?;
    let exact = pattern.starts_with('!');
    let programs = programs.split(',').filter(|program| *program != "*").collect();
    let pieces = pieces(pattern.strip_prefix('!').unwrap_or(pattern));
    Some(Row { class: *classes.get(class)?, programs, exact, pieces })
}

fn pieces(mut pattern: &'static str) -> Vec<Piece> {
    let mut out = Vec::new();
    while let Some(at) = pattern.find('{') {
        let (literal, rest) = pattern.split_at(at);
        if !literal.is_empty() {
            out.push(Piece::Literal(literal));
        }
        let (piece, skip) = match rest.get(..3) {
            Some("{w}") => (Piece::Word, 3),
            _ if rest.starts_with("{}") => (Piece::Any, 2),
            _ => (Piece::Literal("{"), 1),
        };
        out.push(piece);
        pattern = &rest[skip..];
    }
    if !pattern.is_empty() {
        out.push(Piece::Literal(pattern));
    }
    out
}

fn anchor(pieces: &[Piece]) -> &'static str {
    let literals = pieces.iter().filter_map(|piece| match piece {
        Piece::Literal(text) => Some(*text),
        Piece::Word | Piece::Any => None,
    });
    literals.max_by_key(|text| text.len()).unwrap_or("\0")
}

/// The recogniser that fits best: one of the line's programs before one for all, then by its place in the file.
pub(crate) fn recognise(programs: &[&str], output: &str, steps: &Steps) -> Option<Found> {
    steps.take(output.len());
    let mut best: Option<(bool, usize)> = None;
    let mut found = None;
    for hit in TABLE.anchors.find_overlapping_iter(output) {
        let index = hit.pattern().as_usize();
        let row = &TABLE.rows[index];
        let general = row.programs.is_empty();
        let rank = (general, index);
        if !(general || row.programs.iter().any(|program| programs.contains(program)))
            || best.is_some_and(|best| best <= rank)
        {
            continue;
        }
        let line = line_around(output, hit.start(), hit.end());
        steps.take(line.len());
        if let Some((word, leads)) = fit(&row.pieces, line) {
            best = Some(rank);
            found = Some(Found {
                class: row.class,
                word: word.filter(|word| !word.is_empty()).map(str::to_owned),
                message: stated(&row.pieces),
                programs: &row.programs,
                exact: row.exact,
                leads,
            });
        }
    }
    found
}

/// The pattern as a message.
fn stated(pieces: &[Piece]) -> String {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => *text,
        Piece::Word => WORD,
        Piece::Any => "<value>",
    });
    texts.collect::<String>().trim().to_owned()
}

fn line_around(text: &str, start: usize, end: usize) -> &str {
    let from = text.floor_char_boundary(start.saturating_sub(MAX_LINE_BYTES));
    let from = text[from..start].rfind('\n').map_or(from, |at| from + at + 1);
    let to = text.floor_char_boundary((end + MAX_LINE_BYTES).min(text.len()));
    let to = text[end..to].find('\n').map_or(to, |at| end + at);
    text[from..to].trim_end()
}

/// The kept word, and whether the pattern stands at the line's beginning; none when it does not fit.
fn fit<'a>(pieces: &[Piece], line: &'a str) -> Option<(Option<&'a str>, bool)> {
    let mut at = 0;
    let mut word = None;
    let mut waiting = false;
    let mut leads = true;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Any => {}
            Piece::Word => waiting = true,
            Piece::Literal(literal) => {
                let found = line[at..].find(literal)?;
                if index == 0 {
                    leads = line[..found].trim().is_empty();
                }
                if waiting {
                    word = Some(last_word(&line[at..at + found], index == 1)?);
                    waiting = false;
                }
                at += found + literal.len();
            }
        }
    }
    if waiting {
        word = Some(first_word(&line[at..])?);
    }
    Some((word, leads))
}

const MARKS: &[char] = &['\'', '"', '`', '‘', '’', ',', ';', ':', '.', '(', ')', '[', ']'];

/// The word between two literals: all of it, or only its end when nothing stands before it.
fn last_word(text: &str, open: bool) -> Option<&str> {
    let text = if open { text.rsplit(' ').next().unwrap_or(text) } else { text };
    kept(text.trim().trim_matches(MARKS))
}

fn first_word(text: &str) -> Option<&str> {
    let text = text.trim_start().trim_start_matches(MARKS);
    let end = text.find(|c: char| c.is_whitespace() || "'\"`’,;)".contains(c));
    kept(text[..end.unwrap_or(text.len())].trim_end_matches(MARKS))
}

fn kept(word: &str) -> Option<&str> {
    (word.len() <= MAX_WORD_BYTES && !word.contains(char::is_whitespace)).then_some(word)
}

/// Rows of the data file that cannot be used: an unknown class, or a pattern without a literal.
#[cfg(test)]
pub(crate) fn faulty_rows() -> Vec<&'static str> {
    let classes: BTreeMap<String, ErrorClass> =
        ErrorClass::ALL.iter().map(|class| (class.name(), *class)).collect();
    let lines = include_str!("../data/recognisers.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter(|line| row(line, &classes).is_none_or(|row| anchor(&row.pieces).trim().len() < 3))
        .collect()
}
