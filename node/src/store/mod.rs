//! The store: RocksDB as the engine's [`Storage`](lore_engine::Storage).
//!
//! A [`Store`] is a handful of tables of records. Writes are batches; each says whether it must
//! be on disk before it counts as done ([`Durability`](lore_engine::Durability)).
//!
//! Nothing acknowledged is lost in silence. RocksDB's own recovery finds a changed byte in its log
//! but takes a log that was cut short for a crash, and so would forget acknowledged writes. Every
//! synced batch therefore extends a hash chain inside the database, and its head is also written
//! to a small file beside it (`heads.rs`); a database that is behind that file is refused
//! with the way out, never opened as if nothing had happened.

mod engine;
mod error;
mod files;
mod heads;
mod maintenance;
mod options;

#[cfg(test)]
mod tests;

pub use engine::Store;
pub use error::StoreError;
pub use heads::Head;
pub use maintenance::{CheckReport, RepairReport};

/// The layout this program writes. A store with a higher number is refused, one with a lower
/// number is migrated forward when a node opens it. 2: private records are encrypted. 3: deltas are in causal order, and
/// marked as checked.
pub const SCHEMA_VERSION: u32 = 3;
