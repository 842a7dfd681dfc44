//! The cost of a session: steps that are counted, so much for each byte at most and bounded in all.

use proptest::prelude::*;

use super::call;
use crate::lesson::{
    MAX_COMMAND_BYTES, MAX_TASK_BYTES, Proposal, ProposedKind, admit_within, mine, mine_within,
    worked_within,
};
use crate::steps::{MAX_SESSION_STEPS, Steps};
use crate::trace::{Call, Outcome, Trace};

/// Most steps of one byte of a session: a regular expression counts eight, a failing output is looked
/// through for some two hundred phrases, and a task for up to 256 values.
const STEPS_A_BYTE: u64 = 400;

/// Parts that made some parser slow, or might.
const PARTS: [&str; 38] = [
    "<",
    "7 ",
    "x@x.xx ",
    "a",
    "\"",
    " 'a",
    " \"a",
    "`",
    "`` ",
    "`a b`\n",
    "‘ ",
    "token=",
    "token: ",
    "$(",
    "$((",
    "${",
    "\\",
    "{\"a\":1}",
    "/tmp/",
    "/home/a ",
    "write f7.txt ",
    "zq1 ",
    "Zq ",
    "\n",
    "://a:",
    "bearer ",
    "-----BEGIN A-----",
    "eyJabcdefgh.",
    "0123456789abcdef",
    "; ",
    "&& ",
    "> ",
    "<arg>",
    "<arg",
    "ä",
    "port 7 ",
    "-a=7 ",
    "sk-",
];

fn text(most: usize) -> impl Strategy<Value = String> {
    let part = proptest::sample::select(PARTS.to_vec());
    (proptest::collection::vec(part, 1..4), 1..most).prop_map(move |(parts, bytes)| {
        let part = parts.concat();
        part.repeat(bytes / part.len() + 1)
    })
}

fn one_call() -> impl Strategy<Value = Call> {
    let most = proptest::sample::select(vec![8, 60, 600, 3 * MAX_COMMAND_BYTES]);
    let tool = proptest::sample::select(vec!["bash", "edit", "check", "read"]);
    let body = most.prop_flat_map(text);
    (tool, any::<bool>(), body, text(2_000), 0..3).prop_map(|(tool, json, body, output, exit)| {
        let input = if json { format!("{{\"x\":\"{body}\"}}") } else { body };
        Call { tool: tool.into(), ..call(&input, exit, &output) }
    })
}

/// Sessions of a few calls, each repeated many times: as they are, or numbered.
fn session() -> impl Strategy<Value = Large> {
    let calls = proptest::collection::vec(one_call(), 1..4);
    (text(2 * MAX_TASK_BYTES), calls, 1_usize..250, any::<bool>()).prop_map(
        |(task, calls, times, numbered)| {
            let calls = (0..times).flat_map(|at| {
                calls.iter().cloned().map(move |mut call| {
                    if numbered && at > 0 {
                        call.input = format!("t{at} {}", call.input);
                    }
                    call
                })
            });
            Large(Trace { task, calls: calls.collect(), outcome: Outcome::Success })
        },
    )
}

/// Bytes of a session as a file of any format holds it: a call has a frame of some hundred.
fn bytes(trace: &Trace) -> u64 {
    let one = |call: &Call| 100 + call.tool.len() + call.input.len() + call.output.len();
    (trace.task.len() + trace.calls.iter().map(one).sum::<usize>()) as u64
}

/// A session that says little when a test fails.
struct Large(Trace);

impl std::fmt::Debug for Large {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = |text: &str| text.chars().take(40).collect::<String>();
        let calls = self.0.calls.iter().take(3).map(|call| (call.input.len(), start(&call.input)));
        let (task, calls) = (start(&self.0.task), calls.collect::<Vec<_>>());
        write!(f, "task {} {task:?}, {} calls {calls:?}", self.0.task.len(), self.0.calls.len())
    }
}

/// One proposal of each kind that pairs calls.
fn proposals() -> Vec<Proposal> {
    use ProposedKind as K;
    let kinds =
        [K::UseArgument, K::AddFlag, K::DropFlag, K::RunFirst, K::UseTool, K::SetEnv, K::Order];
    let one = |kind| Proposal { kind, text: "a".into(), then: Some("7".into()) };
    kinds.map(one).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn mining_costs_so_much_for_each_byte(large in session()) {
        let trace = large.0;
        let bytes = bytes(&trace);
        let costs = |look: &dyn Fn(&Steps)| {
            let steps = Steps::unbounded();
            look(&steps);
            steps.taken()
        };
        let all = [
            ("mine", costs(&|steps| drop(mine_within(&trace, steps)))),
            ("worked", costs(&|steps| drop(worked_within(&trace, steps)))),
            ("admit", costs(&|steps| drop(admit_within(&trace, &proposals(), steps)))),
        ];
        for (name, taken) in all {
            prop_assert!(taken <= STEPS_A_BYTE * bytes, "{name}: {taken} steps for {bytes} bytes");
        }
    }
}

/// A session that fails and mends it, with one more call of so many bytes that is no shell line.
fn edited(part: &str, bytes: usize) -> Trace {
    let edit = Call {
        tool: "edit".into(),
        ..call(&format!("{{\"x\":\"{}\"}}", part.repeat(bytes / part.len())), 0, "")
    };
    let calls = vec![call("curl -x 7", 7, "connection refused"), edit, call("curl 7", 0, "")];
    Trace { task: "Fetch 7 now".into(), calls, outcome: Outcome::Success }
}

#[test]
fn a_call_that_is_too_long_costs_nothing_however_long_it_is() {
    for part in ["<", "7 ", "x@x.xx "] {
        let cost = |bytes| {
            let (trace, steps) = (edited(part, bytes), Steps::unbounded());
            assert!(mine_within(&trace, &steps).is_some());
            steps.taken()
        };
        assert_eq!(cost(8 << 10), cost(4 << 20), "{part}");
    }
}

#[test]
fn a_session_whose_budget_is_spent_counts_as_empty_and_always_the_same() {
    let trace = edited("a", 100);
    let steps = Steps::unbounded();
    let found = mine_within(&trace, &steps);
    assert!(found.is_some());
    let needed = steps.taken();
    assert_eq!(mine_within(&trace, &Steps::at_most(needed)), found);
    for less in [needed - 1, needed / 2, 1] {
        let budget = || Steps::at_most(less);
        assert_eq!(mine_within(&trace, &budget()), None, "{less} of {needed}");
        assert!(worked_within(&trace, &Steps::at_most(1)).is_empty());
    }
}

#[test]
fn mining_stops_soon_after_the_budget_is_spent() {
    let failing = call("make x", 2, &"z".repeat(9_000));
    let calls = vec![failing; 4_000];
    let trace = Trace { task: "Make x".into(), calls, outcome: Outcome::Success };
    let steps = Steps::unbounded();
    let _ = mine_within(&trace, &steps);
    let one = steps.taken() / 4_000;
    let budget = Steps::at_most(50 * one);
    assert_eq!(mine_within(&trace, &budget), None);
    assert!(budget.taken() < 60 * one, "{} of {one} a call", budget.taken());
}

#[test]
fn a_large_ordinary_session_is_within_the_budget() {
    let mut trace = edited("a", 100);
    let busy =
        call("cargo test --workspace -- --nocapture", 101, &"error[E0433]: no\n".repeat(600));
    trace.calls.splice(1..1, vec![busy; 1_000]);
    let steps = Steps::unbounded();
    assert!(mine_within(&trace, &steps).is_some());
    assert!(steps.taken() < MAX_SESSION_STEPS, "{}", steps.taken());
    assert_eq!(mine(&trace), mine_within(&trace, &Steps::unbounded()));
}
