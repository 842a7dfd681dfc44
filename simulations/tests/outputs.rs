//! Reports, figures, templates and conversions, as a user makes them.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(at: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lore-sim")).args(args).current_dir(at).output().unwrap()
}

fn text(at: &Path, args: &[&str]) -> String {
    let output = run(at, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(at: &Path, args: &[&str]) -> String {
    let output = run(at, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Makes a template small enough for a test.
fn smaller(at: &Path) {
    let path = at.join("my.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("nodes = 20", "nodes = 5").replace("spread_s = 60", "spread_s = 10");
    std::fs::write(path, text.replace("deltas_per_node = 4", "deltas_per_node = 1")).unwrap();
}

#[test]
fn a_run_ends_with_the_path_of_a_report_that_repeats() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    text(at, &["new", "my.toml"]);
    assert!(refused(at, &["new", "my.toml"]).contains("choose a new name"));
    smaller(at);
    let shown = text(at, &["run", "my.toml", "--seeds", "3"]);
    assert!(shown.lines().count() < 24, "one screen: {shown}");
    let page = shown.lines().find_map(|line| line.strip_prefix("report: ")).unwrap();
    let first = std::fs::read_to_string(at.join(page)).unwrap();
    for part in
        ["<svg", "lore-sim run my.toml --seed 1 --seeds 3", "What this does not show", "3 seeds"]
    {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(at.join(page).with_extension("md").is_file());
    let table = shown.lines().find_map(|line| line.strip_prefix("table: ")).unwrap();
    let bytes = std::fs::read(at.join(table)).unwrap();
    text(at, &["run", "my.toml", "--seeds", "3", "--threads", "1", "--out", "again"]);
    assert_eq!(std::fs::read_to_string(at.join("again/my-scenario.html")).unwrap(), first);
    assert_eq!(std::fs::read(at.join("again/my-scenario.parquet")).unwrap(), bytes);
    text(at, &["run", "my.toml", "--json"]);
    let entries = std::fs::read_dir(at).unwrap().count();
    assert_eq!(entries, 3, "--json alone writes no report");
}

#[test]
fn figures_are_drawn_of_what_they_say_and_of_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    text(at, &["new", "my.toml"]);
    smaller(at);
    text(at, &["new", "sweep.toml", "--kind", "sweep"]);
    let sweep = std::fs::read_to_string(at.join("sweep.toml")).unwrap();
    let sweep = sweep.replace("\"lossy-mesh\"", "\"my.toml\"").replace("[0, 6]", "[0, 2]");
    std::fs::write(at.join("sweep.toml"), sweep.replace("count = 5", "count = 2")).unwrap();
    text(at, &["sweep", "run", "sweep.toml", "--out", "out"]);
    text(at, &["merge", "out", "-o", "all.parquet"]);
    let listed = text(at, &["plot", "all.parquet"]);
    assert!(listed.contains("axis gossip.degree: 0 2") && listed.contains("  t99_s\n"), "{listed}");
    let args = ["plot", "all.parquet", "--metric", "t99_s", "--x", "network.loss"];
    let figure = [&args[..], &["--by", "gossip.degree", "-o", "a.svg"]].concat();
    let drawn: Value =
        serde_json::from_str(&text(at, &[&figure[..], &["--json"]].concat())).unwrap();
    assert_eq!(
        (&drawn["series"], &drawn["points"], &drawn["runs"]),
        (&2.into(), &6.into(), &2.into())
    );
    let svg = std::fs::read_to_string(at.join("a.svg")).unwrap();
    assert!(svg.contains(">network.loss<") && svg.contains(">gossip.degree 2<"), "{svg}");
    text(at, &figure);
    assert_eq!(std::fs::read_to_string(at.join("a.svg")).unwrap(), svg);

    let args_of_report =
        ["report", "all.parquet", "--metric", "t99_s", "--metric", "tally.sync_bytes"];
    let axes =
        ["--x", "network.loss", "--by", "gossip.degree", "--limits", "Two seeds say little."];
    let shown = text(at, &[&args_of_report[..], &axes].concat());
    assert_eq!(shown, "report: lore-sim-reports/all.html\n");
    let page = std::fs::read_to_string(at.join("lore-sim-reports/all.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 2);
    for part in [
        "Two seeds say little.",
        "--limits &#39;Two seeds say little.&#39;",
        "gossip.degree 2</td>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(at.join("lore-sim-reports/all-2.svg").is_file());
    // Where table and report lie does not show: the same report comes from another place.
    let whole = at.join("all.parquet");
    let (whole, out) = (whole.to_str().unwrap(), at.join("elsewhere"));
    let args_of_other = [&["report", whole][..], &args_of_report[2..], &axes].concat();
    text(at, &[&args_of_other[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(std::fs::read_to_string(out.join("all.html")).unwrap(), page);

    for (more, said) in [
        (&[][..], "--by gossip.degree"),
        (&["--where", "gossip.degree=3"], "no row has it"),
        (&["--where", "gossip.degree"], "KEY=VALUE"),
        (&["--by", "gossip.degre"], "no axis"),
        (&["--by", "gossip.degree", "-o", "a.gif"], ".svg or .png"),
    ] {
        let error = refused(at, &[&args[..], more].concat());
        assert!(error.contains(said), "{more:?}: {error}");
    }
    let error = refused(at, &["plot", "all.parquet", "--metric", "t98_s"]);
    assert!(error.contains("no metric `t98_s`"), "{error}");
    let error = refused(
        at,
        &[
            "plot",
            "all.parquet",
            "--metric",
            "t99_s",
            "--by",
            "gossip.degree",
            "--where",
            "network.loss=0.1",
        ],
    );
    assert!(error.contains("choose an axis"), "{error}");
    let mut bytes = std::fs::read(at.join("all.parquet")).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x10;
    std::fs::write(at.join("all.parquet"), bytes).unwrap();
    let error = refused(at, &["plot", "all.parquet"]);
    assert!(error.contains("damaged") || error.contains("not a table"), "{error}");
}

#[test]
fn trajectories_become_a_replay_that_says_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let shape = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tau-bench-shape.json");
    let shape = shape.to_str().unwrap();
    let shown = text(at, &["convert", "tau-bench", shape, "-o", "outcomes.csv"]);
    assert!(shown.contains("cancel_order") && shown.contains("6 trials"), "{shown}");
    text(at, &["new", "r.toml", "--kind", "replay"]);
    let small =
        std::fs::read_to_string(at.join("r.toml")).unwrap().replace("nodes = 10", "nodes = 3");
    std::fs::write(at.join("r.toml"), small).unwrap();
    let shown = text(at, &["run", "r.toml", "--seeds", "2"]);
    assert!(shown.contains("pooled with privacy") && shown.contains("used no skills"), "{shown}");
    let page = shown.lines().find_map(|line| line.strip_prefix("report: ")).unwrap();
    let page = std::fs::read_to_string(at.join(page)).unwrap();
    assert!(
        page.contains("These runs used no skills") && page.contains("only pooling and privacy")
    );
    let json: Value = serde_json::from_str(&text(at, &["run", "r.toml", "--json"])).unwrap();
    assert_eq!(json["arms"].as_array().unwrap().len(), 3);
    assert!(
        refused(at, &["convert", "tau-bench", "r.toml", "-o", "x.csv"]).contains("no trajectories")
    );
    assert!(refused(at, &["convert", "tau-bench", shape, "-o", "x.json"]).contains(".csv"));
    // A replay is swept as any other scenario is.
    let sweep = "name = \"s\"\nbase = \"r.toml\"\nseeds = { first = 1, count = 2 }\n[axes]\nepsilon = [1.0, 8.0]\n";
    std::fs::write(at.join("s.toml"), sweep).unwrap();
    text(at, &["sweep", "run", "s.toml", "--out", "out"]);
    text(at, &["merge", "out", "-o", "all.csv"]);
    let args = [
        "plot",
        "all.csv",
        "--metric",
        "rate_error_points",
        "--by",
        "arm",
        "--where",
        "epsilon=8.0",
    ];
    assert!(text(at, &args).contains("3 series"));
    // Another table makes it another sweep, though no line of the scenario changed.
    let table = std::fs::read_to_string(at.join("outcomes.csv")).unwrap();
    std::fs::write(at.join("outcomes.csv"), table.replacen(",1,", ",0,", 1)).unwrap();
    let error = refused(at, &["sweep", "run", "s.toml", "--out", "out"]);
    assert!(error.contains("choose another --out"), "{error}");
}

#[test]
fn builds_and_committed_results_are_compared() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    // A build that differs is played by a script: it has the shape that `list` and `run` print.
    let program = |name: &str, bytes: u64, t50: &str| {
        let path = at.join(name);
        let run = |seed: u64| {
            format!(
                "{{\"seed\":{seed},\"ok\":true,\"t50_micros\":{t50}{seed},\"tally\":{{\"sync_bytes\":{}}}}}",
                bytes + seed
            )
        };
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = list ]; then echo '{{\"scenarios\":[{{\"name\":\"mesh\",\"nodes\":3}}]}}'; else \
             echo '{{\"runs\":[{},{},{}]}}'; fi\n",
            run(1),
            run(2),
            run(3)
        );
        std::fs::write(&path, script).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (base, same) = (program("base", 100, "50"), program("same", 100, "50"));
    let (moved, changed) = (program("moved", 101, "50"), program("changed", 200, "90"));
    let compare = |new: &str| text(at, &["compare", &base, new]);
    assert!(
        compare(&same)
            .contains("3 metrics compared: 3 the same, 0 moved within their spread, 0 changed")
    );
    assert!(compare(&moved).contains("2 the same, 1 moved within their spread, 0 changed"));
    let shown = compare(&changed);
    assert!(shown.contains("1 the same, 0 moved within their spread, 2 changed"), "{shown}");
    assert!(shown.contains("tally.sync_bytes"), "{shown}");
    let object = text(at, &["compare", &base, &changed, "--json"]);
    let object: serde_json::Value = serde_json::from_str(&object).unwrap();
    assert_eq!((&object["compared"], &object["changed"]), (&3.into(), &2.into()), "{object}");
    let seeds = run(at, &["check", "none.csv", "--seeds", "3"]);
    assert_eq!(seeds.status.code(), Some(2), "seeds are those of the file: {seeds:?}");
    assert!(refused(at, &["compare", &base, "none"]).contains("none"));
    assert!(refused(at, &["check", "none.csv"]).contains("--write"));
}
