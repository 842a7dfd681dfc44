//! The grammar: bounded, canonical, and the same bytes for ever.

use proptest::prelude::*;

use crate::codec;
use crate::ids::FederationId;
use crate::lesson::{
    Action, ErrorClass, GroupKey, Lesson, LessonKey, Op, Token, Trigger, Word, group_key,
    normalise, skill_id, virtual_base,
};

fn token(text: &str) -> Token {
    Token::new(text).unwrap()
}

fn lesson(op: Op, tool: &str, subject: Option<&str>, action: Action) -> Lesson {
    let error = if op == Op::Fix { ErrorClass::ConnectionRefused } else { ErrorClass::None };
    let trigger = Trigger { tool: token(tool), error, subject: subject.map(token) };
    Lesson::new(None, op, trigger, action).unwrap()
}

fn example(tool: &str, command: &str) -> Lesson {
    lesson(Op::Prefer, tool, None, Action::Example(token(command)))
}

#[test]
fn lesson_ids_are_golden() {
    let cases = [
        (
            example("fetch", "fetch http://127.0.0.1:8123/v2/items/<arg> -o <out>"),
            "1b998d4a52ea237a43c32fefd426517aa63d5693d52555a3ef3a43ee12bf6d42",
        ),
        (
            lesson(Op::Fix, "fetch", Some("loopback:8123"), Action::AddFlag(token("--team blue"))),
            "2e18f2630ed1d1ba2c4f1e2056fae2b4da5b7db8a9aaf24aca8f5b0271a48984",
        ),
        (
            lesson(
                Op::Fix,
                "tar",
                None,
                Action::UseArgument { old: token("-z"), new: token("-J") },
            ),
            "1d19fa710f43a3a6629250a98abd754df4282b394197b735f7a4a378762feec8",
        ),
    ];
    for (lesson, id) in cases {
        assert_eq!(lesson.id().to_string(), id);
    }
}

#[test]
fn every_action_survives_the_codec_and_speaks_plain_words() {
    let t = token;
    let actions = [
        (Action::Example(t("run x")), "run `run x`"),
        (Action::UseArgument { old: t("a"), new: t("b") }, "use `b` instead of `a`"),
        (Action::AddFlag(t("-x")), "add `-x`"),
        (Action::DropFlag(t("-x")), "leave out `-x`"),
        (Action::RunFirst(t("prepare")), "run `prepare` first"),
        (Action::UseTool(t("rg")), "use `rg`"),
        (Action::SetEnv(t("TZ")), "set the environment variable `TZ`"),
        (Action::Install(t("jq")), "install `jq`"),
        (Action::UseEndpoint(t("loopback:1")), "use the endpoint `loopback:1`"),
        (Action::CheckThat(t("the file exists")), "check that the file exists"),
        (Action::Order { first: t("open"), then: t("run") }, "run `open` before `run`"),
    ];
    for (action, words) in actions {
        let lesson = lesson(Op::Fix, "tool", Some("port"), action);
        let key = LessonKey::Primary(lesson.clone());
        assert_eq!(codec::decode::<LessonKey>(&codec::encode(&key)).unwrap(), key);
        let said = lesson.to_string();
        assert_eq!(said, format!("When `tool` with `port` fails: connection refused, {words}"));
    }
}

#[test]
fn lessons_have_a_json_form_for_people() {
    let lesson = example("run", "run <arg>");
    assert_eq!(
        serde_json::to_string(&lesson).unwrap(),
        r#"{"skill":null,"op":"prefer","trigger":{"tool":"run","error":"none"},"action":{"example":"run <arg>"}}"#
    );
}

#[test]
fn free_tokens_are_bounded_in_the_constructor_and_on_the_wire() {
    let trigger =
        || Trigger { tool: token("tool"), error: ErrorClass::Other, subject: Some(token("port")) };
    let text = |len: usize| token(&"x".repeat(len));
    let fix = |len| Lesson::new(None, Op::Fix, trigger(), Action::AddFlag(text(len)));
    let example = |len| Lesson::new(None, Op::Fix, trigger(), Action::Example(text(len)));
    assert!(fix(152).is_ok() && fix(153).is_err());
    assert!(example(232).is_ok() && example(233).is_err());

    // The wire form of a lesson is the plain sequence of its fields: one byte too many is refused.
    let wire = |len: usize| {
        codec::encode(&(
            None::<crate::ids::SkillId>,
            Op::Fix,
            (trigger(), Action::AddFlag(text(len))),
        ))
    };
    assert_eq!(codec::decode::<Lesson>(&wire(152)).unwrap(), fix(152).unwrap());
    assert!(codec::decode::<Lesson>(&wire(153)).is_err());
}

#[test]
fn tokens_and_words_are_checked_on_decode() {
    for bad in ["", " a", "a ", "a  b", "a\nb", "a\u{0}"] {
        assert!(Token::new(bad).is_err(), "{bad:?}");
        assert!(codec::decode::<Token>(&codec::encode(&bad.to_owned())).is_err(), "{bad:?}");
    }
    for bad in ["", "Invoice", "zlorp", "please", "in voice"] {
        assert!(Word::new(bad).is_err(), "{bad:?}");
        assert!(codec::decode::<Word>(&codec::encode(&bad.to_owned())).is_err(), "{bad:?}");
    }
    assert_eq!(
        codec::decode::<Word>(&codec::encode(&"invoice".to_owned())).unwrap().as_str(),
        "invoice"
    );
}

#[test]
fn a_skill_is_its_tool_and_endpoint() {
    let key = |tool: &str, subject: Option<&str>| GroupKey {
        tool: token(tool),
        subject: subject.map(token),
    };
    let groups = [
        (
            "fetch",
            "fetch http://127.0.0.1:8123/v2/items/<arg> -o <out>",
            Some("loopback:8123/v2/items"),
        ),
        (
            "fetch",
            "fetch http://localhost:8123/v2/items/<arg2>?x=1",
            Some("loopback:8123/v2/items"),
        ),
        ("fetch", "fetch \"http://LOCALHOST:8123/v2/$(id <arg>)/x\"", Some("loopback:8123/v2")),
        ("fetch", "fetch https://Api.Example.org/a/b/c/d", Some("api.example.org/a/b/c")),
        ("depot", "depot unlock <arg>", Some("unlock")),
        ("stamp", "stamp --seal=red <arg>", Some("--seal")),
        ("stamp", "stamp <arg>", None),
        ("awk", "awk '{ print $1 * 2 }' <arg>", Some("awk '{ print $1 * 2 }' <arg>")),
    ];
    for (tool, command, subject) in groups {
        assert_eq!(group_key(&example(tool, command)), key(tool, subject), "{command}");
    }
    // A lesson of the same tool and endpoint joins its example's skill, in any one federation.
    let federation = FederationId([7; 32]);
    let check =
        lesson(Op::Verify, "fetch", Some("loopback:8123/v2/items"), Action::AddFlag(token("-x")));
    let here = skill_id(federation, &example("fetch", groups[0].1));
    assert_eq!(here, skill_id(federation, &check));
    assert_ne!(here, skill_id(FederationId([8; 32]), &check));
    assert_ne!(here, skill_id(federation, &example("fetch", groups[3].1)));
    assert_ne!(virtual_base(here).as_bytes(), here.as_bytes());
}

#[test]
fn a_program_has_one_skill_of_its_pitfalls_and_practices() {
    let git = GroupKey { tool: token("git"), subject: None };
    let flag = || Action::AddFlag(token("-u"));
    let practice = Action::Example(token("git log --oneline"));
    for one in [
        lesson(Op::Fix, "git push", Some("no upstream"), flag()),
        lesson(Op::Fix, "git", None, flag()),
        lesson(Op::Prefer, "git log", Some("run"), practice),
    ] {
        assert_eq!(group_key(&one), git, "{one}");
    }
}

#[test]
fn subjects_have_one_spelling() {
    for (text, normal) in [
        ("  The 'Lock'  file ", "the lock file"),
        ("Process 12345678 died", "process <n> died"),
        ("mail bob@example.org", "mail <email>"),
        ("/home/bob/x on port 8080", "<home>/x on port 8080"),
        ("HTTP 404", "http 404"),
    ] {
        assert_eq!(normalise(text).unwrap().as_str(), normal);
    }
    assert!(normalise(" '' ").is_err());
}

proptest! {
    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = codec::decode::<LessonKey>(&bytes);
        let _ = codec::decode::<Lesson>(&bytes);
        let _ = codec::decode::<GroupKey>(&bytes);
    }

    #[test]
    fn a_flipped_byte_is_refused_or_gives_another_value(
        at in any::<prop::sample::Index>(), flip in 1_u8..=255,
    ) {
        let key = LessonKey::Primary(example("fetch", "fetch http://127.0.0.1:1/<arg> -o <out>"));
        let mut bytes = codec::encode(&key);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = codec::decode::<LessonKey>(&bytes) {
            prop_assert_ne!(other, key);
        }
    }
}
