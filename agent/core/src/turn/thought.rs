//! The part of a reply outside its thoughts.
//!
//! Reasoning models draft calls while they think. Endpoints that do not take the thoughts out send them in
//! the text, and chat templates that open a thought in the prompt leave only its closing tag. Nothing within
//! a thought may run, so every doubt is decided against running: an unclosed thought reaches to the end, an
//! unopened one from the beginning, and an inner one ends no outer one.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Spellings of the tags; one of the groups holds the mark of a closing one.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    // SAFETY: a constant pattern that tests compile.
    #[allow(clippy::expect_used)]
    Regex::new(
        r"(?ix)
        [<◁] \s* (/?) \s* (?:[a-z]+:)? (?:think(?:ing)?|thoughts?|reasoning) (?:\s[^<>▷]*)? [>▷]
        | \[ (/?) think \]
        | <\| (?: begin | (end) ) _of_thought \|>",
    )
    .expect("the pattern is valid")
});

/// `text` without its thoughts; the same text when there is no tag of a thought in it.
pub(super) fn spoken(text: &str) -> Cow<'_, str> {
    let mut outside = String::new();
    let (mut depth, mut from, mut is_tagged) = (0_usize, 0, false);
    for tag in TAG.captures_iter(text) {
        let Some(whole) = tag.get(0) else { continue };
        // `<think/>` opens nothing.
        if whole.as_str().trim_end_matches(['>', '▷']).ends_with('/') {
            continue;
        }
        is_tagged = true;
        let closes =
            (1..tag.len()).any(|group| tag.get(group).is_some_and(|mark| !mark.is_empty()));
        match (closes, depth) {
            (true, 0) => outside.clear(),
            (true, _) => depth -= 1,
            (false, _) => {
                if depth == 0 {
                    outside.push_str(&text[from..whole.start()]);
                }
                depth += 1;
            }
        }
        from = whole.end();
    }
    if !is_tagged {
        return Cow::Borrowed(text);
    }
    if depth == 0 {
        outside.push_str(&text[from..]);
    }
    Cow::Owned(outside.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_thought_stays_as_it_is() {
        for text in ["", " Think <b>twice</b>.\n", "a <thinker> and <think/> b", "a[think again]"] {
            assert!(matches!(spoken(text), Cow::Borrowed(_)), "{text}");
            assert_eq!(spoken(text), text);
        }
    }

    #[test]
    fn only_what_is_outside_every_thought_is_spoken() {
        for (text, outside) in [
            ("<think>a</think>b", "b"),
            ("a<think>b</think>c<think>d</think>e", "ace"),
            ("a</think>b", "b"),
            ("a<think>b", "a"),
            ("a<think>b<think>c</think>d</think>e", "ae"),
            ("a<think>b<think>c</think>d", "a"),
            ("<think>a</think>b</think>c", "c"),
            ("<THINK>a</Think >b", "b"),
            ("<thinking mode=\"deep\">a</thinking>b", "b"),
            ("<thought>a</thought>b", "b"),
            ("<reasoning>a</reasoning>b", "b"),
            ("<seed:think>a</seed:think>b", "b"),
            ("◁think▷a◁/think▷b", "b"),
            ("[THINK]a[/THINK]b", "b"),
            ("<|begin_of_thought|>a<|end_of_thought|>b", "b"),
            ("</think>", ""),
        ] {
            assert_eq!(spoken(text), outside, "{text}");
        }
    }
}
