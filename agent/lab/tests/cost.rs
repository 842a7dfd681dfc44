//! Cost of a task. Alone in its binary: the figures are of the whole process and its children.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod room;

use lore_lab::FamilyId;
use room::Room;

/// CPU time in milliseconds of this process, and of the children it waited for (proc(5), fields 14 to
/// 17 of stat, in ticks of 10 ms).
fn cpu_millis() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields = after_name.split(' ').skip(11).take(4);
    let ticks: Vec<u64> = fields.map(|field| field.parse().unwrap()).collect();
    (10 * (ticks[0] + ticks[1]), 10 * (ticks[2] + ticks[3]))
}

#[test]
fn the_confined_commands_of_a_task_cost_under_60_ms_of_cpu_on_average() {
    let room = Room::new(41);
    let mut sum = 0.0;
    let families = FamilyId::quirks();
    for family in &families {
        let before = cpu_millis();
        let worked = room.work(&[*family], 10, None);
        let after = cpu_millis();
        let tasks = worked.len() as f64;
        let commands: usize = worked.iter().map(|worked| worked.attempt.commands).sum();
        let (own, theirs) = (after.0 - before.0, after.1 - before.1);
        let each = theirs as f64 / tasks;
        println!(
            "{family:<10} {:>5.1} commands a task: {each:>5.1} ms, services and operator {:.1} ms",
            commands as f64 / tasks,
            own as f64 / tasks
        );
        sum += each;
    }
    let each = sum / families.len() as f64;
    // Without confinement it was under 20; a sandbox costs some 5 ms a command, and the machine may be busy.
    assert!(each < 60.0, "{each:.1} ms a task");
}
