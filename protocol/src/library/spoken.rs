//! Counts of one lesson by voice: how many trials they are, and how far from a known rate.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::drift::Trials;
use super::evidence::{Counts, Estimate, Pool, voice};
use crate::ids::MemberId;

const MICRO: i128 = 1_000_000;
/// Deviations that one voice counts for at most, in millionths.
const MOST_MICRO: i128 = 3_000_000;
/// Rates are held this far from 0 and 1 when deviations are computed, in millionths: one failure of a remedy that
/// always worked is no proof.
const LEAST_RATE_MICROS: i128 = 20_000;

/// Counts by voice, held within the cap.
pub(super) struct Spoken {
    pub(super) counts: BTreeMap<MemberId, Counts>,
}

impl Spoken {
    pub(super) fn of(
        cap: u32,
        voice_of: &impl Fn(MemberId) -> MemberId,
        authors: &BTreeMap<MemberId, Counts>,
    ) -> Self {
        let mut voices: BTreeMap<MemberId, Vec<&Counts>> = BTreeMap::new();
        for (author, counts) in authors {
            voices.entry(voice_of(*author)).or_default().push(counts);
        }
        let counts = voices.into_iter().map(|(id, members)| (id, voice(cap.into(), members)));
        Self { counts: counts.collect() }
    }

    pub(super) fn is(&self, voice: MemberId) -> bool {
        self.counts.contains_key(&voice)
    }

    pub(super) fn estimate(&self, cap: u32) -> Option<Estimate> {
        let mut pool = Pool::new(cap);
        self.counts.values().for_each(|counts| pool.add([counts]));
        pool.estimate()
    }

    /// Trials in the epoch: those of a middle voice times the number of voices; of two, the one with more, so
    /// that nobody silences a lesson alone.
    pub(super) fn trials(&self) -> Trials {
        let mut counts: Vec<&Counts> = self.counts.values().collect();
        counts.sort_by_key(|c| Reverse(c.successes.saturating_add(c.failures)));
        let kept = middle(&counts);
        let (all, middle) = (counts.len() as u64, kept.len().max(1) as u64);
        let mut trials = Trials { epochs: 1, ..Trials::default() };
        for counts in kept {
            trials.count =
                trials.count.saturating_add(counts.successes).saturating_add(counts.failures);
            let both = counts.variance_micros.saturating_mul(2);
            trials.variance_micros = trials.variance_micros.saturating_add(both);
        }
        let times = i64::try_from(all).unwrap_or(i64::MAX);
        trials.count = trials.count.saturating_mul(times) / i64::try_from(middle).unwrap_or(1);
        let variance = u128::from(trials.variance_micros) * u128::from(all * all);
        trials.variance_micros =
            u64::try_from(variance / u128::from(middle * middle)).unwrap_or(u64::MAX);
        trials
    }

    /// Deviation from a rate that is known with an error, in millionths: of a fall, or of a rise.
    pub(super) fn deviation(&self, rate: &Estimate, upward: bool) -> i128 {
        let p = i128::from(rate.rate_micros).clamp(LEAST_RATE_MICROS, MICRO - LEAST_RATE_MICROS);
        let q = MICRO - p;
        // Deviation of each voice, and the trials in it by standard deviation in thousandths: what an error
        // of the rate moves it by.
        let one = |counts: &Counts| {
            let (s, f) = (i128::from(counts.successes), i128::from(counts.failures));
            let trials = (s + f).max(0);
            let noise = i128::from(counts.variance_micros) * (p * p + q * q) / MICRO;
            let scale_micros = (trials * p * q + noise).isqrt().max(1);
            let fall = (f * p - s * q) * MICRO / scale_micros;
            let value = if upward { -fall } else { fall };
            let leverage = (trials * MICRO * 1_000 / scale_micros).min(MICRO * 1_000);
            (value.clamp(-MOST_MICRO, MOST_MICRO), leverage)
        };
        let mut voices: Vec<(i128, i128)> = self.counts.values().map(one).collect();
        voices.sort_unstable();
        let kept = middle(&voices);
        let sum: i128 = kept.iter().map(|(value, _)| value).sum();
        let leverage: i128 = kept.iter().map(|(_, leverage)| leverage).sum();
        let count = i128::try_from(kept.len()).unwrap_or(1).max(1);
        let variance = i128::from(rate.variance_pico).min(MICRO * MICRO);
        let error = leverage * leverage / count * variance / (MICRO * MICRO);
        sum * MICRO / (count * (MICRO + error) * MICRO).isqrt()
    }
}

/// The voices that count, of sorted ones: all but the first and the last; of two the first.
fn middle<T>(sorted: &[T]) -> &[T] {
    match sorted {
        [_, kept @ .., _] if !kept.is_empty() => kept,
        [first, _] => std::slice::from_ref(first),
        all => all,
    }
}

pub(super) fn add(sums: &mut BTreeMap<MemberId, Counts>, more: &BTreeMap<MemberId, Counts>) {
    for (author, more) in more {
        let sum = sums.entry(*author).or_default();
        sum.successes = sum.successes.saturating_add(more.successes);
        sum.failures = sum.failures.saturating_add(more.failures);
        sum.variance_micros = sum.variance_micros.saturating_add(more.variance_micros);
    }
}

/// Halves the counts of a voice until neither its successes nor its failures pass half of the cap: a rate is not
/// moved by the cap, and old counts fade.
pub(super) fn hold(
    sums: &mut BTreeMap<MemberId, Counts>,
    cap: u32,
    voice_of: &impl Fn(MemberId) -> MemberId,
) {
    let most = u128::from(cap / 2).max(1);
    let mut totals: BTreeMap<MemberId, [i128; 2]> = BTreeMap::new();
    for (author, counts) in sums.iter() {
        let [s, f] = totals.entry(voice_of(*author)).or_default();
        (*s, *f) = (*s + i128::from(counts.successes), *f + i128::from(counts.failures));
    }
    for (author, counts) in sums.iter_mut() {
        let [s, f] = totals.get(&voice_of(*author)).copied().unwrap_or_default();
        let mut largest = s.unsigned_abs().max(f.unsigned_abs());
        while largest > most {
            counts.successes /= 2;
            counts.failures /= 2;
            counts.variance_micros /= 4;
            largest /= 2;
        }
    }
}
