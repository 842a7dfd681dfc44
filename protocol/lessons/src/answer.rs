//! How a later success answers a failure: the remedy that it shows.

use lore_protocol::lesson::ErrorClass;

use crate::circumstance::of_same_words;
use crate::difference::{arguments, difference, quoted, without};
use crate::findings::Step;
use crate::line::Command;
use crate::mask::value_kind;
use crate::program::Program;
use crate::remedy::Remedy;
use crate::tools::Kind;

/// Programs that install packages, by path.
pub(crate) const INSTALLERS: [&str; 22] = [
    "pip install",
    "pip3 install",
    "python -m pip install",
    "python3 -m pip install",
    "uv add",
    "uv pip install",
    "uv sync",
    "uv tool install",
    "pipx install",
    "poetry add",
    "poetry install",
    "npm install",
    "npm ci",
    "pnpm install",
    "pnpm add",
    "yarn add",
    "yarn install",
    "bun install",
    "bun add",
    "apt-get install",
    "apt install",
    "cargo install",
];

/// Programs that destroy, and never stand in advice.
const DESTRUCTIVE: [&str; 15] = [
    "rm",
    "rmdir",
    "dd",
    "mkfs",
    "shred",
    "kill",
    "pkill",
    "killall",
    "shutdown",
    "reboot",
    "git reset",
    "git clean",
    "docker system prune",
    "truncate",
    "chmod",
];

/// How a later step answers a failing one; none when it does not.
///
/// `between` are the steps from the failure to the success, both left out.
pub(crate) fn remedy(
    failing: &Step<'_>,
    working: &Step<'_>,
    between: &[Step<'_>],
) -> Option<Remedy> {
    match (failing.command(), working.command()) {
        (Some(old), Some(_)) => of_commands(failing, old, working, between),
        (None, None) if failing.tool_name() == working.tool_name() => {
            Some(of_tools(failing, working, between))
        }
        _ => None,
    }
}

fn of_tools(failing: &Step<'_>, working: &Step<'_>, between: &[Step<'_>]) -> Remedy {
    let read = between.iter().any(|step| step.is_done() && matches!(step.kind, Kind::Reader(_)));
    if failing.call.input == working.call.input {
        return if read { Remedy::ReadFirst } else { Remedy::Retry };
    }
    if read { Remedy::ReadFirst } else { Remedy::OtherArguments }
}

fn of_commands(
    failing: &Step<'_>,
    (old, old_program): (&Command, &Program),
    working: &Step<'_>,
    between: &[Step<'_>],
) -> Option<Remedy> {
    let class = failing.situation.as_ref().map(|situation| situation.class)?;
    // The same program in the other line; else another that may stand for it.
    let lines = || working.reading.commands.iter().zip(&working.reading.programs);
    if let Some(new) = lines().rfind(|(_, program)| program.path == old_program.path) {
        return match of_words(failing, (old, old_program), new) {
            Words::Differ(remedy) => remedy,
            Words::Same => of_same_words(failing, working, between, class),
        };
    }
    // `python3 app/main.py` and `python3 -m app.main`.
    let as_module = |program: &Program| {
        let rest = program.path.strip_prefix(old_program.path.as_str());
        rest.is_some_and(|rest| rest.starts_with(" -m ")) && !program.public
    };
    if class == ErrorClass::MissingModule && lines().any(|(_, program)| as_module(program)) {
        return Some(Remedy::AddFlag("-m".to_owned()));
    }
    let (new, program) =
        lines().find(|(new, program)| stands_for(old, old_program, new, program, class))?;
    if destroys(new, program) {
        return None;
    }
    if program.first() == old_program.first() && !is_runner(program) {
        let (old, new) = (old_program.path.clone(), program.path.clone());
        return Some(Remedy::Replace { old, new });
    }
    Some(Remedy::UseProgram(program.path.clone()))
}

fn is_runner(program: &Program) -> bool {
    program.inner() != program.path
}

/// Returns true when a command does with another program what the first one was to do.
fn stands_for(
    old: &Command,
    old_program: &Program,
    new: &Command,
    program: &Program,
    class: ErrorClass,
) -> bool {
    let sibling = program.first() == old_program.first();
    let asked = sibling && class == ErrorClass::UnknownSubcommand;
    if (INSTALLERS.contains(&program.path.as_str()) && !asked)
        || program.path == "sleep"
        || program.path == "cd"
    {
        return false;
    }
    let texts = |command: &Command, from: usize| -> Vec<String> {
        command.words[from.min(command.words.len())..]
            .iter()
            .map(|word| word.text.clone())
            .collect()
    };
    let (old_words, new_words) = (texts(old, 0), texts(new, 0));
    // `rtk bun run test` and `bun run test`, `pytest` and `uv run pytest`.
    if old_words.len() != new_words.len()
        && (old_words.ends_with(&new_words) || new_words.ends_with(&old_words))
    {
        return true;
    }
    let ours: Vec<&str> =
        old_program.arguments.iter().map(|at| old.words[*at].text.as_str()).collect();
    let theirs: Vec<&str> =
        program.arguments.iter().map(|at| new.words[*at].text.as_str()).collect();
    let shared = ours.iter().filter(|word| theirs.contains(word)).count();
    // The same arguments: nearly all of either.
    let same = !ours.is_empty() && 2 * shared > ours.len().max(theirs.len());
    match class {
        ErrorClass::CommandNotFound
        | ErrorClass::MissingModule
        | ErrorClass::Unsupported
        | ErrorClass::ServiceDown
        | ErrorClass::UnknownName
        | ErrorClass::UnknownType
        | ErrorClass::MissingLibrary => same || alternatives(old_program.first(), program.first()),
        ErrorClass::UnknownSubcommand | ErrorClass::MissingScript => sibling || same,
        ErrorClass::Gone => sibling || same || alternatives(old_program.first(), program.first()),
        // `pnpm licenses` and `pnpm licenses list`.
        ErrorClass::MissingArgument if is_below(program, old_program) => true,
        _ => same && !ours.iter().all(|word| value_kind(word).is_some()),
    }
}

/// Returns true when a program is a sub-command of another.
fn is_below(program: &Program, parent: &Program) -> bool {
    program.path.strip_prefix(parent.path.as_str()).is_some_and(|rest| rest.starts_with(' '))
}

/// Programs of one trade.
fn alternatives(old: &str, new: &str) -> bool {
    const TRADES: [&[&str]; 18] = [
        &["python", "python3", "python2", "py", "uv"],
        &["pip", "pip3", "uv", "pipx", "python", "python3"],
        &["rg", "grep", "ag", "egrep"],
        &["fd", "fdfind", "find"],
        &["tree", "find", "ls"],
        &["npm", "pnpm", "yarn", "bun", "npx", "bunx", "pnpx"],
        &["docker-compose", "docker"],
        &["curl", "wget"],
        &["vim", "vi", "nano"],
        &["node", "bun", "deno", "tsx", "ts-node"],
        &["make", "gmake", "just"],
        &["gtimeout", "timeout", "perl"],
        &["awk", "mawk", "gawk"],
        &["gcc", "g++", "cc", "c++"],
        &["clang", "clang++"],
        &["next", "eslint", "biome"],
        &["netstat", "ss"],
        &["systemctl", "service"],
    ];
    old != new && TRADES.iter().any(|trade| trade.contains(&old) && trade.contains(&new))
}

/// What two lines of one program differ in.
enum Words {
    /// These words, and the remedy that they are; none when it is no advice.
    Differ(Option<Remedy>),
    /// Nothing.
    Same,
}

fn of_words(
    failing: &Step<'_>,
    (old, old_program): (&Command, &Program),
    (new, program): (&Command, &Program),
) -> Words {
    if destroys(new, program) {
        return Words::Differ(None);
    }
    let variable =
        new.assignments.iter().map(|word| word.text.split('=').next().unwrap_or_default());
    let had: Vec<&str> =
        old.assignments.iter().filter_map(|word| word.text.split('=').next()).collect();
    let mut set = variable.filter(|name| !had.contains(name));
    let (before, after) = (arguments(old, old_program), arguments(new, program));
    let removed = without(&before, &after);
    let added = without(&after, &before);
    if !removed.is_empty() || !added.is_empty() {
        return Words::Differ(Some(difference(&removed, &added, failing)));
    }
    if let Some(name) = set.next() {
        return Words::Differ(Some(Remedy::SetVariable(name.to_owned())));
    }
    if before != after {
        return Words::Differ(quoted(&before, &after).or(Some(Remedy::OtherArguments)));
    }
    Words::Same
}

pub(crate) fn destroys(command: &Command, program: &Program) -> bool {
    let forces = |text: &str| match text {
        "--force" | "-rf" | "-fr" | "--hard" | "--no-verify" => true,
        // Elsewhere it names a file, or adds one that is ignored.
        "-f" => matches!(program.path.as_str(), "git push" | "git checkout" | "git branch"),
        _ => false,
    };
    command.privileged
        || DESTRUCTIVE.contains(&program.path.as_str())
        || command.words.iter().any(|word| forces(&word.text))
}
