//! The outcome of a session that nobody judged, by what the user says of its result.

use lore_protocol::steps::Steps;
use lore_protocol::trace::Outcome;

use super::{Role, SessionOutcome, Source, Turn};
use lore_lessons::end;

/// Closing words of a user who is not content. They are looked for first: "no, that does not work"
/// holds a phrase of either list.
const UNHAPPY: [&str; 12] = [
    "does not work",
    "doesn't work",
    "didn't work",
    "did not work",
    "not working",
    "still fail",
    "still broken",
    "same error",
    "that is wrong",
    "that's wrong",
    "not what i",
    "revert",
];

/// Closing words of a content user.
const HAPPY: [&str; 9] = [
    "thank",
    "perfect",
    "it works",
    "that works",
    "works now",
    "great",
    "well done",
    "looks good",
    "all good",
];

/// Bytes of closing words that are looked at, from their end: the verdict stands last.
const MAX_WORDS_BYTES: usize = 32 << 10;

/// Judges a session by the user's closing words, else unknown: that the last command worked does not say that the task
/// is done.
///
/// It sees this session only (no coupling between users), and it never claims certainty.
#[must_use]
pub fn judge(turns: &[Turn]) -> SessionOutcome {
    judge_within(turns, &Steps::unbounded())
}

/// As [`judge`], and counts its steps.
pub(crate) fn judge_within(turns: &[Turn], steps: &Steps) -> SessionOutcome {
    let calls = turns.iter().map(|turn| turn.calls.len());
    steps.take(2 * turns.len() + calls.sum::<usize>());
    by_closing_words(turns, steps).unwrap_or_else(SessionOutcome::unknown)
}

fn ruled(verdict: Outcome, confidence_percent: u8) -> SessionOutcome {
    SessionOutcome { verdict, source: Source::Rules, confidence_percent }
}

/// Only words after the last tool call are about its result; the first user turn is the task.
fn by_closing_words(turns: &[Turn], steps: &Steps) -> Option<SessionOutcome> {
    let last_call = turns.iter().rposition(|turn| !turn.calls.is_empty())?;
    let said = turns[last_call + 1..]
        .iter()
        .rfind(|turn| turn.role == Role::User && !turn.text.trim().is_empty())?;
    let said = end(&said.text, MAX_WORDS_BYTES);
    let text = said.to_lowercase().replace('\u{2019}', "'");
    let says = |phrases: &[&str]| {
        phrases.iter().any(|phrase| {
            steps.take(text.len());
            text.contains(phrase)
        })
    };
    if says(&UNHAPPY) {
        Some(ruled(Outcome::Failure, 80))
    } else if says(&HAPPY) {
        Some(ruled(Outcome::Success, 80))
    } else {
        None
    }
}
