//! A node and a workspace for one test.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use lore_tests::{Cluster, Node, Ran};
use serde_json::Value;

use lore_test_endpoint::Endpoint;

/// A node, a workspace beside it, and what every run is given.
pub struct Desk {
    pub node: Node,
    pub workspace: PathBuf,
    /// After the node, which ends first.
    pub cluster: Cluster,
}

impl Desk {
    pub fn new() -> Self {
        let cluster = Cluster::of(1);
        let node = cluster.node("home");
        let workspace = cluster.path().join("work");
        std::fs::create_dir(&workspace).unwrap();
        Self { node, workspace, cluster }
    }

    /// The verb with a model at `endpoint`, and with these arguments.
    pub fn command(&self, endpoint: &Endpoint, args: &[&str]) -> Command {
        let model = format!("{}#m", endpoint.url);
        let workspace = self.workspace.display().to_string();
        let first = ["agent", "--model", &model, "--window", "32768"];
        let place = ["--workspace", workspace.as_str()];
        let place = if args.contains(&"--workspace") { &[][..] } else { &place };
        let mut command = self.node.command(&[&first, place, args].concat());
        command.env_remove("LORE_MODEL_KEY").env("USER", "tester");
        command
    }

    /// Runs the verb with `--json`; nothing is asked of the library.
    pub async fn run(&self, endpoint: &Endpoint, args: &[&str]) -> Lines {
        let mut command = self.command(endpoint, &[args, &["--skills", "none", "--json"]].concat());
        lines(&mut command).await
    }

    /// The private sessions of the node, newest first.
    pub fn sessions(&self) -> Vec<Value> {
        let list = self.node.json(&["session", "list"]);
        list["sessions"].as_array().unwrap().clone()
    }

    /// A file of the workspace.
    pub fn content(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.workspace.join(name)).ok()
    }
}

/// Runs a command off the async threads, on which the endpoint answers.
pub async fn lines(command: &mut Command) -> Lines {
    command.stdin(Stdio::null());
    let mut command = std::mem::replace(command, Command::new("true"));
    let out = tokio::task::spawn_blocking(move || command.output().expect("the program runs"));
    let out = out.await.unwrap();
    Lines(Ran {
        code: out.status.code(),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    })
}

/// The output of a run with `--json`.
#[derive(Debug)]
pub struct Lines(pub Ran);

impl Lines {
    pub fn all(&self) -> Vec<Value> {
        let lines = self.0.stdout.lines();
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// Events of one kind.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.all().into_iter().filter(|line| line["event"] == kind).collect()
    }

    pub fn session(&self) -> String {
        let started = self.events("started");
        let session = started.first().and_then(|event| event["session"].as_str());
        session.unwrap_or_else(|| panic!("nothing started: {self:?}")).to_owned()
    }

    /// The result of a task that was done.
    pub fn done(&self) -> Value {
        assert_eq!(self.0.code, Some(0), "{self:?}");
        self.0.value()
    }

    /// The error of a task that was not, with the exit code that it must have.
    pub fn failed(&self, exit: i32) -> Value {
        assert_eq!(self.0.code, Some(exit), "{self:?}");
        let error = self.0.value()["error"].clone();
        assert_eq!(error["exit"], exit, "{self:?}");
        assert!(!self.0.stderr.contains("panicked"), "{self:?}");
        error
    }
}

/// Arguments of `bash` as a model writes them.
pub fn shell(command: &str) -> String {
    serde_json::json!({ "command": command }).to_string()
}
