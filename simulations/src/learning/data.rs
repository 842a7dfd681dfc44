//! Samples of a learning task: made up, or read from a table, and the node that each belongs to.

use std::collections::BTreeMap;
use std::path::Path;

use super::LearningError;
use crate::rng::{Purpose, Stream, Streams, WHOLE};

/// Samples that no node trains on, where samples are made up.
const HELD_OUT: u32 = 1_000;
/// Labels that are turned over, in a million.
const TURNED_PPM: u32 = 50_000;
/// Word in the column `node` of a sample that no node trains on.
const TEST: &str = "test";

/// A sample and its label, 1 or -1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) point: Vec<f32>,
    pub(super) label: f32,
}

/// Samples of a task, by node, and those that no node trains on.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    pub(super) by_node: Vec<Vec<Sample>>,
    pub(super) held_out: Vec<Sample>,
}

impl Data {
    /// Draws points around two centres: each coordinate is a sum of twelve uniform numbers, nearly normal, with
    /// variance 1, and a shift of a quarter to the label's side; the last one is the constant one.
    #[must_use]
    pub fn made_up(nodes: u32, samples: u32, dimensions: u32, seed: u64) -> Self {
        let mut stream = Streams::new(seed).stream(WHOLE, Purpose::Work);
        let by_node = (0..nodes).map(|_| draw(samples, dimensions, &mut stream)).collect();
        Self { by_node, held_out: draw(HELD_OUT, dimensions, &mut stream) }
    }

    /// Numbers of a sample.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.held_out.first().map_or(0, |sample| sample.point.len())
    }

    /// Samples of all nodes together, and those that no node trains on.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        (self.by_node.iter().map(Vec::len).sum(), self.held_out.len())
    }

    /// CSV with the columns node, label, x1, x2, ...; the shortest digits that give the same 32-bit number again.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut out = String::from("node,label");
        (1..=self.dimensions()).for_each(|number| out.push_str(&format!(",x{number}")));
        out.push('\n');
        let mut rows = |node: &str, samples: &[Sample]| {
            for Sample { point, label } in samples {
                out.push_str(&format!("{node},{label}"));
                point.iter().for_each(|value| out.push_str(&format!(",{value}")));
                out.push('\n');
            }
        };
        for (node, samples) in self.by_node.iter().enumerate() {
            rows(&node.to_string(), samples);
        }
        rows(TEST, &self.held_out);
        out
    }
}

fn draw(count: u32, dimensions: u32, stream: &mut Stream) -> Vec<Sample> {
    let uniform = |stream: &mut Stream| {
        f32::from(u16::try_from(stream.bits() & 0xffff).unwrap_or(0)) / 65_536.0
    };
    let mut sample = || {
        let side = if stream.chance(500_000) { 1.0 } else { -1.0 };
        let mut point: Vec<f32> = (1..dimensions)
            .map(|_| (0..12).map(|_| uniform(stream)).sum::<f32>() - 6.0 + 0.25 * side)
            .collect();
        point.push(1.0);
        Sample { point, label: if stream.chance(TURNED_PPM) { -side } else { side } }
    };
    (0..count).map(|_| sample()).collect()
}

/// A table of samples as it was read: each with the word in its column `node`, where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    rows: Vec<(Option<String>, Sample)>,
    hash: String,
}

impl Samples {
    /// Reads a CSV with a header line: `label` is 1 or -1, `node` (may be left out) is a node's number from 0 or
    /// `test`, and every other column is a number of the sample, in order.
    ///
    /// # Errors
    /// Fails when it cannot be read, or a row or column is wrong.
    pub fn read(path: &Path) -> Result<Self, LearningError> {
        let bytes = std::fs::read(path)
            .map_err(|error| LearningError::Read(format!("{}: {error}", path.display())))?;
        Self::from_csv(&bytes)
    }

    /// The same of bytes.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_csv(bytes: &[u8]) -> Result<Self, LearningError> {
        let wrong = |row: usize, what: String| LearningError::Row { row, what };
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().map_err(|error| wrong(0, error.to_string()))?.clone();
        let place = |name: &str| header.iter().position(|column| column.trim() == name);
        let (node, label) = (place("node"), place("label"));
        let label = label.ok_or_else(|| wrong(0, "there is no column `label`".to_owned()))?;
        if header.len() <= 1 + usize::from(node.is_some()) {
            return Err(wrong(0, "there is no column of numbers beside the label".to_owned()));
        }
        let mut rows = Vec::new();
        for (number, row) in reader.records().enumerate() {
            let row = row.map_err(|error| wrong(number + 1, error.to_string()))?;
            let mut sample = Sample { point: Vec::with_capacity(row.len()), label: 0.0 };
            for (column, cell) in row.iter().map(str::trim).enumerate() {
                if Some(column) == node {
                    continue;
                }
                let value: Option<f32> = cell.parse().ok().filter(|value: &f32| value.is_finite());
                let Some(value) = value else {
                    let name = header.get(column).unwrap_or_default();
                    return Err(wrong(number + 1, format!("`{name}` is `{cell}`, not a number")));
                };
                if column != label {
                    sample.point.push(value);
                } else if value.abs() == 1.0 {
                    sample.label = value;
                } else {
                    return Err(wrong(
                        number + 1,
                        format!("`label` is {cell}; it must be 1 or -1"),
                    ));
                }
            }
            let node = node.and_then(|node| row.get(node)).map(|node| node.trim().to_owned());
            rows.push((node, sample));
        }
        let hash = blake3::hash(bytes).to_hex().to_string();
        Ok(Self { rows, hash })
    }

    /// BLAKE3 of the file, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Deals the samples to nodes: as the column `node` says, or, without it, in an order that the seed gives, the
    /// first fifth to no node and the others to all nodes in turn.
    ///
    /// # Errors
    /// Fails when a node's number is none below `nodes`, or a node or the test set has no sample.
    pub fn deal(&self, nodes: u32, seed: u64) -> Result<Data, LearningError> {
        let mut data = Data { by_node: vec![Vec::new(); nodes as usize], held_out: Vec::new() };
        if self.rows.iter().all(|(node, _)| node.is_none()) {
            let mut order: Vec<&Sample> = self.rows.iter().map(|(_, sample)| sample).collect();
            Streams::new(seed).stream(WHOLE, Purpose::Work).shuffle(&mut order);
            let (test, rest) = order.split_at(order.len() / 5);
            data.held_out = test.iter().copied().cloned().collect();
            for (place, sample) in rest.iter().copied().enumerate() {
                data.by_node[place % nodes as usize].push(sample.clone());
            }
        } else {
            let numbers: BTreeMap<String, usize> =
                (0..nodes as usize).map(|node| (node.to_string(), node)).collect();
            for (number, (word, sample)) in self.rows.iter().enumerate() {
                let word = word.as_deref().unwrap_or_default();
                let samples = match numbers.get(word) {
                    Some(node) => &mut data.by_node[*node],
                    None if word == TEST => &mut data.held_out,
                    None => {
                        let what = format!(
                            "`node` is `{word}`; it must be from 0 to {} or `{TEST}`",
                            nodes - 1
                        );
                        return Err(LearningError::Row { row: number + 1, what });
                    }
                };
                samples.push(sample.clone());
            }
        }
        let empty = data.by_node.iter().position(Vec::is_empty).map(|node| format!("node {node}"));
        let test = data.held_out.is_empty().then(|| "the test set".to_owned());
        match empty.or(test) {
            Some(what) => Err(LearningError::Empty(what)),
            None => Ok(data),
        }
    }
}
