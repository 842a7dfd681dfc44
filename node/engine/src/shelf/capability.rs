//! Capability manifest: what following a text would newly run, reach, set, install, read, write and be allowed.

use std::collections::BTreeSet;

use lore_lessons::{demands_of, is_known_package};
use lore_protocol::lesson::{Action, Lesson, Op};
use lore_protocol::skill::{self, Yaml};

use super::hosts::hosts_in;

/// Capabilities that a content asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Programs that are not on the public list.
    pub programs: BTreeSet<String>,
    /// Programs that are.
    pub public_programs: BTreeSet<String>,
    /// Scripts, or `inline` for a program text in a command line.
    pub scripts: BTreeSet<String>,
    /// Hosts.
    pub hosts: BTreeSet<String>,
    /// Environment variables that are set.
    pub variables: BTreeSet<String>,
    /// Packages that are installed and not in the codebook.
    pub packages: BTreeSet<String>,
    /// Paths outside the working directory that are read, or named.
    pub reads: BTreeSet<String>,
    /// Paths outside the working directory that are written.
    pub writes: BTreeSet<String>,
    /// Tools that `allowed-tools` asks for.
    pub tools: BTreeSet<String>,
    /// Settings of agents that come with it: keys of a text's head that mean something to one of them alone, and files.
    pub settings: BTreeSet<String>,
    /// True when something runs with the rights of the administrator.
    pub privileged: bool,
    /// True when a right of the harness is asked for.
    pub harness: bool,
}

impl Capabilities {
    /// Those of a lesson.
    #[must_use]
    pub fn of_lesson(lesson: &Lesson) -> Self {
        let mut found = Self::default();
        let tool = lesson.trigger().tool.as_str();
        // What a lesson warns of is not run.
        if lesson.op() == Op::Avoid {
            return found;
        }
        match lesson.action() {
            Action::Example(line) | Action::RunFirst(line) => found.add_line(line.as_str()),
            Action::UseTool(program) => found.add_line(program.as_str()),
            Action::AddFlag(words) => found.add_line(&format!("{tool} {}", words.as_str())),
            Action::UseArgument { new, .. } => {
                let whole = lore_lessons::is_public_program(new.as_str());
                let line = if whole {
                    new.as_str().to_owned()
                } else {
                    format!("{tool} {}", new.as_str())
                };
                found.add_line(&line);
            }
            Action::SetEnv(name) => found.variables.extend([name.as_str().to_owned()]),
            Action::Install(package) => found.add_package(package.as_str()),
            Action::UseEndpoint(endpoint) => {
                let host = endpoint.as_str().split(['/', ':']).next().unwrap_or_default();
                found.hosts.insert(host.to_owned());
            }
            Action::Order { first, then } => {
                found.add_line(first.as_str());
                found.add_line(then.as_str());
            }
            Action::WithOption(option) => found.harness = option.as_str().contains("permission"),
            Action::DropFlag(_)
            | Action::CheckThat(_)
            | Action::InDirectory(_)
            | Action::Retry(_) => {}
        }
        found
    }

    /// Those of a skill's text: its `allowed-tools`, the hosts that it names anywhere, and its command lines.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let document = skill::parse(text.as_bytes()).ok();
        let fields = document.as_ref().map_or(&[][..], |document| document.fields());
        let mut found = Self { hosts: hosts_in(text), ..Self::default() };
        // Every one of them: a key that comes twice asks for what either says.
        for (_, value) in fields.iter().filter(|(key, _)| is_allowed_tools(key)) {
            collect_tools(value, &mut found.tools);
        }
        fields.iter().for_each(|(key, value)| collect_settings(key, value, &mut found.settings));
        let body = document.as_ref().map_or(text, |document| document.body());
        for block in body.split("```").skip(1).step_by(2) {
            let (language, lines) = block.split_once('\n').unwrap_or(("", block));
            let language = language.trim().to_lowercase();
            if matches!(
                language.as_str(),
                "" | "bash" | "sh" | "shell" | "console" | "zsh" | "terminal"
            ) {
                let lines = lines.lines().map(|line| line.trim().trim_start_matches("$ "));
                found.add_line(&lines.collect::<Vec<_>>().join("\n"));
            } else if matches!(
                language.as_str(),
                "python" | "js" | "javascript" | "ruby" | "perl" | "powershell"
            ) {
                found.scripts.insert("inline".to_owned());
            }
        }
        found
    }

    /// Those of a program that comes with a skill: its hosts, and of a shell script its command lines.
    #[must_use]
    pub fn of_script(path: &str, text: &str) -> Self {
        let mut found = Self { hosts: hosts_in(text), ..Self::default() };
        let first = text.lines().next().unwrap_or_default();
        let by_name = [".sh", ".bash", ".zsh", ".ksh"].iter().any(|ending| path.ends_with(ending));
        let is_shell = by_name || (first.starts_with("#!") && first.trim_end().ends_with("sh"));
        if is_shell {
            let lines: Vec<&str> =
                text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
            found.add_line(&lines.join("\n"));
        }
        found
    }

    fn add_line(&mut self, line: &str) {
        let asks = demands_of(line);
        for (program, public) in asks.programs {
            let of = if public { &mut self.public_programs } else { &mut self.programs };
            of.insert(program);
        }
        self.scripts.extend(asks.scripts);
        self.variables.extend(asks.variables);
        asks.packages.iter().for_each(|package| self.add_package(package));
        self.privileged |= asks.privileged;
        self.hosts.extend(hosts_in(line));
        self.add_paths(line);
    }

    fn add_package(&mut self, package: &str) {
        // The ends of a version or an extra.
        let name = package.split(['=', '<', '>', '[', '~', '!']).next().unwrap_or(package);
        if !is_known_package(name) && !name.is_empty() {
            self.packages.insert(package.to_owned());
        }
    }

    fn add_paths(&mut self, line: &str) {
        let mut writes = false;
        for word in line.split_whitespace() {
            let arrow = word.starts_with('>') || word == "tee" || matches!(word, "-o" | "--output");
            let bare = word.trim_start_matches(['>', '&', '1', '2', '"', '\'', '<', '(']);
            let bare = bare
                .rsplit('=')
                .next()
                .unwrap_or(bare)
                .trim_end_matches(['"', '\'', ')', ';', ',']);
            let outside = bare.starts_with('/')
                || bare.starts_with('~')
                || bare.starts_with("../")
                || bare.starts_with("$HOME");
            if outside
                && bare.len() > 1
                && !bare.starts_with("/dev/null")
                && !bare.starts_with("//")
            {
                let of = if writes || word.starts_with('>') {
                    &mut self.writes
                } else {
                    &mut self.reads
                };
                of.insert(bare.to_owned());
            }
            writes = arrow && (bare.is_empty() || !word.starts_with('>'));
        }
    }

    /// What this asks for beyond another.
    #[must_use]
    pub fn beyond(&self, active: &Self) -> Self {
        let new = |mine: &BTreeSet<String>, theirs: &BTreeSet<String>| {
            mine.difference(theirs).cloned().collect()
        };
        Self {
            programs: new(&self.programs, &active.programs),
            public_programs: new(&self.public_programs, &active.public_programs),
            scripts: new(&self.scripts, &active.scripts),
            hosts: new(&self.hosts, &active.hosts),
            variables: new(&self.variables, &active.variables),
            packages: new(&self.packages, &active.packages),
            reads: new(&self.reads, &active.reads),
            writes: new(&self.writes, &active.writes),
            tools: new(&self.tools, &active.tools),
            settings: new(&self.settings, &active.settings),
            privileged: self.privileged && !active.privileged,
            harness: self.harness && !active.harness,
        }
    }

    /// Adds what another asks for.
    pub fn join(&mut self, other: &Self) {
        self.programs.extend(other.programs.iter().cloned());
        self.public_programs.extend(other.public_programs.iter().cloned());
        self.scripts.extend(other.scripts.iter().cloned());
        self.hosts.extend(other.hosts.iter().cloned());
        self.variables.extend(other.variables.iter().cloned());
        self.packages.extend(other.packages.iter().cloned());
        self.reads.extend(other.reads.iter().cloned());
        self.writes.extend(other.writes.iter().cloned());
        self.tools.extend(other.tools.iter().cloned());
        self.settings.extend(other.settings.iter().cloned());
        self.privileged |= other.privileged;
        self.harness |= other.harness;
    }

    /// Returns true when it asks for nothing that a person should know of: public programs are not asked about.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        Self { public_programs: BTreeSet::new(), ..self.clone() } == Self::default()
    }

    /// Lines for a person, each with what kind of thing is newly allowed.
    #[must_use]
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let lists = [
            ("runs programs that are not publicly known", &self.programs),
            ("runs", &self.public_programs),
            ("runs scripts", &self.scripts),
            ("reaches", &self.hosts),
            ("sets the variables", &self.variables),
            ("installs", &self.packages),
            ("reads outside the working directory", &self.reads),
            ("writes outside the working directory", &self.writes),
            ("asks for the tools", &self.tools),
            ("brings settings of an agent", &self.settings),
        ];
        let mut lines: Vec<(&'static str, String)> = lists
            .into_iter()
            .filter(|(_, items)| !items.is_empty())
            .map(|(what, items)| {
                (what, items.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            })
            .collect();
        if self.privileged {
            lines.push(("runs with the rights of", "the administrator".to_owned()));
        }
        if self.harness {
            lines.push(("asks for a right of the agent", "to leave the sandbox".to_owned()));
        }
        lines
    }
}

/// `allowed-tools` in any spelling.
fn is_allowed_tools(key: &str) -> bool {
    letters_of(key) == "allowedtools"
}

/// A key without its letter case and separators, which do not count.
fn letters_of(key: &str) -> String {
    let letters = key.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Keys of a head that some agent obeys and the standard does not know.
const AGENT_KEYS: [&str; 17] = [
    "agent",
    "always",
    "commanddispatch",
    "commandtool",
    "context",
    "disablemodelinvocation",
    "disallowedtools",
    "hooks",
    "install",
    "mcpservers",
    "model",
    "permissionmode",
    "permissions",
    "requires",
    "shell",
    "tools",
    "userinvocable",
];

/// Collects the settings of agents in a field of a head, and below `metadata`, where agents also keep theirs as JSON.
fn collect_settings(key: &str, value: &Yaml, settings: &mut BTreeSet<String>) {
    if AGENT_KEYS.contains(&letters_of(key).as_str()) {
        settings.insert(key.to_owned());
    }
    let Yaml::Mapping(entries) = value else { return };
    if letters_of(key) != "metadata" {
        return;
    }
    for (key, value) in entries {
        let is_text = |value: &Yaml| matches!(value, Yaml::Text(text) if !text.trim_start().starts_with(['{', '[']));
        if !is_text(value) || AGENT_KEYS.contains(&letters_of(key).as_str()) {
            settings.insert(format!("metadata.{key}"));
        }
    }
}

/// Collects the tools of a text, where white space separates them, or of a list or mapping of any depth.
fn collect_tools(value: &Yaml, tools: &mut BTreeSet<String>) {
    match value {
        Yaml::Text(text) => tools.extend(text.split_whitespace().map(str::to_owned)),
        Yaml::Sequence(items) => items.iter().for_each(|item| match item {
            // A pattern of a list may hold white space.
            Yaml::Text(text) => {
                let text = text.trim();
                tools.extend((!text.is_empty()).then(|| text.to_owned()));
            }
            nested => collect_tools(nested, tools),
        }),
        Yaml::Mapping(entries) => entries.iter().for_each(|(key, value)| {
            tools.insert(key.clone());
            collect_tools(value, tools);
        }),
    }
}
