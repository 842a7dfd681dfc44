//! The ledger: what was promised, drawn and sent, in an order that survives any crash.
//!
//! ```text
//! reserve --> RESERVED --> read data, add noise --> SAMPLED --> [gate] --> sign --> COMMITTED --> PUBLISHED
//!                 |                                    |          |
//!                 +---- crash, or an error: VOIDED <---+----------+ refused, unanswered, or too late
//! ```
//! Every arrow into a capital word is one durable append before anything else happens. A release that
//! was reserved is paid for, whatever becomes of it; one that was sampled keeps its one result; one that
//! was committed is sent again byte for byte. Opening a ledger turns every RESERVED release into a
//! VOIDED one: the crash may have come after the noise was drawn. Hence, for any crash, at most one
//! byte string is ever seen for a height of a chain, and the recorded spend is at least the true one.
//!
//! Entries are hash-chained and the store keeps the head beside them, so that a flipped bit, a lost
//! tail and a swapped entry are found at opening.

mod entry;
mod gate;
mod machine;
mod point;
mod state;
mod steps;
mod store;
mod verify;

pub use crate::error::StoreError;
pub use entry::{Answer, Chain, Entry, Reservation};
pub use gate::{Held, Passage};
pub use machine::{Ledger, Pending};
pub use point::Point;
pub use steps::{Committed, Ticket};
pub use store::{Head, LedgerStore, MemoryStore};
pub use verify::{Verified, verify};

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod tests;
