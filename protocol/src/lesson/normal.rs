//! Normal form of free text that is no command line: a tool name, a subject, an argument.

use super::{Token, TokenError, scrub};
use crate::steps::Steps;

/// Lower case, no quotes, single spaces, private tokens and meaningless numbers as marks. Idempotent.
///
/// # Errors
/// Fails when nothing is left, or more than a token holds.
pub fn normalise(text: &str) -> Result<Token, TokenError> {
    let keep_none = |_: &str| false;
    let clean = |text: &str| {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text = scrub::scrub(&text, &keep_none, &Steps::unbounded()).to_lowercase();
        let text = text.replace(['"', '\'', '`', '“', '”', '‘', '’'], "");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // Removing a quote can uncover another private token, and lower case never ends in fewer than two
    // steps for a few scripts: go on until nothing changes. Each step shortens or keeps the text, but
    // the marks, of which a text of bounded length takes few.
    let mut now = clean(text);
    for _ in 0..8 {
        let next = clean(&now);
        if next == now {
            return Token::new(now);
        }
        now = next;
    }
    Err(TokenError(now))
}
