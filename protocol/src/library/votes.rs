//! The ballot, and what the votes on it come to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{bounded, hold};
use super::item::{Library, Skill};
use crate::codec::{Decode, Encode};
use crate::ids::{Hash, LessonId, MemberId};
use crate::payload::{ItemId, MAX_BALLOT, Mechanism, RevokeTarget, Votes, WEIGHT};

const MICRO: i128 = 1_000_000;
/// Numerator of a voice's precision: a millionth of a variance still has 12 digits of it.
const PRECISION: u128 = 1_000_000_000_000_000_000;
/// One-sided 95 %, in millionths.
const SURE_MICRO: i128 = 1_644_854;
/// Deviations of its noise above which a candidate of the codebook is elected: noise alone elects one of 256
/// candidates in some 13,000 states of a library.
const ELECTED_DEVIATIONS: i128 = 5;

/// Noisy votes of one author for one candidate, summed over its releases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tally {
    /// Noisy votes, in units of weight: [`WEIGHT`] is the one vote of a unit that speaks for nothing else.
    pub votes: i64,
    /// Variance of the noise in them, in millionths of a whole vote squared, as declared.
    pub variance_micros: u64,
}

impl Tally {
    /// Returns true when there are more votes than three deviations of the noise: of a thousand voices that
    /// did not vote, noise makes about one look so.
    fn is_sure(&self) -> bool {
        let votes = u128::from(self.votes.max(0).unsigned_abs());
        let weight = u128::from(WEIGHT);
        votes * votes > 9 * u128::from(self.variance_micros) * weight * weight / 1_000_000
    }

    /// The votes within `[-3 sigma, cap + 3 sigma]` whole votes, in units of weight.
    fn held(&self, cap: u32) -> i64 {
        // The root of millionths is thousandths.
        let sigma = self.variance_micros.isqrt().saturating_mul(u64::from(WEIGHT) / 1_000);
        hold(self.votes, sigma, i64::from(cap) * i64::from(WEIGHT))
    }
}

/// Votes for a candidate, pooled over voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct VoteEstimate {
    /// Estimated votes of all voices, in millionths; can be negative by noise.
    pub votes_micros: i64,
    /// Variance of the noise in the estimate, in 1e-6 of a vote squared.
    pub variance_micros: u64,
    /// Distinct voices that voted on it.
    pub voices: u32,
}

impl VoteEstimate {
    /// Votes that are there with one-sided 95 % confidence, in millionths; 0 when noise explains them.
    #[must_use]
    pub fn sure_micros(&self) -> u64 {
        // Root of millionths squared times a million: the deviation in millionths.
        let deviation = (u128::from(self.variance_micros) * 1_000_000).isqrt();
        let deviation = i128::try_from(deviation).unwrap_or(i128::MAX / SURE_MICRO);
        let sure = i128::from(self.votes_micros) - SURE_MICRO * deviation / MICRO;
        u64::try_from(sure.max(0)).unwrap_or(u64::MAX)
    }

    /// Returns true when the votes are more than five deviations of the noise in them.
    pub(super) fn is_elected(&self) -> bool {
        let votes = i128::from(self.votes_micros.max(0));
        let deviations = ELECTED_DEVIATIONS * ELECTED_DEVIATIONS;
        votes * votes > deviations * i128::from(self.variance_micros) * MICRO
    }
}

/// Pools the tallies of several voices: the mean weighted by inverse variance, times the number of
/// voices. With equal noise that is the sum. A voice that declares more noise than others counts
/// for less, so that nobody can drown the rest in noise; one that declares less than it draws is bounded
/// by the charter's least noise and by `cap`.
#[must_use]
pub fn pool<'a>(tallies: impl IntoIterator<Item = &'a Tally>, cap: u32) -> Option<VoteEstimate> {
    let (mut precisions, mut sum, mut voices) = (0_u128, 0_i128, 0_u32);
    for tally in tallies {
        let votes = tally.held(cap);
        let precision = (PRECISION / u128::from(tally.variance_micros.max(1))).max(1);
        precisions = precisions.saturating_add(precision);
        sum = sum.saturating_add(i128::try_from(precision).ok()?.checked_mul(i128::from(votes))?);
        voices = voices.saturating_add(1);
    }
    if precisions == 0 {
        return None;
    }
    let total = sum.checked_mul(MICRO)?.checked_mul(i128::from(voices))?;
    let whole = i128::try_from(precisions).ok()?.checked_mul(i128::from(WEIGHT))?;
    let votes = total.div_euclid(whole);
    let variance = PRECISION.checked_mul(u128::from(voices).pow(2))? / precisions;
    Some(VoteEstimate {
        votes_micros: i64::try_from(votes).ok()?,
        variance_micros: u64::try_from(variance).unwrap_or(u64::MAX),
        voices,
    })
}

/// The tally of one voice: its members' votes, each held within the cap.
fn sum<'a>(members: impl IntoIterator<Item = &'a Tally>, cap: u32) -> Tally {
    members.into_iter().fold(Tally::default(), |sum, tally| Tally {
        votes: sum.votes.saturating_add(tally.held(cap)),
        variance_micros: sum.variance_micros.saturating_add(tally.variance_micros),
    })
}

/// Variance of the noise on one candidate, in millionths of a whole vote squared.
fn variance_micros(mechanism: &Mechanism) -> u64 {
    let deviation = u128::from(mechanism.deviation_micros());
    let weight = u128::from(WEIGHT);
    let variance = deviation.saturating_mul(deviation) / (weight * weight) / 1_000_000;
    u64::try_from(variance).unwrap_or(u64::MAX)
}

impl Library {
    /// Candidates that units vote on at this state: the revisions of every skill that has rivals, all
    /// lessons, and the codebook's candidates; nothing revoked. Sorted. A function of the state alone.
    ///
    /// Of more than [`MAX_BALLOT`], every skill's best come first, then its second best, and so on, and so do the
    /// best candidates of every program; in one place the order is a hash of this state and the item, which nobody
    /// can aim at.
    #[must_use]
    pub fn ballot(&self) -> Vec<ItemId> {
        let mut places: BTreeMap<ItemId, usize> = BTreeMap::new();
        for (id, skill) in &self.skills {
            let lessons =
                self.lessons_of(*id).into_iter().map(|(lesson, _)| ItemId::Lesson(lesson));
            for (place, item) in self.rivals(skill).into_iter().chain(lessons).enumerate() {
                let best = places.entry(item).or_insert(place);
                *best = place.min(*best);
            }
        }
        for candidates in self.candidates_by_program().values() {
            places.extend(candidates.iter().enumerate().map(|(place, item)| (*item, place)));
        }
        let mut ballot: Vec<ItemId> = places.keys().copied().collect();
        if ballot.len() > MAX_BALLOT {
            let root = self.root();
            ballot.sort_by_cached_key(|item| {
                let bytes = crate::codec::encode(item);
                let draw = Hash::derive("commonlore/ballot/v1", &[root.as_bytes(), &bytes]);
                (places.get(item).copied(), draw)
            });
            ballot.truncate(MAX_BALLOT);
            ballot.sort_unstable();
        }
        ballot
    }

    /// The codebook's candidates by the program that they are about, those of most votes first.
    fn candidates_by_program(&self) -> BTreeMap<&str, Vec<ItemId>> {
        let mut programs: BTreeMap<&str, Vec<ItemId>> = BTreeMap::new();
        let stands = |id: &LessonId| !self.is_revoked(RevokeTarget::Lesson(*id));
        for (id, lesson) in self.candidates.iter().filter(|(id, _)| stands(id)) {
            let program = lesson.trigger().tool.as_str().split(' ').next().unwrap_or_default();
            programs.entry(program).or_default().push(ItemId::Lesson(*id));
        }
        for candidates in programs.values_mut() {
            candidates.sort_by_key(|item| (Reverse(self.sure_votes(*item)), *item));
        }
        programs
    }

    /// Revisions of a skill that compete: heads first. None where there is only one.
    fn rivals(&self, skill: &Skill) -> Vec<ItemId> {
        let stands = |id: &&crate::ids::RevisionId| !self.is_revoked(RevokeTarget::Revision(**id));
        let heads: BTreeSet<_> = skill.heads.values().collect();
        let mut usable: Vec<_> = skill.revisions.keys().filter(stands).collect();
        usable.sort_by_key(|id| (!heads.contains(id), **id));
        if usable.len() < 2 {
            return Vec::new();
        }
        usable.into_iter().map(|id| ItemId::Revision(*id)).collect()
    }

    /// Votes for a candidate over all voices.
    #[must_use]
    pub fn votes(&self, item: ItemId) -> Option<VoteEstimate> {
        self.votes.get(&item).copied()
    }

    /// Votes that noise does not explain, in millionths: what orders candidates that are equal
    /// otherwise.
    pub(super) fn sure_votes(&self, item: ItemId) -> u64 {
        self.votes.get(&item).map_or(0, VoteEstimate::sure_micros)
    }

    pub(super) fn add_votes(
        &mut self,
        author: MemberId,
        votes: &Votes,
        counts: impl Fn(ItemId) -> bool,
    ) {
        let variance = variance_micros(&votes.mechanism);
        for entry in votes.votes.iter().filter(|entry| counts(entry.item)) {
            let tally = self.tallies.or_default(entry.item).entry(author).or_default();
            tally.votes = tally.votes.saturating_add(bounded(entry.votes));
            tally.variance_micros = tally.variance_micros.saturating_add(variance);
        }
    }

    /// Pools the votes for one item again.
    pub(super) fn pool_votes_for(&mut self, item: ItemId, cap: u32) {
        let nobody = BTreeMap::new();
        let voices = self.by_voice(self.tallies.get(&item).unwrap_or(&nobody)).into_iter();
        let tallies: Vec<(MemberId, Tally)> =
            voices.map(|(voice, members)| (voice, sum(members, cap))).collect();
        match pool(tallies.iter().map(|(_, tally)| tally), cap) {
            Some(pooled) => self.votes.insert(item, pooled),
            None => self.votes.remove(&item),
        };
        let ItemId::Lesson(lesson) = item else { return };
        let sure = tallies.iter().filter(|(_, tally)| tally.is_sure());
        let sure: BTreeSet<MemberId> = sure.map(|(voice, _)| *voice).collect();
        if sure.is_empty() {
            self.sure_voters.remove(&lesson);
        } else {
            self.sure_voters.insert(lesson, sure);
        }
    }
}
