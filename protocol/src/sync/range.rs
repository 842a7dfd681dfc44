//! Ranges of items, as one side says them and the other compares them.
//!
//! Range-based set reconciliation (A. Meyer, "Range-Based Set Reconciliation", 2023): a range whose
//! fingerprints are equal is done, any other is split, until it is small enough to list. Fingerprints and
//! listed ids are short, and keyed with a salt that the asker draws for every round: an author cannot
//! choose ids that look alike, and two that do by chance are told apart in the next round.

use std::collections::BTreeSet;

use crate::codec::{Decode, Encode};
use crate::ids::Hash;
use crate::log::{Items, Place};

/// Parts that a range is split into.
pub const PARTS: usize = 16;
/// Most items of a range that are listed by the side that wants them.
pub const MOST_LISTED: usize = 32;
/// Most ranges in a question.
pub const MAX_RANGES: usize = 1_024;
/// Most ranges in an answer: every range of the question may be split.
pub const MAX_ANSWER_RANGES: usize = MAX_RANGES * (PARTS + 1);
/// Most bytes of short ids in a question.
pub const MAX_LISTED_BYTES: usize = 64 << 10;
/// Bytes of a short id.
const SHORT_BYTES: usize = 4;

/// End of a range: the smallest place that is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct End {
    /// Epoch of the place.
    pub epoch: u32,
    /// Depth of the place.
    pub depth: u32,
    /// First bytes of its id, at most 32; the others are zero.
    #[serde(serialize_with = "crate::ids::serialize_hex")]
    pub id: Vec<u8>,
}

/// A range of items. It begins where the one before it ends, the first one at the smallest place.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Range {
    /// Where it ends; none at the end of all items.
    pub end: Option<End>,
    /// Its items.
    pub part: Part,
}

/// What a side says of its items in a range.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Nothing.
    Skip,
    /// Their fingerprint: "do you have the same?"
    Print(u64),
    /// Short ids of all of them; in a question: "what else is there?"
    Have(#[serde(serialize_with = "crate::ids::serialize_hex")] Vec<u8>),
    /// Short ids that the asker lacks.
    Want(#[serde(serialize_with = "crate::ids::serialize_hex")] Vec<u8>),
}

impl End {
    /// The end before `next`, in as few bytes as tell it from `last`, the item before it.
    pub(super) fn between(last: &Place, next: &Place) -> Self {
        let alike = last.id.0.iter().zip(&next.id.0).take_while(|(a, b)| a == b).count();
        let same = (last.epoch, last.depth) == (next.epoch, next.depth);
        let bytes = if same { (alike + 1).min(32) } else { 0 };
        Self { epoch: next.epoch, depth: next.depth, id: next.id.0[..bytes].to_vec() }
    }

    /// The end at a place.
    pub(super) fn at(place: &Place) -> Self {
        let bytes = place.id.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Self { epoch: place.epoch, depth: place.depth, id: place.id.0[..bytes].to_vec() }
    }

    /// The place; none when the id is too long.
    pub(super) fn place(&self) -> Option<Place> {
        let mut id = Hash::ZERO;
        id.0.get_mut(..self.id.len())?.copy_from_slice(&self.id);
        Some(Place { epoch: self.epoch, depth: self.depth, id })
    }
}

/// Ranges with their places, as far as they are in order.
pub(super) fn placed(ranges: &[Range]) -> impl Iterator<Item = (Place, Option<Place>, &Part)> {
    let mut from = Some(Place::FIRST);
    ranges.iter().map_while(move |range| {
        let begin = from?;
        let end = match &range.end {
            Some(end) => Some(end.place().filter(|end| *end > begin)?),
            None => None,
        };
        from = end;
        Some((begin, end, &range.part))
    })
}

/// Returns true when a question is not larger than an honest asker's.
pub(super) fn are_bounded(ranges: &[Range]) -> bool {
    let bytes = |range: &Range| match &range.part {
        Part::Have(shorts) | Part::Want(shorts) => shorts.len(),
        Part::Skip | Part::Print(_) => 0,
    };
    ranges.len() <= MAX_RANGES && ranges.iter().map(bytes).sum::<usize>() <= MAX_LISTED_BYTES
}

/// Adds ranges in order, with what was left out between them.
#[derive(Default)]
pub(super) struct Ranges {
    pub(super) list: Vec<Range>,
    end: Option<Place>,
}

impl Ranges {
    /// Adds a range from a place on.
    pub(super) fn add(&mut self, from: &Place, end: Option<End>, part: Part) {
        if self.end.unwrap_or(Place::FIRST) < *from {
            self.list.push(Range { end: Some(End::at(from)), part: Part::Skip });
        }
        self.end = end.as_ref().and_then(End::place);
        self.list.push(Range { end, part });
    }
}

/// Keys of one round's fingerprints and short ids.
pub(super) struct Salt {
    prints: [u8; 32],
    shorts: [u8; 32],
}

impl Salt {
    pub(super) fn new(salt: &Hash) -> Self {
        Self {
            prints: blake3::derive_key("commonlore sync fingerprint v1", salt.as_bytes()),
            shorts: blake3::derive_key("commonlore sync short id v1", salt.as_bytes()),
        }
    }

    /// Fingerprint of items.
    pub(super) fn print(&self, places: impl Iterator<Item = Place>) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.prints);
        let mut buffer = Vec::with_capacity(64 * 32);
        for place in places {
            buffer.extend_from_slice(&place.id.0);
            if buffer.len() == buffer.capacity() {
                hasher.update(&buffer);
                buffer.clear();
            }
        }
        hasher.update(&buffer);
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }

    pub(super) fn short(&self, place: &Place) -> [u8; SHORT_BYTES] {
        let hash = blake3::keyed_hash(&self.shorts, &place.id.0);
        let [a, b, c, d, ..] = *hash.as_bytes();
        [a, b, c, d]
    }

    /// Short ids of items, one after the other.
    pub(super) fn shorts(&self, places: impl Iterator<Item = Place>) -> Vec<u8> {
        places.flat_map(|place| self.short(&place)).collect()
    }
}

/// Short ids that were written one after the other.
pub(super) fn listed(bytes: &[u8]) -> BTreeSet<[u8; SHORT_BYTES]> {
    bytes.as_chunks().0.iter().copied().collect()
}

/// Splits a range into parts of about as many items, with their fingerprints.
pub(super) fn split(
    items: &Items,
    salt: &Salt,
    (from, until): (Place, Option<Place>),
    count: usize,
    to: &mut Ranges,
) {
    let size = count.div_ceil(PARTS).max(1);
    let mut begin = from;
    let mut rest = items.range(from, until).peekable();
    while rest.peek().is_some() {
        let mut last = begin;
        let part = rest.by_ref().take(size).inspect(|place| last = *place);
        let print = salt.print(part);
        let (end, next) = match (rest.peek(), &until) {
            (Some(next), _) => {
                let end = End::between(&last, next);
                (Some(end.clone()), end.place())
            }
            (None, Some(until)) => (Some(End::at(until)), None),
            (None, None) => (None, None),
        };
        to.add(&begin, end, Part::Print(print));
        begin = next.unwrap_or(begin);
    }
}
