//! Cost of the loop beside the model: its own time per turn at 200,000 tokens of history.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lore_agent::model::{Delta, Message, Model, ModelFuture, RawCall, Reply, Request};
use lore_agent::tool::{ToolContext, ToolOutput};
use lore_agent::turn::{Agent, End, Head, Limits, Machine, RulePolicy, Tools, Transcript};
use serde_json::Value;

use crate::support::Fake;

/// Answers at once, and measures how long it was away.
struct Instant0 {
    rounds: u64,
    asked: AtomicU64,
}

impl Model for Instant0 {
    fn name(&self) -> &str {
        "instant"
    }

    fn complete<'a>(
        &'a self,
        _: &'a Request,
        _: &'a mut (dyn FnMut(Delta<'_>) + Send),
    ) -> ModelFuture<'a> {
        let n = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut reply = Reply { text: "on it".to_owned(), ..Reply::default() };
        if n < self.rounds {
            let arguments = format!("{{\"command\":\"ls {n}\"}}");
            reply.calls.push(RawCall { id: format!("r{n}"), name: "bash".to_owned(), arguments });
        }
        Box::pin(async move { Ok(reply) })
    }
}

#[tokio::test]
async fn the_loop_costs_under_two_milliseconds_a_turn_at_200k_tokens() {
    const ROUNDS: u64 = 200;
    let words = "a line of some output, 42 bytes of it all\n".repeat(25);
    let mut messages = vec![Arc::new(Message::system("rules")), Arc::new(Message::user("task"))];
    // About 300 tokens each.
    messages.extend((0..700).map(|n| {
        let text = format!("{n} {words}");
        Arc::new(if n % 2 == 0 {
            Message::Assistant { text, calls: Vec::new(), opaque: Vec::new() }
        } else {
            Message::user(text)
        })
    }));
    let tool = Fake("bash", |arguments: &Value| ToolOutput::ok(arguments.to_string()));
    let tools = Tools::new(vec![Arc::new(tool)], &[]);
    let dir = tempfile::tempdir().unwrap();
    let policy = RulePolicy::parse("all", dir.path()).unwrap();
    let model = Instant0 { rounds: ROUNDS, asked: AtomicU64::new(0) };
    let agent = Agent {
        model: &model,
        tools: &tools,
        approval: &policy,
        person: None,
        context: ToolContext {
            workspace: dir.path().to_owned(),
            cancel: tokio_util::sync::CancellationToken::new(),
            timeout: Duration::from_secs(9),
        },
        heartbeat: Duration::from_secs(60),
        research: None,
        hints: None,
    };
    let head = Head::new("s", "m", 0);
    let mut transcript = Some(Transcript::create(&dir.path().join("t"), &head).unwrap());
    let mut machine = Machine::new(Limits::for_window(1_000_000), tools.specs(), &messages);
    let saved = messages.len();
    let begun = Instant::now();
    let mut largest = 0;
    let mut sink = |event| {
        if let lore_agent::turn::Event::Asking { tokens, .. } = event {
            largest = largest.max(tokens);
        }
    };
    let (end, _) = agent.run(&mut machine, &mut transcript, saved, &mut sink).await.unwrap();
    let each = begun.elapsed() / u32::try_from(ROUNDS + 1).unwrap();
    assert!(matches!(end, End::Done { .. }));
    assert!(largest > 200_000, "{largest}");
    println!("loop overhead: {} us a turn at {largest} tokens of history", each.as_micros());
    assert!(each < Duration::from_millis(2), "{each:?}");
}
