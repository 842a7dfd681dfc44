//! Time from the start of the program to its first request.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::desk::{Desk, lines};
use lore_test_endpoint::Endpoint;
use lore_test_endpoint::chat::says;

const RUNS: usize = 9;

async fn first_request(desk: &Desk, skills: &str) -> Vec<Duration> {
    let arrived: Arc<Mutex<Option<Instant>>> = Arc::default();
    let noted = Arc::clone(&arrived);
    let endpoint = Endpoint::start(move |_, _| {
        *noted.lock().unwrap() = Some(Instant::now());
        says("ok")
    });
    let mut took = Vec::new();
    for _ in 0..RUNS {
        let args = ["x", "--policy", "workspace", "--skills", skills, "--json"];
        let begun = Instant::now();
        lines(&mut desk.command(&endpoint, &args)).await.done();
        took.push(arrived.lock().unwrap().take().unwrap() - begun);
    }
    took.sort();
    took
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of wall time, for a machine that does nothing else"]
async fn lore_agent_asks_the_model_within_50_milliseconds_of_its_start() {
    let desk = Desk::new();
    let mut best = Vec::new();
    for skills in ["none", "library"] {
        let took = first_request(&desk, skills).await;
        println!(
            "start to first request, skills {skills}: median {:.1} ms, best {:.1} ms of {RUNS}",
            took[RUNS / 2].as_secs_f64() * 1e3,
            took[0].as_secs_f64() * 1e3
        );
        // The best run: the others measure what else the machine does.
        best.push(took[0]);
    }
    assert!(best.iter().all(|took| *took < Duration::from_millis(50)), "{best:?}");
}
