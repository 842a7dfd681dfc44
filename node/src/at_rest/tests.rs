//! What a store holds of private records, and what becomes of them when the key is another, or gone.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::{Arc, Mutex};

use lore_engine::{Batch, Durability, MemoryStorage, RecordKind, Storage};
use secrecy::zeroize::Zeroizing;

use super::key::{DataKey, KeyPlace};
use super::*;
use crate::error::CliError;
use crate::home::Home;

fn home() -> (tempfile::TempDir, Home) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(&dir.path().join("node")).unwrap();
    home.initialise("").unwrap();
    (dir, home)
}

fn key(home: &Home) -> DataKey {
    DataKey::of(home, None, KeyWish::Auto, true).unwrap()
}

fn put(store: &dyn Storage, kind: RecordKind, name: &str, value: &str) {
    store.put(kind, name.as_bytes(), value.as_bytes(), Durability::Synced).unwrap();
}

fn all(store: &dyn Storage, kind: RecordKind, prefix: &str) -> BTreeMap<String, String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let pairs = store.scan(kind, prefix.as_bytes()).map(Result::unwrap);
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}

/// Everything that a store holds.
fn raw(store: &MemoryStorage) -> String {
    let pairs = RecordKind::ALL.into_iter().flat_map(|kind| store.scan(kind, b""));
    let bytes = pairs.map(Result::unwrap).flat_map(|(name, value)| [name, value].concat());
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}

fn refused(result: Result<DataKey, CliError>, kind: &str) -> CliError {
    let Err(error) = result else { panic!("it was taken") };
    assert_eq!(error.kind, kind, "{error}");
    assert!(!error.help.is_empty(), "{error}");
    error
}

#[test]
fn private_records_are_read_as_they_were_written_and_lie_there_as_noise() {
    let (_dir, home) = home();
    let inner = Arc::new(MemoryStorage::new());
    let (store, rewritten) = Encrypted::open(Arc::clone(&inner) as _, &key(&home)).unwrap();
    assert!(!rewritten);
    for (kind, name) in [
        (RecordKind::Session, "ada/needle-b"),
        (RecordKind::Session, "ada/needle-a"),
        (RecordKind::Session, "ben/needle-a"),
        (RecordKind::Conversation, "ada/needle-mark"),
        (RecordKind::DenyEntry, "needle/with a slash"),
        (RecordKind::DenyEntry, "a needle"),
    ] {
        put(&store, kind, name, &format!("needle of {name}"));
    }
    put(&store, RecordKind::Charter, "public", "open");
    let sessions = all(&store, RecordKind::Session, "ada/");
    let names: Vec<&str> = sessions.keys().map(String::as_str).collect();
    assert_eq!(names, ["ada/needle-a", "ada/needle-b"]);
    assert_eq!(sessions["ada/needle-b"], "needle of ada/needle-b");
    assert_eq!(all(&store, RecordKind::Session, "ada/needle-b").len(), 1);
    assert_eq!(all(&store, RecordKind::Session, "").len(), 3);
    let denied: Vec<Vec<u8>> =
        store.scan(RecordKind::DenyEntry, b"").map(|pair| pair.unwrap().0).collect();
    assert_eq!(denied, [&b"a needle"[..], b"needle/with a slash"], "sorted");
    assert_eq!(
        store.get(RecordKind::DenyEntry, b"a needle").unwrap().unwrap(),
        b"needle of a needle"
    );
    assert!(!raw(&inner).contains("needle"));
    assert_eq!(inner.get(RecordKind::Charter, b"public").unwrap().unwrap(), b"open");

    let mut batch = Batch::new();
    batch.delete(RecordKind::Session, b"ada/needle-a");
    store.write(batch, Durability::Synced).unwrap();
    assert_eq!(store.get(RecordKind::Session, b"ada/needle-a").unwrap(), None);
    assert_eq!(all(&store, RecordKind::Session, "").len(), 2);
}

#[test]
fn a_record_that_was_moved_or_changed_is_not_taken_for_another() {
    let (_dir, home) = home();
    let inner = Arc::new(MemoryStorage::new());
    let (store, _) = Encrypted::open(Arc::clone(&inner) as _, &key(&home)).unwrap();
    put(&store, RecordKind::Session, "ada/one", "of ada");
    put(&store, RecordKind::Session, "ben/one", "of ben");
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for pair in inner.scan(RecordKind::Session, b"") {
        let (name, value) = pair.unwrap();
        names.push(name);
        values.push(value);
    }
    inner.put(RecordKind::Session, &names[0], &values[1], Durability::Synced).unwrap();
    values[1][30] ^= 1;
    inner.put(RecordKind::Session, &names[1], &values[1], Durability::Synced).unwrap();
    for name in [&b"ada/one"[..], b"ben/one"] {
        let error = store.get(RecordKind::Session, name).unwrap_err();
        assert_eq!(error.kind, "store_damaged");
    }
    assert!(all(&store, RecordKind::Session, "").is_empty(), "and the others are still read");
}

#[test]
fn records_of_an_older_program_are_rewritten_once_also_when_that_was_cut_off() {
    let (_dir, home) = home();
    let inner = Arc::new(MemoryStorage::new());
    put(&*inner, RecordKind::Session, "ada/one", "needle 1");
    put(&*inner, RecordKind::DenyEntry, "needle", "spans");
    let (store, rewritten) = Encrypted::open(Arc::clone(&inner) as _, &key(&home)).unwrap();
    assert!(rewritten && !raw(&inner).contains("needle") && !raw(&inner).contains("one"));
    assert_eq!(all(&store, RecordKind::Session, "")["ada/one"], "needle 1");
    assert_eq!(all(&store, RecordKind::DenyEntry, "")["needle"], "spans");

    // As it was cut off: the key is noted as rewriting, one record is done and one is not.
    let mut note = inner.get(RecordKind::DataKey, b"").unwrap().unwrap();
    note[0] = 0;
    inner.put(RecordKind::DataKey, b"", &note, Durability::Synced).unwrap();
    put(&*inner, RecordKind::Session, "ada/two", "needle 2");
    let (store, rewritten) = Encrypted::open(Arc::clone(&inner) as _, &key(&home)).unwrap();
    assert!(rewritten && !raw(&inner).contains("needle"));
    let sessions = all(&store, RecordKind::Session, "");
    assert_eq!(sessions.values().map(String::as_str).collect::<Vec<_>>(), ["needle 1", "needle 2"]);
    let (_, rewritten) = Encrypted::open(inner as _, &key(&home)).unwrap();
    assert!(!rewritten);
}

#[test]
fn another_key_is_refused_and_changes_nothing() {
    let ((_dir, home), (_dir_of_other, other)) = (home(), home());
    let inner = Arc::new(MemoryStorage::new());
    let (store, _) = Encrypted::open(Arc::clone(&inner) as _, &key(&home)).unwrap();
    put(&store, RecordKind::Session, "ada/one", "text");
    let before = raw(&inner);
    let Err(error) = Encrypted::open(Arc::clone(&inner) as _, &key(&other)) else { panic!() };
    assert_eq!(error.kind, "data_key_wrong");
    assert_eq!(raw(&inner), before);
    let (store, _) = Encrypted::open(inner as _, &key(&home)).unwrap();
    assert_eq!(all(&store, RecordKind::Session, "")["ada/one"], "text");
}

#[test]
fn a_key_in_a_file_is_private_and_is_made_only_for_a_store_that_has_none() {
    let (_dir, home) = home();
    let path = home.data_key_path();
    refused(DataKey::of(&home, None, KeyWish::Auto, false), "data_key_missing");
    assert!(!path.exists());
    let made = key(&home).derive("test");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(DataKey::of(&home, None, KeyWish::Auto, false).unwrap().derive("test"), made);
    assert_eq!(place(&home).unwrap(), Some(KeyPlace::File(path.clone())));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    refused(DataKey::of(&home, None, KeyWish::Auto, false), "data_key_exposed");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "abc").unwrap();
    refused(DataKey::of(&home, None, KeyWish::Auto, true), "data_key_damaged");
}

/// A keyring in memory that can be made to fail.
#[derive(Default)]
struct Ring {
    kept: Mutex<BTreeMap<String, String>>,
    forgets: bool,
    locked: Mutex<bool>,
}

impl Ring {
    fn check(&self) -> Result<(), String> {
        if *self.locked.lock().unwrap() { Err("it is locked".into()) } else { Ok(()) }
    }
}

impl Keyring for Ring {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, String> {
        self.check()?;
        Ok(self.kept.lock().unwrap().get(name).cloned().map(Zeroizing::new))
    }

    fn set(&self, name: &str, secret: &str) -> Result<(), String> {
        self.check()?;
        if !self.forgets {
            self.kept.lock().unwrap().insert(name.into(), secret.into());
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        self.check()?;
        self.kept.lock().unwrap().remove(name);
        Ok(())
    }
}

#[test]
fn a_keyring_holds_the_key_when_there_is_one_and_its_owner_may_move_it() {
    let (_dir, home) = home();
    let ring = Ring::default();
    let derived = |wish| DataKey::of(&home, Some(&ring), wish, false).map(|key| key.derive("test"));
    let made = DataKey::of(&home, Some(&ring), KeyWish::Auto, true).unwrap().derive("test");
    let kept = ring.kept.lock().unwrap().clone();
    let (name, secret) = kept.first_key_value().unwrap();
    assert_eq!(place(&home).unwrap(), Some(KeyPlace::Keyring(name.clone())));
    assert!(!fs::read_to_string(home.data_key_path()).unwrap().contains(secret.as_str()));
    assert_eq!(derived(KeyWish::Auto).unwrap(), made);

    *ring.locked.lock().unwrap() = true;
    let error = derived(KeyWish::Auto).unwrap_err();
    assert_eq!(error.kind, "data_key_unreachable");
    assert!(error.message.contains("it is locked"), "{error}");
    assert!(error.help.contains("key = \"file\""), "{error}");
    let without = DataKey::of(&home, None, KeyWish::File, false);
    refused(without, "data_key_unreachable");
    *ring.locked.lock().unwrap() = false;

    assert_eq!(derived(KeyWish::File).unwrap(), made);
    assert!(ring.kept.lock().unwrap().is_empty());
    assert_eq!(place(&home).unwrap(), Some(KeyPlace::File(home.data_key_path())));
    assert_eq!(derived(KeyWish::Keyring).unwrap(), made);
    assert_eq!(ring.kept.lock().unwrap().len(), 1);
    ring.kept.lock().unwrap().clear();
    assert_eq!(derived(KeyWish::Auto).unwrap_err().kind, "data_key_missing");
}

#[test]
fn a_keyring_that_does_not_keep_is_not_relied_on() {
    let forgetful = Ring { forgets: true, ..Ring::default() };
    let locked = Ring { locked: Mutex::new(true), ..Ring::default() };
    for ring in [&forgetful, &locked] {
        let (_dir, home) = home();
        let of = |wish| DataKey::of(&home, Some(ring), wish, true);
        refused(of(KeyWish::Keyring), "data_key_unreachable");
        of(KeyWish::Auto).unwrap();
        assert_eq!(place(&home).unwrap(), Some(KeyPlace::File(home.data_key_path())));
    }
}

/// What `secret-tool` does, as far as it is used.
const TOOL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 2
verb=$1; shift
for last; do :; done
case $verb in
    store) cat > "secret-$last" ;;
    lookup) test -f "secret-$last" && cat "secret-$last" ;;
    clear) rm -f "secret-$last" ;;
    *) echo "cannot: $verb" >&2; exit 1 ;;
esac
"#;

#[test]
fn the_program_of_a_desktop_is_asked_as_it_wants_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("secret-tool");
    fs::write(&program, TOOL).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let tool = SecretTool::at(program.clone());
    assert_eq!(tool.get("one").unwrap(), None);
    tool.set("one", "the secret").unwrap();
    assert_eq!(tool.get("one").unwrap().unwrap().as_str(), "the secret");
    tool.remove("one").unwrap();
    assert_eq!(tool.get("one").unwrap(), None);
    fs::write(&program, "#!/bin/sh\necho no bus >&2\nexit 1\n").unwrap();
    assert_eq!(tool.get("one").unwrap_err(), "no bus");
    assert_eq!(tool.set("one", "x").unwrap_err(), "no bus");
    fs::remove_file(program).unwrap();
    assert!(tool.get("one").unwrap_err().contains("secret-tool"));
}
