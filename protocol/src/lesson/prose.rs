//! A task text, taken apart: prose, quoted strings, and commands in backticks.

use std::collections::BTreeMap;

use super::step::cut;
use crate::steps::Steps;

/// One stretch of a task text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// Running text.
    Prose(String),
    /// A string in quotes, or a single word in backticks.
    Quoted(String),
    /// A command line in backticks: documented, perhaps outdated.
    Command(String),
}

/// Longest task text that is read, in bytes; of a longer one the beginning counts.
pub const MAX_TASK_BYTES: usize = 32 << 10;

/// Splits a task text into its spans, in order. An unclosed quote or backtick is prose.
pub(super) fn spans(task: &str, steps: &Steps) -> Vec<Span> {
    let mut text = Text::new(cut(task, MAX_TASK_BYTES), steps);
    let mut out = Vec::new();
    let mut prose = String::new();
    let mut at = 0;
    while at < text.chars.len() {
        steps.take(1);
        let taken = if text.chars[at] == '`' { text.backticks(at) } else { text.quotes(at) };
        if let Some((spans, next)) = taken {
            out.push(Span::Prose(std::mem::take(&mut prose)));
            out.extend(spans);
            at = next;
        } else {
            prose.push(text.chars[at]);
            at += 1;
        }
    }
    out.push(Span::Prose(prose));
    out.retain(|span| !matches!(span, Span::Prose(text) if text.trim().is_empty()));
    out
}

/// Only the running text of a task.
pub(super) fn prose(task: &str) -> Vec<String> {
    let keep = |span| match span {
        Span::Prose(text) => Some(text),
        Span::Quoted(_) | Span::Command(_) => None,
    };
    spans(task, &Steps::unbounded()).into_iter().filter_map(keep).collect()
}

/// The first command line that the task itself documents in backticks, if any.
#[must_use]
pub fn documented_command(task: &str) -> Option<String> {
    spans(task, &Steps::unbounded()).into_iter().find_map(|span| match span {
        Span::Command(text) => Some(text),
        Span::Prose(_) | Span::Quoted(_) => None,
    })
}

/// A task text with what makes one sweep over it enough.
struct Text<'a> {
    chars: Vec<char>,
    /// Length of the run of backticks that begins at each place.
    ticks: Vec<usize>,
    /// The longest run of backticks at or after each place.
    longest: Vec<usize>,
    /// Letters and digits before each place.
    alphanumerics: Vec<usize>,
    /// Result of the last search for the end of a quote, by the closing mark.
    searches: BTreeMap<char, Search>,
    steps: &'a Steps,
}

/// A search for the end of a quote: no place from `from` on and before `until` ends one.
#[derive(Clone, Copy)]
struct Search {
    from: usize,
    until: usize,
    /// True when `until` ends a quote; it is the end of the line otherwise.
    found: bool,
}

impl<'a> Text<'a> {
    fn new(text: &str, steps: &'a Steps) -> Self {
        let chars: Vec<char> = text.chars().collect();
        steps.take(2 * chars.len());
        let mut ticks = vec![0; chars.len() + 1];
        let mut longest = vec![0; chars.len() + 1];
        for at in (0..chars.len()).rev() {
            ticks[at] = if chars[at] == '`' { ticks[at + 1] + 1 } else { 0 };
            longest[at] = longest[at + 1].max(ticks[at]);
        }
        let mut alphanumerics = vec![0];
        for c in &chars {
            let before = alphanumerics[alphanumerics.len() - 1];
            alphanumerics.push(before + usize::from(c.is_alphanumeric()));
        }
        Self { chars, ticks, longest, alphanumerics, searches: BTreeMap::new(), steps }
    }

    fn backticks(&self, at: usize) -> Option<(Vec<Span>, usize)> {
        let ticks = self.ticks[at];
        let start = at + ticks;
        if self.longest[start] < ticks {
            return None;
        }
        let len = self.ticks[start..].iter().position(|run| *run >= ticks)?;
        self.steps.take(len);
        let text: String = self.chars[start..start + len].iter().collect();
        let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        // The first line of a fence may name its language.
        if ticks > 2 && lines.len() > 1 && lines[0].chars().all(char::is_alphanumeric) {
            lines.remove(0);
        }
        let span = |line: &&str| {
            if line.contains(char::is_whitespace) {
                Span::Command((*line).to_owned())
            } else {
                Span::Quoted((*line).to_owned())
            }
        };
        Some((lines.iter().map(span).collect(), start + len + ticks))
    }

    fn quotes(&mut self, at: usize) -> Option<(Vec<Span>, usize)> {
        let close = match self.chars[at] {
            '"' => '"',
            '“' => '”',
            '‘' => '’',
            '\'' => '\'',
            _ => return None,
        };
        // An apostrophe inside a word opens nothing.
        let before = at.checked_sub(1).map(|before| self.chars[before]);
        if !before.is_none_or(|c| c.is_whitespace() || "([{=:—–-".contains(c)) {
            return None;
        }
        let end = self.end_of_quote(at + 1, close)?;
        if self.alphanumerics[at + 1] == self.alphanumerics[end] {
            return None;
        }
        self.steps.take(end - at);
        let text: String = self.chars[at + 1..end].iter().collect();
        Some((vec![Span::Quoted(text.trim().to_owned())], end + 1))
    }

    /// The first place from `from` on in its line that ends a quote. What an earlier search has looked
    /// at is not looked at again.
    fn end_of_quote(&mut self, from: usize, close: char) -> Option<usize> {
        let known = self.searches.get(&close).copied();
        let known = known.filter(|known| (known.from..=known.until).contains(&from));
        let search = known.unwrap_or_else(|| {
            let ends = |at: usize| {
                let after = self.chars.get(at + 1);
                self.chars[at] == close && after.is_none_or(|c| !c.is_alphanumeric())
            };
            let mut until = from;
            while until < self.chars.len() && self.chars[until] != '\n' && !ends(until) {
                until += 1;
            }
            self.steps.take(until - from + 1);
            let found = until < self.chars.len() && self.chars[until] != '\n';
            Search { from, until, found }
        });
        self.searches.insert(close, search);
        search.found.then_some(search.until)
    }
}
