//! The demo shows what the README says that it shows, and its control shows nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use lore_protocol::delta::Delta;
use lore_protocol::lesson::LessonKey;
use lore_protocol::payload::Payload;
use lore_protocol::skill;
use lore_tests::Cluster;
use lore_tests::binary::lore;
use lore_tests::files::bytes_below;
use serde_json::Value;

/// Nodes of the demo, and the one that works elsewhere for its control arm.
const NODES: usize = 5;
/// Users of an organisation: half of them meet a family and half a pitfall, where epsilon 4 needs 27 for a release
/// in 95 of 100 cases.
const USERS: &str = "100";

fn demo(cluster: &Cluster, nodes: &str, epsilon: &str) -> Value {
    let dir = cluster.path().join(format!("demo-{epsilon}"));
    let args = ["--nodes", nodes, "--users", USERS, "--tasks", "2", "--epsilon", epsilon];
    let out = Command::new(lore())
        .env_remove("LORE_HOME")
        .env_remove("LORE_LOG")
        .args(["demo", "--json", "--dir", dir.to_str().unwrap()])
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    let text = String::from_utf8(out.stdout).unwrap();
    let result: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    println!("epsilon {epsilon}: {result}");
    result
}

fn share(result: &Value, key: &str) -> f64 {
    result[key].as_f64().unwrap_or_else(|| panic!("no {key} in {result}"))
}

/// Every exported skill is valid in the eyes of our own verb, and reading and writing it changes no byte.
fn skills_are_sound(cluster: &Cluster, exports: &Path) {
    let node = cluster.node("reader");
    let mut paths: Vec<_> = fs::read_dir(exports)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("SKILL.md").exists())
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "{paths:?}");
    let texts: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let verdict = node.json(&[&["skill", "validate"], &texts[..]].concat());
    assert_eq!(verdict["invalid"], 0, "{verdict}");
    for (path, one) in paths.iter().zip(verdict["skills"].as_array().unwrap()) {
        assert_eq!(
            (&one["valid"], &one["warnings"]),
            (&true.into(), &Value::Array(vec![])),
            "{one}"
        );
        let bytes = fs::read(path.join("SKILL.md")).unwrap();
        let document = skill::parse(&bytes).unwrap();
        assert_eq!(document.bytes(), bytes);
        // Not only kept: what was understood of it, written again, is the same file.
        let written = skill::SkillMd::try_from(&document).unwrap().write().unwrap();
        assert_eq!(written.as_bytes(), bytes, "{}", path.display());
    }
    // The verb is not content with anything.
    let broken = cluster.path().join("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join("SKILL.md"), "---\nname: another\n---\n").unwrap();
    let judged = node.run(&["skill", "validate", broken.to_str().unwrap(), "--json"]);
    assert_eq!((judged.code, &judged.value()["invalid"]), (Some(1), &1.into()));
}

/// Checks that the logs hold what the skills show. So a lesson that no skill shows (the demo has tried the
/// skills on the rare task) is in no delta either.
fn every_released_lesson_is_exported(directory: &Path) {
    let exports = String::from_utf8(bytes_below(&directory.join("exports/late"))).unwrap();
    let mut lessons = 0;
    for node in ["org-1", "org-2", "org-3", "late"] {
        for entry in fs::read_dir(directory.join("logs").join(node)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "delta") {
                continue;
            }
            let sound = Delta::parse(&fs::read(&path).unwrap()).unwrap();
            let Payload::Lessons(released) = &sound.payload else { continue };
            for entry in &released.entries {
                let LessonKey::Primary(lesson) = &entry.key else { continue };
                let mut words = lesson.action().tokens();
                if lesson.example().is_none() {
                    words.push(&lesson.trigger().tool);
                }
                let says = |line: &str| words.iter().all(|word| line.contains(word.as_str()));
                assert!(exports.lines().any(says), "`{lesson}` is in {}", path.display());
                lessons += 1;
            }
        }
    }
    assert!(lessons >= 4 * 6, "{lessons}");
}

/// Most failing calls of the late joiner were anticipated by lessons that others released, and by nothing else.
fn failing_calls_are_anticipated(late: &Value) {
    let count = |key: &str| late[key].as_u64().unwrap_or_else(|| panic!("no {key} in {late}"));
    let of_released = count("of_released_pitfalls");
    assert!(count("calls") >= 20 && of_released * 10 >= count("calls") * 8, "{late}");
    assert!(count("by_federation") * 10 >= of_released * 8, "{late}");
    assert_eq!(count("disagreeing"), 0, "{late}");
    assert_eq!(count("by_federation_before_joining"), 0, "{late}");
    assert_eq!(count("by_codebook_alone"), 0, "the codebook has none of them: {late}");
}

#[test]
fn the_demo_converges_helps_and_leaks_nothing_and_without_budget_it_does_not_help() {
    let cluster = Cluster::of(NODES);
    let result = demo(&cluster, "4", "4");
    assert_eq!(result["converged"], true);
    let roots = result["roots"].as_array().unwrap();
    assert_eq!(roots.len(), 4);
    assert!(roots.iter().all(|root| *root == roots[0]), "{roots:?}");
    assert!(result["canaries_planted"].as_u64().unwrap() > 0);
    assert!(result["bytes_scanned"].as_u64().unwrap() > 100_000);
    assert_eq!(result["canary_leaks"], 0);
    assert_eq!(result["rare_lesson_released"], false, "three users are too few");
    assert!(share(&result, "first_attempt_with") >= 0.8);
    assert!(share(&result, "first_attempt_without") <= 0.2);
    assert!(share(&result, "first_attempt_wrong") <= 0.2);
    assert!(share(&result, "controls_with") >= 0.9);
    assert!(share(&result, "controls_without") >= 0.9);
    assert!(share(&result, "solved_with_time") >= 0.9);
    let directory = Path::new(result["directory"].as_str().unwrap());
    failing_calls_are_anticipated(&result["late_joiner"]);
    skills_are_sound(&cluster, &directory.join("exports/late"));
    every_released_lesson_is_exported(directory);

    let control = demo(&cluster, "3", "0.1");
    assert_eq!(control["converged"], true);
    assert!(control["lessons_released"].as_u64().unwrap() <= 1);
    assert!(share(&control, "first_attempt_with") <= 0.3);
    let late = &control["late_joiner"];
    assert!(late["by_federation"].as_u64().unwrap() <= 4, "one released pitfall at most: {late}");
}
