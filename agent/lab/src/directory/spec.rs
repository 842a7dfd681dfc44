//! `family.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::generate::{self, Generator};
use super::template;

/// The version that this build reads.
const VERSION: u32 = 1;
/// Longest prompt, command or file of a specification, in bytes.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Most seconds that any limit may allow.
const MAX_SECONDS: u64 = 600;

/// A family as its `family.toml` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Version of the format: 1.
    pub version: u32,
    /// Name of the family, and of its directory.
    pub name: String,
    /// True when its documented command works, so that no skill is needed.
    #[serde(default)]
    pub control: bool,
    /// The users' request in different words, with `{value}` where a value stands.
    pub prompts: Vec<String>,
    /// The command that a handbook gives; cited in backticks after the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documented: Option<String>,
    /// The file that the task must produce, relative to the scratch directory.
    pub output: String,
    /// Executables in `bin/` to put on PATH.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Time limits.
    #[serde(default)]
    pub limits: Limits,
    /// Values of a task, drawn for each.
    pub values: BTreeMap<String, Generator>,
    /// The quirk, drawn once for an environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quirk: BTreeMap<String, Generator>,
    /// Files that lie in the scratch directory before `setup` runs: contents by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// A service to run as long as the environment lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceSpec>,
}

/// Time limits of the family's programs, in seconds from 1 to 600.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// `setup`.
    pub setup_seconds: u64,
    /// `check`.
    pub check_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { setup_seconds: 10, check_seconds: 10 }
    }
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// Program and arguments; a program with a `/` is looked for in the family's directory. It listens
    /// on 127.0.0.1, port `LAB_PORT`. Built-in families are served by the lab itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// True when `{port}` in prompts is another port, which handbooks like and on which nothing listens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// Time until it must listen, in seconds from 1 to 600.
    #[serde(default = "ready_seconds")]
    pub ready_seconds: u64,
}

const fn ready_seconds() -> u64 {
    10
}

/// Returns true when a text may name a value: lower-case letters, digits and `_`, a letter first.
pub(super) fn is_key(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    text.len() <= 32
        && text.bytes().all(inside)
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
}

/// Returns true when a text can stand in a prompt and in a variable.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && !text.contains(|c: char| c.is_control() || c == '`')
}

/// A path below the scratch directory.
pub(crate) fn is_inside(path: &str) -> bool {
    let normal = |part: Component<'_>| matches!(part, Component::Normal(_));
    !path.is_empty() && !path.ends_with('/') && Path::new(path).components().all(normal)
}

/// A key and what is wrong with its value.
type Fault = (String, String);

impl Spec {
    /// The first thing that is wrong: the key and the reason.
    pub(super) fn fault(&self, directory: &str) -> Option<Fault> {
        self.head_fault(directory).or_else(|| self.body_fault()).or_else(|| self.command_fault())
    }

    /// The fault apart from its name and its programs.
    pub(super) fn body_fault(&self) -> Option<Fault> {
        self.generator_fault().or_else(|| self.text_fault()).or_else(|| self.limit_fault())
    }

    fn head_fault(&self, directory: &str) -> Option<Fault> {
        let say = |key: &str, reason: String| Some((key.to_owned(), reason));
        if self.version != VERSION {
            return say("version", format!("is {}, this build reads {VERSION}", self.version));
        }
        match self.name.parse() {
            Err(error) => return say("name", format!("{error}")),
            Ok(crate::FamilyId::BuiltIn(_)) => {
                return say(
                    "name",
                    format!("`{}` is a built-in family; choose another", self.name),
                );
            }
            Ok(crate::FamilyId::Directory(_)) => {}
        }
        if self.name != directory {
            let reason = format!("`{}` is not the name of its directory, `{directory}`", self.name);
            return say("name", reason);
        }
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let sound = |tool: &&String| {
            !tool.is_empty()
                && tool.len() <= 32
                && !tool.starts_with('-')
                && tool.bytes().all(plain)
        };
        let bad = self.tools.iter().find(|tool| !sound(tool));
        bad.and_then(|tool| {
            say("tools", format!("`{tool}` has other than lower-case letters, digits, `-` and `_`"))
        })
    }

    fn generator_fault(&self) -> Option<Fault> {
        for (table, generators) in [("values", &self.values), ("quirk", &self.quirk)] {
            for (name, generator) in generators {
                let key = format!("{table}.{name}");
                if !is_key(name) {
                    let reason = "a name has lower-case letters, digits and `_`, a letter first";
                    return Some((key, reason.to_owned()));
                }
                if name == "port" {
                    return Some((key, "`port` is the port of the service; rename it".to_owned()));
                }
                if table == "quirk" && self.values.contains_key(name) {
                    return Some((key, "a value has this name too; rename one".to_owned()));
                }
                if let Some(reason) = generator.fault() {
                    return Some((key, reason));
                }
            }
        }
        let words = generate::words(&self.values) + generate::words(&self.quirk);
        let most = generate::MAX_WORDS;
        (words > most)
            .then(|| ("quirk".to_owned(), format!("{words} words; at most {most} differ")))
    }

    fn text_fault(&self) -> Option<Fault> {
        if self.prompts.is_empty() {
            return Some(("prompts".to_owned(), "lists no prompt".to_owned()));
        }
        let mut seen: BTreeSet<String> = self.values.keys().cloned().collect();
        if self.service.is_some() {
            seen.insert("port".to_owned());
        }
        let everything: BTreeSet<String> = seen.iter().chain(self.quirk.keys()).cloned().collect();
        let prompts = self.prompts.iter().enumerate();
        let prompts = prompts.map(|(n, text)| (format!("prompts[{n}]"), text, &seen));
        let documented = self.documented.iter().map(|text| ("documented".to_owned(), text, &seen));
        let output = [("output".to_owned(), &self.output, &seen)];
        let files = self.files.iter().flat_map(|(path, contents)| {
            let key = format!("files.{path:?}");
            [(key.clone(), path, &everything), (key, contents, &everything)]
        });
        for (key, text, known) in prompts.chain(documented).chain(output).chain(files) {
            if let Some(reason) = self.use_fault(text, known) {
                return Some((key, reason));
            }
        }
        for (n, text) in self.prompts.iter().enumerate() {
            if text.trim().is_empty() || text.contains('`') {
                let reason = "is empty or has backticks; a command belongs into `documented`";
                return Some((format!("prompts[{n}]"), reason.to_owned()));
            }
        }
        let one_line = |text: &String| !text.trim().is_empty() && !text.contains(['`', '\n']);
        if self.documented.as_ref().is_some_and(|text| !one_line(text)) {
            let reason = "is one line without backticks".to_owned();
            return Some(("documented".to_owned(), reason));
        }
        let paths = self.files.keys().map(|path| (format!("files.{path:?}"), path));
        let bad = paths.chain([("output".to_owned(), &self.output)]).find(|(_, p)| !is_inside(p));
        bad.map(|(key, _)| (key, "is no path below the task's directory".to_owned()))
    }

    fn use_fault(&self, text: &str, known: &BTreeSet<String>) -> Option<String> {
        if text.len() > MAX_TEXT_BYTES {
            return Some(format!("is longer than {MAX_TEXT_BYTES} bytes"));
        }
        let used = match template::names(text) {
            Ok(used) => used,
            Err(reason) => return Some(reason),
        };
        let stray = used.into_iter().find(|name| !known.contains(name))?;
        if self.quirk.contains_key(&stray) {
            return Some(format!(
                "`{{{stray}}}` is of the quirk, which a prompt must not give away"
            ));
        }
        let there: Vec<&str> = known.iter().map(String::as_str).collect();
        Some(format!("`{{{stray}}}` is no value; there are: {}", there.join(", ")))
    }

    fn limit_fault(&self) -> Option<Fault> {
        let ready = self.service.as_ref().map(|s| ("service.ready_seconds", s.ready_seconds));
        let limits = [
            ("limits.setup_seconds", self.limits.setup_seconds),
            ("limits.check_seconds", self.limits.check_seconds),
        ];
        let bad = limits.into_iter().chain(ready).find(|(_, n)| !(1..=MAX_SECONDS).contains(n));
        bad.map(|(key, n)| (key.to_owned(), format!("is {n}; 1 to {MAX_SECONDS} can be")))
    }

    fn command_fault(&self) -> Option<Fault> {
        let empty = self.service.as_ref().is_some_and(|s| {
            s.command.first().is_none_or(String::is_empty)
                || s.command.iter().any(|word| word.contains('\0'))
        });
        empty.then(|| ("service.command".to_owned(), "names no program".to_owned()))
    }
}
