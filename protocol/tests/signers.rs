//! Several signers: who they are, and how they come to one checkpoint.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::delta::Delta;
use lore_protocol::ids::MemberId;
use lore_protocol::library::Fold;
use lore_protocol::log::{Fault, Ingest, Log};
use lore_protocol::payload::{Body, Checkpoint, Leave, Payload, Phase, RevokeTarget, Signers};
use world::{World, authored, lesson, sound};

fn word(world: &World, who: &[usize]) -> Payload {
    let mut members: Vec<MemberId> = who.iter().map(|n| world.members[*n]).collect();
    members.sort();
    Payload::Signers(Signers { members })
}

fn set(world: &World, who: &[usize]) -> Vec<MemberId> {
    match word(world, who) {
        Payload::Signers(signers) => signers.members,
        _ => unreachable!(),
    }
}

/// A founder, four members, and the first four of all as signers.
fn four() -> World {
    let mut world = World::with_members(4);
    let signers = word(&world, &[0, 1, 2, 3]);
    world.publish(0, &signers);
    world.checkpoint();
    assert_eq!(world.log.tip().signers, set(&world, &[0, 1, 2, 3]));
    assert_eq!(world.log.tip().quorum(), 3);
    world
}

fn body(log: &Log) -> Body {
    let mut fold = Fold::default();
    fold.advance(log);
    fold.propose(log)
}

/// Ends the epoch by these signers: one proposes, all prepare, all commit.
fn seal(world: &mut World, who: &[usize]) {
    let epoch = world.log.open_epoch();
    let first = world.log.next_proposal(world.members[who[0]], || body(&world.log)).unwrap();
    world.publish(who[0], &Payload::Checkpoint(first));
    for _ in 0..2 {
        for signer in who {
            if let Some(vote) = world.log.next_vote(world.members[*signer], |_| true) {
                world.publish(*signer, &Payload::Checkpoint(vote));
            }
        }
    }
    assert_eq!(world.log.open_epoch(), epoch + 1, "{:?}", world.log.problems());
}

#[test]
fn a_quorum_of_the_signers_says_who_signs_next() {
    let mut world = four();
    let fault = Fault::Charter("its author does not sign checkpoints");
    let stranger = world.make(4, &word(&world, &[4]), 0);
    assert_eq!(world.log.ingest(sound(&stranger)), Ingest::Refused(fault));

    for signer in [0, 1] {
        let two = word(&world, &[0, 1]);
        world.publish(signer, &two);
    }
    seal(&mut world, &[1, 2, 3]);
    assert_eq!(world.log.tip().signers, set(&world, &[0, 1, 2, 3]), "two of four are no quorum");

    let five = word(&world, &[0, 1, 2, 3, 4]);
    for signer in [1, 2, 3] {
        world.publish(signer, &five);
    }
    seal(&mut world, &[1, 2, 3]);
    assert_eq!(world.log.tip().signers, set(&world, &[0, 1, 2, 3, 4]));
    assert_eq!(world.log.tip().quorum(), 4);
}

#[test]
fn one_lost_founder_of_four_signers_ends_nothing() {
    let mut world = four();
    world.publish(4, &authored(lesson("curl", "curl -x")));
    seal(&mut world, &[1, 2, 3]);
    let three = word(&world, &[1, 2, 3]);
    for signer in [1, 2, 3] {
        world.publish(signer, &three);
    }
    seal(&mut world, &[3, 2, 1]);
    assert_eq!(world.log.tip().signers, set(&world, &[1, 2, 3]));
    let founder = RevokeTarget::Member(world.members[0]);
    world.revoke(&[1, 2], founder);
    seal(&mut world, &[2, 1, 3]);
    assert!(!world.is_on_roster(0), "who signs no more can be removed as any member");
}

#[test]
fn nobody_votes_a_signer_off_the_roster_and_the_last_one_stays() {
    let mut world = four();
    let signer = RevokeTarget::Member(world.members[0]);
    world.revoke(&[1, 2, 3, 4], signer);
    seal(&mut world, &[1, 2, 3]);
    assert!(world.is_on_roster(0), "a signer is replaced by signers, not by two members");
    world.publish(3, &Payload::Leave(Leave { reason: String::new() }));
    seal(&mut world, &[0, 1, 2]);
    assert_eq!(world.log.tip().signers, set(&world, &[0, 1, 2]), "who leaves signs no more");
}

#[test]
fn two_of_four_signers_end_no_epoch_and_a_quorum_of_commits_does() {
    let mut world = four();
    let (tip, body) = (world.log.tip().id, body(&world.log));
    let commit = |body: &Body| Checkpoint { round: 0, phase: Phase::Commit, body: body.clone() };
    for signer in [0, 1] {
        world.publish(signer, &Payload::Checkpoint(commit(&body)));
    }
    assert_eq!(world.log.tip().id, tip);
    world.publish(2, &Payload::Checkpoint(Checkpoint { round: 1, ..commit(&body) }));
    assert_eq!(world.log.tip().id, tip, "commits of different rounds are not added up");
    world.publish(2, &Payload::Checkpoint(commit(&body)));
    assert_eq!(world.log.tip().id, body.id());
}

#[test]
fn no_signer_alone_skips_rounds() {
    let mut world = four();
    let body = body(&world.log);
    let far = Checkpoint { round: u32::MAX, phase: Phase::Prepare, body };
    world.publish(3, &Payload::Checkpoint(far));
    assert_eq!(world.log.last_open_round(), None);
    assert_eq!(world.log.next_vote(world.members[0], |_| true), None, "nothing to vote on");
    seal(&mut world, &[0, 1, 2]);
}

/// A signer's node: its own log, and what it has not heard of.
struct Node {
    log: Log,
    inbox: Vec<Delta>,
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// Four signers. The last one may lie: it prepares and commits whatever it likes, to different bodies in one round.
struct Net {
    world: World,
    nodes: Vec<Node>,
    dice: Dice,
    liar: bool,
    written: u32,
}

impl Net {
    fn new(seed: u64) -> Self {
        let world = four();
        let nodes = (0..4).map(|_| Node { log: world.log.clone(), inbox: Vec::new() }).collect();
        let dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Self { world, nodes, dice, liar: seed.is_multiple_of(2), written: 0 }
    }

    fn publish(&mut self, who: usize, payload: &Payload) {
        let (log, me) = (&self.nodes[who].log, self.world.members[who]);
        let Ok(header) = log.draft(me, log.spend(me)) else { return };
        let delta = Delta::sign(header, payload, &self.world.keys[who]);
        if matches!(self.nodes[who].log.ingest(sound(&delta)), Ingest::Accepted(_)) {
            let others = self.nodes.iter_mut().enumerate().filter(|(other, _)| *other != who);
            others.for_each(|(_, node)| node.inbox.push(delta.clone()));
        }
    }

    fn vote(&mut self, who: usize) -> bool {
        let log = &self.nodes[who].log;
        let vote = log.next_vote(self.world.members[who], |body| log.covered_by(body).is_some());
        let Some(vote) = vote else { return false };
        self.publish(who, &Payload::Checkpoint(vote));
        true
    }

    fn propose(&mut self, who: usize) {
        let log = &self.nodes[who].log;
        if let Some(proposal) = log.next_proposal(self.world.members[who], || body(log)) {
            self.publish(who, &Payload::Checkpoint(proposal));
        }
    }

    fn lie(&mut self) {
        let phase = if self.dice.roll(2) == 0 { Phase::Prepare } else { Phase::Commit };
        let round = u32::try_from(self.dice.roll(4)).unwrap();
        let body = body(&self.nodes[3].log);
        self.publish(3, &Payload::Checkpoint(Checkpoint { round, phase, body }));
    }

    fn receive(&mut self, who: usize) {
        let node = &mut self.nodes[who];
        if !node.inbox.is_empty() {
            let delta = node.inbox.swap_remove(self.dice.roll(node.inbox.len()));
            if !matches!(node.log.ingest(sound(&delta)), Ingest::Accepted(_) | Ingest::Known) {
                node.inbox.push(delta);
            }
        }
    }

    /// Everybody hears late and in any order, and proposes and writes at any time.
    fn storm(&mut self, steps: usize) {
        for _ in 0..steps {
            let who = self.dice.roll(4);
            match self.dice.roll(12) {
                0 => self.propose(who),
                1 => {
                    self.written += 1;
                    let text = format!("curl -{}", self.written);
                    self.publish(who, &authored(lesson("curl", &text)));
                }
                2 if self.liar => self.lie(),
                3..=8 => self.receive(who),
                _ => drop(self.vote(who)),
            }
        }
    }

    /// What was sent arrives, and honest signers do what they owe.
    fn calm(&mut self) {
        loop {
            let mut moved = false;
            for who in 0..4 {
                for delta in std::mem::take(&mut self.nodes[who].inbox) {
                    if !matches!(self.nodes[who].log.ingest(sound(&delta)), Ingest::Known) {
                        moved |= self.nodes[who].log.get(&delta.header.id()).is_some();
                        self.nodes[who].inbox.push(delta);
                    }
                }
                moved |= (who < 3 || !self.liar) && self.vote(who);
            }
            if !moved {
                return;
            }
        }
    }

    fn epochs(&self) -> Vec<u32> {
        self.nodes[..3].iter().map(|node| node.log.open_epoch()).collect()
    }
}

#[test]
fn signers_that_hear_late_and_a_liar_among_them_end_every_epoch_once() {
    for seed in 1..=24 {
        let mut net = Net::new(seed);
        for _ in 0..3 {
            net.storm(150);
            let before = net.epochs().into_iter().max().unwrap();
            // Honest signers take turns to propose: with what arrives in time, an epoch ends within a few rounds.
            for round in 0..12 {
                net.calm();
                if net.epochs().into_iter().all(|epoch| epoch > before) {
                    break;
                }
                net.propose(round % 3);
            }
            assert!(net.epochs().into_iter().all(|epoch| epoch > before), "seed {seed}");
        }
        for node in &net.nodes {
            assert!(!node.log.is_split(), "seed {seed}");
            for other in &net.nodes {
                for (mine, theirs) in node.log.sealed().iter().zip(other.log.sealed()) {
                    assert_eq!(mine.id, theirs.id, "seed {seed}, epoch {}", mine.epoch());
                }
            }
        }
    }
}
