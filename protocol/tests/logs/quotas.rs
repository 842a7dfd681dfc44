//! Members that write until their quotas are used up, and one delta more.

use lore_protocol::delta::Delta;
use lore_protocol::ids::{DeltaId, InvitationId, PublicKey};
use lore_protocol::payload::{Payload, Vouch};

use super::super::world::{World, authored, lesson, void};
use super::{Export, rotate, rotation};

pub(super) fn quotas() -> Export {
    let mut world = World::with_limits(|limits| {
        limits.deltas_per_epoch = 20;
        limits.lessons_per_epoch = 3;
    });
    world.admit_and_seal(3);
    let mut above: Vec<Delta> = Vec::new();
    for n in 0..4_u8 {
        let payload = authored(lesson("curl", &format!("curl -n{n}")));
        write(&mut world, 1, &payload, &mut above);
    }
    for n in 0..17 {
        let payload = Payload::Vouch(Vouch {
            join: DeltaId([n; 32]),
            key: PublicKey([n; 32]),
            invitation: InvitationId([n; 32]),
            uses: 1,
            expires_epoch: 9,
        });
        write(&mut world, 2, &payload, &mut above);
    }
    for _ in 0..5 {
        write(&mut world, 2, &void(), &mut above);
    }
    for _ in 0..4 {
        rotate(&mut world, 3, None, 4);
    }
    above.push(rotation(&world, 3, None, 4));
    assert_eq!(above.len(), 4, "one of each quota");
    world.checkpoint();
    world.publish(2, &void());
    let mut export = Export::of(&world);
    above.iter().for_each(|delta| export.put(delta));
    export
}

/// Publishes what the log takes; what it does not is put `above`.
fn write(world: &mut World, who: usize, payload: &Payload, above: &mut Vec<Delta>) {
    let delta = world.make(who, payload, 0);
    match world.log.fault(&delta.clone().sound().unwrap()) {
        None => drop(world.push(delta)),
        Some(_) => above.push(delta),
    }
}
