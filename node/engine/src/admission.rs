//! Inviting, and letting in who proves an invitation.

use std::collections::{BTreeMap, BTreeSet};

use lore_privacy::{NoiseSource, Outgoing};
use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::delta::Delta;
use lore_protocol::ids::{FederationId, Hash, InvitationId, PublicKey};
use lore_protocol::invitation::{Challenge, Invitation, proves};
use lore_protocol::log::Log;
use lore_protocol::payload::{Payload, Vouch};
use lore_protocol::wire::{Reply, Request};

use crate::{Durability, Engine, EngineError, RecordKind};

/// Most strangers that may be in the middle of a handshake.
const MAX_CHALLENGES: usize = 1024;

/// An invitation as its inviter keeps it.
#[derive(Clone, Encode, Decode)]
struct Issued {
    secret: [u8; 32],
    uses: u16,
    expires_epoch: u32,
}

/// An invitation that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The line to hand over.
    pub line: String,
    /// The federation.
    pub federation: FederationId,
    /// Number of members that may use it.
    pub uses: u16,
    /// Last epoch in which it admits.
    pub expires_epoch: u32,
}

/// Handshakes under way.
#[derive(Default)]
pub(crate) struct Challenges(BTreeMap<(PublicKey, FederationId), Challenge>);

impl<N: NoiseSource> Engine<N> {
    /// Makes an invitation. `addresses` is where this node can be reached.
    ///
    /// # Errors
    /// Fails when this node may not invite, or listens nowhere.
    pub fn federation_invite(
        &self,
        federation: FederationId,
        uses: u16,
        epochs: u32,
        addresses: Vec<String>,
    ) -> Result<Invited, EngineError> {
        let me = self.own_member(federation)?;
        let log = self.federation(federation)?.log();
        let founder = log.founders().iter().any(|(member, _)| *member == me);
        if log.charter().vouchers == lore_protocol::charter::Vouchers::Founders && !founder {
            return Err(EngineError::refused(
                "may_not_invite",
                "this federation's charter lets only founders invite",
            )
            .help("ask a founder for the invitation"));
        }
        if addresses.is_empty() {
            return Err(EngineError::failed(
                "no_address",
                "this node listens nowhere, so that nobody could use the invitation",
            )
            .help("start it with `lore run`, then invite"));
        }
        let invitation = Invitation {
            federation,
            inviter: self.public_key(),
            addresses,
            secret: self.entropy.bytes()?,
            uses: uses.max(1),
            expires_epoch: log.open_epoch().saturating_add(epochs),
        };
        let issued = Issued {
            secret: invitation.secret,
            uses: invitation.uses,
            expires_epoch: invitation.expires_epoch,
        };
        let key = issued_key(federation, invitation.id());
        self.store.put(
            RecordKind::Invitation,
            &key,
            &codec::encode(&issued),
            Durability::Synced,
        )?;
        Ok(Invited {
            line: invitation.to_line(),
            federation,
            uses: invitation.uses,
            expires_epoch: invitation.expires_epoch,
        })
    }

    /// Answers a stranger who wants to join.
    pub(crate) fn admission(&mut self, peer: PublicKey, request: Request) -> Reply {
        match self.try_admission(peer, request) {
            Ok(reply) => reply,
            Err(error) => Reply::Refused(error.to_string()),
        }
    }

    fn try_admission(&mut self, peer: PublicKey, request: Request) -> Result<Reply, EngineError> {
        match request {
            Request::Knock { federation, nonce } => {
                let challenge = Challenge { joiner: nonce, inviter: self.entropy.bytes()? };
                let open = &mut self.challenges.0;
                if open.len() >= MAX_CHALLENGES && !open.contains_key(&(peer, federation)) {
                    open.pop_first();
                }
                open.insert((peer, federation), challenge);
                Ok(Reply::Challenge { nonce: challenge.inviter })
            }
            Request::Charter { federation, invitation, proof } => {
                self.check_proof(peer, federation, invitation, &proof)?;
                Ok(Reply::Charter(self.federation(federation)?.log().signed_charter().clone()))
            }
            Request::Admit { federation, invitation, proof, join } => {
                let issued = self.check_proof(peer, federation, invitation, &proof)?;
                self.challenges.0.remove(&(peer, federation));
                self.admit(peer, federation, invitation, &issued, *join)?;
                Ok(Reply::Admitted)
            }
            Request::Sync { .. }
            | Request::Peers { .. }
            | Request::Blob { .. }
            | Request::Lost { .. }
            | Request::Rotate { .. } => Err(refusal("this is not admission")),
        }
    }

    fn check_proof(
        &self,
        peer: PublicKey,
        federation: FederationId,
        invitation: InvitationId,
        proof: &Hash,
    ) -> Result<Issued, EngineError> {
        // One answer for an unknown federation, an unknown invitation and a wrong proof: a stranger
        // learns nothing from trying.
        let wrong = || refusal("the invitation is not valid here; ask the inviter for a new one");
        let challenge = self.challenges.0.get(&(peer, federation)).ok_or_else(wrong)?;
        let key = issued_key(federation, invitation);
        let bytes = self.store.get(RecordKind::Invitation, &key)?.ok_or_else(wrong)?;
        let issued: Issued = codec::decode(&bytes).map_err(|_| wrong())?;
        if !proves(&issued.secret, &federation, &peer, challenge, proof) {
            return Err(wrong());
        }
        let log = self.federation(federation)?.log();
        if log.open_epoch() > issued.expires_epoch {
            return Err(refusal(&format!(
                "the invitation expired with epoch {}; ask the inviter for a new one",
                issued.expires_epoch
            )));
        }
        Ok(issued)
    }

    fn admit(
        &mut self,
        peer: PublicKey,
        federation: FederationId,
        invitation: InvitationId,
        issued: &Issued,
        join: Delta,
    ) -> Result<(), EngineError> {
        let sound = join.sound().map_err(|error| refusal(&error.to_string()))?;
        let Payload::Join(body) = &sound.payload else {
            return Err(refusal("the delta is not a Join"));
        };
        if body.key != peer || !sound.signed_by(&peer) {
            return Err(refusal("the Join is not for this key"));
        }
        let log = self.federation(federation)?.log();
        if log.get(&sound.id).is_some() {
            return Ok(());
        }
        if log.member_of(&peer).is_some() {
            return Err(refusal("this key is a member already; use the home that joined"));
        }
        if joins(log, invitation) >= usize::from(issued.uses) {
            return Err(refusal("the invitation is used up; ask the inviter for a new one"));
        }
        let vouch = Vouch {
            join: sound.id,
            key: peer,
            invitation,
            uses: issued.uses,
            expires_epoch: issued.expires_epoch,
        };
        self.publish(federation, &Outgoing::from(vouch))?;
        let id = sound.id;
        self.ingest(federation, sound, Durability::Synced)?;
        self.announce(federation, id);
        Ok(())
    }
}

/// Joins that Vouches with an invitation name. Invitations are random, so only their inviter's count.
fn joins(log: &Log, invitation: InvitationId) -> usize {
    let named = log.entries().filter_map(|(_, entry)| match entry.control()? {
        Payload::Vouch(vouch) if vouch.invitation == invitation => Some(vouch.join),
        _ => None,
    });
    named.collect::<BTreeSet<_>>().len()
}

fn issued_key(federation: FederationId, invitation: InvitationId) -> Vec<u8> {
    [&federation.as_bytes()[..], invitation.as_bytes()].concat()
}

fn refusal(why: &str) -> EngineError {
    EngineError::refused("admission", why)
}
