//! Attacks of a member that joined properly and then obeys no rule: it breaks nothing beyond what the
//! protocol grants a member.

use std::collections::BTreeMap;

use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{
    MAX_PAYLOAD_BYTES, Mechanism, Noise, Outcomes, Payload, Unit, Void, Window,
};
use lore_protocol::spread::Frame;
use lore_protocol::wire::Reply;
use lore_tests::guild::{Guild, authored};
use lore_tests::log::exported;
use lore_tests::member::{Member, compared};
use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;

/// Attack of a hostile member: by gossip, and as an answer to sync; and what the node logs about each.
struct Attack {
    frame: Vec<u8>,
    reply: Vec<u8>,
    gossip_says: &'static str,
    sync_says: &'static str,
}

impl Attack {
    /// A delta that is sound by its bytes, and wrong.
    fn delta(delta: &Delta, says: &'static str) -> Self {
        Self {
            frame: codec::encode(&Frame::Full(delta.clone())),
            reply: reply(vec![delta.clone()]),
            gossip_says: says,
            sync_says: says,
        }
    }

    /// The same bent in its bytes.
    fn bent(delta: &Delta, says: &'static str, bend: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let Self { frame, reply, .. } = Self::delta(delta, says);
        Self { frame: bend(&frame), reply: bend(&reply), gossip_says: says, sync_says: says }
    }
}

fn reply(deltas: Vec<Delta>) -> Vec<u8> {
    codec::encode(&Reply::Sync(Box::new(compared(deltas))))
}

fn void(n: u8) -> Payload {
    Payload::Void(Void { release: Hash([n; 32]) })
}

fn lesson(command: &str) -> Payload {
    authored([command.to_owned()])
}

/// An outcome release with the charter's noise, that costs `rho_nano`.
fn outcomes(member: &Member, rho_nano: u64) -> Payload {
    let terms = &member.log.charter().privacy;
    let mechanism = Mechanism {
        unit: Unit::User,
        noise: Noise::Gaussian,
        scale_micros: terms.outcomes_min_sigma_micros,
        l0: terms.l0,
        linf: 1,
        l2_square: terms.l0.into(),
        threshold: 0,
        rho_nano,
        delta_e18: 0,
    };
    Payload::Outcomes(Outcomes {
        mechanism,
        window: Window { start_seconds: 0, end_seconds: 1 },
        items_root: member.log.tip().body.state_root,
        cells: Vec::new(),
    })
}

fn forged(mallory: &Member) -> Attack {
    let founder = mallory.log.founders()[0].0;
    let delta = mallory.sign_for(founder, &lesson("fetch --forged"), |_| {});
    Attack::delta(&delta, "its signature is not the author's")
}

fn truncated(mallory: &Member) -> Attack {
    let delta = mallory.sign(&lesson("fetch --cut"), |_| {});
    Attack::bent(&delta, "do not decode", |bytes| bytes[..bytes.len() - 1].to_vec())
}

fn oversized(mallory: &Member) -> Attack {
    let payload = vec![0; MAX_PAYLOAD_BYTES + 1];
    let mut delta = mallory.sign(&void(3), |_| {});
    delta.header.payload_len = u32::try_from(payload.len()).unwrap();
    delta.header.payload_hash = Hash(*blake3::hash(&payload).as_bytes());
    delta.payload = Some(payload);
    let attack = Attack::delta(&delta, "over 64 KiB");
    // No frame is long enough to hold it: one that claims to.
    delta.payload = Some(vec![0; 1_024]);
    Attack { frame: codec::encode(&Frame::Full(delta)), ..attack }
}

fn not_canonical(mallory: &Member) -> Attack {
    let delta = mallory.sign(&lesson("fetch --stretched"), |_| {});
    let short = delta.to_bytes();
    // Version, federation and author before it; a height below 251 is one byte, or three by a longer way.
    let at = 1 + 32 + 32;
    let long = [&short[..at], &[0xfb, short[at], 0], &short[at + 1..]].concat();
    Attack::bent(&delta, "not the canonical encoding", move |bytes| {
        let begins = bytes.windows(short.len()).position(|window| window == short).unwrap();
        [&bytes[..begins], &long, &bytes[begins + short.len()..]].concat()
    })
}

/// A delta of another federation, true there.
fn foreign(elsewhere: &Delta) -> Attack {
    Attack::delta(elsewhere, "it belongs to federation")
}

fn unpaid(mallory: &Member) -> Attack {
    let delta = mallory.sign(&outcomes(mallory, 1), |header| header.spend.rho_nano += 1);
    Attack::delta(&delta, "its cost does not fit its mechanism")
}

fn over_the_ceiling(mallory: &Member) -> Attack {
    let ceiling = mallory.log.charter().privacy.rho_nano;
    let delta =
        mallory.sign(&outcomes(mallory, ceiling), |header| header.spend.rho_nano = ceiling + 1);
    Attack::delta(&delta, "it is over the charter's ceiling")
}

/// Delta that a stranger signed for which no member vouched, relayed by a member.
fn of_a_stranger(mallory: &Member) -> Attack {
    let delta = mallory.sign(&lesson("fetch --strange"), |header| header.author.0 = [9; 32]);
    Attack::delta(&delta, "its author is not a member")
}

/// State that must not change.
fn state(node: &Node) -> BTreeMap<&'static str, Value> {
    let status = node.federation();
    ["root", "digest", "deltas", "waiting", "forks", "lessons"]
        .map(|key| (key, status[key].clone()))
        .into()
}

/// Says an attack both ways, and waits until the node has said why it refuses it.
fn say(attack: &Attack, mallory: &mut Member, node: &Node) {
    let before = node.log_lines(attack.gossip_says);
    mallory.gossip(&attack.frame);
    wait_until(attack.gossip_says, PATIENCE, || {
        (node.log_lines(attack.gossip_says) > before).then_some(())
    });
    let before = node.log_lines(attack.sync_says);
    mallory.answer_sync(&attack.reply);
    wait_until(attack.sync_says, PATIENCE, || {
        (node.log_lines(attack.sync_says) > before).then_some(())
    });
}

#[test]
fn a_member_that_obeys_no_rule_changes_nothing_and_the_log_says_why() {
    let cluster = Cluster::of(3);
    let Guild { ada, ben, members } = Guild::of(&cluster, 10..20);
    let other = cluster.node("eve");
    other.json(&["federation", "create", "guild"]);
    let elsewhere = exported(&other, &cluster.path().join("elsewhere"), &[]).deltas.remove(0);

    let attacks: [&dyn Fn(&Member) -> Attack; 8] = [
        &forged,
        &truncated,
        &oversized,
        &not_canonical,
        &|_| foreign(&elsewhere),
        &unpaid,
        &over_the_ceiling,
        &of_a_stranger,
    ];
    for (identity, attack) in members.iter().zip(attacks) {
        let mut mallory = identity.connect(&ada);
        let before = [&ada, &ben].map(state);
        let attack = attack(&mallory);
        say(&attack, &mut mallory, &ada);
        assert_eq!([&ada, &ben].map(state), before, "{}", attack.gossip_says);
        ada.checkpoint();
        converged(&[&ada, &ben]);
    }

    // The same ways carry what is right.
    let mut honest = members[8].connect(&ada);
    let before = ada.federation()["deltas"].as_u64().unwrap();
    let heard = honest.sign(&lesson("fetch --gossiped"), |_| {});
    honest.gossip(&codec::encode(&Frame::Full(heard)));
    wait_until("a true delta is taken from gossip", PATIENCE, || {
        [&ada, &ben].iter().all(|n| n.federation()["lessons"] == 1).then_some(())
    });
    honest.sync();
    honest.answer_sync(&reply(vec![honest.sign(&lesson("fetch --synced"), |_| {})]));
    wait_until("a true delta is taken from sync", PATIENCE, || {
        [&ada, &ben].iter().all(|n| n.federation()["lessons"] == 2).then_some(())
    });
    assert_eq!(ada.federation()["deltas"], before + 2);
    converged(&[&ada, &ben]);
}

#[test]
fn of_two_deltas_at_one_height_both_are_kept_as_proof_and_neither_counts() {
    let cluster = Cluster::of(2);
    let Guild { ada, ben, members } = Guild::of(&cluster, [20, 21]);
    let clean = converged(&[&ada, &ben]);
    let deltas = ada.federation()["deltas"].as_u64().unwrap();

    let mallory = members[0].connect(&ada);
    let [one, two, three] = ["--one", "--two", "--three"]
        .map(|flag| mallory.sign(&lesson(&format!("fetch {flag}")), |_| {}));
    mallory.gossip(&codec::encode(&Frame::Full(one.clone())));
    wait_until("the first counts", PATIENCE, || {
        [&ada, &ben].iter().all(|node| node.federation()["lessons"] == 1).then_some(())
    });
    assert_ne!(ada.root(), clean);
    mallory.gossip(&codec::encode(&Frame::Full(two)));
    let forked = |count: u64| {
        wait_until("both nodes hold the proof", PATIENCE, || {
            let proven = |node: &&Node| node.federation()["forks"] == count;
            [&ada, &ben].iter().all(proven).then_some(())
        });
        assert_eq!(converged(&[&ada, &ben]), clean, "neither counts");
        assert_eq!(ada.federation()["deltas"], deltas + 2 * count, "the proof, and no more");
    };
    forked(1);
    // What comes after the proof is refused: a third at that height, and what follows the first.
    let said = "two deltas at one height";
    let before = ada.log_lines(said);
    let next = mallory.sign(&lesson("fetch --next"), |header| {
        header.seq += 1;
        header.prev = Some(one.header.id());
        header.depth += 1;
    });
    for more in [three, next] {
        mallory.gossip(&codec::encode(&Frame::Full(more)));
    }
    wait_until("both are refused", PATIENCE, || (ada.log_lines(said) == before + 2).then_some(()));
    forked(1);

    // The same by sync, from another member.
    drop(mallory);
    let mut mallory = members[1].connect(&ada);
    let both =
        ["--four", "--five"].map(|flag| mallory.sign(&lesson(&format!("fetch {flag}")), |_| {}));
    mallory.answer_sync(&reply(both.to_vec()));
    wait_until("ada holds the proof", PATIENCE, || (ada.federation()["forks"] == 2).then_some(()));
    assert_eq!(ada.federation()["deltas"], deltas + 4);
    ada.checkpoint();
    assert_eq!(converged(&[&ada, &ben]), clean);
    assert_eq!(ben.federation()["forks"], 2);
    // Who equivocates signs nothing more; the others go on.
    let epoch = ada.checkpoint();
    converged(&[&ada, &ben]);
    assert_eq!(ben.federation()["epoch"], epoch + 1);
}
