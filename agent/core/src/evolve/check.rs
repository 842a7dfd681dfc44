//! Checks of a candidate before it is shown to anybody.

use std::collections::BTreeSet;

use lore_protocol::skill::{self, Document, MAX_BODY_LINES, MAX_BODY_TOKENS};

use super::Brief;
use crate::turn::estimate;

/// By how much a body may grow: this many times its length, and a page more.
pub const MAX_GROWTH: usize = 2;
/// The page more, in bytes.
const PAGE_BYTES: usize = 2_000;

/// A fault of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not a `SKILL.md` that our validator accepts.
    #[error("it is not a valid SKILL.md")]
    NotASkill,
    /// Name or metadata changed.
    #[error("the field `{0}` was changed")]
    FieldChanged(String),
    /// A lesson is gone.
    #[error("a lesson is missing: keep `{0}` exactly as it stands")]
    LessonLost(String),
    /// A command that the page did not have.
    #[error("a command was added: remove `{0}`")]
    CommandAdded(String),
    /// An address or host that the page did not have.
    #[error("an address was added: remove `{0}`")]
    AddressAdded(String),
    /// Characters that a reader does not see.
    #[error("it holds a hidden character (U+{0:04X})")]
    Hidden(u32),
    /// Markup that is run or loaded, or a comment that a reader does not see.
    #[error("it holds raw HTML or a comment: use plain Markdown")]
    Html,
    /// Longer than it may be.
    #[error("{what}: {is}, at most {most}")]
    TooLong {
        /// The measured quantity, with its unit.
        what: &'static str,
        /// The length.
        is: usize,
        /// The greatest length allowed.
        most: usize,
    },
}

/// Everything that is wrong with `candidate` as a new text for the skill of `brief`; empty when it
/// validates, keeps every lesson shown, adds no command and no address, hides nothing, and stays within
/// the limits of length.
#[must_use]
pub fn check(brief: &Brief, candidate: &str) -> Vec<Fault> {
    let (Some(before), Ok(after)) = (brief.document(), skill::parse(candidate.as_bytes())) else {
        return vec![Fault::NotASkill];
    };
    let mut faults = Vec::new();
    if !skill::validate(candidate.as_bytes(), before.name()).is_valid() {
        faults.push(Fault::NotASkill);
    }
    faults.extend(changed(&before, &after));
    for lesson in brief.lessons() {
        let tokens = lesson.action().tokens();
        let lost = tokens.into_iter().find(|token| !after.body().contains(token.as_str()));
        faults.extend(lost.map(|token| Fault::LessonLost(token.as_str().to_owned())));
    }
    let mut known = commands(before.body());
    let lessons = brief.lessons().iter().flat_map(|lesson| lesson.action().tokens());
    known.extend(lessons.map(|token| token.as_str().to_owned()));
    let added = commands(after.body()).into_iter().filter(|command| !known.contains(command));
    // A word in backticks is a name, not a command.
    let added = added.filter(|command| {
        command.contains(char::is_whitespace) || !before.body().contains(command.as_str())
    });
    faults.extend(added.map(|command| Fault::CommandAdded(shortened(&command))));
    let known = addresses(&brief.text().to_lowercase());
    let now = format!("{} {}", after.description().unwrap_or_default(), after.body());
    let added = addresses(&now.to_lowercase()).into_iter().filter(|one| !known.contains(one));
    faults.extend(added.map(|address| Fault::AddressAdded(shortened(&address))));
    faults.extend(candidate.chars().find(|c| hidden(*c)).map(|c| Fault::Hidden(u32::from(c))));
    faults.extend(html(&now).then_some(Fault::Html));
    faults.extend(lengths(&before, &after));
    faults
}

/// Fields that are not a writer's. What is added by [`Brief::with_text`] is ours.
fn changed(before: &Document, after: &Document) -> Vec<Fault> {
    let mut faults = Vec::new();
    let fields = before.fields().iter().chain(after.fields());
    let keys: BTreeSet<&str> = fields.map(|(key, _)| key.as_str()).collect();
    for key in keys.into_iter().filter(|key| !["description", "metadata"].contains(key)) {
        // In whatever form: a list of tools is no text.
        let of = |document: &Document| -> Vec<_> {
            let fields = document.fields().iter().filter(|(name, _)| name == key);
            fields.map(|(_, value)| value.clone()).collect()
        };
        if of(before) != of(after) {
            faults.push(Fault::FieldChanged(key.to_owned()));
        }
    }
    for key in ["lore-skill", "lore-revision", "lore-skill-state"] {
        if before.metadata(key) != after.metadata(key) {
            faults.push(Fault::FieldChanged(format!("metadata.{key}")));
        }
    }
    faults
}

fn lengths(before: &Document, after: &Document) -> Vec<Fault> {
    let most_bytes = MAX_GROWTH * before.body().len() + PAGE_BYTES;
    let tokens = usize::try_from(estimate(after.body())).unwrap_or(usize::MAX);
    [
        ("length of the body in bytes", after.body().len(), most_bytes),
        ("lines of the body", after.body().lines().count(), MAX_BODY_LINES - 1),
        ("tokens of the body", tokens, MAX_BODY_TOKENS - 1),
    ]
    .into_iter()
    .filter(|(_, is, most)| is > most)
    .map(|(what, is, most)| Fault::TooLong { what, is, most })
    .collect()
}

/// Lines of fenced and indented blocks, and texts in backticks, each with single spaces.
fn commands(body: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut keep = |text: &str| {
        let text: Vec<&str> = text.split_whitespace().collect();
        if !text.is_empty() {
            found.insert(text.join(" "));
        }
    };
    let mut fence: Option<&str> = None;
    for line in body.lines() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => keep(line),
            (None, None) if line.starts_with("    ") || line.starts_with('\t') => keep(line),
            (None, None) => {
                for (_, quoted) in line.split('`').enumerate().filter(|(nth, _)| nth % 2 == 1) {
                    keep(quoted);
                }
            }
        }
    }
    found
}

/// Texts that look like a URL, a host with a domain, an IPv4 address or a port of one.
fn addresses(text: &str) -> BTreeSet<String> {
    let breaks = |c: char| c.is_whitespace() || "\"'`<>()[]{},;|".contains(c);
    let words = text.split(breaks).map(|word| word.trim_matches(['.', ':', '!', '?', '*', '_']));
    let address = |word: &&str| {
        let host = word.split_once("://").map_or(*word, |(_, rest)| rest);
        let host = host.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let (host, port) = host.split_once(':').unwrap_or((host, ""));
        let labels: Vec<&str> = host.split('.').collect();
        let label = |l: &&str| {
            !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        };
        let last = labels.last().copied().unwrap_or_default();
        let named = last.len() > 1 && last.chars().all(char::is_alphabetic);
        let quad = labels.len() == 4 && labels.iter().all(|l| l.parse::<u8>().is_ok());
        let dotted = labels.len() > 1 && labels.iter().all(label) && (named || quad);
        let numbered = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && label(&host);
        word.contains("://") || dotted || numbered
    };
    words.filter(address).map(str::to_owned).collect()
}

/// Characters without a glyph that can hide text or turn it round: controls, formats, fillers,
/// variation selectors, tags.
fn hidden(c: char) -> bool {
    matches!(u32::from(c),
        0..=8 | 0xb..=0xc | 0xe..=0x1f | 0x7f..=0x9f | 0xad | 0x34f | 0x61c | 0x115f..=0x1160
        | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f
        | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff9..=0xfffb | 0x1d173..=0x1d17a
        | 0xe0000..=0xe0fff)
}

/// A tag or a comment; placeholders such as `<arg>` are none.
fn html(text: &str) -> bool {
    let tags = ["<!--", "<script", "<img", "<iframe", "<a ", "<svg", "<style", "<link", "<object"];
    let lower = text.to_lowercase();
    tags.iter().any(|tag| lower.contains(tag)) || lower.contains("](javascript:")
}

/// For a message: a hostile text is not repeated whole.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !hidden(*c)).take(80).collect();
    if text.chars().count() > 80 {
        short.push_str("...");
    }
    short
}
