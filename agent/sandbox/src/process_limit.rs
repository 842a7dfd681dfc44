//! A bound on processes for root on kernels without `pid_bound`.
//!
//! RLIMIT_NPROC exempts the machine's root, also inside a user namespace in which root is mapped to itself, and
//! control groups are often not ours to write. So the kernel holds every call that makes a process or thread
//! (`notify`) until the supervisor has counted. What was counted leaves room for so many more, and the next count
//! is due when that room is used: far from the bound a new process costs one message to the supervisor and no
//! counting.
//!
//! The bound is exact: a call that was allowed and may not have happened yet counts as happened. Such a
//! thread is running or waits inside the kernel; one that sleeps, is stopped or is gone has made its process.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::Duration;

use super::notify::{self, Answer, Notice};

/// Number of times a call that is over the bound is looked at again before it fails, and the time between.
const TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(1);
/// Calls over the bound after which the command is ended: a program may cope with a few, a fork bomb never
/// stops. Fewer for a lower bound.
const MAX_REFUSED: u32 = 100;

/// Answers the calls of one command.
#[derive(Debug)]
pub(super) struct ProcessLimit {
    listener: OwnedFd,
    /// Processes and threads at a time.
    bound: u64,
    /// Number of processes that still fit before the next count.
    room: u64,
    /// Threads that were allowed a call since the last count, or before it and may not have made it yet.
    allowed: BTreeSet<i32>,
    refused: u32,
}

impl ProcessLimit {
    /// At most `bound` processes and threads of those who are listened to.
    pub(super) fn new(listener: OwnedFd, bound: u32) -> Self {
        let bound = u64::from(bound);
        Self { listener, bound, room: 0, allowed: BTreeSet::new(), refused: 0 }
    }

    /// Answers until so many calls were over the bound that the command is to be ended (true), or until
    /// nobody is left who could ask. `count` gives the processes and threads that are alive.
    pub(super) fn serve(mut self, count: impl Fn() -> u64) -> bool {
        loop {
            match notify::receive(&self.listener) {
                Ok(notice) => {
                    if self.decide(notice, &count) {
                        return true;
                    }
                }
                Err(error) => match error.raw_os_error() {
                    // Taken back by a signal; or nobody is left, which the supervisor sees by itself.
                    Some(libc::ENOENT | libc::EINTR) => {
                        if self.is_abandoned() {
                            return false;
                        }
                    }
                    _ => return false,
                },
            }
        }
    }

    fn decide(&mut self, notice: Notice, count: impl Fn() -> u64) -> bool {
        // It asks again, so what it was allowed before has happened.
        self.allowed.remove(&notice.thread);
        for _ in 0..TRIES {
            if self.room == 0 {
                self.recount(&count);
            }
            if self.room > 0 {
                if notify::answer(&self.listener, notice, Answer::Continue).is_ok() {
                    self.room -= 1;
                    self.allowed.insert(notice.thread);
                }
                return false;
            }
            sleep(BETWEEN_TRIES);
        }
        let _ = notify::answer(&self.listener, notice, Answer::Again);
        self.refused += 1;
        u64::from(self.refused) >= u64::from(MAX_REFUSED).min(self.bound)
    }

    /// Looks for those that may still make a process before it counts, so that nobody falls in between.
    fn recount(&mut self, count: impl Fn() -> u64) {
        self.allowed.retain(|thread| may_be_inside_the_kernel(*thread));
        let pending = self.allowed.len() as u64;
        self.room = self.bound.saturating_sub(count().saturating_add(pending));
    }

    /// Returns true when no process is left that could ask.
    fn is_abandoned(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut descriptors = [PollFd::new(&self.listener, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let _ = poll(&mut descriptors, Some(&at_once));
        descriptors[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

/// Returns true when a thread runs or waits uninterruptibly, so that a call it began may be under way. By the
/// state in proc_pid_stat(5); a call that makes a process sleeps in no other state before the process exists.
fn may_be_inside_the_kernel(thread: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{thread}/stat")) else { return false };
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, Some('R' | 'D') | None)
}
