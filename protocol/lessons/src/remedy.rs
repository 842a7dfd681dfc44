//! What then worked, as the difference between a failing call and the success that answers it.

use lore_protocol::lesson::ErrorClass;

use crate::findings::Step;
use crate::line::Command;
use crate::mask::value_kind;
use crate::program::Program;
use crate::tools::Kind;

/// Longest command that a remedy names, in bytes.
const MAX_COMMAND_BYTES: usize = 100;

/// A remedy. Its words are public or cleaned: it holds no edit's text, no value of the task, no path of a home.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// Another program did it: its path.
    UseProgram(String),
    /// A flag was added, with its value when that is nobody's.
    AddFlag(String),
    /// A flag or a field was left out.
    DropFlag(String),
    /// One word was replaced by another.
    Replace {
        /// The word that failed.
        old: String,
        /// The word that worked.
        new: String,
    },
    /// Another command ran in between; it is cleaned.
    RunFirst(String),
    /// The same in another directory, by its class.
    InDirectory(&'static str),
    /// The same with an option of the harness: a permission, a longer time limit.
    WithOption(&'static str),
    /// An environment variable was set, by name.
    SetVariable(String),
    /// A package was installed in between.
    Install(String),
    /// The file was read in between.
    ReadFirst,
    /// The same again after a pause, or once a lock was gone.
    Retry,
    /// Other arguments, which are the task's own.
    OtherArguments,
}

impl Remedy {
    /// Returns true when it tells an agent something that the failure's own message does not.
    #[must_use]
    pub const fn is_advice(&self) -> bool {
        !matches!(self, Self::OtherArguments | Self::ReadFirst)
    }

    /// Name of its kind, as data files and tables have it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::UseProgram(_) => "use_program",
            Self::AddFlag(_) => "add_flag",
            Self::DropFlag(_) => "drop_flag",
            Self::Replace { .. } => "replace",
            Self::RunFirst(_) => "run_first",
            Self::InDirectory(_) => "in_directory",
            Self::WithOption(_) => "with_option",
            Self::SetVariable(_) => "set_variable",
            Self::Install(_) => "install",
            Self::ReadFirst => "read_first",
            Self::Retry => "retry",
            Self::OtherArguments => "other_arguments",
        }
    }
}

/// Programs that install packages, by path.
const INSTALLERS: [&str; 22] = [
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
const DESTRUCTIVE: [&str; 16] = [
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
    "git push --force",
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
        (Some((old, program)), Some(_)) => of_commands(failing, old, program, working, between),
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
    old: &Command,
    old_program: &Program,
    working: &Step<'_>,
    between: &[Step<'_>],
) -> Option<Remedy> {
    let class = failing.situation.as_ref().map(|situation| situation.class)?;
    // The same program in the other line; else another that may stand for it.
    let lines = || working.reading.commands.iter().zip(&working.reading.programs);
    if let Some((new, program)) = lines().rfind(|(_, program)| program.path == old_program.path) {
        return of_same_program(failing, old, old_program, working, new, program, between, class);
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
    if INSTALLERS.contains(&program.path.as_str())
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
        ErrorClass::CommandNotFound | ErrorClass::MissingModule | ErrorClass::Unsupported => {
            same || alternatives(old_program.first(), program.first())
        }
        ErrorClass::UnknownSubcommand | ErrorClass::MissingScript => {
            program.first() == old_program.first() || same
        }
        _ => same && !ours.iter().all(|word| value_kind(word).is_some()),
    }
}

/// Programs of one trade.
fn alternatives(old: &str, new: &str) -> bool {
    const TRADES: [&[&str]; 12] = [
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
    ];
    old != new && TRADES.iter().any(|trade| trade.contains(&old) && trade.contains(&new))
}

#[allow(clippy::too_many_arguments)] // Two lines with their programs, and what lies between.
fn of_same_program(
    failing: &Step<'_>,
    old: &Command,
    old_program: &Program,
    working: &Step<'_>,
    new: &Command,
    program: &Program,
    between: &[Step<'_>],
    class: ErrorClass,
) -> Option<Remedy> {
    if destroys(new, program) {
        return None;
    }
    let variable =
        new.assignments.iter().map(|word| word.text.split('=').next().unwrap_or_default());
    let had: Vec<&str> =
        old.assignments.iter().filter_map(|word| word.text.split('=').next()).collect();
    let mut set = variable.filter(|name| !had.contains(name));
    let words = |command: &Command, program: &Program| -> Vec<(String, bool)> {
        let word = |at: &usize| &command.words[*at];
        program.arguments.iter().map(word).map(|word| (word.text.clone(), word.value)).collect()
    };
    let (before, after) = (words(old, old_program), words(new, program));
    let removed = without(&before, &after);
    let added = without(&after, &before);
    if removed.is_empty() && added.is_empty() {
        if let Some(name) = set.next() {
            return Some(Remedy::SetVariable(name.to_owned()));
        }
        if before != after {
            return Some(Remedy::OtherArguments);
        }
        return of_same_words(failing, working, between, class);
    }
    Some(difference(&removed, &added, failing))
}

/// Words of the first list that the second has not, by text.
fn without(ours: &[(String, bool)], theirs: &[(String, bool)]) -> Vec<(String, bool)> {
    let mut left: Vec<&str> = theirs.iter().map(|(text, _)| text.as_str()).collect();
    let mut out = Vec::new();
    for (text, value) in ours {
        match left.iter().position(|other| other == text) {
            Some(at) => {
                left.swap_remove(at);
            }
            None => out.push((text.clone(), *value)),
        }
    }
    out
}

/// Words of a flag, or a word that is no value.
fn is_public(text: &str, value: bool) -> bool {
    let flag = text.starts_with('-')
        && text.len() > 1
        && !text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let bare = text.split('=').next().unwrap_or(text);
    if flag {
        return value_kind(bare).is_none();
    }
    let glob = text.starts_with("*.");
    value_kind(text).is_none()
        && (!value || glob)
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn difference(removed: &[(String, bool)], added: &[(String, bool)], failing: &Step<'_>) -> Remedy {
    // One field of a list: `--json a,b,c`.
    if let ([(old, _)], [(new, _)]) = (removed, added)
        && (old.contains(',') || new.contains(','))
        && let Some(found) = of_lists(old, new)
    {
        return found;
    }
    let public = |words: &[(String, bool)]| -> Vec<String> {
        let public = words.iter().filter(|(text, value)| is_public(text, *value));
        public.map(|(text, _)| flag_only(text)).collect()
    };
    let (old, new) = (public(removed), public(added));
    // Only the point of the message, or what stands for a flag with its value, may be more than one word.
    let point = failing.situation.as_ref().and_then(|situation| situation.word.as_deref());
    match (old.as_slice(), new.as_slice()) {
        ([], []) => Remedy::OtherArguments,
        ([], [one]) if one.starts_with('-') => Remedy::AddFlag(one.clone()),
        ([], [flag, value]) if flag.starts_with('-') && !value.starts_with('-') => {
            Remedy::AddFlag(format!("{flag} {value}"))
        }
        ([], [flag, ..]) if new.iter().all(|word| word.starts_with('-')) && new.len() == 2 => {
            let _ = flag;
            Remedy::AddFlag(new.join(" "))
        }
        ([one], []) if one.starts_with('-') || Some(one.as_str()) == point => {
            Remedy::DropFlag(one.clone())
        }
        ([flag, value], []) if flag.starts_with('-') && !value.starts_with('-') => {
            Remedy::DropFlag(format!("{flag} {value}"))
        }
        ([one], [other])
            if one.starts_with('-') == other.starts_with('-') || Some(one.as_str()) == point =>
        {
            Remedy::Replace { old: one.clone(), new: other.clone() }
        }
        ([flag, value], [other @ ..]) | ([other @ .., flag, value], [])
            if flag.starts_with('-')
                && (1..=2).contains(&other.len())
                && other[0].starts_with('-') =>
        {
            Remedy::Replace { old: format!("{flag} {value}"), new: other.join(" ") }
        }
        ([one], [flag, value]) if one.starts_with('-') && flag.starts_with('-') => {
            Remedy::Replace { old: one.clone(), new: format!("{flag} {value}") }
        }
        _ => Remedy::OtherArguments,
    }
}

/// `--flag=value` with a value of the task is the flag alone.
fn flag_only(text: &str) -> String {
    match text.split_once('=') {
        Some((flag, value)) if flag.starts_with('-') && value_kind(value).is_some() => {
            flag.to_owned()
        }
        _ => text.to_owned(),
    }
}

fn of_lists(old: &str, new: &str) -> Option<Remedy> {
    let split = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
    let (old, new) = (split(old), split(new));
    if old.iter().chain(&new).any(|item| item.is_empty() || !is_public(item, false)) {
        return None;
    }
    let gone: Vec<&String> = old.iter().filter(|item| !new.contains(item)).collect();
    let came: Vec<&String> = new.iter().filter(|item| !old.contains(item)).collect();
    match (gone.as_slice(), came.as_slice()) {
        ([one], []) => Some(Remedy::DropFlag((*one).clone())),
        ([one], [other]) => Some(Remedy::Replace { old: (*one).clone(), new: (*other).clone() }),
        _ => None,
    }
}

/// The very same words worked: something else made the difference.
fn of_same_words(
    failing: &Step<'_>,
    working: &Step<'_>,
    between: &[Step<'_>],
    class: ErrorClass,
) -> Option<Remedy> {
    if let Some(option) = option(failing, working) {
        return Some(option);
    }
    if let Some(place) = directory(failing, working, between) {
        return Some(Remedy::InDirectory(place));
    }
    // A changed file explains it, and no other session has that file.
    let edited = between.iter().any(|step| step.is_done() && matches!(step.kind, Kind::Editor(_)));
    if edited {
        return None;
    }
    let acting = between.iter().rev().filter(|step| step.is_done() && !step.looks());
    for step in acting {
        let Some((command, program)) = step.command() else { continue };
        if program.path == "sleep" || destroys(command, program) || command.privileged {
            continue;
        }
        if INSTALLERS.contains(&program.path.as_str()) {
            let package = program.arguments.iter().map(|at| command.words[*at].text.as_str());
            let mut package =
                package.filter(|text| !text.starts_with('-') && value_kind(text).is_none());
            return Some(match package.next() {
                Some(package) => Remedy::Install(package.to_owned()),
                None => Remedy::RunFirst(program.path.clone()),
            });
        }
        if matches!(program.path.as_str(), "export" | "set") {
            let mut names = command.words[1..].iter().filter_map(|word| word.text.split_once('='));
            return names.next().map(|(name, _)| Remedy::SetVariable(name.to_owned()));
        }
        let cleaned = crate::practice::cleaned(command, program)?;
        return (cleaned.len() <= MAX_COMMAND_BYTES).then_some(Remedy::RunFirst(cleaned));
    }
    let waits = matches!(
        class,
        ErrorClass::Locked
            | ErrorClass::Timeout
            | ErrorClass::TooManyRequests
            | ErrorClass::ConnectionReset
            | ErrorClass::ConnectionRefused
            | ErrorClass::ServerError
            | ErrorClass::NameResolution
            | ErrorClass::AddressInUse
    );
    let paused = between
        .iter()
        .any(|step| step.reading.programs.iter().any(|program| program.path == "sleep"));
    (waits || paused).then_some(Remedy::Retry)
}

fn option(failing: &Step<'_>, working: &Step<'_>) -> Option<Remedy> {
    const PERMISSIONS: [&str; 5] = [
        "with_escalated_permissions",
        "sandbox_permissions",
        "dangerouslyDisableSandbox",
        "dangerously_disable_sandbox",
        "require_escalated",
    ];
    const LIMITS: [&str; 4] = ["timeout", "timeout_ms", "yield_time_ms", "timeout_seconds"];
    let (old, new) = (&failing.call.options, &working.call.options);
    let differs = |name: &&str| old.get(*name) != new.get(*name) && new.contains_key(*name);
    if PERMISSIONS.iter().any(|name| differs(&name)) {
        return Some(Remedy::WithOption("permission outside the sandbox"));
    }
    let longer = |name: &&str| {
        let number = |text: Option<&String>| text.and_then(|text| text.parse::<f64>().ok());
        number(new.get(*name)).is_some_and(|new| number(old.get(*name)).is_none_or(|old| new > old))
    };
    let timed =
        failing.situation.as_ref().is_some_and(|situation| situation.class == ErrorClass::Timeout);
    (timed && LIMITS.iter().any(|name| longer(&name)))
        .then_some(Remedy::WithOption("a longer time limit"))
}

/// The class of the directory in which it worked; none when it did not change.
fn directory(failing: &Step<'_>, working: &Step<'_>, between: &[Step<'_>]) -> Option<&'static str> {
    const NAMES: [&str; 5] = ["workdir", "cwd", "working_directory", "directory", "dir_path"];
    let given =
        |step: &Step<'_>| NAMES.iter().find_map(|name| step.call.options.get(*name)).cloned();
    let entered = |step: &Step<'_>| {
        let lines = step.reading.commands.iter().rev();
        lines
            .filter(|command| command.name() == "cd")
            .find_map(|command| command.words.get(1))
            .map(|word| word.text.clone())
    };
    let old = entered(failing).or_else(|| given(failing));
    let moved =
        between.iter().rev().find_map(|step| step.is_done().then(|| entered(step)).flatten());
    let new = entered(working).or(moved).or_else(|| given(working))?;
    if old.as_ref() == Some(&new) {
        return None;
    }
    let up = new.starts_with("..")
        || new.contains("rev-parse")
        || old.as_ref().is_some_and(|old| old.starts_with(&new));
    Some(if up { "the repository's root" } else { "the package's directory" })
}

fn destroys(command: &Command, program: &Program) -> bool {
    command.privileged
        || DESTRUCTIVE.contains(&program.path.as_str())
        || command
            .words
            .iter()
            .any(|word| matches!(word.text.as_str(), "--force" | "-rf" | "--hard" | "--no-verify"))
}
