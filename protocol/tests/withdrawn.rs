//! Versions of skills: what another member does with the same files changes nothing of their author's.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::ids::{BlobId, RevisionId, SkillId};
use lore_protocol::payload::{FileEntry, Payload, Revision, RevokeTarget};
use world::World;

const AUTHOR: usize = 1;
const COPIER: usize = 2;

fn version() -> Revision {
    let blob = BlobId([7; 32]);
    Revision {
        skill: None,
        name: "pack".into(),
        description: "Packs.".into(),
        parents: Vec::new(),
        files: vec![FileEntry { path: "SKILL.md".into(), executable: false, len: 10, blob }],
    }
}

#[test]
fn a_member_that_copies_a_version_cannot_take_it_from_its_authors_readers() {
    // The order of two deltas with one tree is that of their ids, which either side may be lucky with.
    for first in [AUTHOR, COPIER] {
        let mut world = World::with_members(2);
        let version = version();
        let (id, version) = (version.id(), Payload::Revision(version));
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

#[test]
fn a_member_that_says_something_else_of_the_same_files_changes_nothing_of_their_author() {
    for first in [AUTHOR, COPIER] {
        let mut world = World::with_members(2);
        let said = version();
        let bent = [
            Revision { description: "Something else.".into(), ..said.clone() },
            Revision { name: "unpack".into(), ..said.clone() },
            Revision { parents: vec![RevisionId([3; 32])], ..said.clone() },
            Revision {
                files: vec![FileEntry { len: 11, ..said.files[0].clone() }],
                ..said.clone()
            },
        ];
        let publish = |world: &mut World, who| {
            if who == AUTHOR {
                world.publish(AUTHOR, &Payload::Revision(said.clone()));
            } else {
                let skill = Some(SkillId(said.id().0));
                for one in &bent {
                    let copy = Revision { skill, ..one.clone() };
                    world.publish(COPIER, &Payload::Revision(copy));
                }
            }
        };
        publish(&mut world, first);
        publish(&mut world, AUTHOR + COPIER - first);
        world.checkpoint();
        let library = world.library();
        let item = &library.skills[&SkillId(said.id().0)].revisions[&said.id()];
        assert_eq!((&item.name, &item.description), (&said.name, &said.description));
        assert_eq!((&item.parents, &item.files), (&said.parents, &said.files));
        assert!(item.publishers().eq([world.members[AUTHOR]]));
    }
}
