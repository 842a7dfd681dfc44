//! Making processes works in the sandbox as it does outside.
#![allow(clippy::unwrap_used)]

use lore_sandbox::{Exit, Policy, ProcessBound, Sandbox};
use tokio::io::AsyncReadExt as _;

const HELPER: &str = env!("CARGO_BIN_EXE_lore-sandbox");
/// Pipelines, each of which ends a process while the shell makes the next.
const PIPELINES: &str = "n=0; while [ $n -lt 300 ]; do x=$(printf a | cat | cat | cat); \
                         [ \"$x\" = a ] || exit 9; n=$((n + 1)); done";

#[tokio::test]
async fn the_end_of_a_child_never_makes_a_fork_fail() {
    let (work, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut policy = Policy::new(work.path(), scratch.path());
    policy.read_only.clear();
    policy.read.push(HELPER.into());
    let sandbox = Sandbox::with_helper(HELPER);
    let level = sandbox.probe(&policy).await.unwrap();
    if rustix::process::geteuid().is_root() && !has_own_pid_max() {
        println!("not promised to root on this kernel: {level}");
        return;
    }
    assert_eq!(level.process_bound, ProcessBound::Kernel);
    let argv = ["/bin/sh", "-c", PIPELINES].map(str::to_owned);
    let (mut running, mut output) = sandbox.start(&policy, &argv).await.unwrap();
    let mut said = String::new();
    output.stderr.read_to_string(&mut said).await.unwrap();
    assert_eq!((running.ended().await.exit, said.as_str()), (Exit::Code(0), ""), "{level}");
}

/// Returns true when a PID namespace of this kernel has settings for its numbers.
fn has_own_pid_max() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split('.').map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 14) && std::path::Path::new("/proc/sys/kernel/ns_last_pid").exists()
}
