//! Signing: the one way by which this node adds to its chains.

use std::collections::BTreeSet;

use lore_privacy::ledger::{Passage, Point};
use lore_privacy::{Chain, Committed, Outgoing, Pending};
use lore_protocol::delta::{Delta, Header, Sound};
use lore_protocol::ids::{DeltaId, FederationId, Hash, MemberId, PublicKey};
use lore_protocol::log::Ingest;
use lore_protocol::payload::{PayloadKind, Void};

use super::{Effect, Engine, now_seconds};
use crate::error::CliError;
use crate::store::{Batch, Durability, Table};

/// Kind of the error when the charter's rules refuse what was about to be signed.
const NOT_ALLOWED: &str = "not_allowed";
/// Peers that a repaired or restored node asks before it signs, or as many as there are.
const PEERS_TO_RECOVER: usize = 3;

impl Engine {
    /// Signs and stores a delta on this node's chain, and leaves it to be sent.
    ///
    /// # Errors
    /// When this node is no member yet, its chain is behind the network's, or the ledger refuses.
    pub(super) fn publish(
        &mut self,
        federation: FederationId,
        outgoing: &Outgoing,
    ) -> Result<DeltaId, CliError> {
        if let Some(why) = self.store.recovery()? {
            let what = format!("{why:?}").to_lowercase();
            return Err(CliError::refused(
                "recovering",
                format!(
                    "this store was {what}, and no member was asked since what this node signed"
                ),
            )
            .help("run the node until it has synced with a member; then it signs again"));
        }
        let member = self.own_member(federation)?;
        let spend = self.log(federation)?.spend(member);
        let header = self.log(federation)?.draft(member, spend).map_err(|fault| {
            CliError::refused("cannot_sign", format!("this node cannot add to its chain: {fault}"))
                .help(
                    "see `lore status`; a member that waits for a checkpoint can publish after it",
                )
        })?;
        self.sign(Chain { federation, member }, header, outgoing)
    }

    /// Signs a header of this node's own making. The ledger fixes the bytes before anything else.
    pub(super) fn sign(
        &mut self,
        chain: Chain,
        mut header: Header,
        outgoing: &Outgoing,
    ) -> Result<DeltaId, CliError> {
        let (seq, period) = (header.seq, header.spend.period);
        let before = header.spend;
        let key = self.key.clone();
        let due = self.ledger.spend(chain, period);
        let join = header.payload_kind == PayloadKind::Join;
        if !join && (due.rho_nano < before.rho_nano || due.delta_e18 < before.delta_e18) {
            return Err(CliError::refused(
                "ledger_behind",
                "the network knows more of this node's privacy spend than its own ledger does",
            )
            .help("this home is a restored or copied backup: use the original, or join anew"));
        }
        if !join {
            header.spend = due;
        }
        // What this node's own log refuses must never be fixed: its chain would end there.
        let delta = Delta::sign(header, outgoing.payload(), &key);
        let fault = match delta.clone().sound() {
            Ok(sound) if !join => self.log(chain.federation)?.fault(&sound).map(|f| f.to_string()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(fault) = fault {
            return Err(CliError::refused(
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
    fn keep_committed(&mut self, committed: &Committed) -> Result<DeltaId, CliError> {
        let chain = committed.chain();
        let sound = Delta::parse(committed.bytes()).map_err(|error| {
            CliError::failed(
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
                return Err(CliError::failed(
                    "own_delta",
                    format!("the federation's rules refuse this delta: {fault}"),
                )
                .help("see `lore privacy status` and `lore federation show`"));
            }
        }
        self.ledger.published(chain, committed.seq())?;
        self.outbox.push(Effect::Publish(chain.federation, id));
        Ok(id)
    }

    /// Takes a delta into a federation's log and stores what became valid.
    ///
    /// # Errors
    /// When the store fails; never because of the delta.
    pub fn ingest(
        &mut self,
        federation: FederationId,
        sound: Sound,
        durability: Durability,
    ) -> Result<Ingest, CliError> {
        let found = self.federations.get_mut(&federation).ok_or_else(|| unknown(federation))?;
        let result = found.log.ingest(sound);
        if let Ingest::Accepted(ids) = &result {
            self.save(federation, ids, durability)?;
        }
        Ok(result)
    }

    /// Stores deltas that the log accepted.
    ///
    /// # Errors
    /// When the store fails.
    pub fn save(
        &self,
        federation: FederationId,
        ids: &[DeltaId],
        durability: Durability,
    ) -> Result<(), CliError> {
        let log = self.log(federation)?;
        let mut batch = Batch::new();
        for id in ids {
            if let Some(delta) = log.delta(id) {
                let key = [&federation.as_bytes()[..], id.as_bytes()].concat();
                batch.put(Table::Deltas, key, delta.to_bytes());
            }
        }
        self.store.write(batch, durability)?;
        Ok(())
    }

    /// Ends what a crash left half done: committed bytes are sent again, sampled results are
    /// committed, and what was only reserved becomes a Void.
    /// What cannot be finished now (no checkpoint yet, a peer must be asked first) stays pending.
    pub(super) fn finish_pending(&mut self) {
        for pending in self.ledger.pending() {
            if let Err(error) = self.finish(pending) {
                tracing::debug!(%error, "left for later");
            }
        }
    }

    fn finish(&mut self, pending: Pending) -> Result<(), CliError> {
        match pending {
            Pending::Publish { chain, seq } => {
                if self.federations.contains_key(&chain.federation) {
                    let committed = self.ledger.committed(chain, seq)?;
                    self.keep_committed(&committed)?;
                }
            }
            Pending::Commit { chain, .. }
            | Pending::Gate { chain, .. }
            | Pending::Void { chain, .. }
                if !self.may_release(chain.federation)? => {}
            Pending::Commit { release, chain } => {
                let released = self.ledger.resume(release)?;
                self.finish_sampled(release, chain, &Outgoing::from(released))?;
            }
            Pending::Gate { release, chain } => match self.ledger.pass(release, now_seconds())? {
                Passage::Wait { .. } => {}
                Passage::Void => self.publish_void(chain.federation, release)?,
                Passage::Open(released) => {
                    self.finish_sampled(release, chain, &Outgoing::from(*released))?;
                }
            },
            Pending::Void { release, chain } => {
                self.publish_void(chain.federation, release)?;
            }
        }
        Ok(())
    }

    /// Commits a result, or voids it when its time is over: by the charter's rules, which are public.
    /// Whatever else stands in the way passes, and the result waits.
    fn finish_sampled(
        &mut self,
        release: Hash,
        chain: Chain,
        outgoing: &Outgoing,
    ) -> Result<(), CliError> {
        match self.publish(chain.federation, outgoing) {
            Ok(_) => Ok(()),
            Err(error) if [NOT_ALLOWED, "late"].contains(&error.kind.as_str()) => {
                tracing::warn!(%error, "a sampled release is late and becomes a void");
                self.ledger.void(release)?;
                self.publish_void(chain.federation, release)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives up a release that was paid for and whose data could not be read: a void is due at once, as
    /// it would be after a crash. After a failed write, opening the ledger again does the same.
    pub(super) fn void_if_reserved(&mut self, release: Hash) {
        let reserved = |(known, state): (&lore_privacy::Reservation, &str)| {
            known.release == release && state == "reserved"
        };
        if self.ledger.releases().any(reserved)
            && let Err(error) = self.ledger.void(release)
        {
            tracing::warn!(%error, "the release becomes a void when the ledger is open again");
        }
    }

    /// Whether what comes of sessions may be signed now: a peer was asked since this process began, and
    /// nobody knows more of this node's chain than its ledger does. A copied home looks whole.
    pub(super) fn may_release(&self, federation: FederationId) -> Result<bool, CliError> {
        if self.store.recovery()?.is_some() {
            return Ok(false);
        }
        let alone = self.companions(federation).is_empty();
        let asked = self.asked.get(&federation).is_some_and(|peers| !peers.is_empty());
        Ok((alone || asked) && !self.ledger_is_behind(federation)?)
    }

    /// Whether this node's chain as the network has it goes further than its ledger.
    pub(super) fn ledger_is_behind(&self, federation: FederationId) -> Result<bool, CliError> {
        let log = self.log(federation)?;
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
    /// When the store fails.
    pub fn caught_up(&mut self, federation: FederationId, peer: PublicKey) -> Result<(), CliError> {
        self.asked.entry(federation).or_default().insert(peer);
        if self.store.recovery()?.is_none() {
            return Ok(());
        }
        self.adopt(federation)?;
        self.end_recovery()
    }

    /// Ends a recovery when nobody is left to be asked. Nobody is, from the start, for a founder without
    /// members.
    pub(super) fn end_recovery(&self) -> Result<(), CliError> {
        let enough = |id: &FederationId| {
            let wanted = self.companions(*id).len().min(PEERS_TO_RECOVER);
            self.asked.get(id).map_or(0, BTreeSet::len) >= wanted
        };
        if self.store.recovery()?.is_some() && self.federations.keys().all(enough) {
            tracing::info!("nobody is left to be asked: this node signs again");
            self.store.clear_recovery()?;
        }
        Ok(())
    }

    /// Takes what the log holds of this node's own chain, and the ledger does not, into the ledger.
    fn adopt(&mut self, federation: FederationId) -> Result<(), CliError> {
        let log = self.log(federation)?;
        let Some(member) = log.member_of(&self.public_key()) else {
            return Ok(());
        };
        let chain = Chain { federation, member };
        let known = self.ledger.next_seq(chain).unwrap_or(0);
        let mut unknown = Vec::new();
        let mut next = log.head(member).map(|(_, id)| id);
        while let Some(entry) = next.and_then(|id| log.get(&id)) {
            let header = entry.sound.header();
            if header.seq < known.max(1) {
                break;
            }
            unknown.push((header.seq, header.spend));
            next = header.prev;
        }
        for (seq, spend) in unknown.into_iter().rev() {
            self.ledger.adopt(chain, seq, spend, now_seconds())?;
        }
        Ok(())
    }

    pub(super) fn publish_void(
        &mut self,
        federation: FederationId,
        release: Hash,
    ) -> Result<(), CliError> {
        self.publish(federation, &Outgoing::from(Void { release })).map(drop)
    }

    pub(super) fn log(
        &self,
        federation: FederationId,
    ) -> Result<&lore_protocol::log::Log, CliError> {
        self.federations.get(&federation).map(|found| &found.log).ok_or_else(|| unknown(federation))
    }

    /// This node's member id on the roster.
    pub(super) fn own_member(&self, federation: FederationId) -> Result<MemberId, CliError> {
        let key = self.public_key();
        self.log(federation)?.member_of(&key).ok_or_else(|| {
            CliError::refused("not_a_member_yet", "this node is not on the roster of the last checkpoint").help("wait for the next checkpoint, or ask a founder to run `lore federation checkpoint`")
        })
    }
}

pub(super) fn unknown(federation: FederationId) -> CliError {
    CliError::usage(format!("this node is in no federation {}", federation.short()))
        .kind("unknown_federation")
        .help("see `lore federation show`")
}
