//! Rendering: from the state of a skill to the `SKILL.md` that an agent reads. Deterministic.
//!
//! A skill that began as lessons is shown as measurements with small models teach: topic words as
//! title, when to use it, the best supported worked example with its placeholders, then what else was
//! learnt. A skill with a base text keeps that text and gets a section with its lessons.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::drift::LessonState;
use super::item::{LessonItem, Library};
use crate::ids::{LessonId, MemberId, RevisionId, SkillId};
use crate::lesson::{Action, ErrorClass, Lesson, Op, Token, Word, group_key};
use crate::payload::RevokeTarget;
use crate::skill::{Problem, SkillMd, SkillName};

/// Most lessons of one skill that are shown.
pub const MAX_SHOWN: usize = 8;
/// Most words in a name.
const NAME_WORDS: usize = 4;

/// A skill as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The skill.
    pub skill: SkillId,
    /// The revision that outcomes of this text count for.
    pub revision: RevisionId,
    /// Directory and skill name.
    pub name: SkillName,
    /// One or two sentences: when to use it.
    pub description: String,
    /// Topic words of the lessons shown.
    pub topics: Vec<String>,
    /// The whole `SKILL.md`.
    pub text: String,
}

impl Library {
    /// Every skill that has something to show, by skill. In `context`, 0 for the charter's first.
    ///
    /// # Errors
    /// Fails when a text cannot be written as a `SKILL.md`; lessons and words of the grammar always can.
    pub fn render(&self, context: u16) -> Result<Vec<Rendered>, Vec<Problem>> {
        let shown: Vec<SkillId> =
            self.skills.keys().filter(|id| !self.lessons_of(**id).is_empty()).copied().collect();
        let base: BTreeMap<SkillId, String> =
            shown.iter().map(|id| (*id, self.base_name(*id))).collect();
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<&String> = base.values().filter(|name| !seen.insert(*name)).collect();
        base.iter()
            .filter_map(|(id, name)| {
                let name = if twice.contains(name) {
                    format!("{name}-{}", id.short())
                } else {
                    name.clone()
                };
                let revision = self.head(*id, context)?;
                Some(self.render_one(*id, revision, name))
            })
            .collect()
    }

    fn head(&self, skill: SkillId, context: u16) -> Option<RevisionId> {
        let found = self.skills.get(&skill)?;
        let head = found.heads.get(&context).or_else(|| found.revisions.keys().next())?;
        (!self.is_revoked(RevokeTarget::Revision(*head))).then_some(*head)
    }

    /// Topic words of the best lesson that has any, and the tool.
    fn base_name(&self, skill: SkillId) -> String {
        let lessons = self.lessons_of(skill);
        let titled = lessons.iter().find(|(id, _)| !self.topics_of(*id).is_empty());
        let mut words: Vec<String> = Vec::new();
        if let Some((id, _)) = titled {
            words.extend(self.topics_of(*id).into_iter().take(2).map(|word| word.as_str().into()));
        }
        if let Some((_, item)) = lessons.first() {
            // The program of a whole skill, and not the sub-command that its first lesson is about.
            words.push(slug(group_key(&item.lesson).tool.as_str()));
            if titled.is_none() {
                words.extend(group_key(&item.lesson).subject.map(|token| slug(token.as_str())));
            }
        }
        let mut name = words
            .iter()
            .filter(|word| !word.is_empty())
            .take(NAME_WORDS)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("-");
        name.truncate(48);
        let name = name.trim_matches('-');
        if name.is_empty() { "skill".into() } else { name.into() }
    }

    fn render_one(
        &self,
        skill: SkillId,
        revision: RevisionId,
        name: String,
    ) -> Result<Rendered, Vec<Problem>> {
        let lessons = self.lessons_of(skill);
        let shown: Vec<_> = lessons.into_iter().take(MAX_SHOWN).collect();
        let topics = self.shown_topics(&shown);
        let tool = shown.first().map(|(_, item)| group_key(&item.lesson).tool);
        let tool = tool.as_ref().map_or("", Token::as_str);
        let description = if topics.is_empty() {
            format!("How to use {tool} here, learnt from sessions that failed first.")
        } else {
            format!("How to do tasks about {} with {tool} here.", topics.join(", "))
        };
        let name: SkillName = name.parse().map_err(|error| vec![Problem::Name(error)])?;
        let mut md = SkillMd::new(name.clone(), description.clone(), self.body(&shown, &topics));
        let state = self.skill_state(skill);
        md.metadata = BTreeMap::from([
            ("lore-skill".to_owned(), skill.to_string()),
            ("lore-revision".to_owned(), revision.to_string()),
            ("lore-skill-state".to_owned(), state.to_string()),
        ]);
        let text = md.write()?;
        Ok(Rendered { skill, revision, name, description, topics, text })
    }

    /// Lessons that a skill shows, the best first.
    #[must_use]
    pub fn shown_lessons(&self, skill: SkillId) -> Vec<LessonId> {
        self.lessons_of(skill).into_iter().take(MAX_SHOWN).map(|(id, _)| id).collect()
    }

    fn shown_topics(&self, shown: &[(LessonId, &LessonItem)]) -> Vec<String> {
        let mut topics: Vec<String> = Vec::new();
        for (id, _) in shown {
            for word in self.topics_of(*id).into_iter().map(Word::as_str) {
                if !topics.iter().any(|known| known == word) {
                    topics.push(word.to_owned());
                }
            }
        }
        topics.truncate(6);
        topics
    }

    fn body(&self, shown: &[(LessonId, &LessonItem)], topics: &[String]) -> String {
        let mut body = String::new();
        if !topics.is_empty() {
            let _ = writeln!(body, "# {}\n", topics.join(" "));
            let _ =
                writeln!(body, "## When to use it\n\nThe task is about {}.\n", topics.join(", "));
        }
        let examples: Vec<_> = shown
            .iter()
            .filter_map(|(id, item)| Some((id, item, item.lesson.example()?)))
            .collect();
        if !examples.is_empty() {
            body.push_str("## What worked\n\n");
            body.push_str(
                "Put the task's own values where `<arg>` stands, and the file it asks for where \
                 `<out>` stands.\n\n",
            );
            for (_, item, template) in &examples {
                let _ = writeln!(body, "```bash\n{}\n```\n", template.as_str());
                let _ = writeln!(body, "{}\n", self.provenance(item));
            }
        }
        // Checks before the rest: whoever did the task reads on only when it did not work.
        let (checks, rest): (Vec<&LessonItem>, Vec<&LessonItem>) = shown
            .iter()
            .map(|(_, item)| *item)
            .filter(|item| item.lesson.example().is_none())
            .partition(|item| item.lesson.op() == Op::Verify);
        let (pitfalls, rest): (Vec<&LessonItem>, Vec<&LessonItem>) =
            rest.into_iter().partition(|item| item.lesson.op() == Op::Fix);
        if !pitfalls.is_empty() {
            body.push_str(
                "## Pitfalls\n\n| When this fails | What works | Evidence |\n|---|---|---|\n",
            );
            for item in pitfalls {
                let fails = symptom(&item.lesson);
                let works = works(&item.lesson) + &self.change(&item.lesson);
                let evidence = self.provenance(item);
                let _ = writeln!(body, "| {} | {} | {evidence} |", cell(&fails), cell(&works));
            }
            body.push('\n');
        }
        for (heading, items) in [("Check", checks), ("Learnt in the field", rest)] {
            let line = |item: &&LessonItem| {
                format!("- {} ({})", advice(&item.lesson), self.provenance(item))
            };
            let lines: Vec<String> = items.iter().map(line).collect();
            if !lines.is_empty() {
                let _ = writeln!(body, "## {heading}\n\n{}\n", lines.join("\n"));
            }
        }
        body
    }

    /// Says that a remedy stopped working; empty while it works.
    fn change(&self, lesson: &Lesson) -> String {
        match self.lesson_state(lesson.id()) {
            LessonState::Steady => String::new(),
            LessonState::Drifting { since } => {
                format!(" (stopped working around epoch {since}: try another way)")
            }
            LessonState::Dormant { since } => format!(" (not met since epoch {since})"),
        }
    }

    /// Names the finders of a lesson. A member and those that it vouched for count as one.
    fn provenance(&self, item: &LessonItem) -> String {
        let count = |authors: Vec<MemberId>| match self.voices_of(authors).len() {
            1 => "one member".to_owned(),
            n => format!("{n} members"),
        };
        if item.authored.is_empty() {
            let members = count(item.support.keys().copied().collect());
            format!("Found by users of {members} of the federation.")
        } else {
            format!("Written by hand by {}.", count(item.authored.iter().copied().collect()))
        }
    }
}

/// A lesson in one line.
fn advice(lesson: &Lesson) -> String {
    let trigger = lesson.trigger();
    let tool = trigger.tool.as_str();
    let verb = match lesson.op() {
        Op::Fix => format!("When `{tool}` fails"),
        Op::Prefer => format!("With `{tool}`"),
        Op::Avoid => format!("With `{tool}`, avoid this"),
        Op::Precondition => format!("Before `{tool}`"),
        Op::Verify => format!("After `{tool}`"),
    };
    format!("{verb}: {}", works(lesson))
}

/// What a lesson says to do, in words.
fn works(lesson: &Lesson) -> String {
    match lesson.action() {
        Action::Example(template) => format!("`{}`", template.as_str()),
        Action::UseArgument { old, new } => {
            format!("use `{}` instead of `{}`", new.as_str(), old.as_str())
        }
        Action::AddFlag(flag) => format!("add `{}`", flag.as_str()),
        Action::DropFlag(flag) => format!("leave out `{}`", flag.as_str()),
        Action::RunFirst(template) => format!("run `{}` first", template.as_str()),
        Action::UseTool(tool) => format!("use `{}`", tool.as_str()),
        Action::SetEnv(name) => format!("set the variable `{}`", name.as_str()),
        Action::Install(package) => format!("install `{}`", package.as_str()),
        Action::UseEndpoint(endpoint) => format!("use the endpoint `{}`", endpoint.as_str()),
        Action::CheckThat(predicate) => format!("check that {}", predicate.as_str()),
        Action::Order { first, then } => {
            format!("do `{}` first, then `{}`", first.as_str(), then.as_str())
        }
        Action::InDirectory(place) => format!("run it in {}", place.as_str()),
        Action::WithOption(option) => format!("make the call with {}", option.as_str()),
        Action::Retry(reason) => format!("wait and try again ({})", reason.as_str()),
    }
}

/// What fails, in words.
fn symptom(lesson: &Lesson) -> String {
    let trigger = lesson.trigger();
    let mut text = format!("`{}`", trigger.tool.as_str());
    if trigger.error != ErrorClass::None {
        let _ = write!(text, ": {}", trigger.error);
    }
    if let Some(subject) = &trigger.subject {
        let _ = write!(text, " (`{}`)", subject.as_str());
    }
    text
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Lower-case letters and digits, single hyphens between.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(24);
    slug.trim_matches('-').to_owned()
}
