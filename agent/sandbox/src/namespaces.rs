//! Leaves the namespaces of the caller.

use std::fs;
use std::io;

use rustix::thread::UnshareFlags;

use super::policy::{Namespaces, Network};
use super::raw;

/// The namespaces that are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Entered {
    /// User namespace.
    pub(super) user: bool,
    /// Mount, PID, IPC and UTS namespaces, which come together.
    pub(super) process: bool,
    /// Network namespace.
    pub(super) network: bool,
}

/// Enters new namespaces as far as the kernel grants them; the PID namespace is the next child's.
///
/// With the user namespace its one user is mapped to itself, so files keep their owner and no capability
/// counts outside. Without it (the kernel refuses) root can still have the others.
///
/// # Errors
/// When a user namespace was entered and its maps could not be written.
pub(super) fn enter(wish: Namespaces, network: Network) -> io::Result<Entered> {
    if wish == Namespaces::Never {
        return Ok(Entered::default());
    }
    let mut flags =
        UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    if network == Network::Off {
        flags |= UnshareFlags::NEWNET;
    }
    let uid = rustix::process::geteuid();
    let gid = rustix::process::getegid();
    let others = Entered { user: false, process: true, network: network == Network::Off };
    if raw::unshare(flags | UnshareFlags::NEWUSER).is_ok() {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{uid} {uid} 1", uid = uid.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{gid} {gid} 1", gid = gid.as_raw()))?;
        return Ok(Entered { user: true, ..others });
    }
    if raw::unshare(flags).is_ok() {
        return Ok(others);
    }
    Ok(Entered::default())
}
