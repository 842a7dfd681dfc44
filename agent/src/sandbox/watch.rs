//! Looks after what no resource limit bounds: the sum over all processes, and the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::policy::Limits;
use super::report::Overrun;

/// One process, as `/proc/PID/stat` tells.
#[derive(Debug, Clone, Copy)]
struct Process {
    parent: i32,
    threads: u64,
    resident_pages: u64,
    zombie: bool,
}

/// Which processes are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    /// All that `/proc` shows but the first, which is the watcher.
    Namespace,
    /// The descendants of a process.
    Descendants(i32),
}

/// The watch over one command.
#[derive(Debug)]
pub(super) struct Watch {
    tree: Tree,
    limits: Limits,
    /// Free bytes at the start, per writable root.
    free: Vec<(PathBuf, u64)>,
    page_bytes: u64,
}

impl Watch {
    /// Starts with the free space as it is now.
    pub(super) fn new(tree: Tree, limits: &Limits, roots: Vec<PathBuf>) -> Self {
        let free = roots.into_iter().filter_map(|root| Some((root.clone(), free_bytes(&root)?)));
        Self {
            tree,
            limits: limits.clone(),
            free: free.collect(),
            page_bytes: rustix::param::page_size() as u64,
        }
    }

    /// The bound that is overrun now, if any.
    pub(super) fn overrun(&self) -> Option<Overrun> {
        let processes = self.processes();
        let threads: u64 = processes.values().map(|process| process.threads).sum();
        if threads > u64::from(self.limits.processes) {
            return Some(Overrun::Processes);
        }
        let pages: u64 = processes.values().map(|process| process.resident_pages).sum();
        if pages.saturating_mul(self.page_bytes) > self.limits.memory_bytes {
            return Some(Overrun::Memory);
        }
        let full = self.free.iter().any(|(root, before)| {
            free_bytes(root).is_some_and(|now| before.saturating_sub(now) > self.limits.disk_bytes)
        });
        full.then_some(Overrun::Disk)
    }

    /// Ids of the processes that are alive.
    pub(super) fn alive(&self) -> Vec<i32> {
        self.processes().iter().filter(|(_, p)| !p.zombie).map(|(pid, _)| *pid).collect()
    }

    fn processes(&self) -> BTreeMap<i32, Process> {
        let mut all = all_processes();
        match self.tree {
            Tree::Namespace => {
                all.remove(&1);
                all
            }
            Tree::Descendants(root) => {
                let descends = |mut pid: i32| {
                    // Bounded: a chain of parents cannot be longer than the table.
                    for _ in 0..all.len() {
                        match all.get(&pid) {
                            Some(process) if process.parent == root => return true,
                            Some(process) => pid = process.parent,
                            None => return false,
                        }
                    }
                    false
                };
                let below: Vec<i32> = all.keys().copied().filter(|pid| descends(*pid)).collect();
                below.into_iter().filter_map(|pid| Some((pid, *all.get(&pid)?))).collect()
            }
        }
    }
}

/// Processes and threads that count against the own user's limit, as far as `/proc` shows them.
pub(super) fn threads_of_user() -> u64 {
    let uid = rustix::process::getuid().as_raw();
    let own = |pid: &i32| fs::metadata(format!("/proc/{pid}")).is_ok_and(|data| data.uid() == uid);
    let all = all_processes();
    all.iter().filter(|(pid, _)| own(pid)).map(|(_, process)| process.threads).sum()
}

fn all_processes() -> BTreeMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((pid, parse(&stat)?))
        })
        .collect()
}

/// Fields of proc_pid_stat(5), counted from the state, which follows the name in parentheses.
fn parse(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let threads = fields.nth(15)?.parse().ok()?;
    let resident_pages = fields.nth(3)?.parse::<i64>().ok()?.max(0).unsigned_abs();
    Some(Process { parent, threads, resident_pages, zombie: matches!(state, "Z" | "X") })
}

fn free_bytes(root: &PathBuf) -> Option<u64> {
    let stat = rustix::fs::statvfs(root).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_own_process_is_read_as_the_kernel_shows_it() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let process = parse(&stat).unwrap();
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
        assert_eq!(process.parent, parent);
        assert!(process.threads >= 1 && process.resident_pages > 0 && !process.zombie);
    }

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_shift_the_fields() {
        let mut fields = vec!["S", "7"];
        fields.extend(["0"; 15]);
        fields.extend(["3", "0", "0", "0", "42"]);
        let line = format!("12 (a) 1 (b c) {}", fields.join(" "));
        let process = parse(&line).unwrap();
        assert_eq!((process.parent, process.threads, process.resident_pages), (7, 3, 42));
    }
}
