//! docs/network.md does what it says, on three machines.

use std::process::Command;

use lore_privacy::Delay;
use lore_tests::Cluster;
use lore_tests::binary::lore;
use lore_tests::console::{Time, run_at, steps};
use rustix::process::{Pid, Signal, kill_process};

use crate::nat::Mapping;
use crate::sandbox::alone;
use crate::world::TwoHomes;

/// Ends what the guide starts.
struct Stop<'a>(&'a Cluster);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        for home in ["ada", "ben"] {
            let path = self.0.path().join(home);
            let _ = Command::new(lore()).arg("--home").arg(path).arg("stop").output();
        }
        let lock = std::fs::read_to_string(self.0.path().join("relay/lock")).unwrap_or_default();
        if let Some(pid) = lock.trim().parse().ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

#[test]
fn the_guide_to_the_network_shows_what_it_says() {
    alone("guide::the_guide_to_the_network_shows_what_it_says", || {
        let cluster = Cluster::of(3);
        let _stop = Stop(&cluster);
        let homes = TwoHomes::new(Mapping::SameForAll, Mapping::SameForAll);
        let guide = steps(include_str!("../../../docs/network.md"));
        assert!(guide.len() >= 18, "the guide has commands");
        let answered_before_seconds = i64::try_from(Delay::LEAST_SECONDS).unwrap();
        let time = Time { answered_before_seconds, ..Time::default() };
        for step in &guide {
            let host = match &step.command {
                command if command.contains("--home ada") => &homes.ada,
                command if command.contains("--home ben") => &homes.ben,
                _ => &homes.relay,
            };
            host.run(|| run_at(std::slice::from_ref(step), cluster.path(), time));
        }
        let carried = homes.wire.carried(homes.ada.port, homes.ben.port);
        assert!(carried > 0, "the last way was a direct one");
    });
}
