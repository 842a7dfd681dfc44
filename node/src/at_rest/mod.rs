//! Private records are encrypted on disk: sessions, and everything else that holds private text.
//!
//! [`Encrypted`] stands between the node and its store. It encrypts the value of a private record together with
//! its name (XChaCha20-Poly1305, a random nonce each, bound to the place where it lies), and keeps it under a
//! keyed hash of that name, so that the database holds neither. One key encrypts all; `key.rs` says where it is.
//!
//! Who has both the disk and the key can read everything: against that stand the modes of the files, and the
//! keyring where there is one. Public records (deltas, the ledger's books) stay as they are.

mod encrypted;
mod key;
mod keyring;
#[cfg(test)]
mod tests;

pub use encrypted::Encrypted;
pub use key::KeyWish;
pub(crate) use key::{DataKey, hint_key, place};
pub use keyring::{Keyring, SecretTool};

use lore_engine::{Batch, Durability, RecordKind, Storage};

use crate::error::CliError;

/// Kinds of records that are encrypted.
pub(crate) const PRIVATE: [RecordKind; 13] = [
    RecordKind::Session,
    RecordKind::Digest,
    RecordKind::SessionArrived,
    RecordKind::Conversation,
    RecordKind::Turn,
    RecordKind::DenyEntry,
    RecordKind::WaitingText,
    RecordKind::WaitingFiles,
    RecordKind::Watch,
    RecordKind::WatchedFile,
    RecordKind::DeviceGroup,
    RecordKind::DeviceLessons,
    RecordKind::DeviceLine,
];

/// Deletes the private records of a store whose key is lost, with what was counted of them. Gives their number.
///
/// # Errors
/// Store errors.
pub(crate) fn drop_private(store: &dyn Storage) -> Result<u64, CliError> {
    let counts = [RecordKind::SessionCount, RecordKind::ConversationCount, RecordKind::DataKey];
    let (mut batch, mut records) = (Batch::new(), 0);
    for kind in PRIVATE.into_iter().chain(counts) {
        for pair in store.scan(kind, b"") {
            batch.delete(kind, pair?.0);
            records += u64::from(PRIVATE.contains(&kind));
        }
    }
    store.write(batch, Durability::Synced)?;
    Ok(records)
}
