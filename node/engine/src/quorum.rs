//! Ending epochs: as the only signer, or as one of several that agree in rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lore_privacy::{NoiseSource, Outgoing};
use lore_protocol::charter::EpochRule;
use lore_protocol::ids::{CheckpointId, FederationId, MemberId};
use lore_protocol::log::Log;
use lore_protocol::payload::{Body, Checkpoint, MAX_SIGNERS, Signers};

use crate::{Class, Engine, EngineError};

/// Time that a signer waits for each signer whose turn to propose comes before its own.
const TURN: Duration = Duration::from_secs(10);
/// Least time that a round is given before the next one; it doubles with each round, four times.
const ROUND: Duration = Duration::from_secs(20);
/// An epoch may be ended so much before it is over by this node's clock, in seconds: clocks differ.
const CLOCKS_DIFFER_SECONDS: u64 = 300;

/// An epoch that this node ended, or proposed to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The federation.
    pub federation: FederationId,
    /// The epoch that the checkpoint seals.
    pub epoch: u32,
    /// Chains that it covers.
    pub chains: usize,
    /// Members on its roster.
    pub members: usize,
    /// True when it is sealed; false while other signers have to agree.
    pub sealed: bool,
    /// Signers that have agreed so far, this one included.
    pub agreed: usize,
    /// Signers that have to agree.
    pub needed: usize,
}

/// The signers of a federation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// Members that sign, sorted.
    pub signers: Vec<MemberId>,
    /// Signers that have to agree on the end of an epoch, and on who signs.
    pub quorum: usize,
    /// Of each signer that said so, who it says should sign.
    pub words: BTreeMap<MemberId, Vec<MemberId>>,
}

/// The last round that was seen of the end of each federation's epoch, and since when.
pub(crate) type Quorums = BTreeMap<FederationId, (CheckpointId, Option<u32>, Duration)>;

impl<N: NoiseSource> Engine<N> {
    /// Ends the epoch, or as one of several signers proposes to.
    ///
    /// # Errors
    /// Fails when this node does not sign here, signing has stopped, or the store fails.
    pub fn federation_checkpoint(
        &mut self,
        federation: FederationId,
    ) -> Result<Ended, EngineError> {
        let me = self.own_signer(federation)?;
        if self.is_stopped(federation, me)? {
            return Err(EngineError::refused(
                "split",
                "two checkpoints of one epoch are final; signing has stopped",
            )
            .help("see `lore status`; `lore federation heal` lets everybody go on"));
        }
        self.end_epoch(federation, me)
    }

    fn end_epoch(&mut self, federation: FederationId, me: MemberId) -> Result<Ended, EngineError> {
        let epoch = self.federation(federation)?.log().open_epoch();
        if let Some(vote) = self.owed(federation, me, true)? {
            self.publish(federation, &Outgoing::from(vote))?;
        } else if self.may_propose(federation, me)? {
            self.propose_end(federation, me)?;
        }
        self.settle()?;
        let log = self.federation(federation)?.log();
        let sealed = log.open_epoch() > epoch;
        let tip = log.tip();
        let agreed = if sealed { tip.quorum() } else { log.voters().len() };
        let chains = tip.body.frontier.len();
        let (members, needed) = (tip.roster.len(), tip.quorum());
        Ok(Ended { federation, epoch, chains, members, sealed, agreed, needed })
    }

    /// Lets a federation go on after an epoch was sealed twice: with the checkpoint that names the one that does not
    /// stand. Both sides' work stays.
    ///
    /// # Errors
    /// Fails when there is no split, this node does not sign here, or its own chain has forked.
    pub fn federation_heal(&mut self, federation: FederationId) -> Result<Ended, EngineError> {
        let me = self.own_signer(federation)?;
        let log = self.federation(federation)?.log();
        if !log.is_split() {
            return Err(EngineError::usage("no epoch of this federation was sealed twice")
                .help("there is nothing to heal; see `lore status`"));
        }
        if log.forks().contains_key(&me) {
            return Err(EngineError::refused(
                "forked",
                "this node signed two histories: its key signs nothing any more",
            )
            .help("make a new home and run `lore federation recover` there, with the recovery secret; then heal"));
        }
        self.end_epoch(federation, me)
    }

    /// The signers, and what each says about who should sign.
    ///
    /// # Errors
    /// Fails when this node does not hold the federation.
    pub fn signing(&self, federation: FederationId) -> Result<Signing, EngineError> {
        let log = self.federation(federation)?.log();
        let tip = log.tip();
        let words = log.words_on_signers();
        Ok(Signing { signers: tip.signers.clone(), quorum: tip.quorum(), words })
    }

    /// Says, as a signer, who should sign: the signers as this node last said they should be, or else as they are,
    /// with these more and less.
    ///
    /// # Errors
    /// Fails when this node does not sign here, nobody would be left, there would be too many, or one of them is no
    /// member.
    pub fn federation_signers(
        &mut self,
        federation: FederationId,
        add: &[MemberId],
        remove: &[MemberId],
    ) -> Result<Signing, EngineError> {
        let me = self.own_signer(federation)?;
        let now = self.signing(federation)?;
        let said = now.words.get(&me).unwrap_or(&now.signers);
        let mut members: BTreeSet<MemberId> = said.iter().copied().collect();
        members.extend(add);
        members.retain(|member| !remove.contains(member));
        if members.is_empty() || members.len() > MAX_SIGNERS {
            return Err(EngineError::usage(format!(
                "that would leave {} signers; a federation has 1 to {MAX_SIGNERS}",
                members.len()
            )));
        }
        let members = members.into_iter().collect();
        self.publish(federation, &Outgoing::from(Signers { members }))?;
        self.signing(federation)
    }

    /// Votes on the end of an epoch, and proposes it when it is due and this node's turn.
    pub(crate) fn tend_epoch(&mut self, federation: FederationId) -> Result<(), EngineError> {
        match self.try_tend_epoch(federation) {
            // As while a restored signer asks its peers, who may be slow to answer.
            Err(error) if error.class != Class::Failed => {
                tracing::warn!(%error, "the epoch is over and cannot be ended yet");
                Ok(())
            }
            done => done,
        }
    }

    fn try_tend_epoch(&mut self, federation: FederationId) -> Result<(), EngineError> {
        let log = self.federation(federation)?.log();
        let me = log.member_of(&self.public_key()).filter(|me| signs(log, *me));
        let Some(me) = me else { return Ok(()) };
        if self.is_stopped(federation, me)? {
            return Ok(());
        }
        while let Some(vote) = self.owed(federation, me, false)? {
            self.publish(federation, &Outgoing::from(vote))?;
        }
        if self.is_due(federation)? && self.is_own_turn(federation, me)? {
            self.propose_end(federation, me)?;
        }
        Ok(())
    }

    fn propose_end(&mut self, federation: FederationId, me: MemberId) -> Result<(), EngineError> {
        let found = self.federation(federation)?;
        let healed = found.log().splits();
        let fresh = || Body { healed, ..found.fold().propose(found.log()) };
        if let Some(proposal) = found.log().next_proposal(me, fresh) {
            self.publish(federation, &Outgoing::from(proposal))?;
        }
        Ok(())
    }

    /// The vote that this node owes. A person's word stands in for the clock's.
    fn owed(
        &self,
        federation: FederationId,
        me: MemberId,
        asked: bool,
    ) -> Result<Option<Checkpoint>, EngineError> {
        let found = self.federation(federation)?;
        let log = found.log();
        if log.last_open_round().is_none() {
            return Ok(None);
        }
        let due = asked || self.may_end(federation)?;
        let splits = log.splits();
        let agrees = |body: &Body| {
            let holds = due && body.healed == splits;
            let covered = holds.then(|| log.covered_by(body)).flatten();
            covered.is_some_and(|all| found.fold().root_with(log, &all) == body.state_root)
        };
        Ok(log.next_vote(me, agrees))
    }

    /// Returns true when this node may open a round: none is open, or it has no vote in the last one, since it does
    /// not agree with what was proposed there.
    fn may_propose(&self, federation: FederationId, me: MemberId) -> Result<bool, EngineError> {
        let log = self.federation(federation)?.log();
        Ok(log.last_open_round().is_none() || !log.voters().contains(&me))
    }

    /// Returns true while a split keeps this node from signing: until its person wants it healed, which its first
    /// vote for that says.
    fn is_stopped(&self, federation: FederationId, me: MemberId) -> Result<bool, EngineError> {
        let log = self.federation(federation)?.log();
        Ok(log.is_split() && !log.wants_healed(me))
    }

    /// Returns true when the epoch may be ended, by this node's clock if the charter asks clocks.
    fn may_end(&self, federation: FederationId) -> Result<bool, EngineError> {
        let early = CLOCKS_DIFFER_SECONDS;
        Ok(self.is_behind_others(federation)? || self.is_over(federation, early)?.unwrap_or(true))
    }

    /// Returns true when a signer has to propose the end of the epoch, or to go on with one that was proposed.
    fn is_due(&self, federation: FederationId) -> Result<bool, EngineError> {
        let open = self.federation(federation)?.log().last_open_round().is_some();
        let over = self.is_over(federation, 0)?.unwrap_or(open);
        Ok(over || self.is_behind_others(federation)?)
    }

    /// Returns true when a split is to be healed, or was, and later epochs were sealed on its other side.
    fn is_behind_others(&self, federation: FederationId) -> Result<bool, EngineError> {
        let log = self.federation(federation)?.log();
        Ok(log.is_split() || log.open_epoch() < log.newest_epoch())
    }

    /// Whether the hours of the epoch have passed, less some seconds; none where epochs have none.
    fn is_over(
        &self,
        federation: FederationId,
        less_seconds: u64,
    ) -> Result<Option<bool>, EngineError> {
        let EpochRule::Hours(hours) = self.federation(federation)?.log().charter().epoch else {
            return Ok(None);
        };
        let over = self.epoch_opened_seconds(federation) + u64::from(hours) * 3_600;
        Ok(Some(self.now_seconds() >= over.saturating_sub(less_seconds)))
    }

    /// Returns true when this node's turn to propose has come: at once when it is the only signer.
    fn is_own_turn(&mut self, federation: FederationId, me: MemberId) -> Result<bool, EngineError> {
        let now = self.clock.monotonic();
        let log = self.federation(federation)?.log();
        let (tip, round) = (log.tip(), log.last_open_round());
        let count = tip.signers.len();
        let place = tip.signers.iter().position(|signer| *signer == me).unwrap_or(0);
        let next = round.map_or(0, |round| round.saturating_add(1));
        // Another signer is first in every epoch and round.
        let first = (u64::from(tip.epoch()) + u64::from(next)) % count as u64;
        let turns = (place as u64 + count as u64 - first) % count as u64;
        let patience = round.map_or(Duration::ZERO, |round| ROUND * (1 << round.min(4)));
        let wait = patience + TURN * u32::try_from(turns).unwrap_or(u32::MAX);
        let state = (tip.id, round);
        let since = self.quorums.entry(federation).or_insert((state.0, state.1, now));
        if (since.0, since.1) != state {
            *since = (state.0, state.1, now);
        }
        Ok(count == 1 || now.saturating_sub(since.2) >= wait)
    }

    fn own_signer(&self, federation: FederationId) -> Result<MemberId, EngineError> {
        let me = self.own_member(federation)?;
        if signs(self.federation(federation)?.log(), me) {
            return Ok(me);
        }
        Err(EngineError::refused(
            "not_a_signer",
            "this node does not sign checkpoints of this federation",
        )
        .help("`lore federation signers` shows who does"))
    }
}

fn signs(log: &Log, member: MemberId) -> bool {
    log.tip().signers.binary_search(&member).is_ok()
}
