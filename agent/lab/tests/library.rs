//! From work to lessons to work: what the miner makes of the lab's sessions, and what a library does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod room;

use std::collections::BTreeMap;

use lore_lab::FamilyId;
use room::{Room, mined, template, write_library};

/// Work of `users` in every family.
fn learn(
    room: &Room,
    users: usize,
) -> BTreeMap<FamilyId, Vec<Option<lore_protocol::lesson::Bundle>>> {
    let families = FamilyId::quirks();
    mined(&room.work(&families, users * families.len(), None))
}

#[test]
fn users_of_a_family_give_one_key_and_share_its_topics() {
    for seed in 100..105 {
        let room = Room::new(seed);
        let mut titled = 0;
        for (family, bundles) in learn(&room, 12) {
            let mut keys: BTreeMap<String, usize> = BTreeMap::new();
            let mut topics: BTreeMap<String, usize> = BTreeMap::new();
            for bundle in bundles.iter().flatten() {
                *keys.entry(template(bundle)).or_default() += 1;
                for word in &bundle.topics {
                    *topics.entry(word.as_str().to_owned()).or_default() += 1;
                }
            }
            let most = keys.values().max().copied().unwrap_or(0);
            assert!(most * 10 >= 9 * bundles.len(), "{seed} {}: {keys:#?}", family.name());
            // With 40 users a family, 23 supporters are 58 %: three quarters leave room for noise.
            let shared = topics.values().max().copied().unwrap_or(0);
            titled += usize::from(shared * 4 >= 3 * bundles.len());
        }
        assert!(titled * 10 >= 8 * FamilyId::quirks().len(), "{seed}: {titled}");
    }
}

#[test]
fn the_lesson_of_one_user_is_the_first_attempt_of_another() {
    let room = Room::new(21);
    let skills = write_library(&room.dir.path().join("skills"), &learn(&room, 1), true);
    let without = room.evaluate(None, false);
    let with = room.evaluate(Some(&skills), false);
    for (family, score) in &with.families {
        assert_eq!(without.families[family].first_attempt, 0, "{}", family.name());
        assert!(score.first_attempt_share() >= 0.9, "{}: {score:?}", family.name());
    }
    for controls in [without.control(), with.control()] {
        assert_eq!(controls.first_attempt, controls.attempts);
    }
}

#[test]
fn the_lessons_of_another_environment_do_not_help() {
    let (here, there) = (Room::new(31), Room::new(32));
    let skills = write_library(&here.dir.path().join("skills"), &learn(&there, 1), true);
    let wrong = here.evaluate(Some(&skills), true);
    assert!(wrong.quirks().first_attempt_share() <= 0.2, "{wrong:?}");
    assert!(wrong.control().first_attempt_share() >= 0.9, "{wrong:?}");
    assert!(wrong.quirks().solved_share() >= 0.9, "a wrong skill is got over: {wrong:?}");
}

#[test]
fn a_lesson_without_topic_words_is_found_by_the_command_it_replaces() {
    let room = Room::new(51);
    let skills = write_library(&room.dir.path().join("skills"), &learn(&room, 1), false);
    let with = room.evaluate(Some(&skills), false);
    // Where even the path has changed, the command alone tells nothing: such a family needs its topic.
    assert!(with.quirks().first_attempt_share() >= 0.8, "{with:?}");
    assert_eq!(with.control().first_attempt, with.control().attempts);
}
