//! Tables as Parquet: one file, sorted, uncompressed, the same bytes on every run. Any Parquet reader takes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::{Row, Table, TableError, malformed};

const SCHEMA: &str = "message results {
    REQUIRED INT64 run (INTEGER(64, false));
    REQUIRED INT64 seed (INTEGER(64, false));
    REQUIRED INT64 t_micros (INTEGER(64, false));
    OPTIONAL INT32 node (INTEGER(32, false));
    REQUIRED BYTE_ARRAY arm (UTF8);
    REQUIRED BYTE_ARRAY metric (UTF8);
    REQUIRED DOUBLE value;
}";

/// Rows of a row group.
const GROUP: usize = 1 << 20;

/// Key of the content hash in the file's own metadata.
const HASH: &str = "content_hash";

/// A cell of a Parquet table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Empty,
    Whole(i128),
    Number(f64),
    Text(String),
}

impl Table {
    /// Parquet: the columns of [`Row`], rows as [`Self::sorted`], the content hash in the file's metadata.
    ///
    /// # Errors
    /// Fails when a value is not finite or a key occurs twice.
    pub fn to_parquet(&self) -> Result<Vec<u8>, TableError> {
        let rows = self.sorted()?;
        let hash = KeyValue::new(HASH.to_owned(), self.content_hash()?);
        let mut properties = WriterProperties::builder()
            .set_created_by("lore-sim".to_owned())
            .set_key_value_metadata(Some(vec![hash]));
        for sorted in ["run", "seed", "t_micros"] {
            let path = ColumnPath::from(sorted);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(malformed)?);
        let mut writer =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build()))
                .map_err(malformed)?;
        for group in rows.chunks(GROUP) {
            write_group(&mut writer, group).map_err(malformed)?;
        }
        writer.into_inner().map_err(malformed)
    }

    /// Reads what [`Self::to_parquet`] wrote, and checks the content hash.
    ///
    /// # Errors
    /// Fails when the bytes are no such table, or not those that were written.
    pub fn from_parquet(bytes: Vec<u8>) -> Result<Self, TableError> {
        let (records, written) = contained(bytes)?;
        let table = Self::checked(records.into_iter().map(row))?;
        if written.as_ref() != Some(&table.content_hash()?) {
            return Err(TableError::Damaged);
        }
        Ok(table)
    }
}

fn write_group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    rows: &[&Row],
) -> Result<(), ParquetError> {
    // SAFETY of the casts: Parquet keeps unsigned numbers as signed ones of the same bits.
    let long = |value: u64| i64::from_le_bytes(value.to_le_bytes());
    let text = |value: &str| ByteArray::from(value.as_bytes().to_vec());
    let mut group = writer.next_row_group()?;
    column::<Int64Type>(&mut group, rows.iter().map(|row| long(row.run)), None)?;
    column::<Int64Type>(&mut group, rows.iter().map(|row| long(row.seed)), None)?;
    column::<Int64Type>(&mut group, rows.iter().map(|row| long(row.t_micros)), None)?;
    let levels: Vec<i16> = rows.iter().map(|row| row.node.is_some().into()).collect();
    let nodes = rows.iter().filter_map(|row| row.node);
    let nodes = nodes.map(|node| i32::from_le_bytes(node.to_le_bytes()));
    column::<Int32Type>(&mut group, nodes, Some(&levels))?;
    column::<ByteArrayType>(&mut group, rows.iter().map(|row| text(&row.arm)), None)?;
    column::<ByteArrayType>(&mut group, rows.iter().map(|row| text(&row.metric)), None)?;
    column::<DoubleType>(&mut group, rows.iter().map(|row| row.value), None)?;
    group.close().map(drop)
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: impl Iterator<Item = T::T>,
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("a column is missing".into()));
    };
    let values: Vec<T::T> = values.collect();
    column.typed::<T>().write_batch(&values, levels, None)?;
    column.close()
}

/// A record of any flat Parquet table, by column.
pub(crate) type Record = BTreeMap<String, Cell>;

/// Records of any flat Parquet table.
pub(crate) fn records_of(bytes: Vec<u8>) -> Result<Vec<Record>, TableError> {
    contained(bytes).map(|(records, _)| records)
}

/// Records and the content hash that was written with them. The library panics on some damaged files: that
/// ends the reading, not the program.
fn contained(bytes: Vec<u8>) -> Result<(Vec<Record>, Option<String>), TableError> {
    let read = std::panic::catch_unwind(|| {
        let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(malformed)?;
        let metadata = reader.metadata().file_metadata().key_value_metadata();
        let written = metadata.into_iter().flatten().find(|pair| pair.key == HASH);
        let written = written.and_then(|pair| pair.value.clone());
        let records = RowIter::from_file_into(Box::new(reader)).map(|row| {
            let row = row.map_err(malformed)?;
            let cell = |(name, field): (&String, &Field)| Ok((name.clone(), cell(name, field)?));
            row.get_column_iter().map(cell).collect()
        });
        Ok((records.collect::<Result<_, TableError>>()?, written))
    });
    read.unwrap_or(Err(TableError::Damaged))
}

fn cell(name: &str, field: &Field) -> Result<Cell, TableError> {
    Ok(match field {
        Field::Null => Cell::Empty,
        Field::Bool(value) => Cell::Whole((*value).into()),
        Field::Byte(value) => Cell::Whole((*value).into()),
        Field::Short(value) => Cell::Whole((*value).into()),
        Field::Int(value) => Cell::Whole((*value).into()),
        Field::Long(value) => Cell::Whole((*value).into()),
        Field::UByte(value) => Cell::Whole((*value).into()),
        Field::UShort(value) => Cell::Whole((*value).into()),
        Field::UInt(value) => Cell::Whole((*value).into()),
        Field::ULong(value) => Cell::Whole((*value).into()),
        Field::Float(value) => Cell::Number((*value).into()),
        Field::Double(value) => Cell::Number(*value),
        Field::Str(value) => Cell::Text(value.clone()),
        _ => return Err(malformed(format!("column `{name}` is neither a number nor text"))),
    })
}

fn row(mut record: Record) -> Result<Row, TableError> {
    let mut take = |name: &str| {
        record.remove(name).ok_or_else(|| malformed(format!("column `{name}` is missing")))
    };
    let wrong = |name: &str| malformed(format!("column `{name}` has the wrong type"));
    let mut whole = |name: &str| match take(name)? {
        Cell::Whole(value) => u64::try_from(value).map_err(|_| wrong(name)),
        _ => Err(wrong(name)),
    };
    let (run, seed, t_micros) = (whole("run")?, whole("seed")?, whole("t_micros")?);
    let node = match take("node")? {
        Cell::Empty => None,
        Cell::Whole(value) => Some(u32::try_from(value).map_err(|_| wrong("node"))?),
        _ => return Err(wrong("node")),
    };
    let mut text = |name: &str| match take(name)? {
        Cell::Text(value) => Ok(value),
        _ => Err(wrong(name)),
    };
    let (arm, metric) = (text("arm")?, text("metric")?);
    let Cell::Number(value) = take("value")? else { return Err(wrong("value")) };
    Ok(Row { run, seed, t_micros, node, arm, metric, value })
}
