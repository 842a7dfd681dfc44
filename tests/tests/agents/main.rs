//! Agents that people use, run for real against a scripted model: `./x agents`.
//!
//! Each test needs the agent's program, which `./x agents` brings; without it the test says so and passes. In every
//! lane a command fails, the hint is in the next request, the session is imported, the next session has the person's
//! own lesson, and undoing restores every byte.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

mod lane;
mod person;

use lane::{LANES, Lane};
use lore_test_endpoint::Endpoint;
use lore_test_endpoint::agents::Step;
use person::Person;

const PUSH: &str = "git -C repo push";
const FIX: &str = "git -C repo push -u origin topic";
/// A form that fails whatever is installed: the flag was renamed.
const RENAMED: &str = "jest --testPathPattern unit";

fn steps() -> Vec<Step> {
    [PUSH, FIX, RENAMED].map(|line| Step::Run(line.to_owned())).to_vec()
}

fn lane(name: &str) {
    let lane = LANES.iter().find(|lane| lane.agent == name).unwrap();
    let Some(program) = lane.program() else {
        println!("{name}: not run, its program is not here (`./x agents` brings it)");
        return;
    };
    walk(lane, &program);
    println!("{name}: ran, {}", lane.package);
}

fn walk(lane: &Lane, program: &std::path::Path) {
    let begun = std::time::Instant::now();
    let person = Person::new();
    let endpoint = Endpoint::of_steps(steps());
    lane.settle(&person, &endpoint);
    let before = person.files(lane.settings);
    let connected = person.json(&["connect", lane.agent, "--yes"]);
    assert_eq!(connected["running"], true, "{connected}");
    // The first session knows what the documentation says.
    lane.run(&person, program, &endpoint);
    let first = person.hints_in(&endpoint, 0);
    assert!(first.iter().any(|hint| hint.contains("add `-u`") || hint.contains("-u")), "{first:?}");
    let took = begun.elapsed().as_secs();
    assert!(took < 60, "from nothing to the first hint in {took} s");
    println!("{}: from nothing to the first hint in {took} s", lane.agent);
    if lane.says_before {
        assert!(first.iter().any(|hint| hint.contains("--testPathPatterns")), "{first:?}");
    }
    // It is imported when it ends, without what was injected.
    let session = person.imported(1);
    assert_eq!(session["harness"], lane.agent, "{session}");
    let shown = person.json(&["session", "show", session["id"].as_str().unwrap()]);
    assert!(!shown.to_string().contains("hint from lore"), "{shown}");
    // The hint is noted at the call that failed, as a trial of its lesson.
    let turns = shown["turns"].as_array().unwrap().iter();
    let calls = turns.filter_map(|turn| turn["calls"].as_array()).flatten();
    let hinted: Vec<_> = calls.filter(|call| !call["hint"].is_null()).collect();
    assert_eq!(hinted[0]["hint"]["circle"], "codebook", "{shown}");
    // The next one has the person's own lesson.
    person.has_own_lesson("git push");
    let asked = endpoint.seen().len();
    person.renew_repository();
    lane.run(&person, program, &endpoint);
    let second = person.hints_in(&endpoint, asked);
    assert!(second.iter().any(|hint| hint.contains("own sessions")), "{second:?}");
    let checked = person.json(&["connect", "--check"]);
    assert_eq!(checked["agents"][0]["ok"], true, "{checked}");
    person.json(&["connect", "--undo"]);
    assert_eq!(person.files(lane.settings), before);
}

#[test]
#[ignore = "runs a program that `./x agents` brings"]
fn claude_code() {
    lane("claude-code");
}

#[test]
#[ignore = "runs a program that `./x agents` brings"]
fn codex() {
    lane("codex");
}

#[test]
#[ignore = "runs a program that `./x agents` brings"]
fn copilot_cli() {
    lane("copilot-cli");
}

#[test]
#[ignore = "runs a program that `./x agents` brings"]
fn gemini_cli() {
    lane("gemini-cli");
}

#[test]
#[ignore = "runs a program that `./x agents` brings"]
fn opencode() {
    lane("opencode");
}

#[test]
#[ignore = "runs a program that `./x agents` brings"]
fn pi() {
    lane("pi");
}

#[test]
#[ignore = "runs a program that `./x agents` brings"]
fn qwen_code() {
    lane("qwen-code");
}
