//! The book of peers: where members listen, and who invited this node. And answers to what peers ask.

use lore_privacy::NoiseSource;
use lore_protocol::codec;
use lore_protocol::ids::{FederationId, PublicKey};
use lore_protocol::wire::{MAX_ADDRESSES, MAX_PEERS, Reply, Request};

use crate::{Batch, Durability, Effect, Engine, EngineError, RecordKind};

/// Longest address that is remembered or told, in bytes. The longest honest multiaddress, a relayed one
/// under a host name, stays below it.
pub const MAX_ADDRESS_BYTES: usize = 256;
/// Longest encoded reply, in bytes. The network refuses what is larger.
pub const MAX_REPLY_BYTES: usize = 4 << 20;

impl<N: NoiseSource> Engine<N> {
    /// Answers a peer's request, in bytes that the network takes.
    pub(crate) fn answer(&mut self, peer: PublicKey, bytes: &[u8]) -> Result<Vec<u8>, EngineError> {
        let reply = match codec::decode::<Request>(bytes) {
            Ok(request) => self.reply_to(peer, request)?,
            Err(error) => {
                self.heard.malformed += 1;
                Reply::Refused(format!("the request does not decode: {error}"))
            }
        };
        let encoded = codec::encode(&reply);
        if encoded.len() <= MAX_REPLY_BYTES {
            return Ok(encoded);
        }
        tracing::error!(bytes = encoded.len(), "a fault of the program: a reply is too large");
        Ok(codec::encode(&Reply::Refused("the answer is too large to be sent".into())))
    }

    fn reply_to(&mut self, peer: PublicKey, request: Request) -> Result<Reply, EngineError> {
        match request {
            Request::Sync { federation, ask } => {
                let found = self.federations.get(&federation).filter(|f| f.log().serves(&peer));
                let Some(found) = found else { return Ok(self.stranger()) };
                Ok(Reply::Sync(Box::new(lore_protocol::sync::answer(found.log(), &ask))))
            }
            Request::Peers { federation } => {
                let found = self.federations.get(&federation).filter(|f| f.log().serves(&peer));
                let Some(found) = found else { return Ok(self.stranger()) };
                let keys = found.log().tip().roster.values().map(|entry| entry.key);
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
                let serves = |found: &crate::Federation| found.log().serves(&peer);
                if !self.federations.get(&federation).is_some_and(serves) {
                    return Ok(self.stranger());
                }
                self.serve_blob(peer, federation, blob)
            }
            other => Ok(self.admission(peer, other)),
        }
    }

    fn stranger(&mut self) -> Reply {
        self.heard.strangers += 1;
        Reply::Refused(
            "this node does not know you as a member; if you have just joined, try again in a moment"
                .into(),
        )
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
        let roster = self.federations.get(&federation).map(|found| &found.log().tip().roster);
        let mut keys: Vec<PublicKey> =
            roster.into_iter().flat_map(|roster| roster.values().map(|e| e.key)).collect();
        keys.extend(self.inviter(federation));
        keys.retain(|key| *key != me);
        keys.sort();
        keys.dedup();
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
fn bounded(addresses: &[String]) -> Vec<String> {
    let short = addresses.iter().filter(|address| address.len() <= MAX_ADDRESS_BYTES);
    short.take(MAX_ADDRESSES).cloned().collect()
}
