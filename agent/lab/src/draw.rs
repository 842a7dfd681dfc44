//! Seeded draws: everything the lab chooses comes from here, so that a seed names an environment.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of choices named by a seed and labels; equal names give equal choices on every platform.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of `seed` under `labels`.
    pub(crate) fn new(seed: u64, labels: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("commonlore/lab/draw/v1");
        hasher.update(&seed.to_le_bytes());
        for label in labels {
            hasher.update(&(label.len() as u64).to_le_bytes());
            hasher.update(label.as_bytes());
        }
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number below `bound`, 0 when `bound` is 0. The bias of the remainder is below 2^-32 here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// A number in `from..=to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = self.below(items.len() as u64);
        &items[usize::try_from(index).unwrap_or(0)]
    }

    /// `count` different ones of `items`, in random order; all of them when there are fewer.
    pub(crate) fn some<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut all = items.to_vec();
        self.shuffle(&mut all);
        all.truncate(count);
        all
    }

    /// Fisher-Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
    }
}

/// A short code that only who knows `secret` can compute: receipts carry it, so that a file cannot be
/// written without the tool or service that should have written it.
pub(crate) fn seal(secret: u64, parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("commonlore/lab/seal/v1");
    hasher.update(&secret.to_le_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..12].to_owned()
}
