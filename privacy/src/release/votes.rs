//! Vote release: for which candidate of a public ballot each unit's own sessions speak.
//!
//! Nodes never vote from pooled data: a unit's votes are a function of its own sessions of the window, the
//! ballot and the local secret. It speaks for up to `l0` candidates and shares one weight among them, so that
//! removing it changes the counts by one Euclidean length, and replacing a person, whose participation is
//! public, by the root of two of them. Laplace noise is charged by the sum of changes: there a unit has one
//! vote of full weight.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{ItemId, MAX_BALLOT, Mechanism, Payload, VoteEntry, Votes, Window};

use super::{Law, check, check_unit, within};
use crate::mechanism::Bounds;
use crate::{LocalSecret, NoiseSource, PrivacyError, Private, Released, UnitId};

/// The candidates that one session speaks for.
#[derive(Clone)]
pub struct VoteContribution {
    /// Unit of the session.
    pub unit: UnitId,
    /// Start of the session, in seconds since the Unix epoch.
    pub start_seconds: u64,
    /// Items that it speaks for: judged from this session and public data alone.
    pub supports: BTreeSet<ItemId>,
}

/// Public parameters of a vote release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VotesSpec {
    /// The scheduled release.
    pub release: Hash,
    /// Noise, Gaussian or Laplace, and how many candidates a unit votes for.
    pub mechanism: Mechanism,
    /// Sessions that may feed it.
    pub window: Window,
    /// State root of the checkpoint whose ballot this is.
    pub items_root: Hash,
    /// All candidates, whether anybody here knows them or not.
    pub ballot: BTreeSet<ItemId>,
}

impl VotesSpec {
    /// Hash of the parameters, for the reservation.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let ballot: Vec<ItemId> = self.ballot.iter().copied().collect();
        let fixed = (self.release, self.mechanism, self.window, self.items_root);
        Hash::derive("commonlore/votes-spec/v1", &[&codec::encode(&fixed), &codec::encode(&ballot)])
    }
}

/// Makes a vote release: a noisy number of votes for every candidate, never clamped. Its length depends
/// on the ballot alone.
///
/// # Errors
/// Fails when parameters disagree, a unit is of the wrong kind, or randomness fails.
pub fn release_votes<N: NoiseSource>(
    spec: &VotesSpec,
    contributions: &Private<Vec<VoteContribution>>,
    secret: &LocalSecret,
    noise: &mut N,
) -> Result<Released<Payload, N>, PrivacyError> {
    check(&spec.mechanism, spec.window, Law::Any)?;
    if spec.ballot.len() > MAX_BALLOT {
        let why = "is longer than a ballot can be".into();
        return Err(PrivacyError::Parameter { what: "ballot", why });
    }
    let counts = counts(spec, contributions.get(), secret)?;
    let flat: Vec<i64> = counts.values().copied().collect();
    let noisy = noise.add_declared(&flat, &spec.mechanism)?;
    let votes =
        counts.into_keys().zip(noisy).map(|(item, votes)| VoteEntry { item, votes }).collect();
    let payload = Payload::Votes(Votes {
        mechanism: spec.mechanism,
        window: spec.window,
        items_root: spec.items_root,
        votes,
    });
    Ok(Released::by_mechanism(payload))
}

/// Votes without noise, for every candidate.
pub(super) fn counts(
    spec: &VotesSpec,
    contributions: &[VoteContribution],
    secret: &LocalSecret,
) -> Result<BTreeMap<ItemId, i64>, PrivacyError> {
    let mut counts: BTreeMap<ItemId, i64> = spec.ballot.iter().map(|item| (*item, 0)).collect();
    let unit = spec.mechanism.unit.cells_changed();
    for items in bound(spec, contributions, secret)?.into_values() {
        let votes = u16::try_from(items.len()).unwrap_or(u16::MAX);
        // The declared bounds are those of a unit and, where it is replaced, of its replacement.
        let each = Bounds::of(&spec.mechanism).each(votes.saturating_mul(unit));
        let each = i64::try_from(each).unwrap_or(i64::MAX);
        for item in items {
            if let Some(count) = counts.get_mut(&item) {
                *count = count.saturating_add(each);
            }
        }
    }
    Ok(counts)
}

/// The candidates that each unit votes for: those that most of its own sessions of the window speak for; of
/// equals those with the least keyed draw.
pub(super) fn bound(
    spec: &VotesSpec,
    contributions: &[VoteContribution],
    secret: &LocalSecret,
) -> Result<BTreeMap<UnitId, Vec<ItemId>>, PrivacyError> {
    let mut sessions: BTreeMap<UnitId, BTreeMap<ItemId, u64>> = BTreeMap::new();
    for contribution in contributions {
        check_unit(&contribution.unit, &spec.mechanism)?;
        if !within(spec.window, contribution.start_seconds) {
            continue;
        }
        for item in contribution.supports.intersection(&spec.ballot) {
            *sessions.entry(contribution.unit).or_default().entry(*item).or_default() += 1;
        }
    }
    let most = usize::from(spec.mechanism.l0 / spec.mechanism.unit.cells_changed());
    let best = |unit: &UnitId, items: BTreeMap<ItemId, u64>| {
        let draw = |item: &ItemId| {
            let parts: [&[u8]; 2] = [spec.release.as_bytes(), &codec::encode(item)];
            secret.draw("draw/votes", unit, &parts)
        };
        let mut ranked: Vec<(ItemId, u64)> = items.into_iter().collect();
        ranked.sort_by_cached_key(|(item, count)| (std::cmp::Reverse(*count), draw(item)));
        ranked.into_iter().take(most).map(|(item, _)| item).collect()
    };
    Ok(sessions.into_iter().map(|(unit, items)| (unit, best(&unit, items))).collect())
}
