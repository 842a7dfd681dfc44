//! The state in which a file was read.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::regular;

/// Bytes at the beginning of a file that are hashed.
const HEAD_BYTES: u64 = 64 << 10;

/// A file as it was: which one, how long, when it changed, and a hash of its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_seconds: u64,
    modified_nanos: u32,
    /// None until it is needed.
    head: Option<String>,
}

impl Position {
    /// The file as it is, without its head.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let meta = fs::symlink_metadata(path)?;
        Ok(Self {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.size(),
            modified_seconds: u64::try_from(meta.mtime()).unwrap_or(0),
            modified_nanos: u32::try_from(meta.mtime_nsec()).unwrap_or(0),
            head: None,
        })
    }

    /// The same with the hash of its beginning.
    pub(super) fn with_head(mut self, path: &Path) -> io::Result<Self> {
        let mut head = Vec::new();
        regular::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
        self.head = Some(blake3::hash(&head).to_hex().to_string());
        Ok(self)
    }

    pub(super) const fn modified_seconds(&self) -> u64 {
        self.modified_seconds
    }

    /// Returns true when nothing about the file changed, whatever its head.
    pub(super) fn is_unchanged(&self, now: &Self) -> bool {
        let Self { device, inode, bytes, modified_seconds, modified_nanos, head: _ } = self;
        (device, inode, bytes) == (&now.device, &now.inode, &now.bytes)
            && (modified_seconds, modified_nanos) == (&now.modified_seconds, &now.modified_nanos)
    }

    /// Returns true when the hash of the head covers all of it and is the same: a file that was copied or
    /// touched.
    pub(super) fn has_the_same_bytes(&self, now: &Self) -> bool {
        self.head.is_some()
            && (self.bytes, &self.head) == (now.bytes, &now.head)
            && self.bytes <= HEAD_BYTES
    }
}
