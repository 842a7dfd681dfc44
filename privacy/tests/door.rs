//! The whole way of a release through the public interface: budget, plan, reserve, sample, commit, send.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use lore_privacy::release::{
    LessonsSpec, OutcomesSpec, release_id, release_lessons, release_outcomes,
};
use lore_privacy::{
    Budget, Caps, Chain, Committed, Ledger, LessonContribution, LocalSecret, MemoryStore,
    OutcomeContribution, Outgoing, Plan, PrivacyError, Private, Released, Reservation, Schedule,
    SystemNoise,
};
use lore_protocol::codec;
use lore_protocol::ids::{FederationId, Hash, LessonId, MemberId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger};
use lore_protocol::payload::{ItemId, Mechanism, Payload, PayloadKind, Unit, Window};

const NOW: u64 = 1_700_000_000;
const OPEN: Caps = Caps { rho_nano: u64::MAX, delta_e18: u64::MAX };
const WINDOW: Window = Window { start_seconds: NOW - 1_000, end_seconds: NOW };
const CHAIN: Chain = Chain { federation: FederationId([1; 32]), member: MemberId([2; 32]) };
const SCHEDULE: Schedule =
    Schedule { lessons: 1, outcomes: 3, votes: 0, costs: None, keys_per_unit: 32 };

fn secret() -> LocalSecret {
    LocalSecret::from_bytes([3; 32])
}

fn lesson(number: u8) -> Lesson {
    let tool = Token::new("curl").unwrap();
    let trigger = Trigger { tool, error: ErrorClass::Other, subject: None };
    let action = Action::Example(Token::new(format!("curl --port {number}")).unwrap());
    Lesson::new(None, Op::Fix, trigger, action).unwrap()
}

fn ready() -> (Ledger<MemoryStore>, Plan) {
    let budget = Budget::new(Unit::User, 4_000_000, 1_000_000_000_000, 90).unwrap();
    let mut ledger = Ledger::open(MemoryStore::default()).unwrap();
    ledger.set_budget(budget, NOW).unwrap();
    (ledger, budget.plan(SCHEDULE).unwrap())
}

fn release(
    ledger: &mut Ledger<MemoryStore>,
    (kind, index, mechanism): (PayloadKind, u32, Mechanism),
    spec: Hash,
    sample: impl FnOnce() -> Result<Released<Payload>, PrivacyError>,
) -> Result<Committed, PrivacyError> {
    let reservation = Reservation {
        release: release_id(CHAIN.federation, CHAIN.member, kind, 0, index),
        spec,
        chain: CHAIN,
        period: 0,
        at_seconds: NOW,
        kind,
        mechanism,
        window: WINDOW,
    };
    let ticket = ledger.reserve(reservation, OPEN)?;
    let outgoing = Outgoing::from(ledger.sample(ticket, sample)?);
    let seq = ledger.next_seq(CHAIN).unwrap_or(0);
    let committed = ledger.commit(CHAIN, seq, 0, &outgoing, |payload, _| codec::encode(payload))?;
    ledger.published(CHAIN, seq)?;
    Ok(committed)
}

fn lessons(ledger: &mut Ledger<MemoryStore>, mechanism: Mechanism) -> BTreeSet<LessonKey> {
    // Sixty users know one lesson, three another: far above and far below the 14 that are needed.
    let knows = |user: usize| LessonContribution {
        unit: secret().user(&user.to_string()),
        start_seconds: NOW - 1,
        primary: lesson(if user < 60 { 1 } else { 2 }),
        topics: Vec::new(),
    };
    let contributions = Private::new((0..63).map(knows).collect());
    let spec = LessonsSpec::new(Hash::ZERO, mechanism, WINDOW, 8_192);
    let committed = release(ledger, (PayloadKind::Lessons, 0, mechanism), spec.hash(), || {
        release_lessons(&spec, &contributions, &secret(), &mut SystemNoise)
    })
    .unwrap();
    assert_eq!(committed.bytes().len(), 8_192);
    let Payload::Lessons(sent) = codec::decode(committed.bytes()).unwrap() else {
        panic!("not lessons");
    };
    sent.entries.into_iter().map(|entry| entry.key).collect()
}

fn outcomes(
    ledger: &mut Ledger<MemoryStore>,
    mechanism: Mechanism,
    index: u32,
) -> Result<Committed, PrivacyError> {
    let item = ItemId::Lesson(LessonId([4; 32]));
    let spec = OutcomesSpec {
        release: Hash([u8::try_from(index).unwrap(); 32]),
        mechanism,
        window: WINDOW,
        items_root: Hash::ZERO,
        cells: BTreeSet::from([(item, 0)]),
    };
    let contributions = Private::new(vec![OutcomeContribution {
        unit: secret().user("ada"),
        item,
        context: 0,
        success: true,
        start_seconds: NOW - 1,
    }]);
    release(ledger, (PayloadKind::Outcomes, index, mechanism), spec.hash(), || {
        release_outcomes(&spec, &contributions, &secret(), &mut SystemNoise)
    })
}

#[test]
fn what_many_know_leaves_and_what_three_know_does_not() {
    // The chance that sixty supporters miss T 19, or that three reach it, is below 1e-6.
    let (mut ledger, plan) = ready();
    let sent = lessons(&mut ledger, plan.lessons.unwrap());
    assert_eq!(sent, BTreeSet::from([LessonKey::Primary(lesson(1))]));
}

#[test]
fn a_plan_is_admitted_in_full_and_not_one_release_more() {
    let (mut ledger, plan) = ready();
    lessons(&mut ledger, plan.lessons.unwrap());
    // No votes were sent, so their three tenths of rho admit four more outcome releases than planned.
    let admitted =
        (0..20).take_while(|i| outcomes(&mut ledger, plan.outcomes.unwrap(), *i).is_ok());
    assert_eq!(admitted.count(), 7);
    let refused = outcomes(&mut ledger, plan.outcomes.unwrap(), 30).unwrap_err();
    assert!(matches!(refused, PrivacyError::OverBudget { .. }));
    let verified = ledger.verify().unwrap();
    assert_eq!(verified.releases, 8);
    assert!(verified.lifetime.rho_nano <= ledger.budget().unwrap().rho_nano);
}
