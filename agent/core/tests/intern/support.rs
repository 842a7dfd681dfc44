//! A bench for turns: tools that tests control, and one call that runs a task.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lore_agent::model::{Dialect, Endpoint as Place, HttpModel, Message, Retries};
use lore_agent::tool::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec};
use lore_agent::turn::{Agent, End, Event, Hinter, Limits, Machine, RulePolicy, Tools, Transcript};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;

use lore_test_endpoint::Endpoint;

/// Answers from a closure over the arguments.
pub struct Fake<F>(pub &'static str, pub F);

impl<F: Fn(&Value) -> ToolOutput + Send + Sync> Tool for Fake<F> {
    fn spec(&self) -> ToolSpec {
        spec(self.0)
    }

    fn call<'a>(&'a self, arguments: Value, _: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { (self.1)(&arguments) })
    }
}

/// Waits until as many calls run as the barrier wants.
pub struct Together(pub Arc<Barrier>);

impl Tool for Together {
    fn spec(&self) -> ToolSpec {
        spec("together")
    }

    fn call<'a>(&'a self, _: Value, _: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            self.0.wait().await;
            ToolOutput::ok("met")
        })
    }
}

/// Runs until it is cancelled; tells when it began.
pub struct Endless(pub Arc<tokio::sync::Notify>);

impl Tool for Endless {
    fn spec(&self) -> ToolSpec {
        spec("endless")
    }

    fn call<'a>(&'a self, _: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            self.0.notify_one();
            context.cancel.cancelled().await;
            ToolOutput::error("stopped half-way")
        })
    }
}

fn spec(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: "A tool.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"command": {"type": "string"}},
            "required": ["command"],
            "additionalProperties": false,
        }),
    }
}

/// A `bash` that says how often it was called before.
pub fn counting() -> (Arc<dyn Tool>, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let tool = Fake("bash", move |_: &Value| ToolOutput {
        exit_code: Some(0),
        ..ToolOutput::ok(format!("ran {}", counted.fetch_add(1, Ordering::SeqCst)))
    });
    (Arc::new(tool), count)
}

/// A `bash` that always says the same.
pub fn constant(text: &'static str) -> Arc<dyn Tool> {
    Arc::new(Fake("bash", move |_: &Value| ToolOutput::ok(text)))
}

/// Limits whose retries do not wait.
pub fn limits(window: u64) -> Limits {
    let mut limits = Limits::for_window(window);
    limits.retries = Retries { first: Duration::ZERO, ..Retries::default() };
    limits
}

/// Everything about one turn.
pub struct Bench {
    pub limits: Limits,
    pub tools: Vec<Arc<dyn Tool>>,
    pub policy: String,
    pub cancel: CancellationToken,
    pub heartbeat: Duration,
    pub messages: Vec<Arc<Message>>,
    pub saved: usize,
    pub transcript: Option<Transcript>,
    pub hints: Option<Hinter>,
}

/// Things that a turn left behind.
pub struct Outcome {
    pub end: End,
    pub events: Vec<Event>,
    pub all: Vec<Arc<Message>>,
    pub machine: Machine,
}

impl Bench {
    pub fn new(tools: Vec<Arc<dyn Tool>>) -> Self {
        Self {
            limits: limits(100_000),
            tools,
            policy: "all".to_owned(),
            cancel: CancellationToken::new(),
            heartbeat: Duration::from_secs(60),
            messages: vec![Arc::new(Message::system("rules")), Arc::new(Message::user("the task"))],
            saved: 0,
            transcript: None,
            hints: None,
        }
    }

    pub async fn run(self, endpoint: &Endpoint) -> Outcome {
        let specs = Tools::new(self.tools.clone(), &[]).specs();
        let machine = Machine::new(self.limits.clone(), specs, &self.messages);
        self.drive(endpoint, machine).await
    }

    /// Only makes a conversation smaller.
    pub async fn compact(self, endpoint: &Endpoint, messages: Vec<Arc<Message>>) -> Outcome {
        let machine = Machine::compacting(self.limits.clone(), &messages);
        self.drive(endpoint, machine).await
    }

    async fn drive(mut self, endpoint: &Endpoint, mut machine: Machine) -> Outcome {
        let place = Place::new(&endpoint.url, Dialect::OpenAiChat, "m").unwrap();
        let model = HttpModel::new(place).unwrap();
        let tools = Tools::new(self.tools, &["together"]);
        let workspace = PathBuf::from("/workspace");
        let policy = RulePolicy::parse(&self.policy, &workspace).unwrap();
        let agent = Agent {
            model: &model,
            tools: &tools,
            approval: &policy,
            person: None,
            context: ToolContext {
                workspace,
                cancel: self.cancel,
                timeout: Duration::from_secs(30),
            },
            heartbeat: self.heartbeat,
            research: None,
            hints: self.hints.as_ref(),
        };
        let mut events = Vec::new();
        let mut sink = |event| events.push(event);
        let (end, all) =
            agent.run(&mut machine, &mut self.transcript, self.saved, &mut sink).await.unwrap();
        Outcome { end, events, all, machine }
    }
}

impl Outcome {
    pub fn count(&self, fits: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| fits(event)).count()
    }

    /// Texts of all results, in the order of the conversation.
    pub fn results(&self) -> Vec<&str> {
        self.all
            .iter()
            .filter_map(|message| match &**message {
                Message::Result(result) => Some(result.text.as_str()),
                _ => None,
            })
            .collect()
    }
}
