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
use super::{pid_bound, raw};

/// Size of `/dev/shm`. Files are bounded too, since an empty one takes memory that no size counts.
const SMALL_TMPFS: &std::ffi::CStr = c"size=64m,nr_inodes=16k,mode=1777";

/// An entry at a path of the new root.
enum Entry {
    /// A tree of the old root.
    Tree(OwnedFd),
    /// An empty directory that nobody may read.
    Nothing,
}

/// Builds the root and moves into it. The caller is the first process of new mount and PID namespaces. `processes`
/// is how many numbers to leave to the PID namespace; true when the kernel keeps this bound.
///
/// # Errors
/// When the kernel refuses a mount; the process is then in no defined place and must end.
pub(super) fn enter(policy: &Policy, processes: Option<u32>) -> io::Result<bool> {
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
    // Before what is granted, which may lie below.
    let bounded = system_mounts(processes)?;
    for ((_, path), entry) in &entries {
        place(path, entry).map_err(|e| told("granting", path, e))?;
    }
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")?;
    mount_remount(
        "/",
        MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV,
        c"",
    )?;
    Ok(bounded)
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

/// The access granted to a tree.
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

/// `/proc` of the own PID namespace with a bound on `processes`, `/dev/shm` and the usual links in `/dev`. True when
/// the bound holds.
fn system_mounts(processes: Option<u32>) -> io::Result<bool> {
    fs::create_dir_all("proc")?;
    fs::create_dir_all("dev/shm")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "proc", "proc", flags, None)
        .map_err(|e| told("mounting", Path::new("/proc"), e.into()))?;
    let bounded = processes.map_or(Ok(false), pid_bound::leave)?;
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
