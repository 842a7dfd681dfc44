//! A study: episodes over tasks and arms, kept one by one, so that an interrupted study can be resumed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::brief::{Form, Shelf};
use super::episode::{Bounds, Ending, Episode, Offered, opening, run};
use super::error::LabError;
use super::instance::Instance;
use lore_agent::model::{Message, Model};
use lore_agent::statistics::{Interval, Share, paired_difference};

/// Skills that are offered at a time.
const OFFERED: usize = 3;
/// Episodes in a row that the endpoint failed, after which a study stops: the rest would fail as well.
const FAILED_IN_A_ROW: usize = 3;

/// Arm: what the model is given besides the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Nothing.
    None,
    /// Skills of another environment.
    Wrong,
    /// The library's knowledge in sentences.
    Prose,
    /// Skills from the measured node's own work only.
    Own,
    /// The shared library.
    Library,
    /// A library without privacy, from everybody's sessions.
    Central,
}

impl Arm {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Wrong, Self::Prose, Self::Own, Self::Library, Self::Central];

    /// Its name in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Wrong => "wrong",
            Self::Prose => "prose",
            Self::Own => "own",
            Self::Library => "library",
            Self::Central => "central",
        }
    }
}

impl std::str::FromStr for Arm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|arm| arm.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|arm| arm.name()).collect();
            format!("`{text}` is not an arm; there are: {}", known.join(", "))
        })
    }
}

/// One episode to be done.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Seed of the environment.
    pub seed: u64,
    /// Name of the family, for tables only.
    pub family: String,
    /// Families that are reported together: `control`, or another word.
    pub group: String,
    /// Number of the task.
    pub n: u64,
    /// Arm of the episode.
    pub arm: Arm,
    /// The task.
    pub instance: Instance,
    /// Directory of the lab's tools.
    pub bin: PathBuf,
}

/// The group of the controls.
pub const CONTROL: &str = "control";

/// One episode that was done: a line of the results file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Hash of everything that determines it, the model's name among that.
    pub key: String,
    /// The model, as it was named.
    pub model: String,
    /// See [`Cell::seed`].
    pub seed: u64,
    /// See [`Cell::family`].
    pub family: String,
    /// See [`Cell::group`].
    pub group: String,
    /// See [`Cell::n`].
    pub n: u64,
    /// See [`Cell::arm`].
    pub arm: Arm,
    /// Result of the episode.
    #[serde(flatten)]
    pub episode: Episode,
}

/// Why a study stopped.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The results cannot be kept.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Message of the system.
        source: std::io::Error,
    },
    /// A line of the results is none.
    #[error("line {line} of {} is not a result: {reason}; remove the line, or choose another directory", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Message of the parser.
        reason: String,
    },
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The endpoint failed several times in a row.
    #[error(
        "the model's endpoint failed {FAILED_IN_A_ROW} episodes in a row ({class}): {message}; what was \
         measured is kept, start again to continue"
    )]
    Endpoint {
        /// Class of the last error.
        class: String,
        /// Message of the endpoint.
        message: String,
    },
}

/// The results file.
#[derive(Debug)]
pub struct Results {
    path: PathBuf,
    file: File,
    records: BTreeMap<String, Record>,
}

impl Results {
    /// Opens or makes the results file at `path`. A last line that was cut, as by a power failure, is
    /// taken off; its episode is done again.
    ///
    /// # Errors
    /// Fails when the file cannot be read or written, or holds something else.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        let at = |source| StudyError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(at)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(at)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        file.set_len(whole as u64).map_err(at)?;
        file.seek(SeekFrom::End(0)).map_err(at)?;
        let mut records = BTreeMap::new();
        for (nth, line) in text[..whole].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let record: Record = serde_json::from_slice(line).map_err(|error| {
                StudyError::Line { path: path.to_owned(), line: nth + 1, reason: error.to_string() }
            })?;
            records.insert(record.key.clone(), record);
        }
        Ok(Self { path: path.to_owned(), file, records })
    }

    fn add(&mut self, record: Record) -> Result<(), StudyError> {
        let at = |source| StudyError::Io { path: self.path.clone(), source };
        // SAFETY: string keys and plain values only.
        #[allow(clippy::expect_used)]
        let mut line = serde_json::to_vec(&record).expect("records serialise");
        line.push(b'\n');
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(at)?;
        self.records.insert(record.key.clone(), record);
        Ok(())
    }
}

/// Setup with which models are measured.
#[derive(Debug)]
pub struct Study<'a> {
    /// Name of the model, with the hash of its file where there is one: results are kept by it.
    pub model_id: &'a str,
    /// The skills of each arm, by seed; an arm without any is given nothing.
    pub shelves: BTreeMap<(u64, Arm), Arc<Shelf>>,
    /// Bounds of each episode.
    pub bounds: Bounds,
    /// Scratch directories are made below.
    pub scratch: PathBuf,
    /// Time of the sessions, in seconds since the Unix epoch.
    pub started: u64,
}

impl Study<'_> {
    /// Does the cells that are not done yet, one after the other, and gives the records of all of them in
    /// their order. `told` is given each record and how many are done of how many.
    ///
    /// # Errors
    /// Fails when results cannot be kept, the lab fails, or the endpoint fails again and again. An episode
    /// that the endpoint failed is not kept.
    pub async fn run(
        &self,
        model: &dyn Model,
        cells: &[Cell],
        results: &mut Results,
        told: &mut (dyn FnMut(&Record, usize, usize) + Send),
    ) -> Result<Vec<Record>, StudyError> {
        let mut done = Vec::new();
        let mut failed = 0;
        for (nth, cell) in cells.iter().enumerate() {
            let offered = self.offered(cell);
            let key = self.key(cell, &offered);
            if let Some(known) = results.records.get(&key) {
                done.push(known.clone());
                continue;
            }
            let scratch = self.scratch.join("episode");
            let episode = run(
                model,
                &cell.instance,
                &offered,
                &self.bounds,
                &cell.bin,
                &scratch,
                &key[..16],
                self.started,
            )
            .await?;
            let record = Record {
                key,
                model: self.model_id.to_owned(),
                seed: cell.seed,
                family: cell.family.clone(),
                group: cell.group.clone(),
                n: cell.n,
                arm: cell.arm,
                episode,
            };
            told(&record, nth + 1, cells.len());
            if let Ending::Endpoint { class, message } = &record.episode.end {
                failed += 1;
                if failed >= FAILED_IN_A_ROW {
                    let (class, message) = (class.clone(), message.clone());
                    return Err(StudyError::Endpoint { class, message });
                }
                continue;
            }
            failed = 0;
            results.add(record.clone())?;
            done.push(record);
        }
        Ok(done)
    }

    fn offered(&self, cell: &Cell) -> Offered {
        let form = if cell.arm == Arm::Prose { Form::Prose } else { Form::Example };
        let shelf = self.shelves.get(&(cell.seed, cell.arm));
        let found = shelf.map(|shelf| shelf.offer(cell.instance.prompt(), OFFERED));
        let found = found.unwrap_or_default();
        Offered {
            texts: found.iter().map(|brief| brief.text(form)).collect(),
            used: found.iter().map(|brief| brief.used.clone()).collect(),
            form,
        }
    }

    /// Hash of what determines an episode. The time limits are left out: they bound what is broken.
    fn key(&self, cell: &Cell, offered: &Offered) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("commonlore/lab/episode/v1");
        let mut put = |part: &[u8]| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        put(self.model_id.as_bytes());
        put(&self.bounds.steps.to_le_bytes());
        put(&self.bounds.reply_tokens.to_le_bytes());
        put(&self.bounds.window_tokens.to_le_bytes());
        put(&(self.bounds.shown_bytes as u64).to_le_bytes());
        put(&cell.seed.to_le_bytes());
        put(cell.family.as_bytes());
        put(&cell.n.to_le_bytes());
        put(cell.arm.name().as_bytes());
        for message in opening(cell.instance.prompt(), offered) {
            let role = if matches!(&*message, Message::System { .. }) { "system" } else { "user" };
            put(role.as_bytes());
            put(message.text().as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

/// Sum of the episodes of one arm.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sum {
    /// Solved.
    pub solved: Share,
    /// Solved by the first command.
    pub first_attempt: Share,
    /// Model calls.
    pub calls: u64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub generated_tokens: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Money in millionths of a US dollar, when the price is known for all.
    pub micro_usd: Option<u64>,
}

impl Sum {
    /// Of these records.
    pub fn of<'r>(records: impl IntoIterator<Item = &'r Record>) -> Self {
        let mut sum = Self { micro_usd: Some(0), ..Self::default() };
        for record in records {
            let episode = &record.episode;
            sum.solved.add(episode.solved);
            sum.first_attempt.add(episode.first_attempt);
            sum.calls += episode.calls;
            sum.prompt_tokens += episode.prompt_tokens;
            sum.generated_tokens += episode.generated_tokens;
            sum.seconds += episode.seconds;
            sum.micro_usd = sum.micro_usd.zip(episode.micro_usd).map(|(a, b)| a.saturating_add(b));
        }
        if sum.solved.trials == 0 {
            sum.micro_usd = None;
        }
        sum
    }

    /// `total` by task.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Sums of a study are far below 2^52.
    pub fn per_task(&self, total: f64) -> f64 {
        total / (self.solved.trials.max(1) as f64)
    }
}

/// Arms that occur, in the order of tables.
#[must_use]
pub fn arms(records: &[Record]) -> Vec<Arm> {
    let found: BTreeSet<Arm> = records.iter().map(|record| record.arm).collect();
    found.into_iter().collect()
}

/// Share by which the second arm solves more of the same tasks of `group` than the first.
#[must_use]
pub fn difference(records: &[Record], group: &str, first: Arm, second: Arm) -> (Interval, usize) {
    let of = |arm: Arm| -> BTreeMap<(u64, &str, u64), bool> {
        let mine = records.iter().filter(|record| record.arm == arm && record.group == group);
        mine.map(|r| ((r.seed, r.family.as_str(), r.n), r.episode.solved)).collect()
    };
    let (first, second) = (of(first), of(second));
    let pairs: Vec<(bool, bool)> =
        first.iter().filter_map(|(task, one)| Some((*one, *second.get(task)?))).collect();
    (paired_difference(&pairs), pairs.len())
}
