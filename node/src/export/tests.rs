#![allow(clippy::unwrap_used)]
use std::fs;
use std::os::unix::fs::symlink;

use super::*;

const PREVIEW: Wish = Wish { preview: true, restore: true };
const REFRESH: Wish = Wish { preview: false, restore: false };
const RESTORE: Wish = Wish { preview: false, restore: true };

fn skills(text: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("one".to_owned(), text.to_owned())])
}

fn whole(text: &str) -> BTreeMap<String, SkillFiles> {
    BTreeMap::from([("one".to_owned(), text_alone(text))])
}

fn names_in(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_edited_skill_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(write(dir.path(), &skills("a")).unwrap().written, ["one"]);
    assert_eq!(write(dir.path(), &skills("a")).unwrap().unchanged, ["one"]);
    assert_eq!(write(dir.path(), &skills("b")).unwrap().written, ["one"]);
    fs::write(dir.path().join("one/SKILL.md"), "mine").unwrap();
    let report = write(dir.path(), &skills("c")).unwrap();
    assert_eq!((report.kept, report.edited), (vec!["one".to_owned()], vec!["one".to_owned()]));
    assert_eq!(fs::read_to_string(dir.path().join("one/SKILL.md")).unwrap(), "mine");
    assert_eq!(write(dir.path(), &BTreeMap::new()).unwrap(), Report::default());
    assert!(dir.path().join("one/SKILL.md").exists());
}

#[test]
fn a_skill_of_the_person_with_the_same_name_is_kept_and_not_called_edited() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("one")).unwrap();
    fs::write(dir.path().join("one/SKILL.md"), "mine").unwrap();
    let report = write(dir.path(), &skills("a")).unwrap();
    assert_eq!((report.kept, report.edited), (vec!["one".to_owned()], Vec::<String>::new()));
    assert_eq!(fs::read_to_string(dir.path().join("one/SKILL.md")).unwrap(), "mine");
}

#[test]
fn a_skill_that_left_the_library_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &skills("a")).unwrap();
    assert_eq!(names_in(&dir.path().join("one")), ["SKILL.md"]);
    assert_eq!(write(dir.path(), &BTreeMap::new()).unwrap().removed, ["one"]);
    assert!(!dir.path().join("one").exists());
}

#[test]
fn what_was_taken_away_comes_back_only_when_it_is_wished() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &skills("a")).unwrap();
    fs::remove_dir_all(dir.path().join("one")).unwrap();
    assert_eq!(export(dir.path(), &whole("b"), REFRESH).unwrap().missing, ["one"]);
    assert_eq!(export(dir.path(), &whole("b"), REFRESH).unwrap().missing, ["one"]);
    assert!(!dir.path().join("one").exists());
    assert_eq!(write(dir.path(), &skills("b")).unwrap().written, ["one"]);
}

#[test]
fn a_preview_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("skills");
    assert_eq!(export(&into, &whole("a"), PREVIEW).unwrap().written, ["one"]);
    assert!(!into.exists());
    write(&into, &skills("a")).unwrap();
    assert_eq!(export(&into, &BTreeMap::new(), PREVIEW).unwrap().removed, ["one"]);
    assert_eq!(export(&into, &whole("b"), PREVIEW).unwrap().written, ["one"]);
    assert_eq!(fs::read_to_string(into.join("one/SKILL.md")).unwrap(), "a");
}

#[test]
fn no_link_leads_a_write_outside() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    fs::write(&target, "theirs").unwrap();
    // The name that parts of files once had, as a link.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("one")).unwrap();
    symlink(&target, dir.path().join("one/.SKILL.md.part")).unwrap();
    assert_eq!(write(dir.path(), &skills("a")).unwrap().written, ["one"]);
    // The text itself as a link, then the skill's directory, then the manifest.
    fs::remove_file(dir.path().join("one/SKILL.md")).unwrap();
    symlink(&target, dir.path().join("one/SKILL.md")).unwrap();
    assert_eq!(write(dir.path(), &skills("b")).unwrap().kept, ["one"]);
    fs::remove_dir_all(dir.path().join("one")).unwrap();
    symlink(outside.path(), dir.path().join("one")).unwrap();
    assert_eq!(write(dir.path(), &skills("b")).unwrap().kept, ["one"]);
    assert_eq!(write(dir.path(), &BTreeMap::new()).unwrap(), Report::default());
    fs::remove_file(dir.path().join(MANIFEST)).unwrap();
    symlink(&target, dir.path().join(MANIFEST)).unwrap();
    assert!(write(dir.path(), &skills("b")).unwrap_err().message.contains("damaged"));
    assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    assert_eq!(names_in(outside.path()), ["target"]);
}

#[test]
fn a_pipe_in_the_place_of_a_text_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("one")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = dir.path().join("one/SKILL.md");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(write(dir.path(), &skills("a")).unwrap().kept, ["one"]);
}

#[test]
fn a_forged_manifest_deletes_nothing_outside() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("skills");
    let victim = dir.path().join("victim");
    fs::create_dir_all(&into).unwrap();
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("SKILL.md"), "theirs").unwrap();
    let absolute = victim.to_str().unwrap();
    let files =
        [("../victim", hash(b"theirs")), (absolute, hash(b"theirs")), ("", hash(b"theirs"))];
    let files = files.map(|(name, hash)| (name.to_owned(), hash)).into();
    let more = BTreeMap::from([(
        "one".to_owned(),
        BTreeMap::from([("../../victim/SKILL.md".to_owned(), hash(b"theirs"))]),
    )]);
    let forged = Manifest { files, more };
    fs::write(into.join(MANIFEST), serde_json::to_vec(&forged).unwrap()).unwrap();
    assert_eq!(write(&into, &BTreeMap::new()).unwrap(), Report::default());
    assert_eq!(fs::read_to_string(victim.join("SKILL.md")).unwrap(), "theirs");
    // Nor does a skill of such a name lead out.
    let names = BTreeMap::from([("../victim".to_owned(), "x".to_owned())]);
    assert!(write(&into, &names).is_err());
}

fn with_script(text: &str, script: &str) -> BTreeMap<String, SkillFiles> {
    let mut files = text_alone(text);
    let bytes = script.as_bytes().to_vec();
    files.insert("scripts/run.sh".to_owned(), ExportFile { bytes, executable: true });
    BTreeMap::from([("one".to_owned(), files)])
}

#[test]
fn files_come_with_their_modes_and_go_together() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("one/scripts/run.sh");
    assert_eq!(export(dir.path(), &with_script("a", "1"), RESTORE).unwrap().written, ["one"]);
    assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(export(dir.path(), &with_script("a", "1"), RESTORE).unwrap().unchanged, ["one"]);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(export(dir.path(), &with_script("a", "1"), RESTORE).unwrap().written, ["one"]);
    // An edited text keeps the new script away: they belong together.
    fs::write(dir.path().join("one/SKILL.md"), "mine").unwrap();
    assert_eq!(export(dir.path(), &with_script("b", "2"), RESTORE).unwrap().edited, ["one"]);
    assert_eq!(fs::read_to_string(&script).unwrap(), "1");
    // What was withdrawn goes, file by file; what was edited stays.
    let report = export(dir.path(), &BTreeMap::new(), RESTORE).unwrap();
    assert_eq!(report.removed, ["one"]);
    assert_eq!(names_in(&dir.path().join("one")), ["SKILL.md"]);
}

#[test]
fn a_file_that_a_newer_version_lacks_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    export(dir.path(), &with_script("a", "1"), RESTORE).unwrap();
    assert_eq!(export(dir.path(), &whole("b"), RESTORE).unwrap().written, ["one"]);
    assert_eq!(names_in(&dir.path().join("one")), ["SKILL.md"]);
    assert_eq!(export(dir.path(), &whole("b"), RESTORE).unwrap().unchanged, ["one"]);
}

#[test]
fn no_path_of_a_file_leads_outside() {
    let outside = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    for path in ["../x", "/x", "scripts/../../x", "a\\b", ""] {
        let mut files = text_alone("a");
        files.insert(path.to_owned(), ExportFile { bytes: b"x".to_vec(), executable: false });
        let skills = BTreeMap::from([("one".to_owned(), files)]);
        assert!(export(dir.path(), &skills, RESTORE).is_err(), "{path}");
    }
    assert!(!dir.path().join("one").exists());
    // A link in the place of a directory below the skill.
    fs::create_dir(dir.path().join("one")).unwrap();
    symlink(outside.path(), dir.path().join("one/scripts")).unwrap();
    assert_eq!(export(dir.path(), &with_script("a", "1"), RESTORE).unwrap().kept, ["one"]);
    assert_eq!(names_in(outside.path()), Vec::<String>::new());
}
