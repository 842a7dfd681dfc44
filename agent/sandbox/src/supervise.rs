//! The process above the command: reaps, watches, and ends everything.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};

use super::process_limit::ProcessLimit;
use super::report::{Ended, Exit, Overrun, Report};
use super::watch::{Look, Tree, Watch};

/// Interval between checks of the bounds, and the interval from half of a bound on.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
const SHORT_TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
/// Time for which the subreaper keeps killing processes that fork.
const KILL_FOR: Duration = Duration::from_secs(10);

/// Watches `command` until it ends, the caller hangs up or a bound is overrun; then reports and ends the
/// process, and with it the tree. `limit` answers those that ask for a process.
pub(super) fn until_the_end(
    command: Pid,
    socket: UnixStream,
    tree: Tree,
    watch: &Watch,
    limit: Option<ProcessLimit>,
) -> ! {
    let ending = Mutex::new(());
    let conclude = |exit: Exit, overrun: Option<Overrun>| {
        // Held for good: the process exits inside.
        let _once = ending.lock();
        if matches!(tree, Tree::Descendants(_)) {
            kill_all(watch);
        }
        send(&socket, &Report::Ended(Ended { exit, overrun }));
        std::process::exit(0)
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match wait(WaitOptions::empty()) {
                    Ok(Some((pid, status))) if pid == command => conclude(exit_of(status), None),
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(_) => conclude(Exit::Killed, None),
                }
            }
        });
        if let Some(limit) = limit {
            let conclude = &conclude;
            scope.spawn(move || {
                if limit.serve(|| watch.threads()) {
                    conclude(Exit::Killed, Some(Overrun::Processes));
                }
            });
        }
        let mut tick = TICK;
        loop {
            let mut descriptors = [PollFd::new(&socket, PollFlags::IN)];
            let _ = poll(&mut descriptors, Some(&tick));
            let events = descriptors[0].revents();
            if events.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
                && !matches!((&socket).read(&mut [0; 64]), Ok(1..))
            {
                conclude(Exit::Killed, None);
            }
            match watch.look() {
                Look::Fine => tick = TICK,
                Look::Near => tick = SHORT_TICK,
                Look::Over(overrun) => conclude(Exit::Killed, Some(overrun)),
            }
        }
    })
}

/// Sends one report; a caller that hung up does not hear it.
pub(super) fn send(mut socket: &UnixStream, report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        let _ = socket.write_all(&line);
    }
}

fn exit_of(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Killed,
    }
}

/// Kills the descendants of this subreaper until there is none.
fn kill_all(watch: &Watch) {
    let began = Instant::now();
    while began.elapsed() < KILL_FOR {
        let alive = watch.alive();
        if alive.is_empty() {
            return;
        }
        // Stopped first, so that what is seen now cannot fork while it is killed.
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in alive.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                let _ = kill_process(pid, signal);
            }
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}
