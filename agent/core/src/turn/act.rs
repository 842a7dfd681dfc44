//! Runs calls: checked, allowed, in order or at the same time, and ended when the turn is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lore_session::CallHint;
use serde_json::Value;
use tokio::task::JoinSet;

use super::Event;
use super::hint::Hinter;
use super::policy::{Action, Approval, Decision, Person};
use super::schema::Schemas;
use crate::model::{Call, ToolResult};
use crate::tool::{Tool, ToolContext, ToolOutput, ToolSpec};

/// Most calls at the same time.
const MAX_PARALLEL: usize = 8;
/// Time a tool may take to end after it was told to.
const GRACE: Duration = Duration::from_secs(5);
/// Largest result that a model is shown, in bytes; tools have bounds of their own below it.
const MAX_RESULT_BYTES: usize = 256 << 10;

/// The tools of a turn.
pub struct Tools {
    tools: BTreeMap<String, Arc<dyn Tool>>,
    schemas: Schemas,
    /// Tools that only look: neighbouring calls of these run at the same time, all others one by one,
    /// since a model that writes and runs in one reply means that order.
    read_only: BTreeSet<String>,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}

impl Tools {
    /// These tools; those named in `read_only` may run at the same time. Of two with one name the first
    /// counts: a server's tool cannot take a known tool's place.
    #[must_use]
    pub fn new(tools: Vec<Arc<dyn Tool>>, read_only: &[&str]) -> Self {
        let mut known: BTreeMap<String, Arc<dyn Tool>> = BTreeMap::new();
        let mut specs = Vec::new();
        for tool in tools {
            let spec = tool.spec();
            if !known.contains_key(&spec.name) {
                known.insert(spec.name.clone(), tool);
                specs.push(spec);
            }
        }
        let read_only = read_only.iter().map(|name| (*name).to_owned()).collect();
        Self { tools: known, schemas: Schemas::new(&specs), read_only }
    }

    /// Descriptions for the model, by name.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.values().map(|tool| tool.spec()).collect()
    }
}

/// Everything that a batch of calls needs.
pub(super) struct Batch<'a> {
    pub(super) tools: &'a Tools,
    pub(super) approval: &'a dyn Approval,
    pub(super) person: Option<&'a dyn Person>,
    pub(super) context: &'a ToolContext,
    pub(super) spent_micro_usd: u64,
    pub(super) tell: &'a (dyn Fn(Event) + Sync),
    pub(super) hints: Option<&'a Hinter>,
    /// The user's task.
    pub(super) task: &'a str,
}

impl Batch<'_> {
    /// Runs all calls. After a cancellation the rest is not begun; what has no result has none here.
    pub(super) async fn run(&self, calls: &[Call]) -> Vec<ToolResult> {
        let mut results = Vec::new();
        let mut rest = calls;
        while !rest.is_empty() && !self.context.cancel.is_cancelled() {
            let looking = rest.iter().take_while(|call| self.tools.read_only.contains(&call.tool));
            let together = looking.count().clamp(1, MAX_PARALLEL);
            let (now, later) = rest.split_at(together);
            results.extend(self.together(now).await);
            rest = later;
        }
        results
    }

    async fn together(&self, calls: &[Call]) -> Vec<ToolResult> {
        let mut running = JoinSet::new();
        let mut results = Vec::new();
        let mut names = BTreeMap::new();
        for call in calls {
            (self.tell)(Event::Calling {
                call: call.id.clone(),
                tool: call.tool.clone(),
                arguments: call.arguments.clone(),
            });
            match self.admit(call).await {
                Ok(tool) => {
                    let (context, call) = (self.context.clone(), call.clone());
                    let id = (call.id.clone(), call.tool.clone());
                    let task = running.spawn(async move {
                        let begun = Instant::now();
                        let output = bounded(&*tool, call.arguments, &context).await;
                        (call.id, call.tool, output, begun.elapsed())
                    });
                    names.insert(task.id(), id);
                }
                Err(reason) => {
                    (self.tell)(Event::Refused { call: call.id.clone(), reason: reason.clone() });
                    let output = ToolOutput::error(reason);
                    results.push(result(call.id.clone(), call.tool.clone(), output, None));
                }
            }
        }
        while let Some(ended) = running.join_next().await {
            let (id, tool, output, took) = match ended {
                Ok(ended) => ended,
                Err(error) => {
                    let Some((id, tool)) = names.remove(&error.id()) else {
                        continue;
                    };
                    (id, tool, ToolOutput::error("the tool broke down"), Duration::ZERO)
                }
            };
            let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let mut result = result(id, tool, output, Some(duration_ms));
            (self.tell)(Event::Called {
                call: result.call.clone(),
                is_error: result.is_error,
                exit_code: result.exit_code,
                duration_ms,
                text: result.text.clone(),
            });
            result.hint = self.hint(calls, &result).await;
            results.push(result);
        }
        results
    }

    /// The hint for a call that was carried out, told.
    async fn hint(&self, calls: &[Call], result: &ToolResult) -> Option<CallHint> {
        let call = calls.iter().find(|call| call.id == result.call)?;
        let found = self.hints?.beside(call, result, self.task);
        let hint = tokio::select! {
            hint = found => hint?,
            () = self.context.cancel.cancelled() => return None,
        };
        (self.tell)(Event::Hinted { call: result.call.clone(), hint: hint.clone() });
        Some(hint)
    }

    /// The tool, when the call is well-formed and allowed; else what the model is told.
    async fn admit(&self, call: &Call) -> Result<Arc<dyn Tool>, String> {
        if let Some(reason) = &call.unreadable {
            return Err(reason.clone());
        }
        if let Some(complaint) = self.tools.schemas.complaint(&call.tool, &call.arguments) {
            return Err(complaint);
        }
        let tool = self.tools.tools.get(&call.tool).ok_or("there is no such tool")?;
        let context = self.context;
        let mut action =
            Action::new(&call.tool, &call.arguments, &context.workspace, self.spent_micro_usd);
        action.hosts.extend(tool.hosts());
        match self.approval.decide(&action) {
            Decision::Allow => Ok(Arc::clone(tool)),
            Decision::Deny { reason } => Err(reason),
            Decision::Ask { question } => {
                let Some(person) = self.person else {
                    return Err("this needs a person's leave, and nobody is there to ask; do it \
                                another way or say what you need"
                        .to_owned());
                };
                let event = Event::Permission { call: call.id.clone(), question: question.clone() };
                (self.tell)(event);
                let yes = tokio::select! {
                    yes = person.ask(&question) => yes,
                    () = context.cancel.cancelled() => false,
                };
                if yes { Ok(Arc::clone(tool)) } else { Err("the user said no".to_owned()) }
            }
        }
    }
}

/// Runs one tool within its time. Tools keep to the context by themselves; this is for those that do
/// not, and for a cancellation that they do not notice.
async fn bounded(tool: &dyn Tool, arguments: Value, context: &ToolContext) -> ToolOutput {
    let mut call = tool.call(arguments, context);
    let late = context.timeout.saturating_add(GRACE);
    tokio::select! {
        output = &mut call => return output,
        () = tokio::time::sleep(late) => {
            return ToolOutput::error(format!("no result within {} s", context.timeout.as_secs()));
        }
        () = context.cancel.cancelled() => {}
    }
    let ended = tokio::time::timeout(GRACE, call).await;
    ended.unwrap_or_else(|_| ToolOutput::error("cancelled"))
}

fn result(call: String, tool: String, output: ToolOutput, duration_ms: Option<u64>) -> ToolResult {
    let mut text = output.text;
    if text.len() > MAX_RESULT_BYTES {
        let mut end = MAX_RESULT_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let left_out = text.len() - end;
        text.truncate(end);
        text.push_str(&format!("\n[{left_out} more bytes left out]"));
    }
    ToolResult {
        call,
        tool,
        text,
        is_error: output.is_error,
        exit_code: output.exit_code,
        duration_ms,
        hint: None,
    }
}
