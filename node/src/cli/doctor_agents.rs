//! Checks of connected agents, by running what they run.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lore_connect::hook::Given;
use lore_connect::{Agent, HookForm, Records, agent, settings};
use serde::Serialize;

use super::Context;
use super::connect::program;
use super::hook;
use crate::error::CliError;

/// Check of one connected agent.
#[derive(Debug, Serialize)]
pub(super) struct AgentCheck {
    /// The agent.
    pub(super) agent: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// True when a failing call gets its hint.
    pub(super) ok: bool,
    /// Finding, with what to do.
    pub(super) says: String,
}

/// Checks the agents that are connected, or those of them that are named.
pub(super) fn check_agents(
    context: &Context,
    names: &[String],
) -> Result<Vec<AgentCheck>, CliError> {
    let records = Records::new(&context.home.connect_path());
    let manifest = records.load().map_err(|error| {
        CliError::failed(
            "connect",
            format!("the manifest of connected agents cannot be read: {error}"),
        )
    })?;
    let mut connected: Vec<&'static Agent> =
        manifest.files.values().filter_map(|owned| agent(&owned.agent)).collect();
    connected.sort_by(|a, b| a.id.cmp(&b.id));
    connected.dedup_by(|a, b| a.id == b.id);
    let wanted = |one: &&Agent| {
        names.is_empty() || names.iter().any(|name| agent(name).is_some_and(|a| a.id == one.id))
    };
    let checks = connected.into_iter().filter(wanted).map(|agent| {
        let files: Vec<&Path> = manifest
            .files
            .iter()
            .filter(|(_, owned)| owned.agent == agent.id)
            .map(|(path, _)| path.as_path())
            .collect();
        let found = check(context, agent, &files);
        let ok = found.is_ok();
        let (Ok(says) | Err(says)) = found;
        AgentCheck { agent: &agent.id, title: &agent.title, ok, says }
    });
    Ok(checks.collect())
}

fn check(context: &Context, agent: &'static Agent, files: &[&Path]) -> Result<String, String> {
    let again = format!("run `lore connect {}`", agent.id);
    if let Some(gone) = files.iter().find(|file| !file.exists()) {
        return Err(format!("{} is gone: {again}", gone.display()));
    }
    let taken = probe(context, agent, files, &again)?;
    let took = format!("a hint comes in {} ms", taken.as_millis());
    let (Some(trust), false) = (&agent.hooks.trust, is_trusted(agent)) else { return Ok(took) };
    // Nobody but the person may say that they trust a hook.
    Ok(format!("{took}; if {} has not asked you yet: {trust}", agent.title))
}

/// Returns true when the agent has a record of hooks that the person trusts.
fn is_trusted(agent: &Agent) -> bool {
    let home = std::env::home_dir().unwrap_or_default();
    agent.hooks.trusted.as_ref().is_some_and(|(file, word)| {
        std::fs::read_to_string(Agent::below(&home, file)).is_ok_and(|text| text.contains(word))
    })
}

/// Runs what the agent runs after a failing call that the codebook knows, and gives the time that it took.
fn probe(
    context: &Context,
    agent: &Agent,
    files: &[&Path],
    again: &str,
) -> Result<Duration, String> {
    let session = format!("doctor-{}", std::process::id());
    let input = serde_json::json!({
        "session_id": session, "sessionId": session, "session": session,
        "hook_event_name": agent.hooks.after.first(),
        "tool_name": "bash", "toolName": "bash", "tool": "bash",
        "tool_input": {"command": PROBE_COMMAND}, "toolArgs": {"command": PROBE_COMMAND},
        "input": {"command": PROBE_COMMAND}, "output": PROBE_OUTPUT, "exit": 128,
    });
    let mut command = hook_command(context, agent, files, again)?;
    let begun = Instant::now();
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|error| format!("the hook cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends at once is found out by its answer.
        let _ = stdin.write_all(input.to_string().as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let took = begun.elapsed();
    // Nothing was noted when there was no hint.
    let _ = Given::of(&hook::files(&context.home), &agent.id, &session).forget();
    if !output.status.success() {
        return Err(format!("the program of its hook is gone: {again}"));
    }
    if !String::from_utf8_lossy(&output.stdout).contains("hint from lore") {
        let log = context.home.hints_path().join("hook.log");
        return Err(format!(
            "a failing call got no hint: see {}, and start the node with `lore run --detach`",
            log.display()
        ));
    }
    Ok(took)
}

/// The hook after a call, as it stands in the agent's settings, or as our script starts it.
fn hook_command(
    context: &Context,
    agent: &Agent,
    files: &[&Path],
    again: &str,
) -> Result<Command, String> {
    if agent.hooks.form != HookForm::Nested {
        let program = program(&context.home).map_err(|error| error.to_string())?;
        let mut lore = Command::new(program.path);
        lore.args(program.words).args(["hook", &agent.id, "after"]);
        return Ok(lore);
    }
    let suffix = format!(" hook {} after", agent.id);
    let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let mut hooks =
        texts.flat_map(|text| settings::hooks(&text, |command| command.ends_with(&suffix)));
    let hook = hooks.next().ok_or_else(|| format!("its hook is not in its settings: {again}"))?;
    let mut shell = Command::new("sh");
    shell.args(["-c", &hook.command]);
    Ok(shell)
}

/// A failing call that the codebook answers.
const PROBE_COMMAND: &str = "git push";
const PROBE_OUTPUT: &str = "fatal: The current branch topic has no upstream branch.\n\
    To push the current branch and set the remote as upstream, use\n\n    git push --set-upstream origin topic\n";
