//! Writing a `SKILL.md`, strictly.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::document::Document;
use super::name::SkillName;
use super::validate::{MAX_COMPATIBILITY_CHARS, MAX_DESCRIPTION_CHARS, Problem, limit};
use super::yaml::Yaml;

/// Longest key under `metadata`, in characters: YAML ends implicit keys at 1024.
pub const MAX_METADATA_KEY_CHARS: usize = 128;

/// The fields of a `SKILL.md` that this program writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillMd {
    /// Equals the directory name.
    pub name: SkillName,
    /// Text that says what it does and when to use it, 1 to 1024 characters.
    pub description: String,
    /// Licence name or file.
    pub license: Option<String>,
    /// Its needs, at most 500 characters.
    pub compatibility: Option<String>,
    /// Anything else, text to text.
    pub metadata: BTreeMap<String, String>,
    /// Tool patterns; written separated by spaces, so that none may contain white space.
    pub allowed_tools: Vec<String>,
    /// Markdown. Written with no blank line before it but one, and ending in a line feed.
    pub body: String,
}

impl SkillMd {
    /// A skill with no optional fields.
    #[must_use]
    pub fn new(name: SkillName, description: String, body: String) -> Self {
        Self {
            name,
            description,
            license: None,
            compatibility: None,
            metadata: BTreeMap::new(),
            allowed_tools: Vec::new(),
            body,
        }
    }

    /// Everything that keeps this from being written.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.description.trim().is_empty() {
            problems.push(Problem::EmptyDescription);
        }
        limit("description", &self.description, MAX_DESCRIPTION_CHARS, &mut problems);
        check("description", &self.description, &mut problems);
        if let Some(text) = &self.compatibility {
            limit("compatibility", text, MAX_COMPATIBILITY_CHARS, &mut problems);
            check("compatibility", text, &mut problems);
        }
        if let Some(text) = &self.license {
            check("license", text, &mut problems);
        }
        for (key, value) in &self.metadata {
            limit("metadata", key, MAX_METADATA_KEY_CHARS, &mut problems);
            if key.trim().is_empty() {
                problems.push(Problem::BlankMetadataKey);
            }
            check(&format!("metadata.{key}"), key, &mut problems);
            check(&format!("metadata.{key}"), value, &mut problems);
        }
        for tool in &self.allowed_tools {
            if tool.is_empty() || tool.contains(char::is_whitespace) {
                problems.push(Problem::ToolPattern);
            }
            check("allowed-tools", tool, &mut problems);
        }
        problems
    }

    /// The text of the file: one key a line, every value in double quotes.
    ///
    /// # Errors
    /// [`SkillMd::problems`], when there are any.
    pub fn write(&self) -> Result<String, Vec<Problem>> {
        let problems = self.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut out = String::from("---\n");
        let mut line = |key: &str, value: &str| {
            out.push_str(key);
            out.push_str(": ");
            out.push_str(&quote(value));
            out.push('\n');
        };
        line("name", self.name.as_str());
        line("description", &self.description);
        if let Some(license) = &self.license {
            line("license", license);
        }
        if let Some(compatibility) = &self.compatibility {
            line("compatibility", compatibility);
        }
        if !self.allowed_tools.is_empty() {
            line("allowed-tools", &self.allowed_tools.join(" "));
        }
        if !self.metadata.is_empty() {
            out.push_str("metadata:\n");
            for (key, value) in &self.metadata {
                out.push_str("  ");
                out.push_str(&quote(key));
                out.push_str(": ");
                out.push_str(&quote(value));
                out.push('\n');
            }
        }
        out.push_str("---\n\n");
        out.push_str(self.body.trim_start_matches('\n'));
        if !out.ends_with('\n') {
            out.push('\n');
        }
        Ok(out)
    }
}

impl TryFrom<&Document> for SkillMd {
    type Error = Vec<Problem>;

    /// The fields of a valid document. Its exact bytes stay in the document; writing this value gives
    /// another, equivalent text.
    fn try_from(document: &Document) -> Result<Self, Vec<Problem>> {
        let verdict = document.verdict(None);
        if !verdict.is_valid() {
            return Err(verdict.problems);
        }
        let name: SkillName = document
            .name()
            .unwrap_or_default()
            .parse()
            .map_err(|error| vec![Problem::Name(error)])?;
        let owned = |key: &str| document.field(key).and_then(Yaml::as_text).map(str::to_owned);
        let mut skill = Self::new(
            name,
            document.description().unwrap_or_default().to_owned(),
            document.body().trim_start_matches(['\n', '\r']).to_owned(),
        );
        skill.license = owned("license");
        skill.compatibility = owned("compatibility");
        if let Some(Yaml::Mapping(entries)) = document.field("metadata") {
            for (key, value) in entries {
                skill.metadata.insert(key.clone(), value.as_text().unwrap_or_default().to_owned());
            }
        }
        if let Some(tools) = document.text("allowed-tools") {
            skill.allowed_tools = tools.split_whitespace().map(str::to_owned).collect();
        }
        Ok(skill)
    }
}

/// Control characters other than line feed and tab have no business in a field, quoted or not.
fn check(key: &str, text: &str, problems: &mut Vec<Problem>) {
    let bad = |c: &char| c.is_control() && *c != '\n' && *c != '\t';
    if let Some(character) = text.chars().find(bad) {
        problems.push(Problem::ControlCharacter { key: key.to_owned(), character });
    }
}

/// A double-quoted YAML scalar on one line. Line breaks of every kind are escaped, and so is every
/// third hyphen in a row: simple readers end the frontmatter at the first `---` wherever it stands.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut hyphens = 0;
    for c in text.chars() {
        hyphens = if c == '-' { hyphens + 1 } else { 0 };
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '-' if hyphens == 3 => {
                hyphens = 0;
                out.push_str("\\x2D");
            }
            '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => {
                // SAFETY: writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
