//! Attacks of a hostile sync peer, and copied invitations: nothing without end, nothing without the
//! secret.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::identity::Signer;
use lore_protocol::ids::{DeltaId, Hash, MemberId};
use lore_protocol::invitation::{Challenge, Invitation, InvitationError, proves};
use lore_protocol::log::Frontier;
use lore_protocol::spread::{Frame, MAX_FULL_BYTES};
use lore_protocol::sync::{
    self, Answer, Ask, Done, End, MAX_ANSWER_RANGES, MAX_FRONTIERS, MAX_LISTED_BYTES, MAX_RANGES,
    MAX_WANTS, Part, Range, Round, Step,
};
use proptest::prelude::*;
use world::{World, authored, key, lesson};

const SALT: Hash = Hash([3; 32]);

/// The answer of a peer that says nothing of what it has, but that it is something else.
const DIFFERENT: Answer = Answer::Different { before: Hash([9; 32]), epochs: Vec::new() };

fn compared(deltas: Vec<Delta>, rest: Option<End>) -> Answer {
    Answer::Compared { ranges: Vec::new(), deltas, rest, digest: Hash([9; 32]) }
}

#[test]
fn a_peer_cannot_keep_a_round_alive_for_nothing() {
    let world = World::with_members(1);
    let rest = End { epoch: 0, depth: 0, id: Vec::new() };
    for deltas in [Vec::new(), world.deltas.clone()] {
        let mut log = world.empty();
        let (mut round, _) = Round::begin(&log, SALT);
        let (_, mut step) = round.handle(&mut log, DIFFERENT);
        let mut asks = 0;
        // It says that everything is still to be asked, whatever it sends.
        while let Step::Ask(ask) = step {
            asks += 1;
            assert!(asks < 50, "the round goes on and on");
            let deltas = deltas.clone();
            let answer = match ask {
                Ask::Missing { .. } => Answer::Deltas { deltas, more: true, digest: SALT },
                _ => compared(deltas, Some(rest.clone())),
            };
            step = round.handle(&mut log, answer).1;
        }
        assert_eq!(step, Step::Done(Done::NothingNew));
        assert_eq!(log.len(), deltas.len(), "what is good is kept");
    }
}

#[test]
fn a_peer_cannot_make_ranges_without_end() {
    let world = World::with_members(1);
    let mut log = world.log.clone();
    let differ = |n: u32| Range {
        end: Some(End { epoch: n + 1, depth: 0, id: vec![1; (n % 40) as usize] }),
        part: if n.is_multiple_of(2) { Part::Print(7) } else { Part::Have(vec![5; 12]) },
    };
    let ranges: Vec<Range> = (0..MAX_ANSWER_RANGES as u32).map(differ).collect();
    let (mut round, _) = Round::begin(&log, SALT);
    let (_, mut step) = round.handle(&mut log, DIFFERENT);
    let mut asks = 0;
    while let Step::Ask(ask) = step {
        asks += 1;
        assert!(asks < 50, "the round goes on and on");
        let bytes = codec::encode(&ask);
        assert!(bytes.len() <= 256 << 10 && Ask::parse(&bytes).is_ok(), "{}", bytes.len());
        let (deltas, digest) = (Vec::new(), SALT);
        let answer = match ask {
            Ask::Missing { .. } => Answer::Deltas { deltas, more: true, digest },
            _ => Answer::Compared { ranges: ranges.clone(), deltas, rest: None, digest },
        };
        step = round.handle(&mut log, answer).1;
    }
    assert!(asks > 2, "{asks}");
    let more = vec![Range { end: None, part: Part::Skip }; MAX_ANSWER_RANGES + 1];
    let (mut round, _) = Round::begin(&log, SALT);
    round.handle(&mut log, DIFFERENT);
    let answer = Answer::Compared { ranges: more, deltas: vec![], rest: None, digest: SALT };
    let (_, step) = round.handle(&mut log, answer);
    assert!(matches!(step, Step::Done(Done::Misbehaved(_))));
}

#[test]
fn answers_fit_their_questions() {
    let world = World::with_members(1);
    let mut log = world.empty();
    let deltas = || Answer::Deltas { deltas: vec![], more: false, digest: Hash::ZERO };
    for unasked in [deltas(), compared(vec![], None)] {
        let (mut round, _) = Round::begin(&log, SALT);
        let (_, step) = round.handle(&mut log, unasked);
        assert!(matches!(step, Step::Done(Done::Misbehaved(_))));
    }
    for second in [DIFFERENT, Answer::Equal, deltas()] {
        let (mut round, _) = Round::begin(&log, SALT);
        round.handle(&mut log, DIFFERENT);
        let (_, step) = round.handle(&mut log, second);
        assert!(matches!(step, Step::Done(Done::Misbehaved(_))));
    }
    let twice = Answer::Different { before: SALT, epochs: vec![(4, SALT), (4, SALT)] };
    let (mut round, _) = Round::begin(&log, SALT);
    let (_, step) = round.handle(&mut log, twice);
    assert!(matches!(step, Step::Done(Done::Misbehaved(_))));
}

#[test]
fn a_malformed_delta_ends_the_round() {
    let world = World::with_members(1);
    let mut log = world.empty();
    let mut broken = world.deltas[0].clone();
    broken.payload = Some(vec![0; 9]);
    let (mut round, _) = Round::begin(&log, SALT);
    round.handle(&mut log, DIFFERENT);
    let (_, step) = round.handle(&mut log, compared(vec![broken], None));
    assert!(matches!(step, Step::Done(Done::Misbehaved(_))));
    assert!(log.is_empty());
}

#[test]
fn requests_are_bounded_and_an_honest_one_fits() {
    let author = MemberId([255; 32]);
    let (tip, branches) = (DeltaId([255; 32]), Hash([255; 32]));
    let widest =
        Frontier { author, seq: u64::MAX, tip, fork: Some(u64::MAX), branches: Some(branches) };
    let ask = |frontiers: usize, wants: usize| {
        let ask = Ask::Missing { frontiers: vec![widest; frontiers], wants: vec![tip; wants] };
        codec::encode(&ask)
    };
    let full = ask(MAX_FRONTIERS, MAX_WANTS);
    assert!(full.len() <= 256 << 10, "{}", full.len());
    assert!(Ask::parse(&full).is_ok());
    assert!(Ask::parse(&ask(MAX_FRONTIERS + 1, 0)).is_err());
    assert!(Ask::parse(&ask(0, MAX_WANTS + 1)).is_err());
    let compare = |ranges: usize, bytes: usize| {
        let end = End { epoch: u32::MAX, depth: u32::MAX, id: vec![255; 32] };
        let mut ranges = vec![Range { end: Some(end), part: Part::Print(u64::MAX) }; ranges];
        ranges[0].part = Part::Have(vec![255; bytes]);
        codec::encode(&Ask::Compare { salt: Hash([255; 32]), ranges })
    };
    let full = compare(MAX_RANGES, MAX_LISTED_BYTES);
    assert!(full.len() <= 256 << 10, "{}", full.len());
    assert!(Ask::parse(&full).is_ok());
    assert!(Ask::parse(&compare(MAX_RANGES + 1, 0)).is_err());
    assert!(Ask::parse(&compare(1, MAX_LISTED_BYTES + 1)).is_err());
}

#[test]
fn an_answer_is_bounded_whatever_is_asked() {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = 5_000);
    for n in 0..1_500 {
        world.publish(0, &authored(lesson("tool", &format!("tool --number {n}"))));
    }
    let all = Range { end: None, part: Part::Have(Vec::new()) };
    let asks = [
        Ask::Missing { frontiers: vec![], wants: vec![] },
        Ask::Compare { salt: SALT, ranges: vec![all] },
    ];
    for ask in asks {
        let (answer, _) = sync::answer(&world.log, &ask);
        let bytes = codec::encode(&answer).len();
        assert!(bytes <= sync::MAX_ANSWER_BYTES, "{bytes}");
        let (deltas, more) = match answer {
            Answer::Deltas { deltas, more, .. } => (deltas, more),
            Answer::Compared { deltas, rest, .. } => (deltas, rest.is_some()),
            _ => panic!("deltas were asked for"),
        };
        assert!(more && !deltas.is_empty());
    }
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
