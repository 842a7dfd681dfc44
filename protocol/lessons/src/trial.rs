//! Trials: what followed where a lesson had been given.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec::{Decode, Encode};
use lore_protocol::ids::LessonId;

use crate::findings::{Findings, MAX_CALLS_ON, Pitfall};
use crate::keys::{forms_of, key_of};

/// Lessons that a session had been given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenLessons {
    /// By a hint beside a call's result, by the position of that call.
    pub at: BTreeMap<usize, LessonId>,
    /// In a skill that was read: they count wherever their failure comes.
    pub everywhere: BTreeSet<LessonId>,
}

impl GivenLessons {
    /// Returns true when nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at.is_empty() && self.everywhere.is_empty()
    }
}

/// End of one trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum TrialEnd {
    /// The remedy was followed, worked, and the failure did not return within eight calls.
    Helped,
    /// The remedy was followed, and the same failure came again.
    Hurt,
    /// Anything else: another remedy, none, or a failure that returned.
    Ignored,
}

impl Findings {
    /// The last trial of each lesson that the session had been given. A hint counts at its own failure, or where that came
    /// again within eight calls, and is ignored where its remedy was not followed; a lesson of a skill counts where its
    /// remedy was.
    #[must_use]
    pub fn trials(&self, given: &GivenLessons) -> BTreeMap<LessonId, TrialEnd> {
        let mut trials: BTreeMap<LessonId, (usize, TrialEnd)> = BTreeMap::new();
        let mut note = |lesson: LessonId, at: usize, end: TrialEnd| {
            let last = trials.entry(lesson).or_insert((at, end));
            if last.0 <= at {
                *last = (at, end);
            }
        };
        let followed = self.pitfalls.iter().map(|one| (one, true));
        let followed: Vec<(BTreeSet<LessonId>, &Pitfall, TrialEnd)> = followed
            .chain(self.attempts.iter().map(|one| (one, false)))
            .map(|(one, worked)| {
                // An own lesson is known in its fine form, whatever its program.
                let own = key_of(&one.situation, &one.remedy, true);
                let lessons = forms_of(one).into_iter().chain(own).map(|lesson| lesson.id());
                (lessons.collect(), one, self.end_of(one, worked))
            })
            .collect();
        for (at, lesson) in &given.at {
            // The agent may have tried the same once more before it did what the hint says.
            let soon = *at..=at + MAX_CALLS_ON;
            let own = followed
                .iter()
                .filter(|(lessons, one, _)| soon.contains(&one.at) && lessons.contains(lesson))
                .min_by_key(|(_, one, _)| one.at);
            note(*lesson, *at, own.map_or(TrialEnd::Ignored, |(_, _, end)| *end));
        }
        for (lessons, one, end) in &followed {
            for lesson in lessons.intersection(&given.everywhere) {
                note(*lesson, one.at, *end);
            }
        }
        trials.into_iter().map(|(lesson, (_, end))| (lesson, end)).collect()
    }

    fn end_of(&self, followed: &Pitfall, worked: bool) -> TrialEnd {
        if !worked {
            return TrialEnd::Hurt;
        }
        let came = &followed.situation;
        let soon = followed.answered_at + 1..=followed.at + MAX_CALLS_ON;
        let returned = self.failures.iter().any(|(at, again)| {
            soon.contains(at)
                && (&again.program, again.class) == (&came.program, came.class)
                && again.point() == came.point()
        });
        if returned { TrialEnd::Ignored } else { TrialEnd::Helped }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::call::Call;
    use crate::findings::findings;

    fn ran(command: &str, exit: i32, output: &str) -> Call {
        Call {
            tool: "shell".to_owned(),
            command: Some(command.to_owned()),
            exit: Some(exit),
            failed: exit != 0,
            output: Some(output.to_owned()),
            ..Call::default()
        }
    }

    fn refused() -> Call {
        ran("git push", 128, "fatal: The current branch topic has no upstream branch.\n")
    }

    fn lesson_of(calls: &[Call]) -> LessonId {
        forms_of(&findings(calls, "").pitfalls[0])[0].id()
    }

    fn solved() -> Vec<Call> {
        vec![refused(), ran("git push -u origin topic", 0, "done\n")]
    }

    fn hinted(at: usize) -> GivenLessons {
        GivenLessons { at: [(at, lesson_of(&solved()))].into(), ..GivenLessons::default() }
    }

    #[test]
    fn a_hint_that_was_followed_and_worked_helped() {
        let ends = findings(&solved(), "").trials(&hinted(0));
        assert_eq!(ends, [(lesson_of(&solved()), TrialEnd::Helped)].into());
    }

    #[test]
    fn a_hint_that_was_followed_and_failed_in_the_same_way_hurt() {
        let calls =
            [refused(), ran("git push -u origin topic", 128, refused().output.unwrap().as_str())];
        let ends = findings(&calls, "").trials(&hinted(0));
        assert_eq!(ends, [(lesson_of(&solved()), TrialEnd::Hurt)].into());
    }

    #[test]
    fn a_hint_that_was_not_followed_is_ignored() {
        let calls = [refused(), ran("ls", 0, "a\n")];
        let ends = findings(&calls, "").trials(&hinted(0));
        assert_eq!(ends, [(lesson_of(&solved()), TrialEnd::Ignored)].into());
    }

    #[test]
    fn a_hint_that_was_followed_after_one_more_try_helped() {
        let calls = [vec![refused()], solved()].concat();
        let ends = findings(&calls, "").trials(&hinted(0));
        assert_eq!(ends, [(lesson_of(&solved()), TrialEnd::Helped)].into());
    }

    #[test]
    fn a_failure_that_returns_soon_was_not_helped() {
        let mut calls = solved();
        calls.push(refused());
        let ends = findings(&calls, "").trials(&hinted(0));
        assert_eq!(ends, [(lesson_of(&solved()), TrialEnd::Ignored)].into());
    }

    #[test]
    fn a_lesson_of_a_skill_counts_where_its_remedy_was_followed_and_nothing_counts_that_was_not_given()
     {
        let lesson = lesson_of(&solved());
        let read = GivenLessons { everywhere: [lesson].into(), ..GivenLessons::default() };
        let found = findings(&solved(), "");
        assert_eq!(found.trials(&read), [(lesson, TrialEnd::Helped)].into());
        assert!(found.trials(&GivenLessons::default()).is_empty());
        let elsewhere = findings(&[ran("ls", 0, "a\n")], "");
        assert!(elsewhere.trials(&read).is_empty());
    }
}
