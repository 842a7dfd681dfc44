//! Storage: RocksDB behind a small, typed bytes interface.
//!
//! A [`Store`] is a handful of [`Table`]s of bytes. Writes are batches; each says whether it must
//! be on disk before it counts as done ([`Durability`]).
//!
//! Nothing acknowledged is lost in silence. RocksDB's own recovery finds a changed byte in its log
//! but takes a log that was cut short for a crash, and so would forget acknowledged writes. Every
//! synced batch therefore extends a hash chain inside the database, and its head is also written
//! to a small file beside it (`heads.rs`); a database that is behind that file is refused
//! with the way out, never opened as if nothing had happened.

mod batch;
mod engine;
mod error;
mod files;
mod heads;
mod maintenance;
mod options;
mod table;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Durability};
pub use engine::{Pair, Scan, Store};
pub use error::StoreError;
pub use heads::{Head, Recovery};
pub use maintenance::{CheckReport, RepairReport};
pub use table::Table;

/// The layout this program writes. A store with a higher number is refused, one with a lower
/// number is migrated forward at open.
pub const SCHEMA_VERSION: u32 = 1;
