//! Audit of noise against its exact law.

use lore_protocol::payload::Noise;

use super::law::Law;
use super::{Certified, Observer};
use crate::PrivacyError;

/// Draws for each scale.
const DRAWS: usize = 100_000;

/// Function that draws noise on counts, at a scale in millionths.
pub(crate) type Draw<'a> = dyn FnMut(&[i64], u64) -> Result<Vec<i64>, PrivacyError> + 'a;

/// Worst fit over the scales, chi-square over its critical value and claimed to be at most 1: to the law
/// of the declared scale, and to that of a scale larger by `factor`.
pub(crate) fn fit(
    name: &'static str,
    draw: &mut Draw<'_>,
    noise: Noise,
    scale_micros: &[u64],
    factor: f64,
    observer: &mut dyn Observer,
) -> Result<(Certified, Certified), PrivacyError> {
    let mut worst = [0.0_f64; 2];
    for (index, micros) in scale_micros.iter().enumerate() {
        observer.progress(name, index as u64, scale_micros.len() as u64);
        let draws = draw(&vec![0; DRAWS], *micros)?;
        let scale = *micros as f64 / 1e6;
        for (worst, scale) in worst.iter_mut().zip([scale, scale * factor]) {
            let (statistic, critical) = Law { noise, scale }.chi_square(&draws);
            *worst = worst.max(statistic / critical);
        }
    }
    let samples = (scale_micros.len() * DRAWS) as u64;
    let found = |certified| Certified { claimed: 1.0, certified, samples, epsilon: None };
    Ok((found(worst[0]), found(worst[1])))
}
