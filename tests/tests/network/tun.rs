//! A network device whose packets this process reads and writes, in a network of its own.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd as _;
use std::thread;

use rustix::ioctl::{Setter, ioctl, opcode};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// Name of the device.
pub(crate) const DEVICE: &str = "wire0";
/// `TUNSETIFF` of `linux/if_tun.h`.
const SET_NAME: rustix::ioctl::Opcode = opcode::write::<i32>(b'T', 202);
/// `IFF_TUN | IFF_NO_PI`: IP packets, without a header of the device.
const IP_PACKETS: u16 = 0x0001 | 0x1000;

/// `struct ifreq` of `linux/if.h`, as far as `TUNSETIFF` reads it.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

/// A network of its own, with nothing in it but one device.
#[derive(Debug)]
pub(crate) struct Network {
    place: File,
}

impl Network {
    /// A new network, and its device.
    ///
    /// # Panics
    /// Panics when the kernel refuses.
    pub(crate) fn new() -> (Self, File) {
        let made = thread::spawn(|| {
            // SAFETY: this thread is new, holds nothing of the old network, and ends with this closure.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.expect("a network of its own");
            let place = File::open("/proc/thread-self/ns/net").expect("it has a name");
            (Self { place }, device())
        });
        made.join().expect("the network is made")
    }

    /// Does something in this network: programs that it starts stay in it.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(self.place.as_fd(), kind).expect("the network is entered");
            work()
        };
        match thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn device() -> File {
    let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun");
    let device = device.expect("/dev/net/tun can be opened");
    let mut request = Request { name: [0; 16], flags: IP_PACKETS, rest: [0; 22] };
    request.name[..DEVICE.len()].copy_from_slice(DEVICE.as_bytes());
    // SAFETY: `TUNSETIFF` reads a `struct ifreq`, which `Request` is, and keeps no pointer to it.
    unsafe { ioctl(&device, Setter::<SET_NAME, Request>::new(request)) }.expect("a device");
    device
}
