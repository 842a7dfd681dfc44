//! How far a revision is from where its skill began.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::RevisionId;

/// Fewest rewrites between `head` and a revision without known parents; none when every path runs in a
/// circle, which honest parents cannot.
#[must_use]
pub fn lineage_distance(
    head: RevisionId,
    parents: &BTreeMap<RevisionId, Vec<RevisionId>>,
) -> Option<u32> {
    let mut seen = BTreeSet::from([head]);
    let mut level = vec![head];
    let mut distance = 0;
    while !level.is_empty() {
        let mut next = Vec::new();
        for revision in level {
            match parents.get(&revision) {
                None => return Some(distance),
                Some(above) if above.is_empty() => return Some(distance),
                Some(above) => next.extend(above.iter().copied().filter(|p| seen.insert(*p))),
            }
        }
        level = next;
        distance += 1;
    }
    None
}
