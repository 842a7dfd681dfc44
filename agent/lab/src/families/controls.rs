//! Families whose documented command works: a skill has nothing to add, and must not harm.

use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::family::{Family, Ports};
use crate::task::{Task, out_file};

const COUNT_WORDINGS: [&str; 4] = [
    "How many lines has the glossary file {file}? Write the number to {out}.",
    "Please count the lines of the glossary in {file} and put the number into {out}.",
    "The glossary {file} grew: save its number of lines as {out}.",
    "Count the lines in the glossary {file}, answer in {out}.",
];

const SORT_WORDINGS: [&str; 4] = [
    "Please sort the recipe list {file}, each line once, into {out}.",
    "The recipe names in {file} are in no order: sort them, without repeats, to {out}.",
    "Make a sorted list of every recipe in {file}, each once, as {out}.",
    "Sort {file}, the recipe list, drop repeats and save it to {out}.",
];

const HEAD_WORDINGS: [&str; 4] = [
    "Please write the first {n} lines of the transcript {file} to {out}.",
    "Only the first {n} lines of transcript {file} are needed, in {out}.",
    "Take {n} lines from the beginning of the transcript {file} and save them as {out}.",
    "The transcript {file} is too long: put its first {n} lines into {out}.",
];

const UPPER_WORDINGS: [&str; 4] = [
    "Please write the freight labels of {file} in capital letters to {out}.",
    "Freight labels in {file} should be capital letters only; save them as {out}.",
    "Make all letters of the freight labels {file} capital and put the labels into {out}.",
    "For the freight we need {file} in capital letters, as {out}.",
];

/// Counting lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CountLines {}

impl CountLines {
    pub(crate) const fn draw(_draw: &mut Draw, _ports: Ports) -> Self {
        Self {}
    }
}

impl Family for CountLines {
    fn task(&self, draw: &mut Draw) -> Task {
        let file = format!("words-{}.txt", draw.between(100, 999));
        let out = out_file(draw);
        let count = draw.between(3, 40);
        let documented = format!("wc -l < {file} > {out}");
        let fields = [("file", file.as_str()), ("out", &out)];
        let wanted = (out.clone(), format!("{count}\n"));
        let text = (0..count).map(|n| format!("term {n}\n")).collect();
        Task::new(draw, &COUNT_WORDINGS, &fields, &documented, wanted).with_file(&file, text)
    }
}

/// Sorting lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SortList {}

impl SortList {
    pub(crate) const fn draw(_draw: &mut Draw, _ports: Ports) -> Self {
        Self {}
    }
}

impl Family for SortList {
    fn task(&self, draw: &mut Draw) -> Task {
        let file = format!("list-{}.txt", draw.between(100, 999));
        let out = out_file(draw);
        let lines: Vec<String> =
            (0..draw.between(5, 20)).map(|_| format!("dish {}\n", draw.below(30))).collect();
        let documented = format!("sort -u {file} -o {out}");
        let fields = [("file", file.as_str()), ("out", &out)];
        let sorted: std::collections::BTreeSet<&String> = lines.iter().collect();
        let sorted: String = sorted.into_iter().map(String::as_str).collect();
        Task::new(draw, &SORT_WORDINGS, &fields, &documented, (out.clone(), sorted))
            .with_file(&file, lines.concat())
    }
}

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadLines {}

impl HeadLines {
    pub(crate) const fn draw(_draw: &mut Draw, _ports: Ports) -> Self {
        Self {}
    }
}

impl Family for HeadLines {
    fn task(&self, draw: &mut Draw) -> Task {
        let file = format!("talk-{}.txt", draw.between(100, 999));
        let out = out_file(draw);
        let count = draw.between(3, 20);
        let lines: Vec<String> = (0..count + draw.between(1, 20))
            .map(|n| format!("{n} word {}\n", draw.below(99)))
            .collect();
        let text = count.to_string();
        let documented = format!("head -n {text} {file} > {out}");
        let fields = [("file", file.as_str()), ("out", &out), ("n", &text)];
        let first = lines.iter().zip(0..count).map(|(line, _)| line.as_str()).collect();
        Task::new(draw, &HEAD_WORDINGS, &fields, &documented, (out.clone(), first))
            .with_file(&file, lines.concat())
    }
}

/// Capital letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpperCase {}

impl UpperCase {
    pub(crate) const fn draw(_draw: &mut Draw, _ports: Ports) -> Self {
        Self {}
    }
}

impl Family for UpperCase {
    fn task(&self, draw: &mut Draw) -> Task {
        let file = format!("labels-{}.txt", draw.between(100, 999));
        let out = out_file(draw);
        let text: String = (0..draw.between(3, 12))
            .map(|n| format!("box {n} port {}\n", draw.below(99)))
            .collect();
        let documented = format!("tr a-z A-Z < {file} > {out}");
        let fields = [("file", file.as_str()), ("out", &out)];
        let wanted = (out.clone(), text.to_ascii_uppercase());
        Task::new(draw, &UPPER_WORDINGS, &fields, &documented, wanted).with_file(&file, text)
    }
}
