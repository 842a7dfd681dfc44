//! Nodes as processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};

use lore_node::home::Home;
use lore_node::host::{Machine, now_seconds};
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{faulty, lore};
use crate::wait::{PATIENCE, wait_until};

/// Most nodes that run at once, over all tests of a process.
const MAX_NODES: usize = 8;

static FREE: Mutex<usize> = Mutex::new(MAX_NODES);
static FREED: Condvar = Condvar::new();

/// Room for some nodes, and a directory for their homes. Dropping it ends them.
pub struct Cluster {
    directory: TempDir,
    nodes: usize,
}

impl Cluster {
    /// Waits until this many more nodes may run. A test asks once, for all it needs, so that no two
    /// tests can wait for each other.
    ///
    /// # Panics
    /// Panics when more are asked for than can ever run.
    #[must_use]
    pub fn of(nodes: usize) -> Self {
        assert!(nodes <= MAX_NODES, "at most {MAX_NODES} nodes run at once");
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < nodes {
            free = FREED.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= nodes;
        Self { directory: tempfile::tempdir().expect("a directory"), nodes }
    }

    /// Directory of the homes.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A new home, initialised, on loopback.
    #[must_use]
    pub fn node(&self, name: &str) -> Node {
        self.node_with(name, &["--sync-seconds", "1"])
    }

    /// A new home, initialised with these arguments, on loopback.
    #[must_use]
    pub fn node_with(&self, name: &str, args: &[&str]) -> Node {
        self.node_beyond(name, &[&["--loopback"], args].concat())
    }

    /// A new home, initialised with these arguments, that others reach.
    #[must_use]
    pub fn node_beyond(&self, name: &str, args: &[&str]) -> Node {
        let node = Node { home: self.path().join(name), daemon: None };
        node.json(&[&["init", "--name", name], args].concat());
        node
    }

    /// A node that runs.
    #[must_use]
    pub fn running(&self, name: &str) -> Node {
        let mut node = self.node(name);
        node.start();
        node
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += self.nodes;
        FREED.notify_all();
    }
}

/// End of a run of a verb.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Output of the verb.
    pub stdout: String,
    /// Standard error of the verb.
    pub stderr: String,
}

impl Ran {
    /// The result: the last line of stdout.
    ///
    /// # Panics
    /// Panics when that is no JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        let line = self.stdout.trim_end().lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("no result ({error}): {self:?}"))
    }
}

/// One node: its home, and its process while it runs.
pub struct Node {
    home: PathBuf,
    daemon: Option<Child>,
}

impl Node {
    /// The home.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The process id of the running node.
    ///
    /// # Panics
    /// Panics when it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("the node runs").id()
    }

    /// The program, with this home.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        self.program(lore(), args)
    }

    /// The same command line on a machine that fails, with this home.
    #[must_use]
    pub fn faulty(&self, args: &[&str]) -> Command {
        self.program(&faulty(), args)
    }

    fn program(&self, program: &std::path::Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.env_remove("LORE_HOME").env_remove("LORE_LOG");
        // Keys of tests do not go into the keyring of the person who runs them.
        command.env("DBUS_SESSION_BUS_ADDRESS", "");
        command.arg("--home").arg(&self.home).args(args);
        command
    }

    /// Does a verb and gives how it ended.
    ///
    /// # Panics
    /// Panics when the program cannot be run.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Ran {
        let out = self.command(args).stdin(Stdio::null()).output().expect("the program runs");
        Ran {
            code: out.status.code(),
            stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    /// Does a verb that must succeed and gives its result.
    ///
    /// # Panics
    /// Panics when it fails.
    pub fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.code, Some(0), "lore {}: {ran:?}", args.join(" "));
        ran.value()
    }

    /// Founds a federation whose windows take a second and whose releases are sent at once.
    ///
    /// # Panics
    /// Panics when it fails.
    pub fn found(&self, args: &[&str]) -> Value {
        const SHORTEST: [&str; 6] = [
            "--window-grid-seconds",
            "1",
            "--window-least-seconds",
            "1",
            "--send-after-seconds",
            "0",
        ];
        self.json(&[&["federation", "create"], args, &SHORTEST].concat())
    }

    /// Ends the epoch of a federation that [`Node::found`] made, and waits until the windows that close with
    /// it have ended: what is due is released from then on.
    ///
    /// # Panics
    /// Panics when the epoch cannot be ended.
    pub fn close_windows(&self) {
        self.checkpoint();
        let opened = now_seconds();
        wait_until("the windows have ended", PATIENCE, || (now_seconds() > opened).then_some(()));
    }

    /// Does a verb that must fail and gives its error: `kind`, `message`, `help`, `exit`. The exit
    /// code, stdout and stderr must say the same, and something must be said about the way out.
    ///
    /// # Panics
    /// Panics when it succeeds or is unclear.
    #[must_use]
    pub fn error(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert!(ran.code.is_some_and(|code| code != 0), "lore {}: {ran:?}", args.join(" "));
        let error = ran.value()["error"].clone();
        assert_eq!(error["exit"], Value::from(ran.code), "{ran:?}");
        let message = error["message"].as_str().expect("a message");
        assert!(ran.stderr.contains(message.lines().next().unwrap_or_default()), "{ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        error
    }

    /// Starts the node and waits until it answers.
    ///
    /// # Panics
    /// Panics when it does not.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// [`Node::start`] with more arguments for `run`.
    ///
    /// # Panics
    /// Panics when it does not start.
    pub fn start_with(&mut self, args: &[&str]) {
        assert!(self.daemon.is_none(), "the node runs already");
        let mut command = self.command(&[&["run"], args].concat());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        wait_until("the node answers", PATIENCE, || {
            if child.try_wait().expect("it can be asked").is_some() {
                let mut said = String::new();
                let mut stderr = child.stderr.take().expect("stderr is a pipe");
                let _ = std::io::Read::read_to_string(&mut stderr, &mut said);
                panic!("{} did not start: {said}", self.home.display());
            }
            (self.run(&["peers", "--json"]).code == Some(0)).then_some(())
        });
        self.daemon = Some(child);
    }

    /// SIGKILL: the process ends wherever it is.
    ///
    /// # Panics
    /// Panics when it does not run.
    pub fn kill9(&mut self) {
        let mut child = self.daemon.take().expect("the node runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// The process alone, to be ended while the node is asked things from another thread.
    ///
    /// # Panics
    /// Panics when it does not run.
    pub fn take_daemon(&mut self) -> Child {
        self.daemon.take().expect("the node runs")
    }

    /// Asks the node to stop and waits until it has.
    ///
    /// # Panics
    /// Panics when it does not.
    pub fn stop(&mut self) {
        self.json(&["stop"]);
        let mut child = self.daemon.take().expect("the node runs");
        wait_until("the process ends", PATIENCE, || child.try_wait().expect("it can be asked"));
    }

    /// `status` of the one federation.
    ///
    /// # Panics
    /// Panics when it is in none.
    #[must_use]
    pub fn federation(&self) -> Value {
        let status = self.json(&["status"]);
        assert!(status["federations"][0].is_object(), "{status}");
        status["federations"][0].clone()
    }

    /// `status` of one of several federations.
    ///
    /// # Panics
    /// Panics when it is not in it.
    #[must_use]
    pub fn federation_named(&self, name: &str) -> Value {
        let status = self.json(&["status"]);
        let mut all = status["federations"].as_array().into_iter().flatten();
        let found = all.find(|federation| federation["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("not in {name}: {status}"))
    }

    /// Lines of the node's log that hold a text.
    #[must_use]
    pub fn log_lines(&self, text: &str) -> usize {
        let logs = self.json(&["logs", "--lines", "100000"]);
        let lines = logs["lines"].as_array().into_iter().flatten();
        lines.filter(|line| line.as_str().is_some_and(|line| line.contains(text))).count()
    }

    /// The library's root in the one federation.
    #[must_use]
    pub fn root(&self) -> String {
        self.federation()["root"].as_str().unwrap_or_default().to_owned()
    }

    /// An invitation line.
    #[must_use]
    pub fn invitation(&self, args: &[&str]) -> String {
        let made = self.json(&[&["federation", "invite"], args].concat());
        made["invitation"].as_str().expect("a line").to_owned()
    }

    /// Lets another node join, by invitation.
    pub fn admit(&self, other: &Self) {
        let line = self.invitation(&[]);
        other.json(&["federation", "join", &line, "--yes"]);
    }

    /// Ends the epoch, as founder, and gives the sealed epoch.
    pub fn checkpoint(&self) -> u64 {
        self.json(&["federation", "checkpoint"])["epoch"].as_u64().unwrap_or_default()
    }

    /// Publishes a hand-written lesson, as a person at a terminal. The node must not run.
    ///
    /// # Panics
    /// Panics when it is not taken.
    pub fn share(&self, lesson: &str, about: &str, more: &[&str]) {
        let (code, shown) = self.agree_long_ago(&[&[lesson, "--about", about], more].concat());
        assert_eq!(code, Some(0), "{shown}");
        self.open(&Machine::new()).settle().expect("it is signed");
    }

    /// `lesson share`, answered with `yes` at a terminal so long ago that the delay is over: the exit code, and
    /// what was shown. The next start of the node signs it.
    #[must_use]
    pub fn agree_long_ago(&self, args: &[&str]) -> (Option<i32>, String) {
        self.agree_long_ago_to(&[&["lesson", "share"], args].concat())
    }

    /// The node in this process, on a machine of the test's. It must not run.
    ///
    /// # Panics
    /// Panics when it cannot be opened.
    #[must_use]
    pub fn open(&self, machine: &Machine) -> lore_node::host::Node {
        let home = Home::at(&self.home).expect("a home");
        lore_node::host::Node::open(home, machine).expect("the node opens")
    }

    /// Stops, publishes a lesson, starts again.
    pub fn share_and_restart(&mut self, lesson: &str, about: &str) {
        self.stop();
        self.share(lesson, about, &[]);
        self.start();
    }

    /// Names of the shared skills.
    #[must_use]
    pub fn skills(&self) -> Vec<String> {
        let list = self.json(&["skill", "list"]);
        let skills = list["skills"].as_array().into_iter().flatten();
        skills.map(|skill| skill["name"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until all nodes hold the same log and come to the same root; gives the root.
///
/// # Panics
/// Panics when they do not.
pub fn converged(nodes: &[&Node]) -> String {
    let mut last = Vec::new();
    let limit = PATIENCE;
    let begun = std::time::Instant::now();
    wait_until("all nodes have one root", limit * 2, || {
        last = nodes.iter().map(|node| node.federation()).collect();
        let same = |key: &str| last.iter().all(|status| status[key] == last[0][key]);
        assert!(begun.elapsed() < limit, "not converged: {last:#?}");
        (same("digest") && same("root") && same("epoch"))
            .then(|| last[0]["root"].as_str().unwrap_or_default().to_owned())
    })
}
