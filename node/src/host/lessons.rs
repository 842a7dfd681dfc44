//! Lessons that a person writes by hand.

use std::collections::BTreeSet;

use lore_agent::extract;
use lore_control as control;
use lore_protocol::lesson::{
    self, Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger, Word, normalise_command,
};
use lore_protocol::payload::{LessonEntry, Lessons, Origin, Payload};
use lore_session::Session;

use super::Node;
use super::contributions::{alone, taught};
use crate::error::CliError;

/// A lesson that a person publishes: a worked example as they write it, or one of their own.
#[derive(Debug, Clone)]
pub struct Handwritten {
    /// The lesson.
    pub lesson: Lesson,
    /// Words of the public vocabulary that say what it is about.
    pub words: Vec<String>,
}

impl Handwritten {
    /// A worked example: a command line, with `<arg>` and `<out>` where a task's own values stand.
    ///
    /// # Errors
    /// Fails when the command is not of the grammar.
    pub fn example(command: &str, words: Vec<String>) -> Result<Self, CliError> {
        let bad = |error: &dyn std::fmt::Display| {
            CliError::usage(format!("this is not a lesson: {error}"))
        };
        let template = normalise_command(command).map_err(|error| bad(&error))?;
        let tool = template.as_str().split_whitespace().next().unwrap_or_default();
        let tool = Token::new(tool).map_err(|error| bad(&error))?;
        let trigger = Trigger { tool, error: ErrorClass::None, subject: None };
        let lesson = Lesson::new(None, Op::Prefer, trigger, Action::Example(template))
            .map_err(|error| bad(&error))?;
        Ok(Self { lesson, words })
    }

    /// The payload, canonical.
    ///
    /// # Errors
    /// Fails when a word is not of the vocabulary.
    pub fn payload(&self) -> Result<Payload, CliError> {
        let bad = |error: &dyn std::fmt::Display| {
            CliError::usage(format!("this is not a lesson: {error}"))
        };
        let lesson = self.lesson.clone();
        let id = lesson.id();
        let mut entries = vec![LessonEntry { key: LessonKey::Primary(lesson), support: 0 }];
        for word in &self.words {
            let word = Word::new(word.clone()).map_err(|error| {
                bad(&error).help("use ordinary English words; the vocabulary is public and fixed")
            })?;
            entries.push(LessonEntry { key: LessonKey::Topic { lesson: id, word }, support: 0 });
        }
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        entries.dedup_by(|a, b| a.key == b.key);
        Ok(Payload::Lessons(Lessons {
            origin: Origin::Authored,
            window: None,
            entries,
            padding: Vec::new(),
        }))
    }
}

impl Node {
    /// Preview of each session's lessons, newest first: for the owner's screen only.
    pub(super) fn lesson_preview(
        &self,
        limit: usize,
    ) -> Result<control::PreviewedLessons, CliError> {
        let lists = self.deny_lists()?;
        let mut sessions = self.sessions()?;
        sessions.sort_by_key(|session| std::cmp::Reverse(session.started.unix_seconds));
        let unread = sessions.iter().filter(|session| extract::is_unread(session));
        let incomplete: BTreeSet<Option<String>> = unread.map(|one| one.unit.clone()).collect();
        let mut shown = Vec::new();
        let mined = |session: &Session| -> Vec<lesson::Bundle> {
            let count = !incomplete.contains(&session.unit);
            alone(session, self.probe.as_ref(), || taught(session, count))
        };
        let taught = sessions.iter().flat_map(|s| mined(s).into_iter().map(move |b| (s, b)));
        for (session, bundle) in taught.take(limit) {
            let denied = lists.iter().find_map(|l| l.matching(&bundle.primary, &bundle.topics));
            shown.push(control::PreviewedLesson {
                session: session.id.clone(),
                started: session.started.text.clone(),
                lesson: bundle.primary.to_string(),
                topics: bundle.topics.iter().map(|word| word.as_str().to_owned()).collect(),
                denied_by: denied.map(|pattern| pattern.as_str().to_owned()),
            });
        }
        Ok(control::PreviewedLessons { private: true, lessons: shown })
    }
}
