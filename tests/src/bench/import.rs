//! Time to store one session, whatever a node holds already.

use std::path::Path;

use lore_control::{SessionAdd, SessionLine};
use lore_node::host::Node;
use lore_session::{Session, Turn};
use serde_json::{Value, json};

use super::bar;
use super::clock::{Samples, time};
use super::home::{BEFORE, SESSIONS, USERS, open, prepare, session};
use crate::clock::SetClock;
use crate::files::copy_tree;

const BAR_S: f64 = 0.02;
/// Calls of the long session.
const CALLS: usize = 200;
/// Output of each of its calls.
const OUTPUT_BYTES: usize = 2_000;

/// Measures the import of a short and of a long session into a prepared home, and into one that holds the same
/// library and no session: the control arm.
///
/// # Panics
/// Panics when a session is not stored.
#[must_use]
pub fn run(prepared: &Path, imports: usize) -> Value {
    let directory = tempfile::tempdir().expect("a directory");
    let (full, empty) = (directory.path().join("full"), directory.path().join("empty"));
    copy_tree(prepared, &full);
    prepare(&empty, 0, 0);
    let (mut full, mut empty) = [full, empty].map(|home| open(&home, &SetClock::at(BEFORE))).into();
    let short = |n: usize| session(SESSIONS + n);
    let long = |n: usize| lengthened(session(SESSIONS + imports + 1 + n));
    let arms = [
        ("short", measure(&mut full, imports, &short), measure(&mut empty, imports, &short)),
        ("long", measure(&mut full, imports, &long), measure(&mut empty, imports, &long)),
    ];
    let arm = |(name, full, empty): &(&str, Samples, Samples)| {
        let measured = json!({
            "seconds": full.wall(),
            "seconds_into_an_empty_node": empty.wall(),
            "ratio": full.wall() / empty.wall(),
            "bar_s": bar(full.wall(), BAR_S),
            "samples": { "full": full.json(), "empty": empty.json() },
        });
        ((*name).to_owned(), measured)
    };
    let mut result: serde_json::Map<String, Value> = arms.iter().map(arm).collect();
    result.insert("users".into(), USERS.into());
    result.insert("sessions".into(), SESSIONS.into());
    result.insert("long_bytes".into(), long(0).to_line().len().into());
    result.into()
}

fn measure(node: &mut Node, imports: usize, session: &dyn Fn(usize) -> Session) -> Samples {
    let mut next = 0;
    Samples::repeat(imports, || {
        let line = SessionLine::new(session(next).to_line());
        let ask = SessionAdd { user: format!("user-{}", next % USERS), sessions: vec![line] };
        next += 1;
        let (took, added) = time(|| node.ask(ask));
        assert_eq!(added.expect("it is stored").imported, 1);
        took
    })
}

/// A session with many more calls, each with as much output as a build has.
fn lengthened(mut session: Session) -> Session {
    let call = session.turns.iter().flat_map(|turn| &turn.calls).next().cloned();
    let mut call = call.expect("it has calls");
    call.result = Some("a line of a build\n".repeat(OUTPUT_BYTES / 18));
    let turn = session.turns.last().expect("it has turns").clone();
    session.turns.extend((0..CALLS).map(|_| Turn { calls: vec![call.clone()], ..turn.clone() }));
    session
}
