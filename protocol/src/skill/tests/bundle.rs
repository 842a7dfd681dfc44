use proptest::prelude::*;

use crate::ids::RevisionId;
use crate::payload::Revision;
use crate::skill::*;

fn file(path: &str, bytes: &[u8]) -> Entry {
    let file = BundleFile { executable: false, bytes: bytes.to_vec() };
    Entry { path: path.to_owned(), kind: EntryKind::File(file) }
}

fn bundle(entries: impl IntoIterator<Item = Entry>) -> Result<Bundle, BundleError> {
    Bundle::from_entries(std::iter::once(file("SKILL.md", b"x")).chain(entries))
}

#[test]
fn paths_that_leave_the_directory_or_differ_between_systems_are_refused() {
    for path in [
        "",
        "/etc/passwd",
        "../x",
        "a/../x",
        "./x",
        "a//b",
        "a/",
        "C:/x",
        "C:x",
        "c:\\x",
        "\\\\host\\share",
        "//host/share",
        "a\\b",
        "a\nb",
        "a\0b",
        "a\u{7f}",
        "a\u{202e}b",
        "a\u{200b}b",
        "con",
        "CON",
        "Con.txt",
        "a/nul",
        "aux.tar.gz",
        "com1",
        "COM¹",
        "lpt9.x",
        "conin$",
        "a.",
        "a ",
        " a",
        "a?",
        "a*b",
        "a|b",
        "a<b",
        "a\"b",
        ".git/config",
        "x/.GIT/hooks",
        "a/b/c/d/e/f/g/h/i",
    ] {
        assert!(path.parse::<BundlePath>().is_err(), "{path:?} passed");
    }
    assert!("é".repeat(101).parse::<BundlePath>().is_err());
    for path in [
        "a",
        ".hidden",
        "scripts/run.sh",
        "console",
        "com",
        "com10",
        "nulls/aux-1",
        "a b",
        "技能.md",
    ] {
        assert!(path.parse::<BundlePath>().is_ok(), "{path:?} was refused");
    }
}

#[test]
fn links_devices_collisions_and_a_missing_skill_md_are_refused() {
    let link = Entry { path: "a".into(), kind: EntryKind::Symlink };
    assert!(matches!(bundle([link]), Err(BundleError::Symlink(_))));
    let other = Entry { path: "a".into(), kind: EntryKind::Other };
    assert!(matches!(bundle([other]), Err(BundleError::NotRegular(_))));
    for (one, two) in
        [("a", "a"), ("a", "A"), ("é", "e\u{301}"), ("a", "a/b"), ("A/x", "a/y"), ("a", "A/b")]
    {
        let result = bundle([file(one, b""), file(two, b"")]);
        assert!(matches!(result, Err(BundleError::Collision(..))), "{one} {two}: {result:?}");
    }
    assert!(matches!(Bundle::from_entries([file("skill.md", b"")]), Err(BundleError::NoSkillMd)));
}

#[test]
fn limits_are_inclusive() {
    let full = vec![0; 1 << 20];
    assert!(bundle([file("a", &full)]).is_ok());
    let over = vec![0; (1 << 20) + 1];
    assert!(matches!(bundle([file("a", &over)]), Err(BundleError::FileTooLarge { .. })));
    // Four full files and the one byte of SKILL.md.
    let four = ["a", "b", "c", "d"].map(|path| file(path, &full));
    assert!(matches!(bundle(four), Err(BundleError::TooLarge)));
    let many = |count: usize| (1..count).map(|i| file(&format!("f{i}"), b""));
    assert!(bundle(many(MAX_FILES)).is_ok());
    assert!(matches!(bundle(many(MAX_FILES + 1)), Err(BundleError::TooManyFiles)));
}

fn revision(name: &str, parents: &[u8], files: &Bundle) -> Revision {
    Revision {
        skill: None,
        name: name.into(),
        description: "d".into(),
        parents: parents.iter().map(|parent| RevisionId([*parent; 32])).collect(),
        files: files.manifest().to_vec(),
    }
}

#[test]
fn the_revision_names_all_that_its_author_says_of_it() {
    let base = bundle([file("a", b"1")]).unwrap();
    let mut executable = file("a", b"1");
    if let EntryKind::File(file) = &mut executable.kind {
        file.executable = true;
    }
    let other_files = [
        bundle([file("b", b"1")]).unwrap(),
        bundle([file("a", b"2")]).unwrap(),
        bundle([executable]).unwrap(),
        bundle([file("a", b"1"), file("b", b"")]).unwrap(),
        bundle([]).unwrap(),
    ];
    let known = revision("x", &[1], &base);
    let mut others: Vec<Revision> =
        other_files.iter().map(|files| revision("x", &[1], files)).collect();
    others.extend([
        revision("y", &[1], &base),
        revision("x", &[], &base),
        revision("x", &[2], &base),
    ]);
    let mut longer = known.clone();
    longer.files[0].len += 1;
    others.extend([longer, Revision { description: "e".into(), ..known.clone() }]);
    for other in &others {
        assert_ne!(known.id(), other.id(), "{other:?}");
    }
    assert_eq!(known.id(), known.clone().id());
    assert_eq!(base.skill_md(), b"x");
}

#[test]
fn a_strangers_manifest_obeys_the_rules_of_our_own() {
    let good = bundle([file("a", b"1"), file("b", b"2")]).unwrap().manifest().to_vec();
    assert_eq!(check_manifest(&good), Ok(()));
    let mut unsorted = good.clone();
    unsorted.swap(0, 1);
    assert!(matches!(check_manifest(&unsorted), Err(BundleError::Unsorted(_))));
    let mut twice = good.clone();
    twice[2].path = twice[1].path.clone();
    assert!(matches!(check_manifest(&twice), Err(BundleError::Unsorted(_))));
    let mut outside = good.clone();
    outside[1].path = "../a".into();
    assert!(matches!(check_manifest(&outside), Err(BundleError::Path(_))));
    let mut huge = good;
    huge[1].len = u64::MAX;
    assert!(matches!(check_manifest(&huge), Err(BundleError::FileTooLarge { .. })));
}

proptest! {
    #[test]
    fn the_order_of_entries_does_not_matter(
        // "f" in front: `con`, `aux` and their like are names that a bundle refuses.
        names in prop::collection::btree_set("f[a-z]{1,6}", 1..12),
        seed: u64,
    ) {
        let mut entries: Vec<Entry> = names.iter().map(|name| file(name, name.as_bytes())).collect();
        let sorted = bundle(entries.clone()).unwrap();
        let length = entries.len();
        entries.rotate_left(seed as usize % length);
        entries.swap(0, (seed >> 32) as usize % length);
        prop_assert_eq!(bundle(entries).unwrap(), sorted);
    }

    #[test]
    fn an_accepted_path_stays_inside(path in "(\\PC|[./]){0,30}") {
        if let Ok(accepted) = path.parse::<BundlePath>() {
            let std_path = std::path::Path::new(accepted.as_str());
            let normal = |part| matches!(part, std::path::Component::Normal(_));
            prop_assert!(std_path.is_relative() && std_path.components().all(normal));
        }
    }
}
