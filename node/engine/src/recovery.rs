//! Catching up: what a restored, repaired or copied node asks its peers before it signs.

use std::collections::BTreeSet;
use std::time::Duration;

use lore_privacy::{Chain, NoiseSource};
use lore_protocol::ids::{DeltaId, FederationId, MemberId, PublicKey};
use lore_protocol::payload::Payload;

use crate::schedule::scheduled;
use crate::{Durability, Engine, EngineError, RecordKind, Recovery};

/// Time between two askings of members whose answers lack.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// A federation in which another copy of this home was found at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondCopy {
    /// Two deltas of one height are signed with this node's key: proof, for every member.
    Fork(FederationId),
    /// The network holds more of this node's chain than this home signed.
    Ahead(FederationId),
}

impl<N: NoiseSource> Engine<N> {
    /// Returns true when what comes of sessions may be signed now.
    ///
    /// A copied home looks whole, so the node asks a few members in every epoch, before it draws: as many as
    /// a restored node asks. When fewer answer until the public time at which releases are sent, it must do
    /// that a member has answered since this process began. Nobody may know more of this node's chain than its
    /// ledger does, in any federation.
    pub(crate) fn may_release(&self, federation: FederationId) -> Result<bool, EngineError> {
        if self.store.recovery()?.is_some()
            || self.is_taking_over(federation)?
            || self.second_copy()?.is_some()
        {
            return Ok(false);
        }
        let delay = self.federation(federation)?.log().charter().privacy.windows.send_after_seconds;
        let sent = self.window_end(federation).unwrap_or(0).saturating_add(u64::from(delay));
        let late = self.now_seconds() >= sent && self.answered.contains(&federation);
        let enough = late || self.lacking_answers(federation) == 0;
        let open = self.federation(federation)?.log().open_epoch();
        Ok(enough && open >= self.releases_again_at(federation)?)
    }

    /// The epoch from which a restored node releases again; 0 for others.
    fn releases_again_at(&self, federation: FederationId) -> Result<u32, EngineError> {
        let kept = self.store.get(RecordKind::ReleasesAgainAt, federation.as_bytes())?;
        let epoch = kept.and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        Ok(epoch.unwrap_or(0))
    }

    /// Another copy of this home that is at work, if there is one. Then this one signs nothing any more: which
    /// of them is the right one, its owner knows.
    ///
    /// # Errors
    /// Fails when the ledger cannot be read.
    pub fn second_copy(&self) -> Result<Option<SecondCopy>, EngineError> {
        let key = self.public_key();
        for (id, found) in &self.federations {
            let log = found.log();
            // Also when the fork has ended the membership.
            let own = |author: &MemberId| {
                let join = log.get(&DeltaId(author.0)).and_then(|entry| entry.control());
                matches!(join, Some(Payload::Join(join)) if join.key == key)
            };
            if log.forks().keys().any(own) {
                return Ok(Some(SecondCopy::Fork(*id)));
            }
            let catches_up = self.store.recovery()?.is_some() || self.is_taking_over(*id)?;
            if !catches_up && self.ledger_is_behind(*id)? {
                return Ok(Some(SecondCopy::Ahead(*id)));
            }
        }
        Ok(None)
    }

    /// Asks members again, every few seconds, while too few have answered in the open epoch for a node that
    /// has a budget to release.
    pub(crate) fn ask_where_answers_lack(
        &mut self,
        federation: FederationId,
    ) -> Result<(), EngineError> {
        if self.ledger.budget().is_none() {
            return Ok(());
        }
        let lacking = self.lacking_answers(federation);
        let now = self.clock.monotonic();
        let early = |last: &Duration| now.saturating_sub(*last) < ASK_AGAIN;
        if lacking == 0 || self.asked_at.get(&federation).is_some_and(early) {
            return Ok(());
        }
        self.asked_at.insert(federation, now);
        // Others first in every epoch, so that no member is always among those who are asked.
        let turn = self.federation(federation)?.log().open_epoch() as usize;
        let mut near: Vec<PublicKey> = self.companions(federation);
        let turn = turn % near.len().max(1);
        near.rotate_left(turn);
        let mut answered = self.voices_asked(federation);
        near.retain(|key| {
            self.connected.contains_key(key) && answered.insert(self.voice_of(federation, key))
        });
        for peer in near.into_iter().take(lacking) {
            self.begin_round(federation, peer);
        }
        Ok(())
    }

    /// Number of voices that have yet to say what they know of this node's chain. A member and everybody it
    /// vouched for are one: else one member could answer for as many peers as it makes keys.
    fn lacking_answers(&self, federation: FederationId) -> usize {
        let companions = self.companions(federation);
        let voices = companions.iter().map(|key| self.voice_of(federation, key));
        let voices = voices.collect::<BTreeSet<_>>().len().min(self.settings.recovery_peers);
        voices.saturating_sub(self.voices_asked(federation).len())
    }

    fn voices_asked(&self, federation: FederationId) -> BTreeSet<Option<MemberId>> {
        let asked = self.asked.get(&federation).into_iter().flatten();
        asked.map(|key| self.voice_of(federation, key)).collect()
    }

    /// The voice of a key; that of an inviter whose roster is not known yet is none.
    fn voice_of(&self, federation: FederationId, key: &PublicKey) -> Option<MemberId> {
        let log = self.federations.get(&federation)?.log();
        Some(log.tip().voices.of(log.member_of(key)?))
    }

    /// An epoch has opened: what peers said of this node's chain before is old.
    pub(crate) fn forget_answers(&mut self, federation: FederationId) {
        self.asked.remove(&federation);
        self.asked_at.remove(&federation);
    }

    /// Returns true when this node's chain as the network has it goes further than its ledger.
    ///
    /// # Errors
    /// Fails when this node is not in the federation.
    pub fn ledger_is_behind(&self, federation: FederationId) -> Result<bool, EngineError> {
        let log = self.federation(federation)?.log();
        let Some(member) = log.member_of(&self.public_key()) else { return Ok(false) };
        let chain = Chain { federation, member };
        // Height 0 is the Join, which the ledger keeps under no member's name.
        let next = self.ledger.next_seq(chain).unwrap_or(1);
        let seen = log.spend(member);
        let known = self.ledger.spend(chain, seen.period);
        Ok(log.head(member).is_some_and(|(seq, _)| seq >= next)
            || known.rho_nano < seen.rho_nano
            || known.delta_e18 < seen.delta_e18)
    }

    /// A round with a peer is complete, so that this node knows what that peer knows. A repaired or
    /// restored store takes over what the network holds of this node's chain and counts as caught up when
    /// a few peers of every federation were asked: one alone may be behind, or keep back what this node
    /// signed before.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn caught_up(
        &mut self,
        federation: FederationId,
        peer: PublicKey,
    ) -> Result<(), EngineError> {
        self.asked.entry(federation).or_default().insert(peer);
        self.answered.insert(federation);
        if self.is_taking_over(federation)? {
            self.adopt(federation)?;
            if self.lacking_answers(federation) == 0 {
                self.end_takeover(federation)?;
            }
        }
        if self.store.recovery()?.is_none() {
            return Ok(());
        }
        self.adopt(federation)?;
        self.end_recovery()
    }

    /// Ends a recovery when nobody is left to be asked. Nobody is, from the start, for a founder without
    /// members.
    pub(crate) fn end_recovery(&self) -> Result<(), EngineError> {
        let enough = |id: &FederationId| self.lacking_answers(*id) == 0;
        let Some(why) = self.store.recovery()? else { return Ok(()) };
        if self.federations.keys().all(enough) {
            tracing::info!("nobody is left to be asked: this node signs again");
            if why == Recovery::Restored {
                self.listen_first()?;
            }
            self.store.clear_recovery()?;
        }
        Ok(())
    }

    /// A restored home may be a copy whose original is at work. An original with a budget speaks in every
    /// epoch that has releases, also when it has nothing to tell: so this node lets the next such epoch pass
    /// and listens, and catches up afterwards. Two copies that draw at one public moment would not hear of
    /// each other before it.
    fn listen_first(&self) -> Result<(), EngineError> {
        for (id, found) in &self.federations {
            if self.companions(*id).is_empty() {
                continue;
            }
            let terms = &found.log().charter().privacy;
            let open = found.log().open_epoch();
            let due = scheduled(terms, None);
            let due = |epoch: &u32| {
                let offset = epoch % terms.epochs_per_period;
                due.iter().any(|(_, at, _)| at.contains(&offset))
            };
            let later = open.saturating_add(1)..=open.saturating_add(terms.epochs_per_period);
            if let Some(epoch) = later.into_iter().find(due) {
                let again = epoch.saturating_add(1).to_be_bytes();
                self.store.put(
                    RecordKind::ReleasesAgainAt,
                    id.as_bytes(),
                    &again,
                    Durability::Synced,
                )?;
            }
        }
        Ok(())
    }

    /// Takes what the log holds of this node's own chain, and the ledger does not, into the ledger.
    fn adopt(&mut self, federation: FederationId) -> Result<(), EngineError> {
        let log = self.federation(federation)?.log();
        let Some(member) = log.member_of(&self.public_key()) else {
            return Ok(());
        };
        let chain = Chain { federation, member };
        let known = self.ledger.next_seq(chain).unwrap_or(0);
        let mut unknown = Vec::new();
        let mut next = log.head(member).map(|(_, id)| id);
        while let Some(entry) = next.and_then(|id| log.get(&id)) {
            let header = entry.header();
            if header.seq < known.max(1) {
                break;
            }
            unknown.push((header.seq, header.spend));
            next = header.prev;
        }
        for (seq, spend) in unknown.into_iter().rev() {
            self.ledger.adopt(chain, seq, spend, self.now_seconds())?;
        }
        Ok(())
    }
}
