//! A store whose private records are encrypted.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use lore_engine::{
    Batch, Change, Durability, Pair, RecordKind, Recovery, Scan, Storage, StorageError, Table,
};

use super::{DataKey, PRIVATE};
use crate::error::CliError;

const NONCE_BYTES: usize = 24;
/// Known text by which a wrong key is told.
const KNOWN: &[u8] = b"commonlore private records";
/// Records rewritten at once, in bytes.
const BATCH_BYTES: usize = 4 << 20;

/// How far the records of an older program are rewritten: the first byte of the key's record.
const REWRITING: u8 = 0;
const REWRITTEN: u8 = 1;

/// A store around another.
pub struct Encrypted {
    inner: Arc<dyn Storage>,
    cipher: XChaCha20Poly1305,
    /// Key of the hashes under which records lie.
    names: [u8; 32],
}

impl Encrypted {
    /// The private records of a store, by their key. Records that an older program left as they were are
    /// rewritten, once: then the answer is true, and files of the database still hold them.
    ///
    /// # Errors
    /// `data_key_wrong` for another key, before anything is written; store errors.
    pub(crate) fn open(inner: Arc<dyn Storage>, key: &DataKey) -> Result<(Self, bool), CliError> {
        let cipher = XChaCha20Poly1305::new(&key.derive("commonlore private records v1").into());
        let names = key.derive("commonlore names of private records v1");
        let store = Self { inner, cipher, names };
        let check = store.inner.get(RecordKind::DataKey, b"")?;
        if let Some(check) = &check
            && let Some((state, known)) = check.split_first()
        {
            if store.decrypt(RecordKind::DataKey, b"", known).is_none() {
                return Err(CliError::failed(
                    "data_key_wrong",
                    "the key of this node's private records does not fit its store; nothing was changed",
                )
                .help("put the `data.key` back that belongs to this store, from where you keep its backup"));
            }
            if *state == REWRITTEN {
                return Ok((store, false));
            }
        }
        store.note_key(REWRITING)?;
        let rewritten = store.rewrite()?;
        store.note_key(REWRITTEN)?;
        Ok((store, rewritten > 0))
    }

    /// Returns true when a store has records under a key.
    ///
    /// # Errors
    /// Store errors.
    pub(crate) fn has_key(store: &dyn Storage) -> Result<bool, CliError> {
        Ok(store.get(RecordKind::DataKey, b"")?.is_some())
    }

    fn note_key(&self, state: u8) -> Result<(), CliError> {
        let known = self.encrypt(RecordKind::DataKey, b"", b"", KNOWN)?;
        let mut batch = Batch::new();
        batch.put(RecordKind::DataKey, b"", [&[state], known.as_slice()].concat());
        // A program that knows no encryption must not take these records for damaged ones.
        batch.put(RecordKind::StoreSchema, b"", crate::store::SCHEMA_VERSION.to_le_bytes());
        Ok(self.inner.write(batch, Durability::Synced)?)
    }

    /// Encrypts the records that are not. Gives their number.
    fn rewrite(&self) -> Result<u64, CliError> {
        let mut rewritten = 0;
        for kind in PRIVATE {
            let (mut batch, mut bytes) = (Batch::new(), 0);
            for pair in self.inner.scan(kind, b"") {
                let (suffix, value) = pair?;
                if self.decrypt(kind, &suffix, &value).is_some() {
                    continue;
                }
                bytes += suffix.len() + value.len();
                let name = self.name(kind, &suffix);
                batch.put(kind, &name, self.encrypt(kind, &name, &suffix, &value)?);
                batch.delete(kind, &suffix);
                rewritten += 1;
                if bytes > BATCH_BYTES {
                    bytes = 0;
                    self.inner.write(std::mem::take(&mut batch), Durability::Synced)?;
                }
            }
            self.inner.write(batch, Durability::Synced)?;
        }
        Ok(rewritten)
    }

    /// The name under which a record lies: what stands before its first slash, which is a pseudonym or
    /// nothing, and a keyed hash of the rest.
    fn name(&self, kind: RecordKind, suffix: &[u8]) -> Vec<u8> {
        let hash = blake3::keyed_hash(&self.names, &kind.key(suffix));
        [clear(kind, suffix), hash.as_bytes()].concat()
    }

    fn encrypt(
        &self,
        kind: RecordKind,
        name: &[u8],
        suffix: &[u8],
        value: &[u8],
    ) -> Result<Vec<u8>, StorageError> {
        let failed = |why: &str| StorageError {
            kind: "no_randomness",
            message: format!("a private record cannot be encrypted: {why}"),
        };
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)
            .map_err(|_| failed("the operating system gives no randomness"))?;
        let length = u32::try_from(suffix.len()).map_err(|_| failed("its name is too long"))?;
        let plain = [&length.to_le_bytes()[..], suffix, value].concat();
        let place = place(kind, name);
        let payload = Payload { msg: &plain, aad: &place };
        let text = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| failed("it is too large"))?;
        Ok([&nonce[..], text.as_slice()].concat())
    }

    /// Name and value of a record; none when it was not encrypted with this key, for this place.
    fn decrypt(&self, kind: RecordKind, name: &[u8], bytes: &[u8]) -> Option<Pair> {
        let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let place = place(kind, name);
        let payload = Payload { msg: text, aad: &place };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let (suffix, value) =
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        Some((suffix.to_vec(), value.to_vec()))
    }

    fn change(&self, change: Change) -> Result<Change, StorageError> {
        let (table, key) = match &change {
            Change::Put(table, key, _) | Change::Delete(table, key) => (*table, key),
        };
        let Some(kind) = private(table, key) else { return Ok(change) };
        let suffix = key.get(kind.prefix().len()..).unwrap_or_default();
        let name = self.name(kind, suffix);
        Ok(match &change {
            Change::Put(_, _, value) => {
                Change::Put(table, kind.key(&name), self.encrypt(kind, &name, suffix, value)?)
            }
            Change::Delete(..) => Change::Delete(table, kind.key(&name)),
        })
    }
}

impl Storage for Encrypted {
    fn get(&self, kind: RecordKind, suffix: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        if !PRIVATE.contains(&kind) {
            return self.inner.get(kind, suffix);
        }
        let name = self.name(kind, suffix);
        let Some(bytes) = self.inner.get(kind, &name)? else { return Ok(None) };
        let pair = self.decrypt(kind, &name, &bytes).filter(|(found, _)| found == suffix);
        pair.map(|(_, value)| Some(value)).ok_or_else(|| StorageError {
            kind: "store_damaged",
            message: "a private record was changed on disk and cannot be decrypted: see \
                      `lore store check`, and `lore store restore` for a backup"
                .into(),
        })
    }

    /// Sessions come in the order of the hashes of their names, others sorted: sessions are read one at a
    /// time, since all of them may not fit the memory.
    fn scan<'a>(&'a self, kind: RecordKind, prefix: &[u8]) -> Scan<'a> {
        if !PRIVATE.contains(&kind) {
            return self.inner.scan(kind, prefix);
        }
        let wanted = prefix.to_vec();
        let found = self.inner.scan(kind, clear(kind, prefix)).filter_map(move |pair| {
            let (name, bytes) = match pair {
                Ok(pair) => pair,
                Err(error) => return Some(Err(error)),
            };
            let Some(pair) = self.decrypt(kind, &name, &bytes) else {
                // Without its name: the log is no private place.
                tracing::warn!("a private record cannot be decrypted and is left out");
                return None;
            };
            pair.0.starts_with(&wanted).then_some(Ok(pair))
        });
        if kind == RecordKind::Session {
            return Box::new(found);
        }
        let mut all: Vec<Result<Pair, StorageError>> = found.collect();
        all.sort_by(|one, other| match (one, other) {
            (Ok(one), Ok(other)) => one.0.cmp(&other.0),
            (one, other) => one.is_err().cmp(&other.is_err()),
        });
        Box::new(all.into_iter())
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        self.inner.write(batch.try_map(|change| self.change(change))?, durability)
    }

    fn recovery(&self) -> Result<Option<Recovery>, StorageError> {
        self.inner.recovery()
    }

    fn clear_recovery(&self) -> Result<(), StorageError> {
        self.inner.clear_recovery()
    }
}

/// The private kind that a key is of.
fn private(table: Table, key: &[u8]) -> Option<RecordKind> {
    PRIVATE.into_iter().find(|kind| kind.table() == table && key.starts_with(kind.prefix()))
}

/// The part of a name that stays readable: the pseudonym of a user, with its slash.
fn clear(kind: RecordKind, suffix: &[u8]) -> &[u8] {
    // These are named by private text or by its hash.
    if matches!(kind, RecordKind::DenyEntry | RecordKind::WaitingText) {
        return b"";
    }
    let slash = suffix.iter().position(|byte| *byte == b'/');
    slash.and_then(|slash| suffix.get(..=slash)).unwrap_or_default()
}

/// Where a record lies, which it is bound to.
fn place(kind: RecordKind, name: &[u8]) -> Vec<u8> {
    [kind.table().name().as_bytes(), b"/", &kind.key(name)].concat()
}
