//! The end of a call, and which command of its line it is about.

use lore_protocol::lesson::ErrorClass;
use lore_protocol::steps::Steps;

use crate::call::{Call, Refusal, Status};
use crate::cut::beginning;
use crate::line::{Command, Joint};
use crate::program::{Program, program};
use crate::recognise::{Found, recognise};
use crate::tools::{Kind, kind_of};

/// Programs whose exit status 1 without a message means that there is nothing.
const FINDERS: [&str; 19] = [
    "grep",
    "egrep",
    "fgrep",
    "zgrep",
    "rg",
    "ag",
    "diff",
    "cmp",
    "which",
    "command",
    "type",
    "pgrep",
    "pkill",
    "test",
    "[",
    "git grep",
    "git diff",
    "git check-ignore",
    "git ls-files",
];

/// Programs that check something: what they find is a report.
const CHECKERS: [&str; 48] = [
    "cargo test",
    "cargo clippy",
    "cargo check",
    "cargo fmt",
    "cargo nextest",
    "cargo build",
    "cargo bench",
    "cargo deny",
    "cargo audit",
    "cargo doc",
    "cargo run",
    "rustc",
    "pytest",
    "mypy",
    "pyright",
    "ruff",
    "flake8",
    "pylint",
    "black",
    "isort",
    "tox",
    "nox",
    "tsc",
    "vue-tsc",
    "tsgo",
    "svelte-check",
    "eslint",
    "oxlint",
    "biome",
    "prettier",
    "stylelint",
    "jest",
    "vitest",
    "mocha",
    "playwright",
    "go test",
    "go vet",
    "go build",
    "golangci-lint",
    "gofmt",
    "shellcheck",
    "actionlint",
    "pre-commit",
    "rspec",
    "gh pr checks",
    "gh run watch",
    "npm audit",
    "terraform fmt",
];

/// Scripts that check, by a part of their name.
const CHECKS: [&str; 9] =
    ["test", "lint", "typecheck", "type-check", "check", "fmt", "format", "build", "e2e"];

/// Programs that run scripts of a project.
const SCRIPTS: [&str; 9] = ["npm", "pnpm", "yarn", "bun", "make", "just", "task", "turbo", "nx"];

/// Programs at a pipe's end that only pass on.
const FILTERS: [&str; 14] = [
    "head", "tail", "tee", "cat", "sort", "uniq", "wc", "less", "more", "column", "true", "echo",
    "printf", "sed",
];

/// Beginnings of answers to calls that the user or a policy refused.
const DENIALS: [&str; 8] = [
    "The user doesn't want to",
    "The user does not want to",
    "User rejected",
    "The user rejected",
    "Tool use was rejected",
    "Permission to use",
    "exec command rejected by user",
    "The user has denied",
];

/// Beginnings of answers to calls that were cut off.
const CANCELS: [&str; 7] = [
    "[Request interrupted by user",
    "Interrupted by user",
    "Cancelled: parallel tool call",
    "<tool_use_error>Cancelled",
    "Sibling tool call errored",
    "Operation cancelled by user",
    "aborted by user",
];

/// One call as it was read.
pub(crate) struct Reading {
    pub(crate) status: Status,
    pub(crate) commands: Vec<Command>,
    pub(crate) programs: Vec<Program>,
    /// The command that failed, or the last that does something.
    pub(crate) at: Option<usize>,
    pub(crate) found: Option<Found>,
}

/// The end of a call.
#[must_use]
pub fn status_of(call: &Call) -> Status {
    read(call, &Steps::unbounded()).status
}

/// Returns true when the words of an output alone show that its command failed: for harnesses that tell a hook no
/// status. Only exact recognisers of a program of the line count, and only at the beginning of a line.
#[must_use]
pub fn fails_by_its_words(call: &Call) -> bool {
    let steps = Steps::unbounded();
    let reading = read(call, &steps);
    let names = reading.names(call);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let output = call.output.as_deref().unwrap_or_default();
    let found = recognise(&names, output, &steps);
    let Some(found) = found.filter(|found| found.exact && found.leads) else { return false };
    let reading = Reading { found: Some(found), ..reading };
    reading.blamed().is_some_and(|at| !FINDERS.contains(&reading.programs[at].inner()))
}

/// Reads a call.
pub(crate) fn read(call: &Call, steps: &Steps) -> Reading {
    let commands = call.command.as_deref().map(|line| {
        steps.take(line.len());
        crate::line::commands(line)
    });
    let commands = commands.unwrap_or_default();
    let programs: Vec<Program> = commands.iter().map(program).collect();
    let mut reading = Reading {
        status: Status::Unknown,
        at: last_acting(&commands),
        commands,
        programs,
        found: None,
    };
    let Some(output) = &call.output else { return reading };
    reading.status = reading.judge(call, output, steps);
    reading
}

fn last_acting(commands: &[Command]) -> Option<usize> {
    let acts = |command: &Command| {
        !(FILTERS.contains(&command.name())
            && matches!(command.joint, Joint::Pipe | Joint::Or | Joint::Then))
    };
    commands.iter().rposition(acts).or(commands.len().checked_sub(1))
}

impl Reading {
    fn judge(&mut self, call: &Call, output: &str, steps: &Steps) -> Status {
        match call.refusal {
            Some(Refusal::Denied) => return Status::Denied,
            Some(Refusal::Cancelled) => return Status::Cancelled,
            None => {}
        }
        let failed = call.failed || call.exit.is_some_and(|exit| exit != 0);
        let start = beginning(output.trim_start(), 80);
        if failed && DENIALS.iter().any(|mark| start.starts_with(mark)) {
            return Status::Denied;
        }
        if failed && CANCELS.iter().any(|mark| start.starts_with(mark)) {
            return Status::Cancelled;
        }
        let names = self.names(call);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if !failed {
            // Only what can hide a status is looked at: a pipe, an alternative, a following command.
            if self.commands.len() < 2 {
                return Status::Ok;
            }
            self.found =
                recognise(&names, output, steps).filter(|found| found.exact && found.leads);
            let hidden = self.blamed().is_some_and(|at| {
                self.commands[at + 1..].iter().any(|next| next.joint != Joint::And)
                    && !FINDERS.contains(&self.programs[at].inner())
            });
            if !hidden {
                self.found = None;
                return Status::Ok;
            }
            self.at = self.blamed();
            return self.of_failure(call);
        }
        self.found = recognise(&names, output, steps);
        self.at = self.blamed().or_else(|| self.named_in(output, steps)).or(self.at);
        self.of_failure(call)
    }

    /// First words by which recognisers know the programs of the line, or the tool.
    fn names(&self, call: &Call) -> Vec<String> {
        if call.command.is_none() {
            let name = match kind_of(&call.tool) {
                Kind::Reader(name) | Kind::Editor(name) => name.to_owned(),
                _ => call.tool.to_ascii_lowercase(),
            };
            return vec![name];
        }
        let mut names = Vec::new();
        for program in &self.programs {
            names.push(program.first().to_owned());
            names.extend(program.inner().split(' ').next().map(str::to_owned));
            names.extend(program.module().map(str::to_owned));
        }
        names
    }

    /// The command that the recogniser is about.
    fn blamed(&self) -> Option<usize> {
        let found = self.found.as_ref()?;
        if found.class == ErrorClass::CommandNotFound
            && let Some(word) = &found.word
        {
            let named =
                |command: &Command| command.words[0].text == *word || command.name() == word;
            return self.commands.iter().rposition(named);
        }
        if found.programs.is_empty() {
            return None;
        }
        let about = |program: &Program| {
            let inner = program.inner().split(' ').next().unwrap_or_default();
            let module = program.module().unwrap_or_default();
            found
                .programs
                .iter()
                .any(|name| *name == program.first() || *name == inner || *name == module)
        };
        self.programs.iter().rposition(about)
    }

    /// The command whose name begins a line of the output.
    fn named_in(&self, output: &str, steps: &Steps) -> Option<usize> {
        steps.take(output.len());
        let tail = crate::cut::end(output, 2048);
        let prefixes: Vec<&str> = tail
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.trim())
            .collect();
        self.commands.iter().rposition(|command| prefixes.contains(&command.name()))
    }

    /// A call that failed by its status: a report, an empty answer, or a failure.
    fn of_failure(&self, call: &Call) -> Status {
        let Some(program) = self.at.map(|at| &self.programs[at]) else {
            return Status::Failed;
        };
        let inner = program.inner();
        let path = inner.split(" -m ").nth(1).unwrap_or(inner);
        let output = call.output.as_deref().unwrap_or_default();
        if call.exit.is_none_or(|exit| exit == 1)
            && self.found.is_none()
            && FINDERS.contains(&path)
            && !output.lines().any(|line| says_error(line, path))
        {
            let reports = matches!(path, "diff" | "cmp" | "git diff") && output.lines().count() > 1;
            return if reports { Status::Reported } else { Status::Empty };
        }
        let checks = CHECKERS.iter().any(|checker| {
            path == *checker || path.strip_prefix(checker).is_some_and(|rest| rest.starts_with(' '))
        }) || (SCRIPTS.contains(&path.split(' ').next().unwrap_or_default())
            && self.script().is_some_and(|script| CHECKS.iter().any(|part| script.contains(part))));
        let of_the_work = |class: ErrorClass| {
            matches!(
                class,
                ErrorClass::CompileError
                    | ErrorClass::AssertionFailed
                    | ErrorClass::TypeError
                    | ErrorClass::UnknownName
                    | ErrorClass::MissingField
                    | ErrorClass::ExitStatus
                    | ErrorClass::Other
            )
        };
        let exact =
            self.found.as_ref().is_some_and(|found| found.exact && !of_the_work(found.class));
        if checks && !exact { Status::Reported } else { Status::Failed }
    }

    /// The script or target that a project's runner was asked for.
    fn script(&self) -> Option<&str> {
        let at = self.at?;
        let program = &self.programs[at];
        let words = &self.commands[at].words;
        let mut words = program.arguments.iter().map(|at| words[*at].text.as_str());
        let named = words.find(|text| !text.starts_with('-'));
        let last = program.path.rsplit(' ').next();
        match last {
            Some("run" | "run-script" | "make" | "just" | "task") => named,
            other => other,
        }
    }
}

/// Returns true when a line states an error of a program: `grep: ...`, `error: ...`.
fn says_error(line: &str, path: &str) -> bool {
    let name = path.split(' ').next().unwrap_or_default();
    let lower = beginning(line, 200).to_ascii_lowercase();
    lower.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "))
        || lower.starts_with("error:")
        || lower.starts_with("fatal:")
        || lower.starts_with("usage:")
}
