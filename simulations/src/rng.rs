//! Randomness: one ChaCha8 stream for each (seed, node, purpose).
//!
//! Streams do not share state, so that a change in how often one purpose draws (more loss, say) leaves
//! every other draw as it was: arms of a study see common random numbers.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Parts in a million: probabilities are integers, so that no platform rounds them differently.
pub const MILLION: u32 = 1_000_000;

/// Purpose of a stream. The label enters the key of the stream, so adding one moves no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Secret keys.
    Identity,
    /// Place of the node, for latency.
    Place,
    /// The overlay that gossip runs over.
    Overlay,
    /// Loss, jitter and duplication of what the node sends.
    Link,
    /// Peers that the node talks to.
    Peers,
    /// Publications of the node, and their times.
    Work,
    /// Randomness that a node asks of the operating system: nonces, secrets.
    Entropy,
    /// Noise of releases.
    Noise,
    /// Nodes that a fault hits.
    Faults,
    /// Bursts of loss and reordering of what the node sends.
    Burst,
    /// Nodes behind an address translator.
    Translator,
    /// Members that come and go.
    Churn,
    /// Slow machines and clocks that are off.
    Machine,
    /// Acts of hostile members.
    Attack,
    /// Faults of a random schedule.
    Schedule,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Place => "place",
            Self::Overlay => "overlay",
            Self::Link => "link",
            Self::Peers => "peers",
            Self::Work => "work",
            Self::Entropy => "entropy",
            Self::Noise => "noise",
            Self::Faults => "faults",
            Self::Burst => "burst",
            Self::Translator => "translator",
            Self::Churn => "churn",
            Self::Machine => "machine",
            Self::Attack => "attack",
            Self::Schedule => "schedule",
        }
    }
}

/// The node number of what belongs to no node.
pub const WHOLE: u32 = u32::MAX;

/// All streams of one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of one node and purpose, from its beginning.
    #[must_use]
    pub fn stream(self, node: u32, purpose: Purpose) -> Stream {
        let mut hasher = blake3::Hasher::new_derive_key("commonlore simulations stream v1");
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(&node.to_le_bytes());
        hasher.update(purpose.label().as_bytes());
        Stream(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }
}

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Sixty-four uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform on `0..bound`; 0 when `bound` is 0. Unbiased: multiply, and reject the short end
    /// (Lemire 2019, "Fast Random Integer Generation in an Interval", algorithm 5).
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let short = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.bits()) * u128::from(bound);
            let low = wide & u128::from(u64::MAX);
            if low >= u128::from(short) {
                return u64::try_from(wide >> 64).unwrap_or(0);
            }
        }
    }

    /// An index into something of length `len`; 0 when it is empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// An index other than `own` among `len`; `own` when there is no other.
    pub fn other(&mut self, own: usize, len: usize) -> usize {
        if len < 2 {
            return own;
        }
        let drawn = self.index(len - 1);
        if drawn >= own { drawn + 1 } else { drawn }
    }

    /// True with probability `ppm` in a million.
    pub fn chance(&mut self, ppm: u32) -> bool {
        self.below(u64::from(MILLION)) < u64::from(ppm)
    }

    /// Puts `items` in uniform random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// Thirty-two uniform bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_node_and_purpose_and_repeat() {
        let first = |seed, node, purpose| Streams::new(seed).stream(node, purpose).bits();
        let base = first(1, 1, Purpose::Link);
        assert_eq!(base, first(1, 1, Purpose::Link));
        assert_ne!(base, first(2, 1, Purpose::Link));
        assert_ne!(base, first(1, 2, Purpose::Link));
        assert_ne!(base, first(1, 1, Purpose::Work));
    }

    #[test]
    fn another_node_is_never_oneself_and_every_other_comes_up() {
        let mut stream = Streams::new(7).stream(0, Purpose::Peers);
        let mut seen = [0_u32; 5];
        for _ in 0..1_000 {
            seen[stream.other(2, 5)] += 1;
        }
        assert_eq!(seen[2], 0);
        // Expected 250 with standard deviation 13.7: five of them on each side.
        for count in [seen[0], seen[1], seen[3], seen[4]] {
            assert!((180..320).contains(&count), "{seen:?}");
        }
    }

    #[test]
    fn chances_hold_at_both_ends_and_in_the_middle() {
        let mut stream = Streams::new(7).stream(0, Purpose::Link);
        assert!((0..1_000).all(|_| !stream.chance(0)));
        assert!((0..1_000).all(|_| stream.chance(MILLION)));
        let hits = (0..10_000).filter(|_| stream.chance(250_000)).count();
        // Standard deviation 43.
        assert!((2_280..2_720).contains(&hits), "{hits}");
    }
}
