//! The system calls that no library offers as safe functions.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::thread::UnshareFlags;

/// The side of a fork.
pub(super) enum Forked {
    /// The new process.
    Child,
    /// The old one, with the new one's id.
    Parent(rustix::process::Pid),
}

/// Forks. Only for a process with one thread.
///
/// # Errors
/// When the kernel grants no process.
pub(super) fn fork() -> io::Result<Forked> {
    // SAFETY: the helper calls this before it starts any thread (`enter_if_asked` is the first call of
    // `main`), so no lock is held by a thread that the child lacks.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => rustix::process::Pid::from_raw(pid)
            .map(Forked::Parent)
            .ok_or_else(|| io::Error::other("fork gave no process id")),
    }
}

/// Leaves namespaces for new ones.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: only `FILES` is unsafe, and it is never asked for.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(Into::into)
}

/// Closes every descriptor from `first` up.
///
/// # Errors
/// When the kernel has no `close_range` (before Linux 5.9).
pub(super) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: called at the very start of the helper, which owns no descriptor above the standard three
    // yet; whatever is open was inherited and nobody here refers to it.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `struct mount_attr` of the kernel.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Makes the mount at the descriptor, and all below it, ignore set-user-id bits, ignore devices unless they
/// are wanted, and read-only if asked.
///
/// # Errors
/// When the kernel refuses (before Linux 5.12, or without the right).
pub(super) fn restrict_mount(mount: &OwnedFd, read_only: bool, devices: bool) -> io::Result<()> {
    let mut set = libc::MOUNT_ATTR_NOSUID;
    if !devices {
        set |= libc::MOUNT_ATTR_NODEV;
    }
    if read_only {
        set |= libc::MOUNT_ATTR_RDONLY;
    }
    let attributes = MountAttributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    let fd: RawFd = mount.as_raw_fd();
    // SAFETY: the path is a static C string, the structure outlives the call and its size is its own.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd,
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Landlock's ABI of this kernel; 0 is none.
pub(super) fn landlock_abi() -> u32 {
    const VERSION: u32 = 1;
    // SAFETY: asks for the version only; no memory is passed.
    let abi = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            VERSION,
        )
    };
    u32::try_from(abi).unwrap_or(0)
}

/// Switches the interface `lo` of the own network namespace on.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn loopback_up(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: an all-zero `ifreq` is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or(1);
    // SAFETY: the structure outlives the call, which reads it.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
