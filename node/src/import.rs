//! Session files, read in chunks.
//!
//! Files are read part by part, so that neither their size nor their number matters. A file without a session is
//! a note with its name, and the others are imported; when it is the one that was asked for, it is an error.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use lore_control::{
    ImportProgress, Imported, PassedOver, SessionFormat, SessionImport, SessionPlace,
    SessionPlaces, SessionsAdded,
};
use lore_session::Started;
use lore_session::import::{Format, Found, ImportError, Reader, places};

use crate::error::CliError;
use crate::regular;

/// Sessions stored at once, in bytes of JSON.
const CHUNK_BYTES: usize = 4 << 20;

/// Most warnings of one file that are told.
const WARNINGS_A_FILE: usize = 20;

/// Ends of the names of files that may hold sessions.
const EXTENSIONS: [&str; 3] = ["jsonl", "json", "traj"];

/// Directory in which SpecStory keeps transcripts, which are Markdown like so much else.
const SPEC_STORY: &str = ".specstory";

/// The database of OpenCode, which exports sessions itself.
const OPENCODE_DATABASE: &str = "opencode.db";

/// Sessions of some files.
#[derive(Default)]
pub struct Chunk {
    /// The sessions.
    pub sessions: Vec<Found>,
    bytes: usize,
}

/// The files of an import, and how far they are read.
pub struct SessionFiles {
    files: VecDeque<PathBuf>,
    format: Option<Format>,
    open: Option<OpenFile>,
    /// Read and not given out yet.
    read: VecDeque<Found>,
    now_seconds: u64,
    done: Imported,
    /// The one file that was asked for.
    only: bool,
    /// Why it gave nothing.
    failed: Option<CliError>,
}

/// A file of which a part was read.
struct OpenFile {
    path: PathBuf,
    reader: Reader<File>,
    warnings: usize,
}

impl SessionFiles {
    /// The file, or the files below the directory that may hold sessions, by name. Sessions whose source does not
    /// say when they began get `now_seconds`, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// Fails when the path cannot be read, or no such file is below it.
    pub fn find(wanted: &SessionImport, now_seconds: u64) -> Result<Self, CliError> {
        let mut passed_over = Vec::new();
        let meta = std::fs::metadata(&wanted.path);
        let meta = meta.map_err(|error| unreadable(&wanted.path, &error))?;
        let only = !meta.is_dir();
        if only && !meta.is_file() {
            return Err(CliError::usage(format!(
                "{} is neither a file nor a directory: sessions are not read from pipes and devices",
                wanted.path.display()
            )));
        }
        let files =
            if only { vec![wanted.path.clone()] } else { files(&wanted.path, &mut passed_over) };
        if files.is_empty() && passed_over.is_empty() {
            return Err(CliError::usage(format!(
                "there is no .jsonl, .json or .traj file below {}, and no .md below a .specstory",
                wanted.path.display()
            )));
        }
        let done = Imported {
            imported: 0,
            known: 0,
            grown: 0,
            forgotten: 0,
            users: 0,
            files: files.len() as u64,
            warnings: Vec::new(),
            passed_over,
            too_few: Vec::new(),
        };
        Ok(Self {
            files: files.into(),
            format: wanted.format.map(format),
            open: None,
            read: VecDeque::new(),
            now_seconds,
            done,
            only,
            failed: None,
        })
    }

    /// The next sessions, at most about 4 MiB of them unless one alone is larger. None at the end.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        let mut chunk = Chunk::default();
        while chunk.bytes < CHUNK_BYTES {
            if let Some(mut found) = self.read.pop_front() {
                if found.session.started.unix_seconds == 0 {
                    found.session.started = Started::at(self.now_seconds);
                }
                chunk.bytes += serde_json::to_vec(&found.session).map_or(0, |bytes| bytes.len());
                chunk.sessions.push(found);
            } else if let Some(open) = self.open.take() {
                self.go_on(open);
            } else if let Some(path) = self.files.pop_front() {
                self.begin(path);
            } else {
                break;
            }
        }
        (!chunk.sessions.is_empty()).then_some(chunk)
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
            files_done: self.done.files - unread,
            files: self.done.files,
            sessions: self.done.imported + self.done.known + self.done.grown + self.done.forgotten,
        }
    }

    /// Why the last file that gave nothing gave nothing.
    pub fn take_failure(&mut self) -> Option<CliError> {
        self.failed.take()
    }

    /// Result of the import.
    ///
    /// # Errors
    /// Fails when one file was asked for and it holds no session.
    pub fn finish(self) -> Result<Imported, CliError> {
        match self.failed {
            Some(error) if self.only => Err(error),
            _ => Ok(self.done),
        }
    }

    fn begin(&mut self, path: PathBuf) {
        // What was a file when the directory was read may be a pipe now.
        let reader = regular::open(&path)
            .map_err(|error| ImportError::Unreadable(error.kind()))
            .and_then(|file| Reader::open(file, self.format));
        match reader {
            Ok(reader) => self.open = Some(OpenFile { path, reader, warnings: 0 }),
            Err(error) => self.pass_over(&path, &error),
        }
    }

    fn go_on(&mut self, mut open: OpenFile) {
        match open.reader.next_part() {
            Ok(None) => {}
            Ok(Some(part)) => {
                let name = open.path.display();
                let told = part.warnings.iter().take(WARNINGS_A_FILE.saturating_sub(open.warnings));
                self.done.warnings.extend(told.map(|warning| format!("{name}: {warning}")));
                open.warnings += part.warnings.len();
                self.read.extend(part.sessions);
                self.open = Some(open);
            }
            Err(error) => self.pass_over(&open.path.clone(), &error),
        }
    }

    fn pass_over(&mut self, path: &Path, error: &ImportError) {
        let kind = match error {
            ImportError::UnknownFormat => "unknown_format",
            ImportError::Unreadable(_) => "unreadable",
            _ => "unreadable_session",
        };
        self.failed = Some(CliError::failed(kind, format!("{}: {error}", path.display())));
        let reason = error.to_string();
        self.done.passed_over.push(PassedOver { path: path.to_owned(), reason });
    }
}

/// The directories of agents below a home that hold files which may be sessions.
#[must_use]
pub fn places_below(home: &Path) -> SessionPlaces {
    let mut found = SessionPlaces::default();
    for place in places(home) {
        let mut passed_over = Vec::new();
        if !place.directory.is_dir() {
            continue;
        }
        let files = files(&place.directory, &mut passed_over);
        if files.is_empty() && passed_over.is_empty() {
            continue;
        }
        let sizes = files.iter().filter_map(|path| Some(std::fs::metadata(path).ok()?.len()));
        found.places.push(SessionPlace {
            harness: place.harness.to_owned(),
            files: files.len() as u64,
            bytes: sizes.sum(),
            directory: place.directory,
        });
    }
    found
}

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::failed("unreadable", format!("cannot read {}: {error}", path.display()))
}

/// The format that a request names.
const fn format(format: SessionFormat) -> Format {
    match format {
        SessionFormat::Lore => Format::Lore,
        SessionFormat::Codex => Format::Codex,
        SessionFormat::CopilotCli => Format::CopilotCli,
        SessionFormat::Pi => Format::Pi,
        SessionFormat::QwenCode => Format::QwenCode,
        SessionFormat::GeminiCli => Format::GeminiCli,
        SessionFormat::OpenCode => Format::OpenCode,
        SessionFormat::MlIntern => Format::MlIntern,
        SessionFormat::MiniSweAgent => Format::MiniSweAgent,
        SessionFormat::SweAgent => Format::SweAgent,
        SessionFormat::Atif => Format::Atif,
        SessionFormat::SkillClaw => Format::SkillClaw,
        SessionFormat::SpecStory => Format::SpecStory,
        SessionFormat::ClaudeCode => Format::ClaudeCode,
        SessionFormat::OpenAiChat => Format::OpenAiChat,
    }
}

/// The files below a directory that may hold sessions, by name. What cannot be looked into is passed over.
fn files(directory: &Path, passed_over: &mut Vec<PassedOver>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    let mut pass = |path: &Path, reason: String| {
        passed_over.push(PassedOver { path: path.to_owned(), reason });
    };
    while let Some(directory) = open.pop() {
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) => {
                pass(&directory, format!("it cannot be read: {}", error.kind()));
                continue;
            }
        };
        // An entry that went away meanwhile is none.
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() && may_hold_sessions(&path) {
                found.push(path);
            } else if path.file_name().is_some_and(|name| name == OPENCODE_DATABASE) {
                let way = "OpenCode keeps its sessions in a database: write each with \
                    `opencode export ID > FILE.json` and import the files";
                pass(&path, way.to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Returns true for a file that is read when it is found in a directory.
pub(crate) fn may_hold_sessions(path: &Path) -> bool {
    let ends = |end: &str| path.extension().is_some_and(|extension| extension == end);
    EXTENSIONS.into_iter().any(ends)
        || (ends("md") && path.components().any(|part| part.as_os_str() == SPEC_STORY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use lore_session::Session;

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
        while let Some(chunk) = files.next_chunk() {
            files.stored(added(chunk.sessions.len() as u64, 0));
            chunks.push(chunk.sessions.into_iter().map(|found| found.session).collect());
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
        let done = files.finish().unwrap();
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
        let chunk = files.next_chunk().unwrap();
        assert_eq!(chunk.sessions.len(), 5);
        let progress = files.stored(added(2, 3));
        assert_eq!(progress, ImportProgress { files_done: 5, files: 5, sessions: 5 });
        assert!(files.next_chunk().is_none());
    }

    fn error_of(wanted: &SessionImport) -> CliError {
        let mut files = SessionFiles::find(wanted, 7).unwrap();
        assert!(files.next_chunk().is_none());
        files.finish().unwrap_err()
    }

    #[test]
    fn a_file_without_a_session_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none.jsonl");
        for (text, kind) in [("hello\n", "unknown_format"), ("", "unreadable_session")] {
            std::fs::write(&path, text).unwrap();
            let error = error_of(&wanted(&path));
            assert_eq!(error.kind, kind);
            assert!(error.message.contains("none.jsonl"), "{error}");
        }
        std::fs::write(&path, "{}\n{}\n").unwrap();
        let error = error_of(&SessionImport { format: Some(SessionFormat::Lore), ..wanted(&path) });
        assert_eq!(error.kind, "unreadable_session");
        assert!(error.message.contains("2 lines or items skipped"), "{error}");
    }

    /// The import goes on, whatever comes first.
    #[test]
    fn files_without_a_session_are_passed_over_by_name_and_the_others_imported() {
        let dir = tempfile::tempdir().unwrap();
        let others = [
            ("a-empty.jsonl", ""),
            (
                "a-snapshot.jsonl",
                r#"{"type":"file-history-snapshot","messageId":"m","snapshot":{}}"#,
            ),
            ("a-summary.jsonl", r#"{"type":"summary","summary":"Pears","leafUuid":"x"}"#),
            ("agent-1.meta.json", r#"{"agentType":"Explore"}"#),
            ("sessions-index.json", r#"{"version":1,"entries":[{"sessionId":"s"}]}"#),
            ("torn.json", r#"[{"role":"user","content":"ha"#),
        ];
        for (name, text) in others {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        std::fs::write(dir.path().join("opencode.db"), "x").unwrap();
        std::fs::write(dir.path().join("notes.md"), "x").unwrap();
        std::fs::create_dir(dir.path().join("deep")).unwrap();
        std::fs::write(dir.path().join("deep/good.jsonl"), line(1, 10)).unwrap();
        let mut files = SessionFiles::find(&wanted(dir.path()), 7).unwrap();
        assert_eq!(all(&mut files).iter().map(Vec::len).sum::<usize>(), 1);
        let done = files.finish().unwrap();
        assert_eq!((done.imported, done.files), (1, others.len() as u64 + 1));
        let passed = done.passed_over.iter().map(|file| file.path.file_name().unwrap().to_owned());
        let mut passed: Vec<_> = passed.collect();
        passed.sort();
        let mut expected: Vec<std::ffi::OsString> =
            others.iter().map(|(name, _)| (*name).into()).collect();
        expected.push("opencode.db".into());
        expected.sort();
        assert_eq!(passed, expected);
        assert!(done.passed_over.iter().all(|file| !file.reason.is_empty()));
    }

    #[test]
    fn places_that_hold_files_are_found_with_their_size() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(places_below(home.path()), SessionPlaces::default());
        let sessions = home.path().join(".codex/sessions/2026/03/02");
        std::fs::create_dir_all(&sessions).unwrap();
        std::fs::create_dir_all(home.path().join(".claude/projects/empty")).unwrap();
        std::fs::write(sessions.join("rollout-1.jsonl"), "12345").unwrap();
        std::fs::write(sessions.join("rollout-2.jsonl"), "67").unwrap();
        let found = places_below(home.path()).places;
        let expected = SessionPlace {
            harness: "codex".into(),
            directory: home.path().join(".codex/sessions"),
            files: 2,
            bytes: 7,
        };
        assert_eq!(found, [expected]);
    }
}
