#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::links::Peer;
use super::tree::{MAX_MISSING, MAX_MISSING_PER_PEER};
use super::*;
use crate::delta::{Header, Spend};
use crate::identity::Signature;
use crate::ids::{CheckpointId, FederationId, Hash, MemberId};
use crate::payload::PayloadKind;

const FEDERATION: FederationId = FederationId([1; 32]);
/// Bytes that a frame's length takes on a stream.
const LENGTH_BYTES: usize = 2;

fn delta(author: u32, seq: u64, payload_bytes: usize) -> Delta {
    let mut name = [0x5a; 32];
    name[..4].copy_from_slice(&author.to_le_bytes());
    let header = Header {
        version: 1,
        federation: FEDERATION,
        author: MemberId(name),
        seq,
        prev: Some(DeltaId([7; 32])),
        anchor: CheckpointId([8; 32]),
        deps: Vec::new(),
        depth: 9,
        epoch: 3,
        spend: Spend::default(),
        payload_kind: PayloadKind::Void,
        payload_len: u32::try_from(payload_bytes).unwrap(),
        payload_hash: Hash([9; 32]),
    };
    Delta { header, signature: Signature([3; 64]), payload: Some(vec![4; payload_bytes]) }
}

fn key(node: usize) -> PublicKey {
    let mut key = [0xee; 32];
    key[..8].copy_from_slice(&(node as u64).to_be_bytes());
    PublicKey(key)
}

fn number(key: &PublicKey) -> usize {
    let number = u64::from_be_bytes(key.0[..8].try_into().unwrap());
    usize::try_from(number).unwrap()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Nodes, each near all others, over links of different lengths.
struct Net {
    nodes: Vec<Spread>,
    held: Vec<BTreeMap<DeltaId, Delta>>,
    up: Vec<bool>,
    /// By time and order: from, to, frame.
    queue: BTreeMap<(Duration, u64), (usize, usize, Vec<u8>)>,
    now: Duration,
    sent: u64,
    bytes: usize,
    draws: u64,
    /// Frames lost of a thousand.
    loss: u64,
    arrived: Vec<Duration>,
}

impl Net {
    fn new(count: usize, loss: u64, seed: u64) -> Self {
        let nodes = (0..count).map(|node| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            bytes[8..16].copy_from_slice(&(node as u64).to_le_bytes());
            Spread::new(bytes)
        });
        let mut net = Self {
            nodes: nodes.collect(),
            held: vec![BTreeMap::new(); count],
            up: vec![true; count],
            queue: BTreeMap::new(),
            now: Duration::ZERO,
            sent: 0,
            bytes: 0,
            draws: seed,
            loss,
            arrived: Vec::new(),
        };
        for node in 0..count {
            for other in (0..count).filter(|other| *other != node) {
                net.tell(node, Input::Near(key(other)));
            }
        }
        net
    }

    fn draw(&mut self, bound: u64) -> u64 {
        self.draws += 1;
        let hash = blake3::hash(&self.draws.to_le_bytes());
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap()) % bound
    }

    fn tell(&mut self, node: usize, input: Input) {
        for output in self.nodes[node].handle(self.now, input) {
            match output {
                Output::Send(to, frame) => self.send(node, &to, &frame),
                Output::Push(to, id) => {
                    let frame = Frame::of(&self.held[node][&id]);
                    self.send(node, &to, &frame);
                }
                Output::Judge(from, delta) => {
                    let id = delta.header.id();
                    let known = self.held[node].contains_key(&id);
                    if !known {
                        self.arrived.push(self.now);
                        self.take(node, &delta);
                    }
                    let verdict = if known { Verdict::Known } else { Verdict::New };
                    self.tell(node, Input::Judged(from, id, verdict));
                }
                Output::Fetch(from) => {
                    let from = number(&from);
                    self.sync(node, from);
                }
            }
        }
        assert_bounded(&self.nodes[node]);
    }

    fn send(&mut self, from: usize, to: &PublicKey, frame: &Frame) {
        let to = number(to);
        let bytes = frame.to_bytes(FEDERATION);
        assert!(bytes.len() <= MAX_FRAME_BYTES);
        self.bytes += bytes.len() + LENGTH_BYTES;
        if self.draw(1_000) < self.loss {
            return;
        }
        // Ten to fifty milliseconds, always the same between two nodes, and in order.
        let length = 10 + (from * 7 + to * 13) as u64 % 41;
        self.sent += 1;
        self.queue.insert((self.now + millis(length), self.sent), (from, to, bytes));
    }

    fn take(&mut self, node: usize, delta: &Delta) {
        let id = delta.header.id();
        let size_bytes = delta.to_bytes().len();
        self.held[node].insert(id, delta.clone());
        self.tell(node, Input::Took { id, size_bytes });
    }

    fn publish(&mut self, node: usize, delta: &Delta) {
        self.take(node, delta);
        self.tell(node, Input::Publish(delta.header.id()));
    }

    /// All that `from` holds comes to `node`.
    fn sync(&mut self, node: usize, from: usize) {
        let theirs: Vec<Delta> = self.held[from].values().cloned().collect();
        for delta in theirs {
            if !self.held[node].contains_key(&delta.header.id()) {
                self.take(node, &delta);
            }
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let frame = self.queue.keys().next().map(|(at, _)| *at);
            let up = |node: &usize| self.up[*node];
            let wakes = (0..self.nodes.len()).filter(up);
            let wake = wakes.filter_map(|node| Some((self.nodes[node].next_wake()?, node))).min();
            let next = frame.into_iter().chain(wake.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if frame == Some(next) {
                let (_, (from, to, bytes)) = self.queue.pop_first().unwrap();
                if self.up[to] {
                    let frame = Envelope::split(&bytes).unwrap().frame().unwrap();
                    self.tell(to, Input::Frame(key(from), frame));
                }
            } else if let Some((_, node)) = wake {
                self.tell(node, Input::Wake);
            }
        }
        self.now = end;
    }

    /// A node goes down or comes up, with all that it holds.
    fn set_up(&mut self, node: usize, up: bool) {
        if self.up[node] == up {
            return;
        }
        self.up[node] = up;
        let seed = *blake3::hash(&self.draws.to_le_bytes()).as_bytes();
        self.nodes[node] = Spread::new(seed);
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            if !self.up[other] {
                continue;
            }
            if up {
                self.tell(other, Input::Near(key(node)));
                self.tell(node, Input::Near(key(other)));
            } else {
                self.tell(other, Input::Away(key(node)));
            }
        }
    }

    fn lacking(&self) -> usize {
        let all: BTreeSet<&DeltaId> = self.held.iter().flat_map(BTreeMap::keys).collect();
        self.held.iter().map(|held| all.len() - held.len()).sum()
    }
}

fn assert_bounded(node: &Spread) {
    assert!(node.missing.len() <= MAX_MISSING);
    assert!(node.recent.len() <= recent::KEPT);
    let links: Vec<&links::Link> = node.peers.values().filter_map(Peer::linked).collect();
    assert!(links.len() <= MOST_LINKS);
    assert!(links.iter().all(|link| link.haves.len() <= MAX_IDS));
}

#[test]
fn fifty_nodes_get_a_delta_about_once_each() {
    let mut net = Net::new(50, 0, 3);
    net.run(Duration::from_secs(60));
    let degrees: Vec<usize> = net.nodes.iter().map(|node| node.links().count()).collect();
    assert!(degrees.iter().all(|degree| (PICKED..=MOST_LINKS).contains(degree)), "{degrees:?}");
    let mean = degrees.iter().sum::<usize>() as f64 / 50.0;
    assert!((4.5..=6.5).contains(&mean), "{mean}");
    net.bytes = 0;
    let mut slowest = Vec::new();
    for seq in 0..200 {
        let author = usize::try_from(net.draw(50)).unwrap();
        let delta = delta(u32::try_from(author).unwrap(), seq, 1_024);
        net.arrived.clear();
        let began = net.now;
        net.publish(author, &delta);
        net.run(Duration::from_secs(5));
        slowest.push(net.arrived.iter().max().unwrap().saturating_sub(began));
    }
    assert_eq!(net.lacking(), 0);
    let ratio = net.bytes as f64 / (200.0 * 49.0 * (1_024.0 + 64.0));
    slowest.sort();
    println!(
        "{ratio:.3} x, slowest of a delta: median {:?}, worst {:?}",
        slowest[100], slowest[199]
    );
    assert!(ratio <= 1.5, "{ratio}");
}

#[test]
fn who_has_announced_a_delta_is_not_announced_to_and_pushes_come_once() {
    let mut net = Net::new(3, 0, 1);
    net.run(Duration::from_secs(20));
    for seq in 0..5 {
        net.publish(0, &delta(0, seq, 100));
        net.run(Duration::from_secs(5));
    }
    net.bytes = 0;
    let one = delta(0, 9, 100);
    net.publish(0, &one);
    net.run(Duration::from_secs(5));
    let push = Frame::of(&one).to_bytes(FEDERATION).len() + LENGTH_BYTES;
    let have = Frame::Have(vec![ShortId([0; 8])]).to_bytes(FEDERATION).len() + LENGTH_BYTES;
    assert!(net.bytes <= 2 * push + 2 * have, "{} {push} {have}", net.bytes);
    assert_eq!(net.lacking(), 0);
}

#[test]
fn a_new_neighbour_gets_what_came_in_not_long_ago() {
    let mut net = Net::new(3, 0, 2);
    net.set_up(2, false);
    net.run(Duration::from_secs(10));
    net.publish(0, &delta(0, 1, 100));
    net.run(Duration::from_secs(60));
    net.publish(0, &delta(0, 2, 100));
    net.run(Duration::from_secs(5));
    net.set_up(2, true);
    net.run(Duration::from_secs(10));
    let held: Vec<u64> = net.held[2].values().map(|delta| delta.header.seq).collect();
    assert_eq!(held, [2], "the older one comes by a round");
}

#[test]
fn a_large_delta_is_announced_by_its_head_and_comes_by_a_round() {
    let mut net = Net::new(8, 0, 4);
    net.run(Duration::from_secs(20));
    net.publish(2, &delta(2, 1, MAX_FULL_BYTES + 1));
    net.run(Duration::from_secs(5));
    assert_eq!(net.lacking(), 0);
}

#[test]
fn a_lost_neighbour_is_replaced_and_the_tree_closes() {
    let mut net = Net::new(20, 0, 5);
    net.run(Duration::from_secs(20));
    for seq in 0..10 {
        net.publish(0, &delta(0, seq, 100));
        net.run(Duration::from_secs(3));
    }
    for node in [3, 7, 11, 15] {
        net.set_up(node, false);
    }
    net.run(Duration::from_secs(1));
    net.publish(0, &delta(0, 11, 100));
    net.run(Duration::from_secs(10));
    let id = delta(0, 11, 100).header.id();
    let lacking = (0..20).filter(|node| net.up[*node] && !net.held[*node].contains_key(&id));
    assert_eq!(lacking.count(), 0);
    for node in (0..20).filter(|node| net.up[*node]) {
        assert!(net.nodes[node].links().count() >= PICKED);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is lost, and whoever goes and comes: with rounds of anti-entropy all hold all, and without
    /// loss after the churn the fast path alone brings what is published then.
    #[test]
    fn all_get_everything_with_rounds_as_a_backstop(
        count in 2_usize..16,
        loss in 0_u64..300,
        seed in any::<u64>(),
        steps in prop::collection::vec((any::<u8>(), any::<bool>(), 0_usize..20_000), 1..24),
    ) {
        let mut net = Net::new(count, loss, seed);
        net.run(Duration::from_secs(10));
        for (seq, (node, churn, size)) in steps.iter().enumerate() {
            let node = usize::from(*node) % count;
            if *churn {
                let up = net.up[node];
                net.set_up(node, !up);
            } else if net.up[node] {
                net.publish(node, &delta(u32::try_from(node).unwrap(), seq as u64, *size));
            }
            net.run(millis(700));
        }
        for node in 0..count {
            net.set_up(node, true);
        }
        net.loss = 0;
        net.run(Duration::from_secs(60));
        for node in 0..count {
            net.sync(node, (node + 1) % count);
        }
        for _ in 0..2 {
            for node in 0..count {
                net.sync(node, (node + 1) % count);
            }
        }
        for node in 0..count {
            net.sync(0, node);
        }
        for node in 0..count {
            net.sync(node, 0);
        }
        prop_assert_eq!(net.lacking(), 0);
        net.publish(0, &delta(0, 1_000, 500));
        net.run(Duration::from_secs(20));
        prop_assert_eq!(net.lacking(), 0);
    }

    /// No order of frames makes a node grow without bound, and it answers less than it is sent.
    #[test]
    fn a_hostile_neighbour_is_bounded(
        seed in any::<u64>(),
        frames in prop::collection::vec((0_u8..9, any::<u64>(), 0_u64..2_000), 1..200),
    ) {
        let mut node = Spread::new([9; 32]);
        let mut now = Duration::ZERO;
        drop(node.handle(now, Input::Near(key(1))));
        drop(node.handle(now, Input::Frame(key(1), Frame::Enter)));
        let held = delta(5, 1, 10_000);
        let size_bytes = held.to_bytes().len();
        drop(node.handle(now, Input::Took { id: held.header.id(), size_bytes }));
        let (mut came, mut went) = (0, 0);
        for (kind, number, wait) in frames {
            now += millis(wait);
            let ids = |count: u64| (0..count).map(|n| {
                ShortId(blake3::hash(&(seed ^ number.wrapping_add(n)).to_le_bytes()).as_bytes()[..8].try_into().unwrap())
            }).collect::<Vec<_>>();
            let frame = match kind {
                0 => Frame::Enter,
                1 => Frame::Welcome,
                2 => Frame::Leave,
                3 => Frame::Prune,
                4 => Frame::Have(ids(number % 256)),
                5 => Frame::Want(ids(number % 256)),
                6 => Frame::Want(vec![held.header.id().into()]),
                7 => Frame::Full(delta(6, number, 10)),
                _ => Frame::Head(delta(6, number, 10)),
            };
            came += frame.to_bytes(FEDERATION).len();
            let mut outputs = node.handle(now, Input::Frame(key(1), frame));
            while let Some(output) = outputs.pop() {
                match output {
                    Output::Send(_, frame) => went += frame.to_bytes(FEDERATION).len(),
                    Output::Push(_, id) => {
                        prop_assert_eq!(id, held.header.id());
                        went += size_bytes;
                    }
                    Output::Judge(from, delta) => {
                        let judged = Input::Judged(from, delta.header.id(), Verdict::Refused);
                        outputs.extend(node.handle(now, judged));
                    }
                    Output::Fetch(_) => {}
                }
            }
            assert_bounded(&node);
            while let Some(due) = node.next_wake().filter(|due| *due <= now) {
                for output in node.handle(due.max(now), Input::Wake) {
                    if let Output::Send(_, frame) = output {
                        went += frame.to_bytes(FEDERATION).len();
                    }
                }
            }
        }
        let seconds = usize::try_from(now.as_secs()).unwrap() + 1;
        let metered = (256 << 10) + seconds * (16 << 10);
        prop_assert!(went <= 2 * came + metered, "{went} for {came}");
    }
}

#[test]
fn announcements_that_never_come_cost_the_link() {
    let mut node = Spread::new([9; 32]);
    let mut now = Duration::ZERO;
    drop(node.handle(now, Input::Near(key(1))));
    drop(node.handle(now, Input::Frame(key(1), Frame::Enter)));
    assert_eq!(node.links().count(), 1);
    for number in 0..8_u64 {
        let ids = (0..256_u64).map(|n| ShortId((number * 256 + n).to_le_bytes())).collect();
        drop(node.handle(now, Input::Frame(key(1), Frame::Have(ids))));
        assert!(node.missing.len() <= MAX_MISSING_PER_PEER);
        now += Duration::from_secs(2);
        while node.next_wake().is_some_and(|due| due <= now) {
            drop(node.handle(now, Input::Wake));
        }
    }
    assert_eq!(node.links().count(), 0);
    // It is not let in for a while, and then it is.
    assert!(node.handle(now, Input::Frame(key(1), Frame::Enter)).is_empty());
    now += SHUT_TIME;
    let outputs = node.handle(now, Input::Frame(key(1), Frame::Enter));
    assert!(outputs.contains(&Output::Send(key(1), Frame::Welcome)), "{outputs:?}");
}

#[test]
fn garbage_ends_the_link_and_missing_ancestors_do_not() {
    let mut node = Spread::new([9; 32]);
    let now = Duration::ZERO;
    for peer in 1..=2 {
        drop(node.handle(now, Input::Near(key(peer))));
        drop(node.handle(now, Input::Frame(key(peer), Frame::Enter)));
    }
    let waits = delta(1, 1, 10);
    let judge = node.handle(now, Input::Frame(key(1), Frame::Full(waits.clone())));
    assert_eq!(judge, [Output::Judge(key(1), waits.clone())]);
    let id = waits.header.id();
    let fetch = node.handle(now, Input::Judged(key(1), id, Verdict::Waiting));
    assert_eq!(fetch, [Output::Fetch(key(1))]);
    assert_eq!(node.links().count(), 2);
    let wrong = delta(1, 2, 10);
    drop(node.handle(now, Input::Frame(key(2), Frame::Full(wrong.clone()))));
    let leave = node.handle(now, Input::Judged(key(2), wrong.header.id(), Verdict::Malformed));
    assert_eq!(leave, [Output::Send(key(2), Frame::Leave)]);
    assert_eq!(node.links().map(|(peer, _)| peer).collect::<Vec<_>>(), [key(1)]);
    drop(node.handle(now, Input::Garbage(key(1))));
    assert_eq!(node.links().count(), 0);
    // What came by the round is passed on all the same: to nobody here, and without a fault.
    assert!(node.handle(now, Input::Took { id, size_bytes: 300 }).is_empty());
}

#[test]
fn nobody_who_is_not_near_is_answered() {
    let mut node = Spread::new([9; 32]);
    for frame in [Frame::Enter, Frame::Prune, Frame::Full(delta(1, 1, 9))] {
        assert!(node.handle(Duration::ZERO, Input::Frame(key(1), frame)).is_empty());
    }
}

#[test]
fn peers_that_ask_for_links_cannot_take_the_place_of_those_that_were_picked() {
    let mut node = Spread::new([9; 32]);
    let now = Duration::ZERO;
    for peer in 1..=100 {
        drop(node.handle(now, Input::Near(key(peer))));
    }
    for peer in 4..=100 {
        drop(node.handle(now, Input::Frame(key(peer), Frame::Enter)));
    }
    assert!(node.links().count() <= MOST_LINKS);
    let picked = node.peers.values().filter_map(Peer::linked).filter(|link| link.picked);
    assert!(picked.count() <= PICKED);
}

#[test]
fn an_envelope_is_bounded_and_its_ids_are_counted() {
    let many = Frame::Have(vec![ShortId([1; 8]); MAX_IDS + 1]).to_bytes(FEDERATION);
    assert!(Envelope::split(&many).unwrap().frame().is_err());
    let most = Frame::Have(vec![ShortId([1; 8]); MAX_IDS]);
    let bytes = most.to_bytes(FEDERATION);
    let envelope = Envelope::split(&bytes).unwrap();
    assert_eq!((envelope.tag, envelope.frame()), (Tag::from(FEDERATION), Ok(most)));
    assert!(is_announcement(&bytes));
    for frame in [Frame::Want(vec![]), Frame::Prune, Frame::Full(delta(1, 1, 2)), Frame::Leave] {
        assert!(!is_announcement(&frame.to_bytes(FEDERATION)));
    }
    assert_eq!(Envelope::split(&[0; 7]), None);
    assert_eq!(Envelope::split(&vec![0; MAX_FRAME_BYTES + 1]), None);
}
