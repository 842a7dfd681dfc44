//! Carries connections from a command's network namespace to services of the machine.
//!
//! A process of the caller's network namespace is given sockets that listen on 127.0.0.1 inside the
//! command's. What connects there is joined with the same port of the machine. The command has no other way
//! out, and what it says is only copied.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use super::notify::{hand_over, take_over};
use super::raw::{self, Forked};

/// The relaying process, as its parent holds it.
#[derive(Debug)]
pub(super) struct Relay {
    process: Pid,
    socket: UnixStream,
}

impl Relay {
    /// Starts the process. It dies with the caller, which has one thread and has left no namespace yet.
    ///
    /// # Errors
    /// Fails when the kernel refuses.
    pub(super) fn start() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let parent = rustix::process::getpid();
        match raw::fork()? {
            Forked::Parent(process) => Ok(Self { process, socket: ours }),
            Forked::Child => {
                drop(ours);
                std::process::exit(i32::from(serve(&theirs, parent).is_err()))
            }
        }
    }

    /// Listens on `ports` of the network namespace that the caller is in now, and lets the process relay.
    ///
    /// # Errors
    /// Fails when the kernel refuses.
    pub(super) fn listen(&self, ports: &[u16]) -> io::Result<()> {
        let any = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
        raw::loopback_up(&any)?;
        for port in ports {
            let listener: OwnedFd = TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?.into();
            hand_over(&self.socket, Some(&listener))?;
        }
        Ok(())
    }

    /// Ends the process, which nobody needs.
    pub(super) fn end(self) {
        drop(self.socket);
        while let Err(rustix::io::Errno::INTR) = waitpid(Some(self.process), WaitOptions::empty()) {
        }
    }
}

/// Relays for every listener that comes, until the parent dies.
fn serve(socket: &UnixStream, parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent whose command ended before this line sends no signal any more.
    if rustix::process::getppid() != Some(parent) {
        return Ok(());
    }
    let null: OwnedFd = std::fs::File::open("/dev/null")?.into();
    // The output is the command's, and open as long as a process holds it.
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    std::thread::scope(|scope| {
        while let Some(listener) = take_over(socket) {
            scope.spawn(move || accept(&TcpListener::from(listener)));
        }
    });
    Ok(())
}

fn accept(listener: &TcpListener) {
    let Ok(port) = listener.local_addr().map(|address| address.port()) else { return };
    for inside in listener.incoming().flatten() {
        // Nobody listens there: the connection is closed, as that of a service that went away.
        if let Ok(outside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            std::thread::spawn(move || join(&inside, &outside));
        }
    }
}

/// Copies both ways until both are at their ends.
fn join(inside: &TcpStream, outside: &TcpStream) {
    std::thread::scope(|scope| {
        scope.spawn(|| copy(inside, outside));
        copy(outside, inside);
    });
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    // An end that broke off is an end.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
