//! `connect`: sets up agents that people already use, and takes it back.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use lore_connect::{
    Agent, Change, Program, Records, Scope, Undone, agent, agents, apply, plan, undo,
};
use lore_control::{SessionWatch, SkillsExported, WatchSetting};
use serde::Serialize;

use super::Context;
use super::ask::agree;
use super::doctor_agents::{AgentCheck, check_agents};
use super::export::export_for;
use super::hook;
use super::session::account;
use crate::error::CliError;
use crate::export::ExportPlaces;
use crate::home::Home;
use crate::host::Node;
use crate::output;

/// Arguments of `connect`.
#[derive(Debug, clap::Args)]
pub(super) struct ConnectArgs {
    /// Agents to connect, such as claude-code, codex or opencode [default: all that are found].
    agents: Vec<String>,
    /// Connect within the project in this directory instead of for all your work.
    #[arg(long)]
    project: bool,
    /// Show what would be changed, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take back what was changed.
    #[arg(long, conflicts_with = "dry_run")]
    undo: bool,
    /// Check that connected agents get hints.
    #[arg(long, conflicts_with_all = ["dry_run", "undo", "yes"])]
    check: bool,
    /// Do not ask before files are changed.
    #[arg(long)]
    yes: bool,
    /// Do not start the node.
    #[arg(long)]
    no_run: bool,
}

/// Output of `--json`.
#[derive(Serialize)]
struct Connected {
    agents: Vec<ConnectedAgent>,
    /// User whose sessions are imported.
    user: String,
    /// False after `--dry-run`.
    changed: bool,
    /// Directories of skills that the node keeps current, or would; empty for a project.
    skills: Vec<SkillsExported>,
    /// True when the node runs.
    running: bool,
}

#[derive(Serialize)]
struct ConnectedAgent {
    agent: &'static str,
    title: &'static str,
    files: Vec<ChangedFile>,
    /// Things that only the person can do.
    next: Vec<&'static str>,
}

#[derive(Serialize)]
struct ChangedFile {
    path: PathBuf,
    /// True when it was as it should be.
    unchanged: bool,
    adds: Vec<String>,
}

/// Output of `--undo --json`.
#[derive(Serialize)]
struct Disconnected {
    files: Vec<UndoneFile>,
}

#[derive(Serialize)]
struct UndoneFile {
    agent: String,
    path: PathBuf,
    became: Undone,
}

/// Output of `--check --json`.
#[derive(Serialize)]
struct Checked {
    agents: Vec<AgentCheck>,
}

pub(super) fn connect(context: &Context, args: &ConnectArgs) -> Result<(), CliError> {
    context.must_be_a_home()?;
    let records = Records::new(&context.home.connect_path());
    let scope = scope(args.project)?;
    if args.undo {
        return take_back(context, args, &scope, &records);
    }
    if args.check {
        return check(context, args);
    }
    let chosen = chosen(&args.agents)?;
    let program = program(&context.home)?;
    let mut plans: Vec<(&'static Agent, Vec<Change>)> = Vec::new();
    let mut left = Vec::new();
    for agent in chosen {
        match plan(agent, &scope, &program) {
            Ok(changes) => plans.push((agent, changes)),
            Err(error) => left.push(error.to_string()),
        }
    }
    if plans.is_empty() {
        return Err(CliError::failed("connect", left.join("; "))
            .help("mend the file, then run `lore connect` again; nothing was changed"));
    }
    let news = plans.iter().any(|(_, changes)| changes.iter().any(|change| !change.is_done()));
    if news && !args.dry_run && !args.yes {
        output::note(planned(&plans, &scope));
        if !std::io::stdin().is_terminal() {
            return Err(CliError::refused(
                "not_agreed",
                "this changes settings of your agents, and there is no terminal to ask on",
            )
            .help("run it with --yes when you are sure, or with --dry-run to see the changes"));
        }
        agree("Make these changes? `lore connect --undo` takes them back.")?;
    }
    let user = account();
    let mut running = context.home.holder().is_some();
    if !args.dry_run {
        for (agent, changes) in &plans {
            if let Err(error) = apply(&agent.id, changes, &records) {
                left.push(format!("{}: {error}", agent.title));
            }
        }
        hook::keep_user(&context.home, &user)?;
        running = follow(context, &user, !args.no_run)?;
    }
    let mut skills = Vec::new();
    if let Scope::Person(person) = &scope {
        let agents: Vec<&Agent> = plans.iter().map(|(agent, _)| *agent).collect();
        match export_for(context, person, &agents, args.dry_run) {
            Ok(exported) => skills = exported,
            Err(error) => left.push(format!("skills: {}", error.message)),
        }
    }
    let shown = Connected {
        agents: plans.iter().map(|(agent, changes)| shown(agent, changes)).collect(),
        user,
        changed: !args.dry_run,
        skills,
        running,
    };
    let fault = (!left.is_empty()).then(|| {
        CliError::failed("connect", left.join("; ")).help(
            "mend what is named, then run `lore connect` again; the other agents are connected",
        )
    });
    output::result_with(&shown, context.json, connected_text, fault)
}

/// Has the node follow the user's agents, and writes what hooks read. True when the node runs.
fn follow(context: &Context, user: &str, run: bool) -> Result<bool, CliError> {
    let home = std::env::home_dir().filter(|home| home.is_absolute()).ok_or_else(no_home)?;
    let ask = SessionWatch { user: user.to_owned(), set: WatchSetting::On { home } };
    context.ask(ask)?;
    if context.home.holder().is_some() {
        return Ok(true);
    }
    {
        let _lock = context.home.lock()?;
        Node::open(context.home.clone(), &context.machine)?.write_hints()?;
    }
    if run {
        super::run::start_detached(context, None)?;
    }
    Ok(run)
}

fn no_home() -> CliError {
    CliError::usage("the variable HOME names no directory")
        .help("set it to your home directory: agents keep their settings there")
}

fn scope(project: bool) -> Result<Scope, CliError> {
    if project {
        let directory = std::env::current_dir()
            .map_err(|error| CliError::failed("io", format!("no current directory: {error}")))?;
        return Ok(Scope::Project(directory));
    }
    std::env::home_dir().filter(|home| home.is_absolute()).map(Scope::Person).ok_or_else(no_home)
}

/// The agents of these names; those that are found on the machine when there is no name.
pub(super) fn chosen(names: &[String]) -> Result<Vec<&'static Agent>, CliError> {
    let known = || agents().iter().map(|agent| agent.id.as_str()).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        agent(name).ok_or_else(|| {
            CliError::usage(format!("`{name}` is no agent that lore knows"))
                .help(format!("it knows {}", known()))
        })
    };
    if !names.is_empty() {
        return names.iter().map(find).collect();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let search: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let home = std::env::home_dir().unwrap_or_default();
    let found: Vec<&Agent> =
        agents().iter().filter(|agent| agent.is_found(&home, &search)).collect();
    if found.is_empty() {
        let what = format!("no agent is found in {} or on the PATH", home.display());
        return Err(CliError::failed("no_agent", what)
            .help(format!("install one, or name it, as one of {}", known())));
    }
    Ok(found)
}

/// The program as agents start it.
pub(super) fn program(home: &Home) -> Result<Program, CliError> {
    let path = std::env::current_exe().map_err(|error| {
        CliError::failed("connect", format!("cannot locate the lore executable: {error}"))
    })?;
    let usual = std::env::var_os("LORE_HOME").is_none()
        && Home::resolve(None).is_ok_and(|usual| usual.root() == home.root());
    let words = if usual {
        Vec::new()
    } else {
        vec!["--home".to_owned(), home.root().to_string_lossy().into_owned()]
    };
    Ok(Program { path, words })
}

fn take_back(
    context: &Context,
    args: &ConnectArgs,
    scope: &Scope,
    records: &Records,
) -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed("connect", error.to_string());
    let manifest = records.load().map_err(|error| failed(&error))?;
    let below: Option<&Path> = if args.project { Some(scope.root()) } else { None };
    let mut names: Vec<String> = manifest.files.values().map(|owned| owned.agent.clone()).collect();
    names.sort_unstable();
    names.dedup();
    if !args.agents.is_empty() {
        let wanted = chosen(&args.agents)?;
        names.retain(|name| wanted.iter().any(|agent| agent.id == *name));
    }
    if !args.project {
        // Skills go first: they lie in directories that were made for an agent's settings.
        let owners = manifest.files.values().map(|owned| &owned.agent);
        let staying: Vec<&String> = owners.filter(|owner| !names.contains(owner)).collect();
        let all = agents().iter().map(|agent| agent.id.clone());
        let gone: Vec<String> = all.filter(|agent| !staying.contains(&agent)).collect();
        ExportPlaces::take_back(&context.home, &gone)?;
    }
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    for name in names {
        match undo(&name, below, records) {
            Ok(undone) => files.extend(undone.into_iter().map(|(path, became)| UndoneFile {
                agent: name.clone(),
                path,
                became,
            })),
            Err(error) => faults.push(error.to_string()),
        }
    }
    let rest = records.load().map_err(|error| failed(&error))?;
    if rest.files.is_empty() && !files.is_empty() {
        let user = hook::user(&context.home);
        context.ask(SessionWatch { user, set: WatchSetting::Off })?;
        let _ = std::fs::remove_dir_all(context.home.hints_path());
    }
    let fault = (!faults.is_empty())
        .then(|| failed(&faults.join("; ")).help("mend what is named, then undo again"));
    output::result_with(&Disconnected { files }, context.json, undone_text, fault)
}

fn check(context: &Context, args: &ConnectArgs) -> Result<(), CliError> {
    let agents = check_agents(context, &args.agents)?;
    let failed = agents.iter().filter(|one| !one.ok).count();
    let fault =
        (failed > 0).then(|| CliError::failed("connect", format!("{failed} agents get no hints")));
    let text = |checked: &Checked| {
        if checked.agents.is_empty() {
            return "no agent is connected\nnext: lore connect".into();
        }
        let lines = checked.agents.iter().map(|one| {
            let word = if one.ok { "ok      " } else { "FAILED  " };
            format!("{word}{}: {}", one.title, one.says)
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    output::result_with(&Checked { agents }, context.json, text, fault)
}

fn shown(agent: &'static Agent, changes: &[Change]) -> ConnectedAgent {
    let files = changes.iter().map(|change| ChangedFile {
        path: change.path.clone(),
        unchanged: change.is_done(),
        adds: change.adds.clone(),
    });
    ConnectedAgent {
        agent: &agent.id,
        title: &agent.title,
        files: files.collect(),
        next: agent.hooks.trust.as_deref().into_iter().collect(),
    }
}

fn planned(plans: &[(&'static Agent, Vec<Change>)], scope: &Scope) -> String {
    let mut text = String::new();
    for (agent, changes) in plans {
        text.push_str(&format!("{}\n", agent.title));
        for change in changes {
            let word = match (change.is_done(), change.before.is_some()) {
                (true, _) => "as it should be",
                (false, true) => "changed, after a backup",
                (false, false) => "new",
            };
            text.push_str(&format!("  {} ({word})\n", change.path.display()));
            text.extend(change.adds.iter().map(|line| format!("    + {line}\n")));
        }
        if let Scope::Person(person) = scope {
            let directory = Agent::below(person, &agent.skills);
            text.push_str(&format!("  {} (skills of your shelf)\n", directory.display()));
        }
    }
    text.trim_end().to_owned()
}

fn connected_text(shown: &Connected) -> String {
    let mut text = String::new();
    for one in &shown.agents {
        let new = one.files.iter().filter(|file| !file.unchanged).count();
        let state = match (new, shown.changed) {
            (0, _) => "connected already".to_owned(),
            (new, true) => format!("connected ({new} files written)"),
            (new, false) => format!("would be connected ({new} files)"),
        };
        text.push_str(&format!("{:20} {state}\n", one.title));
        for file in &one.files {
            text.push_str(&format!("  {}\n", file.path.display()));
            if !shown.changed {
                text.extend(file.adds.iter().map(|line| format!("    + {line}\n")));
            }
        }
        text.extend(one.next.iter().map(|next| format!("  next: {next}\n")));
    }
    for one in &shown.skills {
        let count = one.exported.len() + one.unchanged.len();
        text.push_str(&format!(
            "skills: {} ({count} now; written again as your shelf changes)\n",
            one.directory.display()
        ));
    }
    if shown.changed {
        text.push_str(&format!(
            "sessions of user `{}` are imported as they end; they stay on this machine\n\
             undo: lore connect --undo      check: lore connect --check",
            shown.user
        ));
        if !shown.running {
            text.push_str("\nnext: lore run --detach (new lessons are learnt while the node runs)");
        }
    }
    text.trim_end().to_owned()
}

fn undone_text(shown: &Disconnected) -> String {
    if shown.files.is_empty() {
        return "nothing was connected".into();
    }
    let lines = shown.files.iter().map(|file| {
        let became = match file.became {
            Undone::Restored => "restored, byte for byte",
            Undone::Removed => "removed",
            Undone::Cleaned => "you changed it since: only our entries were taken out",
            Undone::Kept => "you changed it since: it stays; remove it yourself",
            Undone::Gone => "was gone already",
        };
        format!("{}: {became}", file.path.display())
    });
    lines.collect::<Vec<_>>().join("\n")
}
