//! Attacks of a hostile sync peer, and copied invitations: nothing without end, nothing without the
//! secret.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::codec;
use lore_protocol::identity::Signer;
use lore_protocol::ids::{DeltaId, Hash, MemberId};
use lore_protocol::invitation::{Challenge, Invitation, InvitationError, proves};
use lore_protocol::log::Frontier;
use lore_protocol::sync::{self, Answer, Ask, Done, MAX_FRONTIERS, MAX_WANTS, Round, Step};
use lore_protocol::wire::{Frame, MAX_FULL_BYTES};
use proptest::prelude::*;
use world::{World, authored, key, lesson};

#[test]
fn a_peer_cannot_keep_a_round_alive_for_nothing() {
    let world = World::with_members(1);
    let mut log = world.empty();
    let digest = Hash([9; 32]);
    let nothing = Answer::Deltas { deltas: vec![], more: true, digest };
    let (mut round, _) = Round::begin(&log);
    let (_, step) = round.handle(&mut log, Answer::Different);
    assert!(matches!(step, Step::Ask(_)));
    let (_, step) = round.handle(&mut log, nothing.clone());
    assert_eq!(step, Step::Done(Done::NothingNew), "whatever it promises");
    // The same deltas again are nothing new either.
    let deltas = Answer::Deltas { deltas: world.deltas.clone(), more: true, digest };
    let (mut round, _) = Round::begin(&log);
    round.handle(&mut log, Answer::Different);
    let (batch, step) = round.handle(&mut log, deltas.clone());
    assert_eq!(batch.accepted.len(), world.deltas.len());
    assert!(matches!(step, Step::Ask(_)));
    let (_, step) = round.handle(&mut log, deltas);
    assert_eq!(step, Step::Done(Done::NothingNew));
}

#[test]
fn answers_fit_their_questions() {
    let world = World::with_members(1);
    let mut log = world.empty();
    let unasked = Answer::Deltas { deltas: vec![], more: false, digest: Hash::ZERO };
    let (mut round, _) = Round::begin(&log);
    let (_, step) = round.handle(&mut log, unasked);
    assert!(matches!(step, Step::Done(Done::Misbehaved(_))));
    for second in [Answer::Different, Answer::Equal] {
        let (mut round, _) = Round::begin(&log);
        round.handle(&mut log, Answer::Different);
        let (_, step) = round.handle(&mut log, second);
        assert!(matches!(step, Step::Done(Done::Misbehaved(_))));
    }
}

#[test]
fn a_malformed_delta_ends_the_round() {
    let world = World::with_members(1);
    let mut log = world.empty();
    let mut broken = world.deltas[0].clone();
    broken.payload = Some(vec![0; 9]);
    let (mut round, _) = Round::begin(&log);
    round.handle(&mut log, Answer::Different);
    let answer = Answer::Deltas { deltas: vec![broken], more: false, digest: Hash::ZERO };
    let (_, step) = round.handle(&mut log, answer);
    assert!(matches!(step, Step::Done(Done::Misbehaved(_))));
    assert!(log.is_empty());
}

#[test]
fn requests_are_bounded_and_an_honest_one_fits() {
    let author = MemberId([255; 32]);
    let (tip, branches) = (DeltaId([255; 32]), Hash([255; 32]));
    let widest = Frontier { author, seq: u64::MAX, tip, fork: Some(u64::MAX), branches };
    let ask = |frontiers: usize, wants: usize| {
        let ask = Ask::Missing { frontiers: vec![widest; frontiers], wants: vec![tip; wants] };
        codec::encode(&ask)
    };
    let full = ask(MAX_FRONTIERS, MAX_WANTS);
    assert!(full.len() <= 256 << 10, "{}", full.len());
    assert!(Ask::parse(&full).is_ok());
    assert!(Ask::parse(&ask(MAX_FRONTIERS + 1, 0)).is_err());
    assert!(Ask::parse(&ask(0, MAX_WANTS + 1)).is_err());
}

#[test]
fn an_answer_is_bounded_whatever_is_asked() {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = 5_000);
    for n in 0..1_500 {
        world.publish(0, &authored(lesson("tool", &format!("tool --number {n}"))));
    }
    let Answer::Deltas { deltas, more, .. } =
        sync::answer(&world.log, &Ask::Missing { frontiers: vec![], wants: vec![] })
    else {
        panic!("deltas were asked for");
    };
    assert!(more && !deltas.is_empty());
    let bytes: usize = deltas.iter().map(|delta| delta.to_bytes().len()).sum();
    assert!(bytes <= sync::MAX_ANSWER_BYTES, "{bytes}");
}

#[test]
fn a_large_delta_is_announced_not_pushed() {
    let world = World::with_members(1);
    let mut delta = world.deltas[0].clone();
    assert!(matches!(Frame::of(&delta), Frame::Full(_)));
    delta.payload = Some(vec![0; MAX_FULL_BYTES + 1]);
    let Frame::Head(head) = Frame::of(&delta) else { panic!("too large to push") };
    assert_eq!((head.header, head.payload), (delta.header, None));
}

fn invitation() -> Invitation {
    Invitation {
        federation: World::found().log.federation(),
        inviter: key(1).public_key(),
        addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".into()],
        secret: [5; 32],
        uses: 3,
        expires_epoch: 7,
    }
}

#[test]
fn a_proof_holds_for_one_joiner_one_federation_and_one_handshake() {
    let invitation = invitation();
    let challenge = Challenge { joiner: [1; 32], inviter: [2; 32] };
    let joiner = key(2).public_key();
    let proof = invitation.proof(&joiner, &challenge);
    let holds = |secret, federation, joiner, challenge| {
        proves(&secret, &federation, &joiner, &challenge, &proof)
    };
    let federation = invitation.federation;
    assert!(holds([5; 32], federation, joiner, challenge));
    assert!(!holds([6; 32], federation, joiner, challenge));
    assert!(!holds([5; 32], lore_protocol::ids::FederationId::ZERO, joiner, challenge));
    assert!(!holds([5; 32], federation, key(3).public_key(), challenge));
    let swapped = Challenge { joiner: challenge.inviter, inviter: challenge.joiner };
    assert!(!holds([5; 32], federation, joiner, swapped));
}

proptest! {
    #[test]
    fn an_invitation_that_was_mistyped_says_so(at in 14_usize..180, to in "[A-Za-z0-9_-]") {
        let line = invitation().to_line();
        prop_assume!(at < line.len() && line[at..=at] != to);
        let mut typed = line.clone();
        typed.replace_range(at..=at, &to);
        prop_assert_eq!(Invitation::from_line(&typed).err(), Some(InvitationError::Damaged));
        let cut = Invitation::from_line(&line[..at]).err();
        prop_assert_eq!(cut, Some(InvitationError::Damaged));
        let padded = format!(" {line}\n");
        prop_assert!(Invitation::from_line(&padded).is_ok());
    }
}
