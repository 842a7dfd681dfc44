//! The last steps before the process becomes the command.

use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::level::{Level, ProcessBound};
use super::policy::{Network, Policy};
use super::report::{Order, Report};
use super::seccomp::{self, Sockets};
use super::supervise::send;
use super::{files, limits, notify};

/// Directories in which programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Facts found out before the fork.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The process is in a private root.
    pub(super) private_root: bool,
    /// Processes of the user that count against the same limit.
    pub(super) other_processes: u64,
}

/// Takes away what is left, says so and becomes the command. Returns only an error. Whoever holds the other
/// end of `counting` is given what it takes to count processes.
pub(super) fn become_command(
    order: &Order,
    place: Place,
    socket: &UnixStream,
    counting: &UnixStream,
    mut level: Level,
) -> io::Error {
    let Some((program, arguments)) = order.argv.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "there is no program to start");
    };
    // In the own root hidden paths are gone, and those that were asked about are held.
    let open = if place.private_root { Vec::new() } else { order.policy.exceptions() };
    let open: Vec<String> = open.iter().map(|path| path.display().to_string()).collect();
    let refuse = |level: Level, found: &Level| {
        let ports = &order.policy.loopback_ports;
        let why = found
            .missing(order.policy.minimum, &open)
            .or_else(|| found.missing_for_ports(ports))?;
        send(socket, &Report::Refused { level, why: why.clone() });
        Some(io::Error::other(why))
    };
    // Whether processes can be counted shows last.
    let hoped = match level.process_bound {
        ProcessBound::Watched => Level { process_bound: ProcessBound::Counted, ..level.clone() },
        ProcessBound::Counted | ProcessBound::Kernel => level.clone(),
    };
    if let Some(error) = refuse(hoped.clone(), &hoped) {
        return error;
    }
    // A held call is interrupted by signals, on which some shells give up: only where nothing else bounds.
    let listener = give_up_rights(&order.policy, place).map(|()| match level.process_bound {
        ProcessBound::Watched => notify::install().ok(),
        ProcessBound::Counted | ProcessBound::Kernel => None,
    });
    let handed = listener.and_then(|listener| {
        if listener.is_some() {
            level.process_bound = ProcessBound::Counted;
        }
        notify::hand_over(counting, listener.as_ref())
    });
    if let Err(error) = handed {
        return error;
    }
    if let Some(error) = refuse(level.clone(), &level) {
        return error;
    }
    let scratch =
        if place.private_root { Path::new("/tmp") } else { order.policy.scratch.as_path() };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", scratch)
        .env("TMPDIR", scratch)
        .env("LANG", "C.UTF-8")
        .env("TERM", "dumb")
        .envs(&order.policy.environment)
        .stdin(Stdio::null());
    send(socket, &Report::Ready(level));
    let error = command.exec();
    io::Error::new(error.kind(), format!("starting {program}: {error}"))
}

fn give_up_rights(policy: &Policy, place: Place) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A new session: no controlling terminal, and a process group that is the command's.
    rustix::process::setsid()?;
    std::env::set_current_dir(&policy.workspace)?;
    limits::apply(&policy.limits, place.other_processes)?;
    drop_capabilities()?;
    rustix::thread::set_no_new_privs(true)?;
    files::restrict(policy, place.private_root).map_err(io::Error::other)?;
    let internet = policy.network == Network::Open;
    // Names of sockets are names of files: outside a private root they are everybody's.
    let tcp = !policy.loopback_ports.is_empty();
    let sockets = Sockets { internet, tcp, unix: place.private_root };
    let programs = seccomp::programs(sockets).map_err(io::Error::other)?;
    seccomp::install(&programs).map_err(io::Error::other)
}

/// Gives up every capability for good, also those that a program of root would get back.
///
/// # Errors
/// Fails when the kernel refuses.
pub(super) fn drop_capabilities() -> io::Result<()> {
    // Without the right to (an ordinary user outside a user namespace) there is nothing to bound.
    for capability in CapabilitySet::all().iter() {
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets)?;
    Ok(())
}
