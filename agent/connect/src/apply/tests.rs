#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::agent::agents;
use crate::plan::{Program, Scope, plan};

struct Person {
    _dir: tempfile::TempDir,
    home: PathBuf,
    records: Records,
}

impl Person {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let records = Records::new(&dir.path().join("node/connect"));
        Self { home, records, _dir: dir }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(at: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(at).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() && !path.is_symlink() {
                    files.insert(path.clone(), b"directory".to_vec());
                    walk(&path, files);
                } else {
                    files.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(&self.home, &mut files);
        files
    }

    fn connect(&self, name: &str, lore: &str) -> Result<Vec<PathBuf>, ApplyError> {
        let program = Program { path: lore.into(), words: Vec::new() };
        let changes = plan(agent(name).unwrap(), &Scope::Person(self.home.clone()), &program);
        apply(name, &changes.unwrap(), &self.records)
    }

    fn undo(&self, name: &str) -> Vec<Undone> {
        undo(name, None, &self.records).unwrap().into_iter().map(|(_, undone)| undone).collect()
    }
}

const SETTINGS: &str = "{\n\t\"model\": \"x\", // mine\n  \"hooks\": {},\n  \"mcpServers\": {\"a\": {\"command\": \"b\"}},\n}";

#[test]
fn undoing_restores_every_byte_of_every_agent() {
    for with_files in [false, true] {
        let person = Person::new();
        if with_files {
            for file in [
                ".claude/settings.json",
                ".gemini/settings.json",
                ".qwen/settings.json",
                ".codex/hooks.json",
            ] {
                person.write(file, SETTINGS);
            }
            person.write(".codex/config.toml", "model = 'x' # mine\n[mcp_servers.a]\ncommand='b'");
            person.write(".config/opencode/opencode.json", "{ \"model\": \"x\" }");
        }
        let before = person.files();
        for agent in agents() {
            assert!(!person.connect(&agent.id, "/bin/lore").unwrap().is_empty());
            // A second time nothing is written, and an update of the program is taken in.
            assert_eq!(person.connect(&agent.id, "/bin/lore").unwrap(), Vec::<PathBuf>::new());
            assert!(!person.connect(&agent.id, "/opt/lore").unwrap().is_empty());
        }
        for agent in agents() {
            let undone = person.undo(&agent.id);
            let whole = |one: &Undone| matches!(one, Undone::Restored | Undone::Removed);
            assert!(!undone.is_empty() && undone.iter().all(whole), "{}: {undone:?}", agent.id);
            assert_eq!(person.undo(&agent.id), []);
        }
        assert_eq!(person.files(), before);
    }
}

#[test]
fn what_the_person_changed_since_stays() {
    let person = Person::new();
    person.write(".claude/settings.json", SETTINGS);
    person.connect("claude-code", "/bin/lore").unwrap();
    let path = person.home.join(".claude/settings.json");
    let changed = fs::read_to_string(&path).unwrap().replace("\"x\", // mine", "\"y\", // new");
    fs::write(&path, &changed).unwrap();
    // Connecting again takes the person's file as what is to be restored.
    person.connect("claude-code", "/opt/lore").unwrap();
    assert!(person.undo("claude-code").contains(&Undone::Restored));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("// new") && !text.contains("lore"), "{text}");
    // Without connecting again, our entries are taken out.
    person.connect("claude-code", "/bin/lore").unwrap();
    let changed = fs::read_to_string(&path).unwrap().replace("// new", "// newest");
    fs::write(&path, &changed).unwrap();
    assert!(person.undo("claude-code").contains(&Undone::Cleaned));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("// newest") && !text.contains("lore"), "{text}");
    // A whole file of ours that was changed is theirs now.
    person.connect("pi", "/bin/lore").unwrap();
    let plugin = person.home.join(".pi/agent/extensions/commonlore.ts");
    fs::write(&plugin, "// Written by `lore connect`, but mine\n").unwrap();
    assert_eq!(person.undo("pi"), [Undone::Kept]);
    assert!(plugin.exists());
}

#[test]
fn undoing_one_home_leaves_the_entries_of_another() {
    let person = Person::new();
    let other = Person::new();
    let connect = |home: &str, records: &Records| {
        let words = vec!["--home".to_owned(), home.to_owned()];
        let program = Program { path: "/bin/lore".into(), words };
        for name in ["claude-code", "codex"] {
            let scope = Scope::Person(person.home.clone());
            let changes = plan(agent(name).unwrap(), &scope, &program).unwrap();
            apply(name, &changes, records).unwrap();
        }
    };
    connect("/one", &person.records);
    connect("/two", &other.records);
    let two = person.files();
    assert!(two.values().any(|bytes| String::from_utf8_lossy(bytes).contains("/two")));
    for name in ["claude-code", "codex"] {
        person.undo(name);
    }
    assert_eq!(person.files(), two, "the second home took the agents over");
    for name in ["claude-code", "codex"] {
        other.undo(name);
    }
    let left: Vec<_> = person.files().into_values().collect();
    assert!(left.iter().all(|bytes| !String::from_utf8_lossy(bytes).contains("lore")), "{left:?}");
}

#[test]
fn links_are_followed_and_stay_links() {
    let person = Person::new();
    person.write("dotfiles/claude.json", SETTINGS);
    fs::create_dir(person.home.join(".claude")).unwrap();
    let link = person.home.join(".claude/settings.json");
    std::os::unix::fs::symlink(person.home.join("dotfiles/claude.json"), &link).unwrap();
    let before = person.files();
    person.connect("claude-code", "/bin/lore").unwrap();
    assert!(link.is_symlink());
    assert!(
        fs::read_to_string(person.home.join("dotfiles/claude.json"))
            .unwrap()
            .contains("hook claude")
    );
    person.undo("claude-code");
    assert!(link.is_symlink());
    assert_eq!(person.files(), before);
}

#[test]
fn what_must_not_be_written_is_named_and_nothing_else_is_written() {
    let person = Person::new();
    person.write(".claude/settings.json", SETTINGS);
    let path = person.home.join(".claude/settings.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let before = person.files();
    let error = person.connect("claude-code", "/bin/lore").unwrap_err().to_string();
    assert!(error.contains("read-only") && error.contains("settings.json"), "{error}");
    assert_eq!(person.files(), before);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/nonexistent/file", &path).unwrap();
    let error = person.connect("claude-code", "/bin/lore").unwrap_err().to_string();
    assert!(error.contains("leads nowhere"), "{error}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let program = Program { path: "/bin/lore".into(), words: Vec::new() };
    let scope = Scope::Person(person.home.clone());
    assert!(plan(agent("claude-code").unwrap(), &scope, &program).is_err());
}

#[test]
fn a_file_keeps_its_mode_and_a_faulty_one_its_bytes() {
    let person = Person::new();
    person.write(".gemini/settings.json", "{}");
    let path = person.home.join(".gemini/settings.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    person.connect("gemini-cli", "/bin/lore").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    person.undo("gemini-cli");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    fs::write(&path, "{\"a\": ").unwrap();
    let program = Program { path: "/bin/lore".into(), words: Vec::new() };
    let scope = Scope::Person(person.home.clone());
    let error = plan(agent("gemini-cli").unwrap(), &scope, &program).unwrap_err().to_string();
    assert!(error.contains("settings.json") && error.contains("line 1"), "{error}");
}
