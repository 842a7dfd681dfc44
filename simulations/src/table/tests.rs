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
