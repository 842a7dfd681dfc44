//! Text of other members as a terminal may show it.

/// Longest excerpt, in characters before they are escaped.
pub const MAX_EXCERPT_CHARS: usize = 100;

/// A text on one line of a terminal: whatever is not printable, or looks like something else, is written as its number.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// The beginning of a text, escaped.
pub(super) fn excerpt(text: &str) -> String {
    let cut = text.char_indices().nth(MAX_EXCERPT_CHARS).map_or(text.len(), |(at, _)| at);
    let mut out = escaped(text.get(..cut).unwrap_or(text).trim());
    if cut < text.len() {
        out.push_str("...");
    }
    out
}

fn shown(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        ' '..='~' => c.to_string(),
        // Letters of Latin alphabets without those that are made to be invisible.
        '\u{c0}'..='\u{24f}' => c.to_string(),
        _ => format!("\\u{{{:x}}}", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(
            escaped("a\u{1b}[31m\u{202e}b\u{200b}ä\u{7f}"),
            "a\\u{1b}[31m\\u{202e}b\\u{200b}ä\\u{7f}"
        );
        assert_eq!(excerpt(&"x".repeat(200)).len(), MAX_EXCERPT_CHARS + 3);
    }
}
