//! `./x bench`: what a node does per second and core, beside its control arms in the same run.

#![allow(clippy::expect_used)] // A benchmark that cannot make its directory has nothing to say.

use std::path::Path;
use std::process::ExitCode;

use lore_tests::bench::home::{SESSIONS, USERS, prepare};
use lore_tests::bench::replication::Size;
use lore_tests::bench::{hint, hook, import, ingest, ledger, release, replication, scale};
use serde_json::{Value, json};

const USAGE: &str = "lore-bench [replication] [--json] [--quick] | --hook\n\n\
    replication  only what nodes send each other, and how fast they take it in\n\
    --json   the result as one object on the last line\n\
    --quick  fewer repetitions, less data\n\
    --hook   only a hook's process, as JSON\n\n\
    LORE_BIN is the program whose size is told.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // The parts of a lane, each in a process of its own; also for a profiler.
    if let [verb, home] = args.as_slice() {
        match verb.as_str() {
            "release-prepare" => {
                prepare(Path::new(home), USERS, SESSIONS);
                return ExitCode::SUCCESS;
            }
            "start-once" => {
                println!("{}", scale::once(Path::new(home)));
                return ExitCode::SUCCESS;
            }
            "release-once" => {
                println!("{}", release::once(Path::new(home)));
                return ExitCode::SUCCESS;
            }
            _ => {}
        }
    }
    if args.first().is_some_and(|verb| verb == "replication") {
        return replicate(&args[1..]);
    }
    if args == ["--hook"] {
        println!("{}", hook::run(100));
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = args.iter().find(|arg| !["--json", "--quick"].contains(&arg.as_str())) {
        eprintln!("unknown argument `{unknown}`\n\n{USAGE}");
        return ExitCode::from(2);
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let (epochs, runs) = if has("--quick") { (2, 1) } else { (8, 5) };
    eprintln!("ingest and its control arms");
    let ingest = ingest::run(epochs, runs);
    eprintln!("a node with many users");
    let directory = tempfile::tempdir().expect("a directory");
    let prepared = directory.path().join("prepared");
    prepare(&prepared, USERS, SESSIONS);
    eprintln!("one epoch's releases");
    let release = release::run(&prepared, runs);
    eprintln!("imports of one session");
    let import = import::run(&prepared, 20 * runs);
    eprintln!("hints");
    let hint = hint::run(100 * runs);
    eprintln!("hooks");
    let hook = hook::run(20 * runs);
    eprintln!("the ledger");
    let ledger = ledger::run(10_000, runs);
    let result = json!({
        "ingest": ingest,
        "release": release,
        "import": import,
        "hint": hint,
        "hook": hook,
        "ledger": ledger,
        "binary": binary(),
    });
    if has("--json") {
        println!("{result}");
    } else {
        print_text(&result);
    }
    ExitCode::SUCCESS
}

/// The lane of its own for what nodes send each other.
fn replicate(flags: &[String]) -> ExitCode {
    if let Some(unknown) = flags.iter().find(|arg| !["--json", "--quick"].contains(&arg.as_str())) {
        eprintln!("unknown argument `{unknown}`\n\n{USAGE}");
        return ExitCode::from(2);
    }
    let has = |flag: &str| flags.iter().any(|arg| arg == flag);
    let size = if has("--quick") {
        Size { epochs: 10, newest: 5, scale: (5, 20_000), ingest: (2, 1) }
    } else {
        Size { epochs: 50, newest: 5, scale: (50, 200_000), ingest: (8, 5) }
    };
    let result = replication::run(size);
    if has("--json") {
        println!("{result}");
        return ExitCode::SUCCESS;
    }
    for (key, value) in result.as_object().into_iter().flatten().filter(|(key, _)| *key != "parts")
    {
        let bar = replication::BARS.iter().find(|(name, ..)| name == key);
        let judged = bar.map_or_else(String::new, |(_, bound, least)| {
            let met =
                value.as_f64().is_some_and(|value| (value >= *bound) == *least || value == *bound);
            let side = if *least { "at least" } else { "at most" };
            format!("{side} {bound}: {}", if met { "met" } else { "MISSED" })
        });
        let value = value.as_f64().map_or_else(|| "-".into(), |value| format!("{value:.2}"));
        println!("{key:<44}{value:>12}  {judged}");
    }
    println!("{}", result["parts"]);
    ExitCode::SUCCESS
}

/// The program whose size is told, and its size.
fn binary() -> Value {
    let Some(path) = std::env::var_os("LORE_BIN") else { return Value::Null };
    let bytes = std::fs::metadata(&path).map(|meta| meta.len()).ok();
    json!({ "path": Path::new(&path), "bytes": bytes })
}

fn print_text(result: &Value) {
    let number = |value: &Value, digits: usize| {
        value.as_f64().map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
    };
    let (ingest, release, ledger) = (&result["ingest"], &result["release"], &result["ledger"]);
    println!(
        "per second and core, {} deltas of {} bytes",
        ingest["deltas"], ingest["bytes_per_delta"]
    );
    println!("  node: decode, verify, store, fold  {:>9}", number(&ingest["per_second"], 0));
    println!(
        "  signatures alone, one by one       {:>9}",
        number(&ingest["verify_strict_per_second"], 0)
    );
    println!(
        "  signatures alone, in batches       {:>9}",
        number(&ingest["verify_batch_per_second"], 0)
    );
    println!(
        "  the node's share of them           {:>9} and {}",
        number(&ingest["share_of_strict"], 2),
        number(&ingest["share_of_batch"], 2)
    );
    println!("  microseconds a delta, part by part {}", ingest["parts_micros"]);
    println!(
        "one epoch's releases, {} users, {} sessions, {} revisions: {} s, {} MiB at the peak",
        release["users"],
        release["sessions"],
        release["revisions"],
        number(&release["seconds"], 2),
        number(&release["growth_mib"], 0)
    );
    for length in ["short", "long"] {
        let one = &result["import"][length];
        println!(
            "import of one {length} session: {} s, {} times what it takes into an empty node",
            number(&one["seconds"], 4),
            number(&one["ratio"], 2)
        );
    }
    let hint = &result["hint"];
    println!(
        "one hint of {} lessons: {} ms; the look-up alone is {} times as fast as a scan",
        hint["lessons"],
        number(&hint["hint_millis"], 3),
        number(&hint["scan_to_lookup"], 1)
    );
    let hook = &result["hook"];
    println!(
        "a hook with {} lessons: {} ms, {} times an empty process",
        hook["lessons"],
        number(&hook["hook_millis"], 1),
        number(&hook["hook_to_empty"], 1)
    );
    println!(
        "ledger of {} entries: verified in {} s, opened in {} s",
        ledger["entries"],
        number(&ledger["verify_s"], 3),
        number(&ledger["open_s"], 3)
    );
    println!("program: {} bytes", result["binary"]["bytes"]);
}
