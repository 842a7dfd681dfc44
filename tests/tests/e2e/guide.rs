//! The quickstart does what it says.

use std::process::Command;

use lore_node::host::now_seconds;
use lore_privacy::Delay;
use lore_tests::Cluster;
use lore_tests::binary::lore;
use lore_tests::console::{Time, run, run_at, steps};

/// Ends the nodes that the guide starts, should it fail before it stops them itself.
struct Stop<'a>(&'a Cluster);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        for home in ["one", "two", "team", "laptop", "desktop"] {
            let path = self.0.path().join(home);
            let _ = Command::new(lore()).arg("--home").arg(path).arg("stop").output();
        }
    }
}

#[test]
fn the_quickstart_shows_what_it_says() {
    let cluster = Cluster::of(2);
    let _stop = Stop(&cluster);
    let guide = steps(include_str!("../../../docs/quickstart.md"));
    assert!(guide.len() >= 20, "the guide has commands");
    let docs = cluster.path().join("docs");
    std::fs::create_dir(&docs).unwrap();
    let example = include_str!("../../../docs/example-session.jsonl");
    std::fs::write(docs.join("example-session.jsonl"), example).unwrap();
    // Far from the ends of an accounting period, in which the guide has days pass. Where it says to wait ten
    // minutes, consent is given ten minutes ago.
    const PERIOD: i64 = 90 * 86_400;
    let time = Time {
        offset_seconds: PERIOD / 3 - i64::try_from(now_seconds()).unwrap() % PERIOD,
        answered_before_seconds: i64::try_from(Delay::LEAST_SECONDS).unwrap(),
    };
    run_at(&guide, cluster.path(), time);
}

#[test]
fn the_guide_to_own_devices_shows_what_it_says() {
    let cluster = Cluster::of(2);
    let _stop = Stop(&cluster);
    let guide = steps(include_str!("../../../docs/devices.md"));
    assert!(guide.len() >= 11, "the guide has commands");
    let docs = cluster.path().join("docs");
    std::fs::create_dir(&docs).unwrap();
    let example = include_str!("../../../docs/example-session.jsonl");
    std::fs::write(docs.join("example-session.jsonl"), example).unwrap();
    run(&guide, cluster.path());
}

#[test]
fn the_guide_to_the_lab_shows_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let guide = steps(include_str!("../../../docs/lab.md"));
    assert!(guide.len() >= 5, "the guide has commands");
    run(&guide, directory.path());
}
