//! The attempts themselves, run inside and outside a sandbox by the same code.
#![allow(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The places that an attempt is after.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Targets {
    /// A file outside with the secret, readable by its owner alone.
    pub(crate) secret: PathBuf,
    /// A directory outside.
    pub(crate) outside: PathBuf,
    /// The workspace.
    pub(crate) workspace: PathBuf,
    /// A process outside, of the same user.
    pub(crate) victim: i32,
    /// Port of a TCP listener on the loopback address.
    pub(crate) tcp: u16,
    /// Port of a UDP socket on the loopback address.
    pub(crate) udp: u16,
    /// Name of an abstract socket.
    pub(crate) abstract_name: String,
    /// Path of a socket.
    pub(crate) socket: PathBuf,
    /// Limit for attempts to exhaust something.
    pub(crate) greed: u64,
}

/// The secret, wherever it is put.
pub(crate) const SECRET: &str = "the-secret-that-must-not-leave";
/// The variable that holds it in the environment of the caller.
pub(crate) const VARIABLE: &str = "LORE_TEST_SECRET";

type Attempt = fn(&Targets) -> io::Result<()>;

/// Attempts that either succeed or do not. `Ok` means: escaped.
pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("read a key outside", read_key),
    ("list a directory outside", |t| fs::read_dir(&t.outside).map(drop)),
    ("read /etc/shadow", |_| fs::read("/etc/shadow").map(drop)),
    ("write outside", |t| fs::write(t.outside.join("planted"), "x")),
    ("read through a symbolic link", read_by_symlink),
    ("read through a hard link", read_by_hard_link),
    ("read through /proc/PID/root", read_by_proc_root),
    ("read through /proc/PID/fd and cwd", read_by_proc_fd),
    ("read an inherited descriptor", read_inherited),
    ("read secrets from the environment", read_environment),
    ("read a process's environment", read_environ),
    ("open a file by its handle", open_by_handle),
    ("connect by TCP", |t| std::net::TcpStream::connect(("127.0.0.1", t.tcp)).map(drop)),
    ("send by UDP", send_udp),
    ("connect to an abstract socket", connect_abstract),
    ("connect to a socket outside", |t| UnixStream::connect(&t.socket).map(drop)),
    ("trace a process", |t| seize(t.victim)),
    ("read a process's memory", read_memory),
    ("signal a process", |t| signal(t.victim)),
    ("signal its supervisor", signal_supervisor),
    ("write a hook into .git", |t| fs::write(t.workspace.join(".git/hooks/post-checkout"), "x")),
    ("replace .git", replace_git),
    ("make a set-user-id file by chmod", setuid_by_chmod),
    ("make a set-user-id file by open", setuid_by_open),
    ("mount in a new namespace", mount_in_namespace),
    ("open the raw disk", open_disk),
    ("make a device", make_device),
    ("change a kernel setting", change_setting),
    ("use kernel keys", use_keys),
    ("use io_uring", use_io_uring),
    ("load a BPF program map", use_bpf),
    ("hold memory that nothing counts", memory_file),
    ("hold memory in semaphores", semaphores),
    ("reserve disk space at once", reserve_disk),
    ("type into a terminal", type_into_terminal),
];

/// Runs an attempt in this process; 0 is an escape, 10 is not.
pub(crate) fn run(name: &str, targets: &Targets) -> i32 {
    let outcome = match name {
        "fork bomb" => fork_bomb(targets),
        "thread bomb" => thread_bomb(targets),
        "make many files" => many_files(targets),
        "fill the disk" => fill_disk(targets),
        "memory hog" => memory_hog(targets),
        "memory hog of many" => memory_hog_of_many(targets),
        "outlive the time-out" => outlive(targets),
        "delete the workspace" => fs::remove_dir_all(&targets.workspace),
        _ => match ATTEMPTS.iter().find(|(known, _)| *known == name) {
            Some((_, attempt)) => attempt(targets),
            None => Err(io::Error::other("no such attempt")),
        },
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            println!("{error}");
            10
        }
    }
}

fn done(returned: libc::c_long) -> io::Result<libc::c_long> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

fn is_secret(text: &[u8]) -> io::Result<()> {
    if text.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()) {
        Ok(())
    } else {
        Err(io::Error::other("nothing secret in it"))
    }
}

fn read_key(t: &Targets) -> io::Result<()> {
    is_secret(&fs::read(&t.secret)?)
}

fn read_by_symlink(t: &Targets) -> io::Result<()> {
    let link = t.workspace.join("link");
    let _ = fs::remove_file(&link);
    symlink(&t.secret, &link)?;
    is_secret(&fs::read(link)?)
}

fn read_by_hard_link(t: &Targets) -> io::Result<()> {
    let link = t.workspace.join("hard");
    let _ = fs::remove_file(&link);
    fs::hard_link(&t.secret, &link)?;
    is_secret(&fs::read(link)?)
}

fn read_by_proc_root(t: &Targets) -> io::Result<()> {
    let below = t.secret.strip_prefix("/").unwrap_or(&t.secret);
    let mut last = io::Error::other("no process");
    for process in ["self".to_owned(), "1".to_owned(), t.victim.to_string()] {
        match fs::read(Path::new("/proc").join(process).join("root").join(below)) {
            Ok(text) => return is_secret(&text),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn read_by_proc_fd(t: &Targets) -> io::Result<()> {
    let victim = Path::new("/proc").join(t.victim.to_string());
    let by_cwd = fs::read(victim.join("cwd").join("secret"));
    if let Ok(text) = by_cwd {
        return is_secret(&text);
    }
    // Also out of the own directory, by a descriptor and dots.
    let workspace = File::open(&t.workspace)?;
    let up = "../".repeat(t.workspace.components().count());
    let below = t.secret.strip_prefix("/").unwrap_or(&t.secret);
    let path = format!("/proc/self/fd/{}/{up}{}", workspace.as_raw_fd(), below.display());
    is_secret(&fs::read(path)?)
}

fn read_inherited(_: &Targets) -> io::Result<()> {
    for descriptor in 3..256 {
        // SAFETY: reading a descriptor that may not be open fails; nothing else here owns it.
        let mut file = unsafe { File::from_raw_fd(descriptor) };
        let mut text = [0; 64];
        let read = file.read(&mut text);
        std::mem::forget(file);
        if read.is_ok_and(|n| is_secret(&text[..n]).is_ok()) {
            return Ok(());
        }
    }
    Err(io::Error::other("none is open"))
}

fn read_environment(_: &Targets) -> io::Result<()> {
    match std::env::var(VARIABLE) {
        Ok(value) => is_secret(value.as_bytes()),
        Err(error) => Err(io::Error::other(error)),
    }
}

fn read_environ(t: &Targets) -> io::Result<()> {
    let mut last = io::Error::other("no process");
    for process in ["1".to_owned(), t.victim.to_string()] {
        match fs::read(Path::new("/proc").join(process).join("environ")) {
            Ok(text) if is_secret(&text).is_ok() => return Ok(()),
            Ok(_) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn open_by_handle(t: &Targets) -> io::Result<()> {
    #[repr(C)]
    struct Handle {
        size: u32,
        kind: i32,
        bytes: [u8; 128],
    }
    let path = std::ffi::CString::new(t.secret.as_os_str().as_encoded_bytes())?;
    let mut handle = Handle { size: 128, kind: 0, bytes: [0; 128] };
    let mut mount = 0;
    // SAFETY: both structures outlive the calls and have the sizes that they tell.
    let file = unsafe {
        done(libc::syscall(
            libc::SYS_name_to_handle_at,
            libc::AT_FDCWD,
            path.as_ptr(),
            &raw mut handle,
            &raw mut mount,
            0,
        ))?;
        let root = File::open("/")?;
        done(libc::syscall(
            libc::SYS_open_by_handle_at,
            root.as_raw_fd(),
            &raw mut handle,
            libc::O_RDONLY,
        ))?
    };
    // SAFETY: just opened, owned by nobody else.
    let mut file = unsafe { File::from_raw_fd(i32::try_from(file).map_err(io::Error::other)?) };
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    is_secret(&text)
}

fn send_udp(t: &Targets) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(("127.0.0.1", t.udp))?;
    socket.send(b"ping")?;
    // Sending says nothing on an interface that is down or behind which nobody listens.
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.recv(&mut [0; 8]).map(drop)
}

fn connect_abstract(t: &Targets) -> io::Result<()> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(&t.abstract_name)?).map(drop)
}

fn seize(pid: i32) -> io::Result<()> {
    // SAFETY: no memory is passed.
    unsafe { done(libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, pid, 0, 0)) }.map(drop)
}

fn read_memory(t: &Targets) -> io::Result<()> {
    File::open(Path::new("/proc").join(t.victim.to_string()).join("mem")).map(drop)
}

fn signal(pid: i32) -> io::Result<()> {
    // SAFETY: no memory is passed; signal 0 only asks whether it would be allowed.
    done(unsafe { libc::kill(pid, 0) }.into()).map(drop)
}

/// Whoever waits for this process: outside a sandbox its parent, inside the first process above. A signal
/// that reaches it and has no effect (as on the first process of a namespace) is no escape.
fn signal_supervisor(_: &Targets) -> io::Result<()> {
    // SAFETY: no memory is passed.
    let parent = unsafe { libc::getppid() };
    if parent == 1 {
        // SAFETY: as above; ignored by the first process of a PID namespace.
        unsafe { libc::kill(1, libc::SIGKILL) };
        std::thread::sleep(Duration::from_millis(50));
        return Err(io::Error::other("the first process of the namespace ignores it"));
    }
    signal(parent)
}

fn replace_git(t: &Targets) -> io::Result<()> {
    fs::rename(t.workspace.join(".git"), t.workspace.join("old-git"))?;
    fs::create_dir(t.workspace.join(".git"))
}

fn setuid_by_chmod(t: &Targets) -> io::Result<()> {
    let path = t.workspace.join("by-chmod");
    fs::write(&path, "x")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4755))?;
    has_setuid(&path)
}

fn setuid_by_open(t: &Targets) -> io::Result<()> {
    let path = t.workspace.join("by-open");
    let _ = fs::remove_file(&path);
    OpenOptions::new().write(true).create_new(true).mode(0o4755).open(&path)?;
    has_setuid(&path)
}

fn has_setuid(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o6000 == 0 {
        return Err(io::Error::other("the bit is not set"));
    }
    Ok(())
}

fn mount_in_namespace(t: &Targets) -> io::Result<()> {
    let target = std::ffi::CString::new(t.workspace.as_os_str().as_encoded_bytes())?;
    // SAFETY: the strings outlive the calls.
    unsafe {
        done(libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS).into())?;
        let kind = c"tmpfs".as_ptr();
        done(libc::mount(kind, target.as_ptr(), kind, 0, std::ptr::null()).into())?;
    }
    Ok(())
}

fn open_disk(_: &Targets) -> io::Result<()> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for disk in ["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmsg"] {
        match File::open(disk) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

fn make_device(t: &Targets) -> io::Result<()> {
    let path = std::ffi::CString::new(t.workspace.join("device").as_os_str().as_encoded_bytes())?;
    // SAFETY: the string outlives the call.
    let made = unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(1, 3)) };
    done(made.into()).map(drop)
}

fn change_setting(_: &Targets) -> io::Result<()> {
    let path = "/proc/sys/vm/swappiness";
    // The same value again: harmless where it succeeds.
    let value = fs::read(path).unwrap_or_else(|_| b"60".to_vec());
    OpenOptions::new().write(true).open(path)?.write_all(&value)
}

fn use_keys(_: &Targets) -> io::Result<()> {
    // The process's own keyring: gone with it.
    const PROCESS_KEYRING: libc::c_long = -2;
    // SAFETY: the strings are static.
    let key = unsafe {
        libc::syscall(
            libc::SYS_add_key,
            c"user".as_ptr(),
            c"lore-test".as_ptr(),
            c"x".as_ptr(),
            1,
            PROCESS_KEYRING,
        )
    };
    done(key).map(drop)
}

fn use_io_uring(_: &Targets) -> io::Result<()> {
    let mut parameters = [0_u8; 256];
    // SAFETY: the structure (120 bytes) fits.
    done(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) }).map(drop)
}

fn use_bpf(_: &Targets) -> io::Result<()> {
    // An array map of one element.
    let attributes: [u32; 32] =
        std::array::from_fn(|at| [2, 4, 4, 1].get(at).copied().unwrap_or(0));
    // SAFETY: the structure outlives the call and has the size told.
    let map =
        unsafe { libc::syscall(libc::SYS_bpf, 0, attributes.as_ptr(), size_of_val(&attributes)) };
    done(map).map(drop)
}

fn memory_file(_: &Targets) -> io::Result<()> {
    // SAFETY: the string is static.
    done(unsafe { libc::syscall(libc::SYS_memfd_create, c"x".as_ptr(), 0) }).map(drop)
}

fn semaphores(_: &Targets) -> io::Result<()> {
    // SAFETY: no memory is passed.
    unsafe {
        let set = libc::syscall(libc::SYS_semget, libc::IPC_PRIVATE, 1000, 0o600);
        let set = i32::try_from(done(set)?).map_err(io::Error::other)?;
        // Outside nobody else would remove it.
        libc::semctl(set, 0, libc::IPC_RMID);
    }
    Ok(())
}

fn reserve_disk(t: &Targets) -> io::Result<()> {
    let file = File::create(t.workspace.join("reserved"))?;
    // SAFETY: no memory is passed. Not by the C library, which would write instead.
    done(unsafe { libc::syscall(libc::SYS_fallocate, file.as_raw_fd(), 0, 0, 16 << 20) }).map(drop)
}

fn type_into_terminal(_: &Targets) -> io::Result<()> {
    // SAFETY: the byte outlives the call; whether the descriptor is a terminal does not matter.
    let typed = unsafe { libc::ioctl(1, libc::TIOCSTI, c"x".as_ptr()) };
    let error = io::Error::last_os_error();
    if typed == 0 {
        return Ok(());
    }
    if error.raw_os_error() == Some(libc::EPERM) {
        return Err(error);
    }
    // Standard output is no terminal: a child, which leads no group yet, gets one of its own.
    // SAFETY: one thread.
    match unsafe { libc::fork() } {
        0 => std::process::exit(i32::from(type_into_own_terminal().is_err())),
        child => {
            let mut status = 0;
            // SAFETY: the status outlives the call.
            done(unsafe { libc::waitpid(child, &raw mut status, 0) }.into())?;
            if status == 0 { Ok(()) } else { Err(io::Error::other("not even into an own one")) }
        }
    }
}

fn type_into_own_terminal() -> io::Result<()> {
    // SAFETY: the buffers outlive the calls; the descriptors are opened here.
    unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY);
        done(master.into())?;
        done(libc::grantpt(master).into())?;
        done(libc::unlockpt(master).into())?;
        let mut name = [0; 64];
        if libc::ptsname_r(master, name.as_mut_ptr(), name.len()) != 0 {
            return Err(io::Error::last_os_error());
        }
        done(libc::setsid().into())?;
        let terminal = libc::open(name.as_ptr(), libc::O_RDWR);
        done(terminal.into())?;
        done(libc::ioctl(terminal, libc::TIOCSCTTY, 0).into())?;
        done(libc::ioctl(terminal, libc::TIOCSTI, c"x".as_ptr()).into())?;
    }
    Ok(())
}

/// The file in which every process of a bomb leaves a byte.
pub(crate) const BORN: &str = "born";

/// Every process makes processes, for ever; each says that it was born, and none ends before all do.
fn fork_bomb(t: &Targets) -> io::Result<()> {
    let path = t.workspace.join(BORN);
    let mut born = OpenOptions::new().create(true).append(true).open(&path)?;
    born.write_all(b".")?;
    while born.metadata()?.len() < t.greed {
        // SAFETY: one thread, in the child as well.
        match unsafe { libc::fork() } {
            -1 => std::thread::sleep(Duration::from_millis(5)),
            0 => born.write_all(b".")?,
            _ => {}
        }
    }
    // SAFETY: the group is the own one, made by the caller of this program.
    unsafe { libc::kill(0, libc::SIGKILL) };
    Ok(())
}

/// As many threads as there can be.
fn thread_bomb(t: &Targets) -> io::Result<()> {
    for number in 1..=t.greed {
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        let started = thread.spawn(|| std::thread::sleep(Duration::from_secs(60)));
        started.map_err(|error| io::Error::other(format!("after {number} threads: {error}")))?;
    }
    Ok(())
}

fn many_files(t: &Targets) -> io::Result<()> {
    let many = t.workspace.join("many");
    fs::create_dir_all(&many)?;
    for number in 0..t.greed {
        File::create(many.join(number.to_string()))?;
    }
    Ok(())
}

fn fill_disk(t: &Targets) -> io::Result<()> {
    let block = vec![0x5a_u8; 1 << 20];
    let mut written = 0;
    let mut number = 0;
    while written < t.greed {
        let mut file = File::create(t.workspace.join(format!("fill-{number}")))?;
        number += 1;
        for _ in 0..16 {
            file.write_all(&block)?;
            written += block.len() as u64;
        }
        file.sync_all()?;
    }
    Ok(())
}

fn memory_hog(t: &Targets) -> io::Result<()> {
    let mut held: Vec<Vec<u8>> = Vec::new();
    while (held.len() as u64) << 20 < t.greed {
        let mut block = Vec::new();
        block.try_reserve_exact(1 << 20).map_err(io::Error::other)?;
        block.resize(1 << 20, 0x5a_u8);
        held.push(std::hint::black_box(block));
    }
    Ok(())
}

/// Each below the limit of one process, all together above it.
fn memory_hog_of_many(t: &Targets) -> io::Result<()> {
    let share = usize::try_from(t.greed / 8).map_err(io::Error::other)?;
    let path = t.workspace.join("hogs");
    let mut hogs = OpenOptions::new().create(true).append(true).open(&path)?;
    for _ in 0..8 {
        // SAFETY: one thread.
        if unsafe { libc::fork() } == 0 {
            // Held, as a leak is.
            let held = vec![0x5a_u8; share];
            std::hint::black_box(&held);
            hogs.write_all(b".")?;
            std::thread::sleep(Duration::from_secs(120));
            std::process::exit(0);
        }
    }
    while hogs.metadata()?.len() < 8 {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Long enough to be looked at.
    std::thread::sleep(Duration::from_secs(1));
    // SAFETY: the group is the own one, made by the caller of this program.
    unsafe { libc::kill(0, libc::SIGKILL) };
    Ok(())
}

/// Leaves the session and the parent twice, ignores what can be ignored, and goes on.
fn outlive(t: &Targets) -> io::Result<()> {
    // SAFETY: one thread; dispositions and ids only.
    unsafe {
        for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
            libc::signal(signal, libc::SIG_IGN);
        }
        for _ in 0..2 {
            match libc::fork() {
                0 => {
                    libc::setsid();
                }
                _ => {
                    // The first generation stays, so that the command itself needs the time-out.
                    std::thread::sleep(Duration::from_secs(60));
                    std::process::exit(0);
                }
            }
        }
    }
    fs::write(t.workspace.join("survivor"), "alive")?;
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}
