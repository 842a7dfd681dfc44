//! Levels: the parts of a sandbox that are really enforced.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::policy::Minimum;

/// The ABI of Landlock from which on it refuses to empty files that may not be written.
const TRUNCATE_ABI: u32 = 3;

/// The ABI of Landlock from which on it confines TCP connections to ports.
const PORTS_ABI: u32 = 4;

/// Way in which the processes that a command left behind are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeKill {
    /// By the kernel, with the PID namespace's init: nothing survives.
    PidNamespace,
    /// By a loop over the descendants of a subreaper, until there is none. What forks faster than the loop
    /// kills keeps it running; nothing can leave the tree.
    Subreaper,
}

/// Keeper of the bound on processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessBound {
    /// The supervisor, which the kernel asks before each new process: exact, but a signal that comes before the
    /// answer makes `fork` fail with EINTR, which programs do not expect. Only for root on older kernels.
    Counted,
    /// The kernel, at 16 above the bound: by RLIMIT_NPROC, or for root, which it exempts, by the PID namespace's
    /// `pid_max` (Linux 6.14). The watch ends what has more than the bound.
    Kernel,
    /// Only the watch, which ends what has more when it looks.
    Watched,
}

/// Parts enforced for one command, as its helper found them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Landlock's ABI as far as it is used; 0 is none.
    pub landlock_abi: u32,
    /// The seccomp filters are on.
    pub seccomp: bool,
    /// A user namespace: no capability counts outside it.
    pub user_namespace: bool,
    /// A private root: what is not granted does not exist, and exceptions inside granted roots hold.
    pub private_root: bool,
    /// A network namespace.
    pub network_namespace: bool,
    /// Way in which the tree dies.
    pub tree_kill: TreeKill,
    /// Keeper of the bound on processes.
    pub process_bound: ProcessBound,
    /// The user id that it runs as, seen from outside.
    pub uid: u32,
}

impl Level {
    /// Returns what is missing for `minimum` and a policy with or without exceptions inside its roots.
    pub(super) fn missing(&self, minimum: Minimum, exceptions: &[String]) -> Option<String> {
        if !self.seccomp {
            return Some("the kernel has no seccomp filters".to_owned());
        }
        if self.landlock_abi < TRUNCATE_ABI && !self.private_root {
            return Some(
                "its files are confined neither by a mount namespace nor by a Landlock that also \
                 refuses to truncate (ABI 3, Linux 6.2)"
                    .to_owned(),
            );
        }
        if let (false, Some(path)) = (self.private_root, exceptions.first()) {
            return Some(format!(
                "{path} lies inside a granted directory and only a mount namespace could protect it"
            ));
        }
        if minimum == Minimum::Full {
            let parts = [
                (self.landlock_abi > 0, "Landlock"),
                (self.private_root, "mount namespace"),
                (self.network_namespace, "network namespace"),
                (self.tree_kill == TreeKill::PidNamespace, "PID namespace"),
                (self.process_bound != ProcessBound::Watched, "a bound on processes"),
            ];
            let absent: Vec<&str> =
                parts.iter().filter(|(held, _)| !held).map(|(_, name)| *name).collect();
            if !absent.is_empty() {
                return Some(format!("missing: {}", absent.join(", ")));
            }
        }
        None
    }

    /// Returns what is missing for a policy that allows these ports of loopback.
    pub(super) fn missing_for_ports(&self, ports: &[u16]) -> Option<String> {
        let confined = self.network_namespace || self.landlock_abi >= PORTS_ABI;
        (!ports.is_empty() && !confined).then(|| {
            "its connections are confined to ports neither by a network namespace nor by a Landlock that \
             knows ports (ABI 4, Linux 6.7)"
                .to_owned()
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.landlock_abi > 0 {
            parts.push(format!("Landlock ABI {}", self.landlock_abi));
        }
        let named = [
            (self.seccomp, "seccomp"),
            (self.user_namespace, "user namespace"),
            (self.private_root, "own root"),
            (self.network_namespace, "network namespace"),
            (self.tree_kill == TreeKill::PidNamespace, "PID namespace"),
            (self.tree_kill == TreeKill::Subreaper, "subreaper"),
            (self.process_bound == ProcessBound::Counted, "processes counted"),
            (self.process_bound == ProcessBound::Kernel, "processes limited by the kernel"),
            (self.process_bound == ProcessBound::Watched, "processes only watched"),
        ];
        parts.extend(named.iter().filter(|(held, _)| *held).map(|(_, name)| (*name).to_owned()));
        write!(f, "{} (uid {})", parts.join(", "), self.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Level {
        Level {
            landlock_abi: 6,
            seccomp: true,
            user_namespace: true,
            private_root: true,
            network_namespace: true,
            tree_kill: TreeKill::PidNamespace,
            process_bound: ProcessBound::Counted,
            uid: 1000,
        }
    }

    #[test]
    fn what_is_missing_is_refused_and_nothing_else() {
        let bare = Level {
            private_root: false,
            network_namespace: false,
            user_namespace: false,
            tree_kill: TreeKill::Subreaper,
            ..everything()
        };
        let git = ["/w/.git".to_owned()];
        let missing = |level: &Level, minimum, exceptions: &[String]| {
            level.missing(minimum, exceptions).unwrap_or_default()
        };
        assert_eq!(missing(&everything(), Minimum::Full, &git), "");
        assert_eq!(missing(&bare, Minimum::Confined, &[]), "");
        assert!(missing(&bare, Minimum::Confined, &git).contains("/w/.git"));
        assert!(missing(&bare, Minimum::Full, &[]).contains("mount namespace, network namespace"));
        let old = Level { landlock_abi: 2, ..bare };
        assert!(missing(&old, Minimum::Confined, &[]).contains("truncate"));
        let rooted = Level { landlock_abi: 0, ..everything() };
        assert_eq!(missing(&rooted, Minimum::Confined, &git), "");
        assert!(missing(&rooted, Minimum::Full, &[]).contains("Landlock"));
        let open = Level { seccomp: false, ..everything() };
        assert!(missing(&open, Minimum::Confined, &[]).contains("seccomp"));
    }
}
