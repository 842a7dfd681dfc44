//! Attacks of a hostile member, stranger or relay on a log: they put in nothing that the charter does not
//! grant a member.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::charter::join_header;
use lore_protocol::delta::{Delta, MAX_DELTA_BYTES, Malformed};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{CheckpointId, DeltaId, Hash, InvitationId, MemberId};
use lore_protocol::log::{Fault, Ingest, Log, MAX_WAITING_PER_AUTHOR, Missing};
use lore_protocol::payload::{
    Join, LessonEntry, Lessons, Origin, Payload, Revoke, RevokeTarget, Vouch,
};
use world::{World, authored, bent, key, lesson, refusal, sound, void};

#[test]
fn only_the_author_signs_for_its_chain() {
    let mut world = World::with_members(2);
    let mut delta = world.make(1, &void(), 0);
    delta.signature = world.make(2, &void(), 0).signature;
    assert_eq!(refusal(&mut world.log, &delta), Fault::Forged);
    let by_another = Delta::sign(delta.header.clone(), &void(), &world.keys[2]);
    assert_eq!(refusal(&mut world.log, &by_another), Fault::Forged);
    let (_, mut join) = world.join(9);
    join.signature = delta.signature;
    assert_eq!(refusal(&mut world.log, &join), Fault::Forged);
}

#[test]
fn a_stranger_writes_nothing() {
    let mut world = World::with_members(1);
    let (secret, join) = world.join(9);
    assert_eq!(
        world.log.ingest(sound(&join)),
        Ingest::Waiting(Missing::Vouch(join.header.id())),
        "a Join alone admits nobody"
    );
    let header = lore_protocol::delta::Header {
        author: join.header.id().into(),
        seq: 1,
        prev: Some(join.header.id()),
        depth: 2,
        anchor: world.log.tip().id,
        epoch: world.log.open_epoch(),
        ..join.header.clone()
    };
    let delta = Delta::sign(header, &void(), &secret);
    assert_eq!(refusal(&mut world.log, &delta), Fault::NotMember);
}

#[test]
fn a_delta_counts_in_its_own_federation_only() {
    let mut world = World::with_members(1);
    let mut charter = world.log.charter().clone();
    charter.nonce = Hash([8; 32]);
    let mut other = Log::new(charter.sign(&key(1)).unwrap()).unwrap();
    let here = world.log.federation();
    for delta in world.deltas.clone() {
        assert_eq!(refusal(&mut other, &delta), Fault::Foreign(here));
    }
    let foreign = bent(&world, 1, &void(), |header| header.federation = other.federation());
    assert_eq!(refusal(&mut world.log, &foreign), Fault::Foreign(other.federation()));
}

#[test]
fn bytes_have_one_form_and_a_limit() {
    let world = World::with_members(1);
    let bytes = world.make(1, &void(), 0).to_bytes();
    assert!(Delta::parse(&bytes).is_ok());
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(Delta::parse(&longer), Err(Malformed::Codec(_))));
    for cut in 0..bytes.len() {
        assert!(Delta::parse(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    // The first byte is the version; 5 in three bytes is not its one encoding.
    let stretched = [&[0xfb, bytes[0], 0], &bytes[1..]].concat();
    assert!(matches!(Delta::parse(&stretched), Err(Malformed::Codec(_))));
    let huge = vec![0; MAX_DELTA_BYTES + 1];
    assert_eq!(Delta::parse(&huge), Err(Malformed::Oversized(MAX_DELTA_BYTES + 1)));
    let mut entries = Vec::new();
    for n in 0..700 {
        let lesson = lesson("tool", &format!("tool --number {n} {}", "x".repeat(90)));
        entries.push(LessonEntry {
            key: lore_protocol::lesson::LessonKey::Primary(lesson),
            support: 0,
        });
    }
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let payload = Payload::Lessons(Lessons {
        origin: Origin::Authored,
        window: None,
        entries,
        padding: vec![],
    });
    let big = world.make(1, &payload, 0);
    assert!(matches!(big.sound(), Err(Malformed::Payload(_))), "over 64 KiB");
}

#[test]
fn a_flipped_bit_is_never_accepted() {
    let mut world = World::with_members(1);
    let bytes = world.make(1, &authored(lesson("curl", "curl -x")), 0).to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(sound) = Delta::parse(&flipped) {
            let result = world.log.ingest(sound);
            assert!(!matches!(result, Ingest::Accepted(_)), "bit {bit}");
        }
    }
    assert!(matches!(world.log.ingest(Delta::parse(&bytes).unwrap()), Ingest::Accepted(_)));
}

#[test]
fn a_header_fits_its_ancestors() {
    let mut world = World::with_members(2);
    world.publish(1, &void());
    world.publish(2, &void());
    let elsewhere = world.log.head(world.members[2]).unwrap().1;
    let header = Fault::Header("prev is not the delta before it");
    let seq = bent(&world, 1, &void(), |h| h.seq += 1);
    assert_eq!(refusal(&mut world.log, &seq), header);
    let prev = bent(&world, 1, &void(), |h| h.prev = Some(elsewhere));
    assert_eq!(refusal(&mut world.log, &prev), header);
    for by in [-1, 1] {
        let depth = bent(&world, 1, &void(), |h| h.depth = h.depth.saturating_add_signed(by));
        let fault = Fault::Header("its depth does not follow its ancestors");
        assert_eq!(refusal(&mut world.log, &depth), fault);
        let epoch = bent(&world, 1, &void(), |h| h.epoch = h.epoch.saturating_add_signed(by));
        let fault = Fault::Header("its epoch does not follow its anchor");
        assert_eq!(refusal(&mut world.log, &epoch), fault);
    }
    let deeper = bent(&world, 1, &void(), |h| h.deps = vec![elsewhere]);
    assert!(matches!(world.log.ingest(sound(&deeper)), Ingest::Accepted(_)), "equal depths");
    let unknown = bent(&world, 1, &void(), |h| h.anchor = CheckpointId([9; 32]));
    let missing = Missing::Checkpoint(CheckpointId([9; 32]));
    assert_eq!(world.log.ingest(sound(&unknown)), Ingest::Waiting(missing));
}

#[test]
fn an_anchor_never_goes_backward_nor_before_a_dep() {
    let mut world = World::with_members(2);
    let old = (world.log.tip().id, world.log.open_epoch());
    world.checkpoint();
    let late = world.publish(2, &void());
    let back = |h: &mut lore_protocol::delta::Header| (h.anchor, h.epoch) = old;
    // Member 1 has not used the new anchor yet, so the old one is honest; not on top of member 2's.
    let depth = world.log.get(&late).unwrap().header().depth;
    let crossing = bent(&world, 1, &void(), |h| {
        back(h);
        h.deps = vec![late];
        h.depth = h.depth.max(depth + 1);
    });
    let fault = Fault::Header("it rests on a delta of a later epoch");
    assert_eq!(refusal(&mut world.log, &crossing), fault);
    world.publish(1, &void());
    let backward = bent(&world, 1, &void(), back);
    let fault = Fault::Header("its epoch does not follow its anchor");
    assert_eq!(refusal(&mut world.log, &backward), fault);
}

fn vouch(join: &Delta, by: &SecretKey, invitation: u8, uses: u16, expires_epoch: u32) -> Payload {
    Payload::Vouch(Vouch {
        join: join.header.id(),
        key: by.public_key(),
        invitation: InvitationId([invitation; 32]),
        uses,
        expires_epoch,
    })
}

fn is_member(world: &World, join: &Delta) -> bool {
    world.log.tip().roster.contains_key(&MemberId::from(join.header.id()))
}

#[test]
fn an_invitation_admits_as_often_and_as_long_as_it_says() {
    let mut world = World::with_members(1);
    let joins: Vec<_> = (20..23).map(|n| world.join(n)).collect();
    for (secret, join) in &joins {
        world.publish(1, &vouch(join, secret, 1, 2, 9));
        world.push(join.clone());
    }
    let (secret, late) = world.join(24);
    world.publish(1, &vouch(&late, &secret, 2, 1, 1));
    world.push(late.clone());
    world.checkpoint();
    let admitted: Vec<bool> = joins.iter().map(|(_, join)| is_member(&world, join)).collect();
    assert_eq!(admitted, [true, true, false], "the first two by height");
    assert!(!is_member(&world, &late), "epoch 2 is after epoch 1");
}

#[test]
fn a_key_joins_once() {
    let mut world = World::with_members(2);
    let again = |world: &World, key: &SecretKey| {
        let join = Join {
            key: key.public_key(),
            recovery: Hash::ZERO,
            invitation: None,
            name: "again".into(),
        };
        let (header, payload) = join_header(world.log.federation(), join);
        Delta::sign(header, &payload, key)
    };
    let member = world.keys[2].clone();
    let twin = again(&world, &member);
    world.publish(1, &vouch(&twin, &member, 1, 9, 9));
    world.push(twin.clone());
    world.checkpoint();
    assert!(!is_member(&world, &twin), "the key is a member's");
    let target = RevokeTarget::Member(world.members[2]);
    for who in [0, 1] {
        world.publish(who, &Payload::Revoke(Revoke { target, reason: String::new() }));
    }
    world.checkpoint();
    assert!(!world.log.tip().roster.contains_key(&world.members[2]));
    world.publish(1, &vouch(&twin, &member, 2, 9, 9));
    world.checkpoint();
    assert!(!is_member(&world, &twin), "the key was removed");
}

#[test]
fn nobody_gives_anothers_join_a_key() {
    for thief_first in [true, false] {
        let mut world = World::with_members(2);
        let thief = key(99);
        let (secret, join) = world.join(30);
        let theft = vouch(&join, &thief, 1, 1, 9);
        // Either member may have the smaller id, which decides whose Vouch is looked at first.
        let (a, b) = if thief_first { (1, 2) } else { (2, 1) };
        world.publish(a, &theft);
        world.publish(b, &vouch(&join, &secret, 1, 1, 9));
        world.publish(a, &theft);
        let id = world.push(join);
        world.checkpoint();
        let member = world.log.tip().roster[&MemberId::from(id)];
        assert_eq!(member.key, secret.public_key());
        assert_eq!(member.sponsor, world.members[b]);
    }
}

#[test]
fn strangers_do_not_vouch() {
    let mut world = World::with_members(1);
    let (secret, join) = world.join(40);
    let header = bent(&world, 1, &void(), |_| {}).header;
    let fake = lore_protocol::delta::Header { author: MemberId([5; 32]), ..header };
    let delta = Delta::sign(fake, &vouch(&join, &secret, 1, 1, 9), &secret);
    assert_eq!(refusal(&mut world.log, &delta), Fault::NotMember);
}

#[test]
fn junk_joins_neither_grow_the_checkpoint_nor_the_digest() {
    let mut world = World::with_members(1);
    for n in 0..16 {
        let (secret, join) = world.join(100 + n);
        world.publish(1, &vouch(&join, &secret, 1, 1, 0));
        world.push(join);
    }
    let (secret, join) = world.join(200);
    let quota = world.make(1, &vouch(&join, &secret, 1, 1, 0), 0);
    let fault = Fault::Charter("too many vouches of one member between two checkpoints");
    assert_eq!(refusal(&mut world.log, &quota), fault);
    assert_eq!(world.log.frontiers().len(), 18, "they are on offer while they may be admitted");
    world.checkpoint();
    assert_eq!(world.log.frontiers().len(), 2);
    assert_eq!(world.log.tip().body.frontier.len(), 2);
}

#[test]
fn members_cannot_revoke_the_signer() {
    let mut world = World::with_members(3);
    let target = RevokeTarget::Member(world.members[0]);
    for who in 1..4 {
        world.publish(who, &Payload::Revoke(Revoke { target, reason: String::new() }));
    }
    world.checkpoint();
    assert!(world.log.tip().roster.contains_key(&world.members[0]));
    world.checkpoint();
}

#[test]
fn nobody_fills_anothers_place_among_the_waiting() {
    let mut world = World::with_members(1);
    let stranger = key(77);
    let forged = |seq: u64, author: MemberId, world: &World| {
        let mut header = bent(world, 1, &void(), |_| {}).header;
        header.author = author;
        header.seq = seq;
        header.prev = Some(DeltaId([3; 32]));
        header
    };
    let header = forged(7, world.members[1], &world);
    let delta = Delta::sign(header, &void(), &stranger);
    // A new key of the author may be on its way; until then this waits among what anybody may have written, and
    // so do authors that nobody knows, at an anchor that nobody knows: bounded by a room of their own.
    assert!(matches!(world.log.ingest(sound(&delta)), Ingest::Waiting(_)));
    for n in 0..20_000_u32 {
        let mut author = [0; 32];
        author[..4].copy_from_slice(&n.to_le_bytes());
        author[31] = 1;
        let mut header = forged(7, MemberId(author), &world);
        header.anchor = CheckpointId([4; 32]);
        let delta = Delta { signature: delta.signature, ..Delta::sign(header, &void(), &Mute) };
        let _ = world.log.ingest(sound(&delta));
    }
    let (_, bytes) = world.log.waiting();
    assert!(bytes <= lore_protocol::log::MAX_UNKNOWN_BYTES, "{bytes}");
    let mut header = forged(8, world.members[1], &world);
    header.prev = Some(DeltaId([3; 32]));
    let honest = Delta::sign(header, &void(), &world.keys[1]);
    assert!(matches!(world.log.ingest(sound(&honest)), Ingest::Waiting(_)), "there is room left");
}

/// Signs nothing, quickly.
struct Mute;

impl Signer for Mute {
    fn public_key(&self) -> lore_protocol::ids::PublicKey {
        lore_protocol::ids::PublicKey::ZERO
    }

    fn sign(&self, _: &[u8]) -> lore_protocol::identity::Signature {
        lore_protocol::identity::Signature([0; 64])
    }
}

#[test]
fn what_waits_is_bounded_and_what_was_dropped_can_come_again() {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = 10_000);
    world.admit(2, 8, 100);
    world.checkpoint();
    let first = world.deltas.len();
    let count = MAX_WAITING_PER_AUTHOR * 2 + 10;
    for _ in 0..count {
        world.publish(1, &void());
    }
    let mut log = world.empty();
    for delta in &world.deltas[..first] {
        let _ = log.ingest(sound(delta));
    }
    let mut passes = 0;
    while log.digest() != world.log.digest() {
        passes += 1;
        assert!(passes <= 3, "every pass brings as many as may wait");
        for delta in world.deltas[first..].iter().rev() {
            let _ = log.ingest(sound(delta));
            assert!(log.waiting().0 <= MAX_WAITING_PER_AUTHOR);
        }
    }
    assert_eq!(log.waiting(), (0, 0));
}
