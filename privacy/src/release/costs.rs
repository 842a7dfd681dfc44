//! Cost release: noisy sums of what sessions cost, over the same public list as outcomes.
//!
//! A unit adds at most c = 1 session's costs for each of at most L0 items, each of m kinds clamped to
//! `0..=B` before it is added: it changes at most `L0 * m` sums by at most B each, so that
//! `l2 = B * c * sqrt(L0 * m)`. Replacing a person changes at most twice as many.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{CostCell, Costs, ItemId, Mechanism, Payload, Window};

use super::{Law, check, check_unit, within};
use crate::{LocalSecret, NoiseSource, PrivacyError, Private, Released, UnitId};

/// Cost of a session that used an item.
#[derive(Clone)]
pub struct CostContribution {
    /// Unit of the session.
    pub unit: UnitId,
    /// The item that the session used.
    pub item: ItemId,
    /// Index into the charter's contexts.
    pub context: u16,
    /// One amount for each kind, in its unit, not clamped.
    pub amounts: Vec<u64>,
    /// Start of the session, in seconds since the Unix epoch.
    pub start_seconds: u64,
}

/// Public parameters of a cost release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostsSpec {
    /// The scheduled release.
    pub release: Hash,
    /// Noise and bounds: `l0` counts sums, `linf` is the most that one session adds to a sum.
    pub mechanism: Mechanism,
    /// Sessions that may feed it.
    pub window: Window,
    /// State root of the checkpoint whose active items are listed.
    pub items_root: Hash,
    /// All items active there with their contexts, used here or not.
    pub cells: BTreeSet<(ItemId, u16)>,
    /// Kinds of cost.
    pub kinds: u16,
}

impl CostsSpec {
    /// Hash of the parameters, for the reservation.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let cells: Vec<(ItemId, u16)> = self.cells.iter().copied().collect();
        let fixed = (self.release, self.mechanism, self.window, self.items_root, self.kinds);
        Hash::derive("commonlore/costs-spec/v1", &[&codec::encode(&fixed), &codec::encode(&cells)])
    }

    /// Items of one unit.
    fn items(&self) -> Result<usize, PrivacyError> {
        let filled = self.kinds.saturating_mul(self.mechanism.unit.cells_changed());
        if filled == 0 || !self.mechanism.l0.is_multiple_of(filled) {
            return Err(PrivacyError::Parameter {
                what: "l0",
                why: "counts every kind of cost of an item".into(),
            });
        }
        Ok(usize::from(self.mechanism.l0 / filled))
    }
}

/// Makes a cost release: sums with integer Gaussian noise, never clamped after it. Its length depends on
/// the public list alone.
///
/// # Errors
/// Fails when parameters disagree, a unit is of the wrong kind, or randomness fails.
pub fn release_costs<N: NoiseSource>(
    spec: &CostsSpec,
    contributions: &Private<Vec<CostContribution>>,
    secret: &LocalSecret,
    noise: &mut N,
) -> Result<Released<Payload, N>, PrivacyError> {
    check(&spec.mechanism, spec.window, Law::Gaussian)?;
    let sums = sums(spec, contributions.get(), secret)?;
    let flat: Vec<i64> = sums.values().flatten().copied().collect();
    let noisy = noise.add(&flat, spec.mechanism.scale_micros)?;
    let cells = sums
        .into_keys()
        .zip(noisy.chunks_exact(usize::from(spec.kinds)))
        .map(|((item, context), sums)| CostCell { item, context, sums: sums.to_vec() })
        .collect();
    let payload = Payload::Costs(Costs {
        mechanism: spec.mechanism,
        window: spec.window,
        items_root: spec.items_root,
        cells,
    });
    Ok(Released::by_mechanism(payload))
}

/// Sums without noise, for every cell.
pub(super) fn sums(
    spec: &CostsSpec,
    contributions: &[CostContribution],
    secret: &LocalSecret,
) -> Result<BTreeMap<(ItemId, u16), Vec<i64>>, PrivacyError> {
    let kinds = usize::from(spec.kinds);
    let mut sums: BTreeMap<(ItemId, u16), Vec<i64>> =
        spec.cells.iter().map(|cell| (*cell, vec![0; kinds])).collect();
    for (cell, amounts) in bound(spec, contributions, secret)?.into_values().flatten() {
        if let Some(sums) = sums.get_mut(&cell) {
            for (sum, amount) in sums.iter_mut().zip(amounts) {
                *sum += amount;
            }
        }
    }
    Ok(sums)
}

/// A cell of the list with clamped amounts, one for each kind.
pub(super) type Amounts = ((ItemId, u16), Vec<i64>);

/// Contribution of each unit: at most the mechanism's items, one session for each, clamped; chosen by draws
/// that depend on the unit's own records alone.
pub(super) fn bound(
    spec: &CostsSpec,
    contributions: &[CostContribution],
    secret: &LocalSecret,
) -> Result<BTreeMap<UnitId, Vec<Amounts>>, PrivacyError> {
    let most = spec.items()?;
    let release = spec.release.as_bytes();
    let mut sessions: BTreeMap<(UnitId, ItemId), ([u8; 32], Amounts)> = BTreeMap::new();
    for one in contributions {
        check_unit(&one.unit, &spec.mechanism)?;
        let cell = (one.item, one.context);
        if !within(spec.window, one.start_seconds) || !spec.cells.contains(&cell) {
            continue;
        }
        let bound = u64::from(spec.mechanism.linf);
        // A kind that the session did not measure adds nothing; one too many is left out.
        let amounts = (0..usize::from(spec.kinds))
            .map(|kind| one.amounts.get(kind).map_or(0, |amount| (*amount).min(bound)))
            .map(|amount| i64::try_from(amount).unwrap_or(0))
            .collect();
        let start = one.start_seconds.to_le_bytes();
        let record = codec::encode(&(one.item, one.context, one.amounts.clone()));
        let parts: [&[u8]; 3] = [release, &start, &record];
        let draw = secret.draw("draw/costs/session", &one.unit, &parts);
        match sessions.get(&(one.unit, one.item)) {
            Some((least, _)) if *least <= draw => {}
            _ => {
                sessions.insert((one.unit, one.item), (draw, (cell, amounts)));
            }
        }
    }
    let mut items: BTreeMap<UnitId, BTreeMap<[u8; 32], Amounts>> = BTreeMap::new();
    for ((unit, item), (_, amounts)) in sessions {
        let parts: [&[u8]; 2] = [release, &codec::encode(&item)];
        let draw = secret.draw("draw/costs/item", &unit, &parts);
        items.entry(unit).or_default().insert(draw, amounts);
    }
    Ok(items
        .into_iter()
        .map(|(unit, amounts)| (unit, amounts.into_values().take(most).collect()))
        .collect())
}
