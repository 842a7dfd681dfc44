//! Reads a file part by part: entries for an importer, with what is long cut while it is read.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use serde_json::Value;

use super::cost::Cost;
use super::squeeze::Squeeze;
use super::{
    Format, Import, ImportError, Importer, MAX_DOCUMENT_BYTES, Place, Warning, spec_story,
};
use crate::hint::take_hints_out;

/// Lines from which the format is told, and most bytes of them.
const DETECT_LINES: usize = 32;
const DETECT_BYTES: usize = 16 << 20;
/// Bytes of a string's beginning and of its end that are read.
const KEEP_BYTES: usize = 128 << 10;
/// Longest line, once its strings are shortened, in bytes.
const LINE_BYTES: usize = 16 << 20;
/// The same of sessions of this program, which are not shortened: one line is one session.
const OWN_LINE_BYTES: usize = 64 << 20;

const CUT_SHORT: &str =
    "the last line is not complete, as while an agent still writes it; import the file again later";

/// A file that is being read.
pub struct Reader<R> {
    format: Format,
    entries: Entries<R>,
    importer: Box<dyn Importer>,
    cost: Cost,
    sessions: usize,
    skipped: usize,
    first: Option<Warning>,
    ended: bool,
    peak_bytes: usize,
}

enum Entries<R> {
    Document(Option<Box<Value>>),
    Lines(Lines<R>),
    Text(Lines<R>),
}

impl<R: Read + Seek> Reader<R> {
    /// Looks at the beginning of a file, and tells its format when none is given.
    ///
    /// # Errors
    /// Fails when the file cannot be read, is empty, or is of no known format.
    pub fn open(mut source: R, format: Option<Format>) -> Result<Self, ImportError> {
        let cost = Cost::default();
        let head = head(&mut source, &cost)?;
        let format = format.or(head.format);
        if head.empty {
            return Err(ImportError::Empty);
        }
        let by_line =
            format.is_some_and(|format| format.has_lines() || head.format == Some(format));
        let (format, entries) = match format {
            Some(Format::SpecStory) => (Format::SpecStory, Entries::Text(Lines::of_text(source))),
            Some(Format::Lore) => {
                (Format::Lore, Entries::Lines(Lines::new(source, usize::MAX, OWN_LINE_BYTES)))
            }
            Some(format) if by_line => {
                (format, Entries::Lines(Lines::new(source, KEEP_BYTES, LINE_BYTES)))
            }
            format => match document(&mut source, &cost) {
                Ok(value) => {
                    let format = format.or_else(|| Format::of(&value));
                    let format = format.ok_or(ImportError::UnknownFormat)?;
                    (format, Entries::Document(Some(Box::new(value))))
                }
                Err(ImportError::NotJson { .. } | ImportError::TooLarge) if format.is_none() => {
                    return Err(ImportError::UnknownFormat);
                }
                Err(error) => return Err(error),
            },
        };
        let importer = format.importer(&cost);
        Ok(Self {
            format,
            entries,
            importer,
            cost,
            sessions: 0,
            skipped: 0,
            first: None,
            ended: false,
            peak_bytes: 0,
        })
    }

    /// The format.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Most bytes that were held at once: a line, and sessions that were being read.
    #[must_use]
    pub const fn peak_bytes(&self) -> usize {
        self.peak_bytes
    }

    /// Steps of the work so far.
    #[cfg(test)]
    pub(super) fn steps(&self) -> u64 {
        self.cost.taken()
    }

    /// The next sessions and warnings; none at the end.
    ///
    /// # Errors
    /// Fails when the file cannot be read, and at its end when no session was found.
    pub fn next_part(&mut self) -> Result<Option<Import>, ImportError> {
        if self.ended {
            return Ok(None);
        }
        let mut import = Import::default();
        while import.sessions.is_empty() && import.warnings.len() < DETECT_LINES && !self.ended {
            self.step(&mut import)?;
        }
        self.sessions += import.sessions.len();
        self.skipped += import.warnings.len();
        self.first = self.first.take().or_else(|| import.warnings.first().cloned());
        if self.ended && self.sessions == 0 {
            return Err(ImportError::NoSessions {
                format: self.format,
                skipped: self.skipped,
                first: self.first.take(),
            });
        }
        Ok(Some(import))
    }

    fn step(&mut self, import: &mut Import) -> Result<(), ImportError> {
        let text = matches!(self.entries, Entries::Text(_));
        match &mut self.entries {
            Entries::Document(value) => match value.take() {
                Some(mut value) => {
                    if self.format != Format::Lore {
                        take_hints_out(&mut value);
                    }
                    self.importer.entry(*value, Place::Item(1), import);
                }
                None => self.finish(import),
            },
            Entries::Lines(lines) | Entries::Text(lines) => match lines.next(&self.cost)? {
                None => self.finish(import),
                Some(Line { number, kind }) => {
                    let place = Place::Line(number);
                    let bytes = lines.bytes.as_slice();
                    self.peak_bytes = self.peak_bytes.max(bytes.len() + self.importer.held_bytes());
                    if kind == Kind::TooLong {
                        import.warn(place, "longer than what is read of a line; skipped");
                        return Ok(());
                    }
                    if text {
                        let line = String::from_utf8_lossy(bytes);
                        let line = line.trim_end_matches(['\r', '\n']);
                        self.importer.entry(Value::from(line), place, import);
                        return Ok(());
                    }
                    match serde_json::from_slice::<Value>(bytes.trim_ascii()) {
                        Ok(mut value) => {
                            if self.format != Format::Lore {
                                take_hints_out(&mut value);
                            }
                            self.importer.entry(value, place, import);
                        }
                        Err(_) if kind == Kind::Last => import.warn(place, CUT_SHORT),
                        Err(_) => import.warn(place, "not JSON; skipped"),
                    }
                }
            },
        }
        Ok(())
    }

    fn finish(&mut self, import: &mut Import) {
        self.importer.end(import);
        self.ended = true;
    }
}

/// What the beginning of a file tells.
struct Head {
    empty: bool,
    /// The format, when a line alone tells it.
    format: Option<Format>,
}

fn unreadable(error: &std::io::Error) -> ImportError {
    ImportError::Unreadable(error.kind())
}

fn head<R: Read + Seek>(source: &mut R, cost: &Cost) -> Result<Head, ImportError> {
    let mut lines = Lines::new(&mut *source, KEEP_BYTES, DETECT_BYTES);
    let mut head = Head { empty: true, format: None };
    let mut bytes = 0;
    for _ in 0..DETECT_LINES {
        let Some(line) = lines.next(cost)? else { break };
        head.empty = false;
        bytes += lines.bytes.len();
        if line.kind != Kind::TooLong {
            let text = lines.bytes.trim_ascii();
            let value: Option<Value> = serde_json::from_slice(text).ok();
            head.format = value.and_then(|value| Format::of(&value));
            if head.format.is_none() && spec_story::is_first_line(text) {
                head.format = Some(Format::SpecStory);
            }
        }
        if head.format.is_some() || bytes > DETECT_BYTES {
            break;
        }
    }
    source.seek(SeekFrom::Start(0)).map_err(|error| unreadable(&error))?;
    Ok(head)
}

/// The whole file as one JSON value.
fn document<R: Read + Seek>(source: &mut R, cost: &Cost) -> Result<Value, ImportError> {
    let mut bytes = Vec::new();
    let room = MAX_DOCUMENT_BYTES as u64 + 1;
    let mut squeezed = Squeeze::new(&mut *source, KEEP_BYTES).take(room);
    squeezed.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    cost.take(2 * bytes.len());
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(ImportError::TooLarge);
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    serde_json::from_slice(bytes)
        .map_err(|error| ImportError::NotJson { line: error.line(), column: error.column() })
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a file.
struct Lines<R> {
    source: BufReader<Squeeze<R>>,
    most: usize,
    /// Whether blank lines are given too.
    blank: bool,
    number: usize,
    bytes: Vec<u8>,
}

struct Line {
    number: usize,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Whole,
    /// The end of the file came before a line break.
    Last,
    /// Its bytes are not there.
    TooLong,
}

impl<R: Read> Lines<R> {
    fn new(source: R, keep: usize, most: usize) -> Self {
        let source = BufReader::new(Squeeze::new(source, keep));
        Self { source, most, blank: false, number: 0, bytes: Vec::new() }
    }

    /// The lines of a text, in which blank ones count.
    fn of_text(source: R) -> Self {
        Self { blank: true, ..Self::new(source, usize::MAX, LINE_BYTES) }
    }

    fn next(&mut self, cost: &Cost) -> Result<Option<Line>, ImportError> {
        loop {
            self.bytes.clear();
            self.bytes.shrink_to(1 << 20);
            let room = self.most as u64 + 1;
            let mut limited = Read::take(&mut self.source, room);
            let read = limited.read_until(b'\n', &mut self.bytes);
            if read.map_err(|error| unreadable(&error))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            cost.take(self.bytes.len());
            let kind = if self.bytes.ends_with(b"\n") {
                Kind::Whole
            } else if self.bytes.len() > self.most {
                self.bytes = Vec::new();
                self.pass_line()?;
                Kind::TooLong
            } else {
                Kind::Last
            };
            if self.number == 1 && self.bytes.starts_with(BYTE_ORDER_MARK) {
                self.bytes.drain(..BYTE_ORDER_MARK.len());
            }
            let something = self.blank || !self.bytes.trim_ascii().is_empty();
            if kind == Kind::TooLong || something {
                return Ok(Some(Line { number: self.number, kind }));
            }
        }
    }

    /// Passes over the rest of a line.
    fn pass_line(&mut self) -> Result<(), ImportError> {
        loop {
            let ready = self.source.fill_buf().map_err(|error| unreadable(&error))?;
            let end = ready.iter().position(|byte| *byte == b'\n');
            let many = end.map_or(ready.len(), |at| at + 1);
            self.source.consume(many);
            if end.is_some() || many == 0 {
                return Ok(());
            }
        }
    }
}
