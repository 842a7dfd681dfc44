//! Policies of approval: what they see of these tools.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lore_agent::model::{Delta, Finish, Message, Model, ModelFuture, RawCall, Reply, Request};
use lore_agent::turn::{Agent, Limits, Machine, RulePolicy, Tools};

use crate::support::{context, tools};
use lore_test_endpoint::{Endpoint, json as says};

/// Calls one tool, then is done.
struct Once {
    tool: &'static str,
    arguments: &'static str,
    asked: AtomicUsize,
}

impl Model for Once {
    fn name(&self) -> &str {
        "once"
    }

    fn complete<'a>(
        &'a self,
        _: &'a Request,
        _: &'a mut (dyn FnMut(Delta<'_>) + Send),
    ) -> ModelFuture<'a> {
        let first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        let call = RawCall {
            id: "1".to_owned(),
            name: self.tool.to_owned(),
            arguments: self.arguments.to_owned(),
        };
        let reply = if first {
            Reply { calls: vec![call], finish: Finish::Calls, ..Reply::default() }
        } else {
            Reply { text: "done".to_owned(), finish: Finish::Stop, ..Reply::default() }
        };
        Box::pin(async move { Ok(reply) })
    }
}

/// Number of times the server was asked when the agent called a tool under this policy.
async fn asked(policy: &str, tool: &'static str, arguments: &'static str) -> usize {
    let server = Endpoint::start(|_, _| says("[]"));
    let made = tools(&server.root(), true);
    let tools = Tools::new(made.into_values().collect(), &lore_services::OUTSIDE_READERS);
    let context = context(Duration::from_secs(20));
    let policy = RulePolicy::parse(policy, &context.workspace).unwrap();
    let model = Once { tool, arguments, asked: AtomicUsize::new(0) };
    let agent = Agent {
        model: &model,
        tools: &tools,
        approval: &policy,
        person: None,
        context,
        heartbeat: Duration::from_secs(60),
        research: None,
        hints: None,
    };
    let messages = vec![Arc::new(Message::system("rules")), Arc::new(Message::user("the task"))];
    let mut machine = Machine::new(Limits::for_window(100_000), tools.specs(), &messages);
    agent.run(&mut machine, &mut None, 0, &mut |_| {}).await.unwrap();
    assert_eq!(model.asked.load(Ordering::SeqCst), 2, "the model was told how its call ended");
    server.seen().len()
}

#[tokio::test]
async fn hosts_that_no_argument_names_are_judged() {
    let rules = |verdict: &str, host: &str, otherwise: &str| {
        format!(
            r#"{{"rules": [{{"verdict": "{verdict}", "tools": ["github_*"], "hosts": ["{host}"]}}],
               "otherwise": "{otherwise}"}}"#
        )
    };
    let list = r#"{"repo": "o/r"}"#;
    let asked_under = |policy: String| async move { asked(&policy, "github_list", list).await };
    assert_eq!(asked_under(rules("allow", "127.0.0.1", "deny")).await, 1);
    assert_eq!(asked_under(rules("allow", "api.github.com", "deny")).await, 0);
    assert_eq!(asked_under(rules("deny", "127.0.0.1", "allow")).await, 0);
    assert_eq!(asked_under(rules("deny", "api.github.com", "allow")).await, 1);
}

#[tokio::test]
async fn one_allowed_host_of_two_is_not_enough() {
    // Reading a file may lead to where large files lie.
    let read = r#"{"repo": "o/m", "name": "README.md"}"#;
    let rules = |hosts: &str| {
        format!(
            r#"{{"rules": [{{"verdict": "allow", "tools": ["hf_*"], "hosts": [{hosts}]}}],
               "otherwise": "deny"}}"#
        )
    };
    assert_eq!(asked(&rules("\"127.0.0.1\""), "hf_repo_read", read).await, 0);
    assert_eq!(asked(&rules("\"127.0.0.1\", \"*.hf.co\""), "hf_repo_read", read).await, 1);
}

#[tokio::test]
async fn the_named_policies_allow_none_of_these_tools() {
    for policy in ["read-only", "workspace"] {
        let list = r#"{"repo": "o/r", "below": "src"}"#;
        assert_eq!(asked(policy, "github_list", list).await, 0, "{policy}");
    }
    assert_eq!(asked("all", "github_list", r#"{"repo": "o/r"}"#).await, 1);
}
