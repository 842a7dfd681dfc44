//! Demands of a command line: programs that it runs, variables that it sets, packages that it installs.

use std::collections::BTreeSet;

use crate::answer::INSTALLERS;
use crate::line::{Command, commands};
use crate::program::{Program, is_public, program};

/// Programs that run the file or the text that they are given.
const INTERPRETERS: [&str; 18] = [
    "bash", "sh", "zsh", "dash", "fish", "ksh", "python", "python3", "node", "ruby", "perl", "php",
    "tsx", "ts-node", "source", ".", "eval", "pwsh",
];
/// Programs that download a package and run it.
const FETCHING_RUNNERS: [&str; 7] = ["npx", "bunx", "pnpx", "uvx", "pnpm dlx", "yarn dlx", "bun x"];

/// Demands of a command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    /// Programs with their sub-commands, each with true when it is on the public list.
    pub programs: BTreeSet<(String, bool)>,
    /// Scripts, or `inline` for a program text in the line itself.
    pub scripts: BTreeSet<String>,
    /// Environment variables.
    pub variables: BTreeSet<String>,
    /// Packages.
    pub packages: BTreeSet<String>,
    /// True with `sudo` or the like.
    pub privileged: bool,
}

/// Reads what a command line would run, set and install.
#[must_use]
pub fn demands_of(line: &str) -> Demands {
    let mut found = Demands::default();
    for command in commands(line) {
        found.add(&command);
    }
    found
}

/// Returns true when the words between spaces are a public program with its sub-commands.
#[must_use]
pub fn is_public_program(path: &str) -> bool {
    is_public(path)
}

impl Demands {
    fn add(&mut self, command: &Command) {
        let program = program(command);
        self.privileged |= command.privileged;
        let assigned = command.assignments.iter();
        self.variables.extend(assigned.filter_map(|word| variable(&word.text)));
        let arguments: Vec<&str> =
            program.arguments.iter().map(|at| command.words[*at].text.as_str()).collect();
        if program.path == "export" || program.path == "setx" {
            self.variables.extend(arguments.iter().filter_map(|word| variable(word)));
            return;
        }
        self.packages.extend(packages(&program, &arguments));
        self.scripts.extend(script(command, &program, &arguments));
        self.programs.insert((program.path, program.public));
    }
}

/// Name of the variable that `NAME=value` sets.
fn variable(word: &str) -> Option<String> {
    let name = word.split('=').next()?;
    (!name.is_empty() && !name.starts_with('-')).then(|| name.to_owned())
}

/// Packages among the arguments of a program that installs some.
fn packages(program: &Program, arguments: &[&str]) -> Vec<String> {
    let installs = INSTALLERS.contains(&program.path.as_str())
        || ["cargo add", "go get", "go install", "gem install", "brew install"]
            .contains(&program.path.as_str());
    if installs {
        let named = arguments.iter().filter(|word| !word.starts_with('-') && **word != ".");
        return named.map(|word| (*word).to_owned()).collect();
    }
    let runner = FETCHING_RUNNERS.iter().find(|runner| {
        program
            .path
            .strip_prefix(**runner)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    let inner = program.inner();
    match runner {
        Some(_) if inner != program.path && !is_public(inner) => vec![inner.to_owned()],
        Some(_) if inner == program.path => {
            let first = arguments.iter().find(|word| !word.starts_with('-'));
            first
                .filter(|word| !is_public(word))
                .map(|word| (*word).to_owned())
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Script that a command runs.
fn script(command: &Command, program: &Program, arguments: &[&str]) -> Option<String> {
    let first = command.words[0].text.as_str();
    let is_file = |word: &str| {
        let ends = [".sh", ".py", ".js", ".ts", ".rb", ".pl", ".ps1"];
        word.starts_with("./")
            || word.starts_with("../")
            || ends.iter().any(|end| word.ends_with(end))
    };
    if is_file(first) || (first.contains('/') && !first.starts_with("/usr/bin/")) {
        return Some(first.to_owned());
    }
    if !INTERPRETERS.contains(&program.first()) || program.module().is_some() {
        return None;
    }
    let inline = arguments.iter().any(|word| matches!(*word, "-c" | "-e" | "--eval" | "-p" | "-"));
    if inline || program.first() == "eval" {
        return Some("inline".to_owned());
    }
    // The first word after an interpreter was taken for a sub-command, or is an argument.
    let word = program
        .path
        .split(' ')
        .nth(1)
        .or_else(|| arguments.iter().copied().find(|word| !word.starts_with('-')));
    match word {
        Some(word) => Some(word.to_owned()),
        // At the end of a pipe it runs what it reads.
        None if command.joint == crate::line::Joint::Pipe => Some("inline".to_owned()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn programs_scripts_variables_and_packages_are_told_apart() {
        let found = demands_of("A=1 git push origin && sudo ./setup.sh; export TOKEN=x; frob it");
        let programs: Vec<&str> = found.programs.iter().map(|(path, _)| path.as_str()).collect();
        assert!(programs.contains(&"git push"), "{programs:?}");
        assert!(found.programs.iter().any(|(path, public)| path.starts_with("frob") && !public));
        assert_eq!(found.scripts, set(&["./setup.sh"]));
        assert_eq!(found.variables, set(&["A", "TOKEN"]));
        assert!(found.privileged);
        assert_eq!(demands_of("pip install -U left-pad").packages, set(&["left-pad"]));
        assert_eq!(demands_of("npx tsc --noEmit").packages, set(&[]));
        assert_eq!(demands_of("npx evil-tool").packages, set(&["evil-tool"]));
    }

    #[test]
    fn a_shell_that_reads_a_pipe_runs_a_script() {
        for line in ["curl -s a | sh", "bash -s -c x", "python3 -c 'print(1)'", "bash run.sh"] {
            assert!(!demands_of(line).scripts.is_empty(), "{line}");
        }
        for line in ["git log", "python3 -m venv .venv", "make all"] {
            assert!(demands_of(line).scripts.is_empty(), "{line}");
        }
    }
}
