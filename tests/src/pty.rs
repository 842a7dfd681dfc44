//! A terminal of our own, for verbs that only a person may answer.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::wait::{PATIENCE, wait_until};

/// A new terminal: its controller, and a way to open its far side.
fn terminal() -> (File, impl Fn() -> File) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&controller).expect("the terminal is ours");
    unlockpt(&controller).expect("the terminal is unlocked");
    let name = ptsname(&controller, Vec::new()).expect("the terminal has a name");
    let path = std::ffi::OsStr::from_bytes(name.as_bytes()).to_owned();
    let screen =
        move || OpenOptions::new().read(true).write(true).open(&path).expect("the terminal opens");
    (File::from(controller), screen)
}

/// Runs a command at a terminal at which `typed` is typed; gives how it ended, and what the terminal
/// showed.
///
/// # Panics
/// When the system has no terminal to give.
pub fn at_a_terminal(command: &mut Command, typed: &str) -> (ExitStatus, String) {
    let (mut controller, screen) = terminal();
    command.stdin(screen()).stdout(screen()).stderr(screen());
    let mut child = command.spawn().expect("the program starts");
    // The command keeps copies of the terminal's far side, and reading ends only when all are closed.
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    controller.write_all(typed.as_bytes()).expect("the terminal takes what is typed");
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    // Linux reports the end of a terminal as an error.
    while let Ok(read @ 1..) = controller.read(&mut buffer) {
        shown.extend(&buffer[..read]);
    }
    (child.wait().expect("the program ends"), String::from_utf8_lossy(&shown).into_owned())
}

/// A program at a terminal, with which a test speaks: it waits for what is shown and types.
pub struct Conversation {
    child: Child,
    controller: File,
    shown: Arc<Mutex<String>>,
    /// The part of the screen's text that was waited for.
    read: usize,
}

impl Conversation {
    /// Starts `command` as the leader of a session whose terminal is a new one, so that Ctrl-C reaches
    /// it as it does everywhere.
    ///
    /// # Panics
    /// When the system has no terminal to give, or no `setsid`.
    #[must_use]
    pub fn start(command: &Command) -> Self {
        let (controller, screen) = terminal();
        let mut leader = Command::new("setsid");
        leader.arg("--ctty").arg("--wait").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => leader.env(name, value),
                None => leader.env_remove(name),
            };
        }
        leader.env("TERM", "xterm").stdin(screen()).stdout(screen()).stderr(screen());
        let child = leader.spawn().expect("the program starts");
        leader.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let shown: Arc<Mutex<String>> = Arc::default();
        let (mut reader, kept) = (controller.try_clone().expect("a terminal"), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        Self { child, controller, shown, read: 0 }
    }

    /// All that was shown so far.
    #[must_use]
    pub fn shown(&self) -> String {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a text is shown after what was waited for before.
    ///
    /// # Panics
    /// When it is not.
    pub fn wait_for(&mut self, text: &str) {
        let begun = std::time::Instant::now();
        let at = wait_until(text, PATIENCE * 2, || {
            let shown = self.shown();
            assert!(begun.elapsed() < PATIENCE, "`{text}` is not shown: {}", &shown[self.read..]);
            shown[self.read..].find(text)
        });
        self.read += at + text.len();
    }

    /// Types a text as it is; a line ends with `\r`, Ctrl-C is `\x03`.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn types(&mut self, text: &str) {
        self.controller.write_all(text.as_bytes()).expect("the terminal takes what is typed");
    }

    /// Waits until the program has ended.
    ///
    /// # Panics
    /// When it does not end.
    pub fn ends(&mut self) -> ExitStatus {
        let begun = std::time::Instant::now();
        wait_until("the program ends", PATIENCE * 2, || {
            assert!(begun.elapsed() < PATIENCE, "it does not end: {}", self.shown());
            self.child.try_wait().expect("it can be asked")
        })
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
