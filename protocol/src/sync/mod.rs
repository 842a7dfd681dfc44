//! Anti-entropy: how two logs become equal, whatever gossip lost.
//!
//! Pull only: each side asks for what it lacks. A round begins with a digest of everything. Where digests
//! differ the answer has those of the newest epochs, and the epochs that differ are compared range by range
//! (`range`) until the answerer knows what the asker lacks; it sends that in causal order, batch by batch.
//! A fork makes two logs hold different things of one chain for good reason. When a comparison leaves
//! something that a fork excludes, or something is needed by id, the asker sends the frontiers of all
//! chains. Sans-IO: bytes in, bytes out; the answering side keeps nothing between two questions.

mod compare;
mod range;

pub use compare::MAX_EPOCHS;
pub use range::{
    End, MAX_ANSWER_RANGES, MAX_LISTED_BYTES, MAX_RANGES, MOST_LISTED, PARTS, Part, Range,
};

use crate::codec::{self, Decode, Encode};
use crate::delta::{Delta, Sound, prove};
use crate::ids::{DeltaId, Hash};
use crate::log::{Fault, Frontier, Ingest, Log};
use compare::Compare;

/// Longest encoded answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Most ids in one request.
pub const MAX_WANTS: usize = 256;
/// Most frontiers in one request, so that it fits 256 KiB.
pub const MAX_FRONTIERS: usize = 2048;
/// Most answers in one round; a round that needs more goes on at the next occasion.
pub const MAX_ANSWERS: u32 = 10_000;
/// Most answers on end to a comparison that bring nothing new; after that the frontiers decide.
const MAX_IDLE: u32 = 16;

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
    /// "This is what I have in these ranges; what do I lack?"
    Compare {
        /// Drawn by the asker for this round: it keys fingerprints and short ids.
        salt: Hash,
        /// In order; the first begins with the first item.
        ranges: Vec<Range>,
    },
}

/// Reply of the answering side.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Equal digests.
    Equal,
    /// Other digest.
    Different {
        /// Digest of all epochs before those that follow.
        before: Hash,
        /// The newest epochs with items, ascending, and their digests.
        epochs: Vec<(u32, Hash)>,
    },
    /// Deltas that the asker lacks.
    Deltas {
        /// In causal order.
        deltas: Vec<Delta>,
        /// There is more.
        more: bool,
        /// The answerer's digest.
        digest: Hash,
    },
    /// To [`Ask::Compare`].
    Compared {
        /// Ranges whose fingerprints differ, split.
        ranges: Vec<Range>,
        /// Deltas that the asker lacks in ranges that it listed, in causal order.
        deltas: Vec<Delta>,
        /// Place from which on listed ranges are not answered, for want of room.
        rest: Option<End>,
        /// The answerer's digest.
        digest: Hash,
    },
}

/// Answers a peer from a log; also gives the number of items that were looked at for it, which can be far
/// more than the answer's size tells.
#[must_use]
pub fn answer(log: &Log, ask: &Ask) -> (Answer, usize) {
    match ask {
        Ask::Digest(theirs) if *theirs == log.digest() => (Answer::Equal, 0),
        Ask::Digest(_) => (compare::epochs(log.items()), 0),
        Ask::Compare { salt, ranges } => compare::answer(log, salt, ranges),
        Ask::Missing { frontiers, wants } => {
            let wants = wants.get(..wants.len().min(MAX_WANTS)).unwrap_or_default();
            let (deltas, more) = log.missing_for(frontiers, wants, MAX_ANSWER_BYTES / 2);
            (Answer::Deltas { deltas, more, digest: log.digest() }, 0)
        }
    }
}

/// Receiver of a round's deltas: a log, or what stores them beside it.
pub trait Intake {
    /// The log as it is now.
    fn log(&self) -> &Log;

    /// Takes in one delta; gives it back when it is refused.
    fn take(&mut self, sound: Sound) -> (Ingest, Option<Sound>);

    /// Secret of this node, with which signatures of an answer are checked together; without one, each is
    /// checked by itself.
    fn secret(&self) -> Option<[u8; 32]> {
        None
    }
}

impl Intake for Log {
    fn log(&self) -> &Log {
        self
    }

    fn take(&mut self, sound: Sound) -> (Ingest, Option<Sound>) {
        self.offer(sound)
    }
}

/// One round of pulling from one peer.
#[derive(Debug, Clone)]
pub struct Round {
    salt: Hash,
    stage: Stage,
    answers: u32,
    idle: u32,
    /// Something that came was refused, but might not be after others.
    dropped: bool,
}

#[derive(Debug, Clone)]
enum Stage {
    Digest,
    Compare(Compare),
    Frontiers,
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
    /// Begins a round. The salt must be fresh and unpredictable in every round.
    #[must_use]
    pub fn begin(log: &Log, salt: Hash) -> (Self, Ask) {
        let round = Self { salt, stage: Stage::Digest, answers: 0, idle: 0, dropped: false };
        (round, Ask::Digest(log.digest()))
    }

    /// Takes an answer.
    pub fn handle(&mut self, into: &mut impl Intake, answer: Answer) -> (Batch, Step) {
        let mut batch = Batch::default();
        self.answers += 1;
        let step = match (&mut self.stage, answer) {
            (Stage::Digest, Answer::Equal) => Step::Done(Done::InSync),
            (Stage::Digest, Answer::Different { before, epochs }) => {
                let ordered = epochs.is_sorted_by(|a, b| a.0 < b.0);
                if !ordered || epochs.len() > MAX_EPOCHS {
                    return (batch, misbehaved("its epochs are out of order"));
                }
                let items = into.log().items();
                self.stage = Stage::Compare(Compare::begin(items, &before, &epochs));
                self.compare(into.log())
            }
            (Stage::Compare(_), Answer::Compared { ranges, deltas, rest, digest }) => {
                if ranges.len() > MAX_ANSWER_RANGES {
                    return (batch, misbehaved("it sent too many ranges"));
                }
                let before = into.log().progress();
                if let Err(step) = self.absorb(into, deltas, &mut batch) {
                    return (batch, step);
                }
                let items = into.log().items();
                if let Stage::Compare(compare) = &mut self.stage {
                    compare.take(items, &self.salt, &ranges, rest.as_ref());
                }
                self.idle = if before == into.log().progress() { self.idle + 1 } else { 0 };
                if into.log().digest() == digest {
                    Step::Done(Done::InSync)
                } else {
                    self.compare(into.log())
                }
            }
            (Stage::Frontiers, Answer::Deltas { deltas, digest, .. }) => {
                let before = into.log().progress();
                if let Err(step) = self.absorb(into, deltas, &mut batch) {
                    return (batch, step);
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
            (_, _) => misbehaved("it answered another question"),
        };
        (batch, step)
    }

    /// The next question of a comparison, or what follows it.
    fn compare(&mut self, log: &Log) -> Step {
        let Stage::Compare(compare) = &mut self.stage else { return Step::Done(Done::NothingNew) };
        let patient = self.idle < MAX_IDLE && self.answers < MAX_ANSWERS;
        if let Some(ranges) = compare.ask(log.items(), &self.salt).filter(|_| patient) {
            return Step::Ask(Ask::Compare { salt: self.salt, ranges });
        }
        if self.dropped || !patient || !log.wants(1).is_empty() {
            self.stage = Stage::Frontiers;
            return Step::Ask(missing(log));
        }
        Step::Done(Done::NothingNew)
    }

    /// Takes in the deltas of an answer.
    fn absorb(
        &mut self,
        into: &mut impl Intake,
        deltas: Vec<Delta>,
        batch: &mut Batch,
    ) -> Result<(), Step> {
        let (mut dropped, mut sounds, mut fault) =
            (Vec::new(), Vec::with_capacity(deltas.len()), None);
        for delta in deltas {
            match delta.sound() {
                Ok(sound) => sounds.push(sound),
                Err(error) => {
                    fault = Some(misbehaved(&error.to_string()));
                    break;
                }
            }
        }
        if let Some(secret) = into.secret() {
            let keys = into.log().likely_keys(&sounds);
            prove(&mut sounds, &keys, &secret);
        }
        sounds.into_iter().for_each(|sound| dropped.extend(take(into, sound, batch)));
        if let Some(fault) = fault {
            return Err(fault);
        }
        // What came before the delta that needs it, or found no room to wait for what came after.
        for (sound, _) in dropped.into_iter().rev() {
            let still = take(into, sound, batch);
            self.dropped |= still.is_some();
            batch.refused.extend(still.map(|(sound, fault)| (sound.id, fault)));
        }
        Ok(())
    }
}

fn misbehaved(why: &str) -> Step {
    Step::Done(Done::Misbehaved(why.into()))
}

/// Takes in one delta; gives it back when it was not kept for now, but might be after others.
fn take(into: &mut impl Intake, sound: Sound, batch: &mut Batch) -> Option<(Sound, Fault)> {
    let id = sound.id;
    let (taken, back) = into.take(sound);
    match taken {
        Ingest::Accepted(ids) => batch.accepted.extend(ids),
        Ingest::Refused(fault @ (Fault::Forked | Fault::TooManyWaiting)) => {
            return back.map(|sound| (sound, fault));
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
            Self::Compare { ranges, .. } if !range::are_bounded(ranges) => {
                Err(codec::DecodeError::Malformed("too many ranges or items".into()))
            }
            _ => Ok(ask),
        }
    }
}
