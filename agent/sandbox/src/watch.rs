//! Looks after what no resource limit bounds: the sum over all processes, and the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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

/// The processes that are watched.
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
    /// True when another mechanism counts the processes exactly.
    counted: bool,
    /// Free space at the start, per writable root.
    free: Vec<(PathBuf, Free)>,
    page_bytes: u64,
}

/// The result of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Far from every bound.
    Fine,
    /// More than half of a bound is used: look again sooner.
    Near,
    /// A bound is overrun.
    Over(Overrun),
}

/// Free space of a disk.
#[derive(Debug, Clone, Copy)]
struct Free {
    bytes: u64,
    files: u64,
}

impl Watch {
    /// Starts with what is free now. `counted` says that another mechanism bounds the processes.
    pub(super) fn new(tree: Tree, limits: &Limits, roots: Vec<PathBuf>, counted: bool) -> Self {
        let free = roots.into_iter().filter_map(|root| Some((root.clone(), free(&root)?)));
        Self {
            tree,
            limits: limits.clone(),
            counted,
            free: free.collect(),
            page_bytes: rustix::param::page_size() as u64,
        }
    }

    /// Looks at everything that is bounded.
    pub(super) fn look(&self) -> Look {
        let processes = self.processes();
        let pages: u64 = processes.values().map(|process| process.resident_pages).sum();
        let memory = pages.saturating_mul(self.page_bytes);
        let mut used = vec![(memory, self.limits.memory_bytes, Overrun::Memory)];
        if !self.counted {
            let threads = processes.values().map(|process| process.threads).sum();
            used.push((threads, u64::from(self.limits.processes), Overrun::Processes));
        }
        for (root, before) in &self.free {
            let Some(now) = free(root) else { continue };
            let bytes = before.bytes.saturating_sub(now.bytes);
            used.push((bytes, self.limits.disk_bytes, Overrun::Disk));
            let files = before.files.saturating_sub(now.files);
            used.push((files, self.limits.files, Overrun::Files));
        }
        if let Some((.., overrun)) = used.iter().find(|(used, bound, _)| used > bound) {
            return Look::Over(*overrun);
        }
        let near = used.iter().any(|(used, bound, _)| *used > bound / 2);
        if near { Look::Near } else { Look::Fine }
    }

    /// Processes and threads that are alive or not waited for.
    pub(super) fn threads(&self) -> u64 {
        self.processes().values().map(|process| process.threads).sum()
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

fn free(root: &Path) -> Option<Free> {
    let stat = rustix::fs::statvfs(root).ok()?;
    let bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    Some(Free { bytes, files: stat.f_favail })
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
