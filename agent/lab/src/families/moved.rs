//! A log that moved. Several files bear its name; only one is the live one.

use super::{Helper, Quirk, Values, number};
use crate::draw::Draw;
use std::collections::BTreeMap;

/// The quirk.
#[derive(Debug)]
pub(crate) struct Moved {
    live: String,
    old: Vec<String>,
}

impl Moved {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<6>("names");
        let mut paths =
            words.chunks(2).map(|pair| format!("var/{}/{}/relay.log", pair[0], pair[1]));
        Self { live: paths.next().unwrap_or_default(), old: paths.collect() }
    }
}

/// A log in which `id` stands `count` times among other lines.
fn log(draw: &mut Draw, id: &str, count: u64) -> String {
    let mut lines: Vec<String> = (0..count).map(|_| id.to_owned()).collect();
    // Lower case keeps the other lines from ever holding an identifier.
    lines.extend((0..8).map(|_| format!("job{}", draw.below(1000))));
    draw.shuffle(&mut lines);
    lines.iter().map(|who| format!("relay {who} slow {} ms\n", draw.between(100, 999))).collect()
}

impl Helper for Moved {
    fn draw(&self, values: &mut Values, draw: &mut Draw) {
        let live = log(draw, &values["id"], number(values, "times"));
        values.insert("live".to_owned(), live);
    }

    fn files(&self, values: &Values, draw: &mut Draw) -> BTreeMap<String, String> {
        let mut files = BTreeMap::from([(self.live.clone(), values["live"].clone())]);
        for (nth, path) in (1..).zip(&self.old) {
            let old = log(draw, &values["id"], number(values, "times") + nth);
            files.insert(path.clone(), old);
        }
        files
    }

    fn wanted(&self, values: &Values) -> String {
        format!("{}\n", values["times"])
    }
}
