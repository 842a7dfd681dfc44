//! For every release and every unit: the counts that noise is added to differ by no more than the
//! mechanism declares when a unit is removed, or a person replaced, and no other unit's part changes.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::ids::{LessonId, RevisionId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger, Word};
use lore_protocol::payload::{ItemId, Payload, Unit};
use proptest::prelude::*;

use super::*;
use crate::{Bounds, LocalSecret, Private, SystemNoise};

const WINDOW: Window = Window { start_seconds: 1_000, end_seconds: 2_000 };
const KINDS: u16 = 2;
const COST_BOUND: u16 = 7;
const UNITS: [Unit; 3] = [Unit::User, Unit::Session, Unit::Personal];

fn secret() -> LocalSecret {
    LocalSecret::from_bytes([5; 32])
}

fn item(number: u8) -> ItemId {
    if number.is_multiple_of(2) {
        ItemId::Lesson(LessonId([number; 32]))
    } else {
        ItemId::Revision(RevisionId([number; 32]))
    }
}

/// A session of somebody: enough to feed every release.
#[derive(Debug, Clone)]
struct Record {
    user: u8,
    start: u64,
    items: Vec<u8>,
    context: u16,
    success: bool,
    amounts: Vec<u64>,
}

fn record() -> impl Strategy<Value = Record> {
    let items = proptest::collection::vec(0_u8..10, 0..6);
    let amounts = proptest::collection::vec(prop_oneof![0..20_u64, Just(u64::MAX)], 0..4);
    (0_u8..5, 900_u64..2_100, items, 0_u16..3, any::<bool>(), amounts).prop_map(
        |(user, start, items, context, success, amounts)| Record {
            user,
            start,
            items,
            context,
            success,
            amounts,
        },
    )
}

/// Records with the unit that each belongs to; a session is named by its place in the first list.
type Data = Vec<(UnitId, Record)>;

fn data(unit: Unit, records: &[Record]) -> Data {
    let of = |(place, record): (usize, &Record)| match unit {
        Unit::User => secret().user(&record.user.to_string()),
        Unit::Session => secret().session(&place.to_string()),
        Unit::Personal => secret().person(),
    };
    records.iter().enumerate().map(|pair| (of(pair), pair.1.clone())).collect()
}

fn cells() -> BTreeSet<(ItemId, u16)> {
    (0..8).flat_map(|n| [(item(n), 0), (item(n), 1)]).collect()
}

fn mechanism(unit: Unit, bounds: Bounds) -> Mechanism {
    mechanism::gaussian(unit, bounds.changed(unit), 40_000_000_000, 0).unwrap()
}

fn votes_spec(unit: Unit) -> VotesSpec {
    VotesSpec {
        release: Hash::ZERO,
        mechanism: mechanism(unit, Bounds::votes(Noise::Gaussian, 4)),
        window: WINDOW,
        items_root: Hash::ZERO,
        ballot: (0..8).map(item).collect(),
    }
}

fn outcomes_spec(unit: Unit) -> OutcomesSpec {
    OutcomesSpec {
        release: Hash::ZERO,
        mechanism: mechanism(unit, Bounds::OUTCOMES),
        window: WINDOW,
        items_root: Hash::ZERO,
        cells: cells(),
    }
}

fn costs_spec(unit: Unit) -> CostsSpec {
    CostsSpec {
        release: Hash::ZERO,
        mechanism: mechanism(unit, Bounds::costs(KINDS, COST_BOUND)),
        window: WINDOW,
        items_root: Hash::ZERO,
        cells: cells(),
        kinds: KINDS,
    }
}

fn voting(data: &Data) -> Vec<VoteContribution> {
    let one = |(unit, r): &(UnitId, Record)| VoteContribution {
        unit: *unit,
        start_seconds: r.start,
        supports: r.items.iter().map(|n| item(*n)).collect(),
    };
    data.iter().map(one).collect()
}

fn using(data: &Data) -> Vec<OutcomeContribution> {
    let each = |(unit, r): &(UnitId, Record)| {
        let one = |n: &u8| OutcomeContribution {
            unit: *unit,
            item: item(*n),
            context: r.context,
            success: r.success,
            start_seconds: r.start,
        };
        r.items.iter().map(one).collect::<Vec<_>>()
    };
    data.iter().flat_map(each).collect()
}

fn costing(data: &Data) -> Vec<CostContribution> {
    let each = |(unit, r): &(UnitId, Record)| {
        let one = |n: &u8| CostContribution {
            unit: *unit,
            item: item(*n),
            context: r.context,
            amounts: r.amounts.clone(),
            start_seconds: r.start,
        };
        r.items.iter().map(one).collect::<Vec<_>>()
    };
    data.iter().flat_map(each).collect()
}

/// The three vectors that noise is added to, each with its mechanism.
fn vectors(unit: Unit, data: &Data) -> [(Mechanism, Vec<i64>); 3] {
    let (votes, outcomes, costs) = (votes_spec(unit), outcomes_spec(unit), costs_spec(unit));
    let counts = votes::counts(&votes, &voting(data), &secret()).unwrap();
    let pairs = outcomes::counts(&outcomes, &using(data), &secret()).unwrap();
    let sums = costs::sums(&costs, &costing(data), &secret()).unwrap();
    [
        (votes.mechanism, counts.into_values().collect()),
        (outcomes.mechanism, pairs.into_values().flat_map(|(s, f)| [s, f]).collect()),
        (costs.mechanism, sums.into_values().flatten().collect()),
    ]
}

/// Checks l0, linf, l1 and l2 of the difference against what is declared.
fn within_declared(unit: Unit, one: &Data, other: &Data) -> Result<(), TestCaseError> {
    for ((mechanism, a), (_, b)) in vectors(unit, one).into_iter().zip(vectors(unit, other)) {
        prop_assert_eq!(a.len(), b.len());
        let changes: Vec<u64> = a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b)).collect();
        let (l0, linf) = (u64::from(mechanism.l0), u64::from(mechanism.linf));
        prop_assert!(changes.iter().filter(|change| **change > 0).count() as u64 <= l0);
        prop_assert!(changes.iter().all(|change| *change <= linf));
        prop_assert!(changes.iter().sum::<u64>() <= l0 * linf);
        let squares = changes.iter().map(|change| change * change).sum::<u64>();
        prop_assert!(squares <= mechanism.l2_square);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Removing a user or a session.
    #[test]
    fn one_unit_more_or_less_changes_what_is_declared_and_nobody_else(
        records in proptest::collection::vec(record(), 1..40),
        removed in any::<prop::sample::Index>(),
    ) {
        for unit in [Unit::User, Unit::Session] {
            let all = data(unit, &records);
            let gone = all[removed.index(all.len())].0;
            let mut without: Data = all.iter().filter(|(unit, _)| *unit != gone).cloned().collect();
            within_declared(unit, &all, &without)?;
            // No coupling: everybody else contributes the same, in whatever order records come.
            without.reverse();
            let spec = votes_spec(unit);
            let mut before = votes::bound(&spec, &voting(&all), &secret()).unwrap();
            before.remove(&gone);
            prop_assert!(before == votes::bound(&spec, &voting(&without), &secret()).unwrap());
            let spec = outcomes_spec(unit);
            let mut before = outcomes::bound(&spec, &using(&all), &secret()).unwrap();
            before.remove(&gone);
            prop_assert!(before == outcomes::bound(&spec, &using(&without), &secret()).unwrap());
            let spec = costs_spec(unit);
            let mut before = costs::bound(&spec, &costing(&all), &secret()).unwrap();
            before.remove(&gone);
            prop_assert!(before == costs::bound(&spec, &costing(&without), &secret()).unwrap());
        }
    }

    /// Replacing all the data of the person behind a node, who is known to take part.
    #[test]
    fn another_persons_data_changes_what_is_declared(
        one in proptest::collection::vec(record(), 0..20),
        other in proptest::collection::vec(record(), 0..20),
    ) {
        within_declared(Unit::Personal, &data(Unit::Personal, &one), &data(Unit::Personal, &other))?;
    }

    /// The window is half open, so that of two windows that meet each session feeds one at most; one
    /// that comes in after its window closed therefore feeds none.
    #[test]
    fn a_session_feeds_the_window_of_its_start_only(
        records in proptest::collection::vec(record(), 1..30), now in 1_000_u64..2_000,
    ) {
        let all = data(Unit::User, &records);
        let late: Data = all.iter().filter(|(_, r)| r.start < now).cloned().collect();
        let next = Window { start_seconds: now, end_seconds: 2_200 };
        let votes = VotesSpec { window: next, ..votes_spec(Unit::User) };
        prop_assert!(votes::bound(&votes, &voting(&late), &secret()).unwrap().is_empty());
        let outcomes = OutcomesSpec { window: next, ..outcomes_spec(Unit::User) };
        prop_assert!(outcomes::bound(&outcomes, &using(&late), &secret()).unwrap().is_empty());
        let costs = CostsSpec { window: next, ..costs_spec(Unit::User) };
        prop_assert!(costs::bound(&costs, &costing(&late), &secret()).unwrap().is_empty());
    }
}

#[test]
fn what_is_declared_can_be_reached_so_that_the_bounds_are_not_slack() {
    let record = |items: &[u8]| Record {
        user: 0,
        start: 1_500,
        items: items.to_vec(),
        context: 0,
        success: true,
        amounts: vec![u64::MAX; 2],
    };
    for unit in UNITS {
        let one = data(unit, &[record(&[0, 1, 2])]);
        let other = match unit {
            Unit::Personal => data(unit, &[record(&[3, 4, 5])]),
            Unit::User | Unit::Session => Data::new(),
        };
        for ((mechanism, a), (_, b)) in vectors(unit, &one).into_iter().zip(vectors(unit, &other)) {
            let squares: u64 = a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b).pow(2)).sum();
            // Weights are rounded down to whole numbers, by less than one in thousands.
            let least = mechanism.l2_square - mechanism.l2_square / 1_000;
            assert!((least..=mechanism.l2_square).contains(&squares), "{unit:?} {mechanism:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Units of 1 to 100 keys, in any number of sessions: removing one changes the sums of weights within the
    /// declared bounds, and no other unit's keys.
    #[test]
    fn a_unit_of_few_or_many_keys_changes_the_lessons_by_one_weight(
        others in proptest::collection::vec((0_u8..6, 0_u64..40), 0..60),
        keys in 1_u64..=100, first in 0_u64..40, unit in prop_oneof![Just(Unit::User), Just(Unit::Session)],
    ) {
        let known = |unit, number: u64| LessonContribution {
            unit,
            start_seconds: 1_500,
            primary: numbered(number),
            topics: Vec::new(),
        };
        let of = |name: &str| match unit {
            Unit::Session => secret().session(name),
            Unit::User | Unit::Personal => secret().user(name),
        };
        let without: Vec<_> =
            others.iter().map(|(user, n)| known(of(&user.to_string()), *n)).collect();
        let victim = of("victim");
        let twice = (first..first + keys).chain(first..first + keys);
        let with = [without.clone(), twice.map(|n| known(victim, n)).collect()].concat();
        let mechanism =
            mechanism::gaussian(unit, Bounds::shared(32), 20_000_000_000, 100_000).unwrap();
        let spec = lessons_spec(mechanism);
        let mut bounded = lessons::bound(&spec, &with, &secret()).unwrap();
        let before = lessons::sums(&mechanism, &bounded);
        let before: BTreeMap<LessonKey, i64> =
            before.into_iter().map(|(key, sum)| (key.clone(), sum)).collect();
        let own = bounded.remove(&victim).unwrap();
        let rest = lessons::bound(&spec, &without, &secret()).unwrap();
        prop_assert!(bounded == rest, "another unit's keys changed");
        let after = lessons::sums(&mechanism, &rest);
        let changes: Vec<u64> = before
            .iter()
            .map(|(key, sum)| sum.abs_diff(after.get(key).copied().unwrap_or(0)))
            .filter(|change| *change > 0)
            .collect();
        let count = u16::try_from(own.len()).unwrap();
        prop_assert_eq!(u64::from(count), keys.min(32));
        prop_assert_eq!(changes.len(), own.len());
        let each = Bounds::of(&mechanism).each(count);
        prop_assert!(changes.iter().all(|change| *change == each));
        let squares: u64 = changes.iter().map(|change| change * change).sum();
        prop_assert!(squares <= mechanism.l2_square);
        prop_assert!(squares > mechanism.l2_square - mechanism.l2_square / 100, "not slack");
    }
}

fn numbered(number: u64) -> Lesson {
    let trigger =
        Trigger { tool: Token::new("curl").unwrap(), error: ErrorClass::Other, subject: None };
    let action = Action::Example(Token::new(format!("curl --port {number}")).unwrap());
    Lesson::new(None, Op::Fix, trigger, action).unwrap()
}

fn lessons_spec(mechanism: Mechanism) -> LessonsSpec {
    let spec = LessonsSpec::new(Hash::ZERO, mechanism, WINDOW, 1_024);
    LessonsSpec { topic_words: 2, ..spec }
}

#[test]
fn a_unit_votes_for_what_most_of_its_own_sessions_speak_for() {
    let session = |items: &[u8]| Record {
        user: 1,
        start: 1_500,
        items: items.to_vec(),
        context: 0,
        success: true,
        amounts: Vec::new(),
    };
    let all = data(Unit::User, &[session(&[3, 4]), session(&[4, 9]), session(&[9]), session(&[9])]);
    let one = VotesSpec {
        mechanism: mechanism(Unit::User, Bounds::votes(Noise::Gaussian, 1)),
        ..votes_spec(Unit::User)
    };
    let votes = votes::bound(&one, &voting(&all), &secret()).unwrap();
    // Item 9 has more sessions and is not on the ballot.
    assert_eq!(votes.into_values().collect::<Vec<_>>(), vec![vec![item(4)]]);
    // With room for both it votes for both, and they share its weight.
    let counts = votes::counts(&votes_spec(Unit::User), &voting(&all), &secret()).unwrap();
    assert_eq!((counts[&item(3)], counts[&item(4)], counts[&item(5)]), (7_071, 7_071, 0));
}

/// Every length depends on the public list alone: nobody, somebody and much noise look the same.
#[test]
fn the_length_of_a_release_tells_nothing() {
    let records: Vec<Record> = (0..60)
        .map(|n| Record {
            user: n,
            start: 1_500,
            items: vec![n % 8],
            context: 0,
            success: n % 3 == 0,
            amounts: vec![6, 6],
        })
        .collect();
    for unit in UNITS {
        let mut lengths: [BTreeSet<usize>; 3] = Default::default();
        for data in [data(unit, &records), Data::new()] {
            let mut wide = votes_spec(unit);
            wide.mechanism =
                mechanism::laplace(unit, Bounds::shared(1).changed(unit), 90_000_000_000_000)
                    .unwrap();
            let all = [
                release_votes(
                    &votes_spec(unit),
                    &Private::new(voting(&data)),
                    &secret(),
                    &mut SystemNoise,
                ),
                release_outcomes(
                    &outcomes_spec(unit),
                    &Private::new(using(&data)),
                    &secret(),
                    &mut SystemNoise,
                ),
                release_costs(
                    &costs_spec(unit),
                    &Private::new(costing(&data)),
                    &secret(),
                    &mut SystemNoise,
                ),
            ];
            for (known, made) in lengths.iter_mut().zip(all) {
                let made = made.unwrap();
                known.insert(lore_protocol::codec::encode(made.get()).len());
                assert_eq!(made.get().check(), Ok(()));
            }
            let far =
                release_votes(&wide, &Private::new(voting(&data)), &secret(), &mut SystemNoise);
            let Payload::Votes(far) = far.unwrap().get().clone() else { panic!("not votes") };
            let near = Payload::Votes(lore_protocol::payload::Votes {
                mechanism: far.mechanism,
                votes: far
                    .votes
                    .iter()
                    .map(|v| lore_protocol::payload::VoteEntry { votes: 0, ..*v })
                    .collect(),
                ..far.clone()
            });
            let length = |payload: &Payload| lore_protocol::codec::encode(payload).len();
            assert_eq!(length(&near), length(&Payload::Votes(far)));
        }
        assert!(lengths.iter().all(|lengths| lengths.len() == 1), "{lengths:?}");
    }
}

#[test]
fn what_does_not_fit_its_unit_is_refused() {
    let none = || Private::new(Vec::new());
    let personal = votes_spec(Unit::Personal);
    assert!(release_votes(&personal, &none(), &secret(), &mut SystemNoise).is_ok());
    let odd = mechanism::gaussian(Unit::Personal, Bounds::cells(1, 1), 4_000_000, 0);
    assert!(odd.is_err(), "replacement counts twice");
    let cheap = Mechanism { l0: 1, ..personal.mechanism };
    let spec = VotesSpec { mechanism: cheap, ..personal };
    assert!(release_votes(&spec, &none(), &secret(), &mut SystemNoise).is_err());
    let uneven = CostsSpec { kinds: 4, ..costs_spec(Unit::User) };
    assert!(
        release_costs(&uneven, &Private::new(Vec::new()), &secret(), &mut SystemNoise).is_err()
    );
    let laplace = mechanism::laplace(Unit::User, Bounds::cells(3, 1), 4_000_000).unwrap();
    let spec = OutcomesSpec { mechanism: laplace, ..outcomes_spec(Unit::User) };
    assert!(
        release_outcomes(&spec, &Private::new(Vec::new()), &secret(), &mut SystemNoise).is_err()
    );
    let stranger = VoteContribution {
        unit: secret().user("ada"),
        start_seconds: 1_500,
        supports: BTreeSet::new(),
    };
    let spec = votes_spec(Unit::Session);
    let wrong = Private::new(vec![stranger]);
    assert!(release_votes(&spec, &wrong, &secret(), &mut SystemNoise).is_err());
}

#[test]
fn a_personal_node_releases_no_lessons_and_a_session_bounds_itself() {
    let trigger =
        Trigger { tool: Token::new("curl").unwrap(), error: ErrorClass::Other, subject: None };
    let action = Action::Example(Token::new("curl --port 1").unwrap());
    let primary = Lesson::new(None, Op::Fix, trigger, action).unwrap();
    let topics = ["report", "release", "different"].map(|word| Word::new(word).unwrap());
    let spec = |unit: Unit, l0| {
        lessons_spec(mechanism::gaussian(unit, Bounds::cells(l0, 1), 50_000, 2).unwrap())
    };
    let none = Private::new(Vec::new());
    assert!(release_lessons(&spec(Unit::Personal, 6), &none, &secret(), &mut SystemNoise).is_err());
    // Two sessions of one user are two units: each supports its own three keys.
    let taught = |session: &str| LessonContribution {
        unit: secret().session(session),
        start_seconds: 1_500,
        primary: primary.clone(),
        topics: topics.to_vec(),
    };
    let both = Private::new(vec![taught("one"), taught("two")]);
    let made =
        release_lessons(&spec(Unit::Session, 3), &both, &secret(), &mut SystemNoise).unwrap();
    let Payload::Lessons(lessons) = made.get() else { panic!("not lessons") };
    assert!(
        lessons.entries.iter().any(|e| matches!(e.key, LessonKey::Primary(_)) && e.support == 2)
    );
}
