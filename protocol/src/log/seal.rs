//! Sealed epochs: which checkpoint is final, what it covers, and when two disagree.

use std::collections::{BTreeMap, BTreeSet};

use super::waiting::Missing;
use super::{Log, membership::Membership};
use crate::codec;
use crate::delta::Sound;
use crate::ids::{CheckpointId, DeltaId, FederationId, Hash, MemberId, PublicKey};
use crate::payload::{Body, Checkpoint, FrontierEntry, Phase, Removal, RosterEntry};
use crate::voice::Voices;

const ID_TAG: &str = "commonlore/checkpoint/v1";

impl Body {
    /// The checkpoint's id.
    #[must_use]
    pub fn id(&self) -> CheckpointId {
        CheckpointId::derive(ID_TAG, &[&codec::encode(self)])
    }
}

/// One sealed epoch.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Its checkpoint.
    pub id: CheckpointId,
    /// Body of the checkpoint.
    pub body: Body,
    /// Deltas that it covers and its parent does not, by author and height.
    pub covered: Vec<DeltaId>,
    /// Covered height and id of every chain.
    pub frontier: BTreeMap<MemberId, (u64, DeltaId)>,
    /// Members after it.
    pub roster: BTreeMap<MemberId, RosterEntry>,
    /// Members that sign the next one.
    pub signers: Vec<MemberId>,
    /// The voice of every member so far, former ones included.
    pub voices: Voices,
}

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
    #[error("epoch {epoch} was sealed twice: the federation is split; ask its founder")]
    Split {
        /// The epoch.
        epoch: u32,
    },
}

/// Commits for one body, by round.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    body: Body,
    commits: BTreeMap<u32, BTreeSet<MemberId>>,
}

enum Verdict {
    Seal(Box<Sealed>),
    NotYet,
    Wrong(&'static str),
}

impl Sealed {
    pub(super) fn genesis(federation: FederationId, founders: &[(MemberId, PublicKey)]) -> Self {
        let entry = |(member, key): &(MemberId, PublicKey)| RosterEntry {
            member: *member,
            key: *key,
            sponsor: *member,
        };
        let mut roster: Vec<RosterEntry> = founders.iter().map(entry).collect();
        roster.sort();
        let mut signers: Vec<MemberId> = roster.iter().map(|entry| entry.member).collect();
        signers.sort();
        let body = Body {
            epoch: 0,
            parent: federation.into(),
            frontier: Vec::new(),
            signers: signers.clone(),
            removed: Vec::new(),
            excluded: Vec::new(),
            state_root: Hash::ZERO,
            roster: roster.clone(),
        };
        Self {
            id: federation.into(),
            body,
            covered: Vec::new(),
            frontier: BTreeMap::new(),
            roster: roster.into_iter().map(|entry| (entry.member, entry)).collect(),
            signers,
            voices: Voices::of_founders(founders.iter().map(|(member, _)| *member)),
        }
    }

    /// The epoch that it ends; 0 for genesis.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.body.epoch
    }

    /// First height of a former member's chain that is not folded; none for others.
    #[must_use]
    pub fn gone_from(&self, member: MemberId) -> Option<u64> {
        let gone = self.body.removed.iter().chain(&self.body.excluded);
        gone.filter(|removal| removal.member == member).map(|removal| removal.from_seq).min()
    }

    /// Returns true when a key left or was removed: it is never a member again.
    #[must_use]
    pub fn is_gone(&self, key: &PublicKey) -> bool {
        self.body.removed.iter().chain(&self.body.excluded).any(|removal| removal.key == *key)
    }

    fn quorum(&self) -> usize {
        self.signers.len() * 2 / 3 + 1
    }
}

impl Log {
    pub(super) fn note_commit(&mut self, author: MemberId, checkpoint: &Checkpoint) {
        if checkpoint.phase != Phase::Commit {
            return;
        }
        let rivals = self.candidates.entry(checkpoint.body.parent).or_default();
        let candidate = rivals.entry(checkpoint.body.id()).or_insert_with(|| Candidate {
            body: checkpoint.body.clone(),
            commits: BTreeMap::new(),
        });
        candidate.commits.entry(checkpoint.round).or_default().insert(author);
    }

    /// Bodies with a quorum of commits in one round whose parent is `parent`, by id.
    fn finals(&self, parent: &Sealed) -> Vec<(CheckpointId, &Body)> {
        let Some(rivals) = self.candidates.get(&parent.id) else {
            return Vec::new();
        };
        let decided = |candidate: &Candidate| {
            candidate.commits.values().any(|signers| signers.len() >= parent.quorum())
        };
        rivals
            .iter()
            .filter(|(id, candidate)| {
                decided(candidate) && !matches!(self.problems.get(id), Some(Problem::Wrong { .. }))
            })
            .map(|(id, candidate)| (*id, &candidate.body))
            .collect()
    }

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
                return freed;
            };
            let id = sealed.id;
            self.sealed.push(*sealed);
            freed.extend(self.waiting.take(Missing::Checkpoint(id)));
            self.note_splits();
        }
    }

    fn note_splits(&mut self) {
        let mut splits = Vec::new();
        for pair in self.sealed.windows(2) {
            let [parent, child] = pair else { continue };
            let others = self.finals(parent).into_iter().filter(|(id, _)| *id != child.id);
            splits.extend(others.map(|(id, body)| (id, Problem::Split { epoch: body.epoch })));
        }
        self.problems.extend(splits);
    }

    /// Returns true when two checkpoints of one epoch are final. Nothing is signed then.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.problems.values().any(|problem| matches!(problem, Problem::Split { .. }))
    }

    /// Returns true when a final checkpoint with a smaller id than the sealed one can be sealed.
    pub(super) fn must_reorder(&mut self) -> bool {
        if self.candidates.values().all(|rivals| rivals.len() < 2) {
            return false;
        }
        self.note_splits();
        self.sealed.windows(2).any(|pair| {
            let [parent, child] = pair else { return false };
            self.finals(parent)
                .into_iter()
                .take_while(|(id, _)| *id < child.id)
                .any(|(id, body)| matches!(self.evaluate(parent, id, body), Verdict::Seal(_)))
        })
    }

    fn evaluate(&self, parent: &Sealed, id: CheckpointId, body: &Body) -> Verdict {
        // What is cheap and may fail comes first: this runs again whenever something arrives.
        let proven = |removal: &Removal| {
            parent.body.excluded.contains(removal)
                || !parent.roster.contains_key(&removal.member)
                || self.is_forked(removal.member)
        };
        let held = |point: &FrontierEntry| self.entries.contains_key(&point.id);
        if !body.frontier.iter().all(held) || !body.excluded.iter().all(proven) {
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
        if body.signers != parent.signers {
            return Verdict::Wrong("version 1 does not change signers");
        }
        Verdict::Seal(Box::new(Sealed {
            id,
            body: body.clone(),
            covered,
            frontier,
            roster: roster.into_iter().map(|entry| (entry.member, entry)).collect(),
            signers: body.signers.clone(),
            voices: membership.voices,
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
            if entry.chain != point.author || entry.sound.header().seq != point.seq {
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
                if entry.sound.header().epoch > body.epoch {
                    return Err("it covers a delta of a later epoch");
                }
                if settled.is_some_and(|(seq, _)| entry.sound.header().seq <= seq) {
                    return Err("its frontier leaves what was sealed before");
                }
                anew.push(id);
                next = entry.sound.header().prev;
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

    /// The body that a signer would sign now, its state root still zero, and what it covers.
    #[must_use]
    pub fn propose(&self) -> (Body, Vec<DeltaId>) {
        let parent = self.tip();
        let gone = |author: &MemberId| parent.gone_from(*author).is_some();
        let mut frontier = parent.frontier.clone();
        let mut covered = Vec::new();
        for author in self.chains.keys().filter(|author| !gone(author)) {
            covered.extend(self.live(*author).map(|(_, id)| id));
            if let Some(head) = self.head(*author) {
                frontier.insert(*author, head);
            }
        }
        let membership = self.membership(parent, &covered, &frontier);
        // A Join that was not admitted is not covered: else any member could fill the checkpoint.
        let belongs = |author: &MemberId| {
            parent.frontier.contains_key(author)
                || membership.roster.contains_key(author)
                || membership.removed.contains_key(author)
        };
        frontier.retain(|author, _| belongs(author));
        covered.retain(|id| self.entries.get(id).is_some_and(|e| belongs(&e.chain)));
        let cut = |entry: &RosterEntry| Removal {
            member: entry.member,
            key: entry.key,
            from_seq: frontier.get(&entry.member).map_or(0, |(seq, _)| seq + 1),
        };
        let forked = parent.roster.values().filter(|entry| {
            self.is_forked(entry.member) && membership.roster.contains_key(&entry.member)
        });
        let mut excluded = parent.body.excluded.clone();
        excluded.extend(forked.map(cut));
        excluded.sort();
        let body = Body {
            epoch: parent.epoch() + 1,
            parent: parent.id,
            frontier: frontier
                .iter()
                .map(|(author, (seq, id))| FrontierEntry { author: *author, seq: *seq, id: *id })
                .collect(),
            roster: roster_after(&membership, &excluded),
            signers: parent.signers.clone(),
            removed: membership.removed.values().copied().collect(),
            excluded,
            state_root: Hash::ZERO,
        };
        (body, covered)
    }

    /// Tips that a final checkpoint covers and that are not here: of checkpoints that may come next, and
    /// of rivals of sealed ones.
    pub(super) fn points_ahead(&self) -> impl Iterator<Item = DeltaId> + '_ {
        let tip = self.tip().id;
        let unsettled = move |parent: &&Sealed| {
            parent.id == tip
                || self.candidates.get(&parent.id).is_some_and(|rivals| rivals.len() > 1)
        };
        let finals = self.sealed.iter().filter(unsettled).flat_map(|parent| self.finals(parent));
        let points = finals.flat_map(|(_, body)| &body.frontier);
        points.map(|point| point.id).filter(|id| !self.entries.contains_key(id))
    }

    /// Final checkpoints that cannot be sealed yet, with the number of chains that are behind.
    #[must_use]
    pub fn behind(&self) -> Option<(u32, usize)> {
        let (_, body) = self.finals(self.tip()).into_iter().next()?;
        let lacks = body.frontier.iter().filter(|point| !self.entries.contains_key(&point.id));
        Some((body.epoch, lacks.count()))
    }
}

fn roster_after(membership: &Membership, excluded: &[Removal]) -> Vec<RosterEntry> {
    let out = |entry: &&RosterEntry| excluded.iter().any(|removal| removal.member == entry.member);
    membership.roster.values().filter(|entry| !out(entry)).copied().collect()
}
