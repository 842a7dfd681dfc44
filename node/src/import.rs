//! Session files, read in chunks.
//!
//! A file of `lore` sessions is read line by line, so that its size does not matter; a file of another
//! format is one document and is read whole, up to `lore_session::import::MAX_IMPORT_BYTES`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use lore_control::{ImportProgress, Imported, SessionFormat, SessionImport, SessionsAdded};
use lore_session::import::{self, Format, Import, ImportError, MAX_IMPORT_BYTES, Place, Warning};
use lore_session::{Session, Started};

use crate::error::CliError;

/// Sessions stored at once, in bytes of JSON.
const CHUNK_BYTES: usize = 4 << 20;

/// Sessions of some files, and what was left out.
#[derive(Default)]
pub struct Chunk {
    /// The sessions.
    pub sessions: Vec<Session>,
    bytes: usize,
}

/// The files of an import, and how far they are read.
pub struct SessionFiles {
    files: VecDeque<PathBuf>,
    format: Option<Format>,
    open: Option<OpenFile>,
    /// Read and not given out yet.
    read: VecDeque<Session>,
    now_seconds: u64,
    done: Imported,
    files_in_all: u64,
}

/// A file of `lore` sessions of which a part was read.
struct OpenFile {
    path: PathBuf,
    reader: BufReader<File>,
    lines_before: usize,
    sessions: usize,
    skipped: usize,
    first: Option<Warning>,
}

impl SessionFiles {
    /// The file, or the `.jsonl` and `.json` files below the directory, by name. Sessions whose source
    /// does not say when they began get `now_seconds`, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// Fails when the path cannot be read, or no such file is below it.
    pub fn find(wanted: &SessionImport, now_seconds: u64) -> Result<Self, CliError> {
        let files = files(&wanted.path)?;
        let format = wanted.format.map(|format| match format {
            SessionFormat::Lore => Format::Lore,
            SessionFormat::ClaudeCode => Format::ClaudeCode,
            SessionFormat::OpenAiChat => Format::OpenAiChat,
        });
        let files_in_all = files.len() as u64;
        let done = Imported {
            imported: 0,
            known: 0,
            grown: 0,
            forgotten: 0,
            users: 0,
            files: files_in_all,
            warnings: Vec::new(),
            too_few: Vec::new(),
        };
        let (open, read) = (None, VecDeque::new());
        Ok(Self { files: files.into(), format, open, read, now_seconds, done, files_in_all })
    }

    /// The next sessions, at most about 4 MiB of them unless one alone is larger. None at the end.
    ///
    /// # Errors
    /// Fails when a file cannot be read or holds no session. What was given out before stays stored.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, CliError> {
        let mut chunk = Chunk::default();
        while chunk.bytes < CHUNK_BYTES {
            if let Some(mut session) = self.read.pop_front() {
                if session.started.unix_seconds == 0 {
                    session.started = Started::at(self.now_seconds);
                }
                chunk.bytes += serde_json::to_vec(&session).map_or(0, |bytes| bytes.len());
                chunk.sessions.push(session);
            } else if let Some(mut open) = self.open.take() {
                if let Some(import) = open.next_block()? {
                    self.take(&open.path.clone(), import);
                    self.open = Some(open);
                }
            } else if let Some(path) = self.files.pop_front() {
                self.begin(path)?;
            } else {
                break;
            }
        }
        Ok((!chunk.sessions.is_empty()).then_some(chunk))
    }

    /// Counts what became of a chunk, and says how far the import is.
    pub fn stored(&mut self, added: SessionsAdded) -> ImportProgress {
        self.done.imported += added.imported;
        self.done.known += added.known;
        self.done.grown += added.grown;
        self.done.forgotten += added.forgotten;
        self.done.users = added.users;
        self.done.too_few = added.too_few;
        let unread = self.files.len() as u64 + u64::from(self.open.is_some());
        ImportProgress {
            files_done: self.files_in_all - unread,
            files: self.files_in_all,
            sessions: self.done.imported + self.done.known + self.done.grown + self.done.forgotten,
        }
    }

    /// Result of the import.
    #[must_use]
    pub fn finish(self) -> Imported {
        self.done
    }

    fn begin(&mut self, path: PathBuf) -> Result<(), CliError> {
        let file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        let mut reader = BufReader::new(file);
        let first = next_lines(&mut reader).map_err(|error| unreadable(&path, &error))?;
        let format = self.format.or_else(|| import::detect(&first));
        if format == Some(Format::Lore) {
            let mut open =
                OpenFile { path, reader, lines_before: 0, sessions: 0, skipped: 0, first: None };
            let import = open.block(&first)?;
            self.take(&open.path.clone(), import);
            self.open = Some(open);
            return Ok(());
        }
        let mut bytes = first;
        // One byte more than allowed, so that a file that is too large shows.
        let room = (MAX_IMPORT_BYTES + 1).saturating_sub(bytes.len()) as u64;
        reader.take(room).read_to_end(&mut bytes).map_err(|error| unreadable(&path, &error))?;
        let format = format.or_else(|| import::detect(&bytes)).ok_or_else(|| {
            CliError::failed(
                "unknown_format",
                format!("{} is not a session file of a known format", path.display()),
            )
            .help("name its format with --format lore, claude-code or openai-chat")
        })?;
        let import = import::read(format, &bytes).map_err(|error| no_session(&path, &error))?;
        self.take(&path, import);
        Ok(())
    }

    fn take(&mut self, path: &Path, import: Import) {
        let name = path.display();
        self.done
            .warnings
            .extend(import.warnings.iter().map(|warning| format!("{name}: {warning}")));
        self.read.extend(import.sessions);
    }
}

impl OpenFile {
    /// The next block of lines; none at the end.
    fn next_block(&mut self) -> Result<Option<Import>, CliError> {
        let bytes = next_lines(&mut self.reader).map_err(|error| unreadable(&self.path, &error))?;
        if !bytes.is_empty() {
            return self.block(&bytes).map(Some);
        }
        if self.sessions > 0 {
            return Ok(None);
        }
        let error = ImportError::NoSessions {
            format: Format::Lore,
            skipped: self.skipped,
            first: self.first.take(),
        };
        Err(no_session(&self.path, &error))
    }

    fn block(&mut self, bytes: &[u8]) -> Result<Import, CliError> {
        let mut import = match import::read(Format::Lore, bytes) {
            Ok(import) => import,
            // Other blocks of the file may hold some.
            Err(ImportError::NoSessions { skipped, first, .. }) => {
                self.skipped += skipped;
                Import { sessions: Vec::new(), warnings: first.into_iter().collect() }
            }
            Err(ImportError::Empty) if self.lines_before > 0 => {
                Import { sessions: Vec::new(), warnings: Vec::new() }
            }
            Err(error) => return Err(no_session(&self.path, &error)),
        };
        for warning in &mut import.warnings {
            if let Place::Line(line) = &mut warning.place {
                *line += self.lines_before;
            }
        }
        self.first = self.first.take().or_else(|| import.warnings.first().cloned());
        self.sessions += import.sessions.len();
        self.lines_before += bytes.iter().filter(|byte| **byte == b'\n').count();
        Ok(import)
    }
}

/// Whole lines, together about a chunk. A single line is not cut.
fn next_lines(reader: &mut BufReader<File>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < CHUNK_BYTES {
        let room = (MAX_IMPORT_BYTES + 1 - bytes.len()) as u64;
        if reader.by_ref().take(room).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::failed("unreadable", format!("cannot read {}: {error}", path.display()))
}

fn no_session(path: &Path, error: &ImportError) -> CliError {
    CliError::failed("unreadable_session", format!("{}: {error}", path.display()))
}

/// Returns true for a file that is read when it is found in a directory.
pub(crate) fn may_hold_sessions(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl" || extension == "json")
}

/// The file, or the `.jsonl` and `.json` files below the directory, by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    let meta = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !meta.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        let entries =
            std::fs::read_dir(&directory).map_err(|error| unreadable(&directory, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&directory, &error))?;
            let kind = entry.file_type().map_err(|error| unreadable(&directory, &error))?;
            let path = entry.path();
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() && may_hold_sessions(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(CliError::usage(format!(
            "there is no .jsonl or .json file below {}",
            path.display()
        )));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TURNS: &str = r#"[{"role":"user","text":"X"}]"#;

    fn line(id: usize, text_bytes: usize) -> String {
        let turns = TURNS.replace('X', &"x".repeat(text_bytes));
        format!(
            r#"{{"version":1,"id":"s{id}","harness":"test","started":{{"unix_seconds":0,"text":""}},"task":"t","turns":{turns},"outcome":{{"verdict":"unknown","source":"nobody","confidence_percent":0}}}}"#
        )
    }

    fn wanted(path: &Path) -> SessionImport {
        SessionImport { user: "ada".into(), path: path.to_owned(), format: None, again: false }
    }

    fn added(imported: u64, known: u64) -> SessionsAdded {
        let too_few = Vec::new();
        SessionsAdded { imported, known, grown: 0, forgotten: 0, users: 1, too_few }
    }

    fn all(files: &mut SessionFiles) -> Vec<Vec<Session>> {
        let mut chunks = Vec::new();
        while let Some(chunk) = files.next_chunk().unwrap() {
            files.stored(added(chunk.sessions.len() as u64, 0));
            chunks.push(chunk.sessions);
        }
        chunks
    }

    #[test]
    fn a_large_file_comes_in_chunks_with_its_lines_numbered_through() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large.jsonl");
        let mut lines: Vec<String> = (0..30).map(|n| line(n, 1 << 20)).collect();
        lines[20] = "{}".into();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let mut files = SessionFiles::find(&wanted(&path), 7).unwrap();
        let chunks = all(&mut files);
        assert!(chunks.len() >= 6, "{} chunks", chunks.len());
        assert!(chunks.iter().all(|chunk| chunk.len() <= 5));
        assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), 29);
        assert!(chunks.iter().flatten().all(|session| session.started.unix_seconds == 7));
        let done = files.finish();
        assert_eq!((done.imported, done.files), (29, 1));
        assert_eq!(done.warnings.len(), 1);
        assert!(done.warnings[0].contains("large.jsonl: line 21: "), "{:?}", done.warnings);
    }

    #[test]
    fn small_files_share_a_chunk_and_progress_counts_files() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..5 {
            std::fs::write(dir.path().join(format!("{n}.jsonl")), line(n, 10)).unwrap();
        }
        let mut files = SessionFiles::find(&wanted(dir.path()), 7).unwrap();
        let chunk = files.next_chunk().unwrap().unwrap();
        assert_eq!(chunk.sessions.len(), 5);
        let progress = files.stored(added(2, 3));
        assert_eq!(progress, ImportProgress { files_done: 5, files: 5, sessions: 5 });
        assert!(files.next_chunk().unwrap().is_none());
    }

    #[test]
    fn a_file_without_a_session_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none.jsonl");
        for (text, kind) in [("hello\n", "unknown_format"), ("", "unknown_format")] {
            std::fs::write(&path, text).unwrap();
            let error = SessionFiles::find(&wanted(&path), 7).unwrap().next_chunk().err().unwrap();
            assert_eq!(error.kind, kind);
            assert!(error.message.contains("none.jsonl"), "{error}");
        }
        std::fs::write(&path, "{}\n{}\n").unwrap();
        let as_lore = SessionImport { format: Some(SessionFormat::Lore), ..wanted(&path) };
        let error = SessionFiles::find(&as_lore, 7).unwrap().next_chunk().err().unwrap();
        assert_eq!(error.kind, "unreadable_session");
        assert!(error.message.contains("2 lines or items skipped"), "{error}");
    }
}
