//! Runs an untrusted command.
//!
//! The command is started by a second run of the own binary, which takes every right away before it
//! becomes the command: a private root that holds only what was granted (mount namespace), no network
//! (network namespace), no sight of other processes (PID namespace, private `/proc`), no capabilities,
//! Landlock over the same files, two seccomp filters, resource limits, a scrubbed environment, a session
//! of its own and no inherited descriptor. Where a kernel lacks a part, [`Level`] says so, and what is
//! below the [`Minimum`] that the policy asks for is refused before anything runs.
//!
//! ```text
//!  caller ── socket: policy in, report out; closed = kill ──┐
//!    └─ helper (new namespaces, waits)                      │
//!         └─ init of the PID namespace: reaps, watches ─────┘
//!              └─ the command (Landlock, seccomp, limits, no capabilities)
//! ```
//!
//! Processes are counted before each is made (`process_limit`), memory and disk are looked at by the watch.
//!
//! Not contained are: with an open network, which host is called; processor time on all cores until the
//! time-out; memory of the kernel's own, as in pipes (the command is the first that the kernel ends when
//! memory is short); what is written into the workspace and does harm
//! when its owner runs it later, of which only `.git` at the top is protected; what `/proc` says about the
//! machine; side channels and faults of the kernel.
//!
//! `main` of a binary that uses this module calls [`enter_if_asked`] before anything else, in particular
//! before it starts a thread.

mod enter;
mod error;
mod execute;
mod files;
mod level;
mod limits;
mod namespaces;
mod notify;
mod pid_bound;
mod policy;
mod probe;
mod process_limit;
mod raw;
mod relay;
mod report;
mod root;
mod seccomp;
mod spawn;
mod supervise;
mod syscalls;
mod watch;

pub use enter::enter_if_asked;
pub use error::SandboxError;
pub use level::{Level, ProcessBound, TreeKill};
pub use policy::{Limits, Minimum, Namespaces, Network, Policy};
pub use probe::{Probe, level, level_with};
pub use report::{Ended, Exit, Overrun};
pub use spawn::{Output, Running, Sandbox};
