//! Files of a version of a skill: everything in them is looked at before a person is asked.

use std::collections::BTreeSet;

use lore_protocol::ids::BlobId;
use lore_protocol::library::{RevisionItem, is_usable};
use lore_protocol::payload::FileEntry;
use lore_protocol::skill::{self, SKILL_MD, SkillName, check_manifest};

use super::capability::Capabilities;
use super::content::{Examined, Form};
use super::escape::excerpt;
use super::scan::{Finding, FindingKind, MAX_SCANNED_BYTES, scan};

/// Most findings that are listed of one version.
const MAX_FINDINGS: usize = 100;
/// Digits of a script's content id that tell it from another content: too many to be found by trying.
const CONTENT_DIGITS: usize = 20;
/// Endings of files that are programs, besides those below `scripts/`, executable ones, and those that begin with `#!`.
const SCRIPT_ENDINGS: [&str; 24] = [
    "sh", "bash", "zsh", "fish", "ksh", "py", "pyw", "js", "mjs", "cjs", "ts", "tsx", "rb", "pl",
    "pm", "php", "lua", "ps1", "psm1", "bat", "cmd", "awk", "go", "rs",
];

/// Files that an agent obeys as its settings when it finds them, by their names in lower case.
const AGENT_FILES: [&str; 14] = [
    ".cursorrules",
    "agents.md",
    "claude.md",
    "gemini.md",
    "hooks.json",
    "mcp.json",
    "openai.yaml",
    "openai.yml",
    "opencode.json",
    "plugin.json",
    "qwen.md",
    "settings.json",
    "settings.local.json",
    "skill.md",
];

/// Source of files by their ids.
pub trait Texts {
    /// Returns true when a file is here.
    fn holds(&self, blob: BlobId) -> bool;

    /// Contents of a file that is here.
    fn read(&self, blob: BlobId) -> Option<Vec<u8>>;
}

/// No file is here.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTexts;

impl Texts for NoTexts {
    fn holds(&self, _: BlobId) -> bool {
        false
    }

    fn read(&self, _: BlobId) -> Option<Vec<u8>> {
        None
    }
}

/// What of a version is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// All of it, or it has no files.
    Whole,
    /// So many of its files are not.
    Missing(usize),
    /// Its files can be no directory of a skill.
    Broken,
}

/// Returns true when a version's manifest and name are such that its files can be a directory.
pub(crate) fn is_readable(item: &RevisionItem) -> bool {
    check_manifest(&item.files).is_ok() && item.name.parse::<SkillName>().is_ok()
}

/// What of a version is here.
pub(super) fn presence(item: &RevisionItem, texts: &dyn Texts) -> Presence {
    if !is_readable(item) {
        return Presence::Broken;
    }
    match item.files.iter().filter(|file| !texts.holds(file.blob)).count() {
        0 => Presence::Whole,
        missing => Presence::Missing(missing),
    }
}

/// The `SKILL.md` of a version, when it is here.
pub fn skill_md_of(item: &RevisionItem, texts: &dyn Texts) -> Option<String> {
    let file = item.files.iter().find(|file| file.path == SKILL_MD)?;
    String::from_utf8(texts.read(file.blob)?).ok()
}

/// Returns true when a file is a program.
#[must_use]
pub fn is_script(file: &FileEntry, bytes: &[u8]) -> bool {
    let ending = file.path.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    file.executable
        || file.path.starts_with("scripts/")
        || bytes.starts_with(b"#!")
        || SCRIPT_ENDINGS.contains(&ending.as_str())
}

/// Returns true when an agent may obey a file as its settings: by its name, and in a hidden directory by its place. The
/// `SKILL.md` at the top is the skill itself.
fn is_agent_file(path: &str) -> bool {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    path != SKILL_MD
        && (lower.split('/').any(|part| part.starts_with('.')) || AGENT_FILES.contains(&name))
}

impl Examined {
    /// Examines what a version says of itself, without its files.
    #[must_use]
    pub fn of_manifest(item: &RevisionItem) -> Self {
        let paths: Vec<&str> = item.files.iter().map(|file| file.path.as_str()).collect();
        let text = format!("{}\n{}\n{}", item.name, item.description, paths.join("\n"));
        Self { findings: scan(&text, ""), ..Self::of_text("") }
    }

    /// Examines a version of a skill's base text with all its files.
    #[must_use]
    pub fn of_revision(item: &RevisionItem, texts: &dyn Texts) -> Self {
        let mut found = Self { form: Form::Prose, ..Self::of_manifest(item) };
        let text = skill_md_of(item, texts);
        found.usable = text.as_ref().is_some_and(|text| is_usable(text, item));
        let head = text.as_deref().map(head_of).unwrap_or_default();
        // A person cannot read more than this either.
        let mut left = MAX_SCANNED_BYTES;
        let (first, rest): (Vec<_>, Vec<_>) =
            item.files.iter().partition(|file| file.path == SKILL_MD);
        for file in first.into_iter().chain(rest) {
            let Some(bytes) = texts.read(file.blob) else {
                found.usable = false;
                continue;
            };
            found.add_file(file, &bytes, &head, &mut left);
        }
        let mut seen = BTreeSet::new();
        found.findings.retain(|finding| seen.insert(finding.clone()));
        found.findings.truncate(MAX_FINDINGS);
        found
    }

    fn add_file(&mut self, file: &FileEntry, bytes: &[u8], head: &str, left: &mut usize) {
        let at = |kind, text: &str| Finding {
            kind,
            excerpt: format!("{}: {text}", excerpt(&file.path)),
        };
        if is_script(file, bytes) {
            // Another content is another script.
            let content: String = file.blob.to_string().chars().take(CONTENT_DIGITS).collect();
            self.capabilities.scripts.insert(format!("{} ({content})", file.path));
        }
        if is_agent_file(&file.path) {
            self.capabilities.settings.insert(file.path.clone());
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            self.findings.push(at(FindingKind::Unreadable, &format!("{} bytes", bytes.len())));
            return;
        };
        if text.len() > *left {
            self.findings.push(at(FindingKind::TooLong, &format!("{} bytes", text.len())));
            *left = 0;
            return;
        }
        *left -= text.len();
        let findings = scan(text, head).into_iter();
        self.findings.extend(findings.map(|finding| at(finding.kind, &finding.excerpt)));
        if file.path.ends_with(".md") {
            self.capabilities.join(&Capabilities::of_text(text));
        } else if is_script(file, bytes) {
            self.capabilities.join(&Capabilities::of_script(&file.path, text));
        }
    }
}

/// The head of a `SKILL.md`, in lower case: hosts that it names are declared.
fn head_of(text: &str) -> String {
    let body = skill::parse(text.as_bytes()).map_or(text.len(), |document| document.body().len());
    text.get(..text.len().saturating_sub(body)).unwrap_or_default().to_lowercase()
}
