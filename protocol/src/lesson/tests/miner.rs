//! From sessions to keys.

use super::{call, solved};
use crate::lesson::{ErrorClass, LessonKey, Op, mine};
use crate::trace::{Call, Outcome, Trace};

const TASK: &str =
    "Fetch invoice 4711 and save it as inv.txt. `fetch http://127.0.0.1:8080/inv/4711 -o inv.txt`";

fn documented() -> Call {
    call("fetch http://127.0.0.1:8080/inv/4711 -o inv.txt", 7, "connection refused")
}

fn right() -> Call {
    call("fetch http://127.0.0.1:8123/v2/4711 -o inv.txt", 0, "")
}

fn example(trace: &Trace) -> String {
    let bundle = mine(trace).unwrap();
    bundle.primary.example().map(ToString::to_string).unwrap_or_else(|| bundle.primary.to_string())
}

#[test]
fn a_session_that_never_failed_teaches_nothing() {
    assert_eq!(mine(&solved(TASK, vec![right()])), None);
    assert_eq!(mine(&solved(TASK, vec![])), None);
}

#[test]
fn failure_then_success_is_an_example_with_topic_words() {
    let bundle = mine(&solved(TASK, vec![documented(), right()])).unwrap();
    assert_eq!(
        bundle.primary.to_string(),
        "With `fetch`, run `fetch http://127.0.0.1:8123/v2/<arg> -o <out>`"
    );
    assert_eq!(bundle.primary.op(), Op::Prefer);
    assert_eq!(bundle.primary.trigger().error, ErrorClass::None);
    assert_eq!(bundle.topics.iter().map(ToString::to_string).collect::<Vec<_>>(), ["invoice"]);
    let keys = bundle.keys();
    assert_eq!(keys.len(), 2);
    assert!(matches!(&keys[1], LessonKey::Topic { lesson, .. } if *lesson == bundle.primary.id()));
}

#[test]
fn wrong_turns_looks_and_checks_leave_no_trace_in_the_key() {
    let plain = mine(&solved(TASK, vec![documented(), right()])).unwrap();
    let mut check = call("", 1, "inv.txt is missing");
    check.tool = "check".into();
    let mut passed = check.clone();
    (passed.exit, passed.failed) = (Some(0), false);
    let sessions = vec![
        vec![documented(), call("services", 0, "8123"), right()],
        vec![
            documented(),
            call("fetch http://127.0.0.1:9999/x -o inv.txt", 22, "HTTP 404"),
            right(),
        ],
        vec![
            documented(),
            call("ls -la", 0, ""),
            call("fetch --help", 0, "usage"),
            right(),
            call("cat inv.txt", 0, ""),
        ],
        vec![documented(), call("fetch http://127.0.0.1:8123/", 0, "v2"), right(), passed.clone()],
        vec![
            call("fetch http://127.0.0.1:8080/inv/4711 -o inv.txt", 0, ""),
            check,
            right(),
            passed,
        ],
        vec![call("curl http://127.0.0.1:8080/inv/4711", 127, "curl: command not found"), right()],
        vec![call("rm -f /x/lock", 1, "permission denied"), right()],
        vec![call("sort nothing", 2, "no such file"), documented(), right()],
    ];
    for calls in sessions {
        let other = mine(&solved(TASK, calls.clone())).unwrap();
        assert_eq!(other, plain, "{calls:?}");
    }
}

#[test]
fn preparations_since_the_last_failure_are_joined() {
    let run = || call("depot ship 4711 -o inv.txt", 0, "");
    let locked = || call("depot ship 4711 -o inv.txt", 1, "is locked");
    let unlock = || call("depot unlock --force", 0, "");
    let joined = "depot unlock --force && depot ship <arg> -o <out>";
    assert_eq!(example(&solved(TASK, vec![locked(), unlock(), run()])), joined);
    assert_eq!(
        example(&solved(
            TASK,
            vec![locked(), call("ls", 0, ""), unlock(), call("depot status", 0, ""), run()]
        )),
        joined
    );
    assert_eq!(
        example(&solved(
            TASK,
            vec![locked(), call("depot unlock --force && depot ship 4711 -o inv.txt", 0, "")]
        )),
        joined
    );
    // What ran before another failure did not lead here.
    let wrong = call("rm other.lock", 0, "");
    assert_eq!(example(&solved(TASK, vec![locked(), wrong, locked(), unlock(), run()])), joined);
}

#[test]
fn values_of_other_users_collide() {
    let user = |n: u32, out: &str, wording: &str| {
        let task = wording.replace("{n}", &n.to_string()).replace("{out}", out);
        let first =
            call(&format!("fetch http://127.0.0.1:8080/inv/{n} -o {out}"), 7, "connection refused");
        let then = call(&format!("fetch http://127.0.0.1:8123/v2/{n} -o '{out}'"), 0, "");
        mine(&solved(&task, vec![first, then])).unwrap()
    };
    let one = user(
        4711,
        "inv.txt",
        "Fetch the invoice {n}, save as {out}. `fetch http://127.0.0.1:8080/inv/{n} -o {out}`",
    );
    let two = user(
        12,
        "b-12.txt",
        "Write to {out} the invoice numbered {n}. Docs: `fetch http://127.0.0.1:8080/inv/{n} -o {out}`",
    );
    assert_eq!(one, two);
}

#[test]
fn without_verified_success_there_is_no_example() {
    for outcome in [Outcome::Unknown, Outcome::Failure] {
        let trace = Trace { outcome, ..solved(TASK, vec![documented(), right()]) };
        assert_eq!(mine(&trace), None);
    }
}

#[test]
fn an_example_too_long_for_its_preparations_goes_without_them() {
    let long = format!("prepare {}", "x".repeat(200));
    let calls = vec![documented(), call(&long, 0, ""), right()];
    assert_eq!(example(&solved(TASK, calls)), "fetch http://127.0.0.1:8123/v2/<arg> -o <out>");
}

#[test]
fn harness_tools_with_json_arguments_are_mined_too() {
    let tool = |input: &str, failed: bool| Call {
        tool: "book_seat".into(),
        input: input.into(),
        output: if failed { "validation failed".into() } else { "ok".into() },
        exit: None,
        failed,
    };
    let calls = vec![tool(r#"{"row":4711}"#, true), tool(r#"{"row":4711,"class":"Y"}"#, false)];
    assert_eq!(example(&solved("Book row 4711", calls)), r#"book_seat {"row":<arg>,"class":"Y"}"#);
}
