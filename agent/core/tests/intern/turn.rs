//! Promises of a turn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lore_agent::model::{ControlKind, Message};
use lore_agent::tool::ToolOutput;
use lore_agent::turn::{
    Allowance, End, Event, Head, Mode, Price, Purpose, Saved, Transcript, Which, line_schema_json,
    to_session,
};
use lore_session::{Role, Session};
use serde_json::{Value, json};
use tokio::sync::{Barrier, Notify};

use crate::support::{Bench, Endless, Fake, Together, constant, counting};
use lore_test_endpoint::chat::{calls, delta, says, usage};
use lore_test_endpoint::{Act, Ending, Endpoint, fails};

const LS: &str = "{\"command\":\"ls\"}";

fn done(text: &str) -> End {
    End::Done { text: text.to_owned() }
}

/// A call with arguments of its own each time.
fn call(n: usize) -> Act {
    calls(&[(&format!("c{n}"), "bash", &format!("{{\"command\":\"ls {n}\"}}"))])
}

#[tokio::test]
async fn a_task_calls_tools_and_becomes_a_session() {
    let endpoint = Endpoint::acts(vec![calls(&[("c1", "bash", LS)]), says("All done.")]);
    let outcome = Bench::new(vec![counting().0]).run(&endpoint).await;
    assert_eq!(outcome.end, done("All done."));
    let session = to_session("s1", "m", 1_700_000_000, &outcome.all, Some(&outcome.end));
    let read = Session::from_line(&session.to_line(), 1).unwrap();
    assert_eq!(read.task, "the task");
    let call = &read.turns[2].calls[0];
    assert_eq!(
        (call.tool.as_str(), call.result.as_deref(), call.exit),
        ("bash", Some("ran 0"), Some(0))
    );
    assert_eq!(call.arguments, json!({"command": "ls"}));
    // What the miner sees is the command and its result.
    assert_eq!(read.trace().calls[0].input, "ls");
    // The second request carries the result back.
    assert_eq!(endpoint.seen()[1].body["messages"][3]["tool_call_id"], "c1");
}

#[tokio::test]
async fn the_end_of_the_budget_is_said_and_failed_calls_count() {
    let endpoint = Endpoint::start(|n, _| if n % 2 == 0 { fails(500, "broken") } else { call(n) });
    let mut bench = Bench::new(vec![counting().0]);
    bench.limits.task.calls = Some(7);
    let outcome = bench.run(&endpoint).await;
    assert_eq!(outcome.end, End::Budget { which: Which::Calls, limit: 7 });
    assert_eq!(endpoint.seen().len(), 7);
    assert_eq!(outcome.count(|event| matches!(event, Event::Retry { .. })), 4);
    assert!(outcome.end.to_string().contains("budget of 7 model calls"));
    // The model is told once before that.
    let told = |event: &Event| matches!(event, Event::Control { kind: ControlKind::Budget, .. });
    assert_eq!(outcome.count(told), 1);
}

#[tokio::test]
async fn tokens_and_money_end_a_turn_before_they_are_exceeded() {
    let big = Act::Stream(
        vec![
            delta(
                json!({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "bash", "arguments": LS}}]}),
                Some("tool_calls"),
            ),
            usage(60, 300),
        ],
        Ending::Whole,
    );
    for (task, today, price, which, limit) in [
        (
            Allowance { tokens: Some(400), ..Allowance::default() },
            Allowance::default(),
            None,
            Which::Tokens,
            400,
        ),
        (
            Allowance::default(),
            Allowance { cost_micro_usd: Some(3_100), ..Allowance::default() },
            Some(Price { input: 1_000_000, cached: 0, output: 10_000_000 }),
            Which::Money,
            3_100,
        ),
    ] {
        let big = big.clone();
        let endpoint = Endpoint::start(move |_, _| big.clone());
        let mut bench = Bench::new(vec![counting().0]);
        (bench.limits.task, bench.limits.today, bench.limits.price) = (task, today, price);
        let outcome = bench.run(&endpoint).await;
        assert_eq!(outcome.end, End::Budget { which, limit });
        assert_eq!(endpoint.seen().len(), 1);
        assert!(outcome.machine.spend().tokens() <= 400);
    }
}

#[tokio::test]
async fn an_unknown_price_with_a_limit_on_money_is_refused_when_nobody_can_be_asked() {
    let endpoint = Endpoint::acts(vec![says("hello")]);
    let mut bench = Bench::new(Vec::new());
    bench.limits.task.cost_micro_usd = Some(1_000_000);
    assert_eq!(bench.run(&endpoint).await.end, End::UnknownPrice);
    assert!(endpoint.seen().is_empty());
}

#[tokio::test]
async fn an_overflow_that_does_not_go_away_ends_in_a_bounded_number_of_calls() {
    let full = r#"{"error":{"code":400,"message":"full","type":"exceed_context_size_error"}}"#;
    for body in [
        full.to_owned(),
        full.replace("\"full\"", "\"full\",\"n_prompt_tokens\":9000,\"n_ctx\":4096"),
    ] {
        let endpoint = Endpoint::start(move |n, _| if n < 9 { call(n) } else { fails(400, &body) });
        let outcome = Bench::new(vec![counting().0]).run(&endpoint).await;
        assert!(matches!(outcome.end, End::Overflow { .. }), "{:?}", outcome.end);
        assert!(endpoint.seen().len() <= 9 + 8, "{}", endpoint.seen().len());
    }
}

#[tokio::test]
async fn compaction_keeps_the_ends_marks_the_summary_and_counts_as_a_call() {
    let summary_asked = |seen: &lore_test_endpoint::Seen| {
        seen.body["messages"][0]["content"]
            .as_str()
            .is_some_and(|text| text.starts_with("You summarise"))
    };
    let endpoint = Endpoint::start(move |n, seen| match n {
        _ if summary_asked(seen) => says("did ls many times"),
        0..8 => call(n),
        _ => says("finished"),
    });
    let long: &'static str = Box::leak("line of output\n".repeat(400).into_boxed_str());
    let tool = Fake("bash", move |arguments: &Value| ToolOutput::ok(format!("{arguments} {long}")));
    let mut bench = Bench::new(vec![Arc::new(tool)]);
    bench.limits.window_tokens = 12_000;
    let outcome = bench.run(&endpoint).await;
    assert_eq!(outcome.end, done("finished"));
    let seen = endpoint.seen();
    let summaries = seen.iter().filter(|seen| summary_asked(seen)).count();
    assert!(summaries >= 1);
    assert_eq!(
        outcome.count(|event| matches!(event, Event::Asking { purpose: Purpose::Summary, .. })),
        summaries
    );
    assert_eq!(outcome.machine.spend().calls, seen.len() as u64);
    let messages = outcome.machine.messages();
    assert_eq!((messages[0].text(), messages[1].text()), ("rules", "the task"));
    assert!(matches!(&*messages[2], Message::Summary { text, .. } if text == "did ls many times"));
    // No request was larger than the window, each answer has its call, and nothing is lost for the session.
    for event in &outcome.events {
        if let Event::Asking { tokens, .. } = event {
            assert!(*tokens <= 12_000);
        }
    }
    assert_eq!(lore_agent::turn::repair(messages).1, 0);
    assert_eq!(outcome.results().len(), seen.len() - summaries - 1);
}

#[tokio::test]
async fn a_summary_that_fails_is_replaced_by_a_list_and_not_tried_again() {
    let endpoint = Endpoint::start(|n, seen| {
        let first = seen.body["messages"][0]["content"].as_str().unwrap_or_default();
        if first.starts_with("You summarise") {
            fails(500, "broken")
        } else if n < 8 {
            call(n)
        } else {
            says("finished")
        }
    });
    let long: &'static str = Box::leak("line of output\n".repeat(400).into_boxed_str());
    let mut bench = Bench::new(vec![Arc::new(Fake("bash", move |a: &Value| {
        ToolOutput::ok(format!("{a}{long}"))
    }))]);
    bench.limits.window_tokens = 12_000;
    let outcome = bench.run(&endpoint).await;
    assert_eq!(outcome.end, done("finished"));
    assert!(outcome.count(|event| matches!(event, Event::Compacted { by_model: false, .. })) >= 1);
    let listed = outcome.machine.messages()[2].text();
    assert!(listed.contains("bash {\"command\":\"ls 0\"}: succeeded"), "{listed}");
}

#[tokio::test]
async fn lies_about_usage_are_not_believed() {
    for (input, output) in [(0, 0), (1 << 60, 1 << 60)] {
        let lie = Act::Stream(
            vec![delta(json!({"content": "hi"}), Some("stop")), usage(input, output)],
            Ending::Whole,
        );
        let outcome = Bench::new(Vec::new()).run(&Endpoint::acts(vec![lie])).await;
        assert_eq!(outcome.end, done("hi"));
        let spend = outcome.machine.spend();
        assert!(spend.estimated && (5..200).contains(&spend.tokens()), "{spend:?}");
    }
}

#[tokio::test]
async fn calls_that_cannot_be_run_are_answered_with_what_is_wrong() {
    let bad = calls(&[
        ("a", "bash", "{\"command\": 5}"),
        ("b", "bash", "{\"command\": \"rm -rf"),
        ("c", "nothing", "{}"),
        ("d", "bash", "{\"command\":\"ls\",}"),
    ]);
    let (tool, count) = counting();
    let outcome = Bench::new(vec![tool]).run(&Endpoint::acts(vec![bad, says("ok")])).await;
    assert_eq!(outcome.end, done("ok"));
    let results = outcome.results();
    for (result, expected) in
        results.iter().zip(["/command", "not JSON", "there is no tool `nothing`", "ran 0"])
    {
        assert!(result.contains(expected), "{result}");
    }
    assert_eq!((results.len(), count.load(Ordering::SeqCst)), (4, 1));
}

#[tokio::test]
async fn a_call_cut_at_the_output_limit_is_not_run_and_the_model_is_told() {
    let cut = Act::Stream(
        vec![delta(
            json!({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "bash", "arguments": "{\"command\":\"rm -rf /tmp/a"}}]}),
            Some("length"),
        )],
        Ending::Whole,
    );
    let (tool, count) = counting();
    let outcome = Bench::new(vec![tool]).run(&Endpoint::acts(vec![cut, says("ok")])).await;
    assert_eq!((outcome.end, count.load(Ordering::SeqCst)), (done("ok"), 0));
    let Message::Result(result) = &*outcome.all[3] else { panic!("no result") };
    assert!(result.is_error && result.text.contains("output limit"), "{result:?}");
}

#[tokio::test]
async fn empty_replies_are_asked_again_a_bounded_number_of_times() {
    let endpoint = Endpoint::start(|_, _| says(""));
    let outcome = Bench::new(Vec::new()).run(&endpoint).await;
    assert_eq!((outcome.end, endpoint.seen().len()), (End::NoAnswer, 3));
}

#[tokio::test]
async fn tools_that_only_look_run_at_the_same_time() {
    let three = calls(&[("a", "together", LS), ("b", "together", LS), ("c", "together", LS)]);
    let endpoint = Endpoint::acts(vec![three, says("ok")]);
    let tool = Together(Arc::new(Barrier::new(3)));
    let outcome = Bench::new(vec![Arc::new(tool)]).run(&endpoint).await;
    // One after the other, none would ever have met another.
    assert_eq!(outcome.results(), ["met"; 3]);
}

#[tokio::test]
async fn cancelling_ends_a_model_call_and_a_tool_at_once() {
    let bench = Bench::new(Vec::new());
    let cancel = bench.cancel.clone();
    let endpoint = Endpoint::start(move |_, _| {
        cancel.cancel();
        Act::Hang
    });
    assert_eq!(bench.run(&endpoint).await.end, End::Cancelled);

    let begun = Arc::new(Notify::new());
    let bench = Bench::new(vec![Arc::new(Endless(Arc::clone(&begun))), counting().0]);
    let cancel = bench.cancel.clone();
    tokio::spawn(async move {
        begun.notified().await;
        cancel.cancel();
    });
    let endpoint = Endpoint::acts(vec![calls(&[("a", "endless", LS), ("b", "bash", LS)])]);
    let outcome = bench.run(&endpoint).await;
    assert_eq!(outcome.end, End::Cancelled);
    // What the tool still said is kept; what never ran says so; the session can be resumed.
    assert_eq!(outcome.results()[0], "stopped half-way");
    assert!(outcome.results()[1].contains("interrupted"));
}

#[tokio::test]
async fn a_tool_that_panics_is_a_failed_call() {
    let tool = Fake("bash", |_: &Value| -> ToolOutput { panic!("a tool's own fault") });
    let endpoint = Endpoint::acts(vec![calls(&[("a", "bash", LS)]), says("ok")]);
    let outcome = Bench::new(vec![Arc::new(tool)]).run(&endpoint).await;
    assert_eq!((outcome.results()[0], outcome.end.clone()), ("the tool broke down", done("ok")));
}

#[tokio::test]
async fn a_loop_is_said_once_by_the_harness_and_then_given_up() {
    let endpoint = Endpoint::start(|_, _| calls(&[("same", "bash", LS)]));
    let outcome = Bench::new(vec![constant("nothing new")]).run(&endpoint).await;
    assert_eq!(outcome.end, End::Stuck);
    let said = |event: &Event| matches!(event, Event::Control { kind: ControlKind::Loop, .. });
    assert_eq!(outcome.count(said), 1);
    assert!(endpoint.seen().len() < 20);
    let session = to_session("s", "m", 0, &outcome.all, Some(&outcome.end));
    let users = session.turns.iter().filter(|turn| turn.role == Role::User);
    assert_eq!(users.map(|turn| turn.text.as_str()).collect::<Vec<_>>(), ["the task"]);
}

#[tokio::test]
async fn polling_with_changed_results_goes_on() {
    let endpoint =
        Endpoint::start(|n, _| if n < 12 { calls(&[("same", "bash", LS)]) } else { says("ready") });
    let outcome = Bench::new(vec![counting().0]).run(&endpoint).await;
    assert_eq!(outcome.end, done("ready"));
    assert_eq!(outcome.count(|event| matches!(event, Event::Control { .. })), 0);
}

#[tokio::test]
async fn errors_that_do_not_get_better_end_the_turn_at_once() {
    let endpoint = Endpoint::acts(vec![fails(401, "no"), says("ok")]);
    let outcome = Bench::new(Vec::new()).run(&endpoint).await;
    assert!(matches!(&outcome.end, End::Failed { class, .. } if class == "auth"));
    assert_eq!(endpoint.seen().len(), 1);
}

#[tokio::test]
async fn what_a_policy_denies_or_would_ask_is_not_run_headless() {
    for policy in ["read-only", r#"{"rules":[],"otherwise":"ask"}"#] {
        let endpoint = Endpoint::acts(vec![calls(&[("a", "bash", LS)]), says("ok")]);
        let (tool, count) = counting();
        let mut bench = Bench::new(vec![tool]);
        bench.policy = policy.to_owned();
        let outcome = bench.run(&endpoint).await;
        assert_eq!((outcome.end.clone(), count.load(Ordering::SeqCst)), (done("ok"), 0));
        assert_eq!(outcome.count(|event| matches!(event, Event::Refused { .. })), 1);
    }
}

#[tokio::test]
async fn heartbeats_are_told_and_saved_while_something_runs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.jsonl");
    let mut bench = Bench::new(vec![constant("x")]);
    bench.heartbeat = Duration::from_millis(20);
    bench.transcript = Some(Transcript::create(&path, &Head::new("s", "m", 0)).unwrap());
    let cancel = bench.cancel.clone();
    let watched = path.clone();
    tokio::spawn(async move {
        // Ends the turn as soon as two beats are on disk.
        while std::fs::read_to_string(&watched).unwrap().matches("\"beat\"").count() < 2 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    let endpoint = Endpoint::acts(vec![Act::Hang]);
    let outcome = bench.run(&endpoint).await;
    assert_eq!(outcome.end, End::Cancelled);
    assert!(outcome.count(|event| matches!(event, Event::Heartbeat { .. })) >= 2);
}

#[tokio::test]
async fn a_killed_session_is_resumed_and_forked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.jsonl");
    let mut bench = Bench::new(vec![counting().0]);
    bench.transcript = Some(Transcript::create(&path, &Head::new("s", "m", 7)).unwrap());
    let acts = vec![calls(&[("a", "bash", LS)]), calls(&[("b", "bash", LS)]), says("ok")];
    bench.run(&Endpoint::acts(acts)).await;
    let whole = std::fs::read_to_string(&path).unwrap();
    assert_eq!(Saved::load(&path).unwrap().end, Some(done("ok")));

    // Killed while the answer to the second call was being written.
    let at = whole.find("ran 1").unwrap();
    std::fs::write(&path, &whole[..at]).unwrap();
    let (transcript, saved) = Transcript::resume(&path).unwrap();
    assert!(saved.is_cut && saved.end.is_none());
    assert!(saved.messages.last().unwrap().text().contains("interrupted"));

    let fork = dir.path().join("f.jsonl");
    let (_, kept) = Transcript::fork(&fork, "s2", 8, &saved, 3).unwrap();
    let forked = Saved::load(&fork).unwrap();
    assert_eq!((forked.head.parent.as_deref(), forked.messages), (Some("s"), kept.clone()));
    assert_eq!(kept.len(), 4, "the third message asks for a call, which is answered");

    let mut bench = Bench::new(vec![counting().0]);
    bench.transcript = Some(transcript);
    bench.messages = saved.messages.clone();
    bench.messages.push(Arc::new(Message::user("go on")));
    // All but the new words are in the file.
    bench.saved = saved.messages.len();
    let outcome = bench.run(&Endpoint::acts(vec![says("resumed")])).await;
    assert_eq!(outcome.end, done("resumed"));
    let again = Saved::load(&path).unwrap();
    assert_eq!(again.messages[..saved.messages.len()], saved.messages[..]);
    let last: Vec<&str> =
        again.messages.iter().rev().take(2).map(|message| message.text()).collect();
    assert_eq!(last, ["resumed", "go on"]);
}

#[tokio::test]
async fn text_mode_runs_one_fenced_block_a_reply() {
    let endpoint = Endpoint::acts(vec![
        says("I list.\n```bash\nls \"a b\"\n```\n```bash\nrm x\n```"),
        says("Done."),
    ]);
    let (tool, count) = counting();
    let mut bench = Bench::new(vec![tool]);
    bench.limits.mode = Mode::Text;
    let outcome = bench.run(&endpoint).await;
    assert_eq!((outcome.end.clone(), count.load(Ordering::SeqCst)), (done("Done."), 1));
    assert_eq!(outcome.all[2].calls()[0].arguments, json!({"command": "ls \"a b\""}));
    let second = &endpoint.seen()[1].body;
    assert!(second.get("tools").is_none() && second["messages"][2].get("tool_calls").is_none());
    assert_eq!(second["messages"][3]["content"], "Exit code 0. Output:\nran 0");
}

#[tokio::test]
async fn a_call_that_was_only_thought_of_never_runs() {
    let drafted = "<tool_call>{\"name\":\"bash\",\"arguments\":{\"command\":\"ls\"}}</tool_call>";
    let block = "\n```bash\nls\n```\n";
    for (mode, draft) in [(Mode::Native, drafted), (Mode::Text, block)] {
        for (reply, runs, end) in [
            (format!("<think>I could run {draft} but no.</think>Never."), 0, "Never."),
            (format!("I could run {draft} but no.</think>Never."), 0, "Never."),
            (format!("Never.<think>I could run {draft}"), 0, "Never."),
            (format!("<think>Is <think>{draft}</think> right? {draft}</think>Never."), 0, "Never."),
            (format!("<thinking>{draft}</thinking>Never."), 0, "Never."),
            (format!("[THINK]{draft}[/THINK]Never."), 0, "Never."),
            (format!("<think>{draft}</think>{draft}"), 1, "Done."),
            (format!("<think>{draft}</think>"), 0, "Done."),
        ] {
            let endpoint = Endpoint::acts(vec![says(&reply), says("Done.")]);
            let (tool, count) = counting();
            let mut bench = Bench::new(vec![tool]);
            bench.limits.mode = mode;
            let outcome = bench.run(&endpoint).await;
            assert_eq!(outcome.end, done(end), "{mode:?} {reply}");
            assert_eq!(count.load(Ordering::SeqCst), runs, "{mode:?} {reply}");
        }
    }
}

#[tokio::test]
async fn text_mode_notices_repetition_sooner() {
    let endpoint = Endpoint::start(|_, _| says("```bash\nls\n```"));
    let mut bench = Bench::new(vec![constant("same")]);
    bench.limits.mode = Mode::Text;
    bench.limits.task.calls = Some(6);
    let outcome = bench.run(&endpoint).await;
    assert_eq!(outcome.end, End::Budget { which: Which::Calls, limit: 6 });
    let at = outcome.all.iter().position(|message| matches!(&**message, Message::Control { .. }));
    // System, task, two calls with their results.
    assert_eq!(at, Some(6));
}

#[tokio::test]
async fn every_event_is_what_the_schema_says() {
    let schema: Value = serde_json::from_str(&line_schema_json()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let endpoint = Endpoint::acts(vec![
        fails(500, "x"),
        calls(&[("a", "bash", LS), ("b", "none", "{}")]),
        says("ok"),
    ]);
    let outcome = Bench::new(vec![counting().0]).run(&endpoint).await;
    let mut kinds = std::collections::BTreeSet::new();
    for event in &outcome.events {
        let value = serde_json::to_value(event).unwrap();
        assert!(schema.is_valid(&value), "{value}");
        kinds.insert(value["event"].as_str().unwrap().to_owned());
    }
    for kind in ["asking", "answered", "retry", "calling", "called", "refused", "text", "ended"] {
        assert!(kinds.contains(kind), "{kind}");
    }
}

#[test]
fn the_published_schema_of_lines_is_the_one_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/agent-events.schema.json");
    if std::env::var_os("LORE_WRITE_SCHEMA").is_some() {
        std::fs::write(path, line_schema_json()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        line_schema_json(),
        "run this test with LORE_WRITE_SCHEMA=1 and commit the file"
    );
}

#[tokio::test]
async fn compaction_on_demand_makes_a_summary_and_ends_with_the_task_and_its_skills_kept() {
    let endpoint = Endpoint::acts(vec![says("It said much.")]);
    let mut messages = vec![
        Message::system("rules"),
        Message::Control { kind: ControlKind::Skills, text: "use ls".to_owned() },
        Message::user("the task"),
    ];
    messages.extend((0..20).map(|n| match n % 2 {
        0 => Message::Assistant { text: format!("{n}"), calls: Vec::new(), opaque: Vec::new() },
        _ => Message::user(format!("{n}")),
    }));
    let messages: Vec<Arc<Message>> = messages.into_iter().map(Arc::new).collect();
    let outcome = Bench::new(Vec::new()).compact(&endpoint, messages).await;
    assert_eq!(outcome.end, done(""));
    assert_eq!(endpoint.seen().len(), 1);
    let kept: Vec<&str> = outcome.machine.messages().iter().map(|message| message.text()).collect();
    assert_eq!(kept[..4], ["rules", "use ls", "the task", "It said much."]);
    assert_eq!(kept[4..], ["15", "16", "17", "18", "19"]);
    // The summary is charged like any reply.
    let answered = outcome.count(|event| matches!(event, Event::Answered { .. }));
    assert_eq!((answered, outcome.machine.spend().calls), (1, 1));
}

#[tokio::test]
async fn a_transcript_remembers_skills_and_what_was_stored() {
    use lore_agent::turn::Record;
    use lore_session::SkillUse;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.jsonl");
    let mut transcript = Transcript::create(&path, &Head::new("s", "m", 0)).unwrap();
    let used = SkillUse {
        name: "x".to_owned(),
        skill: None,
        revision: None,
        state: None,
        lessons: BTreeSet::new(),
    };
    transcript.write(&Record::Skills { skills: vec![used.clone()] }).unwrap();
    transcript.append(&Arc::new(Message::user("one"))).unwrap();
    transcript.write(&Record::Stored { session: "s".to_owned(), messages: 1 }).unwrap();
    let saved = Saved::load(&path).unwrap();
    assert_eq!((saved.skills, saved.stored, saved.pieces), (vec![used], 1, 1));
}
