//! The book of peers: where members listen, and who invited this node. And answers to what peers ask.

use std::collections::BTreeSet;
use std::time::Duration;

use lore_privacy::NoiseSource;
use lore_protocol::codec;
use lore_protocol::ids::{FederationId, PublicKey};
use lore_protocol::wire::{MAX_ADDRESSES, MAX_PEERS, Reply, Request};

use crate::metering::ROOM_BYTES;
use crate::{Batch, Durability, Effect, Engine, EngineError, Federation, RecordKind};

/// Longest address that is remembered or told, in bytes. The longest honest multiaddress, a relayed one
/// under a host name, stays below it.
pub const MAX_ADDRESS_BYTES: usize = 256;
/// Longest encoded reply, in bytes. The network refuses what is larger.
pub const MAX_REPLY_BYTES: usize = 4 << 20;

/// Bytes that a member's bucket loses for every item of the log that an answer looks at.
const BYTES_PER_ITEM: usize = 4;

/// Refusal of a key that no checkpoint and no Vouch names.
const STRANGER: &str =
    "this node does not know you as a member; if you have just joined, try again in a moment";
/// Refusal of a former member.
const GONE: &str =
    "this key left the federation or was removed from it, and is not served any more";

impl<N: NoiseSource> Engine<N> {
    /// Answers a peer's request, in bytes that the network takes.
    pub(crate) fn answer(&mut self, peer: PublicKey, bytes: &[u8]) -> Result<Vec<u8>, EngineError> {
        let now = self.clock.monotonic();
        let reply = match codec::decode::<Request>(bytes) {
            Ok(request) => match self.told_to_wait(now, &peer, &request) {
                Some(refusal) => refusal,
                None => self.reply_to(peer, request)?,
            },
            Err(error) => {
                self.heard.malformed += 1;
                Reply::Refused(format!("the request does not decode: {error}"))
            }
        };
        let encoded = codec::encode(&reply);
        if matches!(reply, Reply::Sync(_) | Reply::Peers(_)) {
            self.meters.take(now, peer, encoded.len());
        }
        if encoded.len() <= MAX_REPLY_BYTES {
            return Ok(encoded);
        }
        tracing::error!(bytes = encoded.len(), "a fault of the program: a reply is too large");
        Ok(codec::encode(&Reply::Refused("the answer is too large to be sent".into())))
    }

    /// The refusal of a member that has asked for too much ([`crate::metering`]).
    fn told_to_wait(
        &mut self,
        now: Duration,
        peer: &PublicKey,
        request: &Request,
    ) -> Option<Reply> {
        let (Request::Sync { federation, .. } | Request::Peers { federation }) = request else {
            return None;
        };
        let log = self.serving(*federation, peer)?.log();
        let full = ROOM_BYTES.saturating_add(log.stored_bytes());
        let wait = self.meters.wait_seconds(now, peer, full)?;
        self.heard.metered += 1;
        Some(Reply::Refused(format!("you asked for much in a short time; ask again in {wait} s")))
    }

    fn reply_to(&mut self, peer: PublicKey, request: Request) -> Result<Reply, EngineError> {
        match request {
            Request::Sync { federation, ask } => {
                let Some(found) = self.serving(federation, &peer) else {
                    return Ok(self.not_served(federation, &peer));
                };
                let (answer, seen) = lore_protocol::sync::answer(found.log(), &ask);
                // An answer of few bytes may have looked at the whole log.
                let (now, bytes) = (self.clock.monotonic(), seen.saturating_mul(BYTES_PER_ITEM));
                self.meters.take(now, peer, bytes);
                Ok(Reply::Sync(Box::new(answer)))
            }
            Request::Peers { federation } => {
                let Some(found) = self.serving(federation, &peer) else {
                    return Ok(self.not_served(federation, &peer));
                };
                let keys = found.log().members().map(|(_, key)| key);
                let others: Vec<PublicKey> = keys.filter(|key| *key != peer).collect();
                let mut known = Vec::new();
                for key in others {
                    let addresses = self.addresses_of(&key)?;
                    if known.len() < MAX_PEERS && !addresses.is_empty() {
                        known.push((key, addresses));
                    }
                }
                Ok(Reply::Peers(known))
            }
            Request::Blob { federation, blob } => {
                if self.serving(federation, &peer).is_none() {
                    return Ok(self.not_served(federation, &peer));
                }
                self.serve_blob(peer, federation, blob)
            }
            Request::Lost { federation, recovery_key, proof } => {
                Ok(self.on_lost(peer, federation, &recovery_key, &proof))
            }
            Request::Rotate { federation, delta } => self.on_rotate(peer, federation, *delta),
            other => Ok(self.admission(peer, other)),
        }
    }

    fn serving(&self, federation: FederationId, peer: &PublicKey) -> Option<&Federation> {
        self.federations.get(&federation).filter(|found| found.log().serves(peer))
    }

    /// The refusal of a stranger, or of a former member, which may not have seen the checkpoint that took it
    /// off the roster: who is gone is not served.
    fn not_served(&mut self, federation: FederationId, peer: &PublicKey) -> Reply {
        self.heard.strangers += 1;
        let tip = self.federations.get(&federation).map(|found| found.log().tip());
        let why = if tip.is_some_and(|tip| tip.is_gone(peer)) { GONE } else { STRANGER };
        Reply::Refused(why.into())
    }

    /// A peer refuses to serve this node. What members say of it is kept while this process runs: only a
    /// checkpoint would be proof, and who is gone is shown none.
    pub(crate) fn on_refusal(&mut self, federation: FederationId, peer: PublicKey, why: &str) {
        if why == GONE {
            self.called_gone.entry(federation).or_default().insert(peer);
        }
    }

    /// Members that say that this node left the federation or was removed from it.
    pub fn called_gone_by(&self, federation: FederationId) -> usize {
        self.called_gone.get(&federation).map_or(0, BTreeSet::len)
    }

    /// Remembers where a member listens, if it is one.
    pub(crate) fn remember(
        &self,
        peer: PublicKey,
        addresses: &[String],
    ) -> Result<(), EngineError> {
        let served = self.federations.values().any(|found| found.log().serves(&peer));
        let addresses = bounded(addresses);
        if !served || addresses.is_empty() || self.addresses_of(&peer)? == addresses {
            return Ok(());
        }
        let bytes = codec::encode(&addresses);
        let key = peer.as_bytes();
        Ok(self.store.put(RecordKind::PeerAddresses, key, &bytes, Durability::Buffered)?)
    }

    /// Known addresses of a peer, without its key: at most [`MAX_ADDRESSES`] of [`MAX_ADDRESS_BYTES`].
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn addresses_of(&self, peer: &PublicKey) -> Result<Vec<String>, EngineError> {
        let bytes = self.store.get(RecordKind::PeerAddresses, peer.as_bytes())?;
        let stored: Vec<String> = bytes.and_then(|b| codec::decode(&b).ok()).unwrap_or_default();
        Ok(bounded(&stored))
    }

    /// Members of a federation other than this node, and the member that invited it.
    #[must_use]
    pub fn companions(&self, federation: FederationId) -> Vec<PublicKey> {
        let me = self.public_key();
        let log = self.federations.get(&federation).map(Federation::log);
        let mut keys: Vec<PublicKey> =
            log.into_iter().flat_map(|log| log.members().map(|(_, key)| key)).collect();
        keys.extend(self.inviter(federation));
        keys.retain(|key| *key != me);
        keys.sort();
        keys.dedup();
        keys
    }

    /// Everybody whom this node serves in some federation, or would ask.
    #[must_use]
    pub fn served(&self) -> BTreeSet<PublicKey> {
        let mut keys = BTreeSet::new();
        for (id, found) in &self.federations {
            keys.extend(self.companions(*id));
            keys.extend(found.log().vouched_keys());
        }
        keys
    }

    fn inviter(&self, federation: FederationId) -> Option<PublicKey> {
        let bytes = self.store.get(RecordKind::Inviter, federation.as_bytes()).ok()??;
        Some(PublicKey(bytes.try_into().ok()?))
    }

    /// Remembers who invited this node, to sync with before any roster is known.
    pub(crate) fn set_inviter(
        &self,
        federation: FederationId,
        inviter: PublicKey,
        addresses: &[String],
    ) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        batch.put(RecordKind::Inviter, federation.as_bytes(), inviter.as_bytes().to_vec());
        let bytes = codec::encode(&bounded(addresses));
        batch.put(RecordKind::PeerAddresses, inviter.as_bytes(), bytes);
        Ok(self.store.write(batch, Durability::Synced)?)
    }

    /// Keeps connections with members whose addresses are known.
    pub(crate) fn dial_known(&mut self) -> Result<(), EngineError> {
        let federations: Vec<FederationId> = self.federations.keys().copied().collect();
        for federation in federations {
            for peer in self.companions(federation) {
                let addresses = self.addresses_of(&peer)?;
                if addresses.is_empty() || self.dialled.get(&peer) == Some(&addresses) {
                    continue;
                }
                self.dialled.insert(peer, addresses.clone());
                self.effects.push(Effect::Dial { peer, addresses });
            }
        }
        Ok(())
    }
}

/// As many addresses as are kept of one peer, each of a length that an honest one has.
pub(crate) fn bounded(addresses: &[String]) -> Vec<String> {
    let short = addresses.iter().filter(|address| address.len() <= MAX_ADDRESS_BYTES);
    short.take(MAX_ADDRESSES).cloned().collect()
}
