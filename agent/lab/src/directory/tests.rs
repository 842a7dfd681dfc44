#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;
use crate::draw::Draw;
use crate::family::Family;
use crate::{Families, FamilyId, Instance};

/// A family named `own`, as `scaffold` writes it.
fn own() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let family = scaffold(dir.path(), "own").unwrap();
    (dir, family)
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn changed(family: &Path, from: &str, to: &str) {
    let path = family.join(FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn installed(family: &Path, seed: u64) -> Family {
    let family = DirectoryFamily::load(family).unwrap();
    Family::new(family.into(), &mut Draw::new(seed, &["quirk"]), None, 0)
}

fn instance(family: &Path, n: u64) -> Instance {
    let task = installed(family, 1).task(&mut Draw::new(n, &["task"]), Path::new("/bin"));
    Instance::new("own".parse().unwrap(), task)
}

#[test]
fn what_is_wrong_is_named_with_file_and_key() {
    for (from, to, said) in [
        ("version = 1", "version = 2", "version: is 2"),
        ("version = 1", "version = 1\ncolour = 3", "colour"),
        ("kind = \"identifier\"", "kind = \"identifier\", length = 3", "length"),
        ("kind = \"identifier\"", "kind = \"number\"", "number"),
        ("name = \"own\"", "name = \"Own\"", "name: `Own`"),
        ("name = \"own\"", "name = \"digest\"", "name: `digest` is a built-in family"),
        ("name = \"own\"", "name = \"other\"", "name: `other` is not the name of its directory"),
        (
            "gauge {id} and",
            "gauge {idd} and",
            "prompts[0]: `{idd}` is no value; there are: id, out",
        ),
        ("gauge {id} and", "gauge {id and", "prompts[0]: "),
        ("gauge {id} and", "gauge {option} and", "prompts[0]: `{option}` is of the quirk"),
        ("read {id} -o {out}\"", "read {id} `x`\"", "documented: is one line"),
        ("output = \"{out}\"", "output = \"../{out}\"", "output: is no path below"),
        ("from = 1,", "from = 9000000000000,", "quirk.secret: `from` 9000000000000 is above"),
        ("option = {", "id = {", "quirk.id: a value has this name too"),
        ("option = {", "Option = {", "quirk.Option: a name has lower-case"),
        ("kind = \"identifier\"", "kind = \"words\", count = 0", "values.id: `count` is 0"),
        ("kind = \"identifier\"", "kind = \"shuffle\", of = []", "values.id: `of` lists nothing"),
        ("kind = \"identifier\"", "kind = \"words\", count = 99", "quirk: 1"),
        ("setup_seconds = 10", "setup_seconds = 0", "limits.setup_seconds: is 0; 1 to 600"),
        ("tools = [\"ownctl\"]", "tools = [\"../x\"]", "tools: `../x`"),
        ("tools = [\"ownctl\"]", "tools = [\"ownx\"]", "bin/ownx: does not exist"),
        ("[limits]", "[service]\ncommand = []\n[limits]", "service.command: names no program"),
        ("[limits]", "[service]\ncommand = [\"./serve\"]\n[limits]", "serve: does not exist"),
        ("[limits]", "[files]\n\"/etc/x\" = \"\"\n[limits]", "files.\"/etc/x\": is no path below"),
        ("prompts = [", "prompts = []\nold = [", "old"),
    ] {
        let (_dir, family) = own();
        changed(&family, from, to);
        let error = DirectoryFamily::load(&family).unwrap_err().to_string();
        assert!(error.contains("own/") && error.contains(said), "{said}: {error}");
    }
}

#[test]
fn programs_must_be_there_and_executable() {
    let (_dir, family) = own();
    std::fs::set_permissions(family.join(CHECK), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = DirectoryFamily::load(&family).unwrap_err().to_string();
    assert!(error.contains("own/check: is not executable") && error.contains("chmod"), "{error}");
    std::fs::remove_file(family.join(SETUP)).unwrap();
    let error = DirectoryFamily::load(&family).unwrap_err().to_string();
    assert!(error.contains("own/setup: does not exist"), "{error}");
}

#[test]
fn a_directory_holds_families_or_is_one() {
    let (dir, family) = own();
    scaffold(dir.path(), "another").unwrap();
    std::fs::create_dir(dir.path().join("notes")).unwrap();
    let names = |path: &Path| -> Vec<String> {
        Families::load(path).unwrap().ids().into_iter().map(FamilyId::name).collect()
    };
    assert_eq!(names(dir.path()), ["another", "own"]);
    assert_eq!(names(&family), ["own"]);
    let error = Families::load(&dir.path().join("notes")).unwrap_err().to_string();
    assert!(error.contains("notes") && error.contains("lore lab new"), "{error}");
}

#[test]
fn a_family_is_not_written_over_and_its_name_must_be_one() {
    let (dir, _) = own();
    let error = |name: &str| scaffold(dir.path(), name).unwrap_err().to_string();
    assert!(error("own").contains("exists"));
    assert!(error("digest").contains("built-in"));
    assert!(error("../own").contains("lower-case"));
}

#[test]
fn values_and_quirk_are_drawn_by_seed() {
    let (_dir, family) = own();
    assert_eq!(installed(&family, 1), installed(&family, 1));
    assert_ne!(installed(&family, 1), installed(&family, 2));
    assert_eq!(instance(&family, 1), instance(&family, 1));
    assert_ne!(instance(&family, 1).prompt(), instance(&family, 2).prompt());
    let prompt = instance(&family, 1).prompt().to_owned();
    assert!(prompt.contains("`ownctl read ") && !prompt.contains(['{', '}']), "{prompt}");
}

#[test]
fn every_kind_of_value_reaches_the_programs() {
    let (_dir, family) = own();
    let kinds = "day = { kind = \"date\" }\nsize = { kind = \"choice\", of = [\"a b\"] }\n\
                 list = { kind = \"file_name\", stem = \"list\", extension = \"csv\" }\n\
                 n = { kind = \"integer\", from = 7, to = 7 }\nw = { kind = \"word\" }\n\
                 ways = { kind = \"shuffle\", of = [\"a\", \"b\"] }\n\
                 words = { kind = \"words\", count = 9, join = \"/\" }\nx = { kind = \"secret\" }\n[quirk]";
    changed(&family, "[quirk]", kinds);
    changed(&family, "[limits]", "[files]\n\"in/{list}\" = \"{day} {option} {{}}\\n\"\n[limits]");
    program(
        &family.join(SETUP),
        "echo \"$LAB_VALUE_DAY $LAB_VALUE_SIZE $LAB_VALUE_N $LAB_VALUE_W $LAB_FAMILY\" > seen\n\
         echo \"$LAB_VALUE_WAYS $LAB_VALUE_W/$LAB_VALUE_WORDS $LAB_VALUE_X\" > more\n\
         [ -x \"$LAB_DIR/check\" ] && cat \"in/$LAB_VALUE_LIST\" >> seen; echo \"$LAB_QUIRK_OPTION\" >> seen",
    );
    let scratch = tempfile::tempdir().unwrap();
    instance(&family, 1).setup(scratch.path()).unwrap();
    let seen = std::fs::read_to_string(scratch.path().join("seen")).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    let day = lines[0].split(' ').next().unwrap();
    assert!(day.starts_with("202") && day.len() == 10, "{seen}");
    assert!(lines[0].contains(" a b 7 ") && lines[0].ends_with(" own"), "{seen}");
    assert_eq!(lines[1], format!("{day} {} {{}}", lines[2]));
    let more = std::fs::read_to_string(scratch.path().join("more")).unwrap();
    let [first, second, words, secret] =
        more.split_whitespace().collect::<Vec<_>>().try_into().unwrap();
    assert!(matches!((first, second), ("a", "b") | ("b", "a")), "{more}");
    let different: BTreeSet<&str> = words.split('/').collect();
    assert_eq!((different.len(), words.split('/').count()), (10, 10), "{more}");
    assert!(secret.parse::<u64>().is_ok(), "{more}");
}

#[test]
fn built_in_specifications_hold_the_rules_of_the_format() {
    let mut tools: BTreeSet<String> = ["fetch", "services"].map(str::to_owned).into();
    for family in crate::BuiltIn::ALL {
        let source = Source::BuiltIn(*family);
        let spec = source.spec();
        assert_eq!(spec.body_fault(), None, "{}", family.name());
        assert_eq!((spec.name.as_str(), spec.control), (family.name(), source.is_control()));
        tools.extend(spec.tools.clone());
    }
    assert!(tools.iter().eq(&crate::tools::NAMES), "{tools:?}");
}

#[test]
fn a_check_passes_fails_or_is_itself_at_fault() {
    let (_dir, family) = own();
    let scratch = tempfile::tempdir().unwrap();
    let task = instance(&family, 1);
    let out = task.prompt().split("-o ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    assert_eq!(task.validate(scratch.path()), Err(format!("{out} was not written")));
    std::fs::write(scratch.path().join(&out), "x").unwrap();
    for (check, said) in [
        ("echo the number is wrong; exit 1", "the number is wrong"),
        ("exit 1", "does not hold what was asked for"),
        ("echo oh; exit 3", "family own: its check crashed: exit status 3; it said: oh"),
        ("kill -SEGV $$", "family own: its check crashed: signal 11"),
        ("nonsense-command", "family own: its check crashed: exit status 127"),
    ] {
        program(&family.join(CHECK), check);
        let reason = task.validate(scratch.path()).unwrap_err();
        assert!(reason.contains(said), "{reason}");
        assert_eq!(task.inspect(scratch.path()).is_err(), said.contains("family own"), "{check}");
    }
    program(&family.join(CHECK), "exit 0");
    assert_eq!(task.validate(scratch.path()), Ok(()));
    std::fs::remove_file(family.join(CHECK)).unwrap();
    let reason = task.validate(scratch.path()).unwrap_err();
    assert!(reason.contains("family own: its check did not start"), "{reason}");
}

/// Processes with `text` in their command line.
fn running(text: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

#[test]
fn a_check_that_hangs_is_killed_with_all_that_it_started() {
    let (_dir, family) = own();
    changed(&family, "check_seconds = 10", "check_seconds = 1");
    let scratch = tempfile::tempdir().unwrap();
    let task = instance(&family, 1);
    let out = task.prompt().split("-o ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    std::fs::write(scratch.path().join(&out), "x").unwrap();
    // One child stays in the group, one leaves it for a new session.
    program(&family.join(CHECK), "sleep 4711.25 & setsid sleep 4711.25 & exec sleep 4711.25");
    let began = Instant::now();
    let reason = task.validate(scratch.path()).unwrap_err();
    assert!(reason.contains("its check did not end within 1 s and was killed"), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(running("4711.25"), 0);
    // A check that ends well leaves nothing either.
    program(&family.join(CHECK), "setsid sleep 4711.75 & exit 0");
    assert_eq!(task.validate(scratch.path()), Ok(()));
    assert_eq!(running("4711.75"), 0);
}

#[test]
fn a_setup_that_fails_is_named() {
    let (_dir, family) = own();
    program(&family.join(SETUP), "echo no disk >&2; exit 1");
    let scratch = tempfile::tempdir().unwrap();
    let error = instance(&family, 1).setup(scratch.path()).unwrap_err().to_string();
    assert!(
        error.contains("family own: its setup crashed: exit status 1; it said: no disk"),
        "{error}"
    );
}

#[test]
fn a_drawn_path_never_leaves_the_scratch_directory() {
    let (_dir, family) = own();
    changed(
        &family,
        "out = { kind = \"file_name\" }",
        "out = { kind = \"choice\", of = [\"../x\"] }",
    );
    let scratch = tempfile::tempdir().unwrap();
    let error = instance(&family, 1).setup(scratch.path()).unwrap_err().to_string();
    assert!(error.contains("output gives \"../x\""), "{error}");
}
