//! What a signer would seal now, and what is missing to seal what others have.

use super::membership::Membership;
use super::{Log, Sealed};
use crate::ids::{DeltaId, Hash, MemberId};
use crate::payload::{Body, FrontierEntry, Removal, RosterEntry};

impl Log {
    /// The body that a signer would sign now, its state root still zero, and what it covers.
    #[must_use]
    pub fn propose(&self) -> (Body, Vec<DeltaId>) {
        let parent = self.tip();
        let gone = |author: &MemberId| parent.gone_from(*author).is_some();
        let mut frontier = parent.frontier.clone();
        let mut covered = Vec::new();
        for author in self.chains.keys().filter(|author| !gone(author)) {
            // After a split a chain may be in a later epoch than the line.
            let due = self.live(*author).take_while(|(_, id)| self.is_due(id));
            let due: Vec<_> = due.collect();
            covered.extend(due.iter().map(|(_, id)| *id));
            if let Some(last) = due.last() {
                frontier.insert(*author, *last);
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
            self.is_forked_by(entry.member, parent.epoch() + 1)
                && membership.roster.contains_key(&entry.member)
        });
        let mut excluded = parent.body.excluded.clone();
        excluded.extend(forked.map(cut));
        excluded.sort();
        let roster = roster_after(&membership, &excluded);
        let body = Body {
            epoch: parent.epoch() + 1,
            parent: parent.id,
            frontier: frontier
                .iter()
                .map(|(author, (seq, id))| FrontierEntry { author: *author, seq: *seq, id: *id })
                .collect(),
            signers: self.signers_after(parent, &frontier, &roster),
            roster,
            removed: membership.removed.values().copied().collect(),
            excluded,
            healed: Vec::new(),
            state_root: Hash::ZERO,
        };
        (body, covered)
    }

    /// Returns true when the checkpoint of the open epoch may cover a delta.
    pub(super) fn is_due(&self, id: &DeltaId) -> bool {
        let entry = self.entries.get(id);
        entry.is_some_and(|entry| entry.header().epoch <= self.open_epoch())
    }

    /// Sealed epochs on which other final checkpoints may rest than those that are sealed.
    fn unsettled_parents(&self) -> impl Iterator<Item = &Sealed> + '_ {
        let tip = self.tip().id;
        let unsettled =
            move |parent: &&Sealed| parent.id == tip || self.contested.contains(&parent.id);
        self.sealed.iter().filter(unsettled).chain(self.beside.values())
    }

    /// Members that a final checkpoint excludes and its parent does not, with its epoch.
    pub(super) fn excluded_ahead(&self) -> impl Iterator<Item = (MemberId, u32)> + '_ {
        self.unsettled_parents().flat_map(|parent| {
            let new = |removal: &&Removal| !parent.body.excluded.contains(removal);
            self.finals(parent).into_iter().flat_map(move |(_, body)| {
                body.excluded.iter().filter(new).map(|removal| (removal.member, body.epoch))
            })
        })
    }

    /// Tips that a final checkpoint covers and that are not here: of checkpoints that may come next, and
    /// of rivals of sealed ones.
    pub(super) fn points_ahead(&self) -> impl Iterator<Item = DeltaId> + '_ {
        let finals = self.unsettled_parents().flat_map(|parent| self.finals(parent));
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

pub(super) fn roster_after(membership: &Membership, excluded: &[Removal]) -> Vec<RosterEntry> {
    let out = |entry: &&RosterEntry| excluded.iter().any(|removal| removal.member == entry.member);
    membership.roster.values().filter(|entry| !out(entry)).copied().collect()
}
