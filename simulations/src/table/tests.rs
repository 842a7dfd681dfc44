#![allow(clippy::unwrap_used)]
use super::*;
use crate::rng::{Purpose, Streams, WHOLE};

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for run in 0..3 {
        for (arm, node) in
            [("alone, \"own\"", None), ("federation", Some(0)), ("federation", Some(7))]
        {
            for t_micros in [0, 5] {
                let value = (run as f64 + 0.1) / 3.0 + t_micros as f64 * 1e-9;
                let (arm, metric) = (arm.to_owned(), "delay_epochs".to_owned());
                rows.push(Row { run, seed: run + 10, t_micros, node, arm, metric, value });
            }
        }
    }
    rows
}

#[test]
fn the_order_of_pushes_changes_no_byte_and_no_hash() {
    let table: Table = rows().into_iter().collect();
    let mut shuffled = rows();
    Streams::new(1).stream(WHOLE, Purpose::Work).shuffle(&mut shuffled);
    assert_ne!(shuffled, rows());
    let other: Table = shuffled.into_iter().collect();
    assert_eq!(table.to_csv().unwrap(), other.to_csv().unwrap());
    assert_eq!(table.to_jsonl().unwrap(), other.to_jsonl().unwrap());
    assert_eq!(table.content_hash().unwrap(), other.content_hash().unwrap());
}

#[test]
fn text_reads_back_as_the_same_table() {
    let table: Table = rows().into_iter().collect();
    let (csv, jsonl) = (table.to_csv().unwrap(), table.to_jsonl().unwrap());
    assert!(csv.starts_with("run,seed,t_micros,node,arm,metric,value\n0,10,0,,"), "{csv}");
    assert_eq!(Table::from_csv(&csv).unwrap().to_csv().unwrap(), csv);
    assert_eq!(Table::from_jsonl(&jsonl).unwrap().to_csv().unwrap(), csv);
    let empty = Table::new().to_csv().unwrap();
    assert!(Table::from_csv(&empty).unwrap().is_empty(), "{empty}");
}

#[test]
fn a_hash_tells_tables_apart() {
    let table: Table = rows().into_iter().collect();
    let mut changed = rows();
    changed[4].value += 1e-15;
    let changed: Table = changed.into_iter().collect();
    assert_ne!(table.content_hash().unwrap(), changed.content_hash().unwrap());
}

#[test]
fn what_is_no_number_and_what_is_there_twice_is_refused() {
    for value in [f64::NAN, f64::INFINITY] {
        let mut bad = rows();
        bad[3].value = value;
        let table: Table = bad.into_iter().collect();
        assert!(matches!(table.to_csv(), Err(TableError::NotFinite { .. })));
    }
    let mut table: Table = rows().into_iter().collect();
    table.extend(rows().into_iter().take(1));
    assert!(matches!(table.content_hash(), Err(TableError::Twice { run: 0, .. })));
}

#[test]
fn text_that_is_no_table_is_refused() {
    let csv = rows().into_iter().collect::<Table>().to_csv().unwrap();
    for (from, to) in
        [("t_micros", "time"), (",value", ""), ("0,10", "0,ten"), (",0.0", ",NaN,0.0")]
    {
        assert!(csv.contains(from), "{from}");
        let error = Table::from_csv(&csv.replacen(from, to, 1)).unwrap_err();
        assert!(matches!(error, TableError::Malformed(_)), "{error}");
    }
    assert!(Table::from_csv(&csv.replace(",0.03", ",NaN0.03")).is_err());
    assert!(Table::from_jsonl("{\"run\":1}\n").is_err());
}

#[test]
fn parquet_reads_back_and_is_the_same_bytes_in_any_order() {
    let mut all = rows();
    all.push(Row {
        run: 9,
        seed: u64::MAX,
        t_micros: 1 << 60,
        node: Some(u32::MAX),
        ..all[0].clone()
    });
    let table: Table = all.clone().into_iter().collect();
    let bytes = table.to_parquet().unwrap();
    all.reverse();
    assert_eq!(all.into_iter().collect::<Table>().to_parquet().unwrap(), bytes);
    let back = Table::from_parquet(bytes).unwrap();
    assert_eq!(back.to_csv().unwrap(), table.to_csv().unwrap());
    let empty = Table::from_parquet(Table::new().to_parquet().unwrap()).unwrap();
    assert!(empty.is_empty());
}

/// Flips each byte of a file in turn: reading it fails, or gives the very same table.
#[test]
fn no_damaged_byte_of_a_parquet_file_gives_another_table() {
    let table: Table = rows().into_iter().take(4).collect();
    let (bytes, csv) = (table.to_parquet().unwrap(), table.to_csv().unwrap());
    let mut refused = 0;
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x41;
        match Table::from_parquet(damaged) {
            Ok(read) => assert_eq!(read.to_csv().unwrap(), csv, "byte {place}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > bytes.len() / 4, "{refused} of {}", bytes.len());
}

#[test]
fn the_name_of_a_file_is_its_format() {
    let directory = tempfile::tempdir().unwrap();
    let table: Table = rows().into_iter().collect();
    for name in ["a.parquet", "a.csv", "a.jsonl"] {
        let path = directory.path().join(name);
        table.write(&path).unwrap();
        assert_eq!(
            Table::read(&path).unwrap().content_hash().unwrap(),
            table.content_hash().unwrap()
        );
    }
    assert!(matches!(table.write(&directory.path().join("a.txt")), Err(TableError::Format(_))));
    let missing = Table::read(&directory.path().join("none.csv")).unwrap_err();
    assert!(missing.to_string().contains("none.csv"), "{missing}");
}
