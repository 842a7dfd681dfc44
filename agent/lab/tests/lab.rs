//! The lab and its operator on real loopback services.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod room;

use std::collections::{BTreeMap, BTreeSet};

use lore_lab::{BuiltIn, Environment, FamilyId};
use room::Room;

#[test]
fn without_a_library_nothing_works_at_first_and_nearly_all_in_the_end() {
    let room = Room::new(1);
    let report = room.evaluate(None, true);
    assert_eq!(report.families.len(), FamilyId::quirks().len());
    for (family, score) in &report.families {
        assert_eq!(score.first_attempt, 0, "{}", family.name());
        assert!(score.solved_share() >= 0.9, "{}: {score:?}", family.name());
    }
    assert_eq!(report.control().first_attempt_share(), 1.0, "{:?}", report.controls);
}

#[test]
fn an_environment_is_named_by_its_seed_and_loads_as_it_was_written() {
    let room = Room::new(2);
    let loaded = Environment::load(&room.dir.path().join("lab")).unwrap();
    assert_eq!(&loaded, room.lab.environment());
    let other = Room::new(7);
    let other = other.lab.environment();
    assert_eq!(loaded.families(), FamilyId::quirks());
    assert_eq!(loaded.controls(), FamilyId::controls());
    for family in loaded.families().into_iter().chain(loaded.controls()) {
        let of = |environment: &Environment, user: &str, n| {
            environment.instance(family, user, n).unwrap()
        };
        let task = of(&loaded, "ann", 0);
        assert_eq!(task, of(&loaded, "ann", 0));
        for another in [of(&loaded, "ann", 1), of(&loaded, "bob", 0), of(other, "ann", 0)] {
            assert_ne!(task.prompt(), another.prompt());
        }
    }
}

#[test]
fn a_prompt_gives_nothing_of_the_quirk_away() {
    // What solves a task in one environment must not stand in its prompt: the documented command is
    // the same in all environments but for values, names of files and ports.
    let (one, two) = (Room::new(3), Room::new(4));
    let shape = |room: &Room, family| {
        let prompt = room.lab.environment().instance(family, "u", 0).unwrap().prompt().to_owned();
        let command = prompt.split('`').nth(1).unwrap().to_owned();
        let words = command.split(|c: char| !c.is_ascii_alphabetic());
        let known = ["result", "answer", "copy", "mine", "reply", "final", "txt", "out"];
        let words = words.filter(|w| w.chars().all(|c| c.is_ascii_lowercase()));
        let words: Vec<String> =
            words.filter(|w| !w.is_empty() && !known.contains(w)).map(str::to_owned).collect();
        words
    };
    for family in FamilyId::quirks() {
        assert_eq!(shape(&one, family), shape(&two, family), "{}", family.name());
    }
}

#[test]
fn wordings_vary_and_keep_their_topic() {
    let room = Room::new(5);
    for family in FamilyId::quirks() {
        let mut beginnings = BTreeSet::new();
        let mut topics: BTreeMap<String, usize> = BTreeMap::new();
        for n in 0..60 {
            let task = room.lab.environment().instance(family, "u", n).unwrap();
            let plain = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase());
            let words: Vec<&str> = task.prompt().split(' ').filter(plain).take(3).collect();
            beginnings.insert(words.join(" "));
            for word in lore_protocol::lesson::topics(task.prompt()) {
                *topics.entry(word.as_str().to_owned()).or_default() += 1;
            }
        }
        assert!(beginnings.len() >= 4, "{}: {beginnings:?}", family.name());
        let shared = topics.values().max().copied().unwrap_or(0);
        assert!(shared >= 54, "{}: {topics:?}", family.name());
    }
}

#[test]
fn a_broken_environment_is_named_with_the_way_out() {
    let room = Room::new(5);
    let dir = room.dir.path().join("lab");
    let file = dir.join("environment.json");
    let whole = std::fs::read_to_string(&file).unwrap();
    for broken in
        ["", "{}", &whole[..whole.len() / 2], &whole.replace("\"version\": 2", "\"version\": 9")]
    {
        std::fs::write(&file, broken).unwrap();
        let error = Environment::load(&dir).unwrap_err().to_string();
        assert!(
            error.contains("environment.json") && error.contains("start the lab again"),
            "{error}"
        );
    }
    std::fs::remove_file(&file).unwrap();
    assert!(Environment::load(&dir).unwrap_err().to_string().contains("environment.json"));
}

#[test]
fn only_the_names_of_the_lab_are_its_tools() {
    let none = |argv: &[&str]| {
        let argv: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
        lore_lab::tools::dispatch(&argv).is_none()
    };
    assert!(none(&[]) && none(&["lore", "fetch"]) && none(&["/usr/bin/git"]));
    assert!(!none(&["/somewhere/fetch", "--help"]));
}

#[test]
fn a_switched_family_needs_another_answer() {
    let mut room = Room::new(6);
    for family in FamilyId::quirks() {
        let last = |room: &Room| {
            let worked = room.work(&[family], 1, None).remove(0);
            assert!(worked.attempt.solved, "{}", family.name());
            let calls = worked.attempt.session.trace().calls;
            // The fix may stand in the call before the last one.
            let tail: Vec<String> = calls.iter().rev().take(2).map(|c| c.input.clone()).collect();
            tail
        };
        let before = last(&room);
        room.lab.switch(family, 77).unwrap();
        assert_ne!(before, last(&room), "{}", family.name());
    }
    let loaded = Environment::load(&room.dir.path().join("lab")).unwrap();
    assert_eq!(&loaded, room.lab.environment());
}

#[test]
fn users_try_things_in_their_own_order() {
    let room = Room::new(8);
    let worked = room.work(&[BuiltIn::Digest.into()], 12, None);
    let counts: std::collections::BTreeSet<usize> =
        worked.iter().map(|worked| worked.attempt.commands).collect();
    assert!(counts.len() > 2, "{counts:?}");
}
