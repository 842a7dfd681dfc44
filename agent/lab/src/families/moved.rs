//! A log that moved. Several files bear its name; only one is the live one.

use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please count how often {id} stands in the dispatch latency log and write the number to {out}.",
    "How many latency lines of dispatch mention {id}? The number belongs in {out}.",
    "Count the entries for {id} in the latency log of dispatch; save the count as {out}.",
    "For dispatch: the number of times {id} is in the latency log, in a file {out}.",
    "I need to know how often {id} had a bad latency. Write the count to {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    live: String,
    old: Vec<String>,
}

impl Moved {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 6);
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

impl Family for Moved {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        // The word boundary of -w keeps KM-471 from counting KM-4711.
        let documented = format!("grep -cw {id} var/log/relay.log > {out}");
        let count = draw.between(2, 9);
        let wanted = (out.clone(), format!("{count}\n"));
        let fields = [("id", id.as_str()), ("out", &out)];
        let live = log(draw, &id, count);
        let mut task =
            Task::new(draw, &WORDINGS, &fields, &documented, wanted).with_file(&self.live, live);
        for (nth, path) in (1..).zip(&self.old) {
            let old = log(draw, &id, count + nth);
            task = task.with_file(path, old);
        }
        task
    }
}
