//! Outcome release: noisy counts of success and failure for every item of a public list.
//!
//! A unit adds one session (c = 1) for each of at most L0 items, and a session fills one cell: removing
//! the unit changes at most L0 counts by one each, `l2 = sqrt(L0)`; replacing a person at most 2 L0,
//! `l2 = sqrt(2 L0)`.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{Cell, ItemId, Mechanism, Outcomes, Payload, Window};

use super::{Law, check, check_ones, check_unit, within};
use crate::{LocalSecret, NoiseSource, PrivacyError, Private, Released, UnitId};

/// Outcome of a session that used an item.
#[derive(Clone)]
pub struct OutcomeContribution {
    /// Unit of the session.
    pub unit: UnitId,
    /// The item that the session used.
    pub item: ItemId,
    /// Index into the charter's contexts.
    pub context: u16,
    /// True when the task was done.
    pub success: bool,
    /// Start of the session, in seconds since the Unix epoch.
    pub start_seconds: u64,
}

/// Public parameters of an outcome release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomesSpec {
    /// The scheduled release.
    pub release: Hash,
    /// Noise and bounds: `l0` counts change by one each.
    pub mechanism: Mechanism,
    /// Sessions that may feed it.
    pub window: Window,
    /// State root of the checkpoint whose active items are listed.
    pub items_root: Hash,
    /// All items active there with their contexts, used here or not.
    pub cells: BTreeSet<(ItemId, u16)>,
}

impl OutcomesSpec {
    /// Hash of the parameters, for the reservation.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let cells: Vec<(ItemId, u16)> = self.cells.iter().copied().collect();
        let fixed = (self.release, self.mechanism, self.window, self.items_root);
        Hash::derive(
            "commonlore/outcomes-spec/v1",
            &[&codec::encode(&fixed), &codec::encode(&cells)],
        )
    }
}

/// Makes an outcome release: one-hot counts with integer Gaussian noise, never clamped, so that sums
/// over nodes stay unbiased.
///
/// # Errors
/// Fails when parameters disagree, a unit is of the wrong kind, or randomness fails.
pub fn release_outcomes<N: NoiseSource>(
    spec: &OutcomesSpec,
    contributions: &Private<Vec<OutcomeContribution>>,
    secret: &LocalSecret,
    noise: &mut N,
) -> Result<Released<Payload, N>, PrivacyError> {
    check(&spec.mechanism, spec.window, Law::Gaussian)?;
    check_ones(&spec.mechanism)?;
    let counts = counts(spec, contributions.get(), secret)?;
    let flat: Vec<i64> = counts.values().flat_map(|(s, f)| [*s, *f]).collect();
    let noisy = noise.add(&flat, spec.mechanism.scale_micros)?;
    let cells = counts
        .into_keys()
        .zip(noisy.chunks_exact(2))
        .map(|((item, context), pair)| Cell {
            item,
            context,
            successes: pair[0],
            failures: pair[1],
        })
        .collect();
    let payload = Payload::Outcomes(Outcomes {
        mechanism: spec.mechanism,
        window: spec.window,
        items_root: spec.items_root,
        cells,
    });
    Ok(Released::by_mechanism(payload))
}

/// Successes and failures by cell.
pub(super) type Counts = BTreeMap<(ItemId, u16), (i64, i64)>;

/// Counts without noise, for every cell.
pub(super) fn counts(
    spec: &OutcomesSpec,
    contributions: &[OutcomeContribution],
    secret: &LocalSecret,
) -> Result<Counts, PrivacyError> {
    let mut counts: Counts = spec.cells.iter().map(|cell| (*cell, (0, 0))).collect();
    for vote in bound(spec, contributions, secret)?.values().flatten() {
        if let Some((successes, failures)) = counts.get_mut(&(vote.item, vote.context)) {
            *if vote.success { successes } else { failures } += 1;
        }
    }
    Ok(counts)
}

/// One session's result for one item, as a unit's contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Vote {
    pub(super) item: ItemId,
    pub(super) context: u16,
    pub(super) success: bool,
}

/// Contribution of each unit: at most `l0` items of the list, one session for each, chosen by draws
/// that depend on the unit's own records alone.
pub(super) fn bound(
    spec: &OutcomesSpec,
    contributions: &[OutcomeContribution],
    secret: &LocalSecret,
) -> Result<BTreeMap<UnitId, Vec<Vote>>, PrivacyError> {
    let mut sessions: BTreeMap<(UnitId, ItemId), ([u8; 32], Vote)> = BTreeMap::new();
    for contribution in contributions {
        check_unit(&contribution.unit, &spec.mechanism)?;
        let cell = (contribution.item, contribution.context);
        if !within(spec.window, contribution.start_seconds) || !spec.cells.contains(&cell) {
            continue;
        }
        let vote = Vote {
            item: contribution.item,
            context: contribution.context,
            success: contribution.success,
        };
        let record = codec::encode(&(vote.item, vote.context, vote.success));
        let start = contribution.start_seconds.to_le_bytes();
        let release = spec.release.as_bytes();
        let parts: [&[u8]; 3] = [release, &start, &record];
        let draw = secret.draw("draw/outcomes/session", &contribution.unit, &parts);
        match sessions.get(&(contribution.unit, contribution.item)) {
            Some((least, _)) if *least <= draw => {}
            _ => {
                sessions.insert((contribution.unit, contribution.item), (draw, vote));
            }
        }
    }
    let mut items: BTreeMap<UnitId, BTreeMap<[u8; 32], Vote>> = BTreeMap::new();
    for ((unit, item), (_, vote)) in sessions {
        let parts: [&[u8]; 2] = [spec.release.as_bytes(), &codec::encode(&item)];
        let draw = secret.draw("draw/outcomes/item", &unit, &parts);
        items.entry(unit).or_default().insert(draw, vote);
    }
    // Replacing a person empties as many cells as it fills: half of what changes is filled.
    let most = usize::from(spec.mechanism.l0 / spec.mechanism.unit.cells_changed());
    Ok(items
        .into_iter()
        .map(|(unit, votes)| (unit, votes.into_values().take(most).collect()))
        .collect())
}
