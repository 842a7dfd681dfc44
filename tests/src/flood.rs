//! A flood of one member against a real node: what it costs the node, and who waits for it.

use std::fs;
use std::time::{Duration, Instant};

use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::ids::BlobId;
use lore_protocol::payload::{FileEntry, Payload, Revision};
use lore_protocol::sync::Ask;
use lore_protocol::wire::{Reply, Request};

use crate::guild::{Guild, authored};
use crate::member::{Member, compared, different};
use crate::node::converged;
use crate::peer::Served;
use crate::wait::{PATIENCE, wait_until};
use crate::{Cluster, Node};

/// What a flood came to.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Its bytes.
    pub bytes: usize,
    /// Memory at the peak above what the node had, in KiB.
    pub memory_kib: u64,
    /// Processor time, in seconds.
    pub cpu_seconds: f64,
    /// Time that another peer's delta took meanwhile, over the node to a third.
    pub delta: Duration,
    /// Time that a verb took meanwhile.
    pub verb: Duration,
}

fn cpu_seconds(node: &Node) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", node.pid())).expect("the kernel tells");
    let fields: Vec<&str> =
        stat.rsplit_once(')').expect("the kernel tells").1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("the kernel tells")
        + fields[12].parse::<u64>().expect("the kernel tells");
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

fn memory_kib(node: &Node, field: &str) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{}/status", node.pid())).expect("the kernel tells");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the kernel tells");
    line.split_whitespace().nth(1).expect("the kernel tells").parse().expect("the kernel tells")
}

/// So many short lessons, another set for each name.
#[must_use]
pub fn lessons(name: &str, count: usize) -> Payload {
    authored((0..count).map(|entry| format!("f {name}-{entry}")))
}

/// A skill with as many files as fit.
#[must_use]
pub fn revision(name: &str) -> Payload {
    let file = |n: usize| FileEntry {
        path: format!("references/{n:04}-{}", "x".repeat(40)),
        executable: false,
        len: 1,
        blob: BlobId([7; 32]),
    };
    Payload::Revision(Revision {
        skill: None,
        name: format!("skill-{name}"),
        description: "d".into(),
        parents: Vec::new(),
        files: (0..700).map(file).collect(),
    })
}

/// A chain of a member, whether its own log would take it or not.
fn chain(member: &Member, payloads: impl Iterator<Item = Payload>) -> Vec<Delta> {
    let mut made: Vec<Delta> = Vec::new();
    for payload in payloads {
        let before = made.last().map(|delta| delta.header.clone());
        made.push(member.sign(&payload, |header| {
            if let Some(before) = before {
                header.seq = before.seq + 1;
                header.depth = before.depth + 1;
                header.prev = Some(before.id());
            }
        }));
    }
    made
}

/// Gives a node deltas as answers to its questions, batch by batch.
fn flood(mallory: &mut Member, deltas: &[Delta]) {
    let mut batches: Vec<&[Delta]> = deltas.chunks(40).collect();
    batches.reverse();
    let different = codec::encode(&Reply::Sync(Box::new(different())));
    mallory.peer.serve("the node asks for what it lacks", |request| match request {
        Request::Sync { ask: Ask::Digest(_), .. } => Served::Reply(different.clone()),
        Request::Sync { ask: Ask::Compare { .. }, .. } => {
            let deltas = batches.pop().map(<[Delta]>::to_vec).unwrap_or_default();
            let more = !batches.is_empty();
            let reply = codec::encode(&Reply::Sync(Box::new(compared(deltas))));
            if more { Served::Reply(reply) } else { Served::Last(reply) }
        }
        _ => Served::Reply(codec::encode(&Reply::Refused("a test has no more to say".into()))),
    });
}

/// All that the quotas allow one member, by the number of the member.
#[must_use]
pub fn all_that_is_allowed(who: u8) -> Vec<Payload> {
    let lessons = (0..8).map(|number| lessons(&format!("{who}-{number}"), 128));
    lessons.chain((0..100).map(|number| revision(&format!("{who}-{number}")))).collect()
}

/// More lessons than the quotas allow: what once made 171,900 directories.
#[must_use]
pub fn more_than_is_allowed(_: u8) -> Vec<Payload> {
    (0..95).map(|number| lessons(&number.to_string(), 3_300)).collect()
}

/// Some members flood a node at once. It takes in so many deltas of each.
///
/// # Panics
/// Panics when the node does not go on as it should.
#[must_use]
pub fn cost_of(hostile_count: u8, payloads: fn(u8) -> Vec<Payload>, taken: u64) -> Cost {
    let cluster = Cluster::of(2);
    let Guild { ada, ben, members } = Guild::of(&cluster, 70..=70 + hostile_count);
    let (honest, hostile) = members.split_first().expect("there are members");
    let mut honest = honest.connect(&ada);
    let mut floods: Vec<(Member, Vec<Delta>)> = (0..)
        .zip(hostile)
        .map(|(n, identity)| {
            let mallory = identity.connect(&ada);
            let deltas = chain(&mallory, payloads(n).into_iter());
            (mallory, deltas)
        })
        .collect();
    let taken = taken * floods.len() as u64;
    let all = floods.iter().flat_map(|(_, deltas)| deltas);
    let bytes: usize = all.map(|delta| delta.to_bytes().len()).sum();
    assert!(bytes >= 5_600_000 * floods.len(), "{bytes} bytes are a smaller flood");

    let (memory, cpu) = (memory_kib(&ada, "VmRSS:"), cpu_seconds(&ada));
    let known = ben.federation()["lessons"].as_u64().expect("a number");
    let before = ada.federation()["deltas"].as_u64().expect("a number");
    std::thread::scope(|threads| {
        for (mallory, deltas) in &mut floods {
            threads.spawn(|| flood(mallory, deltas));
        }
    });
    // Another peer's delta arrives meanwhile, also at others, and verbs answer.
    let begun = Instant::now();
    honest.publish(&lessons("honest", 1));
    wait_until("the honest lesson is at ben", PATIENCE, || {
        (ben.federation()["lessons"].as_u64()? > known).then_some(())
    });
    let delta = begun.elapsed();
    let begun = Instant::now();
    let _ = ada.federation();
    let verb = begun.elapsed();
    // The honest lesson is one of them.
    wait_until("the node took in what it may", PATIENCE, || {
        (ada.federation()["deltas"].as_u64()? > before + taken).then_some(())
    });
    assert_eq!(ada.federation()["deltas"], before + taken + 1, "and no more");
    ada.checkpoint();
    converged(&[&ada, &ben]);
    let memory_kib = memory_kib(&ada, "VmHWM:").saturating_sub(memory);
    let cpu_seconds = cpu_seconds(&ada) - cpu;
    Cost { bytes, memory_kib, cpu_seconds, delta, verb }
}
