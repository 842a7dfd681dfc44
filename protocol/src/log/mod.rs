//! The log: every valid delta, what still waits, who belongs, and which epochs are sealed.
//!
//! Validity of a delta depends on the delta and its causal ancestors alone: never on arrival order,
//! local time or local storage. A delta whose ancestors are not all here waits. What counts, and so
//! every state and digest, is a function of the set of deltas alone: any order, duplication or split of
//! one set leads to the same log. One thing is not kept: what a fork excludes and nothing rests on. When
//! something does (`need`), sync brings it back.

mod asking;
mod chain;
mod check;
mod draft;
mod entry;
mod frontier;
mod heights;
mod index;
mod items;
mod membership;
mod need;
mod opened;
mod propose;
mod quota;
mod rotation;
mod rounds;
mod seal;
mod sealed;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use check::Fault;
pub use entry::Entry;
pub use frontier::Frontier;
pub use items::{Items, Place, digest};
pub use opened::{OpenPlace, Opened};
pub use quota::{MAX_ROTATIONS_PER_EPOCH, MAX_VOUCHES_PER_EPOCH, Totals};
pub use seal::Problem;
pub use sealed::Sealed;
pub use waiting::{MAX_UNKNOWN_BYTES, MAX_WAITING_BYTES, MAX_WAITING_PER_AUTHOR, Missing};

use crate::charter::{Charter, CharterError, SignedCharter};
use crate::delta::{Delta, Sound};
use crate::ids::{CheckpointId, DeltaId, FederationId, MemberId, PublicKey};
use crate::payload::Payload;
use chain::Chain;
use index::Index;
use need::Path;
use opened::Journal;
use rotation::Settled;
use rounds::Candidate;
use waiting::Waiting;

/// Result of taking in a delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ingest {
    /// It is valid, and so are these, in order: it, and whatever had waited for it.
    Accepted(Vec<DeltaId>),
    /// It was here already.
    Known,
    /// It waits for this.
    Waiting(Missing),
    /// It is invalid, or excluded by a fork.
    Refused(Fault),
}

/// The log of one federation. See the module's documentation.
#[derive(Debug, Clone)]
pub struct Log {
    federation: FederationId,
    signed_charter: SignedCharter,
    charter: Charter,
    founders: Vec<(MemberId, PublicKey)>,
    entries: BTreeMap<DeltaId, Box<Entry>>,
    chains: BTreeMap<MemberId, Chain>,
    index: Index,
    items: Items,
    opened: Journal,
    waiting: Waiting,
    path: Path,
    sealed: Vec<Sealed>,
    candidates: BTreeMap<CheckpointId, BTreeMap<CheckpointId, Candidate>>,
    /// Parents of several checkpoints for which signers have committed.
    contested: BTreeSet<CheckpointId>,
    /// Final checkpoints that are not on the line of the sealed ones.
    beside: BTreeMap<CheckpointId, Sealed>,
    /// What new keys say of the checkpoints of the keys before them. Kept when the log starts again: it
    /// follows from the RotateKeys alone.
    settled: BTreeMap<MemberId, BTreeMap<DeltaId, Settled>>,
    /// A new key came in that may say that another checkpoint stands.
    unsettled: bool,
    problems: BTreeMap<CheckpointId, Problem>,
    rebuilding: bool,
    stored_bytes: u64,
}

impl Log {
    /// The empty log of a federation: its founders are members, genesis is sealed.
    ///
    /// # Errors
    /// Fails when the charter does not open.
    pub fn new(signed_charter: SignedCharter) -> Result<Self, CharterError> {
        let charter = signed_charter.open()?;
        let federation = signed_charter.federation();
        let founders = charter.founder_members(federation);
        let genesis = Sealed::genesis(federation, &founders);
        Ok(Self {
            federation,
            signed_charter,
            charter,
            founders,
            entries: BTreeMap::new(),
            chains: BTreeMap::new(),
            index: Index::default(),
            items: Items::default(),
            opened: Journal::default(),
            waiting: Waiting::default(),
            path: Path::default(),
            sealed: vec![genesis],
            candidates: BTreeMap::new(),
            contested: BTreeSet::new(),
            beside: BTreeMap::new(),
            settled: BTreeMap::new(),
            unsettled: false,
            problems: BTreeMap::new(),
            rebuilding: false,
            stored_bytes: 0,
        })
    }

    /// The federation.
    #[must_use]
    pub const fn federation(&self) -> FederationId {
        self.federation
    }

    /// The terms.
    #[must_use]
    pub const fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The terms as signed.
    #[must_use]
    pub const fn signed_charter(&self) -> &SignedCharter {
        &self.signed_charter
    }

    /// The founders.
    #[must_use]
    pub fn founders(&self) -> &[(MemberId, PublicKey)] {
        &self.founders
    }

    /// An accepted delta.
    #[must_use]
    pub fn get(&self, id: &DeltaId) -> Option<&Entry> {
        self.entries.get(id).map(|entry| &**entry)
    }

    /// Number of accepted deltas.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// About the encoded size of all accepted deltas, in bytes.
    #[must_use]
    pub const fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Returns true when nothing was accepted yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Accepted deltas by id.
    pub fn entries(&self) -> impl Iterator<Item = (&DeltaId, &Entry)> {
        self.entries.iter().map(|(id, entry)| (id, &**entry))
    }

    /// Sealed epochs; the first is genesis.
    #[must_use]
    pub fn sealed(&self) -> &[Sealed] {
        &self.sealed
    }

    /// The last sealed epoch.
    #[must_use]
    pub fn tip(&self) -> &Sealed {
        // SAFETY: `new` and `rebuild` put genesis there and nothing removes it.
        #[allow(clippy::expect_used)]
        self.sealed.last().expect("genesis is sealed")
    }

    /// The open epoch.
    #[must_use]
    pub fn open_epoch(&self) -> u32 {
        self.tip().epoch() + 1
    }

    /// The member that holds `key` now.
    #[must_use]
    pub fn member_of(&self, key: &PublicKey) -> Option<MemberId> {
        self.members().find(|(_, held)| held == key).map(|(member, _)| member)
    }

    /// Returns true when a peer with this key is served: a member, or one for whom enough members have vouched
    /// in the open epoch. The checkpoint that covers the Vouches decides: who is on its roster then is a member,
    /// and the Vouches alone give nothing more.
    #[must_use]
    pub fn serves(&self, key: &PublicKey) -> bool {
        let gone = self.tip().is_gone(key);
        let vouched = || self.index.joins_of(key).any(|join| self.is_awaited(*join, key));
        !gone && (self.member_of(key).is_some() || vouched())
    }

    /// Keys that are served although no roster names them yet.
    pub fn vouched_keys(&self) -> impl Iterator<Item = PublicKey> + '_ {
        let awaited = self
            .index
            .keys()
            .filter(|(key, joins)| joins.iter().any(|join| self.is_awaited(*join, key)));
        awaited.map(|(key, _)| *key).filter(|key| !self.tip().is_gone(key))
    }

    /// Checkpoints that could not be sealed for good, with the reason.
    #[must_use]
    pub const fn problems(&self) -> &BTreeMap<CheckpointId, Problem> {
        &self.problems
    }

    /// Deltas that wait, and how many bytes they hold.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        self.waiting.size()
    }

    /// Why a delta would be refused if it came now; none when it would be accepted, or would wait. An
    /// author asks before it fixes a delta of its own: one that is refused ends its chain.
    #[must_use]
    pub fn fault(&self, sound: &Sound) -> Option<Fault> {
        match self.check(sound) {
            Err(check::Hold::Refuse(fault)) => Some(fault),
            Ok(_) | Err(check::Hold::Wait(..)) => None,
        }
    }

    /// Takes in a delta, and everything that waited for it.
    pub fn ingest(&mut self, sound: Sound) -> Ingest {
        self.offer(sound).0
    }

    /// Takes in a delta, and everything that waited for it. Gives it back when it is refused.
    pub fn offer(&mut self, sound: Sound) -> (Ingest, Option<Sound>) {
        let first = sound.id;
        if self.entries.contains_key(&first) {
            return (Ingest::Known, None);
        }
        let mut accepted = Vec::new();
        let mut answer = None;
        let mut back = None;
        let mut next = Some(sound);
        let mut queue = VecDeque::new();
        loop {
            while let Some(sound) = next.take().or_else(|| queue.pop_front()) {
                let id = sound.id;
                let refused = match self.check(&sound) {
                    Ok((key, totals)) => {
                        let freed = self.accept(sound, key, totals);
                        accepted.push(id);
                        queue.extend(freed);
                        continue;
                    }
                    Err(check::Hold::Wait(missing, proof)) => {
                        self.walk_back(&sound);
                        let reason = missing.first().copied();
                        let refused = self.waiting.insert(sound, missing, proof);
                        if id == first && refused.is_none() {
                            answer = reason.map(Ingest::Waiting);
                        }
                        refused.map(|sound| (sound, Fault::TooManyWaiting))
                    }
                    Err(check::Hold::Refuse(fault)) => Some((sound, fault)),
                };
                if let Some((sound, fault)) = refused.filter(|(sound, _)| sound.id == first) {
                    answer = Some(Ingest::Refused(fault));
                    back = Some(sound);
                }
            }
            if self.rebuilding {
                break;
            }
            queue.extend(self.seal_ready());
            self.list_sealed();
            if queue.is_empty() {
                break;
            }
        }
        self.end_path();
        if !self.rebuilding && self.must_reorder() {
            self.rebuild();
        }
        (answer.unwrap_or(Ingest::Accepted(accepted)), back)
    }

    fn accept(&mut self, sound: Sound, key: PublicKey, totals: Totals) -> Vec<Sound> {
        let id = sound.id;
        let chain = sound.chain();
        let fork = self.chains.get(&chain).and_then(Chain::fork);
        let mut freed = self.waiting.take(Missing::Delta(id));
        self.path.remove(&id);
        self.index.insert(chain, &sound);
        let mut vouched = None;
        match &sound.payload {
            Payload::Vouch(vouch) => {
                freed.extend(self.waiting.take(Missing::Vouch(vouch.join)));
                vouched = Some(MemberId::from(vouch.join));
            }
            Payload::Checkpoint(checkpoint) => self.note_vote(chain, id, checkpoint),
            _ => {}
        }
        self.stored_bytes += sound.size_bytes();
        let seq = sound.header().seq;
        self.entries.insert(id, Box::new(Entry::new(sound, key, totals)));
        self.extend_chain(chain, (seq, id));
        self.note_opened(chain, (seq, id), fork);
        self.list_delta(chain, fork.is_some());
        vouched.into_iter().for_each(|member| self.list(member));
        freed
    }

    /// Starts again from the same deltas: two final checkpoints of one epoch were found and the one
    /// with the smaller id was not the one sealed. Epoch by epoch, so that both are here before one is
    /// chosen.
    fn rebuild(&mut self) {
        let mut all: Vec<Sound> = std::mem::take(&mut self.entries)
            .into_values()
            .map(|entry| entry.into_sound())
            .collect();
        all.extend(std::mem::take(&mut self.waiting).into_all());
        all.sort_by_key(|sound| (sound.header().epoch, sound.header().depth, sound.id));
        let genesis = Sealed::genesis(self.federation, &self.founders);
        self.chains.clear();
        self.index = Index::default();
        self.items = Items::default();
        self.sealed = vec![genesis];
        self.opened.begin();
        self.candidates.clear();
        self.contested.clear();
        self.beside.clear();
        self.problems.clear();
        self.path.clear();
        self.stored_bytes = 0;
        self.rebuilding = true;
        let mut all = all.into_iter().peekable();
        while let Some(sound) = all.next() {
            let epoch = sound.header().epoch;
            self.ingest(sound);
            if all.peek().is_none_or(|next| next.header().epoch > epoch) {
                let freed = self.seal_ready();
                self.list_sealed();
                for sound in freed {
                    self.ingest(sound);
                }
            }
        }
        self.rebuilding = false;
    }

    /// The delta as it travels.
    #[must_use]
    pub fn delta(&self, id: &DeltaId) -> Option<&Delta> {
        self.get(id).map(|entry| &entry.delta)
    }
}
