//! A task text, taken apart: prose, quoted strings, and commands in backticks.

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

/// Splits a task text into its spans, in order. An unclosed quote or backtick is prose.
pub(super) fn spans(task: &str) -> Vec<Span> {
    let chars: Vec<char> = task.chars().collect();
    let mut out = Vec::new();
    let mut prose = String::new();
    let mut at = 0;
    while at < chars.len() {
        let taken = if chars[at] == '`' { backticks(&chars, at) } else { quotes(&chars, at) };
        if let Some((spans, next)) = taken {
            out.push(Span::Prose(std::mem::take(&mut prose)));
            out.extend(spans);
            at = next;
        } else {
            prose.push(chars[at]);
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
    spans(task).into_iter().filter_map(keep).collect()
}

/// The first command line that the task itself documents in backticks, if any.
#[must_use]
pub fn documented_command(task: &str) -> Option<String> {
    spans(task).into_iter().find_map(|span| match span {
        Span::Command(text) => Some(text),
        Span::Prose(_) | Span::Quoted(_) => None,
    })
}

fn backticks(chars: &[char], at: usize) -> Option<(Vec<Span>, usize)> {
    let ticks = chars[at..].iter().take_while(|c| **c == '`').count();
    let fence: Vec<char> = vec!['`'; ticks];
    let start = at + ticks;
    let len = chars[start..].windows(ticks).position(|window| window == fence.as_slice())?;
    let text: String = chars[start..start + len].iter().collect();
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

fn quotes(chars: &[char], at: usize) -> Option<(Vec<Span>, usize)> {
    let close = match chars[at] {
        '"' => '"',
        '“' => '”',
        '‘' => '’',
        '\'' => '\'',
        _ => return None,
    };
    // An apostrophe inside a word opens nothing.
    let opens = at == 0 || chars[at - 1].is_whitespace() || "([{=:—–-".contains(chars[at - 1]);
    if !opens {
        return None;
    }
    let ends = |index: usize| {
        let after = chars.get(index + 1);
        chars[index] == close && after.is_none_or(|c| !c.is_alphanumeric())
    };
    let end = (at + 1..chars.len()).take_while(|i| chars[*i] != '\n').find(|i| ends(*i))?;
    let text: String = chars[at + 1..end].iter().collect();
    if !text.contains(char::is_alphanumeric) {
        return None;
    }
    Some((vec![Span::Quoted(text.trim().to_owned())], end + 1))
}
