//! What a task costs. Alone in its binary: the figure is of the whole process and its children.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod room;

use lore_agent::lab::FamilyId;
use room::Room;

/// CPU time of this process and of the children it waited for, in milliseconds (proc(5), fields 14 to
/// 17 of stat, in ticks of 10 ms).
fn cpu_millis() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields = after_name.split(' ').skip(11).take(4);
    fields.map(|field| 10 * field.parse::<u64>().unwrap()).sum()
}

#[test]
fn the_commands_of_a_task_cost_under_20_ms_of_cpu_on_average() {
    let room = Room::new(41);
    let families = FamilyId::quirks();
    let before = cpu_millis();
    let worked = room.work(&families, 10 * families.len(), None);
    let each = (cpu_millis() - before) as f64 / worked.len() as f64;
    let commands: usize = worked.iter().map(|worked| worked.attempt.commands).sum();
    println!(
        "{each:.1} ms a task, {:.1} commands",
        commands as f64 / worked.len() as f64
    );
    assert!(each < 20.0, "{each:.1} ms a task");
}
