//! The targets of the attempts: a secret, a victim, listeners, a workspace with a `.git`.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::attempts::{BORN, SECRET, Targets, VARIABLE};

/// Everything that has to be there while attempts run.
pub(crate) struct Grounds {
    pub(crate) targets: Targets,
    pub(crate) scratch: TempDir,
    victim: Child,
    _outside: TempDir,
    _workspace: TempDir,
    _tcp: TcpListener,
    _abstract: UnixListener,
    _socket: UnixListener,
    _inherited: fs::File,
}

impl Grounds {
    pub(crate) fn new() -> Self {
        let outside = tempfile::tempdir().unwrap();
        let workspace = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let secret = outside.path().join("secret");
        fs::write(&secret, SECRET).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();

        let victim = Command::new("/bin/sleep")
            .arg("600")
            .current_dir(outside.path())
            .env(VARIABLE, SECRET)
            .spawn()
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (tcp_port, udp_port) =
            (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
        std::thread::spawn(move || {
            let mut bytes = [0; 8];
            while let Ok((n, from)) = udp.recv_from(&mut bytes) {
                let _ = udp.send_to(&bytes[..n], from);
            }
        });
        let abstract_name = format!("lore-escapes-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let socket = outside.path().join("socket");
        // Open across an exec, as a careless caller leaves it.
        let inherited = fs::File::open(&secret).unwrap();
        rustix::io::fcntl_setfd(inherited.as_fd(), rustix::io::FdFlags::empty()).unwrap();
        let targets = Targets {
            outside: outside.path().canonicalize().unwrap(),
            secret: secret.canonicalize().unwrap(),
            workspace: workspace.path().canonicalize().unwrap(),
            victim: i32::try_from(victim.id()).unwrap(),
            tcp: tcp_port,
            udp: udp_port,
            abstract_name,
            socket: socket.clone(),
            greed: 0,
        };
        Self {
            targets,
            scratch,
            victim,
            _tcp: tcp,
            _abstract: UnixListener::bind_addr(&address).unwrap(),
            _socket: UnixListener::bind(&socket).unwrap(),
            _inherited: inherited,
            _outside: outside,
            _workspace: workspace,
        }
    }

    /// The workspace as at the beginning.
    pub(crate) fn renew(&self) {
        let _ = fs::remove_dir_all(&self.targets.workspace);
        fs::create_dir_all(self.targets.workspace.join(".git/hooks")).unwrap();
        let _ = fs::remove_file(self.targets.outside.join("planted"));
        // The inherited descriptor is read from its beginning each time.
        let _ = rustix::fs::seek(self._inherited.as_fd(), rustix::fs::SeekFrom::Start(0));
    }

    /// Exit code of an attempt without a sandbox.
    pub(crate) fn unsandboxed(&self, name: &str) -> Option<i32> {
        self.unsandboxed_with(name, &self.targets)
    }

    pub(crate) fn unsandboxed_with(&self, name: &str, targets: &Targets) -> Option<i32> {
        self.plain(name, targets).status().unwrap().code()
    }

    /// Returns true when an attempt that ends its own process group got so far.
    pub(crate) fn group_ends_itself(&self, name: &str, targets: &Targets) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.plain(name, targets).status().unwrap().signal() == Some(9)
    }

    fn plain(&self, name: &str, targets: &Targets) -> Command {
        let argv = argv(name, targets);
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).env(VARIABLE, SECRET).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Number of processes that a bomb made.
    pub(crate) fn born(&self) -> u64 {
        fs::metadata(self.targets.workspace.join(BORN)).map_or(0, |data| data.len())
    }

    /// Waits until the great-grandchild has said that it lives.
    pub(crate) fn survivor_appears(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            if self.targets.workspace.join("survivor").exists() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Processes that were started with this workspace as their target.
    pub(crate) fn survivors(&self) -> usize {
        self.survivor_ids().len()
    }

    fn survivor_ids(&self) -> Vec<i32> {
        let mark = self.targets.workspace.display().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains(&mark) {
                found.push(pid);
            }
        }
        found
    }

    /// Without a sandbox the process group is what a caller can kill, and that is not enough.
    pub(crate) fn outlives_unsandboxed(&self) -> bool {
        let mut child = self.plain("outlive the time-out", &self.targets).spawn().unwrap();
        assert!(self.survivor_appears());
        let group = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        child.wait().unwrap();
        let left = self.survivor_ids();
        for pid in &left {
            let pid = rustix::process::Pid::from_raw(*pid).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        !left.is_empty()
    }
}

impl Drop for Grounds {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// A directory in memory, whose free space nobody else uses, or an ordinary one.
pub(crate) fn quiet_directory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

pub(crate) fn bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap();
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
}

pub(crate) fn empty(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
    }
}

/// This program as an attacker.
pub(crate) fn argv(name: &str, targets: &Targets) -> Vec<String> {
    let program = std::env::current_exe().unwrap().display().to_string();
    vec![program, "attempt".into(), name.into(), serde_json::to_string(targets).unwrap()]
}

/// Processor time of the children that were waited for, user and system, as proc_pid_stat(5) counts it.
pub(crate) fn processor_time_of_children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[13..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap()
}
