//! The codebook: what is known of public tools before anybody's session is looked at.
//!
//! It is the first ballot of a federation: private sessions vote for its lessons, so that none of them needs a
//! threshold. Every entry was seen to fail and then to work with the real tool, and names that recording.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use lore_protocol::lesson::{ErrorClass, Lesson};
use serde::Deserialize;

use crate::keys::key_of;
use crate::remedy::Remedy;
use crate::situation::Situation;

/// Longest text of an entry, in characters.
const MAX_TEXT_CHARACTERS: usize = 200;

/// One thing that is known of a public tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodebookEntry {
    /// What fails; its word is the point, if the entry has one.
    pub situation: Situation,
    /// What then works.
    pub remedy: Remedy,
    /// Both as a lesson of the public grammar.
    pub lesson: Lesson,
    /// The same in one sentence, at most 200.
    pub text: String,
    /// The page of the tool's documentation that says so.
    pub source: String,
    /// Scenario of the corpus in which it was seen.
    pub seen: String,
}

/// The entries of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codebook {
    date: String,
    entries: Vec<CodebookEntry>,
}

impl Codebook {
    /// The entries, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[CodebookEntry] {
        &self.entries
    }

    /// Name of this version, as a charter may have it: its date and the number of its entries.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{}+{}", self.date, self.entries.len())
    }

    /// The entry of a lesson; none when the codebook does not have it.
    #[must_use]
    pub fn entry(&self, lesson: &Lesson) -> Option<&CodebookEntry> {
        self.entries.iter().find(|entry| &entry.lesson == lesson)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    entry: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    program: String,
    class: String,
    point: Option<String>,
    remedy: RemedyRow,
    text: String,
    source: String,
    seen: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemedyRow {
    kind: String,
    words: Option<String>,
    old: Option<String>,
    new: Option<String>,
}

static CODEBOOK: LazyLock<Codebook> = LazyLock::new(|| {
    // SAFETY: a constant file, parsed by the tests.
    #[allow(clippy::expect_used)]
    parse(include_str!("../data/codebook.toml")).expect("the codebook can be read")
});

/// The codebook of this version of the program.
#[must_use]
pub fn codebook() -> &'static Codebook {
    &CODEBOOK
}

fn parse(text: &str) -> Result<Codebook, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let classes: BTreeMap<String, ErrorClass> =
        ErrorClass::ALL.iter().map(|class| (class.name(), *class)).collect();
    let entry = |row: Row| {
        let fault = format!("the entry of {} cannot be read", row.seen);
        entry(row, &classes).ok_or(fault)
    };
    let entries = file.entry.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Codebook { date: file.date, entries })
}

fn entry(row: Row, classes: &BTreeMap<String, ErrorClass>) -> Option<CodebookEntry> {
    if row.text.chars().count() > MAX_TEXT_CHARACTERS || row.source.is_empty() {
        return None;
    }
    let remedy = remedy(row.remedy)?;
    let situation = Situation {
        program: row.program,
        public: true,
        class: *classes.get(&row.class)?,
        word: row.point,
        message: String::new(),
    };
    let lesson = key_of(&situation, &remedy, situation.word.is_some())?;
    Some(CodebookEntry {
        situation,
        remedy,
        lesson,
        text: row.text,
        source: row.source,
        seen: row.seen,
    })
}

fn remedy(row: RemedyRow) -> Option<Remedy> {
    let RemedyRow { kind, words, old, new } = row;
    Some(match (kind.as_str(), words) {
        ("use_program", Some(words)) => Remedy::UseProgram(words),
        ("add_flag", Some(words)) => Remedy::AddFlag(words),
        ("drop_flag", Some(words)) => Remedy::DropFlag(words),
        ("run_first", Some(words)) => Remedy::RunFirst(words),
        ("set_variable", Some(words)) => Remedy::SetVariable(words),
        ("install", Some(words)) => Remedy::Install(words),
        ("replace", None) => Remedy::Replace { old: old?, new: new? },
        ("retry", None) => Remedy::Retry,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;
    use crate::program::is_public;

    #[test]
    fn every_entry_can_be_read_and_stands_there_once() {
        let book = parse(include_str!("../data/codebook.toml")).unwrap();
        assert!(book.entries().len() >= 150, "{}", book.entries().len());
        let lessons: BTreeSet<&Lesson> = book.entries().iter().map(|entry| &entry.lesson).collect();
        assert_eq!(lessons.len(), book.entries().len());
        assert_eq!(book.version(), format!("{}+{}", book.date, lessons.len()));
    }

    #[test]
    fn every_program_of_an_entry_is_public_and_its_remedy_is_advice() {
        for entry in codebook().entries() {
            let first = entry.situation.program.split(' ').next().unwrap();
            assert!(is_public(first), "{first}");
            assert!(entry.remedy.is_advice(), "{}", entry.seen);
            assert_eq!(codebook().entry(&entry.lesson), Some(entry));
        }
    }

    #[test]
    fn an_entry_without_a_source_or_with_half_a_remedy_is_refused() {
        let row = |source: &str, remedy: &str| {
            format!(
                "date = \"2026-01-01\"\n[[entry]]\nprogram = \"git push\"\nclass = \"rejected\"\nremedy = {remedy}\n\
                 text = \"t\"\nsource = \"{source}\"\nseen = \"s\"\n"
            )
        };
        assert!(parse(&row("git manual", "{ kind = \"add_flag\", words = \"-u\" }")).is_ok());
        assert!(parse(&row("", "{ kind = \"add_flag\", words = \"-u\" }")).is_err());
        assert!(parse(&row("git manual", "{ kind = \"replace\", old = \"-u\" }")).is_err());
        assert!(parse(&row("git manual", "{ kind = \"other_arguments\" }")).is_err());
    }
}
