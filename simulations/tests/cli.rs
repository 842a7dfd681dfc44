//! `lore-sim` as a process: exit codes, what stands where, and the line that reproduces a failure.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn lore_sim(args: &[&str]) -> Output {
    // Reports go below the current directory.
    let directory = env!("CARGO_TARGET_TMPDIR");
    Command::new(env!("CARGO_BIN_EXE_lore-sim")).args(args).current_dir(directory).output().unwrap()
}

fn last_object(output: &Output) -> serde_json::Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn scenario_file(name: &str, change: impl Fn(&str) -> String) -> String {
    let text = lore_simulations::scenario::shipped("lossy-mesh").unwrap();
    let text = text.replace("nodes = 30", "nodes = 6").replace("degree = 6", "degree = 3");
    let text = text.replace("spread_s = 60", "spread_s = 20");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, change(&text)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn list_names_every_shipped_scenario() {
    let output = lore_sim(&["list", "--json"]);
    assert!(output.status.success());
    let listed = last_object(&output);
    assert_eq!(listed["scenarios"].as_array().unwrap().len(), 6);
}

#[test]
fn a_run_ends_with_one_object_and_repeats_to_the_byte() {
    let path = scenario_file("repeats.toml", str::to_owned);
    let args = ["run", &path, "--seed", "3", "--seeds", "2", "--json"];
    let first = lore_sim(&args);
    assert!(first.status.success(), "{first:?}");
    let result = last_object(&first);
    assert_eq!(result["ok"], true);
    assert_eq!(result["runs"][1]["seed"], 4);
    assert_eq!(first.stdout, lore_sim(&[&args[..], &["--threads", "1"]].concat()).stdout);
}

#[test]
fn a_failed_run_says_how_to_reproduce_it() {
    // Without gossip, and with a round every quarter of an hour, nobody can agree in a second.
    let path = scenario_file("fails.toml", |text| {
        text.replace("degree = 3", "degree = 0")
            .replace("period_ms = 2000\n", "period_ms = 900000\n")
            .replace("settle_s = 120", "settle_s = 1")
    });
    let output = lore_sim(&["run", &path, "--seed", "9"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains(&format!("lore-sim run {path} --seed 9")), "{errors}");
}

#[test]
fn bad_input_is_named() {
    let path = scenario_file("unknown.toml", |text| text.replace("jitter_ms", "jiter_ms"));
    let output = lore_sim(&["run", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("jiter_ms"));

    let output = lore_sim(&["run", "no-such-scenario"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("lore-sim list"));

    assert_eq!(lore_sim(&["frobnicate"]).status.code(), Some(2));
}

/// A small instance of each shipped study, by its file with other parameters.
fn small_study(name: &str, changes: &[(&str, &str)]) -> String {
    let text = lore_simulations::study::catalogue::shipped(name).unwrap();
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{name}: {from}");
        text = text.replace(from, to);
    }
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("study-{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs it, twice to the same bytes, and gives the page. Nothing is random where there are no seeds.
fn studied(name: &str, changes: &[(&str, &str)], seeds: Option<&str>) -> serde_json::Value {
    let path = small_study(name, changes);
    let out = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("study-{name}"));
    let mut args = vec!["study", &path, "--json", "--out", out.to_str().unwrap()];
    args.extend(seeds.into_iter().flat_map(|seeds| ["--seeds", seeds]));
    let first = lore_sim(&args);
    assert!(first.status.success(), "{first:?}");
    assert_eq!(first.stdout, lore_sim(&[&args[..], &["--threads", "1"]].concat()).stdout);
    let html = std::fs::read_to_string(out.join(format!("{name}.html"))).unwrap();
    assert!(html.len() < 300_000 && html.contains("What this does not show"), "{name}");
    let page = last_object(&first)["page"].clone();
    let count = |key: &str| page[key].as_array().unwrap().len();
    // Each number that it rests on has a row that says where it is from.
    let rows =
        ["measured", "assumed"].map(|basis| html.matches(&format!("<td>{basis}</td>")).count());
    assert!(count("assumed") > 0, "{name}");
    assert_eq!(rows.iter().sum::<usize>(), count("facts") + count("assumed"), "{name}: {html}");
    for chart in 1..=count("charts") {
        let svg = std::fs::read_to_string(out.join(format!("{name}-{chart}.svg"))).unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{name}-{chart}: {svg}");
    }
    for sheet in page["sheets"].as_array().unwrap() {
        let width = |row: &serde_json::Value| row.as_array().unwrap().len();
        let columns = width(&sheet["columns"]);
        assert!(
            sheet["rows"].as_array().unwrap().iter().all(|row| width(row) == columns),
            "{sheet}"
        );
    }
    let table = std::fs::read_to_string(out.join(format!("{name}.csv"))).unwrap();
    lore_simulations::table::Table::from_csv(&table).unwrap();
    assert!(table.lines().count() > 2, "{name}: {table}");
    page
}

/// The mean of the last point of a curve.
fn end_of(page: &serde_json::Value, chart: usize, curve: &str) -> f64 {
    let curves = page["charts"][chart]["curves"].as_array().unwrap();
    let found = curves.iter().find(|one| one["label"] == curve);
    let found = found.unwrap_or_else(|| panic!("no curve {curve} in {curves:?}"));
    found["points"].as_array().unwrap().last().unwrap()["y"]["mean"].as_f64().unwrap()
}

#[test]
fn study_list_names_every_study_and_each_has_a_small_instance_here() {
    let listed = last_object(&lore_sim(&["study", "list", "--json"]));
    let names =
        listed["studies"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
    let source = include_str!("cli.rs");
    for name in names {
        assert!(
            source.contains(&format!("studied(\"{name}\""))
                || source.contains(&format!("studied(\n        \"{name}\"")),
            "{name}"
        );
    }
}

#[test]
fn a_larger_share_of_people_who_know_a_lesson_needs_fewer_people_and_votes_reach_further() {
    let page = studied(
        "size",
        &[
            ("[1, 2, 4, 8]", "[8]"),
            ("[0.02, 0.05, 0.1, 0.2, 0.35, 0.56]", "[0.2, 0.56]"),
            ("vote_epsilons = [1, 4]", "vote_epsilons = [4]"),
            ("vote_prevalences = [0.1, 0.35]", "vote_prevalences = [0.35]"),
            ("[1, 3, 10, 30, 100]", "[1, 10]"),
        ],
        Some("3"),
    );
    let needed =
        |at: usize| page["charts"][0]["curves"][0]["points"][at]["y"]["mean"].as_f64().unwrap();
    // 16 people with four lessons each must know it, says the privacy crate's table.
    assert!(needed(1) > 16.0 / 0.56 && needed(1) < 2.5 * 16.0 / 0.56, "{}", needed(1));
    assert!(needed(0) > 1.5 * needed(1), "{} {}", needed(0), needed(1));
    let (own, votes) =
        (end_of(&page, 2, "own sessions alone"), end_of(&page, 2, "votes, epsilon 4"));
    assert!(votes > own + 0.02, "{own} {votes}");
}

#[test]
fn pooling_breaks_even_where_the_formula_says() {
    let changes = [
        ("[1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40]", "[1, 2, 4, 8]"),
        ("[0.5, 1, 2, 4]", "[2]"),
        ("items = 60", "items = 30"),
    ];
    let page = studied("break-even", &changes, Some("6"));
    assert_eq!(page["ok"], true);
}

#[test]
fn a_federation_forgets_a_renamed_flag_sooner_than_a_node_alone() {
    let changes = [
        ("[0.5, 1, 4]", "[4]"),
        ("[1, 2, 3, 5, 6, 8, 12, 20]", "[1, 8]"),
        ("phase = 10", "phase = 6"),
    ];
    let page = studied("rename", &changes, Some("2"));
    let alone = end_of(&page, 0, "each node alone");
    assert!(end_of(&page, 0, "robust, epsilon 4") < alone, "{page}");
    assert!(end_of(&page, 0, "centralised") < alone, "{page}");
}

#[test]
fn every_kind_of_change_has_a_chart_in_which_all_arms_meet_the_same() {
    let page = studied(
        "change",
        &[
            ("nodes = 20", "nodes = 5"),
            ("users = 100", "users = 40"),
            ("epochs = 40", "epochs = 22"),
        ],
        Some("2"),
    );
    assert_eq!(page["charts"].as_array().unwrap().len(), 4);
    for chart in 0..4 {
        let oracle = end_of(&page, chart, "oracle");
        assert!(end_of(&page, chart, "private, robust") >= oracle, "{page}");
    }
}

#[test]
fn evidence_keeps_help_from_decaying_with_the_size_of_a_library_and_a_bound_leaves_right_items_out()
{
    let changes = [
        ("nodes = 20", "nodes = 5"),
        ("users = 100", "users = 50"),
        ("epochs = 50", "epochs = 25"),
        ("[20, 40, 80, 160, 240]", "[10, 1000]"),
        ("rare_shares = [0, 0.7]", "rare_shares = [0]"),
        ("start = 40", "start = 20"),
        ("arrive = 5", "arrive = 3"),
    ];
    let page = studied("library-drift", &changes, Some("2"));
    assert_eq!(page["ok"], true, "the oracle helps most: {page}");
    let useless = |curve| end_of(&page, 1, curve);
    let helped = |curve| end_of(&page, 2, curve);
    let (all, shipped, oracle) = ("everything", "shipped, no privacy", "oracle");
    assert!(useless(all) > useless(shipped) + 0.2, "{} {}", useless(all), useless(shipped));
    assert!(helped(all) + 0.03 < helped(shipped), "{} {}", helped(all), helped(shipped));
    assert!(helped(shipped) <= helped(oracle) + 1e-9 && useless(oracle) == 0.0, "{page}");
    let gains = page["charts"][4]["curves"].as_array().unwrap();
    assert_eq!(gains.len(), 7);
    for curve in gains {
        let gain = |at: usize| curve["points"][at]["y"]["mean"].as_f64().unwrap();
        // A bound of ten leaves right items out; one that is never reached is none.
        assert!(gain(0) < -0.03, "{curve}");
        assert_eq!(gain(1), 0.0, "{curve}");
    }
}

#[test]
fn one_loud_liar_misleads_where_voices_are_not_bounded_and_not_where_they_are() {
    let changes = [
        ("nodes = 20", "nodes = 12"),
        ("epochs = 20", "epochs = 12"),
        ("[0, 1, 2, 4, 6, 8]", "[0, 1]"),
    ];
    let page = studied("poisoning", &changes, Some("2"));
    assert!(end_of(&page, 0, "private, summed") > 0.3, "{page}");
    assert!(end_of(&page, 0, "private, robust") < 0.05, "{page}");
}

#[test]
fn more_skills_are_harder_to_tell_apart_and_hints_are_not() {
    let page = studied("routing", &[], None);
    let refused = lore_sim(&["study", "routing", "--seeds", "3"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8(refused.stderr)
            .unwrap()
            .contains("nothing in the study `routing` is random")
    );
    let points = page["charts"][0]["curves"][0]["points"].as_array().unwrap();
    let at = |place: usize| points[place]["y"]["mean"].as_f64().unwrap();
    assert!(at(2) > at(points.len() - 1) + 0.05, "{points:?}");
    assert_eq!(end_of(&page, 0, "hint by situation"), 1.0);
}

#[test]
fn the_extraction_attack_works_without_noise_alone() {
    let page = studied("extraction", &[("attacks = 1000", "attacks = 200")], Some("3"));
    assert_eq!((page["ok"].as_bool(), end_of(&page, 0, "coin")), (Some(true), 0.5));
    assert!(end_of(&page, 0, "attack") > 0.99, "{page}");
}

#[test]
fn a_week_apart_loses_nothing() {
    let changes = [("nodes = 6", "nodes = 5"), ("deltas_per_node = 8", "deltas_per_node = 4")];
    let page = studied("partition", &changes, Some("1"));
    assert_eq!(page["ok"], true);
    let rows = page["sheets"][0]["rows"].as_array().unwrap();
    let missed = rows.iter().find(|row| row[0] == "missed_deliveries").unwrap();
    assert!(missed[1].as_str().unwrap().starts_with("0 "), "{missed}");
    let roots = rows.iter().find(|row| row[0] == "most_distinct_roots").unwrap();
    assert!(!roots[1].as_str().unwrap().starts_with("1 "), "the cut was felt: {roots}");
}

#[test]
fn a_study_with_bad_input_says_what_is_wrong() {
    let error = |changes: &[(&str, &str)], more: &[&str]| {
        let path = small_study("rename", changes);
        let output = lore_sim(&[&["study", path.as_str()][..], more].concat());
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(error(&[("phase = 10", "phases = 10")], &[]).contains("phases"));
    assert!(error(&[("phase = 10", "phase = 1")], &[]).contains("between 2 and 200"));
    assert!(error(&[("study = \"rename\"", "study = \"renamed\"")], &[]).contains("study list"));
    assert!(error(&[], &["--seeds", "0"]).contains("seeds"));
    assert!(error(&[], &["--facts", "no-such-file"]).contains("no-such-file"));
    let output = lore_sim(&["study", "no-such-study"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("lore-sim study list"));
}

#[test]
fn a_manifest_replays_and_a_changed_one_is_refused() {
    let path = scenario_file("manifest.toml", str::to_owned);
    let manifest = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("manifest.json");
    let manifest = manifest.to_str().unwrap();
    let run = ["run", &path, "--seeds", "2..3", "--threads", "1", "--manifest", manifest, "--json"];
    let output = lore_sim(&run);
    assert!(output.status.success(), "{output:?}");
    let traces = |value: &serde_json::Value, of: fn(&serde_json::Value) -> &serde_json::Value| {
        let runs = value["runs"].as_array().unwrap();
        runs.iter().map(|run| of(run).to_string()).collect::<Vec<_>>()
    };
    let first = traces(&last_object(&output), |run| &run["trace"]);
    assert_eq!(first.len(), 2);
    for threads in ["1", "2", "5"] {
        let output = lore_sim(&["replay", manifest, "--threads", threads, "--json"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(traces(&last_object(&output), |run| &run["now"]["trace"]), first);
    }

    // A trace that this program does not give, in a manifest that is whole.
    let text = std::fs::read_to_string(manifest).unwrap();
    let broken = format!("{manifest}.broken");
    let fails = |text: String, words: &str| {
        std::fs::write(&broken, text).unwrap();
        let output = lore_sim(&["replay", &broken]);
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(words), "{errors}");
    };
    fails(text.replace("seed\": 2", "seed\": 4"), "changed or damaged");
    fails(text[..text.len() / 2].to_owned(), "not a manifest");
    fails(text.replace("\"format\": 1", "\"format\": 7"), "format 7");
    let output = lore_sim(&["run", &path, "--seed", "1", "--seeds", "2..3"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lore_sim(&["run", &path, "--seeds", "3..2"]).status.code(), Some(2));
}

#[test]
fn too_large_a_scenario_is_refused_before_it_begins() {
    let path = scenario_file("large.toml", |text| {
        text.replace("nodes = 6", "nodes = 400")
            .replace("deltas_per_node = 6", "deltas_per_node = 10000\npayload_bytes = 16000")
    });
    let output = lore_sim(&["run", &path]);
    // Four hundred copies of four million deltas: no machine has that.
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("MiB are free") && errors.contains("deltas_per_node"), "{errors}");
}

#[test]
fn fault_schedules_print_a_typed_result() {
    let output = lore_sim(&["faults", "--seeds", "3..5", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let result = last_object(&output);
    assert_eq!((&result["ok"], &result["schedules"]), (&true.into(), &3.into()));
}
