//! Neutral drift (Wright 1931, Fisher 1930): in each generation every node copies the variant of a node of the
//! generation before, chosen uniformly, itself included. No variant is better than another.
//!
//! A variant that one of `N` nodes holds takes over with probability 1/N. The chance that two nodes hold
//! different variants shrinks by 1 - 1/N in each generation, exactly.

use crate::rng::{Purpose, Stream, Streams, WHOLE};

/// Choice of the one to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Any node: the model of the target.
    Anyone,
    /// The newcomer twice as often as any other: selection, which a neutral model must not have.
    NewcomerFirst,
    /// Only half of the nodes copy in a generation: a clock that runs too slowly.
    Half,
}

fn generation(held: &[u32], copies: Copies, stream: &mut Stream) -> Vec<u32> {
    let copy = |node: usize, stream: &mut Stream| {
        let first = held[stream.index(held.len())];
        match copies {
            Copies::NewcomerFirst if first != 0 => held[stream.index(held.len())].min(first),
            Copies::Half if stream.chance(500_000) => held[node],
            _ => first,
        }
    };
    (0..held.len()).map(|node| copy(node, stream)).collect()
}

/// Returns true when a newcomer, variant 0 at one of `nodes` nodes, takes over.
#[must_use]
pub fn fixes(nodes: usize, copies: Copies, streams: Streams) -> bool {
    let mut stream = streams.stream(WHOLE, Purpose::Peers);
    let mut held = vec![1; nodes];
    held[0] = 0;
    while held.iter().any(|variant| *variant != held[0]) {
        held = generation(&held, copies, &mut stream);
    }
    held[0] == 0
}

/// Chance that two nodes hold different variants after some generations from all different, averaged over the
/// pairs of one run.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn heterozygosity(nodes: u32, generations: u32, copies: Copies, streams: Streams) -> f64 {
    let mut stream = streams.stream(WHOLE, Purpose::Peers);
    // Variant 0 would be the newcomer.
    let mut held: Vec<u32> = (1..=nodes).collect();
    for _ in 0..generations {
        held = generation(&held, copies, &mut stream);
    }
    held.sort_unstable();
    let same = held.chunk_by(|a, b| a == b).map(|group| group.len() * (group.len() - 1));
    let pairs = held.len() * (held.len() - 1);
    1.0 - same.sum::<usize>() as f64 / pairs as f64
}
