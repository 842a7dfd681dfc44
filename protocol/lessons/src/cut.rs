//! The beginning and the end of a text, cut at a character.

/// The beginning of a text, at most so many bytes.
#[must_use]
pub fn beginning(text: &str, most_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(most_bytes)]
}

/// The end of a text, at most so many bytes.
#[must_use]
pub fn end(text: &str, most_bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(most_bytes))..]
}
