//! Skills that a task is offered.

use std::path::PathBuf;

use lore_agent_skill::write;
use lore_protocol::payload::{Cell, ItemId, Payload};
use lore_protocol::trace::Outcome;
use lore_session::{Session, SessionOutcome, Source, Started};
use lore_tests::log::exported;
use lore_tests::sessions;

use crate::desk::{Desk, Lines, lines, shell};
use lore_test_endpoint::Endpoint;
use lore_test_endpoint::chat::{calls, says};

/// Directories of skills as people write them.
mod lore_agent_skill {
    use std::path::Path;

    pub fn write(dir: &Path, name: &str, about: &str, more: &str, body: &str) {
        let at = dir.join(name);
        std::fs::create_dir_all(&at).unwrap();
        let text = format!("---\nname: {name}\ndescription: {about}\n{more}---\n\n{body}\n");
        std::fs::write(at.join("SKILL.md"), text).unwrap();
    }
}

/// Six skills, of which four are about parcels.
fn library(desk: &Desk) -> PathBuf {
    let dir = desk.cluster.path().join("skills");
    for n in 0..4 {
        let body = format!("```bash\nparcel send --lane {n} <arg>\n```");
        write(&dir, &format!("parcel-{n}"), "Sending parcels by courier.", "", &body);
    }
    write(&dir, "tea", "Brewing green tea.", "", "```bash\nbrew <arg>\n```");
    let tools = "allowed-tools: web_fetch\n";
    write(&dir, "weather", "Weather forecast for hikers.", tools, "Ask https://weather.example/.");
    dir
}

async fn ask(desk: &Desk, endpoint: &Endpoint, task: &str) -> Lines {
    let dir = library(desk).display().to_string();
    let args = [task, "--policy", "read-only", "--skills", &dir, "--json"];
    lines(&mut desk.command(endpoint, &args)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_skills_are_offered_as_a_note_of_the_program_and_recorded() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("ok")]);
    let ran = ask(&desk, &endpoint, "send two parcels by courier").await;
    let result = ran.done();
    assert_eq!(result["skills"].as_array().unwrap().len(), 3);
    let messages = endpoint.seen()[0].body["messages"].clone();
    let note = messages[1]["content"].as_str().unwrap();
    assert!(note.starts_with("<harness_note kind=\"skills\">"), "{note}");
    assert!(note.contains("parcel send --lane") && !note.contains("brew"), "{note}");
    assert_eq!(messages[2]["content"], "send two parcels by courier");
    let stored = result["stored"].as_str().unwrap();
    let session = desk.node.json(&["session", "show", stored]);
    let injected = session["skills_injected"].as_array().unwrap();
    assert_eq!(injected.len(), 3);
    assert!(injected[0]["name"].as_str().unwrap().starts_with("parcel-"));
    assert_eq!(session["task"], "send two parcels by courier");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_that_asks_for_more_than_words_is_left_out_when_nobody_agreed() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("ok")]);
    let ran = ask(&desk, &endpoint, "weather forecast for hikers").await;
    assert_eq!(ran.done()["skills"], serde_json::json!([]));
    assert_eq!(ran.events("skills")[0]["left_out"][0], "weather");
    assert!(!endpoint.seen()[0].body.to_string().contains("weather.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_session_is_not_offered_the_same_again() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("ok"), says("ok")]);
    let ran = ask(&desk, &endpoint, "brew some green tea").await;
    assert_eq!(ran.done()["skills"][0], "tea");
    let dir = library(&desk).display().to_string();
    let id = ran.session();
    let args =
        ["more green tea", "--resume", &id, "--policy", "read-only", "--skills", &dir, "--json"];
    let ran = lines(&mut desk.command(&endpoint, &args)).await;
    assert_eq!(ran.done()["skills"], serde_json::json!(["tea"]));
    assert!(ran.events("skills").is_empty(), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_library_is_where_skills_come_from_by_default() {
    let desk = Desk::new();
    desk.node.json(&["federation", "create", "lab"]);
    desk.node.share("parcel send --lane 7 <arg>", "parcel,courier", &[]);
    let endpoint = Endpoint::acts(vec![says("ok")]);
    let args = ["send a parcel by courier", "--policy", "read-only", "--json"];
    let ran = lines(&mut desk.command(&endpoint, &args)).await;
    let skills = ran.done()["skills"].clone();
    assert_eq!(skills.as_array().unwrap().len(), 1, "{ran:?}");
    let stored = ran.0.value()["stored"].as_str().unwrap().to_owned();
    let session = desk.node.json(&["session", "show", &stored]);
    // With the ids that evidence is counted by.
    assert!(session["skills_injected"][0]["revision"].is_string(), "{session}");
}

/// Turns what one task was offered, met and did into many sessions that are otherwise alike.
#[tokio::test(flavor = "multi_thread")]
async fn the_success_of_sessions_with_a_skill_is_released_for_that_skill() {
    const SESSIONS: usize = 200;
    let desk = Desk::new();
    let schedule = ["--outcomes-at", "3", "--lessons-at", "80", "--votes-at", "80"];
    desk.node.found(&[&["lab", "--units", "session"][..], &schedule].concat());
    desk.node.share("parcel send --lane 7 <arg>", "parcel,courier", &[]);
    desk.node.checkpoint();
    let endpoint = Endpoint::acts(vec![
        calls(&[("a", "bash", &shell("false"))]),
        calls(&[("b", "bash", &shell("true"))]),
        says("It is on its way."),
    ]);
    let task = ["send a parcel by courier", "--policy", "workspace", "--json"];
    let ran = lines(&mut desk.command(&endpoint, &task)).await;
    assert_eq!(ran.done()["skills"].as_array().unwrap().len(), 1, "{ran:?}");

    let stored = ran.done()["stored"].as_str().unwrap().to_owned();
    let shown = desk.node.json(&["session", "show", &stored]);
    let session: Session = serde_json::from_value(shown).unwrap();
    let revision = session.skills_injected[0].revision.unwrap();
    let alike = |n: usize| {
        let started = Started::at(session.started.unix_seconds - 60);
        // Another conversation each: pieces of one are one unit.
        let (root, links) = (None, Vec::new());
        let id = format!("alike-{n}");
        let outcome = SessionOutcome::certain(Outcome::Success, Source::Validator);
        Session { id, root, links, unit: None, started, outcome, ..session.clone() }
    };
    let file = desk.cluster.path().join("alike.jsonl");
    sessions::write(&file, &(0..SESSIONS).map(alike).collect::<Vec<_>>());
    desk.node.json(&["session", "import", file.to_str().unwrap()]);
    let budget = ["privacy", "set", "--epsilon", "4", "--unit", "session", "--yes"];
    desk.node.json(&budget);
    desk.node.close_windows();
    // A node that does not run releases with the next verb that settles what is due.
    desk.node.json(&budget);

    let log = exported(&desk.node, &desk.cluster.path().join("log"), &[]).log;
    let released: Vec<Cell> = log
        .entries()
        .filter_map(|(_, entry)| match entry.payload().into_owned() {
            Payload::Outcomes(outcomes) => Some(outcomes.cells),
            _ => None,
        })
        .flatten()
        .filter(|cell| cell.item == ItemId::Revision(revision))
        .collect();
    let [cell] = &released[..] else { panic!("{released:?}") };
    // The noise has a scale below 10: without the sessions the count is no more than that from 0.
    let expected = i64::try_from(SESSIONS).unwrap();
    assert!((expected - 100..=expected + 101).contains(&cell.successes), "{cell:?}");
    assert!(cell.failures.abs() < 100, "{cell:?}");
}
