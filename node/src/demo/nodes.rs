//! Node processes: started, asked, killed, and never left behind.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lore_control::{Ask, FederationStatus, ItemDecision, Peers, ShelfDecide, ShelfReview, Status};
use serde_json::Value;

use crate::control;
use crate::error::CliError;
use crate::home::Home;

/// Longest time of a condition. Generous: a busy machine is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// Back-off between two looks at a condition that nothing announces.
const LOOK: Duration = Duration::from_millis(40);

/// Most items of a shelf that are looked at.
const MOST_ITEMS: usize = 10_000;

/// A node of a demonstration keeps its key in its home, which is removed with it.
const WITHOUT_KEYRING: [(&str, &str); 1] = [("DBUS_SESSION_BUS_ADDRESS", "")];

/// One node process.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) home: Home,
    program: PathBuf,
    child: Option<Child>,
}

impl Node {
    /// Makes a home and starts its node.
    pub(crate) fn start(program: &Path, name: &str, root: &Path) -> Result<Self, CliError> {
        let home = Home::at(&root.join("homes").join(name))?;
        let mut node = Self { name: name.into(), home, program: program.to_owned(), child: None };
        node.command(&["init", "--loopback", "--sync-seconds", "1", "--name", name])?;
        node.run()?;
        Ok(node)
    }

    /// Founds a federation whose windows take a second and whose releases are sent at once: a demonstration
    /// does not wait for a day.
    pub(crate) fn found(&self, args: &[&str]) -> Result<Value, CliError> {
        const SHORTEST: [&str; 6] = [
            "--window-grid-seconds",
            "1",
            "--window-least-seconds",
            "1",
            "--send-after-seconds",
            "0",
        ];
        self.command(&[&["federation", "create"], args, &SHORTEST].concat())
    }

    /// Runs a verb as a separate process and gives its JSON.
    pub(crate) fn command(&self, args: &[&str]) -> Result<Value, CliError> {
        let out = Command::new(&self.program)
            .arg("--home")
            .arg(self.home.root())
            .arg("--json")
            .args(args)
            .envs(WITHOUT_KEYRING)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| CliError::failed("demo", error))?;
        let text = String::from_utf8_lossy(&out.stdout);
        let value: Value =
            serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or(Value::Null);
        if out.status.success() {
            return Ok(value);
        }
        let message = value["error"]["message"].as_str().unwrap_or("no message");
        Err(CliError::failed(
            "demo",
            format!("{}: `lore {}`: {message}", self.name, args.join(" ")),
        ))
    }

    /// Approves what waits for review and has no finding, as the node's owner who read `lore review` would. Returns the
    /// number of items. The demo wrote the tasks that they come from, so that nobody is asked.
    pub(crate) fn approve_waiting(&self) -> Result<usize, CliError> {
        let review = self.ask(ShelfReview { limit: MOST_ITEMS, all: false })?;
        let clean = review.items.iter().filter(|item| item.findings.is_empty());
        let ids: Vec<String> = clean.map(|item| item.id.to_string()).collect();
        let approved = ids.len();
        if approved > 0 {
            let decision = ItemDecision::Approve;
            self.ask(ShelfDecide { decision, ids, consent: true })?;
        }
        Ok(approved)
    }

    /// File in which plaintext frames that left this node are recorded.
    pub(crate) fn frames(&self) -> PathBuf {
        self.home.root().join("frames.bin")
    }

    /// Starts the process and waits for its first answer.
    pub(crate) fn run(&mut self) -> Result<(), CliError> {
        let child = Command::new(&self.program)
            .arg("--home")
            .arg(self.home.root())
            .arg("run")
            .arg("--record-frames")
            .arg(self.frames())
            .envs(WITHOUT_KEYRING)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| CliError::failed("demo", error))?;
        self.child = Some(child);
        let home = self.home.clone();
        wait(&format!("{} to answer", self.name), || {
            Ok(control::ask_daemon(&home, Peers {})?.is_some())
        })
    }

    /// SIGKILL: no last words, nothing flushed.
    pub(crate) fn kill(&mut self) -> Result<(), CliError> {
        if let Some(mut child) = self.child.take() {
            child.kill().and_then(|()| child.wait()).map_err(|e| CliError::failed("demo", e))?;
        }
        Ok(())
    }

    /// Asks the running node.
    pub(crate) fn ask<R: Ask>(&self, ask: R) -> Result<R::Answer, CliError> {
        control::ask_daemon(&self.home, ask)?.ok_or_else(|| {
            CliError::failed("demo", format!("{} does not run", self.name))
                .help("see the log below its home")
        })
    }

    /// The one federation's part of `status`.
    pub(crate) fn federation(&self) -> Result<FederationStatus, CliError> {
        self.ask(Status {})?
            .federations
            .into_iter()
            .next()
            .ok_or_else(|| CliError::failed("demo", format!("{} is in no federation", self.name)))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The process must not outlive the demo, however that ends.
        let _ = self.kill();
    }
}

/// Waits for a condition.
pub(crate) fn wait(
    what: &str,
    mut holds: impl FnMut() -> Result<bool, CliError>,
) -> Result<(), CliError> {
    let begun = Instant::now();
    loop {
        if holds()? {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(CliError::failed("demo", format!("waited {PATIENCE:?} for {what}")));
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits until all nodes hold the same deltas and the same library, and gives the roots.
pub(crate) fn converge(nodes: &[Node], at_least: u64) -> Result<Vec<String>, CliError> {
    let mut roots = Vec::new();
    wait("all nodes to agree", || {
        roots.clear();
        let mut digests = Vec::new();
        for node in nodes {
            let status = node.federation()?;
            roots.push(status.root.to_string());
            digests.push(status.digest);
            if status.deltas < at_least {
                return Ok(false);
            }
        }
        Ok(digests.windows(2).all(|pair| pair[0] == pair[1])
            && roots.windows(2).all(|pair| pair[0] == pair[1]))
    })?;
    Ok(roots)
}
