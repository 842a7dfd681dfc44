//! Capabilities of a skill beyond its words: tools, scripts and hosts; and who agreed to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lore_agent::select::SkillText;

use crate::error::CliError;

/// Capabilities that a skill asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Tools that it wants to be allowed.
    pub tools: BTreeSet<String>,
    /// True when programs come with it.
    pub scripts: bool,
    /// Hosts that its text names, without this machine.
    pub hosts: BTreeSet<String>,
}

impl Capabilities {
    /// Those of a skill: its `allowed-tools`, the `scripts` beside it, and the hosts in its text.
    #[must_use]
    pub fn of(skill: &SkillText) -> Self {
        let found = lore_engine::shelf::Capabilities::of_text(&skill.text);
        let beside = skill.path.as_deref().and_then(Path::parent).map(|path| path.join("scripts"));
        Self {
            tools: found.tools,
            scripts: beside.is_some_and(|path| path.is_dir()),
            hosts: found.hosts,
        }
    }

    /// Returns true when it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let list = |items: &BTreeSet<String>| {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            items.join(", ")
        };
        let mut parts = Vec::new();
        if !self.tools.is_empty() {
            parts.push(format!("the tools {}", list(&self.tools)));
        }
        if self.scripts {
            parts.push("scripts of its own".to_owned());
        }
        if !self.hosts.is_empty() {
            parts.push(format!("the hosts {}", list(&self.hosts)));
        }
        parts.join("; ")
    }
}

/// Skills that a person agreed to for good: name to hash of the text that was agreed to, so that a
/// changed skill is asked again.
#[derive(Debug)]
pub struct Agreed {
    path: PathBuf,
    known: BTreeMap<String, String>,
}

impl Agreed {
    /// Reads the file; one that is missing or damaged holds no agreement.
    #[must_use]
    pub fn load(path: PathBuf) -> Self {
        let known = std::fs::read(&path).ok();
        let known = known.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path, known }
    }

    /// Returns true when this very text was agreed to.
    #[must_use]
    pub fn covers(&self, skill: &SkillText) -> bool {
        self.known.get(&skill.name) == Some(&hash(skill))
    }

    /// Remembers an agreement.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub fn add(&mut self, skill: &SkillText) -> Result<(), CliError> {
        self.known.insert(skill.name.clone(), hash(skill));
        let write = || -> std::io::Result<()> {
            let part = self.path.with_extension("part");
            std::fs::write(&part, serde_json::to_vec_pretty(&self.known)?)?;
            std::fs::rename(&part, &self.path)
        };
        write().map_err(|error| {
            CliError::failed("agreed", format!("cannot write {}: {error}", self.path.display()))
        })
    }
}

fn hash(skill: &SkillText) -> String {
    blake3::hash(skill.text.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn skill(text: &str) -> SkillText {
        SkillText::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn tools_scripts_and_hosts_are_found_and_plain_text_asks_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("scripts")).unwrap();
        let mut asks = skill(
            "---\nname: a\ndescription: b\nallowed-tools: bash web_fetch\n---\n\
             See https://user@Docs.Example.org:443/x, http://127.0.0.1:1/ and http://localhost/.\n",
        );
        asks.path = Some(dir.path().join("SKILL.md"));
        let found = Capabilities::of(&asks);
        assert_eq!(
            found.words(),
            "the tools bash, web_fetch; scripts of its own; the hosts docs.example.org"
        );
        assert!(
            Capabilities::of(&skill("---\nname: a\ndescription: b\n---\nUse ls.\n")).is_empty()
        );
    }

    #[test]
    fn tools_are_found_in_every_form_of_a_list() {
        let of = |lines: &str| {
            let text = format!("---\nname: a\ndescription: b\n{lines}\n---\nUse ls.\n");
            Capabilities::of(&skill(&text)).words()
        };
        for lines in [
            "allowed-tools: Bash Read",
            "allowed-tools: \"Bash Read\"",
            "allowed-tools: >\n  Bash\n  Read",
            "allowed-tools:\n  - Read\n  - Bash",
            "allowed-tools:\n- Read # to look\n- 'Bash'",
            "allowed-tools: [Read, Bash]",
            "allowed-tools: [ \"Read\", 'Bash', ] # both",
            "allowed-tools: [\n  Read,\n  Bash\n  ]",
            "allowed-tools:\n  - [Read]\n  - - Bash",
            "allowed-tools: &a [Read, Bash]",
            "allowed-tools: Read\nallowed-tools: [Bash]",
            "allowed-tools: [Read, Bash]\nallowed-tools: []",
            "\"allowed-tools\": [Read, Bash]",
            "allowed_tools: [Read, Bash]",
            "Allowed-Tools:\n  - Read\n  - Bash",
        ] {
            assert_eq!(of(lines), "the tools Bash, Read", "{lines}");
        }
        assert_eq!(of("allowed-tools:\n  - Bash(git add:*)"), "the tools Bash(git add:*)");
        assert_eq!(of("allowed-tools: {Bash: true}"), "the tools Bash, true");
        assert_eq!(of("allowed-tools: []"), "");
        assert_eq!(of("allowed-tools:"), "");
    }

    #[test]
    fn an_agreement_lasts_until_the_text_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agreed.json");
        let one = skill("---\nname: a\ndescription: b\n---\none\n");
        Agreed::load(path.clone()).add(&one).unwrap();
        let again = Agreed::load(path.clone());
        assert!(again.covers(&one));
        assert!(!again.covers(&skill("---\nname: a\ndescription: b\n---\ntwo\n")));
        std::fs::write(&path, "{").unwrap();
        assert!(!Agreed::load(path).covers(&one));
    }
}
