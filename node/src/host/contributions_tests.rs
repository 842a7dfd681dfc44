//! Contributions of odd sessions, and of sessions that a model reads or refuses.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;

use lore_agent::extract::{self, Reader};
use lore_agent::model::{Model, ModelError, ModelFuture, Reply, Request, Retries};
use lore_lessons::Circle;
use lore_privacy::{LocalSecret, UnitId};
use lore_protocol::ids::{LessonId, RevisionId};
use lore_protocol::payload::ItemId;
use lore_session::{
    CallHint, Proposals, Role, Session, SessionOutcome, SkillUse, Started, ToolCall, Turn, VERSION,
};
use serde_json::json;

use super::contributions::{alone, lessons_of, read, tried, used};

fn session() -> Session {
    Session {
        version: VERSION,
        id: "one".into(),
        root: None,
        links: Vec::new(),
        unit: None,
        harness: "test".into(),
        model: None,
        started: Started::at(0),
        task: String::new(),
        turns: Vec::new(),
        outcome: SessionOutcome::unknown(),
        skills_read: Vec::new(),
        skills_injected: Vec::new(),
        proposals: None,
    }
}

fn skill(revision: Option<u8>) -> SkillUse {
    let revision = revision.map(|byte| RevisionId([byte; 32]));
    SkillUse { name: "one".into(), skill: None, revision, state: None, lessons: BTreeSet::new() }
}

#[test]
fn a_skill_counts_once_for_a_session_that_was_given_it_or_opened_it() {
    let mut session = session();
    session.skills_read = vec![skill(Some(1)), skill(None)];
    session.skills_injected = vec![skill(Some(2)), skill(Some(1)), skill(None)];
    let expected = [1, 2].map(|byte| ItemId::Revision(RevisionId([byte; 32])));
    assert_eq!(used(&session), BTreeSet::from(expected));
}

#[test]
fn a_remedy_is_tried_whatever_the_session_came_to_and_the_last_time_counts() {
    let call = |line: &str, flag: Option<&str>| ToolCall {
        id: None,
        tool: "bash".into(),
        arguments: json!({ "command": line }),
        result: Some(
            flag.map_or_else(String::new, |flag| format!("error: unknown option `{flag}'")),
        ),
        exit: Some(if flag.is_some() { 129 } else { 0 }),
        failed: flag.is_some(),
        refusal: None,
        duration_ms: None,
        hint: None,
    };
    let of = |calls: Vec<ToolCall>| {
        let turn = Turn { role: Role::Assistant, text: String::new(), calls, tokens: None };
        let tried = tried(&Session { turns: vec![turn], ..session() });
        tried.into_values().collect::<Vec<_>>()
    };
    let failed = || call("git log --onelin", Some("onelin"));
    assert_eq!(of(vec![failed(), call("git log --oneline", None)]), [true, true]);
    let again = || call("git log --one --onelin", Some("onelin"));
    assert_eq!(of(vec![failed(), again()]), [false, false]);
    assert_eq!(of(vec![failed()]), Vec::<bool>::new());
}

#[test]
fn a_remedy_that_the_session_had_been_given_counts_once_more_as_such() {
    let call = |line: &str, exit: i32, output: &str| ToolCall {
        result: Some(output.to_owned()),
        exit: Some(exit),
        failed: exit != 0,
        ..ToolCall::new(None, "bash".into(), json!({ "command": line }))
    };
    let refused = || call("git log --onelin", 129, "error: unknown option `onelin'");
    let solved = || call("git log --oneline", 0, "");
    let of = |calls: Vec<ToolCall>| {
        let turn = Turn { role: Role::Assistant, text: String::new(), calls, tokens: None };
        Session { turns: vec![turn], ..session() }
    };
    let plain = of(vec![refused(), solved()]);
    let lessons: Vec<LessonId> = tried(&plain)
        .into_keys()
        .filter_map(|item| match item {
            ItemId::Lesson(id) => Some(id),
            ItemId::Given(_) | ItemId::Revision(_) => None,
        })
        .collect();
    assert_eq!(lessons.len(), tried(&plain).len(), "nothing had been given");
    let lesson = lessons[0];
    let hinted = |mut call: ToolCall| {
        call.hint = Some(CallHint::new(lesson, Circle::Own, true, false, "use --oneline"));
        call
    };
    let given = ItemId::Given(lesson);
    assert_eq!(tried(&of(vec![hinted(refused()), solved()])).get(&given), Some(&true));
    let elsewhere = |mut call: ToolCall| {
        call.hint = Some(CallHint::new(lesson, Circle::Devices, true, false, "use --oneline"));
        call
    };
    let from_a_device = of(vec![elsewhere(refused()), solved()]);
    assert_eq!(tried(&from_a_device).get(&given), None, "another device's lesson is no trial here");
    let again = call("git log --oneline", 129, "error: unknown option `onelin'");
    assert_eq!(tried(&of(vec![hinted(refused()), again])).get(&given), Some(&false));
    let other = call("ls", 0, "");
    assert_eq!(tried(&of(vec![hinted(refused()), other])).get(&given), None, "ignored");
    let mut read = plain;
    read.skills_read = vec![SkillUse { lessons: [lesson].into(), ..skill(None) }];
    assert_eq!(tried(&read).get(&given), Some(&true), "a lesson of a skill that was read");
}

#[test]
fn a_session_that_makes_the_miner_panic_gives_nothing_and_ends_nothing() {
    let session = session();
    let given = |odd: bool| {
        alone(&session, None, || if odd { panic!("what the session holds") } else { vec![7] })
    };
    assert_eq!([given(false), given(true), given(false)], [vec![7], vec![], vec![7]]);
}
/// An endpoint whose answers are written down: it refuses what names the victim, with a status.
struct Scripted(u16);

const VICTIM: u64 = 4_020;

impl Model for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        _: &'a mut (dyn FnMut(lore_agent::model::Delta<'_>) + Send),
    ) -> ModelFuture<'a> {
        let asked: String = request.messages.iter().map(|message| message.text()).collect();
        let refused = asked.contains(&VICTIM.to_string());
        let message = || "not like this".to_owned();
        let text = json!([{ "kind": "avoid", "text": "git push" }]).to_string();
        let answer = match self.0 {
            403 if refused => Err(ModelError::Auth { message: message() }),
            status if refused => Err(ModelError::Refused { status, message: message() }),
            _ => Ok(Reply { text, ..Reply::default() }),
        };
        Box::pin(async move { answer })
    }
}

fn failed_and_mended(number: u64) -> Session {
    let call = |line: String, exit: i32, output: String| ToolCall {
        id: None,
        tool: "bash".into(),
        arguments: json!({ "command": line }),
        result: Some(output),
        exit: Some(exit),
        failed: exit != 0,
        refusal: None,
        duration_ms: None,
        hint: None,
    };
    let calls = vec![
        call(
            "git push".into(),
            128,
            format!("fatal: The current branch b{number} has no upstream branch."),
        ),
        call(format!("git push -u origin b{number}"), 0, String::new()),
    ];
    let task = format!("Get invoice {number}");
    Session {
        version: VERSION,
        id: format!("s{number}"),
        root: None,
        links: Vec::new(),
        unit: None,
        harness: "test".into(),
        model: None,
        started: Started::at(number),
        task: task.clone(),
        turns: vec![Turn { role: Role::Assistant, text: task, calls, tokens: None }],
        outcome: SessionOutcome::unknown(),
        skills_read: Vec::new(),
        skills_injected: Vec::new(),
        proposals: None,
    }
}

fn unit(number: u64) -> UnitId {
    LocalSecret::from_bytes([1; 32]).user(&number.to_string())
}

/// A session with the unit it belongs to.
type Owned = (UnitId, Session);

/// The sessions of so many users after a model's pass over them.
fn asked(model: &Scripted, users: impl Iterator<Item = u64>) -> Vec<Owned> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let one = |number: u64| {
        let mut session = failed_and_mended(number);
        let retries = Retries { most: 0, ..Retries::default() };
        let asked = extract::ask(model, Reader::Large, &session, retries);
        let answer = runtime.block_on(asked).unwrap();
        let lessons = answer.expose_to_owner().clone().unwrap_or_default();
        session.proposals = Some(Proposals { lessons });
        (unit(number), session)
    };
    users.map(one).collect()
}

/// Contributions of others than the victim: whose each is, and in short.
fn of_others(owned: &[Owned]) -> Vec<(u64, String)> {
    let all = owned.iter().flat_map(|(unit, session)| read(unit, session)).collect();
    let all = lessons_of(all).into_iter();
    let others = all.filter(|one| one.unit != unit(VICTIM));
    let user = |of: UnitId| (4_000..4_041).find(|number| unit(*number) == of).unwrap();
    others.map(|one| (user(one.unit), one.primary.to_string())).collect()
}

#[test]
fn a_session_that_the_model_refuses_is_its_own_loss_and_nobody_elses() {
    for status in [400, 403] {
        let owned = asked(&Scripted(status), 4_000..4_041);
        assert_eq!(owned.len(), 41);
        let without: Vec<Owned> =
            asked(&Scripted(status), (4_000..4_041).filter(|number| *number != VICTIM));
        let others = of_others(&owned);
        assert_eq!(others, of_others(&without), "{status}");
        // The key of the repair and the model's, of each.
        assert_eq!(others.len(), 80, "{status}");
    }
}

#[test]
fn a_unit_with_an_unread_session_gives_what_the_miner_finds_and_changes_no_other() {
    let mut owned = asked(&Scripted(400), 4_000..4_003);
    let before = of_others(&owned);
    owned.push((unit(4_001), failed_and_mended(4_004)));
    let after = of_others(&owned);
    let of =
        |all: &[(u64, String)], number: u64| all.iter().filter(|(one, _)| *one == number).count();
    assert_eq!([of(&before, 4_001), of(&after, 4_001)], [2, 2], "two sessions, one key each");
    for other in [4_000, 4_002] {
        assert_eq!([of(&before, other), of(&after, other)], [2, 2]);
    }
}

#[test]
fn an_endpoint_that_refuses_everything_ends_a_pass() {
    struct Closed;
    impl Model for Closed {
        fn name(&self) -> &str {
            "closed"
        }

        fn complete<'a>(
            &'a self,
            _: &'a Request,
            _: &'a mut (dyn FnMut(lore_agent::model::Delta<'_>) + Send),
        ) -> ModelFuture<'a> {
            Box::pin(async { Err(ModelError::Auth { message: "no such key".into() }) })
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let session = failed_and_mended(1);
    let asked = extract::ask(&Closed, Reader::Small, &session, Retries::default());
    assert!(matches!(runtime.block_on(asked), Err(ModelError::Auth { .. })));
}
