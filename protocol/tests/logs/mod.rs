//! Logs that two implementations have to judge alike: small federations to which much happens, as an export holds them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod quotas;

use std::collections::BTreeMap;

use lore_protocol::charter::SignedCharter;
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Header, Spend};
use lore_protocol::identity::{SecretKey, Signature, Signer as _};
use lore_protocol::ids::{DeltaId, FederationId, Hash, InvitationId, MemberId};
use lore_protocol::lesson::LessonKey;
use lore_protocol::library::Fold;
use lore_protocol::log::Log;
use lore_protocol::payload::{
    Body, Checkpoint, FrontierEntry, ItemId, Leave, Payload, Phase, RevokeTarget, RotateKey,
    Signers, Vouch,
};

use super::world::{self, World, authored, bent, key, lesson, pitfall, recovery_key, void};

/// An exported log: its charter, and the bytes of each delta by the name of its file.
pub struct Export {
    pub charter: SignedCharter,
    pub files: BTreeMap<DeltaId, Vec<u8>>,
}

impl Export {
    fn of(world: &World) -> Self {
        let file = |delta: &Delta| (delta.header.id(), delta.to_bytes());
        let files = world.deltas.iter().map(file).collect();
        Self { charter: world.log.signed_charter().clone(), files }
    }

    fn put(&mut self, delta: &Delta) {
        self.files.insert(delta.header.id(), delta.to_bytes());
    }

    /// The files of a log as one, by which the repository keeps them.
    pub fn packed(&self) -> Vec<u8> {
        codec::encode(&self.files.clone().into_iter().collect::<Vec<_>>())
    }

    pub fn unpacked(charter: &[u8], deltas: &[u8]) -> Self {
        let files: Vec<(DeltaId, Vec<u8>)> = codec::decode(deltas).unwrap();
        Self { charter: codec::decode(charter).unwrap(), files: files.into_iter().collect() }
    }
}

pub fn all() -> [(&'static str, Export); 9] {
    [
        ("members", members()),
        ("fork", fork()),
        ("strays", strays()),
        ("signers", signers()),
        ("new-key", new_key()),
        ("split", split()),
        ("healed", healed()),
        ("quotas", quotas::quotas()),
        ("vouched", vouched()),
    ]
}

/// Releases of every kind, an invitee of an invitee, one that leaves, one that two voices revoke.
fn members() -> Export {
    let mut world = World::with_limits(|limits| limits.members_per_voice = 2);
    world.admit_and_seal(3);
    world.admit_by(1, 9, 8, 100);
    world.checkpoint();
    // Past its epoch, past its uses, past the room of a voice, and a key that was a member's.
    world.admit(10, 100, 2);
    world.admit(11, 1, 100);
    world.admit_by(1, 12, 100, 100);
    world.publish(2, &vouch_for(&world, 1));
    // A signer may cover Joins that stay outside, though it should not.
    let mut whole = body(&world.log);
    let outside = &world.members[5..];
    whole.frontier.extend(outside.iter().map(|member| FrontierEntry {
        author: *member,
        seq: 0,
        id: DeltaId(member.0),
    }));
    whole.frontier.sort();
    world.publish(0, &commit(0, &whole));
    assert_eq!((world.log.open_epoch(), world.log.tip().roster.len()), (4, 5));
    let found = lesson("curl", "curl -s <arg>");
    let remedy = pitfall("jq", "--raw");
    let item = ItemId::Lesson(remedy.id());
    world.publish(1, &authored(remedy));
    world.checkpoint();
    world.outcomes(1, &[(item, 3, 1)]);
    world.costs(2, &[(item, 12)]);
    world.votes(4, &[(item, 9)]);
    world.publish(2, &void());
    world.publish(3, &Payload::Leave(Leave { reason: "enough".into() }));
    world.checkpoint();
    world.lessons(1, &[(LessonKey::Primary(found), 40)]);
    let gone = RevokeTarget::Member(world.members[4]);
    world.revoke(&[0, 2], gone);
    world.checkpoint();
    world.publish(1, &authored(lesson("git", "git open")));
    Export::of(&world)
}

/// Two voices must vouch: one does, two of one voice do, two agree late, and one agrees with a wrong key.
fn vouched() -> Export {
    let mut world = World::with_limits(|limits| limits.vouches = Some(2));
    world.admit_and_seal(3);
    world.admit_by(1, 9, 8, 100);
    world.publish(2, &agreement(&world, 4, 1));
    world.admit_by(1, 10, 8, 100);
    world.admit_by(2, 11, 8, 100);
    // For the Join of one, with the key of another.
    let Payload::Vouch(crossed) = agreement(&world, 5, 3) else { unreachable!() };
    world.publish(3, &Payload::Vouch(Vouch { key: world.keys[6].public_key(), ..crossed }));
    world.checkpoint();
    world.publish(4, &agreement(&world, 6, 2));
    world.publish(1, &agreement(&world, 6, 4));
    world.publish(1, &agreement(&world, 5, 0));
    world.publish(4, &agreement(&world, 5, 6));
    world.checkpoint();
    world.publish(2, &agreement(&world, 6, 0));
    world.publish(3, &agreement(&world, 6, 7));
    world.checkpoint();
    assert_eq!(world.log.tip().roster.len(), 6);
    Export::of(&world)
}

/// A Vouch for the Join of `who`, which names invitation `n`. That of its Join is 0.
fn agreement(world: &World, who: usize, n: u8) -> Payload {
    Payload::Vouch(Vouch {
        join: DeltaId(world.members[who].0),
        key: world.keys[who].public_key(),
        invitation: InvitationId([n; 32]),
        uses: 8,
        expires_epoch: 99,
    })
}

/// A Vouch for a key that is a member's.
fn vouch_for(world: &World, who: usize) -> Payload {
    Payload::Vouch(Vouch {
        join: DeltaId(world.members[who].0),
        key: world.keys[who].public_key(),
        invitation: InvitationId([8; 32]),
        uses: 9,
        expires_epoch: 99,
    })
}

/// A member that forks is excluded; another's delta rests on one of its branches, and it goes on in vain.
fn fork() -> Export {
    let mut world = World::with_members(2);
    world.publish(1, &authored(lesson("curl", "curl -good")));
    world.checkpoint();
    let one = world.publish(1, &authored(lesson("curl", "curl -one")));
    world.publish(1, &authored(lesson("curl", "curl -after")));
    world.publish_on(2, one, &authored(lesson("git", "git -rests")));
    for text in ["curl -two", "curl -three"] {
        world.fork(1, one, &authored(lesson("curl", text)));
    }
    world.checkpoint();
    world.publish(2, &authored(lesson("git", "git -later")));
    world.checkpoint();
    Export::of(&world)
}

/// A sound log, and beside it what nobody should have written.
fn strays() -> Export {
    let mut world = World::with_members(3);
    world.publish(1, &authored(lesson("curl", "curl -a")));
    let mut export = Export::of(&world);
    let bend = |who: usize, change: &dyn Fn(&mut Header)| bent(&world, who, &void(), change);
    let mut forged = bend(2, &|_| {});
    forged.signature = key(77).sign(&forged.header.signed_bytes());
    let foreign = bend(2, &|header| header.federation = FederationId([9; 32]));
    let deep = bend(2, &|header| header.depth += 1);
    let early = bend(2, &|header| header.epoch += 1);
    let spender = bend(2, &|header| header.spend.rho_nano = u64::MAX);
    let orphan = bend(2, &|header| {
        header.seq += 7;
        header.prev = Some(DeltaId([5; 32]));
    });
    let usurper = Payload::Signers(Signers { members: vec![world.members[3]] });
    let usurper = bent(&world, 3, &usurper, |_| {});
    let release = {
        let mut other = World::with_members(3);
        let item = ItemId::Lesson(lesson("curl", "curl -a").id());
        let id = other.outcomes(2, &[(item, 1, 1)]);
        let entry = other.log.get(&id).unwrap();
        let mut header = entry.header().clone();
        header.spend = Spend { period: header.spend.period, ..Spend::default() };
        Delta::sign(header, &entry.payload(), &other.keys[2])
    };
    let (_, stranger) = world.join(50);
    for delta in [forged, foreign, deep, early, spender, orphan, usurper, release, stranger] {
        export.put(&delta);
    }
    let cut = world.deltas[3].to_bytes()[..200].to_vec();
    export.files.insert(DeltaId([1; 32]), cut);
    export.files.insert(DeltaId([2; 32]), world.deltas[3].to_bytes());
    export
}

fn body(log: &Log) -> Body {
    let mut fold = Fold::default();
    fold.advance(log);
    fold.propose(log)
}

fn word(world: &World, who: &[usize]) -> Payload {
    let mut members: Vec<MemberId> = who.iter().map(|n| world.members[*n]).collect();
    members.sort();
    Payload::Signers(Signers { members })
}

fn commit(round: u32, body: &Body) -> Payload {
    Payload::Checkpoint(Checkpoint { round, phase: Phase::Commit, body: body.clone() })
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
    assert_eq!(world.log.open_epoch(), epoch + 1);
}

/// Four signers, who replace the founder; then it is revoked, and one of them leaves.
fn signers() -> Export {
    let mut world = World::with_members(4);
    let four = word(&world, &[0, 1, 2, 3]);
    world.publish(0, &four);
    world.checkpoint();
    let founder = RevokeTarget::Member(world.members[0]);
    world.revoke(&[1, 2], founder);
    seal(&mut world, &[1, 2, 3]);
    assert!(world.is_on_roster(0), "who signs cannot be revoked");
    let three = word(&world, &[1, 2, 3]);
    for signer in [1, 2, 3] {
        world.publish(signer, &three);
    }
    seal(&mut world, &[3, 2, 1]);
    assert!(world.is_on_roster(0), "old words do not count by themselves");
    world.revoke(&[4], founder);
    seal(&mut world, &[2, 1, 3]);
    assert!(!world.is_on_roster(0));
    let open = world.log.open_epoch();
    let early = body(&world.log);
    let _ = [1, 2].map(|signer| world.publish(signer, &commit(0, &early)));
    assert_eq!(world.log.open_epoch(), open, "two of three are no quorum");
    world.publish(3, &Payload::Leave(Leave { reason: String::new() }));
    let last = body(&world.log);
    let _ = [1, 2, 3].map(|signer| world.publish(signer, &commit(1, &last)));
    assert_eq!(world.log.open_epoch(), open + 1);
    let two = body(&world.log);
    world.publish(1, &commit(0, &two));
    Export::of(&world)
}

/// The member's delta that gives it a new key, after the newest of its chain that counts or after `last_good`.
fn rotate(world: &mut World, who: usize, last_good: Option<DeltaId>, recovery: u8) {
    let delta = rotation(world, who, last_good, recovery);
    world.push(delta);
    world.keys[who] = key(new_seed(who));
}

const fn new_seed(who: usize) -> u8 {
    200 + who as u8
}

fn rotation(world: &World, who: usize, last_good: Option<DeltaId>, recovery: u8) -> Delta {
    let (member, recovery) = (world.members[who], recovery_key(recovery));
    let new = key(new_seed(who));
    let last_good = last_good.unwrap_or_else(|| world.log.head(member).unwrap().1);
    let before = world.log.get(&last_good).unwrap().header().clone();
    let mut rotate = RotateKey {
        member,
        new_key: new.public_key(),
        last_good: (before.seq, last_good),
        keeps: world.log.kept_beside(),
        recovery_key: recovery.public_key(),
        recovery_signature: Signature([0; 64]),
    };
    rotate.recovery_signature = recovery.sign(&rotate.signed_bytes(world.log.federation()));
    let header = Header {
        author: member,
        seq: before.seq + 1,
        prev: Some(last_good),
        depth: before.depth + 1,
        anchor: world.log.tip().id,
        epoch: world.log.open_epoch(),
        spend: world.log.spend(member),
        deps: Vec::new(),
        ..before
    };
    Delta::sign(header, &Payload::RotateKey(rotate), &new)
}

/// A new key ends a fork and voids both branches; another member's new key follows its old one, whose thief goes on.
fn new_key() -> Export {
    let mut world = World::with_members(3);
    let good = world.publish(1, &authored(lesson("curl", "curl -good")));
    let one = world.publish(1, &authored(lesson("curl", "curl -one")));
    world.fork(1, one, &authored(lesson("curl", "curl -two")));
    rotate(&mut world, 1, Some(good), 2);
    world.publish(1, &authored(lesson("curl", "curl -three")));
    let old = world.keys[2].clone();
    let header = world.log.draft(world.members[2], world.log.spend(world.members[2])).unwrap();
    rotate(&mut world, 2, None, 3);
    let below = world.publish(3, &authored(lesson("curl", "curl -covered")));
    world.publish(3, &authored(lesson("curl", "curl -too")));
    world.checkpoint();
    world.publish(2, &authored(lesson("git", "git -new")));
    // Below what a checkpoint covers: it is void, and so is what follows it.
    let fallen = rotation(&world, 3, Some(below), 4);
    world.push(fallen.clone());
    world.publish(3, &authored(lesson("git", "git -old")));
    world.checkpoint();
    let after = Header {
        seq: fallen.header.seq + 1,
        prev: Some(fallen.header.id()),
        depth: fallen.header.depth + 1,
        ..fallen.header
    };
    let after = Delta::sign(after, &authored(lesson("git", "git -fallen")), &key(new_seed(3)));
    let mut export = Export::of(&world);
    export.put(&Delta::sign(header, &authored(lesson("git", "git -stolen")), &old));
    let header = world.log.draft(world.members[2], world.log.spend(world.members[2])).unwrap();
    export.put(&Delta::sign(header, &authored(lesson("git", "git -late")), &old));
    export.put(&after);
    export
}

/// One side of a split that goes on by itself for some epochs.
fn side(world: &World, n: usize, epochs: u32) -> Vec<Delta> {
    let (mut log, mut made) = (world.log.clone(), Vec::new());
    let mut add = |log: &mut Log, who: usize, payload: &Payload| {
        let header = log.draft(world.members[who], log.spend(world.members[who])).unwrap();
        let delta = Delta::sign(header, payload, &world.keys[who]);
        let _ = log.ingest(world::sound(&delta));
        made.push(delta);
    };
    for epoch in 0..epochs {
        add(&mut log, n, &authored(lesson("curl", &format!("curl -side{n} -epoch{epoch}"))));
        let body = body(&log);
        add(&mut log, 0, &commit(0, &body));
    }
    add(&mut log, n, &authored(lesson("wget", &format!("wget -side{n}"))));
    made
}

/// A founder that was rolled back seals epochs twice, and its new key settles it; a thief seals on with the old one.
fn split() -> Export {
    let mut world = World::with_members(2);
    let old: SecretKey = world.keys[0].clone();
    let made = [side(&world, 1, 3), side(&world, 2, 1)].concat();
    for delta in made.iter().chain(&made) {
        let _ = world.log.ingest(world::sound(delta));
    }
    world.deltas.extend(made);
    assert!(world.log.is_split());
    let (seq, prev) = world.log.head(world.members[0]).unwrap();
    rotate(&mut world, 0, None, 1);
    let next = body(&world.log);
    assert!(!world.log.is_split());
    while world.log.open_epoch() < world.log.newest_epoch() {
        world.checkpoint();
    }
    world.publish(1, &authored(lesson("git", "git -on")));
    let mut export = Export::of(&world);
    let before = world.log.get(&prev).unwrap().header().clone();
    let stolen = Header {
        author: world.members[0],
        seq: seq + 1,
        prev: Some(prev),
        depth: before.depth + 1,
        anchor: next.parent,
        epoch: next.epoch,
        spend: Spend { period: world.log.charter().period(next.epoch), ..Spend::default() },
        deps: Vec::new(),
        ..before
    };
    let next = Body { state_root: Hash([4; 32]), ..next };
    let stolen = Delta::sign(stolen, &commit(0, &next), &old);
    export.put(&stolen);
    export
}

/// Four signers, two of whom commit to two bodies; a checkpoint names the one that does not stand.
fn healed() -> Export {
    let mut world = World::with_members(3);
    let four = word(&world, &[0, 1, 2, 3]);
    world.publish(0, &four);
    world.checkpoint();
    let one = body(&world.log);
    world.publish(3, &authored(lesson("curl", "curl -late")));
    let two = body(&world.log);
    for who in [0, 1, 2] {
        world.publish(who, &commit(0, &one));
    }
    for who in [0, 1, 3] {
        let (seq, prev) = world.log.head(world.members[who]).unwrap();
        let before = world.log.get(&prev).unwrap().header().clone();
        let header = Header {
            author: world.members[who],
            seq: seq + 1,
            prev: Some(prev),
            depth: before.depth + 1,
            anchor: two.parent,
            epoch: two.epoch,
            spend: Spend { period: world.log.charter().period(two.epoch), ..before.spend },
            ..before
        };
        world.push(Delta::sign(header, &commit(1, &two), &world.keys[who]));
    }
    let mut body = body(&world.log);
    body.healed = world.log.splits();
    assert_eq!(body.healed.len(), 1);
    for who in [0, 2, 3] {
        let member = world.members[who];
        let header = world.log.draft_anyway(member, world.log.spend(member)).unwrap();
        world.push(Delta::sign(header, &commit(0, &body), &world.keys[who]));
    }
    assert!(!world.log.is_split());
    world.publish(1, &authored(lesson("curl", "curl -after")));
    Export::of(&world)
}
