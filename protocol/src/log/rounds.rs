//! How the signers come to one checkpoint: in rounds of two phases, as in Castro and Liskov's Practical
//! Byzantine Fault Tolerance (1999), with rounds in place of views.
//!
//! A signer prepares at most one body in a round, and commits to a body for which it has seen a quorum of
//! Prepares. In later rounds it prepares only the body that a quorum prepared in the highest round. A body with a
//! quorum of Commits in one round is final. Two quorums share an honest signer while fewer than a third of the
//! signers lie, so no two bodies of one epoch are final then. With one signer a Commit alone is final.
//!
//! Everything is read from the signers' deltas: what a signer has said is on its own chain.

use std::collections::{BTreeMap, BTreeSet};

use super::seal::{Problem, Verdict};
use super::{Log, Sealed};
use crate::ids::{CheckpointId, DeltaId, MemberId};
use crate::payload::{Body, Checkpoint, Phase};

/// Who spoke for a body, by round.
type Votes = BTreeMap<u32, BTreeSet<MemberId>>;

/// A body that a signer proposed.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    body: Body,
    prepares: Votes,
    commits: Votes,
    /// The Commits themselves.
    deltas: BTreeSet<(MemberId, DeltaId)>,
}

impl Log {
    pub(super) fn note_vote(&mut self, author: MemberId, id: DeltaId, checkpoint: &Checkpoint) {
        let rivals = self.candidates.entry(checkpoint.body.parent).or_default();
        let candidate = rivals.entry(checkpoint.body.id()).or_insert_with(|| Candidate {
            body: checkpoint.body.clone(),
            prepares: Votes::new(),
            commits: Votes::new(),
            deltas: BTreeSet::new(),
        });
        let votes = match checkpoint.phase {
            Phase::Prepare => &mut candidate.prepares,
            Phase::Commit => {
                candidate.deltas.insert((author, id));
                &mut candidate.commits
            }
        };
        votes.entry(checkpoint.round).or_default().insert(author);
        if rivals.values().filter(|candidate| !candidate.commits.is_empty()).count() > 1 {
            self.contested.insert(checkpoint.body.parent);
        }
    }

    /// Bodies with a quorum of Commits in one round whose parent is `parent`: the one that stands first, then by id.
    /// That is the one with the smallest id, unless a new key of the only signer says otherwise.
    pub(super) fn finals(&self, parent: &Sealed) -> Vec<(CheckpointId, &Body)> {
        let Some(rivals) = self.candidates.get(&parent.id) else {
            return Vec::new();
        };
        let alone = parent.signers.len() == 1;
        let decided = |id: &CheckpointId, candidate: &Candidate| {
            let quorum = |signers: &BTreeSet<MemberId>| signers.len() >= parent.quorum();
            candidate.commits.values().any(quorum)
                && (!alone
                    || candidate.deltas.iter().any(|(who, vote)| self.may_seal(*who, *vote, *id)))
        };
        let mut finals: Vec<(CheckpointId, &Body)> = rivals
            .iter()
            .filter(|(id, candidate)| {
                decided(id, candidate)
                    && !matches!(self.problems.get(id), Some(Problem::Wrong { .. }))
            })
            .map(|(id, candidate)| (*id, &candidate.body))
            .collect();
        finals.sort_by_key(|(id, _)| (!self.is_settled(parent, *id), *id));
        finals
    }

    /// The vote that signer `me` owes on the end of the open epoch, if any: a Commit to what a quorum has
    /// prepared, or else a Prepare of what another signer proposed. `agrees` says whether this node holds all that
    /// a body covers and comes to the same state.
    #[must_use]
    pub fn next_vote(&self, me: MemberId, agrees: impl Fn(&Body) -> bool) -> Option<Checkpoint> {
        if self.tip().signers.binary_search(&me).is_err() {
            return None;
        }
        let prepared = self.last_round_of(me, |candidate| &candidate.prepares);
        let committed = self.last_round_of(me, |candidate| &candidate.commits);
        let certified = self.certified();
        if let Some((round, body)) = certified
            && prepared.is_none_or(|mine| mine <= round)
            && committed.is_none_or(|mine| mine < round)
            && agrees(body)
        {
            return Some(Checkpoint { round, phase: Phase::Commit, body: body.clone() });
        }
        let round = self.last_open_round()?;
        if prepared.is_some_and(|mine| mine >= round) {
            return None;
        }
        let locked = certified.map(|(_, body)| body);
        let mut proposed: Vec<(usize, &Body)> = self
            .rivals()
            .filter_map(|candidate| Some((candidate.prepares.get(&round)?.len(), &candidate.body)))
            .filter(|(_, body)| locked.is_none_or(|locked| locked == *body))
            .collect();
        // Most Prepares first; of as many, the smallest id, since `rivals` is sorted by it.
        proposed.sort_by_key(|(votes, _)| std::cmp::Reverse(*votes));
        let body = proposed.into_iter().map(|(_, body)| body).find(|body| agrees(body))?;
        Some(Checkpoint { round, phase: Phase::Prepare, body: body.clone() })
    }

    /// The proposal by which signer `me` begins the next round, with what a quorum prepared before or else with
    /// `fresh`; none when `me` is no signer. A single signer's proposal is final.
    #[must_use]
    pub fn next_proposal(&self, me: MemberId, fresh: impl FnOnce() -> Body) -> Option<Checkpoint> {
        let signers = &self.tip().signers;
        signers.binary_search(&me).ok()?;
        if signers.len() == 1 {
            return Some(Checkpoint { round: 0, phase: Phase::Commit, body: fresh() });
        }
        let round = self.last_open_round().map_or(0, |last| last.saturating_add(1));
        let body = self.certified().map_or_else(fresh, |(_, body)| body.clone());
        Some(Checkpoint { round, phase: Phase::Prepare, body })
    }

    /// The last round of the open epoch in which a signer proposed, if any. A round counts when it is the first, or
    /// when more signers than may fail have prepared in the round before: no signer alone can skip rounds.
    #[must_use]
    pub fn last_open_round(&self) -> Option<u32> {
        let mut signers: BTreeMap<u32, BTreeSet<MemberId>> = BTreeMap::new();
        for (round, votes) in self.rivals().flat_map(|candidate| &candidate.prepares) {
            signers.entry(*round).or_default().extend(votes);
        }
        let may_fail = self.tip().signers.len() - self.tip().quorum();
        let mut last = None;
        for (round, votes) in signers {
            if round != last.map_or(0, |last: u32| last.saturating_add(1)) {
                break;
            }
            last = Some(round);
            if votes.len() <= may_fail {
                break;
            }
        }
        last
    }

    /// Signers that have spoken in the last round of the open epoch.
    #[must_use]
    pub fn voters(&self) -> BTreeSet<MemberId> {
        let last = self.last_open_round();
        let of =
            |votes: &Votes| last.and_then(|round| votes.get(&round).cloned()).unwrap_or_default();
        self.rivals()
            .flat_map(|one| of(&one.prepares).into_iter().chain(of(&one.commits)))
            .collect()
    }

    /// Returns true when a signer has voted for a body that heals the open split.
    #[must_use]
    pub fn wants_healed(&self, signer: MemberId) -> bool {
        let splits = self.splits();
        let votes = |one: &Candidate| {
            one.prepares.values().chain(one.commits.values()).any(|who| who.contains(&signer))
        };
        self.rivals().any(|one| one.body.healed == splits && votes(one))
    }

    /// The body that a quorum prepared in the highest round, with the round.
    fn certified(&self) -> Option<(u32, &Body)> {
        let quorum = self.tip().quorum();
        let rounds = self.rivals().flat_map(|candidate| {
            let full = candidate.prepares.iter().filter(move |(_, votes)| votes.len() >= quorum);
            full.map(move |(round, _)| (*round, &candidate.body))
        });
        // No two bodies are certified in one round while fewer than a third of the signers lie.
        rounds.max_by_key(|(round, _)| *round)
    }

    /// Bodies whose parent is the last sealed epoch, by id, without those that are wrong.
    fn rivals(&self) -> impl Iterator<Item = &Candidate> {
        let wrong =
            |id: &CheckpointId| matches!(self.problems.get(id), Some(Problem::Wrong { .. }));
        let rivals = self.candidates.get(&self.tip().id).into_iter().flatten();
        rivals.filter(move |(id, _)| !wrong(id)).map(|(_, candidate)| candidate)
    }

    fn last_round_of(&self, signer: MemberId, votes: impl Fn(&Candidate) -> &Votes) -> Option<u32> {
        let rounds = self.rivals().flat_map(votes);
        rounds.filter(|(_, signers)| signers.contains(&signer)).map(|(round, _)| *round).max()
    }

    /// Deltas that a body covers and the last sealed epoch does not, when this log holds all of them and the body
    /// says what follows from them.
    #[must_use]
    pub fn covered_by(&self, body: &Body) -> Option<Vec<DeltaId>> {
        match self.evaluate(self.tip(), body.id(), body) {
            Verdict::Seal(sealed) => Some(sealed.covered),
            Verdict::NotYet | Verdict::Wrong(_) => None,
        }
    }
}
