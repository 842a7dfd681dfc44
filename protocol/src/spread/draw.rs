//! Draws from a secret seed: which peers are picked is nothing that others can foresee.

/// A stream of draws.
#[derive(Debug)]
pub(super) struct Draw {
    seed: [u8; 32],
    count: u64,
}

impl Draw {
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: 0 }
    }

    /// An index below `bound`; none below 0. The bias is below `bound` in 2^64.
    pub(super) fn index(&mut self, bound: usize) -> Option<usize> {
        self.count += 1;
        let hash = blake3::keyed_hash(&self.seed, &self.count.to_le_bytes());
        let (head, _) = hash.as_bytes().split_first_chunk::<8>()?;
        let drawn = u64::from_le_bytes(*head).checked_rem(bound as u64)?;
        usize::try_from(drawn).ok()
    }
}
