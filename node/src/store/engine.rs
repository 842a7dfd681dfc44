//! Opening, reading and writing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, WriteBatch, WriteOptions};

use lore_engine::{
    Batch, Change, Durability, Pair, RecordKind, Recovery, Storage, StorageError, Table,
};

use super::heads::{self, HeadsFile};
use super::{Head, SCHEMA_VERSION, StoreError, files, options};

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
        // A creation that was interrupted continues; but a database that has lost its table of
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

    /// All pairs of a table, sorted by key; with the keys as they are on disk. A snapshot of this moment.
    pub(super) fn pairs(&self, table: Table) -> RawScan<'_> {
        self.0.scan(table, b"")
    }

    /// The head of the chain of synced batches.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.0.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

/// Blocks on the disk: call it from a blocking context or accept a few milliseconds.
impl Storage for Store {
    fn get(&self, kind: RecordKind, suffix: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.0.get(kind, suffix)?)
    }

    fn scan<'a>(&'a self, kind: RecordKind, prefix: &[u8]) -> lore_engine::Scan<'a> {
        let skip = kind.prefix().len();
        Box::new(self.0.scan(kind.table(), &kind.key(prefix)).map(move |pair| {
            let (key, value) = pair?;
            Ok((key[skip..].to_vec(), value))
        }))
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        Ok(self.0.write(&batch, durability)?)
    }

    fn recovery(&self) -> Result<Option<Recovery>, StorageError> {
        let mark = self.0.get(RecordKind::StoreRecovery, b"")?;
        Ok(mark.and_then(|tag| heads::recovery_of(&tag)))
    }

    fn clear_recovery(&self) -> Result<(), StorageError> {
        let mut batch = Batch::new();
        batch.delete(RecordKind::StoreRecovery, b"");
        self.write(batch, Durability::Synced)
    }
}

impl Inner {
    pub(super) fn handle(&self, table: Table) -> &ColumnFamily {
        #[allow(clippy::expect_used)]
        // SAFETY: open_database opens every table of Table::ALL or fails.
        self.db.cf_handle(table.name()).expect("every table is opened")
    }

    fn get(&self, kind: RecordKind, suffix: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db
            .get_cf(self.handle(kind.table()), kind.key(suffix))
            .map_err(|error| StoreError::engine(&self.path, &error))
    }

    fn scan(&self, table: Table, prefix: &[u8]) -> RawScan<'_> {
        let from = IteratorMode::From(prefix, Direction::Forward);
        RawScan {
            inner: self.db.iterator_cf(self.handle(table), from),
            prefix: prefix.to_vec(),
            path: &self.path,
            done: false,
        }
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        if durability == Durability::Buffered {
            return self.apply(batch, None, false);
        }
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let next = head.next(&batch.digest());
        self.apply(batch, Some(next), true)?;
        *head = next;
        self.heads.write(&next)
    }

    fn apply(&self, batch: &Batch, head: Option<Head>, sync: bool) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        for change in batch.changes() {
            match change {
                Change::Put(table, key, value) => writes.put_cf(self.handle(*table), key, value),
                Change::Delete(table, key) => writes.delete_cf(self.handle(*table), key),
            }
        }
        if let Some(head) = head {
            let kind = RecordKind::StoreHead;
            writes.put_cf(self.handle(kind.table()), kind.key(b""), head.to_bytes());
        }
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        self.db.write_opt(writes, &options).map_err(|error| StoreError::engine(&self.path, &error))
    }

    pub(super) fn stored_head(&self) -> Result<Head, StoreError> {
        parse_head(&self.path, self.get(RecordKind::StoreHead, b"")?)
    }

    /// Notes the layout of a new store and of one that is migrated from now on, and refuses one from the future.
    fn check_schema(&self) -> Result<(), StoreError> {
        let Some(bytes) = self.get(RecordKind::StoreSchema, b"")? else {
            let mut batch = Batch::new();
            batch.put(RecordKind::StoreSchema, b"", SCHEMA_VERSION.to_le_bytes());
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
        if found < SCHEMA_VERSION {
            let mut batch = Batch::new();
            batch.put(RecordKind::StoreSchema, b"", SCHEMA_VERSION.to_le_bytes());
            return self.apply(&batch, None, true);
        }
        Ok(())
    }

    /// Marks a store as restored that is a copy of another: the one it was copied from may have gone on,
    /// and signed what is not known here.
    fn check_place(&self) -> Result<(), StoreError> {
        let here = self.heads.place()?;
        match self.get(RecordKind::StorePlace, b"")? {
            Some(known) if known == here => Ok(()),
            Some(_) => self.mark_recovered(Recovery::Restored),
            None => {
                let mut batch = Batch::new();
                batch.put(RecordKind::StorePlace, b"", here);
                self.apply(&batch, None, true)
            }
        }
    }

    /// Begins the chain of heads again at what the database holds, marked as recovered.
    pub(super) fn mark_recovered(&self, mark: Recovery) -> Result<(), StoreError> {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::new();
        batch.put(RecordKind::StoreRecovery, b"", mark.name());
        batch.put(RecordKind::StorePlace, b"", self.heads.place()?);
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
    let (options, database) = (options::database(false), path.join(DATABASE_DIR));
    // A store of an older program lacks the newer tables, and nothing makes one while reading.
    let present = DB::list_cf(&options, &database).map_err(engine)?;
    let tables = options::tables()
        .into_iter()
        .filter(|table| present.iter().any(|name| name == table.name()));
    let db =
        DB::open_cf_descriptors_read_only(&options, database, tables, false).map_err(engine)?;
    let kind = RecordKind::StoreHead;
    let Some(table) = db.cf_handle(kind.table().name()) else {
        return Ok(Head::START);
    };
    parse_head(path, db.get_cf(table, kind.key(b"")).map_err(engine)?)
}

/// Sorted pairs under a prefix.
pub(super) struct RawScan<'a> {
    inner: rocksdb::DBIterator<'a>,
    prefix: Vec<u8>,
    path: &'a Path,
    done: bool,
}

impl Iterator for RawScan<'_> {
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
