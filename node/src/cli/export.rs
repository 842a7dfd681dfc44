//! `skill export`: skills as directories, once or for agents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use lore_connect::Agent;
use lore_control::{SkillExport, SkillsExported};
use serde::Serialize;

use super::Context;
use super::connect::chosen;
use crate::error::CliError;
use crate::output;

/// Most characters of the descriptions that an agent is given, all together: what agents list without cutting.
const BUDGET_CHARS: u64 = 8_000;

/// Arguments of `skill export`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").required(true).args(["dir", "agent", "all"]))]
pub(super) struct SkillExportArgs {
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    federation: Option<String>,
    /// Directory to write to, once.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Agent, as `lore connect` names it: its directory of skills, which a running node then keeps current.
    #[arg(long, value_name = "NAME")]
    agent: Vec<String>,
    /// Every agent that is found here.
    #[arg(long)]
    all: bool,
    /// Most characters of all descriptions together; the rest is left for search [default: 8000 for agents].
    #[arg(long, value_name = "CHARACTERS")]
    budget: Option<u64>,
    /// Report what is missing, edited or out of date, and fail when anything is.
    #[arg(long, conflicts_with_all = ["repair", "dry_run"])]
    check: bool,
    /// Write again what was taken away. What you edited stays.
    #[arg(long)]
    repair: bool,
    /// Report what would be done, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Output of an export to agents.
#[derive(Serialize)]
struct ForAgents {
    exports: Vec<ForAgent>,
}

#[derive(Serialize)]
struct ForAgent {
    agents: Vec<String>,
    #[serde(flatten)]
    done: SkillsExported,
}

pub(super) fn export(context: &Context, args: &SkillExportArgs) -> Result<(), CliError> {
    if let Some(dir) = &args.dir {
        let directory = std::path::absolute(dir)
            .map_err(|error| CliError::usage(format!("--dir {}: {error}", dir.display())))?;
        let done = ask(context, args, directory, Vec::new(), args.budget)?;
        output::result(&done, context.json, |done| text(args, done))?;
        return checked(args, std::iter::once(&done));
    }
    let person = std::env::home_dir().filter(|home| home.is_absolute()).ok_or_else(|| {
        CliError::failed("no_home", "your home directory is not known").help("set HOME")
    })?;
    let budget = Some(args.budget.unwrap_or(BUDGET_CHARS));
    let mut exports = Vec::new();
    for (directory, agents) in directories(&person, &chosen(&args.agent)?) {
        let done = ask(context, args, directory, agents.clone(), budget)?;
        exports.push(ForAgent { agents, done });
    }
    let all = ForAgents { exports };
    output::result(&all, context.json, |all| {
        let lines = all.exports.iter();
        let lines =
            lines.map(|one| format!("{}: {}", one.agents.join(", "), text(args, &one.done)));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    checked(args, all.exports.iter().map(|one| &one.done))
}

/// The directories from which agents read skills, each with its agents.
fn directories(person: &Path, agents: &[&Agent]) -> BTreeMap<PathBuf, Vec<String>> {
    let mut directories: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for agent in agents {
        let directory = Agent::below(person, &agent.skills);
        directories.entry(directory).or_default().push(agent.id.clone());
    }
    directories
}

/// Writes the skills of the shelf for agents, in directories that the node keeps current from then on; in a preview,
/// only says which.
pub(super) fn export_for(
    context: &Context,
    person: &Path,
    agents: &[&Agent],
    preview: bool,
) -> Result<Vec<SkillsExported>, CliError> {
    let directories = directories(person, agents).into_iter();
    let each = directories.map(|(directory, agents)| {
        context.ask(SkillExport {
            directory,
            agents,
            budget_chars: Some(BUDGET_CHARS),
            preview,
            ..SkillExport::default()
        })
    });
    each.collect()
}

fn ask(
    context: &Context,
    args: &SkillExportArgs,
    directory: PathBuf,
    agents: Vec<String>,
    budget_chars: Option<u64>,
) -> Result<SkillsExported, CliError> {
    context.ask(SkillExport {
        federation: args.federation.clone(),
        directory,
        agents,
        budget_chars,
        preview: args.check || args.dry_run,
        repair: args.repair,
    })
}

/// Fails a check that found something.
fn checked<'a>(
    args: &SkillExportArgs,
    mut all: impl Iterator<Item = &'a SkillsExported>,
) -> Result<(), CliError> {
    let differs = |done: &SkillsExported| {
        [&done.exported, &done.removed, &done.edited, &done.missing].iter().any(|n| !n.is_empty())
    };
    if args.check && all.any(differs) {
        return Err(CliError::failed(
            "export_differs",
            "the exported skills are not those of the shelf",
        )
        .help("`lore skill export --repair` writes them again; what you edited stays"));
    }
    Ok(())
}

fn text(args: &SkillExportArgs, done: &SkillsExported) -> String {
    let preview = args.check || args.dry_run;
    let mut text = format!(
        "{} {}, {} unchanged, {} {}, {} kept because they were edited here, in {}",
        done.exported.len(),
        if preview { "to write" } else { "written" },
        done.unchanged.len(),
        done.removed.len(),
        if preview { "to remove" } else { "removed" },
        done.kept.len(),
        done.directory.display()
    );
    let lists = [
        ("edited", &done.edited),
        ("taken away here (--repair writes them again)", &done.missing),
        ("left for search, over the budget", &done.left_out),
    ];
    for (word, names) in lists {
        if !names.is_empty() {
            text.push_str(&format!("\n  {word}: {}", names.join(", ")));
        }
    }
    if args.check {
        for (word, names) in
            [("missing or out of date", &done.exported), ("withdrawn", &done.removed)]
        {
            if !names.is_empty() {
                text.push_str(&format!("\n  {word}: {}", names.join(", ")));
            }
        }
    }
    text
}
