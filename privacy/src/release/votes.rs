//! Vote release: for which candidate of a public ballot each unit's own sessions speak.
//!
//! Nodes never vote from pooled data: a unit's vote is a function of its own sessions of the window, the
//! ballot and the local secret. It casts one vote over the whole ballot, so that removing it changes one
//! count by one (`l1 = l2 = 1`), and replacing a person, whose participation is public, may move the
//! vote from one candidate to another (`l1 = 2`, `l2 = sqrt(2)`).

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{ItemId, MAX_BALLOT, Mechanism, Payload, VoteEntry, Votes, Window};

use super::{Law, check, check_unit, within};
use crate::{LocalSecret, NoiseSource, PrivacyError, Private, Released, UnitId};

/// The candidates that one session speaks for.
#[derive(Clone)]
pub struct VoteContribution {
    /// Whose session.
    pub unit: UnitId,
    /// When it started, in seconds since the Unix epoch.
    pub start_seconds: u64,
    /// What it speaks for: judged from this session and public data alone.
    pub supports: BTreeSet<ItemId>,
}

/// Public parameters of a vote release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VotesSpec {
    /// The scheduled release.
    pub release: Hash,
    /// Noise, Gaussian or Laplace, on one vote a unit.
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
/// When parameters disagree, a unit is of the wrong kind, or randomness fails.
pub fn release_votes<N: NoiseSource>(
    spec: &VotesSpec,
    contributions: &Private<Vec<VoteContribution>>,
    secret: &LocalSecret,
    noise: &mut N,
) -> Result<Released<Payload, N>, PrivacyError> {
    check(&spec.mechanism, spec.window, Law::Any)?;
    let bad = |what, why: &str| PrivacyError::Parameter { what, why: why.into() };
    if spec.mechanism.l0 != spec.mechanism.unit.cells_changed() || spec.mechanism.linf != 1 {
        return Err(bad("l0", "a unit casts one vote on the whole ballot"));
    }
    if spec.ballot.len() > MAX_BALLOT {
        return Err(bad("ballot", "is longer than a ballot can be"));
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
    for item in bound(spec, contributions, secret)?.into_values() {
        if let Some(count) = counts.get_mut(&item) {
            *count += 1;
        }
    }
    Ok(counts)
}

/// Each unit's one vote: the candidate that most of its own sessions of the window speak for; of equals
/// the one with the least keyed draw.
pub(super) fn bound(
    spec: &VotesSpec,
    contributions: &[VoteContribution],
    secret: &LocalSecret,
) -> Result<BTreeMap<UnitId, ItemId>, PrivacyError> {
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
    let best = |unit: &UnitId, items: BTreeMap<ItemId, u64>| {
        let draw = |item: &ItemId| {
            let parts: [&[u8]; 2] = [spec.release.as_bytes(), &codec::encode(item)];
            secret.draw("draw/votes", unit, &parts)
        };
        let ranked =
            items.into_iter().map(|(item, count)| (std::cmp::Reverse(count), draw(&item), item));
        ranked.min().map(|(_, _, item)| item)
    };
    Ok(sessions.into_iter().filter_map(|(unit, items)| Some((unit, best(&unit, items)?))).collect())
}
