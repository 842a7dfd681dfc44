//! Votes with discrete Laplace noise, under removal of a user and under replacement of a personal
//! node's one vote.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::{MakeNoise, ZExpFamily};
use opendp::measures::MaxDivergence;
use opendp::metrics::L1Distance;

use super::statistics::certified_epsilon;
use super::{Certified, Observer};
use crate::PrivacyError;

type Votes =
    Measurement<VectorDomain<AtomDomain<IBig>>, L1Distance<RBig>, MaxDivergence, Vec<IBig>>;

/// Runs in one invocation.
const BATCH: u64 = 5_000;

fn votes(scale_micros: u64) -> Result<Votes, PrivacyError> {
    let scale = RBig::from_parts(IBig::from(scale_micros), UBig::from(1_000_000_u32));
    let domain = VectorDomain::new(AtomDomain::<IBig>::default());
    ZExpFamily::<1> { scale }.make_noise((domain, L1Distance::default())).map_err(noise)
}

fn noise(error: opendp::error::Error) -> PrivacyError {
    PrivacyError::Noise(error.to_string())
}

/// Epsilon that opendp's map charges when one unit moves the vector by `l1`.
pub(crate) fn epsilon(scale_micros: u64, l1: u32) -> Result<f64, PrivacyError> {
    votes(scale_micros)?.map(&RBig::from(l1)).map_err(noise)
}

/// Adds discrete Laplace noise to every count.
pub(crate) fn add(cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
    let cells: Vec<IBig> = cells.iter().map(|cell| IBig::from(*cell)).collect();
    let noisy = votes(scale_micros)?.invoke(&cells).map_err(noise)?;
    noisy
        .into_iter()
        .map(|count| i64::try_from(count).map_err(|error| PrivacyError::Noise(error.to_string())))
        .collect()
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
