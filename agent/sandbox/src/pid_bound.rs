//! A bound on the processes of a PID namespace, kept by the kernel.
//!
//! Since Linux 6.14 each PID namespace has its own `kernel.pid_max` (pid_namespaces(7)). It holds for root, which
//! RLIMIT_NPROC exempts. A process or thread for which there is no number fails with EAGAIN.

use std::fs;
use std::io;

/// The first version whose `pid_max` is the namespace's. In an earlier one it is the whole machine's.
const SINCE: (u32, u32) = (6, 14);
/// Once numbers have passed this one, the kernel gives none below it any more (`RESERVED_PIDS`).
const RESERVED: u32 = 300;
const PID_MAX: &str = "proc/sys/kernel/pid_max";
const LAST_PID: &str = "proc/sys/kernel/ns_last_pid";

/// Leaves `processes` numbers to the caller's PID namespace, whose `/proc` is at `proc` in the current directory.
/// The caller is the namespace's first process. False when this kernel cannot, and nothing is changed then.
///
/// # Errors
/// Fails when the kernel takes one of the two settings and not the other.
pub(super) fn leave(processes: u32) -> io::Result<bool> {
    let release = rustix::system::uname();
    if version(&release.release().to_string_lossy()).is_none_or(|version| version < SINCE) {
        return Ok(false);
    }
    // Without it the numbers below the reserved ones would come on top.
    if fs::write(LAST_PID, RESERVED.to_string()).is_err() {
        return Ok(false);
    }
    fs::write(PID_MAX, RESERVED.saturating_add(processes).to_string())?;
    Ok(true)
}

/// Major and minor of a kernel's release, as `6.18.44-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_by_number() {
        assert_eq!(version("6.18.44-fc-v669"), Some((6, 18)));
        assert_eq!(version("6.9-rc1"), Some((6, 9)));
        assert_eq!(version("unknown"), None);
        assert!(version("6.9.1") < Some(SINCE) && version("5.15.0") < Some(SINCE));
        assert!(version("7.0.0") > Some(SINCE) && version("6.14.0-1-generic") == Some(SINCE));
    }
}
