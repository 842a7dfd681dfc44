//! A skill as Select reads it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use lore_protocol::library::Rendered;
use lore_protocol::skill;

use super::Evidence;
use crate::turn::estimate;
use lore_session::SkillUse;

/// A `SKILL.md` larger than this is passed over, in bytes.
pub const MAX_SKILL_BYTES: u64 = 1 << 20;
/// Most skills that are read from one directory.
pub const MAX_SKILLS: usize = 10_000;

/// Why a directory of skills could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The directory itself cannot be listed.
    #[error("the skills in {} cannot be read: {source}; name a directory that holds one directory per skill", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Message of the system.
        source: io::Error,
    },
}

/// The file that makes a directory a skill: `SKILL.md`, or `skill.md` as some people name it. None without either.
#[must_use]
pub fn skill_file(directory: &Path) -> Option<PathBuf> {
    let names = [skill::SKILL_MD.to_owned(), skill::SKILL_MD.to_lowercase()];
    let mut files = names.into_iter().map(|name| directory.join(name));
    files.find(|file| file.symlink_metadata().is_ok())
}

/// Bytes of a skill's file, at most [`MAX_SKILL_BYTES`]. It is asked for its kind before it is opened, since opening a
/// pipe would wait for a writer.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read_skill_file(path: &Path) -> Result<Vec<u8>, String> {
    let words = |error: io::Error| error.to_string();
    if !fs::metadata(path).map_err(words)?.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(words)?;
    file.take(MAX_SKILL_BYTES + 1).read_to_end(&mut bytes).map_err(words)?;
    if bytes.len() as u64 > MAX_SKILL_BYTES {
        return Err(format!("it has more than {MAX_SKILL_BYTES} bytes"));
    }
    Ok(bytes)
}

/// A text with its place, its words and its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillText {
    /// Its name.
    pub name: String,
    /// Use of the skill: when to take it; empty when the file says nothing.
    pub description: String,
    /// Words that it is about, when known apart from the text.
    pub topics: Vec<String>,
    /// Programs that its lessons are about, with their sub-commands, when known apart from the text.
    pub tools: Vec<String>,
    /// More words by which it is found, and which no reader is shown.
    pub keywords: String,
    /// Markdown after the frontmatter.
    pub body: String,
    /// The whole `SKILL.md`.
    pub text: String,
    /// As it goes into a session that uses it.
    pub used: SkillUse,
    /// Evidence of the library about its success; none when nothing is known.
    pub evidence: Option<Evidence>,
    /// The file it was read from.
    pub path: Option<PathBuf>,
}

/// Something in a directory that is no skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Its path.
    pub path: PathBuf,
    /// Why it was passed over.
    pub reason: String,
}

/// Contents of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Its skills, by path.
    pub skills: Vec<SkillText>,
    /// Files that were passed over, by path.
    pub passed_over: Vec<PassedOver>,
}

/// Most files that are named as passed over.
const MAX_NAMED: usize = 5;

impl Scan {
    /// Lines that say what was passed over: some files by name, and how many more there are.
    #[must_use]
    pub fn passed_over_words(&self) -> Vec<String> {
        let named = self.passed_over.iter().take(MAX_NAMED);
        let named = named.map(|one| format!("passed over: {}: {}", one.path.display(), one.reason));
        let more = self.passed_over.len().saturating_sub(MAX_NAMED);
        let more = (more > 0).then(|| {
            format!("passed over: {more} more; `lore skill validate DIR` judges every skill")
        });
        named.chain(more).collect()
    }
}

impl SkillText {
    /// Reads the skills of the directories in `dir`, and says what was left out.
    ///
    /// # Errors
    /// Fails when `dir` cannot be listed.
    pub fn scan_dir(dir: &Path) -> Result<Scan, SelectError> {
        let at = |source| SelectError::Directory { path: dir.to_owned(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(dir).map_err(at)? {
            files.extend(skill_file(&entry.map_err(at)?.path()));
        }
        // Directory order is the file system's.
        files.sort();
        let mut scan = Scan::default();
        for path in files {
            let read = if scan.skills.len() == MAX_SKILLS {
                Err(format!("more than {MAX_SKILLS} skills"))
            } else {
                Self::read_file(&path)
            };
            match read {
                Ok(skill) => scan.skills.push(skill),
                Err(reason) => scan.passed_over.push(PassedOver { path, reason }),
            }
        }
        Ok(scan)
    }

    fn read_file(path: &Path) -> Result<Self, String> {
        let bytes = read_skill_file(path)?;
        let mut skill = Self::parse(&bytes)?;
        skill.path = Some(path.to_owned());
        Ok(skill)
    }

    /// Reads a `SKILL.md`, leniently: it needs frontmatter and a name.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document = skill::parse(bytes).map_err(|error| error.to_string())?;
        let name = document.name().ok_or("it has no name")?;
        if name.chars().count() > skill::MAX_NAME_CHARS || name.contains(char::is_control) {
            return Err("its name is too long or holds control characters".to_owned());
        }
        let metadata = |key: &str| document.metadata(key);
        Ok(Self {
            name: name.to_owned(),
            description: document.description().unwrap_or_default().to_owned(),
            topics: Vec::new(),
            tools: Vec::new(),
            keywords: String::new(),
            body: document.body().trim().to_owned(),
            text: String::from_utf8_lossy(document.bytes()).into_owned(),
            used: SkillUse {
                skill: metadata("lore-skill").and_then(|id| id.parse().ok()),
                revision: metadata("lore-revision").and_then(|id| id.parse().ok()),
                state: metadata("lore-skill-state").and_then(|id| id.parse().ok()),
                lessons: BTreeSet::new(),
                name: name.to_owned(),
            },
            evidence: None,
            path: None,
        })
    }

    /// A skill as the library renders it, with what the library knows of it.
    ///
    /// # Errors
    /// Fails when the text is no `SKILL.md`, which a rendered one always is.
    pub fn rendered(rendered: &Rendered, evidence: Option<Evidence>) -> Result<Self, String> {
        let read = Self::parse(rendered.text.as_bytes())?;
        Ok(Self { topics: rendered.topics.clone(), evidence, ..read })
    }

    /// Text that a model is shown of it: name, description and body, without the frontmatter.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}\n\n{}\n", self.summary(), self.body)
    }

    /// One line: name and description.
    #[must_use]
    pub fn summary(&self) -> String {
        // A description may hold line breaks; a line of a listing may not.
        let about: Vec<&str> = self.description.split_whitespace().collect();
        format!("{}: {}", self.name, about.join(" "))
    }

    /// Estimated tokens of [`shown`](Self::shown).
    #[must_use]
    pub fn tokens(&self) -> u64 {
        estimate(&self.shown())
    }

    /// Estimated tokens of [`summary`](Self::summary).
    #[must_use]
    pub fn summary_tokens(&self) -> u64 {
        estimate(&self.summary())
    }
}
