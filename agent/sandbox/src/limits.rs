//! Resource limits of each process of a command.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::policy::Limits;

/// Processes and threads of the helper, which count against the same limit, and a few more: where processes are
/// counted, the count is to be met first, since only it ends a command that keeps asking.
pub(super) const HELPERS: u32 = 16;

/// Sets the limits on this process; its children inherit them.
///
/// `others` is how many processes the user already has that count against the same limit (none in a user
/// namespace, which counts for itself).
///
/// # Errors
/// Fails when the kernel refuses.
pub(super) fn apply(limits: &Limits, others: u64) -> io::Result<()> {
    let processes = u64::from(limits.processes.saturating_add(HELPERS)).saturating_add(others);
    for (resource, value) in [
        (Resource::Core, 0),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Data, limits.memory_bytes),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Nproc, processes),
        (Resource::Memlock, 1 << 20),
        (Resource::Msgqueue, 0),
        (Resource::Nice, 0),
        (Resource::Rtprio, 0),
    ] {
        lower(resource, value)?;
    }
    Ok(())
}

/// Soft and hard limit to `value`, or to what already is in force if that is less.
fn lower(resource: Resource, value: u64) -> io::Result<()> {
    let value = getrlimit(resource).maximum.map_or(value, |hard| hard.min(value));
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    Ok(())
}
