//! Known lessons as bytes, so that one failing call can be answered without opening a store.
//!
//! The bytes are a heading, a directory of programs, and for each program its lessons. A reader decodes the
//! directory and the lessons of the programs that a call is about, however many others there are.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Lesson, Op};
use lore_protocol::library::LessonState;

use crate::book::{Book, CIRCLES, Entry, Tally};
use crate::call::Call;
use crate::line::commands;
use crate::program::program;
use crate::situation::situation_of;

/// Heading of an index; another version has another one.
const HEADING: &[u8] = b"lore hints 1\n";
/// Bytes of the hash of all that follows it.
const HASH_BYTES: usize = 32;
/// Bytes of the directory's length.
const LENGTH_BYTES: usize = 4;
/// Most lessons that one program has in an index, the most useful ones.
const MAX_LESSONS: usize = 400;
/// Most programs of one line that are looked up.
const MAX_PROGRAMS: usize = 32;

/// Why bytes are no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Another version of the program wrote it.
    #[error("another version of lore wrote the index of hints")]
    Version,
    /// It is cut off or changed.
    #[error("the index of hints is damaged")]
    Damaged,
}

/// Place of a program's lessons, counted from the end of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Place {
    program: String,
    from: u32,
    bytes: u32,
}

/// One lesson in an index.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Kept {
    lesson: Lesson,
    circle: u8,
    worked: u32,
    failed: u32,
    groups: u32,
    last_seconds: u64,
    example: String,
}

impl Kept {
    fn of(entry: &Entry) -> Self {
        let Tally { worked, failed, groups, last_seconds } = entry.tally;
        let circle = CIRCLES.iter().position(|circle| *circle == entry.circle).unwrap_or_default();
        Self {
            lesson: entry.lesson.clone(),
            circle: u8::try_from(circle).unwrap_or_default(),
            worked,
            failed,
            groups,
            last_seconds,
            example: entry.example.clone(),
        }
    }

    fn entry(self) -> Option<Entry> {
        let Self { lesson, circle, worked, failed, groups, last_seconds, example } = self;
        Some(Entry {
            lesson,
            circle: *CIRCLES.get(usize::from(circle))?,
            tally: Tally { worked, failed, groups, last_seconds },
            example,
            public: true,
            // Only what may be hinted is in an index.
            state: LessonState::Steady,
        })
    }
}

/// Lessons of a book that may be hinted, as the bytes of an index. `wanted` chooses among them.
#[must_use]
pub fn index_of(book: &Book, wanted: impl Fn(&Entry) -> bool) -> Vec<u8> {
    let mut by_program: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    let hinted = |entry: &&Entry| {
        entry.lesson.op() == Op::Fix && entry.stands() && entry.helps() && wanted(entry)
    };
    for entry in book.entries().iter().filter(hinted) {
        by_program.entry(entry.lesson.trigger().tool.as_str()).or_default().push(entry);
    }
    let (mut places, mut lessons) = (Vec::new(), Vec::new());
    for (program, mut entries) in by_program {
        entries.sort_by(|a, b| {
            let rank = |entry: &Entry| entry.tally.lower_bound();
            a.circle
                .cmp(&b.circle)
                .then_with(|| rank(b).total_cmp(&rank(a)))
                .then_with(|| a.lesson.cmp(&b.lesson))
        });
        entries.truncate(MAX_LESSONS);
        let kept: Vec<Kept> = entries.into_iter().map(Kept::of).collect();
        let bytes = codec::encode(&kept);
        let (Ok(from), Ok(length)) = (u32::try_from(lessons.len()), u32::try_from(bytes.len()))
        else {
            break;
        };
        places.push(Place { program: program.to_owned(), from, bytes: length });
        lessons.extend(bytes);
    }
    let directory = codec::encode(&places);
    let length = u32::try_from(directory.len()).unwrap_or(u32::MAX).to_le_bytes();
    let body = [&length[..], &directory, &lessons].concat();
    [HEADING, &hash(&body), &body].concat()
}

fn hash(body: &[u8]) -> [u8; HASH_BYTES] {
    Hash::derive("commonlore/hints/v1", &[body]).0
}

/// An index that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    places: Vec<Place>,
    lessons: Vec<u8>,
}

impl Index {
    /// Reads the bytes of an index.
    ///
    /// # Errors
    /// [`IndexError::Version`] for the bytes of another version, [`IndexError::Damaged`] for any others.
    pub fn read(bytes: &[u8]) -> Result<Self, IndexError> {
        let rest = bytes.strip_prefix(HEADING).ok_or_else(|| {
            if bytes.starts_with(b"lore hints ") {
                IndexError::Version
            } else {
                IndexError::Damaged
            }
        })?;
        let (kept, body) = rest.split_at_checked(HASH_BYTES).ok_or(IndexError::Damaged)?;
        if kept != hash(body) {
            return Err(IndexError::Damaged);
        }
        let (length, rest) = body.split_first_chunk::<LENGTH_BYTES>().ok_or(IndexError::Damaged)?;
        let length =
            usize::try_from(u32::from_le_bytes(*length)).map_err(|_| IndexError::Damaged)?;
        let (directory, lessons) = rest.split_at_checked(length).ok_or(IndexError::Damaged)?;
        let places = codec::decode(directory).map_err(|_| IndexError::Damaged)?;
        Ok(Self { places, lessons: lessons.to_vec() })
    }

    /// Number of programs that it knows something about.
    #[must_use]
    pub fn programs(&self) -> usize {
        self.places.len()
    }

    /// Adds what it knows about these programs to a book.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] when the lessons of a program cannot be read.
    pub fn add_to(&self, book: &mut Book, programs: &BTreeSet<String>) -> Result<(), IndexError> {
        for program in programs {
            let found = self.places.binary_search_by(|place| place.program.as_str().cmp(program));
            let Ok(at) = found else { continue };
            let Place { from, bytes, .. } = &self.places[at];
            let place = |number: u32| usize::try_from(number).map_err(|_| IndexError::Damaged);
            let from = place(*from)?;
            let to = from.checked_add(place(*bytes)?).ok_or(IndexError::Damaged)?;
            let kept = self.lessons.get(from..to).ok_or(IndexError::Damaged)?;
            let kept: Vec<Kept> = codec::decode(kept).map_err(|_| IndexError::Damaged)?;
            kept.into_iter().filter_map(Kept::entry).for_each(|entry| book.add(entry));
        }
        Ok(())
    }
}

/// Programs that lessons about a call are kept under: those of its line, and what its failure is attributed to.
#[must_use]
pub fn programs_of(call: &Call, task: &str) -> BTreeSet<String> {
    let lines = call.command.as_deref().map(commands).unwrap_or_default();
    let of_line = lines.iter().take(MAX_PROGRAMS).map(|command| program(command).path);
    let mut programs: BTreeSet<String> = of_line.collect();
    programs.extend(situation_of(call, task).map(|situation| situation.program));
    programs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn failing() -> Call {
        Call {
            tool: "shell".into(),
            command: Some("git comit -m x".into()),
            exit: Some(1),
            failed: true,
            output: Some("git: 'comit' is not a git command. See 'git --help'.\n".into()),
            ..Call::default()
        }
    }

    fn full() -> Book {
        let mut book = Book::new();
        book.add_codebook();
        book
    }

    #[test]
    fn an_index_gives_the_hint_that_the_whole_book_gives() {
        let whole = full();
        let index = Index::read(&index_of(&whole, |_| true)).unwrap();
        let mut hinted = 0;
        for entry in whole.entries() {
            let tool = entry.lesson.trigger().tool.as_str();
            let mut part = Book::new();
            index.add_to(&mut part, &BTreeSet::from([tool.to_owned()])).unwrap();
            let known = part.entries().iter().filter(|one| one.lesson == entry.lesson).count();
            assert_eq!(known, 1, "{}", entry.lesson);
            hinted += 1;
        }
        assert!(hinted > 150);
        let call = Call { command: Some("git log --no-such".into()), ..failing() };
        let mut part = Book::new();
        index.add_to(&mut part, &programs_of(&call, "")).unwrap();
        assert_eq!(part.hint(&call, ""), whole.hint(&call, ""));
    }

    #[test]
    fn what_is_cut_off_changed_or_of_another_version_is_refused() {
        let bytes = index_of(&full(), |_| true);
        for length in [0, 5, HEADING.len(), HEADING.len() + 40, bytes.len() - 1] {
            assert_eq!(Index::read(&bytes[..length]), Err(IndexError::Damaged), "{length}");
        }
        for at in [HEADING.len(), HEADING.len() + 33, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Index::read(&changed), Err(IndexError::Damaged), "{at}");
        }
        assert_eq!(Index::read(b"lore hints 2\nanything"), Err(IndexError::Version));
    }

    #[test]
    fn programs_of_a_call_are_those_of_its_line_and_of_its_failure() {
        let programs = programs_of(&failing(), "");
        assert!(programs.iter().any(|program| program.starts_with("git")), "{programs:?}");
        let long = "true; ".repeat(10_000);
        let many = Call { command: Some(long), ..failing() };
        assert!(programs_of(&many, "").len() <= MAX_PROGRAMS + 1);
    }
}
