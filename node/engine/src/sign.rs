//! Signing: the one way by which this node adds to its chains.

use lore_privacy::ledger::Point;
use lore_privacy::{Chain, Committed, NoiseSource, Outgoing};
use lore_protocol::delta::{Delta, Header};
use lore_protocol::ids::{DeltaId, FederationId, Hash, MemberId};
use lore_protocol::log::Ingest;
use lore_protocol::payload::{Payload, PayloadKind, Void};

use crate::{Durability, Engine, EngineError, SecondCopy};

/// Kind of the error when the charter's rules refuse what was about to be signed.
pub(crate) const NOT_ALLOWED: &str = "not_allowed";

impl<N: NoiseSource> Engine<N> {
    /// Signs and stores a delta on this node's chain, and leaves it to be sent.
    ///
    /// # Errors
    /// Fails when this node is no member yet, its chain is behind the network's, or the ledger refuses.
    pub fn publish(
        &mut self,
        federation: FederationId,
        outgoing: &Outgoing<N>,
    ) -> Result<DeltaId, EngineError> {
        let member = self.may_sign(federation)?;
        let spend = self.federation(federation)?.log().spend(member);
        let log = self.federation(federation)?.log();
        // What ends a split is the one thing that is signed in it.
        let header = match outgoing.payload() {
            Payload::Checkpoint(_) => log.draft_anyway(member, spend),
            _ => log.draft(member, spend),
        };
        let header = header.map_err(|fault| {
            EngineError::refused(
                "cannot_sign",
                format!("this node cannot add to its chain: {fault}"),
            )
            .help("see `lore status`; a member that waits for a checkpoint can publish after it")
        })?;
        self.sign(Chain { federation, member }, header, outgoing)
    }

    /// Gives this node's member id when it may sign: its store is known to be up to date, and it is on the
    /// roster.
    pub(crate) fn may_sign(&self, federation: FederationId) -> Result<MemberId, EngineError> {
        if let Some(why) = self.store.recovery()? {
            let what = why.name();
            return Err(EngineError::refused(
                "recovering",
                format!(
                    "this store was {what}, and no member was asked since what this node signed"
                ),
            )
            .help("run the node until it has synced with a member; then it signs again"));
        }
        if self.is_taking_over(federation)? {
            return Err(EngineError::refused(
                "recovering",
                "this node took over a member's chain and does not know yet what the chain has spent",
            )
            .help("run the node until it has synced with a member; then it signs"));
        }
        if let Some(copy) = self.second_copy()? {
            return Err(another_copy(copy));
        }
        let member = self.own_member(federation)?;
        if self.is_former_member(federation)? {
            return Err(former_member());
        }
        Ok(member)
    }

    /// Signs a header of this node's own making. The ledger fixes the bytes before anything else.
    pub(crate) fn sign(
        &mut self,
        chain: Chain,
        mut header: Header,
        outgoing: &Outgoing<N>,
    ) -> Result<DeltaId, EngineError> {
        let (seq, period) = (header.seq, header.spend.period);
        let before = header.spend;
        let key = self.key.clone();
        let due = self.ledger.spend_with(chain, period, outgoing);
        let join = header.payload_kind == PayloadKind::Join;
        if !join && (due.rho_nano < before.rho_nano || due.delta_e18 < before.delta_e18) {
            return Err(EngineError::refused(
                "ledger_behind",
                "the network knows more of this node's privacy spend than its own ledger does",
            )
            .help("this home is a restored or copied backup: use the original, or join again with a new home"));
        }
        if !join {
            header.spend = due;
        }
        // What this node's own log refuses must never be fixed: its chain would end there.
        let delta = Delta::sign(header, outgoing.payload(), &key);
        let fault = match delta.clone().sound() {
            Ok(sound) if !join => {
                self.federation(chain.federation)?.log().fault(&sound).map(|f| f.to_string())
            }
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(fault) = fault {
            return Err(EngineError::refused(
                NOT_ALLOWED,
                format!("the federation's rules refuse this delta: {fault}"),
            )
            .help("see `lore privacy status` and `lore federation show`"));
        }
        let committed =
            self.ledger.commit(chain, seq, period, outgoing, |_, _| delta.to_bytes())?;
        self.keep_committed(&committed)
    }

    /// Takes committed bytes into the log and the store, and leaves them to be sent.
    pub(crate) fn keep_committed(
        &mut self,
        committed: &Committed<N>,
    ) -> Result<DeltaId, EngineError> {
        let chain = committed.chain();
        let sound = Delta::parse(committed.bytes()).map_err(|error| {
            EngineError::failed(
                "own_delta",
                format!("this node made a delta that it would refuse itself: {error}"),
            )
            .help("this is a fault of the program: please report it")
        })?;
        let id = sound.id;
        let ingested = self.ingest(chain.federation, sound, Durability::Synced)?;
        self.ledger.reach(Point::Ingested);
        match ingested {
            Ingest::Accepted(_) | Ingest::Known => {}
            // A Join waits for the Vouch that its inviter signs.
            Ingest::Waiting(_) => return Ok(id),
            Ingest::Refused(fault) => {
                return Err(EngineError::failed(
                    "own_delta",
                    format!("the federation's rules refuse this delta: {fault}"),
                )
                .help("see `lore privacy status` and `lore federation show`"));
            }
        }
        self.ledger.published(chain, committed.seq())?;
        self.announce(chain.federation, id);
        Ok(id)
    }

    pub(crate) fn publish_void(
        &mut self,
        federation: FederationId,
        release: Hash,
    ) -> Result<(), EngineError> {
        self.publish(federation, &Outgoing::from(Void { release })).map(drop)
    }

    /// This node's member id on the roster.
    pub(crate) fn own_member(&self, federation: FederationId) -> Result<MemberId, EngineError> {
        let key = self.public_key();
        let member = self.federation(federation)?.log().member_of(&key);
        if member.is_none() && self.is_former_member(federation)? {
            return Err(former_member());
        }
        member.ok_or_else(|| {
            EngineError::refused("not_a_member_yet", "this node is not on the roster of the last checkpoint").help("wait for the next checkpoint, or ask a founder to run `lore federation checkpoint`")
        })
    }
}

fn another_copy(copy: SecondCopy) -> EngineError {
    let seen = match copy {
        SecondCopy::Fork(_) => "two copies of this home have signed with its key",
        SecondCopy::Ahead(_) => "members hold deltas of this node that this home did not sign",
    };
    EngineError::refused("second_copy", format!("{seen}: it signs nothing any more"))
        .help("stop the other copy; see `lore status` for what is left to do")
}

fn former_member() -> EngineError {
    EngineError::refused(
        "former_member",
        "this node left this federation or was removed from it, and publishes nothing there",
    )
    .help("a key that is gone cannot join again: to come back, make another home and ask for an invitation")
}
