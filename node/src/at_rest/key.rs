//! The key of a node's private records, and where it is kept.
//!
//! The file `data.key` beside the node's key holds the key itself, or the name under which the operating
//! system's keyring holds it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use lore_connect::hook::HintKey;
use lore_protocol::ids::Hash;
use secrecy::zeroize::Zeroizing;

use super::Keyring;
use crate::error::CliError;
use crate::home::Home;
use crate::random::random_bytes;

/// Before the name of a key that is in the keyring.
const IN_KEYRING: &str = "keyring ";

/// Where an owner wants the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyWish {
    /// Where it is; a new one in the keyring when there is one, else in the file.
    #[default]
    Auto,
    /// In the file.
    File,
    /// In the keyring.
    Keyring,
}

impl KeyWish {
    const ALL: [Self; 3] = [Self::Auto, Self::File, Self::Keyring];

    /// The word in `config.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::File => "file",
            Self::Keyring => "keyring",
        }
    }

    /// The wish of a word.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wish| wish.name() == name)
    }
}

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// In this file.
    File(PathBuf),
    /// In the operating system's keyring, under this name.
    Keyring(String),
}

impl std::fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "in the file {}", path.display()),
            Self::Keyring(name) => write!(f, "in the operating system's keyring, as {name}"),
        }
    }
}

/// The key itself.
pub(crate) struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A key for one purpose.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &*self.0)
    }

    fn random() -> Result<Self, CliError> {
        Ok(Self(Zeroizing::new(random_bytes()?)))
    }

    fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    // Parsed as a hash because that is the one parser of 64 hexadecimal digits.
    fn from_hex(text: &str) -> Option<Self> {
        Some(Self(Zeroizing::new(text.trim().parse::<Hash>().ok()?.0)))
    }
}

/// Purpose of the key of a user's own hints.
const HINTS: &str = "commonlore own hints v1";

impl DataKey {
    /// Key of the own hints of this node's users, put where a hook finds it. A hook has no time to ask a keyring: then
    /// it lies in the user's runtime directory, which is in memory and ends with the user's session. None without one.
    pub(crate) fn hint_key(&self, home: &Home) -> Option<HintKey> {
        let key = HintKey(self.derive(HINTS));
        match place(home) {
            Ok(Some(KeyPlace::File(_))) => Some(key),
            Ok(Some(KeyPlace::Keyring(_))) => {
                let text: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
                replace(&runtime_file(home)?, &text).ok().map(|()| key)
            }
            _ => None,
        }
    }
}

/// Key of the own hints of a home, as a hook finds it; none when it does not.
pub(crate) fn hint_key(home: &Home) -> Option<HintKey> {
    match read(&home.data_key_path()).ok()?? {
        Found::Key(key) => Some(HintKey(key.derive(HINTS))),
        Found::Named(_) => {
            let text = fs::read_to_string(runtime_file(home)?).ok()?;
            DataKey::from_hex(&text).map(|key| HintKey(*key.0))
        }
    }
}

/// File of the key of own hints in the user's runtime directory.
fn runtime_file(home: &Home) -> Option<PathBuf> {
    let directory = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    let name = Hash::derive("commonlore/hints/v1", &[home.root().as_os_str().as_encoded_bytes()]);
    directory.is_absolute().then(|| directory.join(format!("lore-{}.hints", name.short())))
}

/// Where the key of a home is; none when it has none yet.
///
/// # Errors
/// Fails when the file is open to others or is no key.
pub(crate) fn place(home: &Home) -> Result<Option<KeyPlace>, CliError> {
    Ok(read(&home.data_key_path())?.map(|found| match found {
        Found::Key(_) => KeyPlace::File(home.data_key_path()),
        Found::Named(name) => KeyPlace::Keyring(name),
    }))
}

impl DataKey {
    /// The key of a home, moved to where its owner wants it. Makes one when `is_new`: when nothing was
    /// encrypted yet.
    ///
    /// # Errors
    /// `data_key_missing`, `data_key_unreachable`, `data_key_exposed`, `data_key_damaged`: the store is not
    /// touched.
    pub(crate) fn of(
        home: &Home,
        keyring: Option<&dyn Keyring>,
        wish: KeyWish,
        is_new: bool,
    ) -> Result<Self, CliError> {
        let path = home.data_key_path();
        let Some(found) = read(&path)? else {
            if !is_new {
                return Err(missing(&format!("the file {} is gone", path.display())));
            }
            let key = Self::random()?;
            key.keep(&path, keyring, wish)?;
            return Ok(key);
        };
        match (found, wish) {
            (Found::Key(key), KeyWish::Keyring) => {
                key.keep(&path, keyring, wish)?;
                Ok(key)
            }
            (Found::Key(key), _) => Ok(key),
            (Found::Named(name), wish) => {
                let key = fetch(keyring, &name)?;
                if wish == KeyWish::File {
                    key.keep(&path, None, wish)?;
                    if let Some(Err(why)) = keyring.map(|keyring| keyring.remove(&name)) {
                        tracing::warn!(why, "the keyring still holds the key of private records");
                    }
                }
                Ok(key)
            }
        }
    }

    /// Puts the key where it is wanted, and says so in the file.
    fn keep(
        &self,
        path: &Path,
        keyring: Option<&dyn Keyring>,
        wish: KeyWish,
    ) -> Result<(), CliError> {
        if wish != KeyWish::File {
            match self.keep_in(keyring) {
                Ok(name) => return replace(path, &format!("{IN_KEYRING}{name}\n")),
                Err(why) if wish == KeyWish::Keyring => {
                    return Err(unreachable_keyring(&why));
                }
                Err(_) => {}
            }
        }
        let text = self.to_hex();
        replace(path, &Zeroizing::new(format!("{}\n", text.as_str())))
    }

    /// Puts the key into the keyring and reads it back: one that forgets it must not be relied on.
    fn keep_in(&self, keyring: Option<&dyn Keyring>) -> Result<String, String> {
        let keyring = keyring.ok_or("there is no keyring")?;
        let id = Hash(random_bytes().map_err(|error| error.to_string())?);
        let name = format!("commonlore-{}", id.short());
        let text = self.to_hex();
        keyring.set(&name, &text)?;
        match keyring.get(&name)? {
            Some(kept) if *kept == *text => Ok(name),
            _ => Err("it did not keep what was put into it".into()),
        }
    }
}

fn fetch(keyring: Option<&dyn Keyring>, name: &str) -> Result<DataKey, CliError> {
    let keyring = keyring.ok_or_else(|| unreachable_keyring("there is no keyring"))?;
    let text = keyring.get(name).map_err(|why| unreachable_keyring(&why))?;
    let text = text.ok_or_else(|| missing(&format!("the keyring holds no {name}")))?;
    DataKey::from_hex(&text)
        .ok_or_else(|| missing(&format!("what the keyring holds as {name} is no key")))
}

fn missing(why: &str) -> CliError {
    CliError::failed(
        "data_key_missing",
        format!("the key of this node's private records is missing: {why}. Nothing was changed"),
    )
    .help(
        "put it back from where you keep its backup; when it is lost for good, `lore store drop-private` \
         deletes the records that nobody can read any more",
    )
}

fn unreachable_keyring(why: &str) -> CliError {
    CliError::failed(
        "data_key_unreachable",
        format!("the operating system's keyring cannot be used for the key of private records: {why}"),
    )
    .help(
        "start `lore` in the session in which the keyring is open, with `secret-tool` installed; for a node \
         that runs without one set `key = \"file\"` under [sessions] of config.toml, and start it once there",
    )
}

enum Found {
    Key(DataKey),
    Named(String),
}

/// Reads the file; none when it is not there.
fn read(path: &Path) -> Result<Option<Found>, CliError> {
    let failed = |error: io::Error| {
        CliError::failed("io", format!("cannot read {}: {error}", path.display()))
    };
    let mode = match fs::metadata(path) {
        Ok(meta) => meta.mode() & 0o777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if mode & 0o077 != 0 {
        let what = format!("the key {} can be read by others (mode {mode:o})", path.display());
        return Err(CliError::failed("data_key_exposed", what).help(
            "run `chmod 600` on it; who has read it can read a copy of this node's sessions",
        ));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    if let Some(name) = text.strip_prefix(IN_KEYRING) {
        return Ok(Some(Found::Named(name.trim().to_owned())));
    }
    let key = DataKey::from_hex(&text).ok_or_else(|| {
        let what = format!("{} is no key: expected 64 hexadecimal digits", path.display());
        CliError::failed("data_key_damaged", what)
            .help("put it back from where you keep its backup; nothing was changed")
    })?;
    Ok(Some(Found::Key(key)))
}

/// Writes the file whole or not at all, mode 0600.
fn replace(path: &Path, text: &str) -> Result<(), CliError> {
    let partial = path.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let write = || -> io::Result<()> {
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        path.parent().map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
    };
    write().map_err(|error| {
        CliError::failed("io", format!("cannot write {}: {error}", path.display()))
    })
}
