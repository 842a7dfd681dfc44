//! A turn on disk as it goes: JSON Lines that are only ever appended to.
//!
//! A crash costs at most the line that was being written. Compaction is a line that says what the
//! conversation is from now on; what was before stays in the file, for the session that it becomes.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{End, Spend};
use crate::model::Message;
use lore_session::SkillUse;

/// Version of the lines.
const VERSION: u32 = 1;
/// Longest line that is read, in bytes.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Header at the beginning of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the lines.
    pub version: u32,
    /// Name of the session.
    pub id: String,
    /// The model.
    pub model: String,
    /// Seconds since the Unix epoch.
    pub started_unix_seconds: u64,
    /// The session that this one was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

impl Head {
    /// The head of a new session.
    #[must_use]
    pub fn new(id: &str, model: &str, started_unix_seconds: u64) -> Self {
        let (id, model) = (id.to_owned(), model.to_owned());
        Self { version: VERSION, id, model, started_unix_seconds, parent: None }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Record {
    /// The first one.
    Head(Head),
    /// A message more.
    Message {
        /// The message.
        message: Message,
    },
    /// The conversation from now on.
    Compacted {
        /// Its messages.
        messages: Vec<Message>,
    },
    /// Skills were offered.
    Skills {
        /// The skills.
        skills: Vec<SkillUse>,
    },
    /// The first `messages` of everything that was said are a stored session now.
    Stored {
        /// Its id.
        session: String,
        /// Number of messages.
        messages: usize,
    },
    /// Still running.
    Beat {
        /// Used in this turn so far.
        spend: Spend,
    },
    /// A turn ended.
    End {
        /// The way in which it ended.
        end: End,
        /// Used in that turn.
        spend: Spend,
    },
}

/// Why a transcript cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The file fails.
    #[error("the transcript cannot be written or read: {0}")]
    Io(#[from] std::io::Error),
    /// Something that is not a line of a transcript.
    #[error("line {line} is not part of a transcript; fork from before it to continue")]
    Line {
        /// Number of the line, from 1.
        line: usize,
    },
    /// Written by a later build.
    #[error("the transcript has version {0}; update this program")]
    Newer(u32),
    /// A file without a head.
    #[error("the file holds no session")]
    Empty,
}

/// A transcript being written. Only its owner may read the file.
#[derive(Debug)]
pub struct Transcript {
    file: File,
}

impl Transcript {
    /// Begins a new file.
    ///
    /// # Errors
    /// Fails when it exists or cannot be written.
    pub fn create(path: &Path, head: &Head) -> Result<Self, TranscriptError> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut transcript = Self { file: options.open(path)? };
        transcript.write(&Record::Head(head.clone()))?;
        Ok(transcript)
    }

    /// Continues a file. A line that was cut by a crash is taken out and the repaired conversation
    /// is written, so that all of `Saved::messages` are in the file.
    ///
    /// # Errors
    /// Fails when it cannot be read or written.
    pub fn resume(path: &Path) -> Result<(Self, Saved), TranscriptError> {
        let saved = Saved::load(path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        if saved.is_cut {
            file.set_len(saved.whole_bytes)?;
        }
        let mut transcript = Self { file };
        if saved.repairs > 0 {
            transcript.replace(&saved.messages)?;
        }
        Ok((transcript, saved))
    }

    /// Begins a new session at `path` with the first `messages` messages of a saved one.
    ///
    /// # Errors
    /// Fails when the new file exists or cannot be written.
    pub fn fork(
        path: &Path,
        id: &str,
        started_unix_seconds: u64,
        from: &Saved,
        messages: usize,
    ) -> Result<(Self, Vec<Arc<Message>>), TranscriptError> {
        let head = Head {
            parent: Some(from.head.id.clone()),
            ..Head::new(id, &from.head.model, started_unix_seconds)
        };
        let mut transcript = Self::create(path, &head)?;
        let kept: Vec<Arc<Message>> = from.messages.iter().take(messages).cloned().collect();
        let (kept, _) = super::repair(&kept);
        for message in &kept {
            transcript.append(message)?;
        }
        Ok((transcript, kept))
    }

    /// Saves a message.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub fn append(&mut self, message: &Arc<Message>) -> Result<(), TranscriptError> {
        #[derive(Serialize)]
        struct Line<'a> {
            line: &'static str,
            message: &'a Message,
        }
        self.line(&Line { line: "message", message })
    }

    /// Saves that the conversation is now these messages.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub fn replace(&mut self, messages: &[Arc<Message>]) -> Result<(), TranscriptError> {
        let messages = messages.iter().map(|message| (**message).clone()).collect();
        self.write(&Record::Compacted { messages })
    }

    /// Saves a line.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub fn write(&mut self, record: &Record) -> Result<(), TranscriptError> {
        self.line(record)
    }

    /// Makes sure that what was written survives a loss of power.
    ///
    /// # Errors
    /// Fails when the disk fails.
    pub fn sync(&mut self) -> Result<(), TranscriptError> {
        Ok(self.file.sync_data()?)
    }

    /// One write per line, so that two lines are never mixed.
    fn line(&mut self, record: &impl Serialize) -> Result<(), TranscriptError> {
        let mut bytes = serde_json::to_vec(record).map_err(std::io::Error::from)?;
        bytes.push(b'\n');
        Ok(self.file.write_all(&bytes)?)
    }
}

/// A transcript as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Its head.
    pub head: Head,
    /// The conversation as the model would be shown it, repaired.
    pub messages: Vec<Arc<Message>>,
    /// Everything that was ever said, compacted or not.
    pub all: Vec<Arc<Message>>,
    /// End of its last turn, when it ended.
    pub end: Option<End>,
    /// Skills that were offered, in order.
    pub skills: Vec<SkillUse>,
    /// Number of messages of `all` that are stored sessions.
    pub stored: usize,
    /// Number of sessions that they were stored as.
    pub pieces: usize,
    /// True when its last line was cut.
    pub is_cut: bool,
    whole_bytes: u64,
    repairs: usize,
}

impl Saved {
    /// Reads a file.
    ///
    /// # Errors
    /// Fails when it is no transcript. A last line that was cut is left out.
    pub fn load(path: &Path) -> Result<Self, TranscriptError> {
        let mut reader = BufReader::new(File::open(path)?);
        let (mut number, mut whole_bytes) = (0, 0_u64);
        let mut saved: Option<Self> = None;
        loop {
            let mut bytes = Vec::new();
            let read =
                std::io::Read::take(&mut reader, MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                break;
            }
            number += 1;
            if bytes.last() != Some(&b'\n') {
                if let Some(saved) = &mut saved {
                    saved.is_cut = true;
                }
                break;
            }
            whole_bytes += read as u64;
            let bad = |_| TranscriptError::Line { line: number };
            let record: Record = serde_json::from_slice(&bytes).map_err(bad)?;
            match (&mut saved, record) {
                (None, Record::Head(head)) if head.version > VERSION => {
                    return Err(TranscriptError::Newer(head.version));
                }
                (None, Record::Head(head)) => saved = Some(Self::new(head)),
                (Some(saved), record) => saved.take(record),
                (None, _) => return Err(TranscriptError::Line { line: number }),
            }
        }
        let mut saved = saved.ok_or(TranscriptError::Empty)?;
        saved.whole_bytes = whole_bytes;
        (saved.messages, saved.repairs) = super::repair(&saved.messages);
        saved.all = super::repair(&saved.all).0;
        Ok(saved)
    }

    const fn new(head: Head) -> Self {
        Self {
            head,
            messages: Vec::new(),
            all: Vec::new(),
            end: None,
            skills: Vec::new(),
            stored: 0,
            pieces: 0,
            is_cut: false,
            whole_bytes: 0,
            repairs: 0,
        }
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Message { message } => {
                let message = Arc::new(message);
                self.messages.push(Arc::clone(&message));
                self.all.push(message);
                self.end = None;
            }
            Record::Compacted { messages } => {
                self.messages = messages.into_iter().map(Arc::new).collect();
            }
            Record::End { end, .. } => self.end = Some(end),
            Record::Skills { skills } => self.skills.extend(skills),
            Record::Stored { messages, .. } => {
                self.stored = messages;
                self.pieces += 1;
            }
            // A second head is what is left of a person's `cat`.
            Record::Beat { .. } | Record::Head(_) => {}
        }
    }
}
