//! The human gate: a person may drop keys of a drawn result before a public deadline.
//!
//! The gate is set before data is read, sees nothing but the noisy result, and decides nothing about
//! time: whatever was answered and whenever, bytes go out at the deadline, and without an answer a void
//! does. What the person keeps is a choice outside the guarantee, which covers the whole result.

use std::collections::BTreeSet;

use lore_protocol::codec;
use lore_protocol::ids::{Hash, LessonId};
use lore_protocol::lesson::LessonKey;
use lore_protocol::payload::{LessonEntry, Payload, PayloadKind};

use super::entry::{Answer, Chain, Entry};
use super::machine::Ledger;
use super::point::Point;
use super::state::{Gate, Step};
use super::steps::Ticket;
use super::store::LedgerStore;
use crate::{NoiseSource, PrivacyError, Released, SystemNoise};

/// A result at the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The release.
    pub release: Hash,
    /// Chain that it belongs to.
    pub chain: Chain,
    /// Time at which bytes or a void go out, in seconds since the Unix epoch.
    pub deadline_seconds: u64,
    /// The answer so far.
    pub answer: Option<Answer>,
    /// The noisy result, by place.
    pub entries: Vec<LessonEntry>,
    /// Canonical bytes of what goes out at the deadline by the answer so far: with no answer, all of it
    /// as it would be if it were approved. None for a refusal.
    pub payload: Option<Vec<u8>>,
}

/// Outcome of the gate.
#[derive(Debug)]
pub enum Passage<N = SystemNoise> {
    /// The deadline is still to come.
    Wait {
        /// The deadline, in seconds since the Unix epoch.
        deadline_seconds: u64,
    },
    /// Nothing may go out; a `Void` is due.
    Void,
    /// This may go out.
    Open(Box<Released<Payload, N>>),
}

impl<S: LedgerStore, N: NoiseSource> Ledger<S, N> {
    /// Sets a gate before a reserved release, until a public time. Before data is read, so that whether
    /// there is a gate does not depend on it.
    ///
    /// # Errors
    /// Fails when the release is not lessons, is sampled already, or has a gate.
    pub fn hold(&mut self, ticket: &Ticket, deadline_seconds: u64) -> Result<(), PrivacyError> {
        let release = ticket.release();
        let known = self.state.releases.get(&release);
        let lessons = known.is_some_and(|known| known.reservation.kind == PayloadKind::Lessons);
        if !lessons {
            return Err(PrivacyError::Unsupported("a gate before anything but lessons"));
        }
        if known.is_none_or(|known| known.step != Step::Reserved || known.gate.is_some()) {
            return Err(self.out_of_order(release, "held"));
        }
        self.append(Entry::Gated { release, deadline_seconds })?;
        self.reach(Point::Gated);
        Ok(())
    }

    /// The results that wait at the gate, in the order of their reservation.
    ///
    /// # Errors
    /// Fails when an entry is damaged.
    pub fn held(&self) -> Result<Vec<Held>, PrivacyError> {
        let waiting = self.state.order.iter().filter(|release| self.gate_of(release).is_ok());
        waiting.map(|release| self.held_at(*release)).collect()
    }

    fn held_at(&self, release: Hash) -> Result<Held, PrivacyError> {
        let (chain, gate) = self.gate_of(&release)?;
        let payload = self.sampled_payload(release)?;
        let entries = entries(&payload).to_vec();
        let sent = match &gate.answer {
            None => Some(payload),
            Some(Answer::Keep(keep)) => select(payload, keep),
            Some(Answer::Refuse) => None,
        };
        Ok(Held {
            release,
            chain,
            deadline_seconds: gate.deadline_seconds,
            answer: gate.answer.clone(),
            entries,
            payload: sent.map(|payload| codec::encode(&payload)),
        })
    }

    /// Records what may go out. Topic words of a lesson that is dropped are dropped with it, since they
    /// name it by its hash; dropping every key is a refusal. A later answer replaces an earlier one until
    /// the deadline. Gives the answer as it is recorded.
    ///
    /// # Errors
    /// After the deadline, when nothing waits, when a place does not exist, or when the rest cannot be
    /// padded to the fixed length.
    pub fn answer(
        &mut self,
        release: Hash,
        answer: Answer,
        now_seconds: u64,
    ) -> Result<Answer, PrivacyError> {
        let (_, gate) = self.gate_of(&release)?;
        if now_seconds >= gate.deadline_seconds {
            return Err(PrivacyError::GateClosed { deadline_seconds: gate.deadline_seconds });
        }
        let payload = self.sampled_payload(release)?;
        let answer = match answer {
            Answer::Keep(keep) => without_orphans(entries(&payload), &keep)?,
            Answer::Refuse => Answer::Refuse,
        };
        if matches!(&answer, Answer::Keep(keep) if select(payload, keep).is_none()) {
            return Err(PrivacyError::Parameter {
                what: "the choice of keys",
                why: "leaves a length that cannot be padded to the fixed one; keep or drop another"
                    .into(),
            });
        }
        self.append(Entry::Answered { release, answer: answer.clone() })?;
        self.reach(Point::Answered);
        Ok(answer)
    }

    /// Opens the gate when its time has come. A release that nobody let through is voided.
    ///
    /// # Errors
    /// Fails when nothing waits, or the store fails.
    pub fn pass(&mut self, release: Hash, now_seconds: u64) -> Result<Passage<N>, PrivacyError> {
        let (_, gate) = self.gate_of(&release)?;
        let deadline_seconds = gate.deadline_seconds;
        if now_seconds < deadline_seconds {
            self.reach(Point::AtGate);
            return Ok(Passage::Wait { deadline_seconds });
        }
        let Some(payload) = self.let_through(release)? else {
            self.append(Entry::Voided { release })?;
            return Ok(Passage::Void);
        };
        Ok(Passage::Open(Box::new(Released::passed(payload, release))))
    }

    /// Payload that the answer to a gated release lets through; none for a refusal or without an answer.
    pub(super) fn let_through(&self, release: Hash) -> Result<Option<Payload>, PrivacyError> {
        let (_, gate) = self.gate_of(&release)?;
        let Some(Answer::Keep(keep)) = &gate.answer else { return Ok(None) };
        Ok(select(self.sampled_payload(release)?, keep))
    }

    fn gate_of(&self, release: &Hash) -> Result<(Chain, &Gate), PrivacyError> {
        let known = self.state.releases.get(release);
        known
            .filter(|known| matches!(known.step, Step::Sampled(_)))
            .and_then(|known| Some((known.reservation.chain, known.gate.as_ref()?)))
            .ok_or_else(|| self.out_of_order(*release, "answered: it does not wait at the gate"))
    }
}

fn entries(payload: &Payload) -> &[LessonEntry] {
    match payload {
        Payload::Lessons(lessons) => &lessons.entries,
        _ => &[],
    }
}

/// The places to keep, ascending, without topic words whose lesson is among the entries and dropped.
fn without_orphans(entries: &[LessonEntry], keep: &[u32]) -> Result<Answer, PrivacyError> {
    let keep: BTreeSet<u32> = keep.iter().copied().collect();
    let at = |place: u32| entries.get(place as usize).map(|entry| &entry.key);
    if let Some(beyond) = keep.iter().find(|place| at(**place).is_none()) {
        return Err(PrivacyError::Parameter {
            what: "key",
            why: format!("there is no key {} at the gate", u64::from(*beyond) + 1),
        });
    }
    let dropped: BTreeSet<LessonId> = (0_u32..)
        .zip(entries)
        .filter(|(place, _)| !keep.contains(place))
        .filter_map(|(_, entry)| match &entry.key {
            LessonKey::Primary(lesson) => Some(lesson.id()),
            LessonKey::Topic { .. } => None,
        })
        .collect();
    let orphan = |place: u32| matches!(at(place), Some(LessonKey::Topic { lesson, .. }) if dropped.contains(lesson));
    let kept: Vec<u32> = keep.iter().copied().filter(|place| !orphan(*place)).collect();
    Ok(if kept.is_empty() && !entries.is_empty() { Answer::Refuse } else { Answer::Keep(kept) })
}

/// The payload with only some of its entries, padded to the length that it had. None when nothing is
/// left, or when just that length cannot be reached.
pub(super) fn select(payload: Payload, keep: &[u32]) -> Option<Payload> {
    let target = codec::encode(&payload).len();
    let Payload::Lessons(mut lessons) = payload else { return None };
    let all = lessons.entries.len();
    let mut place = 0_u32;
    lessons.entries.retain(|_| {
        let kept = keep.binary_search(&place).is_ok();
        place += 1;
        kept
    });
    if lessons.entries.is_empty() && all > 0 {
        return None;
    }
    lessons.padding.clear();
    let bare = codec::encode(&Payload::Lessons(lessons.clone())).len();
    // A length prefix grows from 1 to 3 to 5 bytes: try the paddings that can match.
    [0, 2, 4].iter().filter_map(|prefix| target.checked_sub(bare + prefix)).find_map(|padding| {
        let mut padded = lessons.clone();
        padded.padding = vec![0; padding];
        let padded = Payload::Lessons(padded);
        (codec::encode(&padded).len() == target).then_some(padded)
    })
}
