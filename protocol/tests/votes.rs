//! Votes: who may send which, what the ballot is, and what votes come to in the library.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use std::collections::BTreeSet;

use lore_protocol::delta::Delta;
use lore_protocol::ids::MemberId;
use lore_protocol::library::{Library, Tally, pool_votes};
use lore_protocol::log::{Fault, Ingest};
use lore_protocol::payload::{
    ItemId, MAX_BALLOT, Mechanism, Noise, Payload, RevokeTarget, Unit, VoteEntry, Votes, WEIGHT,
    Window,
};
use proptest::prelude::*;
use world::{VOTE_RHO_NANO, World, authored, lesson, refold, shared};

fn honest() -> Mechanism {
    shared(VOTE_RHO_NANO)
}

fn votes(world: &World, mechanism: Mechanism) -> Payload {
    Payload::Votes(Votes {
        mechanism,
        window: Window { start_seconds: 0, end_seconds: 1 },
        items_root: world.log.tip().body.state_root,
        votes: Vec::new(),
    })
}

fn send(world: &World, payload: &Payload) -> Ingest {
    let rho = payload.mechanism().map_or(0, |mechanism| mechanism.rho_nano);
    let delta: Delta = world.make(1, payload, rho);
    let mut log = world.log.clone();
    log.ingest(delta.sound().unwrap())
}

#[test]
fn a_vote_release_keeps_the_charters_bounds() {
    let world = World::with_members(1);
    let noise = Fault::Charter("its noise is below the charter's");
    let bounds = Fault::Charter("its contribution bounds are above the charter's");
    let cost = Fault::Spend("its cost does not fit its mechanism");
    let odd = Fault::Charter("replacing a unit changes an even number of cells");
    // b = sigma / sqrt(2) deviates as much; epsilon = 1 / b, rho = epsilon^2 / 2 = 1 / sigma^2.
    let b = 28_284_271_248;
    let laplace = Mechanism {
        noise: Noise::Laplace,
        scale_micros: b,
        l0: 1,
        rho_nano: 2 * VOTE_RHO_NANO,
        ..honest()
    };
    let square = honest().l2_square;
    let personal = Mechanism {
        unit: Unit::Personal,
        l0: 8,
        l2_square: 2 * square,
        rho_nano: 2 * VOTE_RHO_NANO,
        ..honest()
    };
    let replaced = Mechanism { unit: Unit::Personal, l0: 2, l2_square: 2 * square, ..laplace };
    let accepted = [
        honest(),
        laplace,
        personal,
        // A replaced vote has l1 = 2: four times the cost of one.
        Mechanism { rho_nano: 8 * VOTE_RHO_NANO, ..replaced },
        // More noise and fewer candidates than the charter allows.
        Mechanism { l0: 1, scale_micros: 2 * honest().scale_micros, ..honest() },
    ];
    for mechanism in accepted {
        let sent = send(&world, &votes(&world, mechanism));
        assert!(matches!(sent, Ingest::Accepted(_)), "{mechanism:?}: {sent:?}");
    }
    let refused = [
        (Mechanism { scale_micros: honest().scale_micros - 1, ..honest() }, noise),
        (Mechanism { scale_micros: b - 1, ..laplace }, noise),
        (Mechanism { l0: 5, ..honest() }, bounds),
        (Mechanism { l2_square: square + 1, rho_nano: 2 * VOTE_RHO_NANO, ..honest() }, bounds),
        (
            Mechanism {
                linf: WEIGHT + 1,
                l2_square: u64::from(WEIGHT + 1).pow(2),
                rho_nano: 4 * VOTE_RHO_NANO,
                ..honest()
            },
            bounds,
        ),
        (Mechanism { rho_nano: VOTE_RHO_NANO - 1, ..honest() }, cost),
        (Mechanism { rho_nano: VOTE_RHO_NANO, ..laplace }, cost),
        (Mechanism { rho_nano: VOTE_RHO_NANO, ..personal }, cost),
        (Mechanism { rho_nano: 4 * VOTE_RHO_NANO, ..replaced }, cost),
        (Mechanism { l0: 7, ..personal }, odd),
        (Mechanism { l0: 10, ..personal }, bounds),
        (Mechanism { l2_square: 2 * square + 1, rho_nano: 8 * VOTE_RHO_NANO, ..personal }, bounds),
        (
            Mechanism { unit: Unit::Session, ..honest() },
            Fault::Charter("it protects a unit that the charter does not allow"),
        ),
    ];
    for (mechanism, fault) in refused {
        let sent = send(&world, &votes(&world, mechanism));
        assert!(
            matches!(sent, Ingest::Refused(found) if found == fault),
            "{mechanism:?}: {sent:?}"
        );
    }
}

#[test]
fn a_ballot_is_of_the_anchors_state_and_a_release_comes_once_an_epoch() {
    let mut world = World::with_members(1);
    let Payload::Votes(mut other) = votes(&world, honest()) else { unreachable!() };
    other.items_root = lore_protocol::ids::Hash([9; 32]);
    let sent = send(&world, &Payload::Votes(other));
    assert!(matches!(sent, Ingest::Refused(Fault::Header("it counts items of another state"))));
    world.votes(1, &[]);
    let sent = send(&world, &votes(&world, honest()));
    let twice = Fault::Charter("a release of this kind was made in this epoch");
    assert!(matches!(sent, Ingest::Refused(found) if found == twice), "{sent:?}");
    let entry = |n: usize| {
        let id = lesson("curl", &format!("curl --flag{n}")).id();
        VoteEntry { item: ItemId::Lesson(id), votes: 0 }
    };
    let Payload::Votes(mut long) = votes(&world, honest()) else { unreachable!() };
    long.votes = (0..=MAX_BALLOT).map(entry).collect();
    long.votes.sort_by_key(|entry| entry.item);
    assert!(Payload::Votes(long).check().is_err());
}

fn item(command: &str) -> ItemId {
    ItemId::Lesson(lesson("curl", command).id())
}

/// Three lessons of one skill, sealed, and three members.
fn three_lessons() -> World {
    let mut world = World::with_members(3);
    for command in ["curl -a <arg>", "curl -b <arg>", "curl -c <arg>"] {
        world.publish(1, &authored(lesson("curl", command)));
    }
    world.checkpoint();
    world
}

#[test]
fn lessons_are_shown_by_the_votes_that_noise_does_not_explain() {
    let mut world = three_lessons();
    let (skill, order) = {
        let library = world.library();
        let skill = *library.skills.keys().next().unwrap();
        let order: Vec<_> = library.lessons_of(skill).into_iter().map(|(id, _)| id).collect();
        (skill, order)
    };
    assert_eq!(order.len(), 3);
    let (first, last) = (ItemId::Lesson(order[0]), ItemId::Lesson(order[2]));
    // Three members say that the last one is best; what the first one has is noise.
    for who in 1..=3 {
        world.votes(who, &[(first, 3), (last, 30)]);
    }
    let before = refold(&world.log).skill_state(skill);
    let library = world.library();
    let shown: Vec<_> = library.lessons_of(skill).into_iter().map(|(id, _)| id).collect();
    assert_eq!(shown[0], order[2]);
    assert_eq!(shown[1..], order[..2]);
    assert_eq!(library.skill_state(skill), before);
    let votes = library.votes(last).unwrap();
    assert_eq!((votes.votes_micros, votes.voices), (90_000_000, 3));
    // Three times sigma squared.
    assert_eq!(votes.variance_micros, 48_000_000);
    assert_eq!(library.votes(first).unwrap().sure_micros(), 0);
    assert_eq!(library.votes(item("curl -z")), None);
    // A member's votes add over its releases and stay within the charter's cap.
    world.checkpoint();
    world.votes(1, &[(last, i64::MAX), (item("curl -z"), 40)]);
    let votes = world.library().votes(last).unwrap();
    let noise = 3 * 5;
    assert!(
        votes.votes_micros <= (1000 + 60 + noise) * 3_000_000 && votes.votes_micros > 90_000_000
    );
    assert_eq!(world.library().votes(item("curl -z")), None, "nobody published it");
}

#[test]
fn a_ballot_lists_lessons_and_rivals_and_nothing_revoked_and_is_bounded() {
    let mut world = three_lessons();
    let ballot = world.library().ballot();
    assert_eq!(ballot.len(), 3, "a revision without a rival is no candidate: {ballot:?}");
    assert!(ballot.is_sorted() && ballot.contains(&item("curl -a <arg>")));
    let gone = lesson("curl", "curl -a <arg>").id();
    let revoke = Payload::Revoke(lore_protocol::payload::Revoke {
        target: RevokeTarget::Lesson(gone),
        reason: String::new(),
    });
    world.publish(1, &revoke);
    world.publish(2, &revoke);
    assert_eq!(world.library().ballot().len(), 2);

    let mut library = world.library().clone();
    let flooded = lesson("wget", "wget --flag0 <arg>");
    let skill = lore_protocol::lesson::skill_id(world.log.federation(), &flooded);
    for n in 0..400_u32 {
        let lesson = lesson("wget", &format!("wget --flag{n} <arg>"));
        let id = lesson.id();
        library.skills.or_default(skill).lessons.insert(id);
        let item = lore_protocol::library::LessonItem {
            lesson,
            support: [(MemberId([1; 32]), i64::from(n))].into(),
            authored: BTreeSet::new(),
            epoch: 1,
        };
        library.lessons.insert(id, item);
    }
    let ballot = library.ballot();
    assert_eq!(ballot.len(), MAX_BALLOT);
    assert!(ballot.is_sorted());
    assert_eq!(ballot, library.clone().ballot());
    // The other skill keeps its places, and of the flooded one the best supported stay.
    assert!(ballot.contains(&item("curl -b <arg>")) && ballot.contains(&item("curl -c <arg>")));
    let wget = |n: u32| ItemId::Lesson(lesson("wget", &format!("wget --flag{n} <arg>")).id());
    assert!(ballot.contains(&wget(399)) && !ballot.contains(&wget(0)));
    assert_eq!(Library::default().ballot(), Vec::new());
}

#[test]
fn costs_are_summed_in_the_charters_units() {
    let mut world = three_lessons();
    let revision = world.library().active_items(1)[0];
    world.costs(1, &[(revision, 40)]);
    world.costs(2, &[(revision, -7)]);
    let charter = world.log.charter().clone();
    let cost = world.library().cost(&charter, revision, 0, 0).unwrap();
    assert_eq!((cost.sum, cost.voices), (33, 2));
    assert_eq!(cost.variance_micros, 20_000_000_000);
    assert_eq!(world.library().cost(&charter, revision, 0, 1), None);
    let mut other = charter;
    other.privacy.costs = None;
    assert_eq!(world.library().cost(&other, revision, 0, 0), None);
}

proptest! {
    /// Pooling does not depend on the order of authors, never overflows, and who declares huge noise
    /// cannot hide what the others say.
    #[test]
    fn pooling_is_order_free_and_bounded(
        tallies in prop::collection::vec((any::<i64>(), any::<u64>()), 0..30), cap in 1..100_000_u32,
    ) {
        let tallies: Vec<Tally> = tallies
            .into_iter()
            .map(|(votes, variance_micros)| Tally { votes, variance_micros })
            .collect();
        let mut back = tallies.clone();
        back.reverse();
        let pooled = pool_votes(&tallies, cap);
        prop_assert_eq!(pooled, pool_votes(&back, cap));
        prop_assert_eq!(pooled.is_none(), tallies.is_empty());
        if let Some(pooled) = pooled {
            let most = i64::from(cap) * 1_100_000 * tallies.len() as i64;
            prop_assert!(pooled.votes_micros <= most);
        }
    }

    #[test]
    fn declared_noise_drowns_nobody(variance_micros in 1_000_000_000_000_u64.., votes: i64) {
        let honest = Tally { votes: 30 * i64::from(WEIGHT), variance_micros: 16_000_000 };
        let drowning = Tally { votes, variance_micros };
        let pooled = pool_votes(&[honest, honest, drowning], 1000).unwrap();
        prop_assert!(pooled.sure_micros() > 60_000_000, "{:?}", pooled);
    }
}
