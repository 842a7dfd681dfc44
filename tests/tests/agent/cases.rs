//! What people of other agents report, each case standing for its kind.

use std::fs;
use std::path::Path;

use lore_test_endpoint::Endpoint;
use lore_test_endpoint::chat::says;
use serde_json::Value;

use crate::desk::{Desk, lines};

/// Calls as local servers pass them through: each writes `out.txt`.
const WRITTEN: [&str; 3] = [
    "<tool_call>\n<function=bash>\n<parameter=command>\necho hi > out.txt\n</parameter>\n</function>\n</tool_call>",
    "I will write it.\n<function=bash>\n<parameter=command>\necho hi > out.txt\n</parameter>\n</function>\n</tool_call>",
    "[TOOL_CALLS][{\"name\": \"bash\", \"arguments\": {\"command\": \"echo hi > out.txt\"}}]",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_arrives_as_words_is_run_and_never_taken_for_the_answer() {
    for text in WRITTEN {
        let desk = Desk::new();
        let endpoint = Endpoint::acts(vec![says(text), says("Finished.")]);
        let ran = desk.run(&endpoint, &["Write hi to out.txt", "--policy", "workspace"]).await;
        assert_eq!(ran.done()["text"], "Finished.", "{text}");
        assert_eq!(desk.content("out.txt").as_deref(), Some("hi\n"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_an_illustration_is_asked_for_again_and_not_run() {
    let fence = "Here it is:\n```json\n{\"name\": \"bash\", \"arguments\": {\"command\": \"echo hi > out.txt\"}}\n```";
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says(fence), says("It is done already.")]);
    let ran = desk.run(&endpoint, &["Write hi to out.txt", "--policy", "workspace"]).await;
    assert_eq!(ran.done()["text"], "It is done already.");
    assert_eq!(desk.content("out.txt"), None);
    let asked = endpoint.seen()[1].body["messages"].to_string();
    assert!(asked.contains("Send it as a tool call"), "{asked}");
    // A model that does nothing else has not answered.
    let desk = Desk::new();
    let endpoint = Endpoint::start(move |_, _| says(fence));
    let ran = desk.run(&endpoint, &["Write hi to out.txt", "--policy", "workspace"]).await;
    ran.failed(1);
    assert_eq!(endpoint.seen().len(), 3);
}

fn skill(directory: &Path, name: &str, file: &str, text: &str) {
    let directory = directory.join(name);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(file), text).unwrap();
}

fn pears(name: &str, more: &str) -> String {
    format!(
        "---\nname: {name}\ndescription: Count the pears in a crate\n{more}---\n\nCount them.\n"
    )
}

/// What `skill validate` prints last.
fn validated(desk: &Desk, paths: &[&Path]) -> (Option<i32>, Value) {
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let ran = desk.node.run(&[&["skill", "validate"], paths.as_slice(), &["--json"]].concat());
    (ran.code, ran.value())
}

#[test]
fn a_skill_in_a_lower_case_file_is_judged_found_and_named() {
    let desk = Desk::new();
    let skills = desk.cluster.path().join("skills");
    skill(&skills, "pears", "skill.md", &pears("pears", ""));
    let (code, found) = validated(&desk, &[&skills.join("pears")]);
    assert_eq!((code, &found["skills"][0]["valid"]), (Some(0), &true.into()), "{found}");
    assert!(found["skills"][0]["warnings"].to_string().contains("SKILL.md"), "{found}");
    let search = ["skill", "search", "count pears", "--skills", skills.to_str().unwrap()];
    assert_eq!(desk.node.json(&search)["skills"][0]["name"], "pears");
}

#[test]
fn many_skills_are_judged_one_by_one_and_the_result_is_the_last_line_in_every_outcome() {
    let desk = Desk::new();
    let skills = desk.cluster.path().join("skills");
    skill(&skills, "pears", "SKILL.md", &pears("pears", ""));
    skill(&skills, "plums", "SKILL.md", &pears("prunes", ""));
    let (code, found) =
        validated(&desk, &[&skills, Path::new("/nonexistent"), &skills.join("pears")]);
    assert_eq!((code, &found["invalid"]), (Some(1), &2.into()), "{found}");
    let verdicts = found["skills"].as_array().unwrap();
    let valid: Vec<bool> = verdicts.iter().map(|one| one["valid"] == true).collect();
    assert_eq!(valid, [true, false, false, true], "{found}");
    assert!(verdicts[2]["problems"][0].as_str().unwrap().contains("cannot be read"), "{found}");
    fs::create_dir(desk.cluster.path().join("empty")).unwrap();
    let (code, found) = validated(&desk, &[&desk.cluster.path().join("empty")]);
    assert_eq!(code, Some(1));
    assert!(found["skills"][0]["problems"][0].as_str().unwrap().contains("no SKILL.md"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_that_asks_for_tools_is_left_out_in_every_way_of_writing_it() {
    let desk = Desk::new();
    let skills = desk.cluster.path().join("skills");
    skill(&skills, "flow", "SKILL.md", &pears("flow", "allowed-tools: [Read, Bash]\n"));
    skill(&skills, "block", "SKILL.md", &pears("block", "allowed-tools:\n  - Read\n  - Bash\n"));
    skill(&skills, "text", "SKILL.md", &pears("text", "allowed-tools: Read Bash\n"));
    skill(&skills, "broken", "SKILL.md", "# no frontmatter\nCount the pears\n");
    let endpoint = Endpoint::acts(vec![says("Done.")]);
    let skills = skills.display().to_string();
    let args = ["Count pears", "--policy", "read-only", "--skills", &skills, "--json"];
    let ran = lines(&mut desk.command(&endpoint, &args)).await;
    ran.done();
    let offered = &ran.events("skills")[0];
    let mut left_out: Vec<&str> =
        offered["left_out"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    left_out.sort_unstable();
    assert_eq!(left_out, ["block", "flow", "text"], "{offered}");
    assert_eq!(offered["names"], serde_json::json!([]));
    let said: Vec<&str> =
        ran.0.stderr.lines().filter(|line| line.starts_with("passed over")).collect();
    assert!(said.len() == 1 && said[0].contains("broken/SKILL.md"), "{said:?}");
}

#[test]
fn what_a_search_passes_over_is_said_in_few_lines() {
    let desk = Desk::new();
    let skills = desk.cluster.path().join("skills");
    for n in 0..200 {
        skill(&skills, &format!("broken-{n}"), "SKILL.md", "# no frontmatter\n");
    }
    let ran = desk.node.run(&["skill", "search", "pears", "--skills", skills.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.lines().count() <= 6, "{}", ran.stderr);
    assert!(ran.stderr.contains("195 more"), "{}", ran.stderr);
}
