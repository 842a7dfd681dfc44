//! The changes that connect an agent: texts before and after, without touching a file.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::agent::{Agent, HookForm, McpEntry, Script};
use crate::hook::Event;
use crate::settings::{self, Hook, SettingsError};

/// Words by which a script of ours is known.
const MARK: &str = "Written by `lore connect`";
/// Name of our entries and files.
const NAME: &str = "commonlore";

/// How the program is started by an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program's file.
    pub path: PathBuf,
    /// Words before the verb, such as `--home` and a directory.
    pub words: Vec<String>,
}

/// Where an agent is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// For a person, by the files below their home.
    Person(PathBuf),
    /// For whoever works in a project, by the files in it.
    Project(PathBuf),
}

impl Scope {
    /// The directory that paths are below.
    #[must_use]
    pub fn root(&self) -> &Path {
        match self {
            Self::Person(root) | Self::Project(root) => root,
        }
    }
}

/// Nature of a file that is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// The whole file is ours.
    Whole,
    /// The file is the person's; some entries in it are ours.
    Entries,
}

/// One file that connecting changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// Its nature.
    pub ownership: Ownership,
    /// What is put into it, for a person.
    pub adds: Vec<String>,
    /// Its text now; none when it is not there.
    pub before: Option<String>,
    /// Its text without what is ours; none when it would not be there.
    pub without: Option<String>,
    /// Its text when connected.
    pub after: String,
}

/// Reason why an agent cannot be connected.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// A file holds something that we must not touch.
    #[error("{} is left as it is: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: SettingsError,
    },
    /// A file of the person stands where ours belongs.
    #[error("{} is there and was not written by lore: move it away first", .0.display())]
    Foreign(PathBuf),
}

/// The files that connect an agent. What is connected already is in it with equal texts.
///
/// # Errors
/// [`PlanError`].
pub fn plan(agent: &Agent, scope: &Scope, program: &Program) -> Result<Vec<Change>, PlanError> {
    let mut changes = Vec::new();
    let hook_file = file(scope, &agent.hooks.file, agent.hooks.project.as_ref());
    let hooks = hooks(agent, program);
    match agent.hooks.form {
        HookForm::Nested => {
            let mut change = Change::begin(hook_file, Ownership::Entries)?;
            let ours = |command: &str| is_hook(agent, command);
            change
                .adds
                .extend(hooks.iter().map(|hook| format!("hook {}: {}", hook.event, hook.command)));
            change.edit(
                |text| settings::hooks(text, ours) == hooks,
                |text| settings::remove_hooks(text, ours),
                |text| settings::add_hooks(text, &hooks),
            )?;
            changes.push(change);
        }
        HookForm::Listed => changes.push(whole(agent, hook_file, listed(&hooks), "hooks")?),
        HookForm::Script => {
            let text = script(agent.hooks.script, program);
            changes.push(whole(agent, hook_file, text, "a plugin that asks lore")?);
        }
    }
    if let Some(mcp) = &agent.mcp {
        let path = file(scope, &mcp.file, mcp.project.as_ref());
        let at = changes.iter().position(|change| change.path == path);
        let mut change = match at {
            Some(at) => changes.remove(at),
            None => Change::begin(path, Ownership::Entries)?,
        };
        let entry = entry(mcp.entry, program);
        change.adds.push(format!("MCP server {NAME}: {}", line(program, &["mcp"])));
        change.edit(
            |text| settings::entry(mcp.form, text, &mcp.path, NAME).as_ref() == Some(&entry),
            |text| settings::remove_entry(mcp.form, text, &mcp.path, NAME),
            |text| settings::set_entry(mcp.form, text, &mcp.path, NAME, &entry),
        )?;
        changes.push(change);
    }
    Ok(changes)
}

/// A file's text without the entries of an agent that were put into it as `adds`. Those of another home stay.
///
/// # Errors
/// [`SettingsError`] when it cannot be read.
pub(crate) fn without_ours(
    agent: &Agent,
    text: &str,
    path: &Path,
    adds: &[String],
) -> Result<String, SettingsError> {
    let added = |line: &str| adds.iter().any(|one| one.ends_with(&format!(": {line}")));
    let is = |of_person: &str, of_project: Option<&String>| {
        path.ends_with(of_person) || of_project.is_some_and(|file| path.ends_with(file))
    };
    let mut text = text.to_owned();
    if agent.hooks.form == HookForm::Nested && is(&agent.hooks.file, agent.hooks.project.as_ref()) {
        text = settings::remove_hooks(&text, |command| is_hook(agent, command) && added(command))?;
    }
    let mcp = agent.mcp.as_ref().filter(|mcp| is(&mcp.file, mcp.project.as_ref()));
    let is_added = |mcp: &&crate::agent::McpRow| {
        settings::entry(mcp.form, &text, &mcp.path, NAME)
            .is_some_and(|entry| added(&words_line(&entry_words(&entry))))
    };
    if let Some(mcp) = mcp.filter(is_added) {
        text = settings::remove_entry(mcp.form, &text, &mcp.path, NAME)?;
    }
    Ok(text)
}

/// A path of the table, in a scope.
fn file(scope: &Scope, of_person: &str, of_project: Option<&String>) -> PathBuf {
    match scope {
        Scope::Person(home) => Agent::below(home, of_person),
        Scope::Project(directory) => {
            Agent::below(directory, of_project.map_or(of_person, String::as_str))
        }
    }
}

impl Change {
    fn begin(path: PathBuf, ownership: Ownership) -> Result<Self, PlanError> {
        let before = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(PlanError::Read { path, source }),
        };
        let after = before.clone().unwrap_or_default();
        Ok(Self { path, ownership, adds: Vec::new(), without: before.clone(), before, after })
    }

    /// Takes what is ours out of the text, and puts what should be there into it.
    fn edit(
        &mut self,
        is_there: impl Fn(&str) -> bool,
        remove: impl Fn(&str) -> Result<String, SettingsError>,
        add: impl Fn(&str) -> Result<String, SettingsError>,
    ) -> Result<(), PlanError> {
        let path = self.path.clone();
        let failed = |source| PlanError::Settings { path: path.clone(), source };
        if let Some(without) = &self.without {
            self.without = Some(remove(without).map_err(failed)?);
        }
        // What is right already keeps its place, and its bytes.
        if !is_there(&self.after) {
            self.after = add(&remove(&self.after).map_err(failed)?).map_err(failed)?;
        }
        Ok(())
    }

    /// Returns true when the file is as it should be.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.before.as_deref() == Some(self.after.as_str())
    }
}

fn whole(agent: &Agent, path: PathBuf, text: String, adds: &str) -> Result<Change, PlanError> {
    let change = Change::begin(path, Ownership::Whole)?;
    let hook = format!(" hook {} ", agent.id);
    let ours = |text: &String| text.contains(MARK) || text.contains(&hook);
    if change.before.as_ref().is_some_and(|before| !ours(before)) {
        return Err(PlanError::Foreign(change.path));
    }
    Ok(Change { adds: vec![adds.to_owned()], without: None, after: text, ..change })
}

fn hooks(agent: &Agent, program: &Program) -> Vec<Hook> {
    let row = &agent.hooks;
    let before = row.before.iter().map(|name| (name, Event::Before));
    let after = row.after.iter().map(|name| (name, Event::After));
    let start = row.start.iter().map(|name| (name, Event::Start));
    let end = row.end.iter().map(|name| (name, Event::End));
    let events = before.chain(after).chain(start).chain(end);
    let mut hooks: Vec<Hook> = events
        .map(|(name, event)| Hook {
            event: name.clone(),
            command: line(program, &["hook", &agent.id, event.name()]),
            timeout: row.timeout,
        })
        .collect();
    hooks.sort_by(|a, b| a.event.cmp(&b.event));
    hooks
}

/// Returns true for a hook's command line that we wrote for an agent, whatever the program's place.
fn is_hook(agent: &Agent, command: &str) -> bool {
    let events = [Event::Before, Event::After, Event::Start, Event::End];
    events.iter().any(|event| command.ends_with(&format!(" hook {} {}", agent.id, event.name())))
}

fn listed(hooks: &[Hook]) -> String {
    let mut events = serde_json::Map::new();
    for hook in hooks {
        let entry = json!([{"type": "command", "bash": hook.command, "timeoutSec": hook.timeout}]);
        events.insert(hook.event.clone(), entry);
    }
    let file = json!({"version": 1, "hooks": events});
    format!("{file:#}\n")
}

fn script(script: Option<Script>, program: &Program) -> String {
    let (name, text) = match script {
        Some(Script::Pi) => ("pi", include_str!("../data/pi.js")),
        Some(Script::Opencode) | None => ("opencode", include_str!("../data/opencode.js")),
    };
    let words: Vec<String> =
        program.argv(&[]).iter().map(|word| Value::from(word.as_str()).to_string()).collect();
    let head = include_str!("../data/ask.js").replace("AGENT", name);
    format!("{}\n{text}", head.replacen("/*LORE*/", &words.join(", "), 1))
}

fn entry(form: McpEntry, program: &Program) -> Value {
    let argv = program.argv(&["mcp"]);
    let (command, args) =
        argv.split_first().map_or(("", &[][..]), |(command, args)| (command, args));
    match form {
        McpEntry::Bare => json!({"command": command, "args": args}),
        McpEntry::Stdio => json!({"type": "stdio", "command": command, "args": args}),
        McpEntry::Local => {
            json!({"type": "local", "command": command, "args": args, "tools": ["*"]})
        }
        McpEntry::Opencode => json!({"type": "local", "command": argv, "enabled": true}),
    }
}

/// Words with which an entry starts its server.
fn entry_words(entry: &Value) -> Vec<String> {
    let words = |name: &str| match entry.get(name) {
        Some(Value::String(word)) => vec![word.clone()],
        Some(Value::Array(words)) => {
            words.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    [words("command"), words("args")].concat()
}

impl Program {
    fn argv(&self, verb: &[&str]) -> Vec<String> {
        let mut argv = vec![self.path.to_string_lossy().into_owned()];
        argv.extend(self.words.iter().cloned());
        argv.extend(verb.iter().map(|word| (*word).to_owned()));
        argv
    }
}

/// A command line for a shell.
fn line(program: &Program, verb: &[&str]) -> String {
    words_line(&program.argv(verb))
}

fn words_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::agent::agents;

    fn program() -> Program {
        Program { path: "/opt/my tools/lore".into(), words: vec!["--home".into(), "/n".into()] }
    }

    #[test]
    fn every_agent_gets_hooks_that_are_known_again() {
        let home = tempfile::tempdir().unwrap();
        for agent in agents() {
            let scope = Scope::Person(home.path().to_owned());
            let changes = plan(agent, &scope, &program()).unwrap();
            assert!(!changes.is_empty());
            for change in &changes {
                assert!(change.path.starts_with(home.path()) && !change.is_done());
                assert!(change.after.contains("/opt/my tools/lore"), "{}", change.after);
                if change.ownership == Ownership::Entries {
                    let without =
                        without_ours(agent, &change.after, &change.path, &change.adds).unwrap();
                    assert!(!without.contains("lore"), "{}: {without}", agent.id);
                }
            }
            let files: std::collections::BTreeSet<_> = changes.iter().map(|c| &c.path).collect();
            assert_eq!(files.len(), changes.len(), "one change a file");
        }
    }

    #[test]
    fn a_project_has_its_own_places() {
        let project = tempfile::tempdir().unwrap();
        for agent in agents() {
            let scope = Scope::Project(project.path().to_owned());
            for change in plan(agent, &scope, &program()).unwrap() {
                let below = change.path.strip_prefix(project.path()).unwrap();
                let text = below.to_str().unwrap();
                assert!(!text.starts_with(".config") && text != ".claude.json", "{text}");
                let without = without_ours(agent, &change.after, &change.path, &change.adds);
                let ours = change.ownership == Ownership::Whole;
                assert!(ours || !without.unwrap().contains("lore"), "{text}");
            }
        }
    }

    #[test]
    fn command_lines_survive_a_shell() {
        assert_eq!(quoted("/usr/bin/lore"), "/usr/bin/lore");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
