//! The guide does what it says, and the tests that it names exist.

use std::path::Path;

use lore_tests::Cluster;
use lore_tests::binary::workspace;
use lore_tests::console::{run, steps};

use crate::desk::shell;
use lore_test_endpoint::Endpoint;
use lore_test_endpoint::chat::{calls, says};

const GUIDE: &str = include_str!("../../../docs/agent.md");

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_shows_what_it_says() {
    let endpoint = Endpoint::start(|n, seen| {
        let messages = seen.body["messages"].as_array().cloned().unwrap_or_default();
        let user = messages.iter().rev().find(|message| message["role"] == "user");
        let words = user.and_then(|message| message["content"].as_str()).unwrap_or_default();
        let answered = messages.last().is_some_and(|message| message["role"] == "tool");
        match words {
            // The question of `lore model test` whether it calls tools.
            _ if words.starts_with("Call the tool `add`") => {
                calls(&[("a", "add", r#"{"a": 2, "b": 3}"#)])
            }
            _ if words.starts_with("write a greeting") && !answered => {
                calls(&[("a", "bash", &shell("echo hello > hello.txt"))])
            }
            _ if words.starts_with("write a greeting") => says("The greeting is in hello.txt."),
            // The last words may be the loop's, about its bounds.
            _ if messages
                .iter()
                .any(|m| m["content"].as_str().is_some_and(|said| said.starts_with("go on"))) =>
            {
                calls(&[("a", "bash", &shell(&format!("echo {n}")))])
            }
            "which number?" if messages.iter().any(|m| m["content"] == "remember the number 7") => {
                says("It is 7.")
            }
            "and doubled?" => says("It is 14."),
            _ => says("ok"),
        }
    });
    let guide = GUIDE.replace("http://127.0.0.1:8080/v1", &endpoint.url);
    let cluster = Cluster::of(1);
    let steps = steps(&guide);
    assert!(steps.len() >= 14, "the guide has commands");
    tokio::task::block_in_place(|| run(&steps, cluster.path()));
}

#[test]
fn every_test_that_the_guide_names_exists() {
    let mut sources = String::new();
    for room in ["agent", "node", "tests"] {
        collect(&workspace().join(room), &mut sources);
    }
    let (_, table) = GUIDE.split_once("| behaviour | test |").unwrap();
    let mut named = 0;
    for row in
        table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| behaviour"))
    {
        let tests = row.rsplit_once(" | ").unwrap().1;
        for name in tests.split('`').skip(1).step_by(2) {
            assert!(sources.contains(&format!("fn {name}(")), "there is no test `{name}`");
            named += 1;
        }
    }
    assert!(named > 60, "{named}");
}

fn collect(directory: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
