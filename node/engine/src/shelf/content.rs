//! Content of an item: its id, and what it shows by itself.

use std::collections::BTreeSet;
use std::fmt;

use lore_lessons::{is_known, is_shaped};
use lore_protocol::ids::{Hash, LessonId, RevisionId};
use lore_protocol::lesson::{Action, Lesson};
use lore_protocol::library::RevisionItem;
use lore_protocol::skill;

use super::capability::Capabilities;
use super::scan::{Finding, scan};

/// Id of a content: a decision about it says nothing about a text that differs by a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub Hash);

impl ContentId {
    /// Id of a lesson.
    #[must_use]
    pub const fn of_lesson(id: LessonId) -> Self {
        Self(Hash(id.0))
    }

    /// Id of a version of a skill's base text: of its files, and of the name and description beside them.
    #[must_use]
    pub fn of_revision(id: RevisionId, item: &RevisionItem) -> Self {
        let parts = [&id.0[..], item.name.as_bytes(), item.description.as_bytes()];
        Self(Hash::derive("commonlore/shelf-text/v1", &parts))
    }

    /// Its bytes, as a key of a record.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0.0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Findings and demands of a content. It depends on the content alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Findings of the scan.
    pub findings: Vec<Finding>,
    /// Capabilities that it asks for.
    pub capabilities: Capabilities,
    /// Form of its advice.
    pub(super) form: Form,
    /// False when it cannot be used whatever a person says.
    pub(super) usable: bool,
}

/// Form of an advice, the most harmless first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// A pitfall of which every word is public knowledge.
    Known,
    /// A pitfall in the shape of what sessions teach, with words that are not.
    Shaped,
    /// A command template.
    Template,
    /// Anything else: text that only a person can judge.
    Prose,
}

impl Examined {
    /// Examines a lesson.
    #[must_use]
    pub fn of_lesson(lesson: &Lesson) -> Self {
        let form = if is_known(lesson) {
            Form::Known
        } else if is_shaped(lesson) {
            Form::Shaped
        } else if matches!(lesson.action(), Action::Example(_)) {
            Form::Template
        } else {
            Form::Prose
        };
        // Each token for itself, since words around one hide where it begins, and behind the program that it goes to.
        let trigger = lesson.trigger();
        let tool = trigger.tool.as_str();
        let mut lines = vec![tool.to_owned()];
        lines.extend(trigger.subject.iter().map(|subject| subject.as_str().to_owned()));
        for token in lesson.action().tokens() {
            lines.extend([token.as_str().to_owned(), format!("{tool} {}", token.as_str())]);
        }
        let mut findings = scan(&lines.join("\n"), "");
        // A second line repeats what the first showed.
        let mut seen = BTreeSet::new();
        findings.retain(|finding| seen.insert(finding.kind));
        Self { findings, capabilities: Capabilities::of_lesson(lesson), form, usable: true }
    }

    /// Examines a `SKILL.md`; hosts that its head names are declared.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let body = skill::parse(text.as_bytes())
            .map(|document| document.body().len())
            .unwrap_or(text.len());
        let head = text.get(..text.len() - body).unwrap_or_default().to_lowercase();
        Self {
            findings: scan(text, &head),
            capabilities: Capabilities::of_text(text),
            form: Form::Prose,
            usable: true,
        }
    }
}
