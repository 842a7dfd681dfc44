//! Report of a crash: where it was, never what was at hand.
//!
//! A panic's message may quote what the code was working on, such as a slice of a session, and a core file
//! is all of the process's memory. Both are kept by systems and sent to strangers as crash reports.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::task::JoinError;

use crate::error::CliError;

/// True in a process that reports its panics by [`report`].
static OURS: AtomicBool = AtomicBool::new(false);

/// Lets panics of this process tell their place alone, and leaves no core file of it.
///
/// A process that may not be dumped cannot be attached to by a debugger of the same user either. Programs
/// that it starts are as they would be, but for the limit on core files.
pub fn tell_places_only() {
    OURS.store(true, Ordering::SeqCst);
    keep_hook();
    // What cannot be had here (a limit that is lower already) is no reason not to start.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // Systems that pipe cores to a program ignore the limit.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Sets the hook that reports panics again, in a process that has it: opendp 0.16.0 replaces it by a silent one
/// while it computes, and two threads that do so at once can leave that one in place.
pub fn keep_hook() {
    if OURS.load(Ordering::SeqCst) {
        std::panic::set_hook(Box::new(report));
    }
}

/// A task that ended by a panic, without the message that its own error text would quote.
pub fn ended(error: &JoinError) -> CliError {
    let why = if error.is_panic() { "panicked" } else { "was cancelled" };
    CliError::failed("crash", format!("a fault of the program: its main task {why}"))
        .help("please report the place that the log names; nothing was lost that was acknowledged")
}

fn report(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let mut text = format!(
        "panicked at {place}: a fault of the program; its message is not shown, since it may quote \
         private data"
    );
    // Names of functions and their places, when RUST_BACKTRACE asks for them.
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        text.push_str(&format!("\n{trace}"));
    }
    if tracing::dispatcher::has_been_set() {
        tracing::error!("{text}");
    } else {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}
