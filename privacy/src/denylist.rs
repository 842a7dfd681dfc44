//! Words that must not leave, whoever supports them.
//!
//! A threshold lets through what many users of a node share, an organisation's own names among it. The
//! owner lists such words before a window opens; a session whose lesson or topic words hold one of them
//! contributes nothing to releases of that window.
//!
//! The list is fixed and each session is looked at alone, so that filtering maps a unit's sessions to a
//! part of that unit's sessions. Removing a unit still changes nothing for any other, and the bounds that
//! follow hold as before: the sensitivity of a release is the same with and without a list.

use lore_protocol::lesson::{Lesson, Word};
use lore_protocol::steps::Steps;

use crate::{LessonContribution, Private};

/// Most characters of a pattern.
const MAX_CHARS: usize = 128;

/// One entry: a word or phrase, lower case, in which `*` stands for any characters but spaces.
///
/// It matches whole words: `art` is not found in `start`, and `art*` is found in `artist`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern: {why}")]
pub struct PatternError {
    text: String,
    why: &'static str,
}

impl Pattern {
    /// Normalises a pattern: lower case, single spaces, no quotes, as lessons are.
    ///
    /// # Errors
    /// Fails when it holds no letter or digit, or more than 128 characters.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let bad = |why| Err(PatternError { text: text.chars().take(40).collect(), why });
        let lower = text.to_lowercase().replace(['"', '\'', '`'], "");
        let words: Vec<&str> = lower.split_whitespace().collect();
        let pattern = words.join(" ");
        if pattern.chars().count() > MAX_CHARS {
            return bad("it is longer than 128 characters");
        }
        if !pattern.chars().any(char::is_alphanumeric) {
            return bad("it needs a letter or a digit, or it would match everything");
        }
        Ok(Self(pattern))
    }

    /// The normalised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true when it occurs in a text, whatever the case.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.matches_within(text, &Steps::unbounded())
    }

    /// As [`Self::matches`], and counts its steps: the characters of the text, once for each of the
    /// pattern. Keeps the set of places that a prefix of the pattern can reach from any start.
    fn matches_within(&self, text: &str, steps: &Steps) -> bool {
        let text: Vec<char> = text.to_lowercase().chars().collect();
        let word = |at: usize| text.get(at).is_some_and(|c| c.is_alphanumeric());
        let edge = |at: usize| at == 0 || !word(at - 1) || !word(at);
        let (bare, open) = (!self.0.starts_with('*'), self.0.ends_with('*'));
        let mut reached: Vec<bool> = (0..=text.len()).map(|at| !bare || edge(at)).collect();
        for step in self.0.chars() {
            steps.take(text.len() + 1);
            if step == '*' {
                for at in 0..text.len() {
                    reached[at + 1] |= reached[at] && !text[at].is_whitespace();
                }
            } else {
                for at in (0..text.len()).rev() {
                    reached[at + 1] = reached[at] && text[at] == step;
                }
                reached[0] = false;
            }
        }
        (0..=text.len()).any(|end| reached[end] && (open || edge(end)))
    }
}

/// The entries in force for one window.
#[derive(Debug, Clone, Default)]
pub struct DenyList(Vec<Pattern>);

impl DenyList {
    /// A list as it stood when the window opened.
    #[must_use]
    pub const fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// The entry that a session's lesson or one of its topic words matches, if any.
    #[must_use]
    pub fn matching(&self, lesson: &Lesson, topics: &[Word]) -> Option<&Pattern> {
        let trigger = lesson.trigger();
        let tokens = lesson.action().tokens();
        let texts = std::iter::once(trigger.tool.as_str())
            .chain(trigger.subject.iter().map(|subject| subject.as_str()))
            .chain(tokens.into_iter().map(|token| token.as_str()))
            .chain(topics.iter().map(Word::as_str));
        let texts: Vec<&str> = texts.collect();
        self.0.iter().find(|pattern| texts.iter().any(|text| pattern.matches(text)))
    }

    /// Leaves out every session that matches, each looked at alone.
    #[must_use]
    pub fn filter(
        &self,
        contributions: Private<Vec<LessonContribution>>,
    ) -> Private<Vec<LessonContribution>> {
        contributions.map(|mut all| {
            all.retain(|one| self.matching(&one.primary, &one.topics).is_none());
            all
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::LocalSecret;
    use lore_protocol::lesson::{Action, ErrorClass, Op, Token, Trigger};
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(text)
    }

    #[test]
    fn whole_words_match_in_any_case_and_stars_stand_for_parts() {
        for (pattern, text) in [
            ("acme", "curl https://ACME.internal/v2/<arg>"),
            ("ACME", "acme"),
            ("*.acme.internal", "curl https://db.acme.internal:80/x"),
            ("acme*", "acmecorp"),
            ("git  push", "run git push origin"),
            ("10.0.0.5", "ssh 10.0.0.5 ls"),
            ("proj-*-x", "make proj-blue-x"),
            ("straße", "cd STRAßE"),
        ] {
            assert!(matches(pattern, text), "{pattern} in {text}");
        }
        for (pattern, text) in [
            ("art", "start artist"),
            ("acme", "acmecorp"),
            ("10.0.0.5", "110.0.0.55"),
            ("a*b", "a and b"),
            ("acme.internal", "acmeXinternal"),
        ] {
            assert!(!matches(pattern, text), "{pattern} in {text}");
        }
        for nothing in ["", "*", "  ", "-", "\"\""] {
            assert!(Pattern::new(nothing).is_err(), "{nothing:?}");
        }
    }

    fn contribution(user: &str, tool: &str, start_seconds: u64) -> LessonContribution {
        let token = |text: &str| Token::new(text).unwrap();
        let trigger = Trigger { tool: token(tool), error: ErrorClass::None, subject: None };
        let action = Action::AddFlag(token("--fast"));
        LessonContribution {
            unit: LocalSecret::from_bytes([1; 32]).user(user),
            start_seconds,
            primary: Lesson::new(None, Op::Prefer, trigger, action).unwrap(),
            topics: vec![Word::new("invoice").unwrap()],
        }
    }

    #[test]
    fn topic_words_and_every_token_of_a_lesson_are_looked_at() {
        let one = contribution("ada", "acme-cli", 1);
        for (word, denied) in
            [("invoice", true), ("ACME*", true), ("--fast", true), ("picture", false)]
        {
            let list = DenyList::new(vec![Pattern::new(word).unwrap()]);
            assert_eq!(list.matching(&one.primary, &one.topics).is_some(), denied, "{word}");
        }
    }

    /// The same by trying each start alone.
    fn matches_slowly(pattern: &[char], text: &[char], at: usize) -> bool {
        let word = |at: usize| text.get(at).is_some_and(|c| c.is_alphanumeric());
        let Some((step, rest)) = pattern.split_first() else {
            return at == 0 || !word(at - 1) || !word(at);
        };
        match step {
            '*' if rest.is_empty() => true,
            '*' => {
                let stars = text[at..].iter().take_while(|c| !c.is_whitespace()).count();
                (0..=stars).any(|more| matches_slowly(rest, text, at + more))
            }
            step => text.get(at) == Some(step) && matches_slowly(rest, text, at + 1),
        }
    }

    proptest! {
        #[test]
        fn one_sweep_finds_what_every_start_alone_finds(
            pattern in "[ab*. ]{0,5}[ab][ab*. ]{0,3}",
            text in "[ab. ]{0,12}",
        ) {
            let pattern = Pattern::new(&pattern).unwrap();
            let (steps, chars) = (pattern.as_str().chars().collect::<Vec<_>>(), text.chars().collect::<Vec<_>>());
            let word = |at: usize| chars.get(at).is_some_and(|c| c.is_alphanumeric());
            let starts = |at: &usize| steps[0] == '*' || *at == 0 || !word(at - 1) || !word(*at);
            let slowly = (0..=chars.len()).filter(starts).any(|at| matches_slowly(&steps, &chars, at));
            prop_assert_eq!(pattern.matches(&text), slowly, "{} in {}", pattern.as_str(), text);
        }

        #[test]
        fn a_pattern_costs_the_same_for_each_character_of_a_text(
            part in "[ab*. ]{1,4}",
            times in 1_usize..2_000,
            pattern in "[ab*.]{0,60}a[ab*.]{0,60}",
        ) {
            let (text, steps) = (part.repeat(times), Steps::unbounded());
            let pattern = Pattern::new(&pattern).unwrap();
            let _ = pattern.matches_within(&text, &steps);
            let most = pattern.as_str().len() * (text.len() + 1);
            prop_assert!(steps.taken() <= most as u64, "{} for {}", steps.taken(), text.len());
        }

        #[test]
        fn what_one_user_contributes_does_not_depend_on_another(
            sessions in proptest::collection::vec((0_u8..4, 0_usize..3, 0_u64..9), 0..20),
            without in 0_u8..4,
        ) {
            let tools = ["acme", "curl", "git"];
            let of = |keep: &dyn Fn(u8) -> bool| {
                let all = sessions.iter().filter(|(user, ..)| keep(*user));
                let all = all.map(|(user, tool, at)| {
                    contribution(&user.to_string(), tools[*tool], *at)
                });
                let list = DenyList::new(vec![Pattern::new("acme").unwrap()]);
                let kept = list.filter(Private::new(all.collect()));
                let secret = LocalSecret::from_bytes([1; 32]);
                let gone = secret.user(&without.to_string());
                let rest = kept.get().iter().filter(|one| one.unit != gone);
                rest.map(|one| (one.primary.clone(), one.start_seconds)).collect::<Vec<_>>()
            };
            prop_assert_eq!(of(&|_| true), of(&|user| user != without));
        }
    }
}
