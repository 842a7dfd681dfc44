//! Briefs: what a writer is given, all public bytes.

use std::collections::BTreeMap;

use lore_protocol::codec::{self, DecodeError};
use lore_protocol::ids::SkillId;
use lore_protocol::lesson::Lesson;
use lore_protocol::library::{Library, MAX_SHOWN, Rendered};
use lore_protocol::skill::{self, Document, SkillMd};

use super::Fault;

/// Longest answer that is read, in bytes; a longer one is refused unread.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// The mark before the description in an answer.
const DESCRIPTION: &str = "DESCRIPTION:";

/// A skill as the library has it, for a writer. It is made from a folded library, or from the bytes of
/// another brief; there is no other way to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    text: String,
    lessons: Vec<Lesson>,
}

/// Why bytes are no brief.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BriefError {
    /// Not the encoding of one.
    #[error("these are not the public bytes of a skill: {0}")]
    Bytes(#[from] DecodeError),
    /// The text is no skill.
    #[error("the skill's text is not a valid SKILL.md")]
    Text,
}

impl Brief {
    /// A skill of a library with the lessons that its text shows; none when there is no such skill.
    #[must_use]
    pub fn of(library: &Library, skill: SkillId, context: u16) -> Option<Self> {
        let rendered = library.render(context).ok()?.into_iter().find(|one| one.skill == skill)?;
        Some(Self::of_rendered(library, &rendered))
    }

    /// [`Brief::of`] with the text as the node renders it, which may have a base text that no library holds.
    #[must_use]
    pub fn of_rendered(library: &Library, rendered: &Rendered) -> Self {
        let shown = library.lessons_of(rendered.skill).into_iter().take(MAX_SHOWN);
        let lessons = shown.map(|(_, item)| item.lesson.clone()).collect();
        Self { text: rendered.text.clone(), lessons }
    }

    /// The brief as bytes, for a writer in a separate process.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(&(self.text.clone(), self.lessons.clone()))
    }

    /// Reads [`to_bytes`](Self::to_bytes). Every lesson is checked to be canonical.
    ///
    /// # Errors
    /// Fails when the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BriefError> {
        let (text, lessons): (String, Vec<Lesson>) = codec::decode(bytes)?;
        if !skill::validate(text.as_bytes(), None).is_valid() {
            return Err(BriefError::Text);
        }
        Ok(Self { text, lessons })
    }

    /// The `SKILL.md` as it stands.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lessons that it shows.
    #[must_use]
    pub fn lessons(&self) -> &[Lesson] {
        &self.lessons
    }

    pub(super) fn document(&self) -> Option<Document> {
        skill::parse(self.text.as_bytes()).ok()
    }

    /// The skill with the description and the body of an answer. Name and metadata are not the model's
    /// to write; the ids of the lessons are added, so that the text can be traced to its inputs.
    pub(super) fn with_text(&self, answer: &str) -> Result<String, Fault> {
        if answer.len() > MAX_ANSWER_BYTES {
            return Err(Fault::TooLong {
                what: "the answer in bytes",
                is: answer.len(),
                most: MAX_ANSWER_BYTES,
            });
        }
        let document = self.document().ok_or(Fault::NotASkill)?;
        let mut skill = SkillMd::try_from(&document).map_err(|_| Fault::NotASkill)?;
        let answer = unfenced(answer.trim());
        let body = match answer.split_once('\n') {
            Some((first, rest)) if first.starts_with(DESCRIPTION) => {
                skill.description = first[DESCRIPTION.len()..].trim().to_owned();
                rest.trim()
            }
            _ => answer,
        };
        skill.body = body.to_owned();
        let ids: Vec<String> = self.lessons.iter().map(|lesson| lesson.id().to_string()).collect();
        let writer = BTreeMap::from([
            ("lore-writer".to_owned(), "model".to_owned()),
            ("lore-inputs".to_owned(), ids.join(" ")),
        ]);
        skill.metadata.extend(writer);
        skill.write().map_err(|_| Fault::NotASkill)
    }
}

/// Without the fence that models put around a whole answer.
fn unfenced(answer: &str) -> &str {
    let inner = ["```markdown", "```md"].iter().find_map(|open| answer.strip_prefix(open));
    let inner = inner.and_then(|rest| rest.trim_end().strip_suffix("```"));
    inner.map_or(answer, str::trim)
}
