//! Looks for planted texts in bytes that must not contain them.
//!
//! A canary is a text that is planted in private data. Whatever leaves a node is then searched for
//! it: as it is, in another case, as base64 (either alphabet, at each of the three places it can
//! have in a group of bytes), as hexadecimal, percent-encoded and JSON-escaped, once or twice.
//! Percent and JSON leave open which characters are escaped, so those bytes are decoded and the
//! text itself is looked for. Compressed and encrypted bytes are outside what it sees.

mod pattern;
mod unescape;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;

use pattern::{Pattern, Patterns};
use unescape::Unescape;

/// Shortest canary, in bytes: a shorter one is found by chance, above all in its base64 form.
pub const MIN_CANARY_BYTES: usize = 8;
/// Bytes that are read at a time.
const WINDOW_BYTES: usize = 1 << 20;
/// No escape used here makes more bytes of one.
const MAX_GROWTH: usize = 8;

/// The written form of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// As it is.
    Raw,
    /// In another case, lower case for instance.
    Case,
    /// In base64 of either alphabet.
    Base64,
    /// In hexadecimal of either case.
    Hex,
    /// With percent escapes, or a plus sign for a space.
    Percent,
    /// With the escapes of a JSON string.
    Json,
}

/// A canary that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The start of its written form, in bytes from the start of what was scanned.
    pub at: u64,
    /// The canary: its place in the list given to [`Canaries::new`].
    pub canary: usize,
    /// The written form.
    pub form: Form,
}

/// The finds in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHits {
    /// The file.
    pub path: PathBuf,
    /// The hits, by place.
    pub hits: Vec<Hit>,
}

/// The result of a search of files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Files with hits, by path.
    pub found: Vec<FileHits>,
    /// Files that were read.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

impl Report {
    /// All hits.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.found.iter().map(|file| file.hits.len()).sum()
    }

    /// The different canaries that were found.
    #[must_use]
    pub fn canaries(&self) -> BTreeSet<usize> {
        self.found.iter().flat_map(|file| file.hits.iter().map(|hit| hit.canary)).collect()
    }
}

/// Why a list cannot be searched for.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A canary would be found by chance.
    #[error("the canary `{0}` is shorter than {MIN_CANARY_BYTES} bytes: plant a longer one")]
    TooShort(String),
    /// The list is too long for one automaton.
    #[error("too many canaries to look for at once: {0}")]
    TooMany(String),
}

/// A list of canaries, ready to be looked for.
#[derive(Debug)]
pub struct Canaries {
    texts: Vec<String>,
    /// The texts in any case, and their hexadecimal.
    folded: Patterns,
    /// Base64, whose case means something.
    exact: Patterns,
    overlap: usize,
}

impl Canaries {
    /// Prepares a list.
    ///
    /// # Errors
    /// [`ScanError::TooShort`], [`ScanError::TooMany`].
    pub fn new<T: Into<String>>(list: impl IntoIterator<Item = T>) -> Result<Self, ScanError> {
        let texts: Vec<String> = list.into_iter().map(Into::into).collect();
        if let Some(short) = texts.iter().find(|text| text.len() < MIN_CANARY_BYTES) {
            return Err(ScanError::TooShort(short.clone()));
        }
        let longest = texts.iter().map(String::len).max().unwrap_or(0);
        Ok(Self {
            folded: Patterns::folded(&texts)?,
            exact: Patterns::exact(&texts)?,
            // Twice what a hit can span: one that begins where the kept bytes begin, perhaps in the
            // middle of an escape, was whole in the window before.
            overlap: 2 * MAX_GROWTH * longest,
            texts,
        })
    }

    /// The list.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Everything found in these bytes, by place.
    #[must_use]
    pub fn scan_bytes(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut hits = BTreeSet::new();
        self.scan_window(bytes, 0, &mut hits);
        hits.into_iter().collect()
    }

    /// Everything found in a stream, and its length. Holds about two windows of memory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn scan_reader(&self, reader: impl Read) -> io::Result<(Vec<Hit>, u64)> {
        self.scan_windows(reader, WINDOW_BYTES)
    }

    fn scan_windows(&self, mut reader: impl Read, size: usize) -> io::Result<(Vec<Hit>, u64)> {
        let mut hits = BTreeSet::new();
        let mut window = Vec::with_capacity(size + self.overlap);
        let mut start = 0_u64;
        loop {
            let more = (&mut reader).take(size as u64).read_to_end(&mut window)?;
            self.scan_window(&window, start, &mut hits);
            if more < size {
                return Ok((hits.into_iter().collect(), start + window.len() as u64));
            }
            let passed = window.len().saturating_sub(self.overlap);
            window.drain(..passed);
            start += passed as u64;
        }
    }

    /// Everything found in a file, or in all files below a directory. Links are not followed; what
    /// vanishes meanwhile, as files of a running store do, is passed over.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn scan_path(&self, path: &Path) -> io::Result<Report> {
        let mut report = Report::default();
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            match self.visit(&path, &mut open, &mut report) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && report.files > 0 => {}
                done => done?,
            }
        }
        report.found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(report)
    }

    fn visit(&self, path: &Path, open: &mut Vec<PathBuf>, report: &mut Report) -> io::Result<()> {
        let kind = std::fs::symlink_metadata(path)?.file_type();
        if kind.is_dir() {
            for entry in std::fs::read_dir(path)? {
                open.push(entry?.path());
            }
        } else if kind.is_file() {
            let (hits, bytes) = self.scan_reader(File::open(path)?)?;
            report.files += 1;
            report.bytes += bytes;
            if !hits.is_empty() {
                report.found.push(FileHits { path: path.to_owned(), hits });
            }
        }
        Ok(())
    }

    fn scan_window(&self, bytes: &[u8], start: u64, hits: &mut BTreeSet<Hit>) {
        let mut add = |at: usize, pattern: &Pattern, form: Form| {
            hits.insert(Hit { at: start + at as u64, canary: pattern.canary, form });
        };
        for (automaton, patterns) in [self.folded.parts(), self.exact.parts()] {
            for (span, pattern) in matches(automaton, patterns, bytes) {
                let as_planted = bytes.get(span.clone()) == Some(pattern.bytes.as_slice());
                let form = match pattern.form {
                    Form::Raw if !as_planted => Form::Case,
                    form => form,
                };
                add(span.start, pattern, form);
            }
        }
        for (form, mark, unescape) in [
            (Form::Percent, b'%', unescape::percent as fn(&Unescape) -> Unescape),
            (Form::Json, b'\\', unescape::json as fn(&Unescape) -> Unescape),
        ] {
            if !bytes.contains(&mark) {
                continue;
            }
            let mut view = Unescape::plain(bytes);
            for _ in 0..2 {
                let next = unescape(&view);
                // Nothing was escaped: nothing new to see.
                if next.bytes.len() == view.bytes.len() {
                    break;
                }
                view = next;
                let (automaton, patterns) = self.folded.parts();
                for (span, pattern) in matches(automaton, patterns, &view.bytes) {
                    let from = view.source(span.start);
                    // Only where an escape was resolved: the rest was seen above.
                    if view.source(span.end) - from != span.len() {
                        add(from, pattern, form);
                    }
                }
            }
        }
    }
}

fn matches<'a>(
    automaton: &'a AhoCorasick,
    patterns: &'a [Pattern],
    bytes: &'a [u8],
) -> impl Iterator<Item = (std::ops::Range<usize>, &'a Pattern)> {
    automaton
        .find_overlapping_iter(bytes)
        .filter_map(|found| Some((found.range(), patterns.get(found.pattern().as_usize())?)))
}
