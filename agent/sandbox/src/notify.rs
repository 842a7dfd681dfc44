//! Seccomp user notification: the kernel holds each call that makes a process until it is answered.
//!
//! See seccomp_unotify(2). Nothing is decided by arguments, which the asking process could change meanwhile;
//! that it asks at all is the information.
#![allow(unsafe_code)]

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The calls that make a process or a thread; `clone3` does not exist for a command.
#[cfg(target_arch = "x86_64")]
const MAKE: &[libc::c_long] = &[libc::SYS_clone, libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const MAKE: &[libc::c_long] = &[libc::SYS_clone];

/// Room for the kernel's structures, which may grow: four and more times what they are now, in words.
const ROOM_WORDS: usize = 64;

/// A call that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notice {
    /// By which it is answered.
    id: u64,
    /// The thread that asks, in the namespace of the listener.
    pub(super) thread: i32,
}

/// The answer to a held call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The kernel carries it out.
    Continue,
    /// It fails with EAGAIN, as over a limit of the kernel.
    Again,
}

/// Installs the filter on this thread, which needs `no_new_privs`, and gives the end that listens.
///
/// # Errors
/// When the kernel has no notification that can be continued (before Linux 5.5), or another process listens to this
/// process already.
pub(super) fn install() -> io::Result<OwnedFd> {
    let program = program();
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let listen = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // With the second flag (Linux 5.19) only what kills ends a call that is being answered.
    for flags in [listen | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, listen] {
        // SAFETY: the program outlives the call, which copies it.
        let listener = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const filter,
            )
        };
        if let Ok(listener) = i32::try_from(listener)
            && listener >= 0
        {
            // SAFETY: just made, owned by nobody else.
            return Ok(unsafe { OwnedFd::from_raw_fd(listener) });
        }
    }
    Err(io::Error::last_os_error())
}

/// Asks for every call of [`MAKE`] and allows all others. That a call is of another architecture is for the
/// filters beside it, which are stricter and therefore win.
fn program() -> Vec<libc::sock_filter> {
    let step = |code: u32, jump_if_equal: usize, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap_or(0),
        jt: u8::try_from(jump_if_equal).unwrap_or(0),
        jf: 0,
        k,
    };
    let number_of_call = 0;
    let mut program = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, number_of_call)];
    for (at, call) in MAKE.iter().enumerate() {
        let number = u32::try_from(*call).unwrap_or(u32::MAX);
        program.push(step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, MAKE.len() - at, number));
    }
    program.push(step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    program.push(step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_USER_NOTIF));
    program
}

/// Gives the listening end, or that there is none, to the holder of the other end of `socket`.
///
/// # Errors
/// When the other end is closed.
pub(super) fn hand_over(socket: &UnixStream, listener: Option<&OwnedFd>) -> io::Result<()> {
    let descriptors: Vec<_> = listener.iter().map(|listener| listener.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    sendmsg(socket, &[IoSlice::new(b".")], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Takes what [`hand_over`] gives; also none when the other end is closed without a word.
pub(super) fn take_over(socket: &UnixStream) -> Option<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [IoSliceMut::new(&mut byte)];
    while let Err(rustix::io::Errno::INTR) =
        recvmsg(socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)
    {}
    control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    })
}

/// Waits for the next held call.
///
/// # Errors
/// `NotFound` when it was given up before it was taken, `Interrupted`; others are for good.
pub(super) fn receive(listener: &OwnedFd) -> io::Result<Notice> {
    let mut room = [0_u64; ROOM_WORDS];
    // SAFETY: the buffer is zeroed as the call wants, aligned, and larger than the kernel's structure.
    let got = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, room.as_mut_ptr())
    };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    // `struct seccomp_notif` begins with the id (64 bits) and the thread (32 bits).
    let bytes = room[1].to_ne_bytes();
    let thread = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    Ok(Notice { id: room[0], thread })
}

/// Answers a held call.
///
/// # Errors
/// `NotFound` when a signal took it back meanwhile: it did not happen.
pub(super) fn answer(listener: &OwnedFd, notice: Notice, answer: Answer) -> io::Result<()> {
    #[repr(C)]
    struct Response {
        id: u64,
        value: i64,
        error: i32,
        flags: u32,
    }
    let (error, flags) = match answer {
        Answer::Continue => (0, 1),
        Answer::Again => (-libc::EAGAIN, 0),
    };
    let response = Response { id: notice.id, value: 0, error, flags };
    // SAFETY: the structure is `struct seccomp_notif_resp`, which has no other fields, and outlives the call.
    let sent = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const response)
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
