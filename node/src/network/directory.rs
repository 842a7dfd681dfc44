//! Addresses of members in a distributed hash table: Kademlia under a protocol name of its own.
//!
//! A record is a libp2p signed peer record: only the owner of a key can say where it is, and a record lies
//! under the hash of the key that signed it. Nodes publish and ask; relays and bootstrap nodes keep.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use libp2p::core::{PeerRecord, SignedEnvelope};
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::kad::{self, QueryId};
use libp2p::{Multiaddr, PeerId, StreamProtocol, identity};
use lore_protocol::ids::Hash;

use super::address;
use super::limits;
use super::peer::PeerAddress;

/// The name under which the hash table is spoken.
const PROTOCOL: StreamProtocol = StreamProtocol::new("/commonlore/kad/1");
/// Longest record, in bytes.
pub(super) const MAX_RECORD_BYTES: usize = 2_048;
/// Most addresses in a record.
const MAX_RECORD_ADDRESSES: usize = 8;
/// Time that a record stands.
pub(super) const RECORD_TIME: Duration = Duration::from_secs(2 * 3600);
/// Time after which a node publishes again.
const PUBLISH_AGAIN: Duration = Duration::from_secs(30 * 60);
/// Least time between two publications, however often addresses change.
const LEAST_BETWEEN: Duration = Duration::from_secs(15);
/// Least time between two questions for one peer.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// Most questions at once.
const QUESTIONS: usize = 4;
/// Longest time of a question or of a publication.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) type Kad = kad::Behaviour<MemoryStore>;

/// The hash table as a node speaks it: it asks the bootstrap nodes and those that they know.
pub(super) fn client(me: PeerId, bootstrap: &[PeerAddress]) -> Kad {
    table(me, 16, kad::Mode::Client, bootstrap)
}

/// The hash table as a relay speaks it: it answers, with at most `records` records.
pub(super) fn server(me: PeerId, records: usize, others: &[PeerAddress]) -> Kad {
    table(me, records, kad::Mode::Server, others)
}

fn table(me: PeerId, records: usize, mode: kad::Mode, known: &[PeerAddress]) -> Kad {
    let mut config = kad::Config::new(PROTOCOL);
    config
        .set_query_timeout(QUERY_TIMEOUT)
        .set_record_ttl(Some(RECORD_TIME))
        // Only its owner publishes a record.
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_periodic_bootstrap_interval(None)
        .set_max_packet_size(2 * MAX_RECORD_BYTES)
        // What peers say of other peers does not enter the table: it holds what the configuration names.
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_record_filtering(kad::StoreInserts::FilterBoth);
    let store = MemoryStore::with_config(
        me,
        MemoryStoreConfig {
            max_records: records,
            max_value_bytes: MAX_RECORD_BYTES,
            max_providers_per_key: 1,
            max_provided_keys: 1,
        },
    );
    let mut kad = Kad::with_config(me, store, config);
    kad.set_mode(Some(mode));
    for one in known {
        kad.add_address(&one.peer, one.address.clone());
    }
    kad
}

/// Where the record of a peer lies.
pub(super) fn key_of(peer: &PeerId) -> kad::RecordKey {
    let hash = Hash::derive("commonlore/kad/addresses/v1", &[&peer.to_bytes()]);
    kad::RecordKey::new(hash.as_bytes())
}

/// The peer of a record and where it says that it is; none when the record is not under its key, is not
/// signed by it, or is too large.
pub(super) fn read(key: &kad::RecordKey, value: &[u8]) -> Option<(PeerId, Vec<Multiaddr>)> {
    if value.len() > MAX_RECORD_BYTES {
        return None;
    }
    let envelope = SignedEnvelope::from_protobuf_encoding(value).ok()?;
    let record = PeerRecord::from_signed_envelope_interop(envelope).ok()?;
    let peer = record.peer_id();
    if key_of(&peer) != *key {
        return None;
    }
    let addresses = address::told(record.addresses().iter().cloned());
    Some((peer, addresses.into_iter().take(MAX_RECORD_ADDRESSES).collect()))
}

fn write(key: &identity::Keypair, addresses: &[Multiaddr]) -> Option<kad::Record> {
    let told = addresses.iter().take(MAX_RECORD_ADDRESSES).cloned().collect();
    let record = PeerRecord::new_interop(key, told).ok()?;
    let value = record.into_signed_envelope().into_protobuf_encoding();
    Some(kad::Record::new(key_of(&key.public().to_peer_id()), value))
}

/// A node's own use of the table: what it published, and what it asks.
pub(super) struct Directory {
    key: identity::Keypair,
    published: Option<(Instant, Vec<Multiaddr>)>,
    questions: HashMap<QueryId, PeerId>,
    asked: BTreeMap<PeerId, Instant>,
}

impl Directory {
    pub(super) fn new(key: identity::Keypair) -> Self {
        Self { key, published: None, questions: HashMap::new(), asked: BTreeMap::new() }
    }

    /// Publishes where this node is, when that changed or was long ago.
    pub(super) fn publish(&mut self, kad: &mut Kad, addresses: &[Multiaddr], now: Instant) {
        if addresses.is_empty() {
            return;
        }
        if let Some((at, told)) = &self.published {
            let passed = now.saturating_duration_since(*at);
            let changed = told.as_slice() != addresses;
            if passed < LEAST_BETWEEN || (!changed && passed < PUBLISH_AGAIN) {
                return;
            }
        }
        let Some(record) = write(&self.key, addresses) else { return };
        let quorum = kad::Quorum::N(NonZeroUsize::MIN);
        if let Err(error) = kad.put_record(record, quorum) {
            tracing::debug!(%error, "addresses not published");
            return;
        }
        self.published = Some((now, addresses.to_vec()));
    }

    /// The last publication did not arrive: it is tried again soon.
    pub(super) fn not_published(&mut self) {
        if let Some((_, told)) = &mut self.published {
            told.clear();
        }
    }

    /// Asks for some of `peers`, which are not connected.
    pub(super) fn ask(&mut self, kad: &mut Kad, peers: &BTreeSet<PeerId>, now: Instant) {
        self.asked.retain(|peer, _| peers.contains(peer));
        for peer in peers {
            if self.questions.len() >= QUESTIONS || self.asked.len() >= limits::WANTED_PEERS {
                return;
            }
            let waits = |at: &Instant| now.saturating_duration_since(*at) < ASK_AGAIN;
            if self.asked.get(peer).is_some_and(waits) {
                continue;
            }
            self.asked.insert(*peer, now);
            let question = kad.get_record(key_of(peer));
            self.questions.insert(question, *peer);
        }
    }

    /// An answer: the peer that was asked for, and where it is.
    pub(super) fn answered(
        &mut self,
        id: QueryId,
        record: &kad::Record,
    ) -> Option<(PeerId, Vec<Multiaddr>)> {
        let wanted = *self.questions.get(&id)?;
        let (peer, addresses) = read(&record.key, &record.value)?;
        (peer == wanted).then_some((peer, addresses))
    }

    /// A question is over.
    pub(super) fn over(&mut self, id: &QueryId) {
        self.questions.remove(id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn addresses(count: usize) -> Vec<Multiaddr> {
        (1..=count).map(|n| format!("/ip4/8.8.8.8/tcp/{n}").parse().unwrap()).collect()
    }

    #[test]
    fn a_record_is_read_under_its_own_key_and_no_other() {
        let key = identity::Keypair::generate_ed25519();
        let record = write(&key, &addresses(40)).unwrap();
        assert!(record.value.len() <= MAX_RECORD_BYTES);
        let (peer, told) = read(&record.key, &record.value).unwrap();
        assert_eq!(peer, key.public().to_peer_id());
        assert_eq!(told, addresses(MAX_RECORD_ADDRESSES));
        let other = identity::Keypair::generate_ed25519().public().to_peer_id();
        assert_eq!(read(&key_of(&other), &record.value), None);
        let mut changed = record.value.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(read(&record.key, &changed), None);
        assert_eq!(read(&record.key, &vec![0; MAX_RECORD_BYTES + 1]), None);
    }

    #[test]
    fn a_node_publishes_when_its_addresses_change_and_now_and_then() {
        let key = identity::Keypair::generate_ed25519();
        let mut kad = client(key.public().to_peer_id(), &[]);
        let mut directory = Directory::new(key);
        let start = Instant::now();
        let mut published = |after: Duration, count: usize| {
            let before = directory.published.as_ref().map(|(at, _)| *at);
            directory.publish(&mut kad, &addresses(count), start + after);
            directory.published.as_ref().map(|(at, _)| *at) != before
        };
        assert!(!published(Duration::ZERO, 0));
        assert!(published(Duration::ZERO, 1));
        assert!(!published(Duration::from_secs(1), 2), "so soon");
        assert!(published(Duration::from_secs(60), 2));
        assert!(!published(Duration::from_secs(120), 2));
        assert!(published(Duration::from_secs(60) + PUBLISH_AGAIN, 2));
    }

    #[test]
    fn questions_are_few_at_a_time_and_seldom_for_one_peer() {
        let me = identity::Keypair::generate_ed25519();
        let mut kad = client(me.public().to_peer_id(), &[]);
        let mut directory = Directory::new(me);
        let peers: BTreeSet<PeerId> = (0..10).map(|_| PeerId::random()).collect();
        let now = Instant::now();
        directory.ask(&mut kad, &peers, now);
        directory.ask(&mut kad, &peers, now);
        assert_eq!(directory.questions.len(), QUESTIONS);
        for id in directory.questions.keys().copied().collect::<Vec<_>>() {
            directory.over(&id);
        }
        let one: BTreeSet<PeerId> = directory.asked.keys().take(1).copied().collect();
        directory.ask(&mut kad, &one, now);
        assert_eq!(directory.questions.len(), 0);
        directory.ask(&mut kad, &one, now + ASK_AGAIN);
        assert_eq!(directory.questions.len(), 1);
        directory.ask(&mut kad, &BTreeSet::new(), now);
        assert!(directory.asked.is_empty());
    }
}
