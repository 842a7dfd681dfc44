//! Policies: what a command may do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Access of a command to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// No socket but AF_UNIX, and a network namespace without an interface that is up.
    Off,
    /// The machine's own network, loopback and private addresses included. Which hosts are called cannot
    /// be restricted from here.
    Open,
}

/// Use of namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Namespaces {
    /// Used where the kernel grants them.
    WhenAvailable,
    /// Never: what is left is Landlock, seccomp and limits. For tests of that level, and for kernels on
    /// which namespaces misbehave.
    Never,
}

/// Parts that must be enforced for a command to run at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Minimum {
    /// Files are confined by Landlock or by a private root, and seccomp is on. Paths that are hidden or
    /// read-only inside a writable root still need the private root; a policy that has such paths is
    /// refused without one.
    Confined,
    /// Everything: own root, PID and network namespace, Landlock and seccomp.
    Full,
}

/// Bounds on what a command uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads at a time. What has more is ended by the watch; the kernel never lets it have 16
    /// more. Where the level says that they are counted, one more fails with EAGAIN, and what keeps asking is
    /// ended.
    pub processes: u32,
    /// Largest file it writes, in bytes.
    pub file_bytes: u64,
    /// Open files per process.
    pub open_files: u64,
    /// Resident memory of all its processes, in bytes, looked at every 50 ms and from half of it on every
    /// 10 ms; also bounds the private writable memory of each.
    pub memory_bytes: u64,
    /// Processor time of each process, in seconds.
    pub cpu_seconds: u64,
    /// By how much free space on the disks of its writable roots may fall while it runs, in bytes. Others
    /// who write there meanwhile count too. Looked at as memory is; space is only taken by writing, never by
    /// reserving it, so that what is written between two looks is bounded by the disk's speed.
    pub disk_bytes: u64,
    /// By how much the number of free files there may fall, likewise. File systems that make room for files
    /// as they need it have no such number.
    pub files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            processes: 512,
            file_bytes: 2 << 30,
            open_files: 1024,
            memory_bytes: 4 << 30,
            cpu_seconds: 3600,
            disk_bytes: 8 << 30,
            files: 1_000_000,
        }
    }
}

/// Rights and limits of a command. Paths are absolute; those that do not exist are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Directory in which it starts; writable.
    pub workspace: PathBuf,
    /// Further writable directories.
    pub write: Vec<PathBuf>,
    /// Readable and executable, besides the operating system's own directories.
    pub read: Vec<PathBuf>,
    /// Read-only although inside a writable root, such as `.git`.
    pub read_only: Vec<PathBuf>,
    /// Never seen although inside a granted root: keys, the store, credentials.
    pub hidden: Vec<PathBuf>,
    /// A directory for what is temporary: `/tmp` inside when there is a private root, else under its own
    /// name; HOME and TMPDIR point to it. It outlives the command and belongs to the caller.
    pub scratch: PathBuf,
    /// Network.
    pub network: Network,
    /// Ports of 127.0.0.1 that it may connect to although the network is off. With a network namespace they
    /// are the machine's own services and nothing else is reached. Without one only the numbers of the ports
    /// are enforced (Landlock ABI 4): the same ports of other hosts are reached too.
    pub loopback_ports: Vec<u16>,
    /// Bounds.
    pub limits: Limits,
    /// Environment besides PATH, HOME, TMPDIR, LANG and TERM, which are set here. Nothing is inherited.
    pub environment: BTreeMap<String, String>,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Parts that must be enforced.
    pub minimum: Minimum,
}

impl Policy {
    /// Work in `workspace` with `scratch` for what is temporary: no network, `.git` read-only, nothing
    /// else granted.
    #[must_use]
    pub fn new(workspace: impl Into<PathBuf>, scratch: impl Into<PathBuf>) -> Self {
        let workspace = workspace.into();
        Self {
            read_only: vec![workspace.join(".git")],
            workspace,
            write: Vec::new(),
            read: Vec::new(),
            hidden: Vec::new(),
            scratch: scratch.into(),
            network: Network::Off,
            loopback_ports: Vec::new(),
            limits: Limits::default(),
            environment: BTreeMap::new(),
            namespaces: Namespaces::WhenAvailable,
            minimum: Minimum::Confined,
        }
    }

    /// The directories that it may write, without the scratch.
    pub(super) fn writable(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.workspace).chain(&self.write)
    }

    /// The exceptions inside granted roots that only a private root can hold.
    pub(super) fn exceptions(&self) -> Vec<&PathBuf> {
        let writable = |path: &&PathBuf| self.writable().any(|root| path.starts_with(root));
        let granted = |path: &&PathBuf| {
            writable(path)
                || self.read.iter().any(|root| path.starts_with(root))
                || SYSTEM.iter().any(|root| path.starts_with(root))
        };
        let hidden = self.hidden.iter().filter(granted);
        hidden.chain(self.read_only.iter().filter(writable)).filter(|path| path.exists()).collect()
    }
}

/// Directories of the operating system that every command may read and execute.
pub(super) const SYSTEM: &[&str] =
    &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store"];

/// Files of `/etc` that a command may read: nothing that is anybody's secret, even for root.
pub(super) const ETC: &[&str] = &[
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/tls/certs",
    "/etc/profile",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/shells",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
];

/// Devices that hold no state.
pub(super) const DEVICES: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn exceptions_are_what_lies_inside_a_grant_and_exists() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for name in ["work/.git", "work/keys", "outside"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let mut policy = Policy::new(at("work"), at("scratch"));
        policy.hidden =
            vec![at("work/keys"), at("outside"), at("work/absent"), Path::new("/usr/bin").into()];
        let found: Vec<_> = policy.exceptions().into_iter().cloned().collect();
        assert_eq!(found, [at("work/keys"), "/usr/bin".into(), at("work/.git")]);
    }
}
