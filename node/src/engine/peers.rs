//! What this node remembers of others: where they listen, and who invited it.

use lore_protocol::codec;
use lore_protocol::ids::{FederationId, PublicKey};
use lore_protocol::wire::{MAX_ADDRESSES, MAX_PEERS, Reply, Request};

use super::Engine;
use crate::error::CliError;
use crate::store::{Durability, Table};

const ADDRESSES: &[u8] = b"peer/";
const INVITER: &[u8] = b"inviter/";

impl Engine {
    /// Answers a peer's request.
    ///
    /// # Errors
    /// When the store fails.
    pub fn answer(&mut self, peer: PublicKey, request: Request) -> Result<Reply, CliError> {
        match request {
            Request::Sync { federation, ask } => {
                let found = self.federations.get(&federation).filter(|f| f.log.serves(&peer));
                Ok(found.map_or_else(stranger, |found| {
                    Reply::Sync(Box::new(lore_protocol::sync::answer(&found.log, &ask)))
                }))
            }
            Request::Peers { federation } => {
                let found = self.federations.get(&federation).filter(|f| f.log.serves(&peer));
                let Some(found) = found else { return Ok(stranger()) };
                let keys = found.log.tip().roster.values().map(|entry| entry.key);
                let others: Vec<PublicKey> = keys.filter(|key| *key != peer).collect();
                let mut known = Vec::new();
                for key in others.into_iter().take(MAX_PEERS) {
                    let addresses = self.addresses_of(&key)?;
                    if !addresses.is_empty() {
                        known.push((key, addresses));
                    }
                }
                Ok(Reply::Peers(known))
            }
            other => Ok(self.admission(peer, other)),
        }
    }

    /// Remembers where a member listens, if it is one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remember(&self, peer: PublicKey, mut addresses: Vec<String>) -> Result<(), CliError> {
        let served = self.federations.values().any(|found| found.log.serves(&peer));
        if !served || addresses.is_empty() {
            return Ok(());
        }
        addresses.truncate(MAX_ADDRESSES);
        if self.addresses_of(&peer)? == addresses {
            return Ok(());
        }
        let key = [ADDRESSES, peer.as_bytes()].concat();
        self.store.put(Table::Settings, &key, &codec::encode(&addresses), Durability::Buffered)?;
        Ok(())
    }

    /// Known addresses of a peer, without its key.
    ///
    /// # Errors
    /// When the store fails.
    pub fn addresses_of(&self, peer: &PublicKey) -> Result<Vec<String>, CliError> {
        let key = [ADDRESSES, peer.as_bytes()].concat();
        let bytes = self.store.get(Table::Settings, &key)?;
        Ok(bytes.and_then(|bytes| codec::decode(&bytes).ok()).unwrap_or_default())
    }

    /// Members of a federation other than this node, and whoever invited it.
    #[must_use]
    pub fn companions(&self, federation: FederationId) -> Vec<PublicKey> {
        let me = self.public_key();
        let roster = self.federations.get(&federation).map(|found| &found.log.tip().roster);
        let mut keys: Vec<PublicKey> =
            roster.into_iter().flat_map(|roster| roster.values().map(|e| e.key)).collect();
        keys.extend(self.inviter(federation));
        keys.retain(|key| *key != me);
        keys.sort();
        keys.dedup();
        keys
    }

    fn inviter(&self, federation: FederationId) -> Option<PublicKey> {
        let key = [INVITER, federation.as_bytes()].concat();
        let bytes = self.store.get(Table::Settings, &key).ok()??;
        Some(PublicKey(bytes.try_into().ok()?))
    }

    /// Remembers who invited this node, to sync with before any roster is known.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_inviter(
        &self,
        federation: FederationId,
        inviter: PublicKey,
        addresses: &[String],
    ) -> Result<(), CliError> {
        let key = [INVITER, federation.as_bytes()].concat();
        self.store.put(Table::Settings, &key, inviter.as_bytes(), Durability::Synced)?;
        let key = [ADDRESSES, inviter.as_bytes()].concat();
        let bytes = codec::encode(&addresses.to_vec());
        self.store.put(Table::Settings, &key, &bytes, Durability::Synced)?;
        Ok(())
    }
}

fn stranger() -> Reply {
    Reply::Refused(
        "this node does not know you as a member; if you have just joined, try again in a moment"
            .into(),
    )
}
