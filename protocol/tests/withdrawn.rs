//! An author takes back a version of a skill; nobody else does it alone.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::ids::BlobId;
use lore_protocol::payload::{FileEntry, Payload, Revision, RevokeTarget};
use lore_protocol::skill::revision_id;
use world::World;

const AUTHOR: usize = 1;
const COPIER: usize = 2;

#[test]
fn a_member_that_copies_a_version_cannot_take_it_from_its_authors_readers() {
    // The order of two deltas with one tree is that of their ids, which either side may be lucky with.
    for first in [AUTHOR, COPIER] {
        let mut world = World::with_members(2);
        let files = vec![FileEntry {
            path: "SKILL.md".into(),
            executable: false,
            len: 10,
            blob: BlobId([7; 32]),
        }];
        let id = revision_id(&files);
        let version = Payload::Revision(Revision {
            skill: None,
            name: "pack".into(),
            description: "Packs.".into(),
            parents: Vec::new(),
            files,
        });
        world.publish(first, &version);
        world.publish(AUTHOR + COPIER - first, &version);
        world.checkpoint();
        let withdrawn = |world: &mut World| {
            let library = world.library();
            let mut items = library.skills.values().filter_map(|skill| skill.revisions.get(&id));
            library.is_withdrawn(id, items.next().unwrap())
        };
        world.revoke(&[COPIER], RevokeTarget::Revision(id));
        assert!(!withdrawn(&mut world));
        world.revoke(&[AUTHOR], RevokeTarget::Revision(id));
        assert!(withdrawn(&mut world));
    }
}
