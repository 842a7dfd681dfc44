//! Texts that a person agreed to publish: asked for, listed while they wait, withdrawn, and signed.

use std::collections::BTreeMap;

use lore_control as control;
use lore_engine::shelf::escaped;
use lore_privacy::{Authored, Question};
use lore_protocol::ids::FederationId;
use lore_protocol::lesson::{LessonKey, Token};
use lore_protocol::payload::Payload;

use super::consent::code_of;
use super::{Handwritten, Node};
use crate::config::Config;
use crate::error::CliError;

impl Node {
    /// Asks the person at the terminal, and keeps the text until the delay is over. Nothing is signed.
    ///
    /// # Errors
    /// Fails when nobody agrees, the consent file cannot be relied on, or this node could not sign.
    pub fn share_later(
        &self,
        federation: FederationId,
        lesson: &Handwritten,
    ) -> Result<control::PendingLesson, CliError> {
        let payload = lesson.payload()?;
        let delay = Config::load(&self.home.config_path())?.share_delay;
        let code = code_of(&self.consent_file)?;
        self.engine.may_publish(federation)?;
        let shown = format!("This lesson, signed with your node's key:\n{}", words(&payload));
        let question = Question { federation, payload, shown: &shown, delay, code: code.as_ref() };
        let consent = Authored::ask(question, || self.engine.now_seconds())?;
        self.engine.publish_later(&consent, &BTreeMap::new())?;
        Ok(self.pending(&consent))
    }

    /// Texts that wait, the next one first.
    pub(super) fn lesson_pending(&self) -> Result<control::PendingLessons, CliError> {
        let waiting = self.engine.waiting_texts()?;
        Ok(control::PendingLessons {
            lessons: waiting.iter().map(|one| self.pending(one)).collect(),
        })
    }

    /// Withdraws a text by its id or at least four digits of it, and lists the others.
    pub(super) fn lesson_undo(&self, id: &str) -> Result<control::PendingLessons, CliError> {
        let waiting = self.engine.waiting_texts()?;
        let mut fits = waiting.iter().map(Authored::id).filter(|known| {
            let known = known.to_string();
            id.len() >= 4 && known.starts_with(id)
        });
        match (fits.next(), fits.next()) {
            (Some(found), None) => self.engine.withdraw_text(&found)?,
            (None, _) => {
                return Err(CliError::refused(
                    "not_pending",
                    format!("no lesson `{id}` waits: it was withdrawn or is signed already"),
                )
                .help("`lore lesson pending` lists what waits, with ids"));
            }
            (Some(_), Some(_)) => {
                return Err(CliError::usage(format!("more than one lesson begins with `{id}`"))
                    .help("give more of its digits"));
            }
        }
        self.lesson_pending()
    }

    pub(super) fn pending(&self, consent: &Authored) -> control::PendingLesson {
        let found = self.engine.federations().get(&consent.federation());
        control::PendingLesson {
            id: control::Hash::of(consent.id()),
            federation: control::FederationId::of(consent.federation()),
            name: found.map(|found| found.log().charter().name.clone()),
            text: words(consent.payload()),
            given_seconds: consent.given_seconds(),
            due_seconds: consent.due_seconds(),
            seconds_left: consent.due_seconds().saturating_sub(self.engine.now_seconds()),
        }
    }
}

/// A hand-written lesson as a person reads it, a line for the command and for each word.
fn words(payload: &Payload) -> String {
    let lessons = match payload {
        Payload::Lessons(lessons) => lessons,
        Payload::Revision(revision) => {
            let (name, description) = (escaped(&revision.name), escaped(&revision.description));
            let files = revision.files.iter();
            let files =
                files.map(|file| format!("  {} ({} bytes)\n", escaped(&file.path), file.len));
            return format!("  the skill `{name}`: {description}\n{}", files.collect::<String>());
        }
        _ => return String::new(),
    };
    let lines = lessons.entries.iter().map(|entry| match &entry.key {
        LessonKey::Primary(lesson) => {
            let command = lesson.example().map(Token::as_str);
            format!("  {}\n", command.map_or_else(|| lesson.to_string(), str::to_owned))
        }
        LessonKey::Topic { word, .. } => format!("  about: {}\n", word.as_str()),
    });
    lines.collect()
}
