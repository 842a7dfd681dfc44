//! The tools of a session, by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::{
    Bash, BashSettings, EditFile, Files, GlobFiles, GrepFiles, Plan, ReadFile, Tool, ToolContext,
    ToolOutput, ToolSpec, WriteFile,
};
use lore_sandbox::Sandbox;

/// Longest name of a tool, in bytes: what endpoints take.
pub(super) const MAX_NAME_BYTES: usize = 64;

/// Tools by name.
#[derive(Clone, Default)]
pub struct Toolbox {
    tools: BTreeMap<String, Arc<dyn Tool>>,
}

/// Why a tool was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolboxError {
    /// Models and endpoints take no other names.
    #[error("{0:?} is no name for a tool: [A-Za-z][A-Za-z0-9_-]{{0,63}}")]
    Name(String),
    /// Two tools with one name; the first stays.
    #[error("there is a tool {0} already")]
    Taken(String),
}

impl Toolbox {
    /// Without tools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tools of a workspace: `bash` in `sandbox` under `settings` with `scratch` as its `/tmp`, `read`,
    /// `write`, `edit`, `glob` and `grep` over `files`, and `plan`, whose steps the caller can look at.
    /// Nothing here reaches a network unless `settings` open it for commands.
    #[must_use]
    pub fn of_workspace(
        sandbox: Sandbox,
        files: &Arc<Files>,
        scratch: impl Into<PathBuf>,
        settings: BashSettings,
    ) -> (Self, Plan) {
        let plan = Plan::default();
        let tools: [Arc<dyn Tool>; 7] = [
            Arc::new(Bash::new(sandbox, Arc::clone(files), scratch, settings)),
            Arc::new(ReadFile(Arc::clone(files))),
            Arc::new(WriteFile(Arc::clone(files))),
            Arc::new(EditFile(Arc::clone(files))),
            Arc::new(GlobFiles(Arc::clone(files))),
            Arc::new(GrepFiles(Arc::clone(files))),
            Arc::new(plan.clone()),
        ];
        let tools = tools.into_iter().map(|tool| (tool.spec().name, tool)).collect();
        (Self { tools }, plan)
    }

    /// Adds a tool under the name of its specification.
    ///
    /// # Errors
    /// Fails when the name is not one or is taken.
    pub fn add(&mut self, tool: impl Tool + 'static) -> Result<(), ToolboxError> {
        let name = tool.spec().name;
        if !is_name(&name) {
            return Err(ToolboxError::Name(name));
        }
        if self.tools.contains_key(&name) {
            return Err(ToolboxError::Taken(name));
        }
        self.tools.insert(name, Arc::new(tool));
        Ok(())
    }

    /// Those of which `keep` holds, such as for a sub-agent with fewer rights.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept = self.tools.iter().filter(|(name, _)| keep(name));
        Self { tools: kept.map(|(name, tool)| (name.clone(), Arc::clone(tool))).collect() }
    }

    /// All of them, in order of names, as a turn takes them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.values().cloned().collect()
    }

    /// A tool by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.get(name)
    }

    /// Descriptions for the model, in order of names.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.values().map(|tool| tool.spec()).collect()
    }

    /// Calls a tool whose arguments were validated; an unknown name is an output that tells the known ones.
    pub async fn call(&self, name: &str, arguments: Value, context: &ToolContext) -> ToolOutput {
        match self.get(name) {
            Some(tool) => tool.call(arguments, context).await,
            None => {
                let known: Vec<&str> = self.tools.keys().map(String::as_str).collect();
                ToolOutput::error(format!("there is no such tool; there are: {}", known.join(", ")))
            }
        }
    }
}

impl std::fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}
