//! Studies: kept episode by episode, resumed, and stopped when the endpoint is gone.

use std::path::Path;
use std::sync::Arc;

use lore_lab::FamilyId;
use lore_lab::brief::Shelf;
use lore_lab::episode::Bounds;
use lore_lab::report::{self, Report};
use lore_lab::study::{Arm, CONTROL, Cell, Record, Results, Study, StudyError};

use crate::{Room, model, runs};
use lore_test_endpoint::{Endpoint, fails};

fn study(room: &Room, id: &'static str, shelf: Option<Arc<Shelf>>) -> Study<'static> {
    Study {
        model_id: id,
        shelves: shelf.map(|shelf| ((11, Arm::Library), shelf)).into_iter().collect(),
        bounds: Bounds { steps: 2, ..Bounds::default() },
        scratch: room.scratch(),
        started: 0,
    }
}

fn cells(room: &Room, count: u64) -> Vec<Cell> {
    let family = FamilyId::controls()[0];
    let arms = [Arm::None, Arm::Library];
    let tasks = (0..count).flat_map(|n| arms.map(|arm| (n, arm)));
    tasks
        .map(|(n, arm)| Cell {
            seed: 11,
            family: family.name(),
            group: CONTROL.to_owned(),
            n,
            arm,
            instance: room.lab.environment().instance(family, "t", n).unwrap(),
            bin: room.lab.environment().bin(),
        })
        .collect()
}

async fn go(
    study: &Study<'_>,
    endpoint: &Endpoint,
    cells: &[Cell],
    file: &Path,
) -> Result<Vec<Record>, StudyError> {
    let mut results = Results::open(file)?;
    study.run(&model(endpoint), cells, &mut results, &mut |_, _, _| {}).await
}

/// Runs what stands in backticks in the task.
async fn obedient() -> Endpoint {
    Endpoint::start(|_, seen| {
        let messages = seen.body["messages"].as_array().unwrap();
        // Nothing fails, so that the last thing said is the task, after what is shown with skills.
        let asked = messages.last().unwrap()["content"].as_str().unwrap();
        runs(asked.split('`').nth(1).unwrap())
    })
}

#[tokio::test]
async fn an_interrupted_study_does_only_what_is_missing() {
    let room = Room::new();
    let file = room.dir.path().join("episodes.jsonl");
    let cells = cells(&room, 3);
    let endpoint = obedient().await;
    let study_m = study(&room, "m", None);
    go(&study_m, &endpoint, &cells[..3], &file).await.unwrap();
    assert_eq!(endpoint.seen().len(), 3);
    // The fourth was being written when the power failed.
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&whole[..], &whole[..whole.len() / 5]].concat()).unwrap();
    let records = go(&study_m, &endpoint, &cells, &file).await.unwrap();
    assert_eq!((records.len(), endpoint.seen().len()), (6, 6));
    assert!(records.iter().all(|record| record.episode.solved));
    let again = go(&study_m, &endpoint, &cells, &file).await.unwrap();
    assert_eq!((again, endpoint.seen().len()), (records, 6));
    // Another model's results are others.
    go(&study(&room, "other", None), &endpoint, &cells, &file).await.unwrap();
    assert_eq!(endpoint.seen().len(), 12);
}

#[tokio::test]
async fn other_skills_or_bounds_are_another_measurement() {
    let room = Room::new();
    let file = room.dir.path().join("episodes.jsonl");
    let cells = cells(&room, 1);
    let endpoint = obedient().await;
    go(&study(&room, "m", None), &endpoint, &cells, &file).await.unwrap();
    let skills = room.dir.path().join("skills");
    std::fs::create_dir_all(skills.join("a")).unwrap();
    let plain = |c: char| if c.is_alphanumeric() { c } else { ' ' };
    let about: String = cells[0].instance.prompt().chars().map(plain).collect();
    let text = format!(
        "---\nname: a\ndescription: {about}\n---\n\n# lines of a file\n\n```bash\nwc <arg>\n```\n"
    );
    std::fs::write(skills.join("a/SKILL.md"), text).unwrap();
    let shelf = Arc::new(Shelf::load(&skills).unwrap());
    let records = go(&study(&room, "m", Some(shelf)), &endpoint, &cells, &file).await.unwrap();
    // Only the arm with the skills is done again.
    assert_eq!(endpoint.seen().len(), 3);
    assert_eq!(records[1].episode.session.skills_injected[0].name, "a");
    let mut other = study(&room, "m", None);
    other.bounds.steps = 3;
    go(&other, &endpoint, &cells, &file).await.unwrap();
    assert_eq!(endpoint.seen().len(), 5);
}

#[tokio::test]
async fn a_study_stops_when_its_endpoint_is_gone_and_keeps_what_it_has() {
    let room = Room::new();
    let file = room.dir.path().join("episodes.jsonl");
    let cells = cells(&room, 3);
    let endpoint = obedient().await;
    go(&study(&room, "m", None), &endpoint, &cells[..1], &file).await.unwrap();
    let gone = Endpoint::start(|_, _| fails(404, "{}"));
    let error = go(&study(&room, "m", None), &gone, &cells, &file).await.unwrap_err();
    assert!(error.to_string().contains("start again to continue"), "{error}");
    assert_eq!(gone.seen().len(), 3);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
}

#[test]
fn a_file_that_holds_something_else_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("episodes.jsonl");
    std::fs::write(&file, "{}\n").unwrap();
    let error = Results::open(&file).unwrap_err().to_string();
    assert!(error.contains("line 1") && error.contains("episodes.jsonl"), "{error}");
}

#[tokio::test]
async fn reports_say_the_same_in_json_markdown_and_html() {
    let room = Room::new();
    let file = room.dir.path().join("episodes.jsonl");
    let endpoint = obedient().await;
    let records = go(&study(&room, "m", None), &endpoint, &cells(&room, 2), &file).await.unwrap();
    let controls = report::controls_json(&records);
    assert_eq!(controls["arms"]["library"]["n"], 2);
    assert_eq!(controls["paired_difference_from_none"]["library"]["difference"], 0.0);
    let facts = [("Model", "<m>".to_owned())];
    let page = Report { title: "A & B", facts: &facts, notes: &[], records: &records };
    let (markdown, html) = (page.markdown(), page.html());
    assert!(markdown.contains("| library | 2 of 2 | 100 % (34 % to 100 %)"), "{markdown}");
    assert!(html.contains("A &amp; B") && html.contains("&lt;m&gt;"));
    for outside in ["src=", "href=", "<script", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(report::families(&records).is_empty(), "controls are no families with a quirk");
}
