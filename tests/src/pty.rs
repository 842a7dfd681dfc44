//! A terminal of our own, for verbs that only a person may answer.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, ExitStatus};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs a command at a terminal at which `typed` is typed; gives how it ended, and what the terminal
/// showed.
///
/// # Panics
/// When the system has no terminal to give.
pub fn at_a_terminal(command: &mut Command, typed: &str) -> (ExitStatus, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&controller).expect("the terminal is ours");
    unlockpt(&controller).expect("the terminal is unlocked");
    let name = ptsname(&controller, Vec::new()).expect("the terminal has a name");
    let path = std::ffi::OsStr::from_bytes(name.as_bytes());
    let screen = || -> File {
        OpenOptions::new().read(true).write(true).open(path).expect("the terminal opens")
    };
    command.stdin(screen()).stdout(screen()).stderr(screen());
    let mut child = command.spawn().expect("the program starts");
    // The command keeps copies of the terminal's far side, and reading ends only when all are closed.
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut controller = File::from(controller);
    controller.write_all(typed.as_bytes()).expect("the terminal takes what is typed");
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    // Linux reports the end of a terminal as an error.
    while let Ok(read @ 1..) = controller.read(&mut buffer) {
        shown.extend(&buffer[..read]);
    }
    (child.wait().expect("the program ends"), String::from_utf8_lossy(&shown).into_owned())
}
