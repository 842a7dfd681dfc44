//! The two sides of a comparison: what the asker still has to ask, and how a log answers.

use std::collections::BTreeSet;

use super::range::{
    End, MAX_LISTED_BYTES, MAX_RANGES, MOST_LISTED, PARTS, Part, Range, Ranges, Salt, listed,
    placed, split,
};
use super::{Answer, MAX_ANSWER_BYTES};
use crate::delta::Delta;
use crate::ids::Hash;
use crate::log::{Items, Log, Place, digest};

/// Newest epochs whose digests an answer holds; what is older has one digest together.
pub const MAX_EPOCHS: usize = 64;

/// The answer to another digest: the newest epochs' digests, and that of all before them.
pub(super) fn epochs(items: &Items) -> Answer {
    let mut epochs: Vec<(u32, Hash)> = items.epochs().rev().take(MAX_EPOCHS).collect();
    epochs.reverse();
    let before = epochs.first().map_or_else(|| digest(&[]), |(first, _)| items.before(*first));
    Answer::Different { before, epochs }
}

/// Answers a comparison; also gives how many items were looked at for it.
pub(super) fn answer(log: &Log, salt: &Hash, ranges: &[Range]) -> (Answer, usize) {
    let (items, salt) = (log.items(), Salt::new(salt));
    let (mut said, mut room, mut seen) = (Ranges::default(), Room::default(), 0);
    for (from, until, part) in placed(ranges).take(MAX_RANGES) {
        match part {
            Part::Skip => {}
            Part::Print(theirs) => {
                let mut count = 0;
                let all = items.range(from, until).inspect(|_| count += 1);
                let same = salt.print(all) == *theirs;
                seen += count;
                if same || count == 0 {
                    continue;
                }
                if count <= PARTS {
                    let end = until.as_ref().map(End::at);
                    said.add(&from, end, Part::Have(salt.shorts(items.range(from, until))));
                } else {
                    split(items, &salt, (from, until), count, &mut said);
                    seen += count;
                }
            }
            Part::Have(theirs) | Part::Want(theirs) if room.rest.is_none() => {
                let theirs = listed(theirs);
                let wanted = matches!(part, Part::Want(_));
                for place in items.range(from, until) {
                    seen += 1;
                    let named = !theirs.is_empty() && theirs.contains(&salt.short(&place));
                    if named == wanted && !room.take(log, &place) {
                        break;
                    }
                }
            }
            Part::Have(_) | Part::Want(_) => {}
        }
    }
    let Room { mut deltas, rest, .. } = room;
    deltas.sort_by_key(|delta| (delta.header.epoch, delta.header.depth));
    (Answer::Compared { ranges: said.list, deltas, rest, digest: log.digest() }, seen)
}

/// Deltas of one answer.
#[derive(Default)]
struct Room {
    deltas: Vec<Delta>,
    bytes: usize,
    /// First place that found no room.
    rest: Option<End>,
}

impl Room {
    /// Adds the deltas of an item, if there is room.
    fn take(&mut self, log: &Log, place: &Place) -> bool {
        let deltas: Vec<_> = log.deltas_of(place).collect();
        let bytes: u64 = deltas.iter().map(|delta| delta.size_bytes()).sum();
        let bytes = self.bytes.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX));
        if bytes > MAX_ANSWER_BYTES / 2 && !self.deltas.is_empty() {
            self.rest = Some(End::at(place));
            return false;
        }
        self.bytes = bytes;
        self.deltas.extend(deltas.into_iter().cloned());
        true
    }
}

/// A range in which the other side has something that is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    from: Place,
    until: Option<Place>,
    /// Short ids of what is lacking, where they are known.
    lacking: Option<Vec<u8>>,
}

/// What an asker still has to ask.
#[derive(Debug, Clone, Default)]
pub(super) struct Compare {
    spans: Vec<Span>,
    /// Ranges that were asked for deltas, and are answered by the next answer.
    asked: Vec<Span>,
}

impl Compare {
    /// Begins with the epochs whose digests differ.
    pub(super) fn begin(items: &Items, before: &Hash, epochs: &[(u32, Hash)]) -> Self {
        let mut spans: Vec<Span> = Vec::new();
        let first = epochs.first().map(|(epoch, _)| *epoch);
        let ours = first.map_or_else(|| items.digest(), |first| items.before(first));
        if ours != *before {
            let until = first.map(Place::epoch);
            spans.push(Span { from: Place::FIRST, until, lacking: None });
        }
        for (epoch, theirs) in epochs {
            if items.epoch(*epoch) == Some(*theirs) {
                continue;
            }
            let (from, until) = (Place::epoch(*epoch), epoch.checked_add(1).map(Place::epoch));
            match spans.last_mut() {
                // Epochs of which nothing is here are one range.
                Some(last) if last.until == Some(from) && items.count(last.from, until) == 0 => {
                    last.until = until;
                }
                _ => spans.push(Span { from, until, lacking: None }),
            }
        }
        Self { spans, asked: Vec::new() }
    }

    /// The next question; none when nothing is left to ask.
    pub(super) fn ask(&mut self, items: &Items, salt: &Hash) -> Option<Vec<Range>> {
        let salt = Salt::new(salt);
        let (mut said, mut bytes) = (Ranges::default(), 0);
        let mut later = Vec::new();
        for span in std::mem::take(&mut self.spans) {
            // A range takes up to three for itself: one to get there, and one part too many.
            if said.list.len() + PARTS + 2 > MAX_RANGES || bytes > MAX_LISTED_BYTES / 2 {
                later.push(span);
                continue;
            }
            let (from, until) = (span.from, span.until);
            let end = until.as_ref().map(End::at);
            if let Some(shorts) = &span.lacking {
                bytes += shorts.len();
                said.add(&from, end, Part::Want(shorts.clone()));
                self.asked.push(span);
                continue;
            }
            let count = items.count(from, until);
            if count <= MOST_LISTED {
                let shorts = salt.shorts(items.range(from, until));
                bytes += shorts.len();
                said.add(&from, end, Part::Have(shorts));
                self.asked.push(span);
            } else {
                split(items, &salt, (from, until), count, &mut said);
            }
        }
        self.spans = later;
        (!said.list.is_empty()).then_some(said.list)
    }

    /// Takes an answer's ranges, once its deltas are in.
    pub(super) fn take(
        &mut self,
        items: &Items,
        salt: &Hash,
        ranges: &[Range],
        rest: Option<&End>,
    ) {
        let salt = Salt::new(salt);
        let rest = rest.and_then(End::place);
        for span in std::mem::take(&mut self.asked) {
            let Some(rest) = rest else { break };
            if span.until.is_none_or(|until| rest < until) {
                self.spans.push(Span { from: span.from.max(rest), ..span });
            }
        }
        for (from, until, part) in placed(ranges) {
            match part {
                Part::Print(theirs) if salt.print(items.range(from, until)) != *theirs => {
                    self.spans.push(Span { from, until, lacking: None });
                }
                Part::Have(theirs) if theirs.len() <= MAX_LISTED_BYTES / 2 => {
                    let ours: BTreeSet<_> =
                        items.range(from, until).map(|place| salt.short(&place)).collect();
                    let lacking: Vec<u8> =
                        listed(theirs).difference(&ours).copied().flatten().collect();
                    if !lacking.is_empty() {
                        self.spans.push(Span { from, until, lacking: Some(lacking) });
                    }
                }
                _ => {}
            }
        }
        self.spans.sort_by_key(|span| span.from);
        // An honest peer's ranges do not overlap.
        let mut end = Some(Place::FIRST);
        self.spans.retain(|span| {
            let apart = end.is_some_and(|end| end <= span.from);
            if apart {
                end = span.until;
            }
            apart
        });
    }
}
