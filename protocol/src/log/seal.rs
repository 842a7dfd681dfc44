//! Sealing: which final checkpoint stands, what it covers, and when two disagree.
//!
//! The sealed epochs are one line: of two final checkpoints with one parent the smaller id stands, unless a new key of
//! the only signer says which one does (`rotation`). The others, and
//! what was sealed on top of them, are kept beside the line: deltas that are anchored there stay valid, and the
//! line covers them as its epochs come to theirs. So a split loses nobody's work.

use std::collections::BTreeMap;

use super::propose::roster_after;
use super::waiting::Missing;
use super::{Log, Sealed};
use crate::delta::Sound;
use crate::ids::{CheckpointId, DeltaId, MemberId};
use crate::payload::{Body, FrontierEntry, Removal};

/// Why a final checkpoint is not sealed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It says something that does not follow from what it covers.
    #[error("the checkpoint of epoch {epoch} is wrong: {what}")]
    Wrong {
        /// Its epoch.
        epoch: u32,
        /// The fault.
        what: &'static str,
    },
    /// Two checkpoints of one epoch are final; the one with the smaller id stands.
    #[error(
        "epoch {epoch} was sealed twice: the federation is split; a signer can run `lore federation heal`"
    )]
    Split {
        /// The epoch.
        epoch: u32,
    },
}

pub(super) enum Verdict {
    Seal(Box<Sealed>),
    NotYet,
    Wrong(&'static str),
}

impl Log {
    /// Seals what can be sealed; gives the deltas that waited for it.
    pub(super) fn seal_ready(&mut self) -> Vec<Sound> {
        let mut freed = Vec::new();
        loop {
            let parent = self.tip();
            let mut next = None;
            let mut wrong = Vec::new();
            for (id, body) in self.finals(parent) {
                match self.evaluate(parent, id, body) {
                    Verdict::Seal(sealed) => {
                        next = Some(sealed);
                        break;
                    }
                    Verdict::NotYet => {}
                    Verdict::Wrong(what) => {
                        wrong.push((id, Problem::Wrong { epoch: body.epoch, what }));
                    }
                }
            }
            self.problems.extend(wrong);
            let Some(sealed) = next else {
                freed.extend(self.seal_beside());
                return freed;
            };
            let id = sealed.id;
            self.sealed.push(*sealed);
            self.opened.begin();
            freed.extend(self.waiting.take(Missing::Checkpoint(id)));
            self.settle_rotated();
            self.note_splits();
        }
    }

    /// Keeps the final checkpoints that do not stand; gives the deltas that waited for them.
    fn seal_beside(&mut self) -> Vec<Sound> {
        let mut freed = Vec::new();
        if self.contested.is_empty() {
            return freed;
        }
        loop {
            let mut found = Vec::new();
            let mut wrong = Vec::new();
            for (parent, id, body) in self.rivals_of_sealed() {
                match self.evaluate(parent, id, body) {
                    Verdict::Seal(sealed) => found.push(*sealed),
                    Verdict::NotYet => {}
                    Verdict::Wrong(what) => {
                        wrong.push((id, Problem::Wrong { epoch: body.epoch, what }));
                    }
                }
            }
            self.problems.extend(wrong);
            if found.is_empty() {
                return freed;
            }
            for sealed in found {
                freed.extend(self.waiting.take(Missing::Checkpoint(sealed.id)));
                self.beside.insert(sealed.id, sealed);
            }
        }
    }

    /// Final checkpoints off the line that are not kept yet, with their parents.
    fn rivals_of_sealed(&self) -> impl Iterator<Item = (&Sealed, CheckpointId, &Body)> {
        let contested = self.sealed.windows(2).filter_map(|pair| {
            let [parent, child] = pair else { return None };
            self.contested.contains(&parent.id).then_some((parent, Some(child.id)))
        });
        let parents = contested.chain(self.beside.values().map(|sealed| (sealed, None)));
        parents.flat_map(move |(parent, child)| {
            let finals = self.finals(parent).into_iter();
            finals
                .filter(move |(id, _)| Some(*id) != child && !self.beside.contains_key(id))
                .map(move |(id, body)| (parent, id, body))
        })
    }

    /// The sealed epoch of a checkpoint, on the line or beside it.
    pub(super) fn anchor(&self, id: CheckpointId) -> Option<&Sealed> {
        let on_line = self.sealed.iter().rev().find(|sealed| sealed.id == id);
        on_line.or_else(|| self.beside.get(&id))
    }

    fn note_splits(&mut self) {
        let mut splits = Vec::new();
        if self.contested.is_empty() {
            return;
        }
        self.problems.retain(|_, problem| matches!(problem, Problem::Wrong { .. }));
        for pair in self.sealed.windows(2) {
            let [parent, child] = pair else { continue };
            if !self.contested.contains(&parent.id) || self.is_settled(parent, child.id) {
                continue;
            }
            let others = self.finals(parent).into_iter().filter(|(id, _)| *id != child.id);
            splits.extend(others.map(|(id, body)| (id, Problem::Split { epoch: body.epoch })));
        }
        self.problems.extend(splits);
    }

    /// Final checkpoints that do not stand and that no checkpoint has healed, by id. While there is one, only the
    /// checkpoint that heals it is signed.
    #[must_use]
    pub fn splits(&self) -> Vec<CheckpointId> {
        let healed = |id: &CheckpointId| {
            self.sealed.iter().any(|sealed| sealed.body.healed.binary_search(id).is_ok())
        };
        let splits = self.problems.iter().filter(|(_, p)| matches!(p, Problem::Split { .. }));
        splits.map(|(id, _)| *id).filter(|id| !healed(id)).collect()
    }

    /// Returns true when two checkpoints of one epoch are final and the signers have not healed that.
    #[must_use]
    pub fn is_split(&self) -> bool {
        !self.splits().is_empty()
    }

    /// The newest epoch that a delta here names: after a split, epochs up to this one were sealed beside the line.
    #[must_use]
    pub fn newest_epoch(&self) -> u32 {
        let beside = self.beside.values().map(Sealed::epoch).max().unwrap_or(0);
        (beside + 1).max(self.open_epoch())
    }

    /// Returns true when another final checkpoint than the sealed one stands.
    pub(super) fn must_reorder(&mut self) -> bool {
        let all = std::mem::take(&mut self.unsettled);
        if self.contested.is_empty() && !all {
            return false;
        }
        self.note_splits();
        self.sealed.windows(2).any(|pair| {
            let [parent, child] = pair else { return false };
            if !all && !self.contested.contains(&parent.id) {
                return false;
            }
            let finals = self.finals(parent);
            let place = finals.iter().position(|(id, _)| *id == child.id);
            let before = finals.into_iter().take(place.unwrap_or(0));
            let seals = |(id, body)| matches!(self.evaluate(parent, id, body), Verdict::Seal(_));
            place.is_none() || before.into_iter().any(seals)
        })
    }

    pub(super) fn evaluate(&self, parent: &Sealed, id: CheckpointId, body: &Body) -> Verdict {
        // What is cheap and may fail comes first: this runs again whenever something arrives.
        let proven = |removal: &Removal| {
            parent.body.excluded.contains(removal)
                || !parent.roster.contains_key(&removal.member)
                || self.is_forked_by(removal.member, body.epoch)
                || self.has_void_twins(removal.member, body.epoch)
        };
        let held = |point: &FrontierEntry| self.entries.contains_key(&point.id);
        let beside = |id: &CheckpointId| self.beside.contains_key(id);
        if !body.frontier.iter().all(held)
            || !body.excluded.iter().all(proven)
            || !body.healed.iter().all(beside)
        {
            return Verdict::NotYet;
        }
        let (frontier, covered) = match self.cover(parent, body) {
            Ok(Some(found)) => found,
            Ok(None) => return Verdict::NotYet,
            Err(what) => return Verdict::Wrong(what),
        };
        let membership = self.membership(parent, &covered, &frontier);
        let parent_excluded = &parent.body.excluded;
        for removal in &body.excluded {
            if parent_excluded.contains(removal) {
                continue;
            }
            let Some(member) = parent.roster.get(&removal.member) else {
                return Verdict::Wrong("it excludes somebody who is no member");
            };
            let above = frontier.get(&removal.member).map_or(0, |(seq, _)| seq + 1);
            if member.key != removal.key || above != removal.from_seq {
                return Verdict::Wrong("it cuts an excluded chain elsewhere than it covers it");
            }
        }
        if !parent_excluded.iter().all(|removal| body.excluded.contains(removal)) {
            return Verdict::Wrong("it takes back an exclusion");
        }
        let roster = roster_after(&membership, &body.excluded);
        if !roster.iter().eq(&body.roster) {
            return Verdict::Wrong("its roster does not follow from what it covers");
        }
        if !membership.removed.values().eq(&body.removed) {
            return Verdict::Wrong("its removals do not follow from what it covers");
        }
        if body.signers != self.signers_after(parent, &frontier, &roster) {
            return Verdict::Wrong("its signers do not follow from what it covers");
        }
        Verdict::Seal(Box::new(Sealed {
            id,
            body: body.clone(),
            covered,
            frontier,
            roster: roster.into_iter().map(|entry| (entry.member, entry)).collect(),
            signers: body.signers.clone(),
            voices: membership.voices,
            keys: membership.keys,
        }))
    }

    /// The chains at a frontier and what it covers anew; none when something is not here yet.
    #[allow(clippy::type_complexity)]
    fn cover(
        &self,
        parent: &Sealed,
        body: &Body,
    ) -> Result<Option<(BTreeMap<MemberId, (u64, DeltaId)>, Vec<DeltaId>)>, &'static str> {
        let mut frontier = BTreeMap::new();
        let mut covered = Vec::new();
        for point in &body.frontier {
            let Some(entry) = self.entries.get(&point.id) else {
                return Ok(None);
            };
            if entry.chain != point.author || entry.header().seq != point.seq {
                return Err("its frontier misplaces a delta");
            }
            let settled = parent.frontier.get(&point.author).copied();
            if parent.gone_from(point.author).is_some() && settled != Some((point.seq, point.id)) {
                return Err("it covers more of a chain that has ended");
            }
            let mut anew = Vec::new();
            let mut next = Some(point.id);
            while let Some(id) = next.filter(|id| settled.is_none_or(|(_, known)| known != *id)) {
                let Some(entry) = self.entries.get(&id) else {
                    return Ok(None);
                };
                if entry.header().epoch > body.epoch {
                    return Err("it covers a delta of a later epoch");
                }
                if settled.is_some_and(|(seq, _)| entry.header().seq <= seq) {
                    return Err("its frontier leaves what was sealed before");
                }
                anew.push(id);
                next = entry.header().prev;
            }
            anew.reverse();
            covered.extend(anew);
            frontier.insert(point.author, (point.seq, point.id));
        }
        if !parent.frontier.keys().all(|author| frontier.contains_key(author)) {
            return Err("its frontier forgets a chain");
        }
        Ok(Some((frontier, covered)))
    }
}
