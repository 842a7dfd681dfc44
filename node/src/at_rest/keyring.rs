//! The operating system's keyring, by the program that a desktop has for it.
//!
//! `secret-tool` speaks to the Secret Service of GNOME, KDE and KeePassXC. A client library would bring a
//! D-Bus stack of some forty crates for one secret; the kernel's own keyring forgets at every restart.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use secrecy::zeroize::Zeroizing;

/// Longest time that the program may take: a person may have to unlock the keyring.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps secrets by name.
pub trait Keyring: Send + Sync {
    /// The secret of a name; none when there is none.
    ///
    /// # Errors
    /// Fails when the keyring cannot be asked, in words.
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, String>;

    /// Keeps a secret.
    ///
    /// # Errors
    /// Fails when the keyring cannot be used, in words.
    fn set(&self, name: &str, secret: &str) -> Result<(), String>;

    /// Forgets a secret; absent is fine.
    ///
    /// # Errors
    /// Fails when the keyring cannot be used, in words.
    fn remove(&self, name: &str) -> Result<(), String>;
}

/// The keyring behind `secret-tool`.
#[derive(Debug)]
pub struct SecretTool {
    program: PathBuf,
}

impl SecretTool {
    /// The keyring of this person's session; none without the program, or without a session.
    #[must_use]
    pub fn find() -> Option<Self> {
        let session = match std::env::var_os("DBUS_SESSION_BUS_ADDRESS") {
            Some(address) => !address.is_empty(),
            None => std::env::var_os("XDG_RUNTIME_DIR")
                .is_some_and(|directory| Path::new(&directory).join("bus").exists()),
        };
        let path = std::env::var_os("PATH").filter(|_| session)?;
        let programs = std::env::split_paths(&path).map(|directory| directory.join("secret-tool"));
        programs.into_iter().find(|program| program.is_file()).map(Self::at)
    }

    /// The keyring behind this program.
    #[must_use]
    pub const fn at(program: PathBuf) -> Self {
        Self { program }
    }

    /// Runs the program: whether it succeeded, and what it printed.
    fn run(&self, arguments: &[&str], input: &str) -> Result<(bool, Zeroizing<String>), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let mut child = Command::new(&self.program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // On a thread: a program that waits for ever must not hold this one.
        let (sender, answered) = mpsc::channel();
        let (mut stdin, mut stdout, mut stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let input = Zeroizing::new(input.to_owned());
        std::thread::spawn(move || {
            if let Some(mut stdin) = stdin.take() {
                // It may end without reading.
                let _ = stdin.write_all(input.as_bytes());
            }
            let (mut out, mut said) = (Zeroizing::new(String::new()), String::new());
            let _ = stdout.as_mut().map(|pipe| pipe.read_to_string(&mut out));
            let _ = stderr.as_mut().map(|pipe| pipe.read_to_string(&mut said));
            let _ = sender.send((out, said));
        });
        let Ok((out, said)) = answered.recv_timeout(PATIENCE) else {
            end(&mut child);
            return Err(format!(
                "{} did not answer within {} seconds",
                self.program.display(),
                PATIENCE.as_secs()
            ));
        };
        let status = child.wait().map_err(failed)?;
        if !status.success() && !said.trim().is_empty() {
            return Err(said.trim().to_owned());
        }
        Ok((status.success(), out))
    }
}

fn end(child: &mut Child) {
    // It may have ended meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

impl Keyring for SecretTool {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, String> {
        let (found, secret) =
            self.run(&["lookup", "service", "commonlore", "account", name], "")?;
        Ok(found.then(|| Zeroizing::new(secret.trim().to_owned())))
    }

    fn set(&self, name: &str, secret: &str) -> Result<(), String> {
        let label = "--label=Commonlore: key of private records";
        let arguments = ["store", label, "service", "commonlore", "account", name];
        match self.run(&arguments, secret)? {
            (true, _) => Ok(()),
            (false, _) => Err("it refused to store the key".into()),
        }
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        self.run(&["clear", "service", "commonlore", "account", name], "").map(drop)
    }
}
