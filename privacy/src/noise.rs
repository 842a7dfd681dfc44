//! Sources of noise: the system's randomness for what leaves, a seed for what is simulated.

use lore_protocol::ids::Hash;
use lore_protocol::payload::{Mechanism, Noise};

use crate::sampler::{Ratio, SeededBits};
use crate::seal::Sealed;
use crate::{PrivacyError, Released, mechanism};

/// Largest sigma that the seeded sampler draws, in millionths: its integers stay within 128 bits.
const MAX_SEEDED_SCALE_MICROS: u64 = 100_000_000_000_000;

/// A source of discrete Gaussian and Laplace noise. What is made with a source carries its type, all the way
/// from [`Released`] over the ledger to the signed bytes.
///
/// Closed: nobody else can make a source.
/// ```compile_fail,E0603
/// use lore_privacy::seal::Sealed;
/// struct Mine;
/// impl Sealed for Mine {}
/// ```
pub trait NoiseSource: Sealed {
    /// Hash that the first entry of a ledger names as the entry before it, so that a ledger of one source
    /// is none of another.
    #[doc(hidden)]
    fn genesis() -> Hash;

    /// A source for one release, which may draw on another thread.
    #[must_use]
    fn fork(&mut self) -> Self
    where
        Self: Sized;

    /// Adds Gaussian noise to every cell.
    ///
    /// # Errors
    /// Fails when the scale is impossible or randomness fails.
    fn add(&mut self, cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError>;

    /// Adds Laplace noise to every cell.
    ///
    /// # Errors
    /// Fails when the scale is impossible or randomness fails.
    fn add_laplace(&mut self, cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError>;

    /// Adds the noise that a mechanism declares to every cell.
    ///
    /// # Errors
    /// Fails when the scale is impossible or randomness fails.
    fn add_declared(
        &mut self,
        cells: &[i64],
        mechanism: &Mechanism,
    ) -> Result<Vec<i64>, PrivacyError> {
        match mechanism.noise {
            Noise::Gaussian => self.add(cells, mechanism.scale_micros),
            Noise::Laplace => self.add_laplace(cells, mechanism.scale_micros),
        }
    }

    /// Adds noise to every count and keeps (index, noisy count) where it reaches the threshold.
    ///
    /// # Errors
    /// Fails when the scale is impossible or randomness fails.
    fn keep_above(
        &mut self,
        counts: &[i64],
        scale_micros: u64,
        threshold: u32,
    ) -> Result<Vec<(usize, i64)>, PrivacyError>;
}

/// opendp's samplers with the operating system's randomness: the only noise that protects anybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SystemNoise;

impl Sealed for SystemNoise {}

impl NoiseSource for SystemNoise {
    fn genesis() -> Hash {
        Hash::ZERO
    }

    fn fork(&mut self) -> Self {
        Self
    }

    fn add(&mut self, cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
        mechanism::add_noise(cells, scale_micros)
    }

    fn add_laplace(&mut self, cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
        mechanism::add_laplace(cells, scale_micros)
    }

    fn keep_above(
        &mut self,
        counts: &[i64],
        scale_micros: u64,
        threshold: u32,
    ) -> Result<Vec<(usize, i64)>, PrivacyError> {
        mechanism::keep_above(counts, scale_micros, threshold)
    }
}

/// The same law from a seed, for simulations. Protects nobody.
#[derive(Debug)]
pub struct SeededNoise(SeededBits);

/// A result made with simulated noise. It is not private, and nothing turns it into an
/// [`Outgoing`](crate::Outgoing) of a node:
/// ```compile_fail,E0277
/// use lore_privacy::{Outgoing, Simulated};
/// use lore_protocol::payload::Payload;
/// fn publish(made: Simulated<Payload>) -> Outgoing {
///     made.into()
/// }
/// ```
/// while what the system's noise made can be:
/// ```
/// use lore_privacy::{Outgoing, Released};
/// use lore_protocol::payload::Payload;
/// fn publish(made: Released<Payload>) -> Outgoing {
///     made.into()
/// }
/// ```
/// Nor does a node's ledger commit it, or give it back as its own:
/// ```compile_fail,E0308
/// use lore_privacy::{Chain, Committed, Ledger, LedgerStore, Outgoing, PrivacyError, SeededNoise};
/// fn commit<S: LedgerStore>(
///     ledger: &mut Ledger<S>,
///     chain: Chain,
///     simulated: &Outgoing<SeededNoise>,
/// ) -> Result<Committed, PrivacyError> {
///     ledger.commit(chain, 0, 0, simulated, |_, _| Vec::new())
/// }
/// ```
/// ```compile_fail,E0308
/// use lore_privacy::{Ledger, LedgerStore, PrivacyError, Released, SeededNoise};
/// use lore_protocol::{ids::Hash, payload::Payload};
/// fn resume<S: LedgerStore>(
///     simulated: &Ledger<S, SeededNoise>,
///     release: Hash,
/// ) -> Result<Released<Payload>, PrivacyError> {
///     simulated.resume(release)
/// }
/// ```
pub type Simulated<T> = Released<T, SeededNoise>;

impl SeededNoise {
    /// A source that gives the same noise for the same seed.
    #[must_use]
    pub fn new(seed: &[u8]) -> Self {
        Self(SeededBits::new(seed))
    }

    fn shift(&mut self, value: i64, scale_micros: u64) -> Result<i64, PrivacyError> {
        check_seeded(scale_micros)?;
        let noise = self.0.gaussian(scale_micros);
        // Noise of sigma 10^8 is far inside i64; a count near the end of the range saturates.
        Ok(value.saturating_add(i64::try_from(noise).unwrap_or(i64::MAX)))
    }
}

fn check_seeded(scale_micros: u64) -> Result<(), PrivacyError> {
    if scale_micros == 0 || scale_micros > MAX_SEEDED_SCALE_MICROS {
        return Err(PrivacyError::Parameter {
            what: "scale",
            why: format!("simulated noise draws scales up to 10^8, not {scale_micros}e-6"),
        });
    }
    Ok(())
}

impl Sealed for SeededNoise {}

impl NoiseSource for SeededNoise {
    fn genesis() -> Hash {
        Hash::derive("commonlore/simulated-ledger/v1", &[])
    }

    fn fork(&mut self) -> Self {
        Self::new(&self.0.bytes())
    }

    fn add(&mut self, cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
        cells.iter().map(|cell| self.shift(*cell, scale_micros)).collect()
    }

    fn add_laplace(&mut self, cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
        check_seeded(scale_micros)?;
        let scale = Ratio { num: u128::from(scale_micros), den: 1_000_000 };
        let mut shift = |cell: &i64| {
            let noise = self.0.laplace(scale);
            cell.saturating_add(i64::try_from(noise).unwrap_or(i64::MAX))
        };
        Ok(cells.iter().map(&mut shift).collect())
    }

    fn keep_above(
        &mut self,
        counts: &[i64],
        scale_micros: u64,
        threshold: u32,
    ) -> Result<Vec<(usize, i64)>, PrivacyError> {
        let mut kept = Vec::new();
        for (index, count) in counts.iter().enumerate() {
            let noisy = self.shift(*count, scale_micros)?;
            if noisy >= i64::from(threshold) {
                kept.push((index, noisy));
            }
        }
        Ok(kept)
    }
}
