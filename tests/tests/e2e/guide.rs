//! The quickstart does what it says.

use std::process::Command;

use lore_privacy::Delay;
use lore_tests::Cluster;
use lore_tests::binary::{faulty, lore};
use lore_tests::console::{run, run_with, steps};

/// Ends the nodes that the guide starts, should it fail before it stops them itself.
struct Stop<'a>(&'a Cluster);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        for home in ["one", "two"] {
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
    assert!(guide.len() >= 12, "the guide has commands");
    // Where the guide says to wait ten minutes, consent is given ten minutes ago.
    let past = format!(
        "lore() {{ LORE_TEST_CLOCK_OFFSET=-{} '{}' \"$@\"; }}",
        Delay::LEAST_SECONDS,
        faulty().display()
    );
    run_with(&guide, cluster.path(), &past);
}

#[test]
fn the_guide_to_the_lab_shows_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let guide = steps(include_str!("../../../docs/lab.md"));
    assert!(guide.len() >= 5, "the guide has commands");
    run(&guide, directory.path());
}
