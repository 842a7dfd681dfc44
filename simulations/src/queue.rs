//! The event queue in virtual time, and the hash of everything that left it.
//!
//! Events are ordered by (time, sequence number), so that two events of one microsecond leave in the
//! order in which they were scheduled. One simulation is one thread; nothing here knows a real clock.

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

struct Entry<E> {
    at: Micros,
    sequence: u64,
    event: E,
}

impl<E> Entry<E> {
    const fn key(&self) -> (Micros, u64) {
        (self.at, self.sequence)
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
    queue: BinaryHeap<Entry<E>>,
    now: Micros,
    next_sequence: u64,
    executed: u64,
    hasher: blake3::Hasher,
    scratch: Vec<u8>,
}

impl<E: Traced> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Traced> Queue<E> {
    /// An empty queue at time 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            queue: BinaryHeap::new(),
            now: 0,
            next_sequence: 0,
            executed: 0,
            hasher: blake3::Hasher::new_derive_key("commonlore simulations trace v1"),
            scratch: Vec::new(),
        }
    }

    /// Schedules `event` at `at`, or now when `at` is already past: no event runs backward in time.
    pub fn schedule(&mut self, at: Micros, event: E) {
        let at = at.max(self.now);
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.queue.push(Entry { at, sequence, event });
    }

    /// Takes the earliest event, moves the clock to it and adds it to the trace.
    pub fn pop(&mut self) -> Option<E> {
        let Entry { at, sequence, event } = self.queue.pop()?;
        self.now = at;
        self.executed += 1;
        self.scratch.clear();
        self.scratch.extend_from_slice(&at.to_le_bytes());
        self.scratch.extend_from_slice(&sequence.to_le_bytes());
        event.trace(&mut self.scratch);
        // Length first: no two lists of events give the same input.
        self.hasher.update(&(self.scratch.len() as u64).to_le_bytes());
        self.hasher.update(&self.scratch);
        Some(event)
    }

    /// The time of the event taken last.
    #[must_use]
    pub const fn now(&self) -> Micros {
        self.now
    }

    /// The number of events taken.
    #[must_use]
    pub const fn executed(&self) -> u64 {
        self.executed
    }

    /// The number of events that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The hash of all events taken so far.
    #[must_use]
    pub fn trace(&self) -> TraceHash {
        self.hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
