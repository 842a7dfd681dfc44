//! Anti-entropy: how two logs become equal, whatever gossip lost.
//!
//! Pull only: each side asks for what it lacks. A round begins with a digest; where digests differ the
//! asker sends its frontiers and gets what it lacks in causal order, batch by batch, until the digests
//! are equal or a batch brings nothing new. Sans-IO: bytes in, bytes out.

use crate::codec::{self, Decode, Encode};
use crate::delta::{Delta, Sound};
use crate::ids::{DeltaId, Hash};
use crate::log::{Fault, Frontier, Ingest, Log};

/// Longest encoded answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Most ids in one request.
pub const MAX_WANTS: usize = 256;
/// Most frontiers in one request, so that it fits 256 KiB.
pub const MAX_FRONTIERS: usize = 2048;
/// Most answers in one round; a round that needs more goes on at the next occasion.
pub const MAX_ANSWERS: u32 = 10_000;

/// Request of the asking side.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// "Is this what you have?"
    Digest(Hash),
    /// "This is what I have; what do I lack?"
    Missing {
        /// The asker's frontiers.
        frontiers: Vec<Frontier>,
        /// Deltas that it wants by id.
        wants: Vec<DeltaId>,
    },
}

/// Reply of the answering side.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Equal digests.
    Equal,
    /// Other digest.
    Different,
    /// Deltas that the asker lacks.
    Deltas {
        /// In causal order.
        deltas: Vec<Delta>,
        /// There is more.
        more: bool,
        /// The answerer's digest.
        digest: Hash,
    },
}

/// Answers a peer from a log.
#[must_use]
pub fn answer(log: &Log, ask: &Ask) -> Answer {
    match ask {
        Ask::Digest(theirs) if *theirs == log.digest() => Answer::Equal,
        Ask::Digest(_) => Answer::Different,
        Ask::Missing { frontiers, wants } => {
            let wants = wants.get(..wants.len().min(MAX_WANTS)).unwrap_or_default();
            let (deltas, more) = log.missing_for(frontiers, wants, MAX_ANSWER_BYTES / 2);
            Answer::Deltas { deltas, more, digest: log.digest() }
        }
    }
}

/// Receiver of a round's deltas: a log, or what stores them beside it.
pub trait Intake {
    /// The log as it is now.
    fn log(&self) -> &Log;

    /// Takes in one delta.
    fn take(&mut self, sound: Sound) -> Ingest;
}

impl Intake for Log {
    fn log(&self) -> &Log {
        self
    }

    fn take(&mut self, sound: Sound) -> Ingest {
        self.ingest(sound)
    }
}

/// One round of pulling from one peer.
#[derive(Debug, Clone, Default)]
pub struct Round {
    answers: u32,
}

/// Next step of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this and give its answer to [`Round::handle`].
    Ask(Ask),
    /// The round is over.
    Done(Done),
}

/// End of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Both sides hold the same.
    InSync,
    /// The peer has nothing that this side lacks; it may lack something itself.
    NothingNew,
    /// The peer sent something that no honest peer sends.
    Misbehaved(String),
}

/// Effect of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Newly valid deltas, in order.
    pub accepted: Vec<DeltaId>,
    /// Deltas of the batch that are invalid here, with the reason.
    pub refused: Vec<(DeltaId, Fault)>,
}

impl Round {
    /// Begins a round.
    #[must_use]
    pub fn begin(log: &Log) -> (Self, Ask) {
        (Self::default(), Ask::Digest(log.digest()))
    }

    /// Takes an answer.
    pub fn handle(&mut self, into: &mut impl Intake, answer: Answer) -> (Batch, Step) {
        let mut batch = Batch::default();
        self.answers += 1;
        let first = self.answers == 1;
        let step = match answer {
            Answer::Equal if first => Step::Done(Done::InSync),
            Answer::Different if first => Step::Ask(missing(into.log())),
            Answer::Equal | Answer::Different => {
                Step::Done(Done::Misbehaved("it answered another question".into()))
            }
            Answer::Deltas { .. } if first => {
                Step::Done(Done::Misbehaved("it sent deltas that nobody asked for".into()))
            }
            Answer::Deltas { deltas, digest, .. } => {
                let before = into.log().progress();
                let mut dropped = Vec::new();
                for delta in deltas {
                    match delta.sound() {
                        Ok(sound) => dropped.extend(take(into, sound, &mut batch)),
                        Err(error) => {
                            return (batch, Step::Done(Done::Misbehaved(error.to_string())));
                        }
                    }
                }
                // What came before the delta that needs it, or found no room to wait for what came after.
                for (sound, _) in dropped.into_iter().rev() {
                    let still = take(into, sound, &mut batch);
                    batch.refused.extend(still.map(|(sound, fault)| (sound.id, fault)));
                }
                if into.log().digest() == digest {
                    Step::Done(Done::InSync)
                } else if before != into.log().progress() && self.answers < MAX_ANSWERS {
                    // Not `more` decides, which costs a peer nothing to say, but what it brought.
                    Step::Ask(missing(into.log()))
                } else {
                    Step::Done(Done::NothingNew)
                }
            }
        };
        (batch, step)
    }
}

/// Takes in one delta; gives it back when it was not kept for now, but might be after others.
fn take(into: &mut impl Intake, sound: Sound, batch: &mut Batch) -> Option<(Sound, Fault)> {
    let id = sound.id;
    match into.take(sound.clone()) {
        Ingest::Accepted(ids) => batch.accepted.extend(ids),
        Ingest::Refused(fault @ (Fault::Forked | Fault::TooManyWaiting)) => {
            return Some((sound, fault));
        }
        Ingest::Refused(fault) => batch.refused.push((id, fault)),
        Ingest::Known | Ingest::Waiting(_) => {}
    }
    None
}

fn missing(log: &Log) -> Ask {
    let mut frontiers = log.frontiers();
    if frontiers.len() > MAX_FRONTIERS {
        // A chain that is not named is sent whole: those are the Joins that nobody admitted yet.
        frontiers.sort_by_key(|frontier| !log.tip().frontier.contains_key(&frontier.author));
        frontiers.truncate(MAX_FRONTIERS);
    }
    Ask::Missing { frontiers, wants: log.wants(MAX_WANTS) }
}

impl Ask {
    /// Decodes a request within its bounds.
    ///
    /// # Errors
    /// Fails when the bytes are not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, codec::DecodeError> {
        let ask: Self = codec::decode(bytes)?;
        match &ask {
            Self::Missing { frontiers, wants }
                if frontiers.len() > MAX_FRONTIERS || wants.len() > MAX_WANTS =>
            {
                Err(codec::DecodeError::Malformed("too many frontiers or wants".into()))
            }
            _ => Ok(ask),
        }
    }
}
