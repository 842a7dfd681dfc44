//! Rules of a release: spend, schedule and claims; nothing that the charter does not
//! grant a member.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::charter::WindowTerms;
use lore_protocol::delta::{Delta, Spend};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{LessonKey, Word};
use lore_protocol::log::Fault;
use lore_protocol::payload::{
    Cell, FileEntry, ItemId, LessonEntry, Lessons, Mechanism, Noise, Origin, Outcomes, Payload,
    Revision, Unit, WEIGHT, Window,
};
use world::{RHO_NANO, SIGMA_MICROS, World, authored, bent, lesson, refusal, shared, void};

fn mechanism() -> Mechanism {
    Mechanism {
        unit: Unit::User,
        noise: Noise::Gaussian,
        scale_micros: SIGMA_MICROS,
        l0: 3,
        linf: 1,
        l2_square: 3,
        threshold: 0,
        rho_nano: RHO_NANO,
        delta_e18: 0,
    }
}

fn outcomes(world: &World, mechanism: Mechanism) -> Payload {
    counted(world, mechanism, Window { start_seconds: 0, end_seconds: 1 })
}

fn drawn_from(world: &World, window: Window) -> Payload {
    counted(world, mechanism(), window)
}

fn counted(world: &World, mechanism: Mechanism, window: Window) -> Payload {
    let items_root = world.log.tip().body.state_root;
    Payload::Outcomes(Outcomes { mechanism, window, items_root, cells: Vec::new() })
}

/// A release of `mechanism` by member 1 that pays `rho_nano`.
fn release(world: &World, payload: &Payload, rho_nano: u64, delta_e18: u64) -> Delta {
    bent(world, 1, payload, |header| {
        header.spend.rho_nano += rho_nano;
        header.spend.delta_e18 += delta_e18;
    })
}

fn lessons(padding: usize) -> Payload {
    let threshold = 10 * u32::from(WEIGHT);
    let mechanism = Mechanism { threshold, delta_e18: 5, ..shared(RHO_NANO) };
    Payload::Lessons(Lessons {
        origin: Origin::Mechanism(mechanism),
        window: Some(Window { start_seconds: 0, end_seconds: 1 }),
        entries: Vec::new(),
        padding: vec![0; padding],
    })
}

/// A lesson release of the charter's size.
fn full_lessons() -> Payload {
    let size = |payload: &Payload| lore_protocol::codec::encode(payload).len();
    let bare = size(&lessons(1000)) - 1000;
    let payload = lessons(2048 - bare);
    assert_eq!(size(&payload), 2048);
    payload
}

#[test]
fn spend_adds_up_and_stays_below_the_ceiling() {
    let mut world = World::with_members(1);
    let honest = outcomes(&world, mechanism());
    let short = Fault::Spend("it does not add this release to what was spent before");
    let free = release(&world, &honest, 0, 0);
    assert_eq!(refusal(&mut world.log, &free), short);
    let cheap = release(&world, &honest, RHO_NANO - 1, 0);
    assert_eq!(refusal(&mut world.log, &cheap), short);
    let elsewhen = bent(&world, 1, &void(), |h| h.spend.period += 1);
    assert_eq!(refusal(&mut world.log, &elsewhen), Fault::Spend("it names another period"));
    let over = release(&world, &honest, 10 * RHO_NANO + 1, 0);
    assert_eq!(refusal(&mut world.log, &over), Fault::Spend("it is over the charter's ceiling"));
    let paid = release(&world, &honest, RHO_NANO, 0);
    world.push(paid);
    let falls = bent(&world, 1, &void(), |h| h.spend.rho_nano -= 1);
    assert_eq!(refusal(&mut world.log, &falls), short);
    let resets = bent(&world, 1, &void(), |h| {
        h.spend = Spend { period: h.spend.period, ..Spend::default() }
    });
    assert_eq!(refusal(&mut world.log, &resets), short, "spend is kept across kinds");
}

#[test]
fn spend_starts_anew_with_a_period() {
    let mut world = World::with_members(1);
    let honest = outcomes(&world, mechanism());
    let all = release(&world, &honest, 10 * RHO_NANO, 0);
    world.push(all);
    for _ in 0..4 {
        world.checkpoint();
    }
    assert_eq!(world.log.spend(world.members[1]).rho_nano, 0);
    world.outcomes(1, &[]);
    assert_eq!(world.log.spend(world.members[1]).rho_nano, RHO_NANO);
}

#[test]
fn a_mechanism_keeps_the_charters_bounds() {
    let mut world = World::with_members(1);
    let honest = mechanism();
    let noise = Fault::Charter("its noise is below the charter's");
    let bounds = Fault::Charter("its contribution bounds are above the charter's");
    let cost = Fault::Spend("its cost does not fit its mechanism");
    let cases = [
        (Mechanism { scale_micros: SIGMA_MICROS - 1, ..honest }, noise),
        (Mechanism { noise: Noise::Laplace, ..honest }, noise),
        (Mechanism { l0: 4, l2_square: 4, ..honest }, bounds),
        (Mechanism { linf: 2, l2_square: 12, ..honest }, bounds),
        (Mechanism { rho_nano: RHO_NANO - 1, ..honest }, cost),
        (
            Mechanism { unit: Unit::Session, ..honest },
            Fault::Charter("it protects a unit that the charter does not allow"),
        ),
    ];
    for (mechanism, fault) in cases {
        let payload = outcomes(&world, mechanism);
        let delta = release(&world, &payload, RHO_NANO, 0);
        assert_eq!(refusal(&mut world.log, &delta), fault, "{mechanism:?}");
    }
    // More noise than the charter asks for may cost less; the extreme does not overflow.
    let payload = outcomes(&world, Mechanism { scale_micros: u64::MAX, rho_nano: 1, ..honest });
    let delta = release(&world, &payload, 1, 0);
    world.push(delta);
}

#[test]
fn releases_keep_the_schedule() {
    let mut world = World::with_members(1);
    world.outcomes(1, &[]);
    let again = release(&world, &outcomes(&world, mechanism()), RHO_NANO, 0);
    let twice = Fault::Charter("a release of this kind was made in this epoch");
    assert_eq!(refusal(&mut world.log, &again), twice);
    // Lessons are due once from the second epoch of a period of four on, so in epochs 5 to 7.
    while world.log.open_epoch() < 4 {
        world.checkpoint();
    }
    let early = release(&world, &full_lessons(), RHO_NANO, 5);
    let not_due = Fault::Charter("no release of this kind is due in this epoch");
    assert_eq!(refusal(&mut world.log, &early), not_due);
    while world.log.open_epoch() < 5 {
        world.checkpoint();
    }
    let mut short = full_lessons();
    if let Payload::Lessons(lessons) = &mut short {
        lessons.padding.pop();
    }
    let short = release(&world, &short, RHO_NANO, 5);
    let size = Fault::Charter("a lesson release has the charter's fixed size");
    assert_eq!(refusal(&mut world.log, &short), size);
    let unpaid = release(&world, &full_lessons(), RHO_NANO, 4);
    assert!(matches!(refusal(&mut world.log, &unpaid), Fault::Spend(_)));
    let due = release(&world, &full_lessons(), RHO_NANO, 5);
    world.push(due);
    let again = release(&world, &full_lessons(), RHO_NANO, 5);
    assert_eq!(refusal(&mut world.log, &again), twice);
    // The one of this period is made; the next period has one again, also for a member that is late.
    while world.log.open_epoch() < 6 {
        world.checkpoint();
    }
    let more = release(&world, &full_lessons(), RHO_NANO, 5);
    assert_eq!(refusal(&mut world.log, &more), not_due);
    while world.log.open_epoch() < 11 {
        world.checkpoint();
    }
    let late = release(&world, &full_lessons(), RHO_NANO, 5);
    world.push(late);
}

#[test]
fn topic_words_go_only_where_the_charter_has_them() {
    let mut world = World::with_terms(|terms| terms.privacy.topic_words = 0);
    world.admit_and_seal(1);
    while world.log.open_epoch() < 5 {
        world.checkpoint();
    }
    let mut worded = full_lessons();
    if let Payload::Lessons(lessons) = &mut worded {
        let word = Word::new("invoice").unwrap();
        let key = LessonKey::Topic { lesson: lesson("curl", "curl -x").id(), word };
        lessons.entries = vec![LessonEntry { key, support: 20 * i64::from(WEIGHT) }];
    }
    let worded = release(&world, &fit(worded), RHO_NANO, 5);
    let fault = Fault::Charter("this federation's releases have no topic words");
    assert_eq!(refusal(&mut world.log, &worded), fault);
}

#[test]
fn a_window_ends_on_the_charters_grid_and_is_long_enough() {
    let windows = WindowTerms { grid_seconds: 60, least_seconds: 600, send_after_seconds: 0 };
    let mut world = World::with_terms(|terms| terms.privacy.windows = windows);
    world.admit_and_seal(1);
    let fault = Fault::Charter("its window does not fit the charter's");
    let window = |start_seconds, end_seconds| Window { start_seconds, end_seconds };
    for wrong in [window(0, 601), window(60, 600), window(600, 1_199)] {
        let payload = drawn_from(&world, wrong);
        let delta = release(&world, &payload, RHO_NANO, 0);
        assert_eq!(refusal(&mut world.log, &delta), fault, "{wrong:?}");
    }
    let payload = drawn_from(&world, window(0, 600));
    let delta = release(&world, &payload, RHO_NANO, 0);
    world.push(delta);
}

#[test]
fn outcomes_name_the_anchors_state_and_the_charters_contexts() {
    let mut world = World::with_members(1);
    let mut payload = outcomes(&world, mechanism());
    let Payload::Outcomes(inner) = &mut payload else { unreachable!() };
    inner.items_root = Hash([1; 32]);
    let other = release(&world, &payload, RHO_NANO, 0);
    let state = Fault::Header("it counts items of another state");
    assert_eq!(refusal(&mut world.log, &other), state);
    let mut payload = outcomes(&world, mechanism());
    let Payload::Outcomes(inner) = &mut payload else { unreachable!() };
    let item = ItemId::Revision(lore_protocol::ids::RevisionId::ZERO);
    inner.cells = vec![Cell { item, context: 1, successes: 0, failures: 0 }];
    let other = release(&world, &payload, RHO_NANO, 0);
    let context = Fault::Charter("it names a context that the charter does not have");
    assert_eq!(refusal(&mut world.log, &other), context);
}

#[test]
fn outcomes_of_what_nobody_published_leave_no_trace() {
    let mut world = World::with_members(1);
    let before = world.library();
    let junk: Vec<_> = (0..50)
        .map(|n| (ItemId::Revision(lore_protocol::ids::RevisionId([n; 32])), 9, 9))
        .collect();
    world.outcomes(1, &junk);
    assert_eq!(world.library(), before);
}

#[test]
fn support_is_earned_and_capped() {
    let world = World::with_members(1);
    let mut claimed = authored(lesson("curl", "curl -x"));
    if let Payload::Lessons(lessons) = &mut claimed {
        lessons.entries[0].support = 1;
    }
    assert!(claimed.check().is_err(), "what a person wrote has no support");
    let mut below = lessons(0);
    if let (Payload::Lessons(below), Payload::Lessons(one)) =
        (&mut below, authored(lesson("curl", "curl -x")))
    {
        below.entries = one.entries;
        below.entries[0].support = 10 * i64::from(WEIGHT) - 1;
    }
    assert!(below.check().is_err(), "below its own threshold");
    let mut world = world;
    while world.log.open_epoch() < 5 {
        world.checkpoint();
    }
    let mut loud = full_lessons();
    if let (Payload::Lessons(loud), Payload::Lessons(one)) =
        (&mut loud, authored(lesson("curl", "curl -x")))
    {
        loud.entries = one.entries;
        loud.entries[0].support = i64::MAX;
    }
    loud = fit(loud);
    let loud = release(&world, &loud, RHO_NANO, 5);
    world.push(loud);
    let library = world.library();
    let item = library.lessons.values().next().unwrap();
    assert_eq!(item.total_support(), 1000 * i64::from(WEIGHT), "the charter's cap");
}

/// Fits a lesson payload to the charter's size.
fn fit(mut payload: Payload) -> Payload {
    for _ in 0..3 {
        let size = lore_protocol::codec::encode(&payload).len();
        if let Payload::Lessons(lessons) = &mut payload {
            let padding = lessons.padding.len() + 2048 - size;
            lessons.padding = vec![0; padding];
        }
    }
    payload
}

fn revision(name: &str, path: &str, executable: bool) -> Payload {
    let blob = lore_protocol::skill::blob_id(b"text");
    let file = FileEntry { path: path.into(), executable, len: 4, blob };
    Payload::Revision(Revision {
        skill: None,
        name: name.into(),
        description: String::new(),
        parents: vec![],
        files: vec![file],
    })
}

#[test]
fn a_skill_stays_in_its_directory() {
    assert!(revision("good", "references/a.md", false).check().is_ok());
    for name in ["", "..", "a/b", "c:", "\\\\host", "a\nb"] {
        assert!(revision(name, "SKILL.md", false).check().is_err(), "{name:?}");
    }
    for path in ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "c:/x", "a\\b", "a\0b"] {
        assert!(revision("good", path, false).check().is_err(), "{path:?}");
    }
}

#[test]
fn scripts_spread_only_where_the_charter_says_so() {
    let mut world = World::with_members(1);
    let fault = Fault::Charter("skills with scripts do not spread here");
    for payload in [revision("good", "scripts/run.sh", false), revision("good", "run", true)] {
        let delta = world.make(1, &payload, 0);
        assert_eq!(refusal(&mut world.log, &delta), fault);
    }
    world.publish(1, &revision("good", "SKILL.md", false));
}
