//! Checks of connected agents, by running what they run.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lore_connect::{Agent, Change, HookForm, Records, Scope, agent, plan, settings};
use serde::Serialize;

use super::Context;
use super::connect::program;
use super::hook;
use crate::error::CliError;

/// Time that a probe of a hook may take.
const PATIENCE: Duration = Duration::from_secs(5);

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
    if let Some(gone) = files.iter().find(|file| !file.exists()) {
        return Err(format!("{} is gone: run `lore connect {}`", gone.display(), agent.id));
    }
    let again = format!("run `lore connect {}`", agent.id);
    let home = std::env::home_dir().unwrap_or_default();
    let program = program(&context.home).map_err(|error| error.to_string())?;
    let of_person = files.iter().any(|file| file.starts_with(&home));
    let scope = Scope::Person(home.clone());
    let changes: Vec<Change> = if of_person {
        plan(agent, &scope, &program).map_err(|error| error.to_string())?
    } else {
        Vec::new()
    };
    if let Some(change) =
        changes.iter().find(|change| !change.is_done() && files.contains(&change.path.as_path()))
    {
        return Err(format!("{} was changed, or lore was moved: {again}", change.path.display()));
    }
    let taken = probe(context, agent, &changes)?;
    let took = format!("a hint comes in {} ms", taken.as_millis());
    if agent.hooks.trust.is_some() && !is_trusted(&home) {
        // Nobody but the person may say that they trust a hook.
        let trust = agent.hooks.trust.as_deref().unwrap_or_default();
        return Ok(format!("{took}; if Codex has not asked you yet: {trust}"));
    }
    Ok(took)
}

/// Returns true when Codex has a record of hooks that the person trusts.
fn is_trusted(home: &Path) -> bool {
    let config = std::fs::read_to_string(home.join(".codex/config.toml")).unwrap_or_default();
    config.contains("trusted_hash")
}

/// Runs what the agent runs after a failing call that the codebook knows, and gives the time that it took.
fn probe(context: &Context, agent: &Agent, changes: &[Change]) -> Result<Duration, String> {
    let session = format!("doctor-{}", std::process::id());
    let input = serde_json::json!({
        "session_id": session, "sessionId": session, "session": session,
        "hook_event_name": agent.hooks.after.first(),
        "tool_name": "bash", "toolName": "bash", "tool": "bash",
        "tool_input": {"command": PROBE_COMMAND}, "toolArgs": {"command": PROBE_COMMAND},
        "input": {"command": PROBE_COMMAND}, "output": PROBE_OUTPUT, "exit": 128,
    });
    // The command as it stands in the agent's own settings, where they hold one.
    let nested = agent.hooks.form == HookForm::Nested;
    let text = changes.iter().find(|change| nested && change.after.contains(" hook "));
    let suffix = format!(" hook {} after", agent.id);
    let command = text.and_then(|change| {
        let hooks = settings::hooks(&change.after, |command| command.ends_with(&suffix));
        hooks.into_iter().next().map(|hook| hook.command)
    });
    let begun = Instant::now();
    let mut child = match command {
        Some(line) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &line]);
            shell
        }
        None => {
            let program = program(&context.home).map_err(|error| error.to_string())?;
            let mut lore = Command::new(program.path);
            lore.args(program.words).args(["hook", &agent.id, "after"]);
            lore
        }
    };
    let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|error| format!("the hook cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends at once is found out by its answer.
        let _ = stdin.write_all(input.to_string().as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let took = begun.elapsed();
    let _ = std::fs::remove_file(
        lore_connect::hook::Given::of(&hook::files(&context.home), &agent.id, &session).path(),
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(
            "the hook's program is gone: run `lore connect` with the lore that you use".into()
        );
    }
    if !text.contains("hint from lore") {
        let log = context.home.hints_path().join("hook.log");
        return Err(format!(
            "a failing call got no hint: see {}, and start the node with `lore run --detach`",
            log.display()
        ));
    }
    if took > PATIENCE {
        return Err(format!("a hint takes {} ms: this machine is too busy", took.as_millis()));
    }
    Ok(took)
}

/// A failing call that the codebook answers.
const PROBE_COMMAND: &str = "git push";
const PROBE_OUTPUT: &str = "fatal: The current branch topic has no upstream branch.\n\
    To push the current branch and set the remote as upstream, use\n\n    git push --set-upstream origin topic\n";
