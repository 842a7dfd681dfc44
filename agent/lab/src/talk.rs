//! The conversation of a model with one task: over as many turns as it takes, within the bounds of an episode.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lore_agent::model::{ControlKind, Message, Model, Retries};
use lore_agent::tool::ToolContext;
use lore_agent::turn::{
    Action, Agent, Approval, Decision, End, Event, Hinter, Limits, Machine, Spend, Tools,
};
use tokio_util::sync::CancellationToken;

use crate::episode::Bounds;

/// Everything is allowed: an episode runs in a scratch directory of the lab.
struct Unasked;

impl Approval for Unasked {
    fn decide(&self, _: &Action<'_>) -> Decision {
        Decision::Allow
    }
}

/// An agent that works in `scratch` until `over` is cancelled.
pub(crate) fn agent<'a>(
    model: &'a dyn Model,
    tools: &'a Tools,
    hints: Option<&'a Hinter>,
    bounds: &Bounds,
    scratch: &Path,
    over: &CancellationToken,
) -> Agent<'a> {
    Agent {
        model,
        tools,
        approval: &Unasked,
        person: None,
        context: ToolContext {
            workspace: scratch.to_owned(),
            cancel: over.clone(),
            timeout: bounds.command.saturating_mul(3),
        },
        heartbeat: Duration::from_secs(60),
        research: None,
        hints,
    }
}

/// A conversation, with what it has used.
pub(crate) struct Talk<'a> {
    pub(crate) bounds: &'a Bounds,
    pub(crate) messages: Vec<Arc<Message>>,
    pub(crate) spend: Spend,
}

impl Talk<'_> {
    /// Lets the agent work until it is over or the calls are used up. A model that ends a turn before is told what
    /// `reminder` says. Returns the end and everything that was said.
    pub(crate) async fn run(
        &mut self,
        agent: &Agent<'_>,
        tell: &mut (dyn FnMut(Event) + Send),
        reminder: &(dyn Fn() -> String + Sync),
    ) -> (End, Vec<Arc<Message>>) {
        let mut all = self.messages.clone();
        loop {
            let left = u64::from(self.bounds.steps).saturating_sub(self.spend.calls);
            let mut limits = Limits::small(self.bounds.window_tokens);
            limits.task.calls = Some(left);
            limits.max_output_tokens = Some(self.bounds.reply_tokens);
            limits.price = self.bounds.price;
            limits.retries = Retries { most: 2, ..Retries::default() };
            let mut machine = Machine::new(limits, agent.tools.specs(), &self.messages);
            let known = self.messages.len();
            let ran = agent.run(&mut machine, &mut None, known, &mut *tell).await;
            let (end, new) = match ran {
                Ok(ran) => ran,
                // Without a transcript nothing can fail to be written.
                Err(error) => {
                    let message = error.to_string();
                    return (End::Failed { class: "transcript".to_owned(), message }, all);
                }
            };
            all.extend(new);
            let spend = machine.spend();
            self.spend.calls += spend.calls;
            self.spend.input += spend.input;
            self.spend.output += spend.output;
            self.spend.cost_micro_usd += spend.cost_micro_usd;
            self.spend.estimated |= spend.estimated;
            self.messages = machine.messages().to_vec();
            let is_left = self.spend.calls < u64::from(self.bounds.steps);
            if !matches!(end, End::Done { .. }) || !is_left {
                return (end, all);
            }
            let said = Message::Control { kind: ControlKind::Empty, text: reminder() };
            let said = Arc::new(said);
            self.messages.push(Arc::clone(&said));
            all.push(said);
        }
    }
}

/// Does some work, and cancels `over` when it takes longer than `limit`; then waits for its end.
pub(crate) async fn within<T>(
    limit: Duration,
    over: &CancellationToken,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(limit) => over.cancel(),
    }
    work.await
}
