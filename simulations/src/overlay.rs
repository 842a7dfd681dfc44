//! The gossip overlay: a random connected graph in which every node has the same degree. Its edges are the
//! connections on which there is a fast path.

use std::collections::BTreeSet;

use crate::rng::{Purpose, Streams, WHOLE};

/// By node, its neighbours in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay(Vec<BTreeSet<usize>>);

impl Overlay {
    /// A connected `degree`-regular graph on `nodes` nodes: a circulant graph, its edges switched at
    /// random many times (a pair of edges a-b, c-d becomes a-d, c-b where that keeps the graph simple),
    /// then again until it is connected. None when no such graph exists.
    #[must_use]
    pub fn regular(nodes: usize, degree: usize, streams: Streams) -> Option<Self> {
        let possible = degree < nodes && (nodes * degree).is_multiple_of(2);
        if degree == 0 {
            return Some(Self(vec![BTreeSet::new(); nodes]));
        }
        if !possible || (degree == 1 && nodes != 2) {
            return None;
        }
        let mut graph = Self::circulant(nodes, degree);
        let mut stream = streams.stream(WHOLE, Purpose::Overlay);
        let mut edges: Vec<(usize, usize)> = graph.edges().collect();
        loop {
            for _ in 0..edges.len() * 10 {
                let (first, second) = (stream.index(edges.len()), stream.index(edges.len()));
                let flipped = stream.chance(500_000);
                graph.switch(&mut edges, first, second, flipped);
            }
            if graph.connected() {
                return Some(graph);
            }
        }
    }

    fn circulant(nodes: usize, degree: usize) -> Self {
        let mut neighbours = vec![BTreeSet::new(); nodes];
        let mut link = |a: usize, b: usize| {
            neighbours[a].insert(b);
            neighbours[b].insert(a);
        };
        for node in 0..nodes {
            for step in 1..=degree / 2 {
                link(node, (node + step) % nodes);
            }
            // An odd degree needs an even number of nodes: each is joined to the one opposite.
            if degree % 2 == 1 {
                link(node, (node + nodes / 2) % nodes);
            }
        }
        Self(neighbours)
    }

    fn switch(&mut self, edges: &mut [(usize, usize)], first: usize, second: usize, flipped: bool) {
        let (a, b) = edges[first];
        let (c, d) = if flipped { (edges[second].1, edges[second].0) } else { edges[second] };
        let distinct = a != c && a != d && b != c && b != d;
        if !distinct || self.0[a].contains(&d) || self.0[c].contains(&b) {
            return;
        }
        for (from, to) in [(a, b), (b, a), (c, d), (d, c)] {
            self.0[from].remove(&to);
        }
        for (from, to) in [(a, d), (d, a), (c, b), (b, c)] {
            self.0[from].insert(to);
        }
        edges[first] = (a, d);
        edges[second] = (c, b);
    }

    fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        self.0.iter().enumerate().flat_map(|(a, others)| others.range(a..).map(move |b| (a, *b)))
    }

    /// Returns true when every node can be reached from the first.
    #[must_use]
    pub fn connected(&self) -> bool {
        let mut seen = BTreeSet::from([0]);
        let mut open = vec![0];
        while let Some(node) = open.pop() {
            for next in self.neighbours(node) {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen.len() == self.0.len()
    }

    /// The neighbours of a node, in ascending order.
    pub fn neighbours(&self, node: usize) -> impl Iterator<Item = usize> {
        self.0.get(node).into_iter().flatten().copied()
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_node_has_the_degree_and_nobody_is_cut_off() {
        for (nodes, degree) in [(2, 1), (4, 3), (30, 6), (64, 3), (101, 4), (7, 6)] {
            let graph = Overlay::regular(nodes, degree, Streams::new(3)).unwrap();
            assert!(graph.connected());
            for node in 0..nodes {
                let others: Vec<usize> = graph.neighbours(node).collect();
                assert_eq!(others.len(), degree, "{nodes} {degree}");
                assert!(!others.contains(&node));
                assert!(others.iter().all(|other| graph.neighbours(*other).any(|n| n == node)));
            }
        }
    }

    #[test]
    fn seeds_give_different_graphs_and_repeat() {
        let graph = |seed| Overlay::regular(30, 6, Streams::new(seed)).unwrap();
        assert_eq!(graph(1), graph(1));
        assert_ne!(graph(1), graph(2));
    }

    #[test]
    fn impossible_graphs_are_refused() {
        for (nodes, degree) in [(3, 3), (5, 3), (4, 1)] {
            assert_eq!(Overlay::regular(nodes, degree, Streams::new(1)), None);
        }
    }
}
