//! Landlock: the kernel's second opinion on files, and on signals, abstract sockets and TCP.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};

use super::policy::{DEVICES, ETC, Network, Policy, SYSTEM};
use super::raw;

/// The latest ABI that is asked for; older kernels give what they have.
const WANTED: ABI = ABI::V10;

/// Landlock's ABI as far as it is used here; 0 is none.
pub(super) fn abi() -> u32 {
    raw::landlock_abi().min(WANTED as u32)
}

/// Restricts this thread and everything that it becomes. `private_root` says that the process is in the
/// root that `root::enter` builds, where `/proc` and `/tmp` are its own.
///
/// # Errors
/// Fails when the kernel has Landlock and refuses the rules.
pub(super) fn restrict(policy: &Policy, private_root: bool) -> Result<(), RulesetError> {
    if abi() == 0 {
        return Ok(());
    }
    let read = AccessFs::from_read(WANTED);
    let all = AccessFs::from_all(WANTED);
    let device: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::WriteFile;

    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?;
    if policy.network == Network::Off {
        ruleset = ruleset.handle_access(AccessNet::from_all(WANTED))?;
    }
    let ruleset = ruleset.scope(Scope::from_all(WANTED))?.create()?;

    let mut readable: Vec<PathBuf> = SYSTEM.iter().chain(ETC).map(PathBuf::from).collect();
    readable.extend(policy.read.iter().cloned());
    let mut writable: Vec<PathBuf> = policy.writable().cloned().collect();
    if private_root {
        readable.push("/proc".into());
        writable.extend(["/tmp".into(), "/dev/shm".into()]);
    } else {
        // Of the machine's `/proc` only what programs size themselves by; other processes' command lines
        // are nobody's business.
        readable.extend(
            ["/proc/cpuinfo", "/proc/meminfo", "/proc/self", "/proc/sys/vm/overcommit_memory"]
                .map(PathBuf::from),
        );
        writable.push(policy.scratch.clone());
    }
    let ports = policy.loopback_ports.iter().filter(|_| policy.network == Network::Off);
    ruleset
        .add_rules(
            ports.map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp))),
        )?
        .add_rules(path_beneath_rules(existing(readable), read))?
        .add_rules(path_beneath_rules(existing(writable), all))?
        .add_rules(path_beneath_rules(DEVICES.iter().map(Path::new), device))?
        .restrict_self()?;
    Ok(())
}

fn existing(paths: Vec<PathBuf>) -> impl Iterator<Item = PathBuf> {
    paths.into_iter().filter(|path| path.exists())
}
