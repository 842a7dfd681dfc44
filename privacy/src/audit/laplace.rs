//! Votes with discrete Laplace noise, under removal of a user and under replacement of a personal
//! node's one vote.

use super::statistics::certified_epsilon;
use super::{Certified, Observer};
use crate::{PrivacyError, mechanism};

/// Runs in one invocation.
const BATCH: u64 = 5_000;

/// Epsilon that is charged when one unit moves the vector by `l1`: what is recorded is half its square.
pub(crate) fn epsilon(scale_micros: u64, l1: u16) -> Result<f64, PrivacyError> {
    let rho = mechanism::laplace_cost(l1, 1, scale_micros)?.rho_nano as f64 / 1e9;
    Ok((2.0 * rho).sqrt())
}

/// A sampler of noisy counts: (counts, scale in millionths).
pub(crate) type Sampler = fn(&[i64], u64) -> Result<Vec<i64>, PrivacyError>;

/// Votes for two candidates: the victim's vote, then what stands in its place; all else is the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neighbours {
    pub(crate) with: [i64; 2],
    pub(crate) without: [i64; 2],
}

/// One user of many voted for the first candidate, or is not there.
pub(crate) const REMOVED: Neighbours = Neighbours { with: [1, 0], without: [0, 0] };
/// A personal node voted for the first candidate, or for the second.
pub(crate) const REPLACED: Neighbours = Neighbours { with: [1, 0], without: [0, 1] };

/// Tells the neighbours apart by the event that attains the bound: the first count up, and the second
/// not, where that one moves too.
pub(crate) fn attack(
    name: &'static str,
    sampler: Sampler,
    (scale_micros, claimed): (u64, f64),
    neighbours: Neighbours,
    runs: u64,
    observer: &mut dyn Observer,
) -> Result<Certified, PrivacyError> {
    let moved = neighbours.with[1] != neighbours.without[1];
    let mut count = |counts: [i64; 2]| -> Result<u64, PrivacyError> {
        let (mut hits, mut done) = (0, 0);
        while done < runs {
            let batch = BATCH.min(runs - done);
            let noisy = sampler(&counts.repeat(batch as usize), scale_micros)?;
            let hit = |pair: &&[i64]| pair[0] >= 1 && (!moved || pair[1] <= 0);
            hits += noisy.chunks_exact(2).filter(hit).count() as u64;
            done += batch;
            observer.progress(name, done, runs);
        }
        Ok(hits)
    };
    let (with, without) = (count(neighbours.with)?, count(neighbours.without)?);
    let certified = certified_epsilon((with, runs), (without, runs), 0.0);
    Ok(Certified { claimed, certified, samples: 2 * runs, epsilon: None })
}
