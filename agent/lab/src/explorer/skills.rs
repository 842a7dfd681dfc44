//! Exported skills as the explorer reads them: a directory of `SKILL.md` files, nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lore_protocol::lesson::{instantiate, templatise};
use lore_protocol::skill;

use super::candidate::{last_program, quoted_commands};
use lore_session::SkillUse;

/// A skill file larger than this is not one, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Share of the cited command that must stand in an example when no topic is shared, in percent. A wrong
/// guess costs one attempt, and without a skill the outdated command costs one as well.
const LIKE_ENOUGH_PERCENT: u64 = 75;

/// Why skills could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the skills in {} cannot be read: {source}", path.display())]
pub struct SkillsError {
    path: PathBuf,
    source: std::io::Error,
}

/// The skills at hand.
#[derive(Debug, Clone, Default)]
pub struct Skills {
    skills: Vec<Skill>,
    /// In how many skills a word stands.
    spread: BTreeMap<String, usize>,
}

/// One skill.
#[derive(Debug, Clone)]
pub(super) struct Skill {
    /// As it goes into the session.
    pub(super) used: SkillUse,
    /// Words of its name, description and headings.
    words: BTreeSet<String>,
    /// Its worked examples, in order.
    templates: Vec<String>,
}

/// The contents of `dir/*/SKILL.md`, in the order of their paths: ours decides between equal skills, not
/// the file system's.
pub(crate) fn read_skill_files(dir: &Path) -> Result<Vec<Vec<u8>>, SkillsError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| SkillsError { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(at(dir))? {
        let file = entry.map_err(at(dir))?.path().join("SKILL.md");
        if file.metadata().is_ok_and(|meta| meta.len() <= MAX_FILE_BYTES) {
            files.push(file);
        }
    }
    files.sort();
    files.iter().map(|file| std::fs::read(file).map_err(at(file))).collect()
}

impl Skills {
    /// Reads `dir/*/SKILL.md`. A directory without one is passed over.
    ///
    /// # Errors
    /// Fails when `dir` or a file in it cannot be read.
    pub fn load(dir: &Path) -> Result<Self, SkillsError> {
        let skills: Vec<Skill> =
            read_skill_files(dir)?.iter().map(|bytes| Skill::read(bytes)).collect();
        let mut spread = BTreeMap::new();
        for word in skills.iter().flat_map(|skill| &skill.words) {
            *spread.entry(word.clone()).or_default() += 1;
        }
        Ok(Self { skills, spread })
    }

    /// The skill that fits a prompt best, if one fits at all: it must work on the program that the
    /// prompt cites, and share a topic with the prompt or most of the cited command.
    pub(super) fn best(&self, prompt: &str) -> Option<&Skill> {
        let cited = quoted_commands(prompt).into_iter().next();
        let cited = cited.map(|command| match templatise(&command, prompt) {
            // Values of this task stand in no example.
            Ok(template) => template.as_str().to_owned(),
            Err(_) => command,
        });
        let asked = words(&without_commands(prompt));
        let mut best: Option<(u64, &Skill)> = None;
        for skill in &self.skills {
            let score = self.topic_score(skill, &asked);
            let likeness = cited.as_deref().and_then(|cited| skill.likeness(cited));
            let alike = |percent| {
                // A program that only prepares in the example is not what it is about.
                percent >= LIKE_ENOUGH_PERCENT
                    && cited.as_deref().is_some_and(|c| skill.ends_like(c))
            };
            let fits = likeness.is_some_and(|percent| score > 0 || alike(percent));
            // A shared topic weighs more than any likeness of commands.
            let total = score * 1_000 + likeness.unwrap_or(0);
            if fits && best.is_none_or(|(most, _)| total > most) {
                best = Some((total, skill));
            }
        }
        best.map(|(_, skill)| skill)
    }

    /// Words of the prompt that the skill is about; a word of few skills says more.
    fn topic_score(&self, skill: &Skill, asked: &BTreeSet<String>) -> u64 {
        let shared = skill.words.intersection(asked);
        let all = self.skills.len() as u64;
        shared
            .map(|word| {
                let spread = self.spread.get(word).copied().unwrap_or(1).max(1) as u64;
                // A word of every skill tells nothing about any, unless there is only one skill.
                if spread == all && all > 1 { 0 } else { 10 * all / spread }
            })
            .sum()
    }
}

impl Skill {
    fn read(bytes: &[u8]) -> Self {
        let document = skill::parse(bytes).ok();
        let name = document.as_ref().and_then(|d| d.name()).unwrap_or_default().to_owned();
        let description = document.as_ref().and_then(|d| d.description()).unwrap_or_default();
        let metadata = |key: &str| document.as_ref().and_then(|d| d.metadata(key));
        let body = document.as_ref().map_or("", |d| d.body());
        let headings = body.lines().filter(|line| line.starts_with('#'));
        let about: Vec<&str> = [name.as_str(), description].into_iter().chain(headings).collect();
        Self {
            words: words(&about.join(" ")),
            templates: fenced(body),
            used: SkillUse {
                skill: metadata("lore-skill").and_then(|id| id.parse().ok()),
                revision: metadata("lore-revision").and_then(|id| id.parse().ok()),
                state: metadata("lore-skill-state").and_then(|id| id.parse().ok()),
                lessons: BTreeSet::new(),
                name,
            },
        }
    }

    /// The worked examples with the values of `prompt` filled in; one that does not fit is left out.
    pub(super) fn instances(&self, prompt: &str) -> Vec<String> {
        let templates = self.templates.iter();
        templates.filter_map(|template| instantiate(template, prompt)).collect()
    }

    /// Returns true when the first example and the cited command end in the same program.
    fn ends_like(&self, cited: &str) -> bool {
        let example = self.templates.first().and_then(|example| last_program(example));
        example.is_some() && example == last_program(cited)
    }

    /// Share of the cited command that stands in the first example, in percent; None when the program
    /// does not.
    fn likeness(&self, cited: &str) -> Option<u64> {
        let example = pieces(self.templates.first()?);
        let program = cited.split_whitespace().next()?;
        if !example.contains(program) {
            return None;
        }
        let cited = pieces(cited);
        let shared = cited.intersection(&example).count() as u64;
        Some(100 * shared / cited.len().max(1) as u64)
    }
}

/// Fenced blocks of a shell, or of nothing in particular.
pub(crate) fn fenced(body: &str) -> Vec<String> {
    let (mut blocks, mut open): (Vec<String>, Option<(bool, String)>) = (Vec::new(), None);
    for line in body.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(kind)) => {
                let shell = ["", "bash", "sh", "shell"].contains(&kind.trim());
                open = Some((shell, String::new()));
            }
            (Some((shell, text)), Some(_)) => {
                if *shell && !text.trim().is_empty() {
                    blocks.push(text.trim().to_owned());
                }
                open = None;
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

fn without_commands(prompt: &str) -> String {
    let parts = prompt.split('`').enumerate();
    let prose: Vec<&str> = parts.filter(|(nth, _)| nth % 2 == 0).map(|(_, part)| part).collect();
    prose.join(" ")
}

/// Lower-case words of four letters and more: shorter ones are seldom topics.
fn words(text: &str) -> BTreeSet<String> {
    let all = text.split(|c: char| !c.is_ascii_alphabetic());
    all.filter(|word| word.len() >= 4).map(str::to_ascii_lowercase).collect()
}

/// The parts of a command line between punctuation.
fn pieces(command: &str) -> BTreeSet<String> {
    let all = command.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    all.filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}
