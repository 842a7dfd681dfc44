//! Commands that did the work, by purpose: cleaned of what is one session's own.

use crate::line::Command;
use crate::mask::value_kind;
use crate::program::Program;

/// Longest cleaned command, in bytes.
const MAX_BYTES: usize = 120;

/// A command that worked, with its purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Practice {
    /// `test`, `build`, `lint`, `format`, `run`, `release`, `setup`.
    pub purpose: &'static str,
    /// The program and its sub-commands.
    pub program: String,
    /// The cleaned command.
    pub command: String,
}

/// Purposes, by words of a path or of a script's name.
const PURPOSES: [(&str, &[&str]); 7] = [
    (
        "test",
        &["test", "tests", "pytest", "jest", "vitest", "nextest", "ctest", "e2e", "rspec", "spec"],
    ),
    (
        "lint",
        &[
            "lint",
            "clippy",
            "eslint",
            "typecheck",
            "type-check",
            "tsc",
            "mypy",
            "ruff",
            "check",
            "vet",
            "pyright",
            "golangci-lint",
            "shellcheck",
        ],
    ),
    ("format", &["fmt", "format", "prettier", "black", "gofmt", "rustfmt", "isort"]),
    ("build", &["build", "compile", "bundle", "cmake", "ninja"]),
    ("release", &["release", "publish", "deploy"]),
    ("setup", &["install", "sync", "setup", "bootstrap", "ci"]),
    ("run", &["run", "dev", "start", "serve", "up"]),
];

/// The practice that a successful command shows; none when its purpose is not known or it says nothing.
pub(crate) fn practice(command: &Command, program: &Program) -> Option<Practice> {
    // The shell's `test` looks at files and tests nothing.
    if command.privileged || matches!(program.path.as_str(), "test" | "[") {
        return None;
    }
    let mut words = program.arguments.iter().map(|at| command.words[*at].text.as_str());
    let script = words.find(|text| !text.starts_with('-')).filter(|_| runs_scripts(program));
    let words: Vec<&str> =
        program.path.split(' ').chain(script).flat_map(|word| word.split([':', '_'])).collect();
    let (purpose, _) =
        PURPOSES.iter().find(|(_, marks)| words.iter().any(|word| marks.contains(word)))?;
    let command = cleaned(command, program)?;
    // The bare program tells nobody anything.
    let tells = command != program.path && command.len() <= MAX_BYTES;
    tells.then(|| Practice { purpose, program: program.path.clone(), command })
}

fn runs_scripts(program: &Program) -> bool {
    matches!(
        program.path.as_str(),
        "npm run"
            | "pnpm run"
            | "yarn run"
            | "bun run"
            | "make"
            | "just"
            | "task"
            | "uv run"
            | "poetry run"
            | "npm run-script"
    ) || program.path.starts_with("npx")
}

/// A key of git's configuration that everybody has: `user.email` is no file.
fn is_setting(program: &Program, text: &str) -> bool {
    const SECTIONS: [&str; 14] = [
        "advice", "commit", "core", "diff", "fetch", "http", "init", "merge", "protocol", "pull",
        "push", "rebase", "safe", "user",
    ];
    program.path == "git config"
        && text.split('.').count() == 2
        && text.split('.').next().is_some_and(|section| SECTIONS.contains(&section))
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'.')
}

/// A command without assignments' values, own paths and numbers; none when it holds what must not be shown.
pub(crate) fn cleaned(command: &Command, program: &Program) -> Option<String> {
    let mut out = vec![program.path.clone()];
    for at in &program.arguments {
        let word = &command.words[*at];
        let text = word.text.as_str();
        if text.contains(['\n', '\r']) || text.chars().any(char::is_control) {
            return None;
        }
        let (flag, value) = match text.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (Some(flag), value),
            _ => (None, text),
        };
        let plain = (text.starts_with('-') && flag.is_none()) || is_setting(program, text);
        let kind = if plain { None } else { value_kind(value) };
        let quoted = word.value && !value.starts_with("*.");
        let mask = if quoted { Some("<value>") } else { kind };
        match (flag, mask) {
            (Some(flag), Some(mask)) => out.push(format!("{flag}={mask}")),
            (_, Some(mask)) => {
                // Several paths in a row are one.
                if out.last().is_none_or(|last| last != mask) {
                    out.push(mask.to_owned());
                }
            }
            (_, None) => out.push(text.to_owned()),
        }
    }
    let line = out.join(" ");
    (line.len() <= MAX_BYTES).then_some(line)
}
