//! Records of where nodes are, as a relay keeps them: checked, few from one address, and none for ever.

use std::collections::BTreeMap;
use std::time::Instant;

use libp2p::kad;
use libp2p::kad::store::RecordStore as _;
use libp2p::{Multiaddr, PeerId};

use super::limits;
use crate::network::crowd::Source;
use crate::network::directory::{self, Kad, RECORD_TIME};

/// The records' sources.
#[derive(Debug, Default)]
pub(super) struct Records {
    from: BTreeMap<Vec<u8>, Option<Source>>,
}

impl Records {
    /// Takes a record that `peer` brings from `remote`. `false` when it is refused: not its own, malformed, or
    /// one too many.
    pub(super) fn take(
        &mut self,
        kad: &mut Kad,
        mut record: kad::Record,
        peer: PeerId,
        remote: Option<Source>,
    ) -> bool {
        let owner = directory::read(&record.key, &record.value).map(|(owner, _)| owner);
        if owner != Some(peer) {
            return false;
        }
        let key = record.key.to_vec();
        let others = self.from.iter().filter(|(known, from)| **known != key && **from == remote);
        if others.count() >= limits::RECORDS_PER_ADDRESS {
            return false;
        }
        record.publisher = Some(peer);
        record.expires = Some(Instant::now() + RECORD_TIME);
        if kad.store_mut().put(record).is_err() {
            return false;
        }
        self.from.insert(key, remote);
        true
    }

    /// Drops what stood long enough.
    pub(super) fn sweep(&mut self, kad: &mut Kad, now: Instant) {
        let from = &mut self.from;
        kad.store_mut().retain(|key, record| {
            let stands = !record.is_expired(now);
            if !stands {
                from.remove(&key.to_vec());
            }
            stands
        });
    }
}

/// Source of a connection, by the address that it came from.
pub(super) fn source_of(remote: &Multiaddr) -> Option<Source> {
    Source::of(&Multiaddr::empty(), remote)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use libp2p::core::PeerRecord;
    use libp2p::identity::Keypair;

    use super::*;

    fn record() -> (PeerId, kad::Record) {
        let key = Keypair::generate_ed25519();
        let at = vec!["/ip4/8.8.8.8/tcp/1".parse().unwrap()];
        let signed = PeerRecord::new_interop(&key, at).unwrap().into_signed_envelope();
        let peer = key.public().to_peer_id();
        (peer, kad::Record::new(directory::key_of(&peer), signed.into_protobuf_encoding()))
    }

    #[test]
    fn a_record_comes_from_its_owner_and_few_come_from_one_address() {
        let mut kad = directory::server(PeerId::random(), 4 * limits::RECORDS_PER_ADDRESS, &[]);
        let mut records = Records::default();
        let from = |text: &str| source_of(&text.parse().unwrap());
        let (one, other) = (from("/ip4/10.0.0.1/tcp/1"), from("/ip4/10.0.0.2/tcp/1"));
        let (peer, first) = record();
        assert!(!records.take(&mut kad, first.clone(), PeerId::random(), one), "of another");
        assert!(records.take(&mut kad, first.clone(), peer, one));
        let taken = (0..1_000).map(|_| record());
        let taken = taken.take_while(|(peer, r)| records.take(&mut kad, r.clone(), *peer, one));
        assert_eq!(taken.count() + 1, limits::RECORDS_PER_ADDRESS);
        assert!(records.take(&mut kad, first, peer, one), "renewed");
        let (peer, elsewhere) = record();
        assert!(records.take(&mut kad, elsewhere, peer, other));
        records.sweep(&mut kad, Instant::now() + RECORD_TIME * 2);
        assert!(records.from.is_empty() && kad.store_mut().records().next().is_none());
    }
}
