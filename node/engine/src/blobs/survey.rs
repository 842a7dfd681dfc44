//! The survey: which revisions' files this node needs, within each voice's share of the space.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lore_privacy::NoiseSource;
use lore_protocol::ids::{BlobId, FederationId, MemberId, PublicKey, RevisionId};
use lore_protocol::library::RevisionItem;

use super::fetch::Want;
use super::{MAX_ALL_BYTES, MAX_VOICE_BYTES};
use crate::shelf::is_readable;
use crate::{Engine, EngineError};

/// Least time between two surveys.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes that an empty file counts as: its place costs something too.
const LEAST_FILE_BYTES: u64 = 4 << 10;

/// A revision that its files may be fetched for.
struct Candidate<'a> {
    federation: FederationId,
    id: RevisionId,
    item: &'a RevisionItem,
    voice: MemberId,
    author: Option<PublicKey>,
    /// Own ones first, then those in use, then those that nothing of the same author replaces, then the newest.
    rank: (u8, bool, Reverse<u32>),
}

impl<N: NoiseSource> Engine<N> {
    /// Looks again which files are needed, when revisions or decisions changed; drops what is not, and asks for what
    /// is missing.
    pub(crate) fn tend_blobs(&mut self) -> Result<(), EngineError> {
        let now = self.clock.monotonic();
        let basis: Vec<_> = self
            .federations
            .iter()
            .filter(|(_, found)| found.revisions() > 0)
            .map(|(id, found)| (*id, found.revisions(), found.log().tip().id))
            .collect();
        let first = self.blobs.basis.is_none() && basis.is_empty() && self.blobs.held.is_empty();
        if !first && self.blobs.basis.as_ref() != Some(&basis) && now >= self.blobs.next_survey {
            self.survey()?;
            self.blobs.basis = Some(basis);
            self.blobs.next_survey = now + PAUSE;
        }
        self.fetch_blobs(now);
        Ok(())
    }

    fn survey(&mut self) -> Result<(), EngineError> {
        let mut needed: BTreeMap<BlobId, Want> = BTreeMap::new();
        let mut named: BTreeMap<FederationId, BTreeSet<BlobId>> = BTreeMap::new();
        let (mut all, mut voices) = (0_u64, BTreeMap::<MemberId, u64>::new());
        for one in self.candidates() {
            let cost = one.item.files.iter().map(|file| file.len.max(LEAST_FILE_BYTES));
            let cost: u64 = cost.sum();
            let share = voices.entry(one.voice).or_default();
            let spends = one.rank.0 > 1;
            if all + cost > MAX_ALL_BYTES || (spends && *share + cost > MAX_VOICE_BYTES) {
                continue;
            }
            all += cost;
            *share += if spends { cost } else { 0 };
            for file in &one.item.files {
                named.entry(one.federation).or_default().insert(file.blob);
                let want = Want::new(one.federation, file.len, one.author);
                needed.entry(file.blob).or_insert(want);
            }
        }
        let gone: Vec<BlobId> =
            self.blobs.held.keys().filter(|id| !needed.contains_key(id)).copied().collect();
        let held = &self.blobs.held;
        needed.retain(|id, _| !held.contains_key(id));
        for (id, want) in &mut needed {
            if let Some(known) = self.blobs.wanted.remove(id) {
                want.goes_on(&known);
            }
        }
        self.blobs.wanted = needed;
        self.blobs.named = named;
        self.drop_blobs(&gone)
    }

    /// Revisions that may be fetched, the most needed first.
    fn candidates(&self) -> Vec<Candidate<'_>> {
        let me = self.public_key();
        let wishes = &self.blobs.wishes;
        let mut found = Vec::new();
        for (federation, of) in self.federations.iter().filter(|(_, of)| of.revisions() > 0) {
            let (library, own) = (of.library(), of.member(&me));
            for skill in library.skills.values() {
                let replaced: BTreeSet<(MemberId, RevisionId)> = skill
                    .revisions
                    .values()
                    .filter_map(|item| Some((item.author?, &item.parents)))
                    .flat_map(|(author, parents)| parents.iter().map(move |id| (author, *id)))
                    .collect();
                for (id, item) in &skill.revisions {
                    let Some(author) = item.author else { continue };
                    let is_own = own.is_some_and(|own| item.is_by(own));
                    let is_kept = wishes.kept.contains(id);
                    if library.is_withdrawn(*id, item)
                        || (wishes.dropped.contains(id) && !is_own)
                        || !is_readable(item)
                    {
                        continue;
                    }
                    let first = match (is_own, is_kept) {
                        (true, _) => 0,
                        (_, true) => 1,
                        _ => 2,
                    };
                    let replaced = replaced.contains(&(author, *id));
                    found.push(Candidate {
                        federation: *federation,
                        id: *id,
                        item,
                        voice: library.voice(author),
                        author: of.log().key_now(author),
                        rank: (first, replaced, Reverse(item.epoch)),
                    });
                }
            }
        }
        found.sort_by_key(|one| (one.rank, one.federation, one.id));
        found
    }
}
