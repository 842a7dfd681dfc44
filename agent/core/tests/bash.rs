//! Commands that mean harm, and commands that mean well.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;

use std::fs;
use std::time::{Duration, Instant};

use bench::Bench;
use lore_agent::tool::{BashSettings, ToolContext, ToolOutput, Validator};
use lore_protocol::trace::Outcome;
use lore_sandbox::Namespaces;
use serde_json::json;

async fn bash(bench: &Bench, command: &str) -> ToolOutput {
    bench.call("bash", json!({ "command": command })).await
}

#[tokio::test]
async fn a_command_gives_its_output_and_its_exit_code() {
    let bench = Bench::new();
    let fine = bash(&bench, "echo out; echo err >&2; pwd; cat").await;
    assert_eq!((fine.exit_code, fine.is_error), (Some(0), false), "{}", fine.text);
    let here = bench.context.workspace.display().to_string();
    for part in ["out\n", "err\n", &here] {
        assert!(fine.text.contains(part), "{}", fine.text);
    }
    let failed = bash(&bench, "echo no; exit 3").await;
    assert_eq!((failed.exit_code, failed.text.as_str()), (Some(3), "no\n[exit code 3]"));
    let killed = bash(&bench, "kill -SEGV $$").await;
    assert_eq!(killed.exit_code, Some(139));
    let absent = bash(&bench, "no-such-program").await;
    assert_eq!(absent.exit_code, Some(127));
    let bytes = bash(&bench, r"printf 'a\xff\x1b[31mb\0c\r\n'").await;
    assert_eq!(bytes.text, "a\u{fffd}bc\n");
}

#[tokio::test]
async fn a_gigabyte_of_output_is_kept_at_both_ends() {
    let bench = Bench::new();
    let began = Instant::now();
    let long = bash(&bench, "echo first; head -c 1G /dev/zero | tr '\\0' x; echo; echo last").await;
    println!("1 GiB of output in {:.1} s", began.elapsed().as_secs_f32());
    assert_eq!(long.exit_code, Some(0), "{}", &long.text[long.text.len() - 200..]);
    assert!(long.text.starts_with("first\nxxx") && long.text.ends_with("xxx\nlast\n"));
    assert!(long.text.len() < 40_000);
    assert_eq!(long.omitted_bytes, (1 << 30) + 12 - 32 * 1024);
    assert!(long.text.contains(&format!("{} bytes omitted", long.omitted_bytes)));
}

#[tokio::test]
async fn what_never_ends_is_ended_with_all_that_it_started() {
    let bench = Bench::new();
    let mark = format!("31{}", std::process::id());
    let endless = format!(
        "setsid sh -c 'sleep {mark}; :' & (sleep {mark} &) ; trap '' TERM; while :; do :; done"
    );
    let began = Instant::now();
    let arguments = json!({"command": endless, "timeout_seconds": 1});
    let output = bench.call("bash", arguments).await;
    assert!(output.text.contains("timed out after 1 s"), "{}", output.text);
    assert_eq!(output.exit_code, None);
    println!(
        "ended {:?} after its time-out",
        began.elapsed().saturating_sub(Duration::from_secs(1))
    );
    assert_eq!(running(&mark), 0);

    // And without the command itself being ended: what it leaves behind goes with it.
    let left = bash(&bench, &format!("(setsid sleep {mark} &) ; echo gone")).await;
    assert_eq!(left.text, "gone\n");
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn cancelling_and_dropping_kill_everything() {
    let bench = Bench::new();
    let mark = format!("32{}", std::process::id());
    let command = format!("touch started; (setsid sleep {mark} &) ; sleep {mark}");
    let started = bench.path("started");

    let cancel = bench.context.cancel.clone();
    let waiting = started.clone();
    tokio::spawn(async move {
        appears(&waiting).await;
        cancel.cancel();
    });
    let output = bash(&bench, &command).await;
    assert!(output.is_error && output.text.contains("cancelled"), "{}", output.text);
    assert_eq!(running(&mark), 0);

    let bench = Bench::new();
    let started = bench.path("started");
    tokio::select! {
        _ = bash(&bench, &command) => panic!("it ended by itself"),
        () = appears(&started) => {}
    }
    // Nobody waits for a future that was dropped, so its end is seen from outside.
    let began = Instant::now();
    while running(&mark) > 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn deleting_the_workspace_harms_nothing_else() {
    let bench = Bench::new();
    let kept = bench.outside("kept", "x");
    fs::write(bench.path("own"), "x").unwrap();
    bash(&bench, "rm -rf \"$PWD\" \"$PWD\"/* .. / 2>/dev/null; cd /").await;
    assert!(kept.exists() && !bench.path("own").exists());
    let _ = fs::remove_dir_all(&bench.context.workspace);
    let next = bash(&bench, "echo still here").await;
    assert!(next.is_error && next.text.contains("No such file"), "{}", next.text);
    let read = bench.call("read", json!({"path": "own"})).await;
    assert!(read.is_error, "{}", read.text);
}

#[tokio::test]
async fn the_environment_is_clean_and_the_scratch_lasts() {
    let bench = Bench::new();
    let environment =
        bash(&bench, "env -0 | tr '\\0' '\\n' | cut -d= -f1 | sort | tr '\\n' ' '").await;
    assert_eq!(environment.text, "HOME LANG PATH PWD SHLVL TERM TMPDIR _ ");
    bash(&bench, "echo kept > \"$TMPDIR/note\"").await;
    assert_eq!(bash(&bench, "cat \"$HOME/note\"").await.text, "kept\n");
}

#[tokio::test]
async fn ordinary_work_works() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path(".git")).unwrap();
    for (command, expected) in [
        ("cat <(echo substituted)", "substituted\n"),
        ("for i in 1 2 3; do echo $i; done | sort -r | head -1", "3\n"),
        ("mkdir -p d && echo x > d/f && mv d e && ln -s e/f l && cat l && chmod 755 l", "x\n"),
        ("mkfifo p && (echo through > p &) && cat p", "through\n"),
        ("date -u -d @0 +%Y; test -w /dev/null && echo ok", "1970\nok\n"),
        ("cat /proc/self/comm; ls /proc/self/fd | wc -l", "cat\n"),
        ("perl -e 'use Socket; socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or die $!; print 1'", "1"),
        ("(echo hook > .git/x) 2>/dev/null || echo read-only", "read-only\n"),
    ] {
        let output = bash(&bench, command).await;
        assert!(output.text.starts_with(expected), "{command}: {}", output.text);
    }
}

#[tokio::test]
async fn printing_for_ever_is_ended_and_what_was_printed_is_kept() {
    let bench = Bench::new();
    let output =
        bench.call("bash", json!({"command": "echo first; yes", "timeout_seconds": 1})).await;
    assert!(output.is_error && output.text.starts_with("first\ny\n"), "{}", output.text);
    assert!(output.text.ends_with("killed with all it started]") && output.text.len() < 40_000);
}

#[tokio::test]
async fn a_validator_that_crashes_judges_nothing() {
    let bench = Bench::new();
    fs::write(bench.path("work"), "done\n").unwrap();
    let hasty = ToolContext { timeout: Duration::from_secs(1), ..bench.context.clone() };
    for (command, context, verdict, said) in [
        ("grep done work", &bench.context, Outcome::Success, "done"),
        ("echo 'no end'; exit 3", &bench.context, Outcome::Failure, "no end\n[exit code 3]"),
        ("kill -SEGV $$", &bench.context, Outcome::Unknown, "signal 11"),
        ("no-such-validator", &bench.context, Outcome::Unknown, "exit code 127"),
        ("while :; do :; done", &hasty, Outcome::Unknown, "timed out"),
        ("rm -rf \"$PWD\"/*; kill -KILL $$", &bench.context, Outcome::Unknown, "signal 9"),
    ] {
        let validated = Validator::new(bench.bash.clone(), command).judge(context).await;
        assert_eq!(validated.outcome.verdict, verdict, "{command}: {}", validated.text);
        assert!(validated.text.contains(said), "{command}: {}", validated.text);
    }
}

#[tokio::test]
async fn what_cannot_be_confined_is_refused_before_it_runs() {
    // Without namespaces nothing keeps `.git`.
    let bench = Bench::with(BashSettings { namespaces: Namespaces::Never, ..Default::default() });
    fs::create_dir_all(bench.path(".git")).unwrap();
    let refused = bash(&bench, "touch ran").await;
    assert!(refused.is_error && refused.text.starts_with("refused:"), "{}", refused.text);
    assert!(refused.text.contains("ask the user"), "{}", refused.text);
    assert!(!bench.path("ran").exists());
}

#[tokio::test]
async fn many_short_processes_are_not_slowed_down_much() {
    let bench = Bench::new();
    let began = Instant::now();
    let output = bash(&bench, "for i in $(seq 500); do /bin/true; done; echo fine").await;
    assert_eq!(output.text, "fine\n");
    let within = began.elapsed();
    let began = Instant::now();
    let script = "for i in $(seq 500); do /bin/true; done";
    assert!(std::process::Command::new("bash").args(["-c", script]).status().unwrap().success());
    println!("500 processes: {within:?} within, {:?} without", began.elapsed());
}

#[tokio::test]
async fn overrunning_a_bound_is_said() {
    let mut settings = BashSettings::default();
    settings.limits.processes = 40;
    let bench = Bench::with(settings);
    let bomb = bash(&bench, ":(){ :|:& };: ; sleep 60").await;
    assert!(bomb.is_error && bomb.text.contains("more processes than allowed"), "{}", bomb.text);
    assert!(
        bench.fails("bash", &json!({"command": "x".repeat(200_000)})).await.contains("100,000")
    );
    assert!(bench.fails("bash", &json!({"command": "echo \0"})).await.contains("NUL"));
}

/// Processes that have `mark` as an argument.
fn running(mark: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| line.split(|byte| *byte == 0).any(|argument| argument == mark.as_bytes()))
        .count()
}

async fn appears(path: &std::path::Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "{} never appeared", path.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
