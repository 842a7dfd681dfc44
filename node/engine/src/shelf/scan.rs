//! Content scan: what in a text of another member may harm who reads it, or the agent that does.
//!
//! Patterns are data (`data/scan.txt`); characters are looked at one by one. Linear in the text, of which at most
//! [`MAX_SCANNED_BYTES`] are read. A finding is a reason to ask a person and no proof.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use super::characters::suspicious;
use super::escape::excerpt;
use super::hosts::{hosts_in, is_public_place};

/// Bytes of a text that are read; a longer one is a finding.
pub const MAX_SCANNED_BYTES: usize = 1 << 20;
/// Findings of one kind that are listed.
const MAX_OF_A_KIND: usize = 3;

/// Kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Characters that are not seen.
    HiddenText,
    /// Characters that turn the direction of writing.
    Bidi,
    /// Characters of the tag block, a copy of ASCII that is not seen.
    TagCharacters,
    /// Control characters.
    ControlCharacters,
    /// Letters that pass for others.
    Homoglyphs,
    /// Something downloaded is run.
    DownloadAndRun,
    /// An encoded command is run.
    EncodedCommand,
    /// Keys and passwords are read.
    CredentialAccess,
    /// Data is sent away.
    Upload,
    /// A command names a host that the text does not declare.
    UndeclaredHost,
    /// Something is to be kept from a person.
    Concealment,
    /// Instructions to an agent.
    Injection,
    /// Marks of this program or of a model.
    Marker,
    /// Something is deleted for good.
    Destructive,
    /// Something stays and runs again.
    Persistence,
    /// A protection is switched off.
    WeakenedProtection,
    /// All tools are asked for.
    EveryTool,
    /// A package comes from an address.
    RemotePackage,
    /// The text is too long to be read.
    TooLong,
    /// The file is no text.
    Unreadable,
}

impl FindingKind {
    /// All kinds.
    pub const ALL: [Self; 20] = [
        Self::HiddenText,
        Self::Bidi,
        Self::TagCharacters,
        Self::ControlCharacters,
        Self::Homoglyphs,
        Self::DownloadAndRun,
        Self::EncodedCommand,
        Self::CredentialAccess,
        Self::Upload,
        Self::UndeclaredHost,
        Self::Concealment,
        Self::Injection,
        Self::Marker,
        Self::Destructive,
        Self::Persistence,
        Self::WeakenedProtection,
        Self::EveryTool,
        Self::RemotePackage,
        Self::TooLong,
        Self::Unreadable,
    ];

    /// The word for it in JSON and in the data file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HiddenText => "hidden_text",
            Self::Bidi => "bidi",
            Self::TagCharacters => "tag_characters",
            Self::ControlCharacters => "control_characters",
            Self::Homoglyphs => "homoglyphs",
            Self::DownloadAndRun => "download_and_run",
            Self::EncodedCommand => "encoded_command",
            Self::CredentialAccess => "credential_access",
            Self::Upload => "upload",
            Self::UndeclaredHost => "undeclared_host",
            Self::Concealment => "concealment",
            Self::Injection => "injection",
            Self::Marker => "marker",
            Self::Destructive => "destructive",
            Self::Persistence => "persistence",
            Self::WeakenedProtection => "weakened_protection",
            Self::EveryTool => "every_tool",
            Self::RemotePackage => "remote_package",
            Self::TooLong => "too_long",
            Self::Unreadable => "unreadable",
        }
    }

    /// The risk of the OWASP Agentic Skills Top 10 that it belongs to, such as `AST01`.
    #[must_use]
    pub fn owasp(self) -> &'static str {
        match self {
            Self::HiddenText | Self::Bidi | Self::TagCharacters | Self::ControlCharacters => {
                "AST01"
            }
            Self::Homoglyphs => "AST04",
            Self::UndeclaredHost => "AST03",
            Self::TooLong | Self::Unreadable => "AST08",
            other => RULES.about.get(&other).map_or("AST01", |about| about.0),
        }
    }

    /// The danger, in plain words.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::HiddenText => "It holds characters that you do not see and an agent reads.",
            Self::Bidi => {
                "It turns the direction of writing, so that you read another order than an agent."
            }
            Self::TagCharacters => {
                "It holds a copy of ASCII that nothing shows: a text for the agent alone."
            }
            Self::ControlCharacters => {
                "It holds control characters: on a terminal they can rewrite what you see."
            }
            Self::Homoglyphs => {
                "Letters of another alphabet pass for Latin ones: the name is not what it looks like."
            }
            Self::UndeclaredHost => {
                "A command reaches a host that the text does not declare in its head."
            }
            Self::TooLong => "It is too long to be read, by the scan and by you.",
            Self::Unreadable => "It is no text: neither the scan nor you can read what it does.",
            other => RULES.about.get(&other).map_or("", |about| about.1),
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Its kind.
    pub kind: FindingKind,
    /// The place, escaped for a terminal.
    pub excerpt: String,
}

struct Rule {
    kind: FindingKind,
    /// True when it is looked for in the text with single spaces.
    prose: bool,
    pattern: Regex,
}

struct Rules {
    rules: Vec<Rule>,
    /// AST id and danger by kind.
    about: BTreeMap<FindingKind, (&'static str, &'static str)>,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    // SAFETY: a constant file, parsed by the tests.
    #[allow(clippy::expect_used)]
    rules(include_str!("../../data/scan.txt")).expect("the rules of the scan can be read")
});

fn rules(file: &'static str) -> Result<Rules, String> {
    let mut found = Rules { rules: Vec::new(), about: BTreeMap::new() };
    let mut kind = None;
    let mut lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    while let Some(line) = lines.next() {
        let heading = line.strip_prefix('[').and_then(|rest| rest.split_once("] AST"));
        if let Some((name, _)) = heading {
            let known = FindingKind::ALL.into_iter().find(|kind| kind.name() == name);
            let known = known.ok_or_else(|| format!("unknown kind: {line}"))?;
            let owasp = line.rsplit(' ').next().unwrap_or_default();
            found.about.insert(known, (owasp, lines.next().unwrap_or_default()));
            kind = Some(known);
            continue;
        }
        let kind = kind.ok_or_else(|| format!("no kind before: {line}"))?;
        let (prose, pattern) =
            line.strip_prefix("text:").map_or((false, line), |rest| (true, rest));
        let pattern = RegexBuilder::new(pattern)
            .case_insensitive(true)
            .unicode(false)
            .build()
            .map_err(|error| format!("{line}: {error}"))?;
        found.rules.push(Rule { kind, prose, pattern });
    }
    Ok(found)
}

/// Everything suspicious in a text, at most a few of each kind. `declared` are hosts that it declares.
#[must_use]
pub fn scan(text: &str, declared: &str) -> Vec<Finding> {
    let mut found = Found::default();
    let read = beginning(text, MAX_SCANNED_BYTES);
    if read.len() < text.len() {
        found.add(FindingKind::TooLong, &format!("{} bytes", text.len()));
    }
    for (kind, at) in suspicious(read) {
        found.add(kind, around(read, at));
    }
    let prose = single_spaced(read);
    for rule in &RULES.rules {
        let text = if rule.prose { prose.as_str() } else { read };
        for place in rule.pattern.find_iter(text.as_bytes()).take(MAX_OF_A_KIND) {
            found.add(rule.kind, &String::from_utf8_lossy(place.as_bytes()));
        }
    }
    for code in code_of(read) {
        for host in hosts_in(code) {
            if !is_public_place(&host) && !declared.contains(&host) {
                found.add(FindingKind::UndeclaredHost, &host);
            }
        }
    }
    found.0.into_values().flatten().collect()
}

#[derive(Default)]
struct Found(BTreeMap<FindingKind, Vec<Finding>>);

impl Found {
    fn add(&mut self, kind: FindingKind, place: &str) {
        let of_kind = self.0.entry(kind).or_default();
        let finding = Finding { kind, excerpt: excerpt(place) };
        if of_kind.len() < MAX_OF_A_KIND && !of_kind.contains(&finding) {
            of_kind.push(finding);
        }
    }
}

/// Parts of a text that a reader would run: fenced blocks, spans between backticks, and all of a text without either.
fn code_of(text: &str) -> Vec<&str> {
    if !text.contains('`') && !text.contains("\n    ") {
        return vec![text];
    }
    let mut parts: Vec<&str> =
        text.split('`').skip(1).step_by(2).filter(|part| !part.is_empty()).collect();
    // Inside a fence every odd piece of the text is code.
    parts.extend(text.split("```").skip(1).step_by(2));
    parts.extend(text.lines().filter(|line| line.starts_with("    ")));
    parts
}

/// The line around a byte.
fn around(text: &str, at: usize) -> &str {
    let from = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    // A long line would be cut before the place.
    let near = text
        .get(..at)
        .map_or(0, |before| before.char_indices().rev().nth(40).map_or(0, |(at, _)| at));
    let from = from.max(near);
    let rest = text.get(from..).unwrap_or_default();
    rest.split('\n').next().unwrap_or_default()
}

fn single_spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| *c != '*'));
    }
    out
}

/// The beginning of a text, of at most so many bytes.
fn beginning(text: &str, most_bytes: usize) -> &str {
    let mut end = text.len().min(most_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
