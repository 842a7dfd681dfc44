//! The event queue in virtual time, and the hash of everything that left it.
//!
//! Events are ordered by (time, sequence number), so that two events of one microsecond leave in the
//! order in which they were scheduled. One simulation is one thread; nothing here knows a real clock.
//!
//! A timing wheel (Varghese and Lauck 1987) holds the next quarter of a second in slots of 256 microseconds, of
//! which the current one is a heap; what is later waits in a heap of its own.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Virtual time in microseconds since the start of the simulation.
pub type Micros = u64;

/// An event that can say what it is to the trace.
pub trait Traced {
    /// Appends bytes that tell this event from every other kind of event.
    fn trace(&self, out: &mut Vec<u8>);
}

/// BLAKE3 over every event in the order of its execution.
pub type TraceHash = blake3::Hash;

/// Microseconds of a slot, as a power of two.
const SLOT_BITS: u32 = 8;
/// Slots of the wheel: a multiple of 64.
const SLOTS: u64 = 1_024;
/// The hasher is fed this many bytes at a time: it is several times as fast on long inputs.
const FEED_BYTES: usize = 64 * 1_024;

struct Entry<E> {
    at: Micros,
    sequence: u64,
    event: E,
}

impl<E> Entry<E> {
    const fn key(&self) -> (Micros, u64) {
        (self.at, self.sequence)
    }

    const fn slot(&self) -> u64 {
        self.at >> SLOT_BITS
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    /// Reversed: the heap gives its greatest entry first, the queue its earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// The queue and its clock.
pub struct Queue<E> {
    /// Entries of the current slot, the earliest last.
    current: Vec<Entry<E>>,
    /// Entries that were added to the current slot, or to one before it, since it began.
    added: BinaryHeap<Entry<E>>,
    slot: u64,
    /// Entries of the slots after the current one, less than [`SLOTS`] away, by slot modulo their number.
    wheel: Vec<Vec<Entry<E>>>,
    /// One bit for each slot of the wheel that holds any.
    filled: Vec<u64>,
    on_wheel: usize,
    /// Entries of later slots.
    later: BinaryHeap<Entry<E>>,
    now: Micros,
    next_sequence: u64,
    executed: u64,
    hasher: blake3::Hasher,
    unhashed: Vec<u8>,
}

impl<E: Traced> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::cast_possible_truncation)]
const fn place(slot: u64) -> usize {
    (slot % SLOTS) as usize
}

impl<E: Traced> Queue<E> {
    /// An empty queue at time 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            current: Vec::new(),
            added: BinaryHeap::new(),
            slot: 0,
            wheel: (0..SLOTS).map(|_| Vec::new()).collect(),
            filled: vec![0; place(SLOTS - 1) / 64 + 1],
            on_wheel: 0,
            later: BinaryHeap::new(),
            now: 0,
            next_sequence: 0,
            executed: 0,
            hasher: blake3::Hasher::new_derive_key("commonlore simulations trace v2"),
            unhashed: Vec::new(),
        }
    }

    /// Schedules `event` at `at`, or now when `at` is already past: no event runs backward in time.
    pub fn schedule(&mut self, at: Micros, event: E) {
        let at = at.max(self.now);
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.keep(Entry { at, sequence, event });
    }

    fn keep(&mut self, entry: Entry<E>) {
        let slot = entry.slot();
        if slot <= self.slot {
            self.added.push(entry);
        } else if slot - self.slot < SLOTS {
            let place = place(slot);
            self.filled[place / 64] |= 1 << (place % 64);
            self.wheel[place].push(entry);
            self.on_wheel += 1;
        } else {
            self.later.push(entry);
        }
    }

    /// Moves on to the next slot that holds any, if the current one is used up.
    fn turn(&mut self) {
        if !self.current.is_empty() || !self.added.is_empty() {
            return;
        }
        let on_wheel = (self.on_wheel > 0).then(|| self.next_filled());
        let later = self.later.peek().map(Entry::slot);
        let Some(next) = on_wheel.into_iter().chain(later).min() else { return };
        self.slot = next;
        let place = place(next);
        if self.filled[place / 64] & (1 << (place % 64)) != 0 {
            self.filled[place / 64] &= !(1 << (place % 64));
            // The slot keeps what it reserved: it fills up again in the next round.
            self.on_wheel -= self.wheel[place].len();
            self.current.append(&mut self.wheel[place]);
            // Reversed, as entries are compared: the earliest comes last.
            self.current.sort_unstable();
        }
        while self.later.peek().is_some_and(|entry| entry.slot() - self.slot < SLOTS) {
            let Some(entry) = self.later.pop() else { return };
            self.keep(entry);
        }
    }

    /// The first slot after the current one that holds any; there must be one.
    fn next_filled(&self) -> u64 {
        let mut slot = self.slot + 1;
        loop {
            let place = place(slot);
            let rest = self.filled[place / 64] >> (place % 64);
            if rest != 0 {
                return slot + u64::from(rest.trailing_zeros());
            }
            slot += 64 - (place % 64) as u64;
        }
    }

    /// Takes the earliest event, moves the clock to it and adds it to the trace.
    pub fn pop(&mut self) -> Option<E> {
        self.turn();
        let added = match (self.current.last(), self.added.peek()) {
            (Some(sorted), Some(added)) => added > sorted,
            (_, added) => added.is_some(),
        };
        let Entry { at, sequence, event } =
            if added { self.added.pop() } else { self.current.pop() }?;
        self.now = at;
        self.executed += 1;
        let start = self.unhashed.len();
        self.unhashed.extend_from_slice(&[0; 4]);
        self.unhashed.extend_from_slice(&at.to_le_bytes());
        self.unhashed.extend_from_slice(&sequence.to_le_bytes());
        event.trace(&mut self.unhashed);
        // Length first: no two lists of events give the same input.
        let length = u32::try_from(self.unhashed.len() - start).unwrap_or(u32::MAX);
        self.unhashed[start..start + 4].copy_from_slice(&length.to_le_bytes());
        if self.unhashed.len() >= FEED_BYTES {
            self.hasher.update(&self.unhashed);
            self.unhashed.clear();
        }
        Some(event)
    }

    /// The time of the event taken last.
    #[must_use]
    pub const fn now(&self) -> Micros {
        self.now
    }

    /// Number of events that were taken.
    #[must_use]
    pub const fn executed(&self) -> u64 {
        self.executed
    }

    /// Number of events that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.current.len() + self.added.len() + self.on_wheel + self.later.len()
    }

    /// The hash of all events taken so far.
    #[must_use]
    pub fn trace(&self) -> TraceHash {
        self.hasher.clone().update(&self.unhashed).finalize()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rng::{Purpose, Streams, WHOLE};

    struct Named(u8);
    impl Traced for Named {
        fn trace(&self, out: &mut Vec<u8>) {
            out.push(self.0);
        }
    }

    fn drain(events: &[(Micros, u8)]) -> (Vec<(Micros, u8)>, TraceHash) {
        let mut queue = Queue::new();
        for (at, name) in events {
            queue.schedule(*at, Named(*name));
        }
        let mut out = Vec::new();
        while let Some(Named(name)) = queue.pop() {
            out.push((queue.now(), name));
        }
        (out, queue.trace())
    }

    #[test]
    fn events_leave_by_time_and_then_by_order_of_scheduling() {
        let (out, _) = drain(&[(5, 1), (3, 2), (5, 3), (3, 4)]);
        assert_eq!(out, [(3, 2), (3, 4), (5, 1), (5, 3)]);
    }

    #[test]
    fn the_trace_tells_apart_time_order_and_content() {
        let base = drain(&[(1, 1), (2, 2)]).1;
        assert_eq!(base, drain(&[(1, 1), (2, 2)]).1);
        assert_ne!(base, drain(&[(1, 1), (3, 2)]).1);
        assert_ne!(base, drain(&[(1, 1), (2, 3)]).1);
        assert_ne!(base, drain(&[(1, 1), (1, 2)]).1);
    }

    #[test]
    fn the_past_is_now() {
        let mut queue = Queue::new();
        queue.schedule(10, Named(1));
        queue.pop();
        queue.schedule(4, Named(2));
        queue.pop();
        assert_eq!(queue.now(), 10);
    }

    /// Events that schedule others, near and far, leave in the order in which a sorted list has them.
    #[test]
    fn a_wheel_is_a_sorted_list() {
        let mut stream = Streams::new(1).stream(WHOLE, Purpose::Work);
        let (mut queue, mut list) = (Queue::new(), std::collections::BTreeSet::new());
        let mut sequence = 0;
        let mut add = |queue: &mut Queue<Named>,
                       list: &mut std::collections::BTreeSet<(Micros, u64)>,
                       stream: &mut crate::rng::Stream| {
            let spans = [1, 40, 5_000, 262_144, 262_176, 3_000_000, 900_000_000];
            let span = spans[stream.index(spans.len())];
            let at = queue.now() + stream.below(span);
            queue.schedule(at, Named(0));
            list.insert((at, sequence));
            sequence += 1;
        };
        for _ in 0..500 {
            add(&mut queue, &mut list, &mut stream);
        }
        for taken in 0..20_000 {
            assert_eq!(queue.waiting(), list.len());
            queue.pop().unwrap();
            assert_eq!(queue.now(), list.pop_first().unwrap().0, "{taken}");
            if list.len() < 700 && stream.chance(990_000) {
                add(&mut queue, &mut list, &mut stream);
                add(&mut queue, &mut list, &mut stream);
            }
            if list.is_empty() {
                break;
            }
        }
        while queue.pop().is_some() {
            assert_eq!(Some(queue.now()), list.pop_first().map(|(at, _)| at));
        }
        assert!(list.is_empty() && queue.executed() > 15_000);
    }
}
