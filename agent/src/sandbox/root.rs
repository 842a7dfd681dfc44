//! A root file system that holds only what was granted.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_change, mount_remount, move_mount, open_tree, unmount,
};

use super::policy::{DEVICES, ETC, Policy, SYSTEM};
use super::raw;

/// Lowest value that the kernel takes as `pid_max`; ids below are not given out again after a round.
const RESERVED_PIDS: u32 = 301;
/// Size of `/dev/shm` and of the root itself.
const SMALL_TMPFS: &std::ffi::CStr = c"size=64m,mode=1777";

/// What is put at a path of the new root.
enum Entry {
    /// A tree of the old root.
    Tree(OwnedFd),
    /// An empty directory that nobody may read.
    Nothing,
}

/// What the new root got besides files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Built {
    /// `pid_max` of the namespace is set, so its processes are bounded even for root.
    pub(super) process_limit: bool,
}

/// Builds the root and moves into it. The caller is the first process of new mount and PID namespaces.
///
/// # Errors
/// When the kernel refuses a mount; the process is then in no defined place and must end.
pub(super) fn enter(policy: &Policy) -> io::Result<Built> {
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .map_err(|e| told("making mounts private", Path::new("/"), e.into()))?;
    // Opened before anything is covered; mounted parents first.
    let entries = entries(policy)?;
    let base = ["/tmp", "/usr", "/etc"]
        .into_iter()
        .find(|path| Path::new(path).is_dir())
        .ok_or_else(|| io::Error::other("there is no directory to build a root on"))?;
    mount("tmpfs", base, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"size=4m,mode=755")
        .map_err(|e| told("mounting", Path::new(base), e.into()))?;
    std::env::set_current_dir(base)?;
    for link in SYSTEM.iter().filter(|path| Path::new(path).is_symlink()) {
        symlink(fs::read_link(link)?, inside(Path::new(link)))?;
    }
    for ((_, path), entry) in &entries {
        place(path, entry).map_err(|e| told("granting", path, e))?;
    }
    let process_limit = system_mounts(policy.limits.processes)?;
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")?;
    mount_remount(
        "/",
        MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV,
        c"",
    )?;
    Ok(Built { process_limit })
}

/// `path` below the directory that becomes the root and is the current one.
fn inside(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap_or(path).to_path_buf()
}

fn told(what: &str, path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

/// Everything to mount, keyed by depth and path so that parents come first.
fn entries(policy: &Policy) -> io::Result<BTreeMap<(usize, PathBuf), Entry>> {
    let mut entries = BTreeMap::new();
    let mut grant = |source: &Path, target: &Path, way: Way| -> io::Result<()> {
        if let Some(tree) = tree(source, way).map_err(|e| told("opening", source, e))? {
            entries.insert(key(target), Entry::Tree(tree));
        }
        Ok(())
    };
    for path in SYSTEM.iter().map(Path::new).filter(|path| !path.is_symlink()) {
        grant(path, path, Way::Read)?;
    }
    for path in ETC.iter().map(Path::new) {
        grant(path, path, Way::Read)?;
    }
    for path in DEVICES.iter().map(Path::new) {
        grant(path, path, Way::Device)?;
    }
    for path in &policy.read {
        grant(path, path, Way::Read)?;
    }
    for path in policy.writable() {
        grant(path, path, Way::Write)?;
    }
    grant(&policy.scratch, Path::new("/tmp"), Way::Write)?;
    for path in policy.exceptions() {
        if policy.hidden.contains(path) {
            if path.is_dir() {
                entries.insert(key(path), Entry::Nothing);
            } else if let Some(null) = tree(Path::new("/dev/null"), Way::Device)? {
                entries.insert(key(path), Entry::Tree(null));
            }
        } else if let Some(tree) = tree(path, Way::Read)? {
            entries.insert(key(path), Entry::Tree(tree));
        }
    }
    Ok(entries)
}

fn key(path: &Path) -> (usize, PathBuf) {
    (path.components().count(), path.to_path_buf())
}

/// How a tree is granted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Read,
    Write,
    Device,
}

/// A detached copy of the mounts at `path`, or none if nothing is there or we may not look.
fn tree(path: &Path, way: Way) -> io::Result<Option<OwnedFd>> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    match open_tree(CWD, path, flags) {
        Ok(tree) => {
            raw::restrict_mount(&tree, way == Way::Read, way == Way::Device)?;
            Ok(Some(tree))
        }
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::ACCESS | rustix::io::Errno::NOTDIR) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn place(path: &Path, entry: &Entry) -> io::Result<()> {
    let target = inside(path);
    match entry {
        Entry::Tree(tree) => {
            let directory = rustix::fs::fstat(tree)
                .map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir())?;
            if fs::symlink_metadata(&target).is_err() {
                let parent = if directory { Some(target.as_path()) } else { target.parent() };
                if let Some(parent) = parent {
                    fs::create_dir_all(parent)?;
                }
                if !directory {
                    fs::File::create_new(&target)?;
                }
            }
            move_mount(tree, "", CWD, &target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        }
        Entry::Nothing => {
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            mount("tmpfs", &target, "tmpfs", flags | MountFlags::RDONLY, c"size=4k,mode=000")?;
        }
    }
    Ok(())
}

/// `/proc` of the own PID namespace, `/dev/shm` and the usual links in `/dev`.
fn system_mounts(processes: u32) -> io::Result<bool> {
    fs::create_dir_all("proc")?;
    fs::create_dir_all("dev/shm")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "proc", "proc", flags, None)
        .map_err(|e| told("mounting", Path::new("/proc"), e.into()))?;
    let limit = RESERVED_PIDS.saturating_add(processes).to_string();
    let bounded = pid_max_is_ours() && fs::write("proc/sys/kernel/pid_max", &limit).is_ok();
    mount_remount("proc", flags | MountFlags::BIND | MountFlags::RDONLY, c"")?;
    mount("tmpfs", "dev/shm", "tmpfs", flags, SMALL_TMPFS)?;
    for (link, target) in [
        ("dev/fd", "/proc/self/fd"),
        ("dev/stdin", "/proc/self/fd/0"),
        ("dev/stdout", "/proc/self/fd/1"),
        ("dev/stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, link)?;
    }
    Ok(bounded)
}

/// Whether `pid_max` belongs to the PID namespace: since Linux 6.14. Before, it is the machine's, and root
/// would change it for everybody.
fn pid_max_is_ours() -> bool {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (6, 14),
        _ => false,
    }
}
