//! Tries to get out of the sandbox, as root and as an ordinary user, at every level.
//!
//! The same attempts run without a sandbox first: what fails there too proves nothing and is marked `-`.
//! This program is the sandbox's helper and the attacker as well, so it has no test harness.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attempts;
mod grounds;

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use lore_sandbox::{
    Ended, Exit, Level, Minimum, Namespaces, Overrun, Policy, ProcessBound, Sandbox, SandboxError,
};
use tokio::io::AsyncReadExt;

use attempts::{ATTEMPTS, Targets};
use grounds::Grounds;

/// Exit code of an attempt that did not succeed.
const HELD: i32 = 10;
/// An ordinary user: `nobody`.
const NOBODY: u32 = 65_534;

/// Result of an attempt.
struct Tried {
    ended: Ended,
    said: String,
}

/// Difference between the columns of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arm {
    Everything,
    WithoutNamespaces,
}

fn main() {
    lore_sandbox::enter_if_asked();
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, name, targets] = arguments.as_slice()
        && word == "attempt"
    {
        let targets: Targets = serde_json::from_str(targets).unwrap();
        std::process::exit(attempts::run(name, &targets));
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let escaped = runtime.block_on(all());
    assert_eq!(escaped, 0, "{escaped} attempts escaped");
    if rustix::process::geteuid().is_root() {
        as_nobody();
    }
}

/// The same once more as an ordinary user, from a place that this user can read.
fn as_nobody() {
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("escapes");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for path in [place.path(), &program] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode).unwrap();
    }
    let status = Command::new(&program)
        .uid(NOBODY)
        .gid(NOBODY)
        .env("TMPDIR", "/tmp")
        .current_dir("/")
        .status()
        .unwrap();
    assert!(status.success(), "as nobody: {status}");
}

async fn all() -> usize {
    let grounds = Grounds::new();
    let user = if rustix::process::geteuid().is_root() { "root" } else { "an ordinary user" };
    let mut escaped = 0;
    set_up_time(&grounds, user).await;
    for arm in [Arm::Everything, Arm::WithoutNamespaces] {
        let policy = policy(&grounds, arm);
        let level = Sandbox::new().probe(&policy).await.unwrap();
        println!("\nas {user}: {level}");
        expect_level(&level, arm);
        for (name, _) in ATTEMPTS {
            escaped += one(&grounds, &policy, name, arm).await;
        }
        escaped += contained(&grounds, &policy, &level).await;
    }
    refused_where_git_cannot_be_held(&grounds).await;
    escaped
}

fn policy(grounds: &Grounds, arm: Arm) -> Policy {
    let mut policy = Policy::new(&grounds.targets.workspace, grounds.scratch.path());
    policy.read.push(std::env::current_exe().unwrap());
    policy.limits.processes = 64;
    policy.limits.memory_bytes = 256 << 20;
    policy.limits.file_bytes = 32 << 20;
    if arm == Arm::WithoutNamespaces {
        policy.namespaces = Namespaces::Never;
        policy.read_only.clear();
    }
    policy
}

/// On a kernel that has everything, everything must be in force; elsewhere the printed level tells.
fn expect_level(level: &Level, arm: Arm) {
    if arm == Arm::Everything && level.user_namespace {
        assert!(level.private_root && level.network_namespace && level.seccomp, "{level}");
    }
    assert!(level.seccomp);
}

async fn one(grounds: &Grounds, policy: &Policy, name: &str, arm: Arm) -> usize {
    grounds.renew();
    let outside = grounds.unsandboxed(name);
    grounds.renew();
    let inside = attempt(grounds, policy, name, Duration::from_secs(60)).await;
    let control = if outside == Some(0) { "succeeds" } else { "-" };
    let git = name.contains(".git") && arm == Arm::WithoutNamespaces;
    let (verdict, escape) = match inside.ended.exit {
        Exit::Code(HELD) => ("held", false),
        Exit::Code(0) if git => ("open: a policy that protects .git is refused here", false),
        Exit::Signal(_) => ("killed", false),
        _ => ("ESCAPED", true),
    };
    println!("  {name:36} without: {control:9} within: {verdict:7} {}", inside.said.trim());
    usize::from(escape)
}

/// Attempts to exhaust something: what counts is what is left of them.
async fn contained(grounds: &Grounds, policy: &Policy, level: &Level) -> usize {
    let mut escaped = 0;
    let mut tell = |name: &str, control: bool, held: bool, how: String| {
        let control = if control { "succeeds" } else { "-" };
        let verdict = if held { "held" } else { "ESCAPED" };
        println!("  {name:36} without: {control:9} within: {verdict:7} {how}");
        escaped += usize::from(!held);
    };
    // Ample: only what is not contained takes it all.
    let patience = Duration::from_secs(60);

    let greedy = |greed: u64| Targets { greed, ..grounds.targets.clone() };
    let control = grounds.group_ends_itself("fork bomb", &greedy(100));
    grounds.renew();
    let bomb = attempt_with(&greedy(4000), policy, "fork bomb", patience).await;
    let born = grounds.born();
    let bound = u64::from(policy.limits.processes);
    let ended = bomb.ended.overrun == Some(Overrun::Processes);
    let held = match level.process_bound {
        ProcessBound::Counted => ended && born <= bound,
        ProcessBound::Kernel => born <= bound + 16,
        ProcessBound::Watched => ended,
    };
    tell("fork bomb", control, held, format!("{}, {born} processes of {bound}", told(&bomb)));

    let control = grounds.unsandboxed_with("thread bomb", &greedy(100)) == Some(0);
    let threads = attempt_with(&greedy(4000), policy, "thread bomb", patience).await;
    let failed_after = threads.said.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    let held = match (failed_after, level.process_bound) {
        (Some(threads), ProcessBound::Counted) => bound >= threads,
        (Some(threads), ProcessBound::Kernel) => bound + 16 >= threads,
        _ => threads.ended.overrun == Some(Overrun::Processes),
    };
    tell("thread bomb", control, held, told(&threads));

    let control = grounds.unsandboxed_with("memory hog", &greedy(300 << 20)) == Some(0);
    let hog = attempt_with(&greedy(4 << 30), policy, "memory hog", patience).await;
    tell("memory hog", control, hog.ended.exit != Exit::Code(0), told(&hog));

    grounds.renew();
    let control = grounds.group_ends_itself("memory hog of many", &greedy(320 << 20));
    grounds.renew();
    let hogs = attempt_with(&greedy(1 << 30), policy, "memory hog of many", patience).await;
    let held = hogs.ended.overrun == Some(Overrun::Memory);
    tell("memory hog of many", control, held, told(&hogs));

    // On a disk that others do not fill meanwhile, where there is one.
    let disk = grounds::quiet_directory();
    let small = Targets { workspace: disk.path().canonicalize().unwrap(), ..greedy(24 << 20) };
    let control = grounds.unsandboxed_with("fill the disk", &small) == Some(0);
    grounds::empty(disk.path());
    let mut tight = policy.clone();
    tight.workspace.clone_from(&small.workspace);
    tight.limits.disk_bytes = 16 << 20;
    let large = Targets { greed: 4 << 30, ..small.clone() };
    let filled = attempt_with(&large, &tight, "fill the disk", patience).await;
    let size = grounds::bytes(disk.path());
    grounds::empty(disk.path());
    let held = filled.ended.overrun == Some(Overrun::Disk) && size < 1 << 30;
    tell("fill the disk", control, held, format!("{}, {} MiB left", told(&filled), size >> 20));

    let control =
        grounds.unsandboxed_with("make many files", &Targets { greed: 2000, ..small.clone() });
    grounds::empty(disk.path());
    tight.limits.files = 1000;
    let many = Targets { greed: 1_000_000, ..small };
    let files = attempt_with(&many, &tight, "make many files", patience).await;
    let held = files.ended.overrun == Some(Overrun::Files);
    tell("make many files", control == Some(0), held, told(&files));
    drop(disk);

    grounds.renew();
    let control = grounds.outlives_unsandboxed();
    grounds.renew();
    let (held, how) = outlives(grounds, policy).await;
    tell("outlive the time-out", control, held, how);

    grounds.renew();
    let gone = attempt(grounds, policy, "delete the workspace", patience).await;
    let held = grounds.targets.secret.exists() && grounds.targets.outside.exists();
    tell("delete the workspace", true, held, format!("what is outside is there ({})", told(&gone)));
    escaped
}

fn told(tried: &Tried) -> String {
    let said = tried.said.trim();
    match (tried.ended.overrun, tried.ended.exit) {
        (Some(overrun), _) => format!("ended for {overrun:?}").to_lowercase(),
        (None, Exit::Signal(signal)) => format!("signal {signal}"),
        (None, _) => said.to_owned(),
    }
}

/// Starts what leaves its session and parents, kills it once it has, and looks for it.
async fn outlives(grounds: &Grounds, policy: &Policy) -> (bool, String) {
    let argv = grounds::argv("outlive the time-out", &grounds.targets);
    let (mut running, _output) = Sandbox::new().start(policy, &argv).await.unwrap();
    assert!(grounds.survivor_appears(), "it never got so far");
    let began = Instant::now();
    running.kill().await;
    let took = began.elapsed();
    let left = grounds.survivors();
    (left == 0, format!("{left} left after {} ms", took.as_millis()))
}

async fn attempt(grounds: &Grounds, policy: &Policy, name: &str, patience: Duration) -> Tried {
    attempt_with(&grounds.targets, policy, name, patience).await
}

async fn attempt_with(targets: &Targets, policy: &Policy, name: &str, patience: Duration) -> Tried {
    let argv = grounds::argv(name, targets);
    let (mut running, mut output) = Sandbox::new().start(policy, &argv).await.unwrap();
    let said = tokio::spawn(async move {
        let mut said = String::new();
        let _ = output.stdout.read_to_string(&mut said).await;
        let _ = output.stderr.read_to_string(&mut said).await;
        said
    });
    let ended = match tokio::time::timeout(patience, running.ended()).await {
        Ok(ended) => ended,
        Err(_) => running.kill().await,
    };
    Tried { ended, said: said.await.unwrap() }
}

/// Without a private root `.git` cannot be held, so a policy that names it is refused.
async fn refused_where_git_cannot_be_held(grounds: &Grounds) {
    grounds.renew();
    let mut policy = Policy::new(&grounds.targets.workspace, grounds.scratch.path());
    policy.namespaces = Namespaces::Never;
    let refused = Sandbox::new().probe(&policy).await;
    assert!(matches!(&refused, Err(SandboxError::Refused { .. })), "{refused:?}");
    policy.read_only.clear();
    policy.minimum = Minimum::Full;
    let refused = Sandbox::new().probe(&policy).await.unwrap_err();
    assert!(refused.to_string().contains("mount namespace"), "{refused}");
    println!("  refused without namespaces: {refused}");
}

/// From the caller's start to the moment at which everything is in force, against a plain start; and the
/// processor time of it all, which a busy machine does not change.
async fn set_up_time(grounds: &Grounds, user: &str) {
    const RUNS: u32 = 40;
    let policy = Policy::new(&grounds.targets.workspace, grounds.scratch.path());
    let mut within = Vec::new();
    let before = grounds::processor_time_of_children();
    for _ in 0..RUNS {
        let began = Instant::now();
        let (mut running, _output) =
            Sandbox::new().start(&policy, &["true".to_owned()]).await.unwrap();
        within.push(began.elapsed());
        running.ended().await;
    }
    let between = grounds::processor_time_of_children();
    let mut without = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        assert!(Command::new("/bin/true").status().unwrap().success());
        without.push(began.elapsed());
    }
    let after = grounds::processor_time_of_children();
    within.sort();
    without.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "set-up as {user}: best {:.2} ms, median {:.2} ms, processor {:.2} ms; a plain `true`: best \
         {:.2} ms, median {:.2} ms, processor {:.2} ms",
        milliseconds(within[0]),
        milliseconds(within[within.len() / 2]),
        milliseconds((between - before) / RUNS),
        milliseconds(without[0]),
        milliseconds(without[without.len() / 2]),
        milliseconds((after - between) / RUNS),
    );
}
