//! Skill that a lesson without one starts or joins.

use super::{Action, Lesson, Op, Token, command};
use crate::codec::{self, Decode, Encode};
use crate::ids::{FederationId, RevisionId, SkillId};

/// Key that lessons of one skill share: the tool alone, or with the endpoint class or else the subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize)]
pub struct GroupKey {
    /// The tool.
    pub tool: Token,
    /// Endpoint class, else the trigger's subject, else what the example's command is about; none for what a
    /// program's skill holds: its pitfalls, and the practices of its sub-commands.
    pub subject: Option<Token>,
}

/// The canonical group key of a lesson.
#[must_use]
pub fn group_key(lesson: &Lesson) -> GroupKey {
    let tool = lesson.trigger().tool.clone();
    let given = lesson.trigger().subject.clone();
    let practice = lesson.op() == Op::Prefer && given.is_some();
    if lesson.op() == Op::Fix || practice {
        let first = tool.as_str().split(' ').next().unwrap_or_default();
        let tool = Token::new(first).unwrap_or(tool);
        return GroupKey { tool, subject: None };
    }
    let subject = match lesson.action() {
        Action::Example(template) => {
            let text = template.as_str();
            let endpoint = command::endpoint(text).and_then(|text| Token::new(text).ok());
            let about =
                || command::subject(text, tool.as_str()).and_then(|text| Token::new(text).ok());
            endpoint.or(given).or_else(about)
        }
        Action::UseEndpoint(endpoint) => Some(endpoint.clone()),
        _ => given,
    };
    GroupKey { tool, subject }
}

/// The skill of a lesson: its own, else the one that its group key names in this federation.
#[must_use]
pub fn skill_id(federation: FederationId, lesson: &Lesson) -> SkillId {
    lesson.skill().unwrap_or_else(|| {
        let key = codec::encode(&group_key(lesson));
        SkillId::derive("commonlore/skill/group/v1", &[federation.as_bytes(), &key])
    })
}

/// The virtual base revision, an empty tree, of a skill that began as lessons: what outcomes of the
/// rendered skill count for until somebody writes a base text.
#[must_use]
pub fn virtual_base(skill: SkillId) -> RevisionId {
    RevisionId::derive("commonlore/revision/virtual/v1", &[skill.as_bytes()])
}
