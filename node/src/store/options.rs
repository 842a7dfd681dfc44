//! RocksDB's settings, chosen for a small node.

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel,
    Options,
};

use lore_engine::Table;

/// Cached blocks of all tables together, in bytes.
const BLOCK_CACHE_BYTES: usize = 8 << 20;
/// One table's write buffer, in bytes.
const WRITE_BUFFER_BYTES: usize = 4 << 20;
/// All write buffers together, in bytes.
const ALL_WRITE_BUFFERS_BYTES: usize = 12 << 20;
/// The log is turned into tables when it is this long, in bytes.
const LOG_BYTES: u64 = 16 << 20;

/// Settings of the whole database.
pub(super) fn database(create: bool) -> Options {
    let mut options = Options::default();
    options.create_if_missing(create);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // A log whose last record was torn by a crash is taken (that record was never acknowledged); a
    // record that is whole but wrong is refused, where the default (point in time) would drop it
    // and everything after it in silence. A log cut short is found by our own heads.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_max_open_files(64);
    // Of the usual 16, each is started and ended again for every column family at every opening.
    options.set_max_file_opening_threads(1);
    options.set_max_background_jobs(2);
    options.set_db_write_buffer_size(ALL_WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(LOG_BYTES);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(256 << 10);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

/// Settings of every table, sharing one cache.
pub(super) fn tables() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    let mut tables: Vec<_> = Table::ALL
        .iter()
        .map(|table| ColumnFamilyDescriptor::new(table.name(), table_options(&cache)))
        .collect();
    tables.push(ColumnFamilyDescriptor::new(
        rocksdb::DEFAULT_COLUMN_FAMILY_NAME,
        table_options(&cache),
    ));
    tables
}

fn table_options(cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_bloom_filter(10.0, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_write_buffer_number(2);
    options.set_arena_block_size(64 << 10);
    options.set_compression_type(DBCompressionType::Lz4);
    options
}
