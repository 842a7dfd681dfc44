//! A workspace with all tools that need no network.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, unreachable_pub)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lore_agent::tool::{Bash, BashSettings, Files, Plan, ToolContext, ToolOutput, Toolbox};
use lore_sandbox::Sandbox;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub struct Bench {
    pub toolbox: Toolbox,
    pub context: ToolContext,
    pub plan: Plan,
    /// The same as in the toolbox.
    pub bash: Bash,
    root: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(BashSettings::default())
    }

    pub fn with(settings: BashSettings) -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["workspace", "scratch"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let workspace = root.path().join("workspace").canonicalize().unwrap();
        let files = Arc::new(Files::new(Vec::new(), vec![workspace.join("hidden-key")]));
        let sandbox = Sandbox::with_helper(env!("CARGO_BIN_EXE_lore-agent-helper"));
        let scratch = root.path().join("scratch");
        let bash = Bash::new(sandbox.clone(), Arc::clone(&files), &scratch, settings.clone());
        let (toolbox, plan) = Toolbox::of_workspace(sandbox, &files, scratch, settings);
        let context = ToolContext {
            workspace,
            cancel: CancellationToken::new(),
            timeout: Duration::from_secs(120),
        };
        Self { toolbox, context, plan, bash, root }
    }

    pub async fn call(&self, name: &str, arguments: Value) -> ToolOutput {
        self.toolbox.call(name, arguments, &self.context).await
    }

    /// The text of a call that must fail.
    pub async fn fails(&self, name: &str, arguments: &Value) -> String {
        let output = self.call(name, arguments.clone()).await;
        assert!(output.is_error, "{name} {arguments}: {}", output.text);
        output.text
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.context.workspace.join(name)
    }

    pub fn content(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A file beside the workspace.
    pub fn outside(&self, name: &str, content: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}
