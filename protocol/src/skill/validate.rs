//! The strict verdict on a `SKILL.md`.

use super::document::{Document, ParseError, Warning, parse};
use super::name::{self, NameError};
use super::yaml::{Oddity, Yaml};

/// Longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 1024;
/// Longest compatibility note, in characters.
pub const MAX_COMPATIBILITY_CHARS: usize = 500;
/// A body with this many lines or more draws a warning.
pub const MAX_BODY_LINES: usize = 500;
/// A body with this many estimated tokens or more draws a warning.
pub const MAX_BODY_TOKENS: usize = 5000;

/// The top-level keys of the standard.
const KEYS: [&str; 6] =
    ["name", "description", "license", "compatibility", "metadata", "allowed-tools"];

/// A rule of the format that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing could be read.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// Readable only because readers are lenient.
    #[error("not strict YAML: {0}")]
    Tolerated(Warning),
    /// YAML that strict readers refuse.
    #[error("line {} of the frontmatter: {}; strict readers refuse it", .0.line, .0.kind.describe())]
    Odd(Oddity),
    /// A key that the standard does not know.
    #[error("unknown key `{0}`: put it under `metadata`")]
    UnknownKey(String),
    /// A required key is not there.
    #[error("the key `{0}` is missing")]
    Missing(&'static str),
    /// A key whose value must be a text and is not.
    #[error("`{0}` must be a text")]
    NotText(String),
    /// `metadata` must map texts to texts.
    #[error("`metadata` must be `key: value` lines")]
    MetadataNotMapping,
    /// A broken rule about the name.
    #[error("{0}")]
    Name(#[from] NameError),
    /// The directory is called something else.
    #[error("the name `{name}` differs from the directory name `{directory}`")]
    DirectoryDiffers {
        /// Name in the file, normal form.
        name: String,
        /// Directory as given.
        directory: String,
    },
    /// Nothing but white space.
    #[error("`description` is empty: say what the skill does and when to use it")]
    EmptyDescription,
    /// A text above its limit.
    #[error("`{key}` has {chars} characters, at most {max} are allowed")]
    TooLong {
        /// The key.
        key: &'static str,
        /// Its length, in characters.
        chars: usize,
        /// Its greatest length, in characters.
        max: usize,
    },
    /// A key under `metadata` that is blank.
    #[error("a key under `metadata` is blank")]
    BlankMetadataKey,
    /// A tool pattern that is empty or has white space in it.
    #[error(
        "a pattern in `allowed-tools` is empty or contains white space, which separates patterns"
    )]
    ToolPattern,
    /// A character that the writer does not write.
    #[error("`{key}` contains the control character {character:?}")]
    ControlCharacter {
        /// The key.
        key: String,
        /// The character.
        character: char,
    },
}

/// Findings of [`validate`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Broken rules; the skill is valid when there are none.
    pub problems: Vec<Problem>,
    /// Guidance that is not followed, and what was tolerated.
    pub warnings: Vec<Warning>,
}

impl Verdict {
    /// Returns true when every rule holds.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Judges the bytes of a `SKILL.md` found in `directory` (its last component; none skips that rule).
#[must_use]
pub fn validate(bytes: &[u8], directory: Option<&str>) -> Verdict {
    match parse(bytes) {
        Ok(document) => document.verdict(directory),
        Err(error) => Verdict { problems: vec![error.into()], warnings: Vec::new() },
    }
}

impl Document {
    /// Judges what was read; see [`validate`].
    #[must_use]
    pub fn verdict(&self, directory: Option<&str>) -> Verdict {
        let mut verdict = Verdict::default();
        for warning in self.warnings() {
            match warning {
                Warning::Odd(oddity) => verdict.problems.push(Problem::Odd(*oddity)),
                other => verdict.problems.push(Problem::Tolerated(other.clone())),
            }
        }
        for (key, _) in self.fields() {
            if !KEYS.contains(&key.as_str()) {
                verdict.problems.push(Problem::UnknownKey(key.clone()));
                verdict.warnings.push(Warning::UnknownKey(key.clone()));
            }
        }
        self.judge_name(directory, &mut verdict);
        self.judge_description(&mut verdict.problems);
        self.judge_optional(&mut verdict.problems);
        judge_body(self.body(), &mut verdict.warnings);
        verdict
    }

    /// The text of a field; a field that is there and no text is a problem.
    fn expect_text(&self, key: &'static str, problems: &mut Vec<Problem>) -> Option<&str> {
        let text = self.field(key)?.as_text();
        if text.is_none() {
            problems.push(Problem::NotText(key.to_owned()));
        }
        text
    }

    fn judge_name(&self, directory: Option<&str>, verdict: &mut Verdict) {
        if self.field("name").is_none() {
            verdict.problems.push(Problem::Missing("name"));
        }
        let Some(text) = self.expect_text("name", &mut verdict.problems) else {
            return;
        };
        verdict.problems.extend(name::problems(text).into_iter().map(Problem::Name));
        let normal = name::normal_form(text);
        if normal != text {
            verdict.warnings.push(Warning::NameNotNormal(normal.clone()));
        }
        if let Some(directory) = directory
            && name::normal_form(directory) != normal
        {
            let directory = directory.to_owned();
            verdict.problems.push(Problem::DirectoryDiffers { name: normal, directory });
        }
    }

    fn judge_description(&self, problems: &mut Vec<Problem>) {
        if self.field("description").is_none() {
            problems.push(Problem::Missing("description"));
        }
        let Some(text) = self.expect_text("description", problems) else {
            return;
        };
        if text.trim().is_empty() {
            problems.push(Problem::EmptyDescription);
        }
        limit("description", text, MAX_DESCRIPTION_CHARS, problems);
    }

    fn judge_optional(&self, problems: &mut Vec<Problem>) {
        self.expect_text("license", problems);
        self.expect_text("allowed-tools", problems);
        if let Some(text) = self.expect_text("compatibility", problems) {
            limit("compatibility", text, MAX_COMPATIBILITY_CHARS, problems);
        }
        match self.field("metadata") {
            None => {}
            Some(Yaml::Mapping(entries)) => {
                for (key, value) in entries {
                    if value.as_text().is_none() {
                        problems.push(Problem::NotText(format!("metadata.{key}")));
                    }
                }
            }
            Some(Yaml::Text(_) | Yaml::Sequence(_)) => problems.push(Problem::MetadataNotMapping),
        }
    }
}

/// Pushes a problem when `text` has more than `max` characters.
pub(super) fn limit(key: &'static str, text: &str, max: usize, problems: &mut Vec<Problem>) {
    let chars = text.chars().count();
    if chars > max {
        problems.push(Problem::TooLong { key, chars, max });
    }
}

fn judge_body(body: &str, warnings: &mut Vec<Warning>) {
    if body.trim().is_empty() {
        warnings.push(Warning::EmptyBody);
    }
    let lines = body.lines().count();
    if lines >= MAX_BODY_LINES {
        warnings.push(Warning::LongBody(lines));
    }
    let tokens = body.len() / 4;
    if tokens >= MAX_BODY_TOKENS {
        warnings.push(Warning::HeavyBody(tokens));
    }
}
