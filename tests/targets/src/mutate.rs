//! Seeded mutations of a corpus: the same seed gives the same bytes on every machine.

/// Longest mutation, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// Numbers that lengths, tags and counters break at.
const EDGES: [u8; 12] = [0, 1, 2, 16, 0x7f, 0x80, 0xf0, 0xfa, 0xfb, 0xfc, 0xfd, 0xff];

/// Mutations of some inputs.
pub struct Mutations<'a> {
    inputs: &'a [Vec<u8>],
    state: u64,
}

impl<'a> Mutations<'a> {
    /// Mutations of inputs, from a seed. There are none of no inputs.
    #[must_use]
    pub const fn new(inputs: &'a [Vec<u8>], seed: u64) -> Self {
        Self { inputs, state: seed }
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    fn draw(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end.max(1) as u64).unwrap_or(0)
    }

    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let from = self.draw(len + 1);
        let many = self.draw(64).min(len - from);
        from..from + many
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.draw(bytes.len());
        let range = self.range(bytes.len());
        match self.draw(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(range)),
            2 => {
                let again = bytes[range.clone()].to_vec();
                let times = [1, 1, 2, 64][self.draw(4)];
                bytes.splice(range.end..range.end, again.repeat(times));
            }
            3 => {
                let edge = EDGES[self.draw(EDGES.len())];
                let times = [1, 1, 8, 300][self.draw(4)];
                bytes.splice(at..at, vec![edge; times]);
            }
            4 => {
                let other = &self.inputs[self.draw(self.inputs.len())];
                let from = self.range(other.len());
                bytes.splice(range, other[from].iter().copied());
            }
            // One script after the other.
            8 => bytes.extend(&self.inputs[self.draw(self.inputs.len())]),
            5 if !bytes.is_empty() => bytes[at] ^= 1 << self.draw(8),
            6 if !bytes.is_empty() => bytes[at] = EDGES[self.draw(EDGES.len())],
            _ if !bytes.is_empty() => {
                bytes[at] = u8::try_from(self.draw(256)).unwrap_or(0);
            }
            _ => bytes.push(EDGES[at % EDGES.len()]),
        }
        bytes.truncate(MAX_BYTES);
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.inputs.is_empty() {
            return None;
        }
        let mut bytes = self.inputs[self.draw(self.inputs.len())].clone();
        for _ in 0..=self.draw(4) {
            self.change(&mut bytes);
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_another_seed_another() {
        let inputs = [b"abcdef".to_vec(), Vec::new()];
        let some = |seed| Mutations::new(&inputs, seed).take(100).collect::<Vec<_>>();
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(some(1).iter().any(|bytes| bytes.len() > 100), "some grow");
        assert!(some(1).iter().any(Vec::is_empty), "some lose all");
    }

    #[test]
    fn there_is_no_mutation_of_no_input() {
        assert_eq!(Mutations::new(&[], 1).next(), None);
    }
}
