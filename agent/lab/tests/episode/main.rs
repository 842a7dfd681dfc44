//! Episodes of a scripted model on real tasks of the lab: what a model is given, how an episode ends
//! whatever the model or its endpoint does, and that a study continues where it was.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod study;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lore_agent::model::{Dialect, Endpoint as Place, HttpModel, Patience};
use lore_lab::episode::{Bounds, Ending, Episode, Offered, run};
use lore_lab::{FamilyId, Instance, Lab};
use lore_protocol::trace::Outcome;
use lore_test_endpoint::chat::{delta, event, says, usage};
use lore_test_endpoint::{Act, Ending as Close, Endpoint, fails};
use serde_json::json;

/// A lab with its directory.
pub(crate) struct Room {
    pub(crate) lab: Lab,
    pub(crate) dir: tempfile::TempDir,
}

impl Room {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tools = Path::new(env!("CARGO_BIN_EXE_lore-lab-tools"));
        let lab = Lab::start(11, &dir.path().join("lab"), tools).unwrap();
        Self { lab, dir }
    }

    /// A task that the documented command solves.
    pub(crate) fn easy(&self) -> Instance {
        self.lab.environment().instance(FamilyId::controls()[0], "t", 0).unwrap()
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.dir.path().join("scratch")
    }

    async fn play(&self, endpoint: &Endpoint, offered: &Offered, bounds: &Bounds) -> Episode {
        let (bin, scratch) = (self.lab.environment().bin(), self.scratch());
        let task = self.easy();
        run(&model(endpoint), &task, offered, bounds, &bin, &scratch, "id", 0).await.unwrap()
    }
}

/// A client that does not wait long.
pub(crate) fn model(endpoint: &Endpoint) -> HttpModel {
    let place = Place::new(&endpoint.url, Dialect::OpenAiChat, "m").unwrap();
    let short = Duration::from_millis(300);
    let patience = Patience {
        first_byte: short,
        idle: short,
        total: Duration::from_secs(2),
        reply_bytes: 1 << 20,
        ..Patience::default()
    };
    HttpModel::new(place.with_patience(patience)).unwrap()
}

/// A reply with one block.
pub(crate) fn runs(command: &str) -> Act {
    says(&format!("I do it.\n```bash\n{command}\n```"))
}

/// The documented command of a task, which for a control is the right one.
pub(crate) fn documented(task: &Instance) -> String {
    task.prompt().split('`').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn a_command_that_passes_the_check_ends_the_episode() {
    let room = Room::new();
    let right = documented(&room.easy());
    let endpoint = Endpoint::acts(vec![runs("ls"), runs(&right), runs("never asked")]);
    let episode = room.play(&endpoint, &Offered::default(), &Bounds::default()).await;
    assert!(episode.solved && !episode.first_attempt, "{episode:?}");
    assert_eq!((episode.steps, episode.calls, &episode.end), (2, 2, &Ending::Solved));
    assert_eq!(endpoint.seen().len(), 2);
    assert_eq!(episode.session.outcome.verdict, Outcome::Success);
    assert_eq!(episode.session.task, room.easy().prompt());
    assert_eq!(episode.session.trace().calls.len(), 2);
    assert!(!room.scratch().exists(), "the scratch directory is removed");
}

#[tokio::test]
async fn the_model_is_told_the_task_and_what_is_offered_and_nothing_else() {
    let room = Room::new();
    let offered = Offered { texts: vec!["- hay: `feed <arg>`".to_owned()], ..Offered::default() };
    let endpoint = Endpoint::acts(vec![runs("true")]);
    let bounds = Bounds { steps: 1, ..Bounds::default() };
    room.play(&endpoint, &offered, &bounds).await;
    let body = &endpoint.seen()[0].body;
    let text = body["messages"].to_string();
    let task = serde_json::to_string(room.easy().prompt()).unwrap();
    assert!(text.contains(task.trim_matches('"')) && text.contains("feed <arg>"), "{text}");
    for secret in ["count_lines", "environment", "quirk", "seed", room.dir.path().to_str().unwrap()]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(body["temperature"], 0.0);
    assert_eq!(body["max_tokens"], 128);
    assert!(body.get("tools").is_none(), "text mode has no tools");
}

#[tokio::test]
async fn the_checker_says_after_every_command_what_is_wrong() {
    let room = Room::new();
    let endpoint = Endpoint::acts(vec![runs("echo 7"), runs("true")]);
    let bounds = Bounds { steps: 2, ..Bounds::default() };
    let episode = room.play(&endpoint, &Offered::default(), &bounds).await;
    assert_eq!(episode.end, Ending::Steps);
    let told = endpoint.seen()[1].body["messages"].to_string();
    assert!(told.contains("Exit code 0.") && told.contains("was not written"), "{told}");
}

#[tokio::test]
async fn a_model_that_says_it_is_done_is_told_that_it_is_not() {
    let room = Room::new();
    let right = documented(&room.easy());
    let endpoint = Endpoint::acts(vec![says("Done."), says("All done."), runs(&right)]);
    let episode = room.play(&endpoint, &Offered::default(), &Bounds::default()).await;
    assert!(episode.solved, "{:?}", episode.end);
    let told = endpoint.seen()[2].body["messages"].to_string();
    assert_eq!(told.matches("no command was run").count(), 2, "{told}");
    let endpoint = Endpoint::start(|_, _| says("Done."));
    let episode = room.play(&endpoint, &Offered::default(), &Bounds::default()).await;
    assert_eq!((episode.end, episode.calls, episode.steps), (Ending::Steps, 6, 0));
}

#[tokio::test]
async fn the_same_command_with_the_same_answer_three_times_ends_the_episode() {
    let room = Room::new();
    let endpoint = Endpoint::start(|_, _| runs("echo again"));
    let episode = room.play(&endpoint, &Offered::default(), &Bounds::default()).await;
    assert_eq!((episode.end, episode.steps), (Ending::Repeated, 3));
}

#[tokio::test]
async fn an_endpoint_that_fails_ends_the_episode_and_says_how() {
    let room = Room::new();
    let cut = vec![delta(json!({"content": "I do"}), None)];
    let error = json!({"error": {"message": "out of order", "code": 500}}).to_string();
    let cases: [(&str, Act); 6] = [
        ("hangs", Act::Hang),
        ("cuts the stream", Act::Stream(cut.clone(), Close::Cut)),
        ("hangs in the stream", Act::Stream(cut, Close::Hang)),
        ("an error with status 200", fails(200, &error)),
        ("floods", Act::Flood("text/event-stream", 64 << 20)),
        ("not found", fails(404, "{}")),
    ];
    for (what, act) in cases {
        let endpoint = Endpoint::start(move |_, _| act.clone());
        let episode = room.play(&endpoint, &Offered::default(), &Bounds::default()).await;
        assert!(matches!(episode.end, Ending::Endpoint { .. }), "{what}: {:?}", episode.end);
        assert!(!episode.solved && episode.calls <= 3, "{what}: {} calls", episode.calls);
        assert!(episode.seconds < 30.0, "{what}: {} s", episode.seconds);
    }
}

#[tokio::test]
async fn a_usage_that_lies_is_replaced_by_an_estimate() {
    let room = Room::new();
    for lie in [0, u64::MAX / 2] {
        let pieces = vec![
            delta(json!({"content": "x\n```bash\nls\n```"}), Some("stop")),
            usage(lie, lie),
            event(&json!({"choices": []})),
            lore_test_endpoint::chat::DONE.to_owned(),
        ];
        let endpoint = Endpoint::start(move |_, _| Act::Stream(pieces.clone(), Close::Whole));
        let bounds = Bounds { steps: 1, ..Bounds::default() };
        let episode = room.play(&endpoint, &Offered::default(), &bounds).await;
        assert!(episode.estimated && episode.steps == 1, "{episode:?}");
        assert!((50..2000).contains(&episode.prompt_tokens), "{}", episode.prompt_tokens);
    }
}

#[tokio::test]
async fn commands_are_bounded_in_time_and_output_and_cannot_remove_their_directory() {
    let room = Room::new();
    let bounds = Bounds { command: Duration::from_millis(300), ..Bounds::default() };
    let right = documented(&room.easy());
    let endpoint = Endpoint::acts(vec![
        runs("sleep 1000"),
        runs("setsid sleep 5 & echo left"),
        runs("head -c 200000000 /dev/zero"),
        runs(&right),
    ]);
    let episode = room.play(&endpoint, &Offered::default(), &bounds).await;
    assert!(episode.solved, "{:?}", episode.end);
    for call in episode.session.trace().calls {
        assert!(call.output.len() < 2_000, "{}", call.output.len());
    }
    let endpoint = Endpoint::start(|_, _| runs("rm -rf \"$PWD\""));
    let episode = room.play(&endpoint, &Offered::default(), &bounds).await;
    // The sandbox holds the directory itself: only what is in it goes, and the episode ends as any other
    // that does the same again and again.
    assert_eq!(episode.end, Ending::Repeated);
}

#[tokio::test]
async fn an_episode_ends_when_its_time_is_over() {
    let room = Room::new();
    let bounds = Bounds { episode: Duration::from_millis(500), ..Bounds::default() };
    let endpoint = Endpoint::start(|n, _| runs(&format!("sleep 0.2; echo {n}")));
    let episode = room.play(&endpoint, &Offered::default(), &bounds).await;
    assert_eq!(episode.end, Ending::Time, "{} s", episode.seconds);
}
