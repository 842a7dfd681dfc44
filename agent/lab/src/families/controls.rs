//! Families whose documented command works: a skill has nothing to add, and must not harm.

use std::collections::{BTreeMap, BTreeSet};

use super::{Helper, Values, number};
use crate::draw::Draw;

/// The value that holds the text of a control's file.
const TEXT: &str = "text";

fn keep(values: &mut Values, text: String) {
    values.insert(TEXT.to_owned(), text);
}

fn file(values: &Values) -> BTreeMap<String, String> {
    BTreeMap::from([(values["file"].clone(), values[TEXT].clone())])
}

/// Counting lines.
pub(super) struct CountLines;

impl Helper for CountLines {
    fn draw(&self, values: &mut Values, _draw: &mut Draw) {
        let text = (0..number(values, "terms")).map(|n| format!("term {n}\n")).collect();
        keep(values, text);
    }

    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        file(values)
    }

    fn wanted(&self, values: &Values) -> String {
        format!("{}\n", values["terms"])
    }
}

/// Sorting lines.
pub(super) struct SortList;

impl Helper for SortList {
    fn draw(&self, values: &mut Values, draw: &mut Draw) {
        let lines = (0..number(values, "size")).map(|_| format!("dish {}\n", draw.below(30)));
        let text = lines.collect();
        keep(values, text);
    }

    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        file(values)
    }

    fn wanted(&self, values: &Values) -> String {
        let sorted: BTreeSet<&str> = values[TEXT].split_inclusive('\n').collect();
        sorted.into_iter().collect()
    }
}

/// The beginning of a file.
pub(super) struct HeadLines;

impl Helper for HeadLines {
    fn draw(&self, values: &mut Values, draw: &mut Draw) {
        let count = number(values, "top") + draw.between(1, 20);
        let text = (0..count).map(|n| format!("{n} word {}\n", draw.below(99))).collect();
        keep(values, text);
    }

    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        file(values)
    }

    fn wanted(&self, values: &Values) -> String {
        let lines = values[TEXT].split_inclusive('\n').zip(0..number(values, "top"));
        lines.map(|(line, _)| line).collect()
    }
}

/// Capital letters.
pub(super) struct UpperCase;

impl Helper for UpperCase {
    fn draw(&self, values: &mut Values, draw: &mut Draw) {
        let lines =
            (0..number(values, "size")).map(|n| format!("box {n} port {}\n", draw.below(99)));
        let text = lines.collect();
        keep(values, text);
    }

    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        file(values)
    }

    fn wanted(&self, values: &Values) -> String {
        values[TEXT].to_ascii_uppercase()
    }
}
