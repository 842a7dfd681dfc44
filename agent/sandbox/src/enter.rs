//! The helper: the own binary, run again to set a sandbox up.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use super::execute::{Place, become_command, drop_capabilities};
use super::level::{Level, ProcessBound, TreeKill};
use super::namespaces::{self, Entered};
use super::policy::{Network, Policy};
use super::process_limit::ProcessLimit;
use super::raw::{self, Forked};
use super::relay::Relay;
use super::report::{Order, Report};
use super::supervise::{send, until_the_end};
use super::watch::{Tree, Watch, threads_of_user};
use super::{files, limits, notify, root};

/// First argument of a run as helper.
pub(super) const ARGUMENT: &str = "__lore-sandbox";

/// Becomes the helper and never returns, if that is what this process was started for.
///
/// Call it before anything else in `main`: it forks, and that is only sound while there is one thread.
pub fn enter_if_asked() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT) {
        let code = match help() {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("the sandbox's helper: {error}");
                125
            }
        };
        std::process::exit(code);
    }
}

/// Reads the order from standard input, which is the caller's socket, and follows it.
fn help() -> io::Result<()> {
    raw::close_from(3)?;
    // Its own duplicate is closed in what it starts; the standard input itself is replaced.
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let null: OwnedFd = File::open("/dev/null")?.into();
    rustix::stdio::dup2_stdin(&null)?;
    let mut line = String::new();
    BufReader::new(&socket).read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    if let Err(error) = start(&order, &socket) {
        send(&socket, &Report::Failed(error.to_string()));
    }
    Ok(())
}

/// The outer process: leaves the namespaces and waits for the inner one.
fn start(order: &Order, socket: &UnixStream) -> io::Result<()> {
    rustix::process::setsid()?;
    // The first to go when memory is short; only lowering needs a right.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    if rustix::process::geteuid().is_root() {
        // Groups such as those of disks and container daemons are none of the command's.
        rustix::thread::set_thread_groups(&[])?;
    }
    let relay = match order.policy.network {
        Network::Off if !order.policy.loopback_ports.is_empty() => Some(Relay::start()?),
        Network::Off | Network::Open => None,
    };
    let entered = namespaces::enter(order.policy.namespaces, order.policy.network)?;
    if let Some(relay) = relay {
        if entered.network {
            relay.listen(&order.policy.loopback_ports)?;
        } else {
            relay.end();
        }
    }
    if !entered.process {
        return below(order, socket, entered);
    }
    match raw::fork()? {
        Forked::Child => {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            below(order, socket, entered)
        }
        Forked::Parent(inner) => {
            wait_for(inner);
            Ok(())
        }
    }
}

fn wait_for(process: Pid) {
    while let Err(rustix::io::Errno::INTR) = waitpid(Some(process), WaitOptions::empty()) {}
}

/// The process above the command: the PID namespace's first, or a subreaper.
fn below(order: &Order, socket: &UnixStream, entered: Entered) -> io::Result<()> {
    let policy = &order.policy;
    // RLIMIT_NPROC holds for everybody else.
    let root = rustix::process::geteuid().is_root();
    let bounded = if entered.process {
        let processes = root.then(|| policy.limits.processes.saturating_add(limits::HELPERS));
        match root::enter(policy, processes) {
            Ok(bounded) => bounded || !root,
            Err(error) => {
                send(socket, &Report::NoRoot(error.to_string()));
                return Ok(());
            }
        }
    } else {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        !root
    };
    let level = Level {
        landlock_abi: files::abi(),
        seccomp: seccomp_exists(),
        user_namespace: entered.user,
        private_root: entered.process,
        network_namespace: entered.network,
        tree_kill: if entered.process { TreeKill::PidNamespace } else { TreeKill::Subreaper },
        // Until the command's own thread knows better.
        process_bound: if bounded { ProcessBound::Kernel } else { ProcessBound::Watched },
        uid: rustix::process::geteuid().as_raw(),
    };
    run(order, socket, entered, level)
}

/// Returns true when the kernel has seccomp filters: it shows the field only then.
fn seccomp_exists() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nSeccomp:"))
}

fn run(order: &Order, socket: &UnixStream, entered: Entered, level: Level) -> io::Result<()> {
    let policy = &order.policy;
    let place = Place {
        private_root: entered.process,
        other_processes: if entered.user { 0 } else { threads_of_user() },
    };
    let tree = if entered.process {
        Tree::Namespace
    } else {
        Tree::Descendants(rustix::process::getpid().as_raw_nonzero().get())
    };
    let (ours, theirs) = UnixStream::pair()?;
    match raw::fork()? {
        Forked::Child => {
            drop(ours);
            let error = become_command(order, place, socket, &theirs, level);
            // The caller listens to the report before `Ready` and to the output after it.
            send(socket, &Report::Failed(error.to_string()));
            eprintln!("{error}");
            std::process::exit(126)
        }
        Forked::Parent(command) => {
            drop(theirs);
            drop_capabilities()?;
            let listener = notify::take_over(&ours);
            let disks = disks(policy, entered.process);
            let watch = Watch::new(tree, &policy.limits, disks, listener.is_some());
            let limit =
                listener.map(|listener| ProcessLimit::new(listener, policy.limits.processes));
            until_the_end(command, socket.try_clone()?, tree, &watch, limit)
        }
    }
}

/// The writable places, by the names that they have here.
fn disks(policy: &Policy, private_root: bool) -> Vec<PathBuf> {
    let scratch = if private_root { "/tmp".into() } else { policy.scratch.clone() };
    policy.writable().cloned().chain([scratch]).collect()
}
