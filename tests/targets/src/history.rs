//! The log and the fold: deltas of members and strangers, right ones and bent ones, in any order.
//!
//! The law is that of docs/protocol.md: what counts follows from the set of deltas, never from their order. What a fork
//! excludes is not kept, and comes by sync from anybody who has it.

use std::sync::OnceLock;

use lore_protocol::delta::{Delta, Header, Spend};
use lore_protocol::identity::{SecretKey, Signature};
use lore_protocol::ids::{DeltaId, Hash, LessonId, RevisionId};
use lore_protocol::log::Log;
use lore_protocol::payload::{
    Body, Cell, FileEntry, ItemId, Leave, Mechanism, Noise, Outcomes, Payload, Revision, Revoke,
    RevokeTarget, Unit, Void, VoteEntry, Votes, WEIGHT, Window,
};
use lore_protocol::sync::{self, Round, Step};

use crate::guild::{Guild, authored, key, refold, sound};
use crate::script::Script;

/// Most steps of one history.
const MAX_ACTS: usize = 48;

pub(crate) fn run(bytes: &[u8]) {
    static BEGUN: OnceLock<Guild> = OnceLock::new();
    let mut guild = BEGUN.get_or_init(Guild::new).clone();
    let mut script = Script::new(bytes);
    let seed = u64::from(script.u32());
    for _ in 0..MAX_ACTS {
        if script.is_over() {
            break;
        }
        act(&mut guild, &mut script);
    }
    any_order_gives_the_same(&guild, seed);
}

fn any_order_gives_the_same(guild: &Guild, seed: u64) {
    let root = refold(&guild.log).root();
    let mut order: Vec<usize> = (0..guild.deltas.len()).collect();
    order.extend((0..guild.deltas.len()).filter(|n| n % 3 == 0));
    shuffle(&mut order, seed);
    let mut log = guild.empty();
    for at in order {
        let _ = log.ingest(sound(&guild.deltas[at]));
    }
    let mut first = guild.log.clone();
    // What waits for an epoch to end is on offer only afterwards.
    for _ in 0..=guild.log.open_epoch() {
        pull(&mut log, &first);
        pull(&mut first, &log);
    }
    assert_eq!(log.digest(), first.digest(), "both count the same");
    assert_eq!(log.tip().id, first.tip().id, "both sealed the same");
    assert_eq!(refold(&log).root(), refold(&first).root(), "and fold the same");
    if first.digest() == guild.log.digest() {
        assert_eq!(refold(&first).root(), root);
    }
    let bytes: usize = log.waiting().1;
    assert!(bytes <= 64 << 20, "{bytes} bytes wait");
}

fn pull(asker: &mut Log, other: &Log) {
    let (mut round, mut ask) = Round::begin(asker, Hash([7; 32]));
    loop {
        match round.handle(asker, sync::answer(other, &ask).0).1 {
            Step::Ask(next) => ask = next,
            Step::Done(_) => return,
        }
    }
}

fn shuffle(order: &mut [usize], seed: u64) {
    let mut state = seed | 1;
    for at in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(at, usize::try_from(state % (at as u64 + 1)).unwrap_or(0));
    }
}

/// Something that a member, or somebody who is none, says.
fn act(guild: &mut Guild, script: &mut Script<'_>) {
    let kind = script.byte();
    let who = script.below(guild.members.len());
    match kind % 16 {
        0 => guild.checkpoint(),
        1 => bent_checkpoint(guild, script),
        2 => admit(guild, script),
        3 => fork(guild, who, script),
        4 => alien(guild, who, script),
        5 => say(guild, who, &payload_of_bytes(script), |_| {}),
        6..=8 => {
            let payload = content(guild, script);
            say(guild, who, &payload, |_| {});
        }
        9 => {
            let payload = release(guild, script);
            let rho_nano = payload.mechanism().map_or(0, |mechanism| mechanism.rho_nano);
            say(guild, who, &payload, |header| header.spend.rho_nano += rho_nano);
        }
        _ => {
            let payload = content(guild, script);
            let known: Vec<DeltaId> = guild.deltas.iter().map(|delta| delta.header.id()).collect();
            say(guild, who, &payload, |header| bend(header, script, &known));
        }
    }
}

fn say(guild: &mut Guild, who: usize, payload: &Payload, bend: impl FnOnce(&mut Header)) {
    if let Some(delta) = guild.sign(who, payload, bend) {
        guild.say(delta);
    }
}

/// Changes a field of a header before it is signed.
fn bend(header: &mut Header, script: &mut Script<'_>, known: &[DeltaId]) {
    let some = |script: &mut Script<'_>| known[usize::from(script.byte()) % known.len()];
    match script.byte() % 14 {
        0 => header.version = script.byte(),
        1 => header.federation.0 = script.id(),
        2 => header.author.0 = script.id(),
        3 => header.author = some(script).into(),
        4 => header.seq = header.seq.saturating_add_signed(i64::from(script.byte() as i8)),
        5 => header.prev = Some(some(script)),
        6 => header.prev = None,
        7 => header.anchor.0 = script.id(),
        8 => {
            let mut deps = vec![some(script), some(script), some(script)];
            if script.byte().is_multiple_of(2) {
                deps.sort();
                deps.dedup();
            }
            header.deps = deps;
            header.depth = header.depth.saturating_add(u32::from(script.byte() % 8));
        }
        9 => header.deps = vec![DeltaId(script.id())],
        10 => header.depth = script.u32(),
        11 => header.epoch = script.u32() >> (script.byte() % 32),
        12 => header.spend = Spend { rho_nano: u64::from(script.u32()), ..header.spend },
        _ => header.spend.period = u32::from(script.byte()),
    }
}

/// The founder's end of an epoch, with something in its body changed.
fn bent_checkpoint(guild: &mut Guild, script: &mut Script<'_>) {
    let mut checkpoint = guild.proposal();
    bend_body(&mut checkpoint.body, script);
    let signer =
        if script.byte().is_multiple_of(4) { script.below(guild.members.len()) } else { 0 };
    say(guild, signer, &Payload::Checkpoint(checkpoint), |_| {});
}

fn bend_body(body: &mut Body, script: &mut Script<'_>) {
    let at = script.byte();
    match script.byte() % 9 {
        0 => body.epoch = script.u32(),
        1 => body.parent.0 = script.id(),
        2 => drop(body.frontier.pop()),
        3 => {
            let at = usize::from(at) % body.frontier.len().max(1);
            if let Some(entry) = body.frontier.get_mut(at) {
                entry.seq = u64::from(script.byte());
            }
        }
        4 => drop(body.roster.pop()),
        5 => body.signers.clear(),
        6 => body.state_root = Hash(script.id()),
        7 => body.removed.clear(),
        _ => {
            let at = usize::from(at) % body.frontier.len().max(1);
            if let Some(entry) = body.frontier.get_mut(at) {
                entry.id.0 = script.id();
            }
        }
    }
}

/// A Join and its Vouch, both or one of them, by some member.
fn admit(guild: &mut Guild, script: &mut Script<'_>) {
    let n = script.byte();
    let (join, vouch) = guild.invite(n);
    let sponsor = script.below(guild.members.len());
    let parts = script.byte();
    if parts % 4 != 1 {
        say(guild, sponsor, &vouch, |_| {});
    }
    if parts % 4 != 2 {
        let member = join.header.id().into();
        guild.say(join);
        if !guild.members.contains(&member) && guild.members.len() < 12 {
            guild.members.push(member);
            guild.keys.push(key(n));
        }
    }
}

/// Another delta at a height that has one.
fn fork(guild: &mut Guild, who: usize, script: &mut Script<'_>) {
    let of: Vec<Header> = guild.deltas.iter().map(|delta| delta.header.clone()).collect();
    let of: Vec<&Header> =
        of.iter().filter(|header| header.author == guild.members[who] && header.seq > 0).collect();
    let Some(header) = of.get(usize::from(script.byte()) % of.len().max(1)) else { return };
    let payload = authored(9, script.byte() % 4);
    let delta = Delta::sign((*header).clone(), &payload, &guild.keys[who]);
    guild.say(delta);
}

/// A delta with the signature of another key, or with none.
fn alien(guild: &mut Guild, who: usize, script: &mut Script<'_>) {
    let Some(mut delta) = guild.sign(who, &authored(8, 1), |_| {}) else { return };
    let wrong: SecretKey = key(200);
    match script.byte() % 3 {
        0 => delta.signature = Signature([script.byte(); 64]),
        1 => delta.signature.0[usize::from(script.byte()) % 64] ^= 1 | script.byte(),
        _ => delta = Delta::sign(delta.header, &authored(8, 1), &wrong),
    }
    guild.say(delta);
}

fn payload_of_bytes(script: &mut Script<'_>) -> Payload {
    let bytes = script.text();
    lore_protocol::codec::decode(bytes).unwrap_or(Payload::Void(Void { release: Hash::ZERO }))
}

/// Something that a person may publish, or decide.
fn content(guild: &Guild, script: &mut Script<'_>) -> Payload {
    let (a, b) = (script.byte(), script.byte());
    let reason = String::new();
    match script.byte() % 7 {
        0 | 1 => authored(a % 3, b % 4),
        2 => Payload::Void(Void { release: Hash([a; 32]) }),
        3 => {
            let member = guild.members[usize::from(a) % guild.members.len()];
            Payload::Revoke(Revoke { target: RevokeTarget::Member(member), reason })
        }
        4 => {
            let target = if a % 2 == 0 {
                RevokeTarget::Revision(revision(b, None).id())
            } else {
                RevokeTarget::Lesson(LessonId([b; 32]))
            };
            Payload::Revoke(Revoke { target, reason })
        }
        5 => {
            let parent = (a % 2 == 0).then(|| revision(a, None).id());
            Payload::Revision(revision(b, parent))
        }
        _ => Payload::Leave(Leave { reason }),
    }
}

fn revision(n: u8, parent: Option<RevisionId>) -> Revision {
    let bytes = [n];
    let file = FileEntry {
        path: "SKILL.md".into(),
        executable: false,
        len: 1,
        blob: lore_protocol::skill::blob_id(&bytes),
    };
    Revision {
        skill: parent.map(|parent| lore_protocol::ids::SkillId(parent.0)),
        name: format!("skill-{}", n % 3),
        description: "d".into(),
        parents: parent.into_iter().collect(),
        files: vec![file],
    }
}

/// Noisy counts of what is in the library, with any numbers.
fn release(guild: &mut Guild, script: &mut Script<'_>) -> Payload {
    guild.fold.advance(&guild.log);
    let items: Vec<ItemId> = guild.fold.sealed().ballot();
    let terms = &guild.log.charter().privacy;
    let count = |script: &mut Script<'_>| i64::from(script.u32() as i32) >> (script.byte() % 32);
    let window = Window { start_seconds: 0, end_seconds: 1 };
    let items_root = guild.log.tip().body.state_root;
    if script.byte().is_multiple_of(2) {
        let rho_nano = 31_250_000 + u64::from(script.byte() % 2);
        let mechanism = Mechanism {
            unit: Unit::User,
            noise: Noise::Gaussian,
            scale_micros: terms.votes_min_deviation_micros,
            l0: terms.keys_per_unit,
            linf: WEIGHT,
            l2_square: u64::from(WEIGHT).pow(2),
            threshold: 0,
            rho_nano,
            delta_e18: 0,
        };
        let mut votes: Vec<VoteEntry> =
            items.into_iter().map(|item| VoteEntry { item, votes: count(script) }).collect();
        votes.sort_by_key(|entry| entry.item);
        return Payload::Votes(Votes { mechanism, window, items_root, votes });
    }
    let mechanism = Mechanism {
        unit: Unit::User,
        noise: Noise::Gaussian,
        scale_micros: terms.outcomes_min_sigma_micros,
        l0: terms.l0,
        linf: 1,
        l2_square: terms.l0.into(),
        threshold: 0,
        rho_nano: 93_750_000,
        delta_e18: 0,
    };
    let mut cells: Vec<Cell> = items
        .into_iter()
        .map(|item| Cell { item, context: 0, successes: count(script), failures: count(script) })
        .collect();
    cells.sort_by_key(|cell| cell.item);
    Payload::Outcomes(Outcomes { mechanism, window, items_root, cells })
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let seed = [7, 0, 0, 0];
    let history =
        |name: &str, acts: &[&[u8]]| (name.to_owned(), [&seed[..], &acts.concat()].concat());
    // kind, who, and what the act reads.
    let lesson = |who: u8, n: u8| [6, who, n, n, 0];
    let end: &[u8] = &[0, 0];
    vec![
        history("honest", &[&lesson(1, 0), &lesson(2, 1), end, &lesson(3, 2), end]),
        history(
            "releases",
            &[
                &lesson(1, 0),
                end,
                &[9, 1, 1, 9, 0, 0, 0, 0, 3, 0, 0, 0, 0],
                end,
                &[9, 2, 0, 0, 5, 0, 0, 0, 0],
                &[9, 3, 1, 200, 1, 0, 0, 0, 9, 0, 0, 0, 0],
                end,
            ],
        ),
        history("forks", &[&lesson(1, 0), &lesson(2, 1), &[3, 1, 0, 2], end, &lesson(1, 3), end]),
        history(
            "admission",
            &[&[2, 0, 20, 1, 0], &[2, 0, 21, 2, 1], &[2, 0, 22, 0, 2], end, &lesson(4, 1), end],
        ),
        history(
            "rival-checkpoints",
            &[&lesson(1, 0), &[1, 0, 5, 6, 9, 1], end, &[1, 0, 0, 2, 1], end],
        ),
        history(
            "removal",
            &[&[6, 1, 2, 0, 3], &[6, 2, 2, 0, 3], end, &lesson(2, 0), &[6, 3, 0, 0, 6], end],
        ),
        history("revisions", &[&[6, 1, 1, 1, 5], &[6, 2, 0, 2, 5], end, &[6, 1, 0, 1, 4], end]),
        history(
            "bent-headers",
            &[
                &[10, 1, 0, 0, 0, 4, 2],
                &[10, 1, 0, 0, 0, 5, 3],
                &[10, 2, 0, 0, 0, 8, 1, 2, 3, 0, 4],
                &[10, 2, 0, 0, 0, 11, 1, 0, 0, 0, 0],
                &[10, 3, 0, 0, 0, 12, 1, 0, 0, 0],
                end,
            ],
        ),
        history("wrong-keys", &[&[4, 1, 0, 0], &[4, 2, 1, 7, 2], &[4, 3, 2], &lesson(1, 0), end]),
    ]
}
