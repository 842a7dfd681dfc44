//! Where a skill comes from: its text's author, and the released evidence behind each of its lessons.

use lore_control as control;
use lore_engine::shelf::{escaped, skill_md_of};
use lore_protocol::ids::LessonId;
use lore_protocol::library::{LessonItem, MAX_SHOWN, Rendered};
use lore_protocol::payload::ItemId;
use lore_protocol::skill;

use super::Node;
use super::convert;
use super::texts::Stored;
use crate::error::CliError;

/// Key of `metadata` that names the lessons a text was written from.
const INPUTS: &str = "lore-inputs";

impl Node {
    /// Reasons of what agents are given of a skill.
    pub(super) fn skill_why(
        &self,
        ask: &control::SkillWhy,
    ) -> Result<control::SkillReasons, CliError> {
        let all = self.rendered(None)?;
        let named =
            |one: &&Rendered| one.name.as_str() == ask.name || one.skill.to_string() == ask.name;
        let found = all.iter().find(named).ok_or_else(|| {
            CliError::usage(format!("there is no skill `{}` on the shelf", escaped(&ask.name)))
                .kind("unknown_skill")
                .help("see `lore skill list`; an id of a lesson goes here too")
        })?;
        let shelf = self.shelf();
        let mut lessons = Vec::new();
        for federation in self.engine.federations().values() {
            let Some(part) = shelf.library(federation.id()) else { continue };
            let reason = |(id, item): (LessonId, &LessonItem)| {
                let charter = federation.log().charter();
                let estimate = federation.library().estimate(charter, ItemId::Lesson(id), 0);
                control::LessonReason {
                    id: control::LessonId::of(id),
                    text: escaped(&item.lesson.to_string()),
                    support: convert::whole(item.total_support()),
                    members: item.support.keys().map(control::MemberId::of).collect(),
                    authored: item.authored.iter().map(control::MemberId::of).collect(),
                    epoch: item.epoch,
                    evidence: estimate.as_ref().map(convert::interval),
                }
            };
            lessons.extend(part.lessons_of(found.skill).into_iter().take(MAX_SHOWN).map(reason));
        }
        Ok(control::SkillReasons {
            name: escaped(&ask.name),
            skill: control::SkillId::of(found.skill),
            text: self.text_reason(found),
            lessons,
        })
    }

    fn text_reason(&self, found: &Rendered) -> Option<control::TextReason> {
        let (_, item) = self.text_of(found)?;
        let text = skill_md_of(&item, &Stored(&self.engine))?;
        let document = skill::parse(text.as_bytes()).ok()?;
        let inputs = document.metadata(INPUTS).unwrap_or_default().split_whitespace();
        Some(control::TextReason {
            revision: control::RevisionId::of(found.revision),
            author: control::MemberId::of(item.author?),
            epoch: item.epoch,
            inputs: inputs.map(escaped).collect(),
        })
    }
}
