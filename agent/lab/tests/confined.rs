//! The sandbox refuses nothing that a task needs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod room;

use lore_lab::FamilyId;
use lore_lab::measure::Worked;
use room::Room;

/// Environments with other quirks for every family.
const SEEDS: [u64; 3] = [1, 4, 11];

#[test]
fn the_right_command_of_every_family_solves_its_task_in_the_sandbox() {
    let mut unsolved = String::new();
    for seed in SEEDS {
        let room = Room::new(seed);
        for family in FamilyId::quirks().into_iter().chain(FamilyId::controls()) {
            for worked in room.work(&[family], 3, None) {
                if !worked.attempt.solved {
                    unsolved += &format!("seed {seed}, {family}:\n{}", transcript(&worked));
                }
            }
        }
    }
    assert!(unsolved.is_empty(), "{unsolved}");
}

/// The commands that were run, with what they answered.
fn transcript(worked: &Worked) -> String {
    let turns = &worked.attempt.session.turns;
    let calls = turns.iter().flat_map(|turn| &turn.calls);
    let lines = calls.map(|call| {
        let (exit, result) = (call.exit.unwrap_or(-1), call.result.as_deref().unwrap_or_default());
        format!("  {} {exit}: {}\n", call.arguments, result.trim_end())
    });
    lines.collect()
}
