//! The gate, and a crash at every point of a release.

#![allow(clippy::unwrap_used)]
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger, Word};
use lore_protocol::payload::{LessonEntry, Lessons, Origin, Payload, Void, Window};

use super::fault_tests::Disk;
use super::tests::{CHARTER, NOW, budget, chain, reservation, sign};
use super::*;
use crate::{Cost, Outgoing, PrivacyError, Released};

const DEADLINE: u64 = NOW + 600;
const BYTES: usize = 2048;
const RELEASE: Hash = Hash([1; 32]);

fn lesson(tool: &str) -> Lesson {
    let token = |text: &str| Token::new(text).unwrap();
    let trigger = Trigger { tool: token(tool), error: ErrorClass::None, subject: None };
    Lesson::new(None, Op::Prefer, trigger, Action::AddFlag(token("--fast"))).unwrap()
}

fn topic(tool: &str, word: &str) -> LessonKey {
    LessonKey::Topic { lesson: lesson(tool).id(), word: Word::new(word).unwrap() }
}

/// Two lessons and a topic word of the first, padded; `draw` tells draws apart.
fn drawn(draw: i64) -> Payload {
    let keys = [
        LessonKey::Primary(lesson("alpha")),
        LessonKey::Primary(lesson("beta")),
        topic("alpha", "invoice"),
    ];
    let mut entries: Vec<LessonEntry> =
        keys.into_iter().map(|key| LessonEntry { key, support: 100 + draw }).collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    padded(entries)
}

fn padded(entries: Vec<LessonEntry>) -> Payload {
    let origin = Origin::Mechanism(reservation(1).mechanism);
    let window = Some(Window { start_seconds: NOW - 86_400, end_seconds: NOW });
    let make = |padding| {
        let padding = vec![0; padding];
        Payload::Lessons(Lessons { origin, window, entries: entries.clone(), padding })
    };
    let found = (0..BYTES).rev().map(make);
    found.into_iter().find(|p| lore_protocol::codec::encode(p).len() == BYTES).unwrap()
}

fn at_the_gate(payload: Payload) -> Ledger<MemoryStore> {
    let mut ledger = Ledger::open(MemoryStore::default()).unwrap();
    ledger.set_budget(budget(), NOW).unwrap();
    let ticket = ledger.reserve(reservation(1), CHARTER).unwrap();
    ledger.hold(&ticket, DEADLINE).unwrap();
    ledger.sample(ticket, || Ok(Released::by_mechanism(payload))).unwrap();
    ledger
}

fn place(held: &Held, key: &LessonKey) -> u32 {
    u32::try_from(held.entries.iter().position(|entry| entry.key == *key).unwrap()).unwrap()
}

fn sent(ledger: &mut Ledger<MemoryStore>) -> Option<Payload> {
    match ledger.pass(RELEASE, DEADLINE).unwrap() {
        Passage::Open(released) => {
            let payload = released.get().clone();
            ledger.commit(chain(1), 0, 3, &(*released).into(), sign).unwrap();
            Some(payload)
        }
        Passage::Void => {
            ledger.commit(chain(1), 0, 3, &Void { release: RELEASE }.into(), sign).unwrap();
            None
        }
        Passage::Wait { .. } => panic!("the deadline has come"),
    }
}

#[test]
fn without_an_answer_a_void_goes_out_and_nothing_goes_out_before_the_deadline() {
    let mut ledger = at_the_gate(drawn(0));
    assert_eq!(ledger.pending(), [Pending::Gate { release: RELEASE, chain: chain(1) }]);
    assert!(matches!(ledger.pass(RELEASE, DEADLINE - 1).unwrap(), Passage::Wait { .. }));
    let around = ledger.resume(RELEASE).unwrap().into();
    let error = ledger.commit(chain(1), 0, 3, &around, sign).unwrap_err();
    assert!(matches!(error, PrivacyError::AtGate { deadline_seconds: DEADLINE }));
    assert_eq!(sent(&mut ledger), None);
    ledger.verify().unwrap();
}

#[test]
fn an_approved_result_goes_out_whole_at_the_deadline_however_early_the_answer() {
    let mut ledger = at_the_gate(drawn(0));
    ledger.answer(RELEASE, Answer::Keep(vec![0, 1, 2]), NOW).unwrap();
    assert!(matches!(ledger.pass(RELEASE, DEADLINE - 1).unwrap(), Passage::Wait { .. }));
    assert_eq!(sent(&mut ledger), Some(drawn(0)));
    ledger.verify().unwrap();
}

#[test]
fn a_dropped_lesson_takes_its_topic_words_with_it_and_the_length_stays() {
    let mut ledger = at_the_gate(drawn(0));
    let held = ledger.held().unwrap().remove(0);
    let alpha = place(&held, &LessonKey::Primary(lesson("alpha")));
    let beta = place(&held, &LessonKey::Primary(lesson("beta")));
    let keep = (0..3).filter(|place| *place != alpha).collect();
    let answer = ledger.answer(RELEASE, Answer::Keep(keep), NOW).unwrap();
    assert_eq!(answer, Answer::Keep(vec![beta]));
    let shown = ledger.held().unwrap().remove(0).payload.unwrap();
    let payload = sent(&mut ledger).unwrap();
    assert_eq!(lore_protocol::codec::encode(&payload), shown, "what was shown is what is sent");
    assert_eq!(shown.len(), BYTES);
    assert!(payload.check().is_ok());
    let Payload::Lessons(lessons) = payload else { panic!("lessons") };
    assert_eq!(lessons.entries.len(), 1);
    ledger.verify().unwrap();
}

#[test]
fn dropping_everything_is_a_refusal_and_a_later_answer_replaces_an_earlier_one() {
    let mut ledger = at_the_gate(drawn(0));
    assert_eq!(ledger.answer(RELEASE, Answer::Keep(vec![]), NOW).unwrap(), Answer::Refuse);
    ledger.answer(RELEASE, Answer::Keep(vec![0, 1, 2]), NOW).unwrap();
    ledger.answer(RELEASE, Answer::Refuse, DEADLINE - 1).unwrap();
    assert_eq!(sent(&mut ledger), None);
}

#[test]
fn an_empty_result_that_is_approved_goes_out_empty() {
    let mut ledger = at_the_gate(padded(Vec::new()));
    ledger.answer(RELEASE, Answer::Keep(vec![]), NOW).unwrap();
    assert_eq!(sent(&mut ledger), Some(padded(Vec::new())));
}

#[test]
fn answers_are_refused_too_late_for_unknown_keys_and_after_the_bytes_are_fixed() {
    let mut ledger = at_the_gate(drawn(0));
    let late = ledger.answer(RELEASE, Answer::Refuse, DEADLINE).unwrap_err();
    assert!(matches!(late, PrivacyError::GateClosed { .. }));
    assert!(ledger.answer(RELEASE, Answer::Keep(vec![3]), NOW).is_err());
    ledger.answer(RELEASE, Answer::Keep(vec![0, 1, 2]), NOW).unwrap();
    let Passage::Open(released) = ledger.pass(RELEASE, DEADLINE).unwrap() else { panic!("open") };
    // A clock that was set back lets a new answer in: what was taken out before is worth nothing.
    ledger.answer(RELEASE, Answer::Refuse, NOW).unwrap();
    let stale: Outgoing = (*released).into();
    assert!(ledger.commit(chain(1), 0, 3, &stale, sign).is_err());
    ledger.answer(RELEASE, Answer::Keep(vec![0, 1, 2]), NOW).unwrap();
    ledger.commit(chain(1), 0, 3, &stale, sign).unwrap();
    assert!(ledger.answer(RELEASE, Answer::Refuse, NOW).is_err());
}

#[test]
fn a_gate_is_set_before_data_is_read_or_never() {
    let mut ledger = Ledger::open(MemoryStore::default()).unwrap();
    ledger.set_budget(budget(), NOW).unwrap();
    let ticket = ledger.reserve(reservation(1), CHARTER).unwrap();
    let copied = Ticket::forge(reservation(1));
    ledger.sample(ticket, || Ok(Released::by_mechanism(drawn(0)))).unwrap();
    assert!(ledger.hold(&copied, DEADLINE).is_err());
    let mut outcomes = reservation(2);
    outcomes.kind = lore_protocol::payload::PayloadKind::Outcomes;
    let ticket = ledger.reserve(outcomes, CHARTER).unwrap();
    assert!(ledger.hold(&ticket, DEADLINE).is_err());
}

/// Bytes that the world saw and noise that was really drawn, whatever the process forgets.
#[derive(Default)]
struct World {
    seen: BTreeMap<u64, BTreeSet<Vec<u8>>>,
    draws: Cell<i64>,
}

/// One life: recover, make the release if it is not there, let it through, send it.
fn live(
    disk: &Disk,
    world: &mut World,
    now: u64,
    gated: bool,
    watch: impl Fn(Point) + Send + Sync + 'static,
) {
    let mut ledger = Ledger::open(disk.clone()).unwrap();
    ledger.watch(watch);
    if ledger.budget().is_none() {
        ledger.set_budget(budget(), NOW).unwrap();
    }
    if let Ok(ticket) = ledger.reserve(reservation(1), CHARTER) {
        if gated {
            ledger.hold(&ticket, DEADLINE).unwrap();
        }
        ledger.reach(Point::DataRead);
        let draw = || {
            world.draws.set(world.draws.get() + 1);
            Ok(Released::by_mechanism(drawn(world.draws.get())))
        };
        ledger.sample(ticket, draw).unwrap();
    }
    while let Some(pending) = ledger.pending().first().copied() {
        let (chain, outgoing) = match pending {
            Pending::Void { release, chain } => (chain, Void { release }.into()),
            Pending::Commit { release, chain } => (chain, ledger.resume(release).unwrap().into()),
            Pending::Gate { release, chain } => {
                if now < DEADLINE {
                    ledger.answer(release, Answer::Keep(vec![0, 1, 2]), now).unwrap();
                }
                match ledger.pass(release, now).unwrap() {
                    Passage::Wait { .. } => return,
                    Passage::Void => continue,
                    Passage::Open(released) => (chain, (*released).into()),
                }
            }
            Pending::Publish { chain, seq } => {
                let bytes = ledger.committed(chain, seq).unwrap().bytes().to_vec();
                ledger.reach(Point::Ingested);
                world.seen.entry(seq).or_default().insert(bytes);
                ledger.published(chain, seq).unwrap();
                continue;
            }
        };
        let seq = ledger.next_seq(chain).unwrap_or(0);
        ledger.commit(chain, seq, 3, &outgoing, sign).unwrap();
    }
}

/// Ends the process at the `nth` time that `at` is passed, then lives on. Gives whether it struck.
fn struck_at(at: Point, nth: u32, gated: bool) -> bool {
    let (disk, mut world) = (Disk::default(), World::default());
    let passed = Arc::new(AtomicU32::new(0));
    let mut struck = false;
    for (now, armed) in [(NOW, true), (DEADLINE, true), (NOW, false), (DEADLINE, false)] {
        let passed = Arc::clone(&passed);
        let watch = move |point| {
            if armed && point == at && passed.fetch_add(1, Ordering::SeqCst) == nth {
                resume_unwind(Box::new(at));
            }
        };
        let life = AssertUnwindSafe(|| live(&disk, &mut world, now, gated, watch));
        let ended = catch_unwind(life);
        if let Err(why) = ended {
            assert_eq!(why.downcast_ref::<Point>(), Some(&at), "only the kill ends a life");
            struck = true;
        }
        assert!(world.seen.values().all(|bytes| bytes.len() == 1), "{at:?}: two byte strings");
        assert!(world.draws.get() <= 1, "{at:?}: noise was drawn twice");
        let ledger = Ledger::open(disk.clone()).unwrap();
        let one = reservation(1).cost();
        let truth = if world.draws.get() > 0 { one } else { Cost::default() };
        assert!(ledger.lifetime().rho_nano >= truth.rho_nano, "{at:?}: spend was forgotten");
        assert!(ledger.lifetime().delta_e18 >= truth.delta_e18);
    }
    let ledger = Ledger::open(disk).unwrap();
    assert_eq!(ledger.pending(), [], "{at:?}");
    assert_eq!(ledger.lifetime(), reservation(1).cost());
    assert_eq!(world.seen.len(), 1, "{at:?}: a result or a void");
    ledger.verify().unwrap();
    struck
}

#[test]
fn a_kill_at_any_point_of_any_release_says_one_thing_and_forgets_no_cost() {
    for at in Point::ALL {
        let gated: u32 = (0..4).map(|nth| u32::from(struck_at(*at, nth, true))).sum();
        let plain: u32 = (0..4).map(|nth| u32::from(struck_at(*at, nth, false))).sum();
        assert!(gated > 0, "{} is never passed", at.name());
        let only_gated = [Point::Gated, Point::AtGate, Point::Answered].contains(at);
        assert_eq!(plain == 0, only_gated, "{}", at.name());
    }
}

#[test]
fn every_point_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = Point::ALL.iter().map(|point| point.name()).collect();
    assert_eq!(names.len(), Point::ALL.len());
}

#[test]
fn ten_thousand_entries_are_verified_in_under_two_seconds() {
    let generous = crate::Budget::new(
        lore_protocol::payload::Unit::User,
        20_000_000,
        1_000_000_000_000_000,
        90,
    );
    let mut ledger = Ledger::open(MemoryStore::default()).unwrap();
    ledger.set_budget(generous.unwrap(), NOW).unwrap();
    for number in 0..2_500_u64 {
        let mut one = reservation(1);
        one.release = Hash::derive("test", &[&number.to_le_bytes()]);
        // A quarter of a small budget each: every period has room for two.
        one.at_seconds = NOW + number / 2 * 90 * 86_400;
        one.window.start_seconds = one.at_seconds - 86_400;
        one.window.end_seconds = one.at_seconds;
        one.period = 3 + u32::try_from(number / 2).unwrap();
        let ticket = ledger.reserve(one, CHARTER).unwrap();
        let sampled = ledger.sample(ticket, || Ok(Released::by_mechanism(drawn(1)))).unwrap();
        ledger.commit(chain(1), number, one.period, &sampled.into(), sign).unwrap();
        ledger.published(chain(1), number).unwrap();
    }
    let begun = std::time::Instant::now();
    let verified = ledger.verify().unwrap();
    let took = begun.elapsed();
    assert!(verified.entries >= 10_000 && verified.releases == 2_500);
    assert_eq!((verified.sampled, verified.committed, verified.voided), (2_500, 2_500, 0));
    assert!(took.as_secs_f64() < 2.0, "{took:?}");
    println!("{} entries verified in {took:?}", verified.entries);
}
