//! A person with a home, a node and a project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lore_test_endpoint::Endpoint;
use lore_tests::binary::lore;
use lore_tests::wait::{PATIENCE, wait_until};
use serde_json::Value;

/// An encrypted index of no lessons is smaller, and one of a lesson larger.
const EMPTY_INDEX_BYTES: u64 = 120;

pub struct Person {
    directory: tempfile::TempDir,
    pub home: PathBuf,
    pub project: PathBuf,
}

impl Person {
    /// A new home with a node, and a project whose branch its remote does not know.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (home, project) = (directory.path().join("home"), directory.path().join("work"));
        for path in [&home, &project, &directory.path().join("tmp")] {
            std::fs::create_dir(path).unwrap();
        }
        let person = Self { directory, home, project };
        person.renew_repository();
        person.json(&["init", "--loopback"]);
        person
    }

    pub fn renew_repository(&self) {
        let script = "rm -rf repo remote.git && git init -q --bare -b main remote.git && \
            git init -q -b topic repo && cd repo && git config user.email a@example.org && \
            git config user.name a && git remote add origin ../remote.git && \
            echo 1 > a && git add a && git commit -qm one";
        let done = self.command(Path::new("sh")).args(["-c", script]).status().unwrap();
        assert!(done.success());
    }

    /// A program with this person's home and nothing else of the environment.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(&self.project).stdin(Stdio::null());
        command.env("HOME", &self.home).env("USER", "ada").env("TERM", "dumb");
        command.env("TMPDIR", self.directory.path().join("tmp"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.command(lore()).args(args).arg("--json").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.trim_end().lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| {
            panic!("{args:?}: {error}: {text}{}", String::from_utf8_lossy(&output.stderr))
        })
    }

    /// Files below the home, and their bytes.
    pub fn files(&self, names: &[&str]) -> BTreeMap<String, Option<Vec<u8>>> {
        let read = |name: &&str| ((*name).to_owned(), std::fs::read(self.home.join(name)).ok());
        names.iter().map(read).collect()
    }

    /// Hints in requests from the one of a number on.
    pub fn hints_in(&self, endpoint: &Endpoint, from: usize) -> Vec<String> {
        let seen = endpoint.seen();
        let texts = seen.iter().skip(from).map(|request| &request.text);
        let mut hints = Vec::new();
        for text in texts {
            for part in text.split("[hint from lore: ").skip(1) {
                let hint = part.split(']').next().unwrap_or_default().to_owned();
                if !hints.contains(&hint) {
                    hints.push(hint);
                }
            }
        }
        hints
    }

    /// The newest session, once so many are here.
    pub fn imported(&self, count: u64) -> Value {
        wait_until("the session is imported", PATIENCE, || {
            let listed = self.json(&["session", "list"]);
            (listed["total"].as_u64() >= Some(count)).then(|| listed["sessions"][0].clone())
        })
    }

    /// Waits until hooks know a lesson of this person about a program.
    pub fn has_own_lesson(&self, program: &str) {
        let args = ["lesson", "list", program, "--circle", "own"];
        wait_until("the lesson is known", PATIENCE, || {
            let listed = self.json(&args);
            listed["lessons"].as_array().is_some_and(|all| !all.is_empty()).then_some(())
        });
        let own = self.home.join(".local/share/commonlore/hints/own");
        wait_until("it is in the index", PATIENCE, || {
            let file = std::fs::read_dir(&own).ok()?.flatten().next()?.metadata().ok()?;
            (file.len() > EMPTY_INDEX_BYTES).then_some(())
        });
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.command(lore()).arg("stop").output();
    }
}
