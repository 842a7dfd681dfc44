//! Tools against a server, and one sample call of each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lore_agent::tool::{Tool, ToolContext, ToolOutput};
use lore_services::{OutsideSettings, outside_tools_with};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "tok_0123456789abcdef";

/// All services at `base`, with a token in the environment or none.
pub fn tools(base: &str, token: bool) -> BTreeMap<String, Arc<dyn Tool>> {
    made(base, "brave", token, "")
}

/// With web search by `provider` and more lines of the table of Hugging Face.
pub fn made(
    base: &str,
    provider: &str,
    token: bool,
    more: &str,
) -> BTreeMap<String, Arc<dyn Tool>> {
    let settings: OutsideSettings = toml::from_str(&format!(
        r#"
        [arxiv]
        enabled = true
        base_url = "{base}"
        interval_seconds = 0
        [semantic_scholar]
        enabled = true
        base_url = "{base}/graph/v1"
        [huggingface]
        enabled = true
        write = true
        jobs = true
        base_url = "{base}"
        datasets_server_url = "{base}/server"
        {more}
        [github]
        enabled = true
        base_url = "{base}"
        [web_search]
        provider = "{provider}"
        base_url = "{base}/res/v1"
        "#
    ))
    .unwrap();
    let environment = |name: &str| {
        let known = ["S2_API_KEY", "HF_TOKEN", "GITHUB_TOKEN", "BRAVE_API_KEY", "TAVILY_API_KEY"];
        (token && known.contains(&name)).then(|| TOKEN.to_owned())
    };
    let tools = outside_tools_with(&settings, &environment).unwrap();
    tools.into_iter().map(|tool| (tool.spec().name, tool)).collect()
}

pub fn context(timeout: Duration) -> ToolContext {
    ToolContext { workspace: "/".into(), cancel: CancellationToken::new(), timeout }
}

/// Calls one, with arguments that its own schema must take.
pub async fn call(
    tools: &BTreeMap<String, Arc<dyn Tool>>,
    name: &str,
    arguments: Value,
) -> ToolOutput {
    let tool = &tools[name];
    let schema = jsonschema::validator_for(&tool.spec().parameters).unwrap();
    assert!(schema.is_valid(&arguments), "{name}: {arguments} does not fit its schema");
    tool.call(arguments, &context(Duration::from_secs(20))).await
}

/// A call that must succeed; its text.
pub async fn text(tools: &BTreeMap<String, Arc<dyn Tool>>, name: &str, arguments: Value) -> String {
    let output = call(tools, name, arguments).await;
    assert!(!output.is_error, "{name}: {}", output.text);
    assert!(output.text.starts_with("[from "), "{}", output.text);
    output.text
}

/// A call that must fail with this class; its text.
pub async fn fails(
    tools: &BTreeMap<String, Arc<dyn Tool>>,
    name: &str,
    arguments: Value,
    class: &str,
) -> String {
    let output = call(tools, name, arguments).await;
    assert!(output.is_error, "{name}: {}", output.text);
    let begin = format!("[{class}] ");
    assert!(output.text.starts_with(&begin), "{name} is not {class}: {}", output.text);
    output.text
}

/// A sample call: its parts, and the way it is read.
pub struct Sample {
    pub name: &'static str,
    pub arguments: Value,
    /// The format that it reads: JSON, XML, or any text.
    pub reads: Reads,
    /// True when it asks without a token.
    pub anonymous: bool,
    /// True when asking twice changes nothing.
    pub looks: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    Json,
    Xml,
    Text,
    Events,
    Nothing,
}

/// One call of every tool.
pub fn samples() -> Vec<Sample> {
    use Reads::{Events, Json, Nothing, Text, Xml};
    let sample =
        |name, arguments, reads| Sample { name, arguments, reads, anonymous: true, looks: true };
    let known =
        |name, arguments, reads| Sample { anonymous: false, ..sample(name, arguments, reads) };
    let acts = |name, arguments, reads| Sample { looks: false, ..known(name, arguments, reads) };
    vec![
        sample("arxiv_search", json!({"query": "all:attention"}), Xml),
        sample("arxiv_read", json!({"ids": ["1706.03762"]}), Xml),
        sample("scholar_search", json!({"query": "attention"}), Json),
        sample("scholar_paper", json!({"id": "ARXIV:1706.03762"}), Json),
        sample("scholar_citations", json!({"id": "DOI:10.1000/a/b"}), Json),
        sample("hf_papers_daily", json!({"date": "2025-11-26"}), Json),
        sample("hf_papers_search", json!({"query": "attention"}), Json),
        sample("hf_paper", json!({"id": "1706.03762"}), Json),
        sample("hf_paper_read", json!({"id": "1706.03762"}), Text),
        sample("hf_docs_search", json!({"query": "trainer"}), Json),
        sample("hf_docs_read", json!({"page": "trl/sft_trainer"}), Text),
        sample("hf_models_search", json!({"query": "qwen"}), Json),
        sample("hf_model_info", json!({"id": "o/m"}), Json),
        sample("hf_datasets_search", json!({"query": "squad"}), Json),
        sample("hf_dataset_info", json!({"id": "o/d"}), Json),
        sample("hf_dataset_parts", json!({"dataset": "o/d"}), Json),
        sample("hf_dataset_rows", json!({"dataset": "o/d", "config": "c", "split": "s"}), Json),
        sample("hf_repo_list", json!({"repo": "o/m"}), Json),
        sample("hf_repo_read", json!({"repo": "o/m", "name": "README.md"}), Text),
        acts("hf_repo_create", json!({"repo": "o/new"}), Json),
        acts(
            "hf_repo_commit",
            json!({"repo": "o/m", "summary": "s", "files": [{"name": "a", "text": "b"}]}),
            Json,
        ),
        acts(
            "hf_jobs_run",
            json!({"image": "python:3.12", "command": ["true"], "account": "me"}),
            Json,
        ),
        known("hf_jobs_list", json!({"account": "me"}), Json),
        known("hf_jobs_inspect", json!({"job": "a1", "account": "me"}), Json),
        known("hf_jobs_logs", json!({"job": "a1", "account": "me", "seconds": 45}), Events),
        acts("hf_jobs_cancel", json!({"job": "a1", "account": "me"}), Nothing),
        sample("hf_jobs_hardware", json!({}), Json),
        known("github_search_code", json!({"query": "fn main"}), Json),
        sample("github_search_repos", json!({"query": "raft"}), Json),
        sample("github_list", json!({"repo": "o/r"}), Json),
        sample("github_read", json!({"repo": "o/r", "name": "src/a.rs"}), Text),
        known("web_search", json!({"query": "rust"}), Json),
    ]
}
