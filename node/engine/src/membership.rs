//! Leaving a federation, and a word against another member.

use lore_privacy::{NoiseSource, Outgoing};
use lore_protocol::ids::{FederationId, MemberId, RevisionId};
use lore_protocol::payload::{Leave, MAX_REASON_BYTES, Payload, PayloadKind, Revoke, RevokeTarget};

use crate::{Engine, EngineError};

/// A member that this node spoke against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// The member.
    pub member: MemberId,
    /// Distinct voices against it that are known here, this one included.
    pub voices: usize,
    /// Voices that remove it at the next checkpoint.
    pub needed: u32,
}

impl<N: NoiseSource> Engine<N> {
    /// Leaves a federation for ever. The next checkpoint takes this node off the roster; it publishes
    /// nothing here from now on.
    ///
    /// # Errors
    /// Fails when this node is no member, signs the federation's checkpoints, or has left already.
    pub fn federation_leave(
        &mut self,
        federation: FederationId,
        reason: &str,
    ) -> Result<(), EngineError> {
        check_reason(reason)?;
        let me = self.own_member(federation)?;
        let signers = self.signing(federation)?.signers;
        if signers == [me] {
            return Err(EngineError::refused(
                "signer",
                "this node alone signs the checkpoints of this federation: without it no epoch ends",
            )
            .help(
                "let others sign first, with `lore federation signers --add MEMBER`; to end the federation, tell \
                 its members and stop the node",
            ));
        }
        self.publish(federation, &Outgoing::from(Leave { reason: reason.to_owned() })).map(drop)
    }

    /// Takes back a version of a skill that this node published. Members that hear of it use it no more.
    ///
    /// # Errors
    /// Fails when this node is no member.
    pub fn withdraw_revision(
        &mut self,
        federation: FederationId,
        revision: RevisionId,
    ) -> Result<(), EngineError> {
        let target = RevokeTarget::Revision(revision);
        let reason = String::new();
        self.publish(federation, &Outgoing::from(Revoke { target, reason })).map(drop)
    }

    /// Speaks against a member. Enough voices together remove it at the next checkpoint, for ever.
    ///
    /// # Errors
    /// Fails when this node is no member, the target is this node, no member or a signer, or this node spoke
    /// against it before.
    pub fn federation_revoke(
        &mut self,
        federation: FederationId,
        member: MemberId,
        reason: &str,
    ) -> Result<Revoked, EngineError> {
        check_reason(reason)?;
        let me = self.own_member(federation)?;
        if member == me {
            return Err(EngineError::usage(format!("member {} is this node", member.short()))
                .help("to go yourself, run `lore federation leave`"));
        }
        if !self.federation(federation)?.log().tip().roster.contains_key(&member) {
            return Err(EngineError::usage(format!(
                "member {} is not on the roster",
                member.short()
            ))
            .help("see `lore federation show`"));
        }
        if self.signs(federation, member)? {
            return Err(EngineError::refused(
                "signer",
                format!("member {} signs the checkpoints: it cannot be removed", member.short()),
            )
            .help(
                "the signers replace it first: each runs `lore federation signers --remove MEMBER`",
            ));
        }
        let target = RevokeTarget::Member(member);
        if self.revokers(federation, target)?.contains(&me) {
            return Err(EngineError::usage(format!(
                "this node has spoken against member {} already",
                member.short()
            ))
            .help("it goes when enough others do the same; see `lore federation show`"));
        }
        self.publish(federation, &Outgoing::from(Revoke { target, reason: reason.to_owned() }))?;
        let revokers = self.revokers(federation, target)?;
        let log = self.federation(federation)?.log();
        let voices = log.tip().voices.count(revokers);
        Ok(Revoked { member, voices, needed: log.charter().limits.revokers })
    }

    /// Returns true when this node left a federation or was removed from it: it publishes nothing there.
    ///
    /// # Errors
    /// Fails when this node does not hold the federation.
    pub fn is_former_member(&self, federation: FederationId) -> Result<bool, EngineError> {
        let log = self.federation(federation)?.log();
        let key = self.public_key();
        let tip = log.tip();
        if tip.body.removed.iter().chain(&tip.body.excluded).any(|gone| gone.key == key) {
            return Ok(true);
        }
        let Some(member) = log.member_of(&key) else { return Ok(false) };
        // A removed node is not served, and may never see the checkpoint that covers its Leave.
        let covered = tip.frontier.get(&member).map(|(_, id)| *id);
        let mut next = log.head(member).map(|(_, id)| id).filter(|id| Some(*id) != covered);
        while let Some(entry) = next.and_then(|id| log.get(&id)) {
            let header = entry.header();
            if header.payload_kind == PayloadKind::Leave {
                return Ok(true);
            }
            next = header.prev.filter(|id| Some(*id) != covered);
        }
        Ok(false)
    }

    fn signs(&self, federation: FederationId, member: MemberId) -> Result<bool, EngineError> {
        let tip = self.federation(federation)?.log().tip();
        Ok(tip.signers.binary_search(&member).is_ok())
    }

    /// Authors that revoked a target, as far as this node knows.
    fn revokers(
        &self,
        federation: FederationId,
        target: RevokeTarget,
    ) -> Result<Vec<MemberId>, EngineError> {
        let entries = self.federation(federation)?.log().entries();
        let against = entries.filter_map(|(_, entry)| match entry.control()? {
            Payload::Revoke(revoke) if revoke.target == target => Some(entry.chain),
            _ => None,
        });
        Ok(against.collect())
    }
}

fn check_reason(reason: &str) -> Result<(), EngineError> {
    let bytes = reason.len();
    if bytes > MAX_REASON_BYTES {
        return Err(EngineError::usage(format!(
            "--reason has {bytes} bytes; it must have at most {MAX_REASON_BYTES}"
        )));
    }
    if reason.chars().any(char::is_control) {
        return Err(EngineError::usage("--reason holds a control character, such as a line break"));
    }
    Ok(())
}
