//! Files between a node and the hooks: the node writes them whole, a hook only reads them.
//!
//! `public.index` holds what everybody of the node may be told. `own/NAME.index` holds one user's own lessons, with
//! that user's commands: it is encrypted under a key that the node derives from the key of its private records.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use lore_lessons::{Book, Index, IndexError};

use super::HookError;
use super::given;
use crate::write::replace;

const NONCE_BYTES: usize = 24;
/// Largest index that is read, in bytes.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// Key of a user's own index.
#[derive(Clone)]
pub struct HintKey(pub [u8; 32]);

impl std::fmt::Debug for HintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HintKey(..)")
    }
}

/// The directory of hints of a node, for one user.
#[derive(Debug, Clone)]
pub struct HintFiles {
    directory: PathBuf,
    user: String,
    key: Option<HintKey>,
}

impl HintFiles {
    /// The files in a directory, for a user by the name that their sessions are imported for. Without the key, own
    /// lessons are neither read nor written.
    #[must_use]
    pub fn new(directory: &Path, user: &str, key: Option<HintKey>) -> Self {
        Self { directory: directory.to_owned(), user: user.to_owned(), key }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// File of what everybody of the node may be told.
    #[must_use]
    pub fn public(&self) -> PathBuf {
        self.directory.join("public.index")
    }

    /// File of the user's own lessons.
    #[must_use]
    pub fn own(&self) -> PathBuf {
        let name = blake3::hash(self.user.as_bytes()).to_hex();
        self.directory.join("own").join(format!("{}.index", &name[..32]))
    }

    /// Directory of what sessions have had.
    #[must_use]
    pub fn given(&self) -> PathBuf {
        self.directory.join("given")
    }

    /// Removes what sessions have had that is past its time.
    pub fn drop_old(&self, now: u64) {
        given::drop_old(&self.given(), now);
    }

    /// Writes the public index, when it changed. True when it was written.
    ///
    /// # Errors
    /// When a file cannot be written; what was there stays.
    pub fn write_public(&self, index: &[u8]) -> io::Result<bool> {
        if fs::read(self.public()).is_ok_and(|standing| standing == index) {
            return Ok(false);
        }
        replace(&self.public(), index, 0o600).map(|()| true)
    }

    /// Writes the user's own index; without the key it is removed.
    ///
    /// # Errors
    /// When a file cannot be written; what was there stays.
    pub fn write_own(&self, index: &[u8]) -> io::Result<()> {
        if !self.has_key() {
            return match fs::remove_file(self.own()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        self.seal(&self.own(), index)
    }

    /// Returns true when private files of the user can be read and written.
    pub(super) const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Encrypts a private file of the user.
    pub(super) fn seal(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let Some(key) = &self.key else { return Err(io::Error::other("there is no key")) };
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| io::Error::other(error.to_string()))?;
        let payload = Payload { msg: bytes, aad: &self.bound_to(path) };
        let sealed = XChaCha20Poly1305::new(&key.0.into())
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| io::Error::other("a file cannot be encrypted"))?;
        replace(path, &[&nonce[..], &sealed].concat(), 0o600)
    }

    /// Decrypts a private file of the user; none when there is no such file, or no key.
    pub(super) fn unseal(&self, path: &Path) -> Result<Option<Vec<u8>>, HookError> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some(bytes) = read(path)? else { return Ok(None) };
        let damaged = || HookError::Files(IndexError::Damaged.to_string());
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let payload = Payload { msg: sealed, aad: &self.bound_to(path) };
        XChaCha20Poly1305::new(&key.0.into())
            .decrypt(XNonce::from_slice(nonce), payload)
            .map(Some)
            .map_err(|_| damaged())
    }

    /// What a private file is bound to: its user and its kind, so that none stands for another.
    fn bound_to(&self, path: &Path) -> Vec<u8> {
        let kind = path.extension().unwrap_or_default().as_encoded_bytes();
        [self.user.as_bytes(), b"\0", kind].concat()
    }

    /// Lessons about some programs: the user's own and the public ones. What is not there is empty.
    ///
    /// # Errors
    /// [`HookError::Files`] when neither file can be used.
    pub fn book(&self, programs: &BTreeSet<String>) -> Result<Book, HookError> {
        let mut book = Book::new();
        let own = self.read_own().and_then(|index| add(index, &mut book, programs));
        let public = self.read_public().and_then(|index| add(index, &mut book, programs));
        match (own, public) {
            (Err(why), Err(_)) => Err(why),
            // One of two is better than none: the other is made again by the node.
            _ => Ok(book),
        }
    }

    /// The public index; none when it was not written yet.
    ///
    /// # Errors
    /// [`HookError::Files`].
    pub fn read_public(&self) -> Result<Option<Index>, HookError> {
        read(&self.public())?.map(|bytes| index(&bytes)).transpose()
    }

    /// The user's own index; none when it was not written yet, or without the key.
    ///
    /// # Errors
    /// [`HookError::Files`].
    pub fn read_own(&self) -> Result<Option<Index>, HookError> {
        self.unseal(&self.own())?.map(|bytes| index(&bytes)).transpose()
    }
}

fn index(bytes: &[u8]) -> Result<Index, HookError> {
    Index::read(bytes).map_err(|error| HookError::Files(error.to_string()))
}

fn add(
    index: Option<Index>,
    book: &mut Book,
    programs: &BTreeSet<String>,
) -> Result<(), HookError> {
    let Some(index) = index else { return Ok(()) };
    index.add_to(book, programs).map_err(|error| HookError::Files(error.to_string()))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, HookError> {
    let failed = |error: io::Error| HookError::Files(format!("{}: {error}", path.display()));
    match fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_INDEX_BYTES || !meta.is_file() => {
            Err(HookError::Files(format!("{} is no index of hints", path.display())))
        }
        Ok(_) => fs::read(path).map(Some).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}
