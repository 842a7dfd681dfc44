//! An item of the shelf as a person reads it.

use lore_control as control;
use lore_engine::shelf::{Item, Shelf, Shelved, Standing, Texts, escaped, skill_md_of};
use lore_protocol::ids::{LessonId, RevisionId};
use lore_protocol::library::{Library, RevisionItem};
use lore_protocol::payload::ItemId;

use super::Node;
use super::convert::{self, count};
use super::shelf::needs_consent;
use super::texts::Stored;
use super::versions::patch;

/// Longest line of a difference, in characters.
const MAX_LINE_CHARS: usize = 240;
/// Most lines of one difference.
const MAX_LINES: usize = 500;

impl Node {
    pub(super) fn review_item(&self, shelf: &Shelf, one: &Shelved) -> control::ReviewItem {
        let found = self.engine.federations().get(&one.federation);
        let estimate = found.and_then(|found| {
            let item = match &one.item {
                Item::Lesson(id, _) => ItemId::Lesson(*id),
                Item::Text(id, ..) => ItemId::Revision(*id),
            };
            found.library().estimate(found.log().charter(), item, 0)
        });
        let why = match &one.standing {
            Standing::Waiting(why) => why.iter().map(|why| why.words().to_owned()).collect(),
            Standing::OnShelf(ground) => vec![ground.name().to_owned()],
            _ => Vec::new(),
        };
        let text = self.text_item(one);
        let mut diff = match text {
            Some((_, item)) => self.text_difference(shelf, one, item),
            None => self.difference(shelf, one).unwrap_or_default(),
        };
        let more_lines = diff.len().saturating_sub(MAX_LINES);
        diff.truncate(MAX_LINES);
        let name = found.map(|found| escaped(&found.log().charter().name));
        control::ReviewItem {
            id: control::Hash::of(one.id),
            federation: control::FederationId::of(one.federation),
            federation_name: name.unwrap_or_default(),
            text: advice(&one.item),
            standing: convert::standing(&one.standing),
            why,
            authors: one.authors.iter().map(control::MemberId::of).collect(),
            members: count(one.voices),
            evidence: estimate.as_ref().map(convert::interval),
            sessions: estimate.map_or(0, |estimate| estimate.sessions),
            capabilities: convert::capabilities(&one.widening),
            findings: convert::findings(&one.examined.findings),
            skill: control::SkillId::of(one.skill),
            revision: text.map(|(id, _)| control::RevisionId::of(id)),
            files: text.map_or_else(Vec::new, |(_, item)| {
                item.files.iter().map(convert::skill_file).collect()
            }),
            diff,
            more_lines: count(more_lines),
            needs_consent: needs_consent(one),
        }
    }

    /// The version that an item is, if it is one.
    fn text_item(&self, one: &Shelved) -> Option<(RevisionId, &RevisionItem)> {
        let Item::Text(id, ..) = &one.item else { return None };
        let library = self.engine.federations().get(&one.federation)?.library();
        Some((*id, library.skills.get(&one.skill)?.revisions.get(id)?))
    }

    /// A patch from the version in use to this one, over all files; empty while they are not here.
    fn text_difference(&self, shelf: &Shelf, one: &Shelved, item: &RevisionItem) -> Vec<String> {
        if one.standing.is_on_shelf() || self.engine.missing_files(item) > 0 {
            return Vec::new();
        }
        let stored = Stored(&self.engine);
        let part = shelf.library(one.federation).and_then(|part| part.skills.get(&one.skill));
        let used = part.and_then(|skill| skill.revisions.get(skill.heads.get(&0)?));
        let used = used.filter(|used| used.author.is_some());
        patch(used.map(|used| (used, &stored as &dyn Texts)), (item, &stored))
            .iter()
            .map(|line| line.chars().take(MAX_LINE_CHARS).collect())
            .collect()
    }

    /// The text of a skill as it would be with an item: the item's own text, or the lessons on the shelf and this one.
    pub(super) fn text_with(&self, shelf: &Shelf, one: &Shelved) -> Option<String> {
        match &one.item {
            Item::Lesson(id, _) => self.text_of_lessons(shelf, one, Some(*id)),
            Item::Text(..) => {
                let (_, item) = self.text_item(one)?;
                skill_md_of(item, &Stored(&self.engine))
            }
        }
    }

    /// The text that the lessons of a skill make that are on the shelf, and one more.
    fn text_of_lessons(
        &self,
        shelf: &Shelf,
        one: &Shelved,
        more: Option<LessonId>,
    ) -> Option<String> {
        let library = self.engine.federations().get(&one.federation)?.library();
        let siblings = library.skills.get(&one.skill)?;
        let part: Library = library.only(
            |lesson| {
                siblings.lessons.contains(&lesson)
                    && (shelf.holds(one.federation, lesson) || more == Some(lesson))
            },
            |_| true,
        );
        let all = part.render(0).ok()?;
        all.into_iter().find(|skill| skill.skill == one.skill).map(|skill| skill.text)
    }

    /// Lines that an item would add to the text of its skill, and take away from it; none when it is there already.
    fn difference(&self, shelf: &Shelf, one: &Shelved) -> Option<Vec<String>> {
        let Item::Lesson(id, _) = &one.item else { return None };
        if one.standing.is_on_shelf() {
            return None;
        }
        let old = self.text_of_lessons(shelf, one, None).unwrap_or_default();
        let new = self.text_of_lessons(shelf, one, Some(*id))?;
        let mut lines = missing('-', &old, &new);
        lines.extend(missing('+', &new, &old));
        Some(lines)
    }
}

/// Lines of one text that another lacks, without empty ones and the head's ids.
fn missing(sign: char, of: &str, other: &str) -> Vec<String> {
    let theirs: std::collections::BTreeSet<&str> = other.lines().collect();
    let lines = of.lines().filter(|line| {
        let is_id = line.trim_start_matches([' ', '"']).starts_with("lore-");
        !line.trim().is_empty() && !theirs.contains(line) && !is_id
    });
    lines
        .map(|line| {
            let cut: String = line.chars().take(MAX_LINE_CHARS).collect();
            format!("{sign} {}", escaped(&cut))
        })
        .collect()
}

/// The advice of an item in words, escaped for a terminal.
pub(super) fn advice(item: &Item) -> String {
    match item {
        Item::Lesson(_, lesson) => escaped(&lesson.to_string()),
        Item::Text(_, name, description) => {
            format!("text of the skill `{}`: {}", escaped(name), escaped(description))
        }
    }
}
