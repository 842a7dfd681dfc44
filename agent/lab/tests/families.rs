//! Families that directories define: the operator works on them as on the built-in ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod room;

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lore_lab::directory::scaffold;
use lore_lab::fresh::{MAX_SHAPES, fresh};
use lore_lab::{BuiltIn, Environment, Families, FamilyId};
use room::{Room, evaluated, mined, template, write_library};

#[test]
fn a_family_to_start_from_works_at_once() {
    let dir = tempfile::tempdir().unwrap();
    scaffold(dir.path(), "own").unwrap();
    let room = Room::with(1, Families::load(dir.path()).unwrap());
    let own: FamilyId = "own".parse().unwrap();
    assert_eq!(room.lab.environment().families(), [own]);
    let without = evaluated(&room, None, 8, true);
    let score = without.families[&own];
    assert_eq!((score.first_attempt, score.solved), (0, 8), "{score:?}");
    let mined = mined(&room.work(&[own], 10, None));
    let keys: Vec<String> = mined[&own].iter().flatten().map(template).collect();
    let same = keys.iter().filter(|key| **key == keys[0]).count();
    assert!(same >= 9, "{keys:#?}");
    let skills = write_library(&room.dir.path().join("skills"), &mined, true);
    let with = evaluated(&room, Some(&skills), 8, false);
    assert_eq!(with.families[&own].first_attempt, 8, "{with:?}");
}

#[test]
fn families_of_directories_stand_beside_built_in_ones() {
    let dir = tempfile::tempdir().unwrap();
    scaffold(dir.path(), "own").unwrap();
    let calm = scaffold(dir.path(), "calm").unwrap();
    let text = std::fs::read_to_string(calm.join("family.toml")).unwrap();
    std::fs::write(calm.join("family.toml"), format!("control = true\n{text}")).unwrap();
    // The documented command of a control works.
    let tool = std::fs::read_to_string(calm.join("bin/calmctl")).unwrap();
    let tool = tool
        .replace("[ -n \"$given\" ]", "true")
        .replace("[ \"$given\" = ", "true || [ \"$given\" = ");
    std::fs::write(calm.join("bin/calmctl"), tool).unwrap();
    let chosen = Families::built_in().only(&[BuiltIn::Lock.into(), BuiltIn::SortList.into()]);
    let room = Room::with(2, chosen.and(Families::load(dir.path()).unwrap()));
    let environment = Environment::load(&room.dir.path().join("lab")).unwrap();
    assert_eq!(&environment, room.lab.environment());
    let names = |ids: Vec<FamilyId>| ids.into_iter().map(FamilyId::name).collect::<Vec<_>>();
    assert_eq!(names(environment.families()), ["lock", "own"]);
    assert_eq!(names(environment.controls()), ["sort_list", "calm"]);
    let report = evaluated(&room, None, 3, true);
    assert_eq!(report.control().first_attempt_share(), 1.0, "{report:?}");
    assert_eq!(report.quirks().solved_share(), 1.0, "{report:?}");
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["families"]["lock"].is_object() && json["families"]["own"].is_object(), "{json}");
    assert!(environment.instance(BuiltIn::Digest.into(), "u", 0).is_err());
}

#[test]
fn fresh_families_are_solved_with_time_and_not_at_first() {
    for seed in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let written = fresh(dir.path(), seed, MAX_SHAPES).unwrap();
        assert_eq!(written.len(), MAX_SHAPES);
        let room = Room::with(seed, Families::load(dir.path()).unwrap());
        let report = evaluated(&room, None, 2, true);
        assert_eq!(report.families.len(), MAX_SHAPES);
        for (family, score) in &report.families {
            assert_eq!(score.first_attempt, 0, "{seed} {family}");
            assert_eq!(score.solved, 2, "{seed} {family}");
        }
    }
}

#[test]
fn the_lesson_of_a_fresh_family_carries_over() {
    let dir = tempfile::tempdir().unwrap();
    fresh(dir.path(), 77, MAX_SHAPES).unwrap();
    let room = Room::with(77, Families::load(dir.path()).unwrap());
    let families = room.lab.environment().families();
    let mined = mined(&room.work(&families, 10 * families.len(), None));
    for (family, bundles) in &mined {
        let keys: Vec<String> = bundles.iter().flatten().map(template).collect();
        let same = keys.iter().filter(|key| **key == keys[0]).count();
        assert!(same >= 9, "{family}: {keys:#?}");
    }
    let skills = write_library(&room.dir.path().join("skills"), &mined, true);
    let with = evaluated(&room, Some(&skills), 5, false);
    assert!(with.quirks().first_attempt_share() >= 0.9, "{with:?}");
}

#[test]
fn fresh_families_differ_by_seed_and_not_otherwise() {
    let write = |seed| {
        let dir = tempfile::tempdir().unwrap();
        let written = fresh(dir.path(), seed, 4).unwrap();
        let text =
            |path: &std::path::PathBuf| std::fs::read_to_string(path.join("family.toml")).unwrap();
        written.iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(write(1), write(1));
    let (one, two) = (write(1), write(2));
    assert!(one.iter().all(|text| !two.contains(text)));
}

#[test]
fn a_service_lives_as_long_as_its_environment() {
    let dir = tempfile::tempdir().unwrap();
    let family = scaffold(dir.path(), "own").unwrap();
    let text = std::fs::read_to_string(family.join("family.toml")).unwrap();
    let service = "[service]\ncommand = [\"./serve\", \"quietly\"]\nready_seconds = 60\n[limits]";
    std::fs::write(family.join("family.toml"), text.replace("[limits]", service)).unwrap();
    // The lab's own binary is no service; a listener of the standard tools is needed, and there is none
    // everywhere. What counts here is that the port is its own and that it is stopped.
    program(
        &family.join("serve"),
        "echo \"$LAB_PORT $1\" > started\nexec perl -MIO::Socket::INET -e '$s = \
         IO::Socket::INET->new(LocalAddr => \"127.0.0.1\", LocalPort => $ENV{LAB_PORT}, Listen => 5, \
         ReuseAddr => 1) or die; while ($c = $s->accept) { close $c }'",
    );
    let mut room = Room::with(3, Families::load(dir.path()).unwrap());
    let started = || std::fs::read_to_string(family.join("started")).unwrap();
    let port: u16 = started().split(' ').next().unwrap().parse().unwrap();
    assert!(started().ends_with(" quietly\n"));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    room.lab.switch("own".parse().unwrap(), 9).unwrap();
    let other: u16 = started().split(' ').next().unwrap().parse().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(TcpStream::connect(("127.0.0.1", other)).is_ok());
    drop(room);
    assert!(TcpStream::connect(("127.0.0.1", other)).is_err());
}

#[test]
fn a_service_that_ends_or_does_not_listen_is_named() {
    for (serve, said) in [
        ("echo no licence; exit 4", "its service crashed: exit status: 4; it said: no licence"),
        ("exec sleep 300", "its service does not listen on port"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let family = scaffold(dir.path(), "own").unwrap();
        let text = std::fs::read_to_string(family.join("family.toml")).unwrap();
        let service = "[service]\ncommand = [\"./serve\"]\nready_seconds = 2\n[limits]";
        std::fs::write(family.join("family.toml"), text.replace("[limits]", service)).unwrap();
        program(&family.join("serve"), serve);
        let families = Families::load(dir.path()).unwrap();
        let error = Room::try_with(4, families).err().unwrap().to_string();
        assert!(error.contains("family own") && error.contains(said), "{error}");
    }
}

#[test]
fn two_tools_of_one_name_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let family = scaffold(dir.path(), "own").unwrap();
    let text = std::fs::read_to_string(family.join("family.toml")).unwrap();
    std::fs::write(family.join("family.toml"), text.replace("tools = [", "tools = [\"fetch\", "))
        .unwrap();
    program(&family.join("bin/fetch"), "exit 0");
    let families = Families::load(dir.path()).unwrap();
    let error = Room::try_with(5, families).err().unwrap().to_string();
    assert!(error.contains("tool fetch of family own"), "{error}");
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
