//! A tool that takes a certain number of things at once. It says how many.

use super::{Helper, Quirk, Values, number};
use crate::draw::{Draw, seal};
use crate::invocation::{Answer, Invocation};
use crate::wording::identifier;
use std::collections::BTreeMap;

/// The quirk.
#[derive(Debug)]
pub(crate) struct Batches {
    size: usize,
    secret: u64,
}

impl Batches {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        Self { size: quirk.count("batch").max(1), secret: quirk.secret() }
    }

    fn answer(&self, ids: &[&str]) -> String {
        format!("enrolled {}\n", seal(self.secret, ids))
    }
}

impl Helper for Batches {
    fn draw(&self, values: &mut Values, draw: &mut Draw) {
        let count = number(values, "rounds") * self.size as u64;
        let ids = (0..count).map(|_| format!("{}\n", identifier(draw))).collect();
        values.insert("ids".to_owned(), ids);
    }

    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        BTreeMap::from([(values["file"].clone(), values["ids"].clone())])
    }

    fn wanted(&self, values: &Values) -> String {
        let ids: Vec<&str> = values["ids"].lines().collect();
        ids.chunks(self.size).map(|ids| self.answer(ids)).collect()
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "enrolctl" {
            return None;
        }
        let Some((verb, ids)) = call.positional.split_first() else {
            return Some(Answer::fail(2, "usage: enrolctl add ID..."));
        };
        Some(if verb == "add" && ids.len() == self.size {
            call.write(&self.answer(&ids.iter().map(String::as_str).collect::<Vec<_>>()))
        } else {
            let refusal = format!("{} at once refused, batches of {} only", ids.len(), self.size);
            Answer::fail(2, format!("enrolctl: {refusal}"))
        })
    }
}
