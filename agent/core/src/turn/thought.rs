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

/// A possible beginning of a tag, at the end of a piece.
static BEGUN: LazyLock<Regex> = LazyLock::new(|| {
    // SAFETY: a constant pattern that tests compile.
    #[allow(clippy::expect_used)]
    Regex::new(r"[<◁\[][^<>◁▷\[\]\n]{0,48}\z").expect("the pattern is valid")
});

enum Tag {
    Opens,
    Closes,
}

impl Tag {
    /// The tags of a text with their places, in order.
    fn find(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, Self)> + '_ {
        TAG.captures_iter(text).filter_map(|tag| {
            let whole = tag.get(0)?;
            // `<think/>` opens nothing.
            if whole.as_str().trim_end_matches(['>', '▷']).ends_with('/') {
                return None;
            }
            let mut marks = (1..tag.len()).filter_map(|group| tag.get(group));
            let closes = marks.any(|mark| !mark.is_empty());
            Some((whole.range(), if closes { Self::Closes } else { Self::Opens }))
        })
    }
}

/// Tells thoughts from words while a reply streams. Words before the end of a thought that was never
/// opened have gone out already; [`spoken`] has the whole text and takes them back.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    depth: usize,
    held: String,
}

/// A piece of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Words for the reader.
    Spoken(&'a str),
    /// A part of a thought.
    Thought(&'a str),
}

impl Splitter {
    /// Takes the next piece of the reply. What may be half a tag is held back.
    pub(super) fn push(&mut self, text: &str, sink: &mut dyn FnMut(Piece<'_>)) {
        self.held.push_str(text);
        let held = std::mem::take(&mut self.held);
        let mut from = 0;
        for (range, tag) in Tag::find(&held) {
            self.give(&held[from..range.start], sink);
            match tag {
                Tag::Opens => self.depth += 1,
                Tag::Closes => self.depth = self.depth.saturating_sub(1),
            }
            from = range.end;
        }
        let rest = &held[from..];
        let safe = BEGUN.find(rest).map_or(rest.len(), |begun| begun.start());
        self.give(&rest[..safe], sink);
        self.held = rest[safe..].to_owned();
    }

    /// Gives what was held back: nothing more comes.
    pub(super) fn finish(self, sink: &mut dyn FnMut(Piece<'_>)) {
        self.give(&self.held, sink);
    }

    fn give(&self, text: &str, sink: &mut dyn FnMut(Piece<'_>)) {
        if !text.is_empty() {
            sink(if self.depth == 0 { Piece::Spoken(text) } else { Piece::Thought(text) });
        }
    }
}

/// `text` without its thoughts; the same text when there is no tag of a thought in it.
pub(super) fn spoken(text: &str) -> Cow<'_, str> {
    let mut outside = String::new();
    let (mut depth, mut from, mut is_tagged) = (0_usize, 0, false);
    for (range, tag) in Tag::find(text) {
        is_tagged = true;
        match (tag, depth) {
            (Tag::Closes, 0) => outside.clear(),
            (Tag::Closes, _) => depth -= 1,
            (Tag::Opens, _) => {
                if depth == 0 {
                    outside.push_str(&text[from..range.start]);
                }
                depth += 1;
            }
        }
        from = range.end;
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

    /// Words and thoughts of a text that comes in pieces of so many characters.
    fn split(text: &str, size: usize) -> (String, String) {
        let (mut words, mut thoughts) = (String::new(), String::new());
        let mut sink = |piece: Piece<'_>| match piece {
            Piece::Spoken(text) => words.push_str(text),
            Piece::Thought(text) => thoughts.push_str(text),
        };
        let mut splitter = Splitter::default();
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(size) {
            splitter.push(&piece.iter().collect::<String>(), &mut sink);
        }
        splitter.finish(&mut sink);
        (words, thoughts)
    }

    #[test]
    fn a_stream_is_split_alike_however_it_is_cut() {
        for (text, words, thoughts) in [
            ("<think>a</think>b", "b", "a"),
            ("a<think>b</think>c<think>d</think>e", "ace", "bd"),
            ("a<think>b<think>c</think>d</think>e", "ae", "bcd"),
            ("◁think▷a◁/think▷b", "b", "a"),
            ("[THINK]a[/THINK]b", "b", "a"),
            ("<|begin_of_thought|>a<|end_of_thought|>b", "b", "a"),
            ("if a < b and c[0] > d <b>e</b> <think", "if a < b and c[0] > d <b>e</b> <think", ""),
            ("a</think>b", "ab", ""),
            ("a<think>b", "a", "b"),
        ] {
            for size in 1..=text.chars().count() {
                let expected = (words.to_owned(), thoughts.to_owned());
                assert_eq!(split(text, size), expected, "{text} by {size}");
            }
        }
    }
}
