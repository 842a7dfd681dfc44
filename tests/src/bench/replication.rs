//! Costs of replication: bytes, questions and time, each beside a control arm of the same run.

use std::collections::BTreeSet;

use lore_protocol::codec;
use lore_protocol::delta::Sound;
use lore_protocol::ids::{DeltaId, FederationId, Hash, MemberId};
use lore_protocol::library::Fold;
use lore_protocol::log::Log;
use lore_protocol::sync::{Answer, Done, Round, Step, answer};
use lore_protocol::wire::{Reply, Request};
use lore_simulations::scenario::Scenario;
use lore_simulations::world;
use serde_json::{Value, json};

use super::federation::Federation;
use super::{ingest, scale};
use crate::flood::{all_that_is_allowed, cost_of, more_than_is_allowed};

/// Size of a measurement.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Epochs of 2,000 deltas, of 200 members, that both sides of a round hold.
    pub epochs: usize,
    /// Deltas that each member published since.
    pub newest: usize,
    /// Epochs of the log with which a node starts, and lessons of the library onto which one delta comes.
    pub scale: (usize, usize),
    /// Epochs and repetitions of [`ingest::run`].
    pub ingest: (usize, usize),
}

/// Bytes of one round, as they travel, and what it came to.
#[derive(Debug, Clone, Default)]
struct Cost {
    /// Of questions and answers, without the deltas in them.
    beside: usize,
    /// Of the deltas.
    deltas: usize,
    sent: usize,
    /// Questions up to the one whose answer has the first deltas; else all.
    rounds: usize,
    in_sync: bool,
}

fn round(federation: FederationId, asker: &mut Log, other: &Log) -> Cost {
    let (mut round, mut ask) = Round::begin(asker, Hash([7; 32]));
    let mut cost = Cost::default();
    loop {
        let (answer, _) = answer(other, &ask);
        let deltas = match &answer {
            Answer::Compared { deltas, .. } | Answer::Deltas { deltas, .. } => deltas.as_slice(),
            _ => &[],
        };
        let bytes: usize = deltas.iter().map(|delta| codec::encode(delta).len()).sum();
        cost.rounds += usize::from(cost.sent == 0);
        cost.sent += deltas.len();
        cost.deltas += bytes;
        cost.beside += codec::encode(&Request::Sync { federation, ask }).len();
        cost.beside += codec::encode(&Reply::Sync(Box::new(answer.clone()))).len() - bytes;
        match round.handle(asker, answer).1 {
            Step::Ask(next) => ask = next,
            Step::Done(done) => {
                cost.in_sync = done == Done::InSync;
                return cost;
            }
        }
    }
}

/// A log with some deltas left out, and what rests on them.
fn without(all: &Federation, left_out: impl Fn(usize, MemberId) -> bool) -> Log {
    let mut log = Log::new(all.charter.clone()).expect("it opens");
    let mut cut: BTreeSet<DeltaId> = BTreeSet::new();
    for (place, sound) in all.deltas.iter().enumerate() {
        let rests = sound.header().prev.is_some_and(|prev| cut.contains(&prev));
        if rests || left_out(place, sound.chain()) {
            cut.insert(sound.id);
        } else {
            drop(log.ingest(sound.clone()));
        }
    }
    log
}

/// A round of two that hold the same, of one that lacks the newest, and of one that lacks the ends of chains.
fn rounds(size: Size) -> Value {
    let mut all = Federation::made(200, size.epochs, 10);
    let federation = all.log.federation();
    let shared = all.log.clone();
    let before = all.deltas.len();
    all.publish_each(size.newest);
    let same = round(federation, &mut all.log.clone(), &all.log);
    assert!(same.in_sync && same.sent == 0);
    let lacks = all.deltas.len() - before;
    let mut asker = shared;
    let newest = round(federation, &mut asker, &all.log);
    assert!(newest.in_sync && newest.sent == lacks && asker.digest() == all.log.digest());
    // Every tenth chain ends somewhere in the last two epochs.
    let ends: Vec<MemberId> = all.members().iter().skip(5).step_by(10).copied().collect();
    let span = 2 * 2_000 / ends.len();
    let last = before.saturating_sub(2 * 2_000);
    let end_of = |author: MemberId| ends.iter().position(|end| *end == author);
    let mut asker =
        without(&all, |place, author| end_of(author).is_some_and(|n| place >= last + n * span));
    let scattered_lacks = all.log.len() - asker.len();
    let scattered = round(federation, &mut asker, &all.log);
    assert_eq!(asker.digest(), all.log.digest());
    let each = |cost: &Cost, lacks: usize| cost.beside as f64 / lacks as f64;
    json!({
        "deltas": all.deltas.len(),
        "in_sync": { "bytes": same.beside, "rounds": same.rounds },
        "newest": {
            "lacks": lacks, "bytes_per_id": each(&newest, lacks), "rounds": newest.rounds,
            "control_bytes_per_id": 32, "delta_bytes": newest.deltas,
        },
        "scattered": {
            "lacks": scattered_lacks, "bytes_per_id": each(&scattered, scattered_lacks),
            "rounds": scattered.rounds, "control_bytes_per_id": 32, "chains": ends.len(),
        },
    })
}

/// All bytes that a node without anything is sent, beside the library that comes of them, compressed.
fn cold_join() -> Value {
    let all = Federation::made(20, 8, 100);
    let mut log = Log::new(all.charter.clone()).expect("it opens");
    let cost = round(all.log.federation(), &mut log, &all.log);
    assert!(cost.in_sync);
    let mut fold = Fold::default();
    fold.advance(&log);
    let library = codec::encode(&fold.library(&log));
    let compressed = miniz_oxide::deflate::compress_to_vec(&library, 6).len();
    let log: Vec<u8> = all.deltas.iter().flat_map(|sound: &Sound| sound.delta.to_bytes()).collect();
    json!({
        "deltas": all.deltas.len(),
        "bytes": cost.beside + cost.deltas,
        "library_bytes": library.len(),
        "compressed_library_bytes": compressed,
        "compressed_log_bytes": miniz_oxide::deflate::compress_to_vec(&log, 6).len(),
        "ratio": (cost.beside + cost.deltas) as f64 / compressed as f64,
    })
}

/// Fifty nodes in virtual time: the engines of real nodes over a simulated overlay.
fn gossip() -> Value {
    const SCENARIO: &str = r#"
        name = "replication"
        nodes = 50
        seed = 1
        settle_s = 120
        [work]
        deltas_per_node = 4
        spread_s = 60
        payload_bytes = 1000
        [network]
        latency = { plane = { min_ms = 10, span_ms = 40 } }
        [gossip]
        degree = 6
        [sync]
        period_ms = 20000
        timeout_ms = 5000
        [checkpoints]
        period_ms = 30000
    "#;
    let scenario: Scenario = Scenario::parse(SCENARIO).expect("a scenario");
    let outcome = world::run(&scenario, 1, |_| {}).expect("it runs");
    let found = outcome.deliveries;
    let control = found.payload_bytes + 64 * found.pairs;
    let [t99, shortest] = [outcome.t99_micros, outcome.t99_shortest_micros]
        .map(|time| time.expect("something was published") as f64);
    json!({
        "deliveries": found.pairs,
        "missed": found.missed,
        "ok": outcome.ok,
        "payload_bytes": found.payload_bytes / found.pairs.max(1),
        "bytes_ratio": outcome.tally.gossip_bytes as f64 / control as f64,
        "sync_bytes_ratio": outcome.tally.sync_bytes as f64 / control as f64,
        "t99_micros": outcome.t99_micros,
        "t99_shortest_path_micros": outcome.t99_shortest_micros,
        "propagation_ratio": t99 / shortest,
    })
}

/// The larger of the costs of two floods against a real node.
fn flood() -> Value {
    let costs = [cost_of(1, more_than_is_allowed, 0), cost_of(1, all_that_is_allowed, 108)];
    let most = |of: fn(&crate::flood::Cost) -> f64| costs.iter().map(of).fold(0.0, f64::max);
    json!({
        "rss_mib": most(|cost| cost.memory_kib as f64 / 1024.0),
        "cpu_s": most(|cost| cost.cpu_seconds),
        "other_peer_s": most(|cost| cost.delta.as_secs_f64()),
        "verb_s": most(|cost| cost.verb.as_secs_f64()),
    })
}

/// Measures all of it. Bars are beside the figures that have one.
///
/// # Panics
/// Panics when two logs that should agree do not.
#[must_use]
pub fn run(size: Size) -> Value {
    eprintln!("ingest, and batch verification alone");
    let ingest = ingest::run(size.ingest.0, size.ingest.1);
    eprintln!("rounds of two logs");
    let rounds = rounds(size);
    eprintln!("a node that joins with nothing");
    let cold = cold_join();
    eprintln!("fifty nodes in virtual time");
    let gossip = gossip();
    eprintln!("a start with many deltas, and one delta onto many lessons");
    let scale = scale::run(size.scale.0, size.scale.1);
    eprintln!("floods against a real node");
    let flood = flood();
    let questions = ["in_sync", "newest"].map(|part| rounds[part]["rounds"].as_u64());
    json!({
        "ingest_share_of_batch_verify": ingest["share_of_batch"],
        "sync_in_sync_bytes": rounds["in_sync"]["bytes"],
        "sync_newest_bytes_per_id": rounds["newest"]["bytes_per_id"],
        "sync_scattered_bytes_per_id": rounds["scattered"]["bytes_per_id"],
        "sync_rounds": questions.into_iter().max(),
        "gossip_bytes_ratio": gossip["bytes_ratio"],
        "missed_deliveries": gossip["missed"],
        "propagation_ratio": gossip["propagation_ratio"],
        "cold_join_bytes_ratio": cold["ratio"],
        "flood_rss_mib": flood["rss_mib"],
        "flood_other_peer_s": flood["other_peer_s"],
        "start_s_for_a_million_deltas": scale["start"]["seconds_for_a_million"],
        "start_mib_for_a_million_deltas": scale["start"]["mib_for_a_million"],
        "fold_one_delta_micros": scale["fold"]["micros"],
        "parts": {
            "scale": scale, "ingest": ingest, "rounds": rounds, "cold_join": cold, "gossip": gossip, "flood": flood,
        },
    })
}

/// Figures with the bar that was set for each: most, or least where the flag says so.
pub const BARS: [(&str, f64, bool); 11] = [
    ("ingest_share_of_batch_verify", 0.7, true),
    ("sync_in_sync_bytes", 400.0, false),
    ("sync_newest_bytes_per_id", 40.0, false),
    ("sync_rounds", 4.0, false),
    ("gossip_bytes_ratio", 1.5, false),
    ("missed_deliveries", 0.0, false),
    ("flood_rss_mib", 150.0, false),
    ("start_s_for_a_million_deltas", 5.0, false),
    ("start_mib_for_a_million_deltas", 2048.0, false),
    ("fold_one_delta_micros", 100.0, false),
    ("flood_other_peer_s", 2.0, false),
];
