//! The program of a command, with its sub-commands, and whether that is public.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::line::Command;

/// Longest path, in words.
const MAX_WORDS: usize = 3;

/// What is known of a public program.
struct Known {
    /// Flags before a sub-command that take a value.
    valued: BTreeSet<&'static str>,
    /// Sub-commands; one of two words holds a space.
    subcommands: BTreeSet<String>,
}

static PROGRAMS: LazyLock<BTreeMap<&str, Known>> = LazyLock::new(|| {
    let lines = include_str!("../data/programs.txt").lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(known).collect()
});

fn known(line: &'static str) -> Option<(&'static str, Known)> {
    let (head, tail) = line.split_once(" :")?;
    let mut head = head.split_whitespace();
    let name = head.next()?;
    let subcommands = tail.split_whitespace().map(|word| word.replace('/', " ")).collect();
    Some((name, Known { valued: head.collect(), subcommands }))
}

/// Programs that run the program after them.
const RUNNERS: [&str; 14] = [
    "npx",
    "bunx",
    "pnpx",
    "uvx",
    "npm exec",
    "pnpm exec",
    "pnpm dlx",
    "yarn exec",
    "yarn dlx",
    "bun x",
    "uv run",
    "poetry run",
    "pipenv run",
    "bundle exec",
];

/// A program and its sub-command path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// `git push`, `gh pr view`, `uv run pytest`.
    pub(crate) path: String,
    /// True when the path is on the public list.
    pub(crate) public: bool,
    /// Words of the command that belong to the path: its arguments begin here.
    pub(crate) arguments: Vec<usize>,
}

impl Program {
    /// The first word of the path.
    pub(crate) fn first(&self) -> &str {
        self.path.split(' ').next().unwrap_or_default()
    }

    /// The module that Python runs: `pip` of `python3 -m pip install`.
    pub(crate) fn module(&self) -> Option<&str> {
        self.path.split(" -m ").nth(1)?.split(' ').next()
    }

    /// The program without what runs it: `pytest` of `uv run pytest`.
    pub(crate) fn inner(&self) -> &str {
        let runner = RUNNERS.iter().filter_map(|runner| self.path.strip_prefix(runner));
        runner.filter_map(|rest| rest.strip_prefix(' ')).next().unwrap_or(&self.path)
    }
}

/// Returns true when the words between spaces are a public program with its sub-commands.
pub(crate) fn is_public(path: &str) -> bool {
    let (name, rest) = path.split_once(' ').unwrap_or((path, ""));
    if let Some(inner) =
        RUNNERS.iter().find_map(|runner| path.strip_prefix(runner)?.strip_prefix(' '))
    {
        return is_public(inner);
    }
    PROGRAMS.get(name).is_some_and(|known| rest.is_empty() || known.subcommands.contains(rest))
}

/// Returns true when a word is part of a sub-command of a program's first word.
pub(crate) fn has_subcommand(path: &str, word: &str) -> bool {
    let name = path.split(' ').next().unwrap_or_default();
    let known = PROGRAMS.get(name).map(|known| &known.subcommands);
    known.is_some_and(|known| known.iter().any(|words| words.split(' ').any(|one| one == word)))
}

/// The program of a command.
pub(crate) fn program(command: &Command) -> Program {
    let mut found = path_from(command, 0);
    if RUNNERS.contains(&found.path.as_str())
        && let Some(place) = inner_place(command, &found)
    {
        let (before, at) = (&found.arguments[..place], found.arguments[place]);
        let inner = path_from(command, at);
        found = Program {
            path: format!("{} {}", found.path, inner.path),
            public: found.public && inner.public,
            arguments: before.iter().copied().chain(inner.arguments).collect(),
        };
    }
    if matches!(found.path.as_str(), "python" | "python3") {
        module(command, &mut found);
    }
    found
}

/// Place among the arguments of a runner at which the program stands that it runs: after its own flags.
fn inner_place(command: &Command, runner: &Program) -> Option<usize> {
    let known = PROGRAMS.get(runner.first());
    let mut place = 0;
    while let Some(at) = runner.arguments.get(place) {
        let word = &command.words[*at];
        if !word.text.starts_with('-') {
            return (is_plain(&word.text) && !word.value).then_some(place);
        }
        let valued = known.is_some_and(|known| known.valued.contains(word.text.as_str()));
        place += 1 + usize::from(valued);
    }
    None
}

/// `python -m pytest` is a program of its own.
fn module(command: &Command, found: &mut Program) {
    let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
    if let [_, "-m", module, ..] = words.as_slice()
        && module.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    {
        found.public &= is_public(module)
            || matches!(
                *module,
                "venv"
                    | "http.server"
                    | "json.tool"
                    | "build"
                    | "unittest"
                    | "compileall"
                    | "ensurepip"
                    | "pdb"
                    | "timeit"
            );
        let inner = path_from(command, 2);
        let path = if PROGRAMS.contains_key(module) { inner.path } else { (*module).to_owned() };
        found.path = format!("{} -m {path}", found.path);
        let words = path.split(' ').count();
        found.arguments =
            if words > 1 { inner.arguments } else { (3..command.words.len()).collect() };
    }
}

fn path_from(command: &Command, from: usize) -> Program {
    let word = command.words[from].text.as_str();
    let name = if from == 0 { command.name() } else { word.rsplit('/').next().unwrap_or(word) };
    let mut path = name.to_owned();
    let known = PROGRAMS.get(name);
    let mut at = from + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut words = 1;
    while let Some(word) = command.words.get(at) {
        let text = word.text.as_str();
        if text.starts_with('-') {
            let valued = known.is_some_and(|known| known.valued.contains(text));
            before.push(at);
            at += 1;
            if valued {
                before.push(at);
                at += 1;
            }
            continue;
        }
        // `cargo +nightly test`.
        if text.starts_with('+') && words == 1 {
            before.push(at);
            at += 1;
            continue;
        }
        if word.value || words == MAX_WORDS || !is_plain(text) {
            break;
        }
        let longer = format!("{} {text}", path.split_once(' ').map_or("", |(_, rest)| rest));
        let takes = match known {
            // A first word is a sub-command of any program that has some.
            Some(known) if words == 1 => !known.subcommands.is_empty(),
            Some(known) => known.subcommands.contains(longer.trim()),
            // Of a program that nobody knows two words may be its sub-commands, when no flag came before.
            None => before.is_empty() && is_command_word(text),
        };
        if !takes {
            break;
        }
        path = format!("{path} {text}");
        words += 1;
        at += 1;
    }
    before.retain(|flag| *flag < command.words.len());
    let rest = at.min(command.words.len())..command.words.len();
    let arguments = before.into_iter().chain(rest).collect();
    let public = is_public(&path);
    Program { path, public, arguments }
}

/// Returns true for a word like a sub-command: letters, digits, hyphens, colons.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 24
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-:_".contains(&byte)
        })
}

/// As [`is_plain`], without digits: an identifier of a program that nobody knows has some.
fn is_command_word(text: &str) -> bool {
    is_plain(text) && !text.bytes().any(|byte| byte.is_ascii_digit()) && text.len() <= 20
}
