//! Whether noise follows its exact law.

use super::law::Law;
use super::{Certified, Observer};
use crate::PrivacyError;

/// Draws for each scale.
const DRAWS: usize = 100_000;

/// The worst fit over the scales: chi-square over its critical value, claimed to be at most 1.
pub(crate) fn fit(
    name: &'static str,
    draw: &mut dyn FnMut(&[i64], u64) -> Result<Vec<i64>, PrivacyError>,
    laws: &[Law],
    scale_micros: &[u64],
    observer: &mut dyn Observer,
) -> Result<Certified, PrivacyError> {
    let mut worst = 0.0_f64;
    for (index, (law, micros)) in laws.iter().zip(scale_micros).enumerate() {
        observer.progress(name, index as u64, laws.len() as u64);
        let draws = draw(&vec![0; DRAWS], *micros)?;
        let (statistic, critical) = law.chi_square(&draws);
        worst = worst.max(statistic / critical);
    }
    let samples = (laws.len() * DRAWS) as u64;
    Ok(Certified { claimed: 1.0, certified: worst, samples, epsilon: None })
}
