//! Opening, reading and writing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, ReadOptions, WriteBatch, WriteOptions};

use super::batch::Change;
use super::heads::{self, HEAD_KEY, HeadsFile, PLACE_KEY, RECOVERY_KEY, SCHEMA_KEY};
use super::{Batch, Durability, Head, Recovery, SCHEMA_VERSION, StoreError, Table, files, options};

/// The database directory inside a store directory.
pub(super) const DATABASE_DIR: &str = "db";

/// An open store. Cheap to clone; closed when the last clone is dropped. One process at a time.
#[derive(Clone)]
pub struct Store(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) db: DB,
    pub(super) path: PathBuf,
    heads: HeadsFile,
    /// The head of the synced batches; held while one is written, so that they form one chain.
    head: Mutex<Head>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.0.path.display())
    }
}

impl Store {
    /// Opens the store in the directory `path`, creating it when the directory is absent or empty.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Damaged`], [`StoreError::NewerSchema`],
    /// [`StoreError::Io`].
    pub fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        if files::is_absent_or_empty(path)? {
            files::create_private_dir(path)?;
            return Self::open_with(path, true);
        }
        Self::open(path)
    }

    /// Opens an existing store.
    ///
    /// # Errors
    /// [`StoreError::Missing`], and those of [`Self::open_or_create`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if files::is_absent_or_empty(path)? {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        // A creation that was interrupted goes on; but a database that has lost its table of
        // contents must never come back as an empty one.
        let nothing_acknowledged = files::is_absent_or_empty(&path.join(heads::FILE_NAME))?;
        let create = nothing_acknowledged && !files::has_data(&path.join(DATABASE_DIR))?;
        Self::open_with(path, create)
    }

    fn open_with(path: &Path, create: bool) -> Result<Self, StoreError> {
        let heads = HeadsFile::open(path)?;
        // Read before the database is: it may only grow in between.
        let noted = heads.read()?;
        if noted.is_some() {
            heads::compare(path, head_without_recovery(path)?, noted)?;
        }
        let db = open_database(&path.join(DATABASE_DIR), path, create)?;
        let inner = Inner { db, path: path.to_owned(), heads, head: Mutex::new(Head::START) };
        inner.check_schema()?;
        let head = inner.stored_head()?;
        heads::compare(path, head, noted)?;
        *inner.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
        inner.check_place()?;
        Ok(Self(Arc::new(inner)))
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the bytes on disk fail their checksum.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(table, key)
    }

    /// Sets one key.
    ///
    /// # Errors
    /// Those of [`Self::write`].
    pub fn put(
        &self,
        table: Table,
        key: &[u8],
        value: &[u8],
        durability: Durability,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(table, key, value);
        self.write(batch, durability)
    }

    /// Removes one key; absent is fine.
    ///
    /// # Errors
    /// Those of [`Self::write`].
    pub fn delete(
        &self,
        table: Table,
        key: &[u8],
        durability: Durability,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.delete(table, key);
        self.write(batch, durability)
    }

    /// Writes a batch as a whole. When this returns `Ok`, the batch survives as `durability` says.
    ///
    /// Blocks on the disk: call it from a blocking context or accept a few milliseconds.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::Damaged`], [`StoreError::Engine`]. Then nothing of
    /// the batch counts as written.
    pub fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.0.write(batch, durability)
    }

    /// All pairs whose key begins with `prefix`, sorted by key. A snapshot of this moment.
    #[must_use]
    pub fn scan<'a>(&'a self, table: Table, prefix: &[u8]) -> Scan<'a> {
        self.scan_from(table, prefix, prefix)
    }

    /// Like [`Self::scan`], but from `start` (inclusive) on.
    #[must_use]
    pub fn scan_from<'a>(&'a self, table: Table, prefix: &[u8], start: &[u8]) -> Scan<'a> {
        Scan {
            inner: self
                .0
                .db
                .iterator_cf(self.0.handle(table), IteratorMode::From(start, Direction::Forward)),
            prefix: prefix.to_vec(),
            path: &self.0.path,
            done: false,
        }
    }

    /// The pair with the greatest key that begins with `prefix`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn last(&self, table: Table, prefix: &[u8]) -> Result<Option<Pair>, StoreError> {
        let mut options = ReadOptions::default();
        if let Some(end) = after_prefix(prefix) {
            options.set_iterate_upper_bound(end);
        }
        let found = self
            .0
            .db
            .iterator_cf_opt(self.0.handle(table), options, IteratorMode::End)
            .next()
            .transpose()
            .map_err(|error| StoreError::engine(&self.0.path, &error))?;
        Ok(found
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.into_vec(), value.into_vec())))
    }

    /// The head of the chain of synced batches.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.0.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the store was repaired or restored and nobody has caught up with the network since.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn recovery(&self) -> Result<Option<Recovery>, StoreError> {
        let mark = self.get(Table::Settings, RECOVERY_KEY)?;
        Ok(mark.and_then(|tag| Recovery::from_tag(&tag)))
    }

    /// Takes the recovery mark away: the network was asked for the own head.
    ///
    /// # Errors
    /// Those of [`Self::write`].
    pub fn clear_recovery(&self) -> Result<(), StoreError> {
        self.delete(Table::Settings, RECOVERY_KEY, Durability::Synced)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl Inner {
    fn handle(&self, table: Table) -> &ColumnFamily {
        #[allow(clippy::expect_used)]
        // SAFETY: open_database opens every table of Table::ALL or fails.
        self.db.cf_handle(table.name()).expect("every table is opened")
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db
            .get_cf(self.handle(table), key)
            .map_err(|error| StoreError::engine(&self.path, &error))
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        if durability == Durability::Buffered {
            return self.apply(&batch, None, false);
        }
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let next = head.next(&batch.digest());
        self.apply(&batch, Some(next), true)?;
        *head = next;
        self.heads.write(&next)
    }

    fn apply(&self, batch: &Batch, head: Option<Head>, sync: bool) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        for change in &batch.changes {
            match change {
                Change::Put(table, key, value) => writes.put_cf(self.handle(*table), key, value),
                Change::Delete(table, key) => writes.delete_cf(self.handle(*table), key),
            }
        }
        if let Some(head) = head {
            writes.put_cf(self.handle(Table::Settings), HEAD_KEY, head.to_bytes());
        }
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        self.db.write_opt(writes, &options).map_err(|error| StoreError::engine(&self.path, &error))
    }

    pub(super) fn stored_head(&self) -> Result<Head, StoreError> {
        parse_head(&self.path, self.get(Table::Settings, HEAD_KEY)?)
    }

    /// Notes the layout of a new store, and refuses one from the future.
    fn check_schema(&self) -> Result<(), StoreError> {
        let Some(bytes) = self.get(Table::Settings, SCHEMA_KEY)? else {
            let mut batch = Batch::new();
            batch.put(Table::Settings, SCHEMA_KEY, SCHEMA_VERSION.to_le_bytes());
            return self.apply(&batch, None, true);
        };
        let found =
            <[u8; 4]>::try_from(bytes.as_slice()).map(u32::from_le_bytes).map_err(|_| {
                StoreError::Damaged {
                    path: self.path.clone(),
                    detail: "its layout number is unreadable".into(),
                }
            })?;
        if found > SCHEMA_VERSION {
            return Err(StoreError::NewerSchema {
                path: self.path.clone(),
                found,
                known: SCHEMA_VERSION,
            });
        }
        Ok(())
    }

    /// Marks a store as restored that is a copy of another: the one it was copied from may have gone on,
    /// and signed what is not known here.
    fn check_place(&self) -> Result<(), StoreError> {
        let here = self.heads.place()?;
        match self.get(Table::Settings, PLACE_KEY)? {
            Some(known) if known == here => Ok(()),
            Some(_) => self.mark_recovered(Recovery::Restored),
            None => {
                let mut batch = Batch::new();
                batch.put(Table::Settings, PLACE_KEY, here);
                self.apply(&batch, None, true)
            }
        }
    }

    /// Begins the chain of heads again at what the database holds, marked as recovered.
    pub(super) fn mark_recovered(&self, mark: Recovery) -> Result<(), StoreError> {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::new();
        batch.put(Table::Settings, RECOVERY_KEY, mark.tag());
        batch.put(Table::Settings, PLACE_KEY, self.heads.place()?);
        let next = self.stored_head()?.next(&batch.digest());
        self.apply(&batch, Some(next), true)?;
        *head = next;
        self.heads.reset(&next)
    }

    /// A store over an already open database, without comparing heads. For repair only.
    pub(super) fn over(db: DB, path: &Path) -> Result<Self, StoreError> {
        let inner = Self {
            db,
            path: path.to_owned(),
            heads: HeadsFile::open(path)?,
            head: Mutex::new(Head::START),
        };
        inner.check_schema()?;
        Ok(inner)
    }
}

/// Opens RocksDB with every table.
fn open_database(database: &Path, path: &Path, create: bool) -> Result<DB, StoreError> {
    DB::open_cf_descriptors(&options::database(create), database, options::tables())
        .map_err(|error| StoreError::engine(path, &error))
}

fn parse_head(path: &Path, bytes: Option<Vec<u8>>) -> Result<Head, StoreError> {
    match bytes {
        None => Ok(Head::START),
        Some(bytes) => Head::from_bytes(&bytes).ok_or_else(|| StoreError::Damaged {
            path: path.to_owned(),
            detail: "its head is unreadable".into(),
        }),
    }
}

/// The head in the database, read without changing a byte on disk: recovery moves what it could
/// read into tables and removes the log, which must not happen to a damaged one.
fn head_without_recovery(path: &Path) -> Result<Head, StoreError> {
    let engine = |error: rocksdb::Error| StoreError::engine(path, &error);
    let db = DB::open_cf_descriptors_read_only(
        &options::database(false),
        path.join(DATABASE_DIR),
        options::tables(),
        false,
    )
    .map_err(engine)?;
    let Some(settings) = db.cf_handle(Table::Settings.name()) else {
        return Ok(Head::START);
    };
    parse_head(path, db.get_cf(settings, HEAD_KEY).map_err(engine)?)
}

/// The first key after all keys with this prefix; `None` when there is none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Sorted pairs under a prefix.
pub struct Scan<'a> {
    inner: rocksdb::DBIterator<'a>,
    prefix: Vec<u8>,
    path: &'a Path,
    done: bool,
}

impl Iterator for Scan<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.inner.next() {
            Some(Ok((key, value))) if key.starts_with(&self.prefix) => {
                Some(Ok((key.into_vec(), value.into_vec())))
            }
            Some(Err(error)) => {
                self.done = true;
                Some(Err(StoreError::engine(self.path, &error)))
            }
            _ => {
                self.done = true;
                None
            }
        }
    }
}
