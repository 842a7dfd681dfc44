//! Reading a `SKILL.md`, leniently: the bytes stay, every key stays, and what is odd is said.

use super::yaml::{self, Oddity, Yaml, YamlError};

/// Longest frontmatter, in bytes.
pub const MAX_FRONTMATTER_BYTES: usize = 64 << 10;

/// Why a `SKILL.md` could not be read. Never quotes the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not UTF-8.
    #[error("the file is not UTF-8 (byte {0}): save it as UTF-8")]
    NotUtf8(usize),
    /// Does not begin with a line `---`.
    #[error("the file does not begin with YAML frontmatter: make its first line `---`")]
    NoFrontmatter,
    /// The frontmatter does not end with a line `---`.
    #[error("the frontmatter is not closed: end it with a line `---`")]
    NotClosed,
    /// More than [`MAX_FRONTMATTER_BYTES`].
    #[error("the frontmatter has {0} bytes, at most {MAX_FRONTMATTER_BYTES} are read")]
    FrontmatterTooLong(usize),
    /// Not YAML, even after repairs.
    #[error("the frontmatter is not readable YAML: {0}")]
    Yaml(#[from] YamlError),
    /// YAML, but no mapping.
    #[error("the frontmatter is not a list of `key: value` lines")]
    NotAMapping,
}

/// Something that was tolerated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A byte order mark before the first line.
    #[error("the file begins with a byte order mark")]
    ByteOrderMark,
    /// A value was only readable once quoted.
    #[error("line {line} of the frontmatter: read as if its value were quoted ({error})")]
    Requoted {
        /// Line of the frontmatter, from 1.
        line: usize,
        /// Error of the text as it stands.
        error: YamlError,
    },
    /// YAML that a strict reader refuses.
    #[error("line {} of the frontmatter: {}", .0.line, .0.kind.describe())]
    Odd(Oddity),
    /// `---` within the frontmatter, where simple readers would end it.
    #[error("the frontmatter contains `---`, where some readers stop")]
    DashesInside,
    /// A key that the standard does not know. Kept.
    #[error("unknown key `{0}`; put it under `metadata`")]
    UnknownKey(String),
    /// No text after the frontmatter.
    #[error("there is no text after the frontmatter")]
    EmptyBody,
    /// A body longer than the guidance, in lines.
    #[error("the body has {0} lines; keep it under {max}, move details to references/", max = super::MAX_BODY_LINES)]
    LongBody(usize),
    /// A body longer than the guidance, in tokens (estimated as four bytes each).
    #[error("the body has about {0} tokens; keep it under {max}, move details to references/", max = super::MAX_BODY_TOKENS)]
    HeavyBody(usize),
    /// A name that is not in its normal form.
    #[error("the name is not in its normal form `{0}`")]
    NameNotNormal(String),
}

/// A `SKILL.md` as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    bytes: Vec<u8>,
    fields: Vec<(String, Yaml)>,
    body: String,
    warnings: Vec<Warning>,
}

impl Document {
    /// The exact bytes that were read: writing these back is the round trip.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All keys in the order of the file, known or not.
    #[must_use]
    pub fn fields(&self) -> &[(String, Yaml)] {
        &self.fields
    }

    /// The last value of a key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Yaml> {
        self.fields.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The last value of a key when it is a text, trimmed; none when it is empty.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        let text = self.field(key)?.as_text()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The name as written, trimmed.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// The description, trimmed.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.text("description")
    }

    /// One entry of `metadata`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        match self.field("metadata")? {
            Yaml::Mapping(entries) => {
                entries.iter().rev().find(|(name, _)| name == key)?.1.as_text()
            }
            Yaml::Text(_) | Yaml::Sequence(_) => None,
        }
    }

    /// Everything after the line that closes the frontmatter.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Faults that were tolerated while reading.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Reads a `SKILL.md`, tolerating what clients in the field tolerate.
///
/// # Errors
/// Only what leaves nothing to read: no frontmatter, no UTF-8, no YAML even after quoting.
pub fn parse(bytes: &[u8]) -> Result<Document, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|e| ParseError::NotUtf8(e.valid_up_to()))?;
    let mut warnings = Vec::new();
    let text = match text.strip_prefix('\u{FEFF}') {
        Some(rest) => {
            warnings.push(Warning::ByteOrderMark);
            rest
        }
        None => text,
    };
    let (frontmatter, body) = split(text)?;
    if frontmatter.contains("---") {
        warnings.push(Warning::DashesInside);
    }
    let (root, oddities) = match yaml::read(frontmatter) {
        Ok(read) => read,
        Err(error) => {
            let (line, repaired) = requote(frontmatter, &error).ok_or(error.clone())?;
            let read = yaml::read(&repaired).map_err(|_| error.clone())?;
            warnings.push(Warning::Requoted { line, error });
            read
        }
    };
    let Yaml::Mapping(fields) = root else {
        return Err(ParseError::NotAMapping);
    };
    warnings.extend(oddities.into_iter().map(Warning::Odd));
    Ok(Document { bytes: bytes.to_vec(), fields, body: body.to_owned(), warnings })
}

/// Frontmatter and body, between and after the two lines `---`.
fn split(text: &str) -> Result<(&str, &str), ParseError> {
    let is_fence = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| is_fence(line)).ok_or(ParseError::NoFrontmatter)?;
    let start = first.len();
    let mut end = start;
    for line in lines {
        if is_fence(line) {
            return Ok((&text[start..end], &text[end + line.len()..]));
        }
        end += line.len();
        if end - start > MAX_FRONTMATTER_BYTES {
            return Err(ParseError::FrontmatterTooLong(end - start));
        }
    }
    Err(ParseError::NotClosed)
}

/// Quotes the plain values of top-level keys that contain `: ` or ` #`: the commonest way in which
/// skills in the field are not YAML (a description such as `Use when: ...`). Gives the first line that
/// changed.
fn requote(frontmatter: &str, error: &YamlError) -> Option<(usize, String)> {
    if !matches!(error, YamlError::Syntax { .. } | YamlError::Key(_)) {
        return None;
    }
    let mut first = None;
    let mut lines = Vec::new();
    for (index, line) in frontmatter.lines().enumerate() {
        match requote_line(line) {
            Some(quoted) => {
                first.get_or_insert(index + 1);
                lines.push(quoted);
            }
            None => lines.push(line.to_owned()),
        }
    }
    first.map(|line| (line, lines.join("\n") + "\n"))
}

fn requote_line(line: &str) -> Option<String> {
    let (key, value) = line.split_once(": ")?;
    let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let value = value.trim();
    let is_plain = !value.starts_with(['"', '\'', '|', '>', '[', '{', '&', '*', '!', '#']);
    let ambiguous = value.contains(": ") || value.contains(" #") || value.ends_with(':');
    (is_key && is_plain && ambiguous).then(|| format!("{key}: '{}'", value.replace('\'', "''")))
}
