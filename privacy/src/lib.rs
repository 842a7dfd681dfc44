//! The only door from private data to public bytes.
//!
//! # What is promised
//! *Trust*: a node is the trusted curator of its own users' sessions. The adversary is every other
//! peer, all colluding, with any observer of the network who sees every message for ever.
//!
//! *Unit*: one user of the node with all their sessions, within an accounting period (90 days by
//! default), add/remove adjacency. [`Unit::Session`](lore_protocol::payload::Unit) is weaker and is
//! named in every record. A node of one person takes part in public, so that for it
//! [`Unit::Personal`](lore_protocol::payload::Unit) protects *replacing* their data; it releases votes,
//! outcomes and costs, and no lessons. All releases of a period add up, whatever the unit: disjoint
//! windows are not counted as parallel.
//!
//! *Guarantee*: everything a node signs that is computed from sessions is (epsilon, delta)-DP for each
//! unit and period, under fully adaptive choice of releases, by approximate zero-concentrated DP.
//! The period's delta is split up front: `delta_thr` pays for thresholds, epsilon is the conversion of
//! the spent rho at `delta_conv`, and statements quote (epsilon, delta_conv + delta_thr). Over several
//! periods rho and delta_thr add before one conversion. The budget is zero until the owner sets one.
//!
//! *Not claimed*: amplification by sampling, shuffling or anonymity. *Not covered*: facts that many
//! users of a node share (they pass a threshold by design), that a node takes part at all, what a model
//! provider or a tool sees during a session, side channels of the host, one person behind several
//! accounts, and what a person publishes on purpose. Peers cannot verify that declared noise was drawn.
//!
//! # How the crate keeps it
//! - [`Private`] values have no serialiser, formatter or copy; only a mechanism turns them into
//!   [`Released`] ones, and only [`Outgoing`] values can be committed. Everything sent is a
//!   [`Committed`] record read back from the [`Ledger`].
//! - Contributions are bounded unit by unit, from that unit's data and a local secret alone ([`release`]):
//!   removing one user changes no other user's contribution.
//! - Noise comes from opendp with the operating system's randomness, and opendp's privacy maps decide
//!   what a release is charged ([`mechanism`]). What the seeded sampler of the same law makes has another
//!   type ([`Simulated`]), from the draw over the ledger to the signed bytes: a node takes none of them.
//! - Every release is reserved, sampled and committed in that durable order ([`ledger`]): a crash burns
//!   budget, it never refunds it, and never draws a second answer.
//!
//! This room knows no socket, file, database, clock or model: time and storage come in through
//! parameters and [`LedgerStore`]. Its one look outside is randomness, which must be the system's, and
//! the terminal that [`Authored`] asks.

pub mod accountant;
pub mod audit;
mod authored;
pub mod denylist;
mod error;
pub mod explain;
pub mod ledger;
pub mod mechanism;
mod memo;
mod noise;
pub mod preset;
mod private;
pub mod release;
mod released;
mod sampler;
mod seal;
pub mod table;
mod unit;
pub mod utility;

pub use accountant::{Caps, Cost, Spend};
pub use authored::{Authored, CodeHash, Delay, Question};
pub use denylist::{DenyList, Pattern};
pub use error::PrivacyError;
pub use ledger::{Chain, Committed, Ledger, LedgerStore, MemoryStore, Pending, Reservation};
pub use mechanism::Bounds;
pub use noise::{NoiseSource, SeededNoise, Simulated, SystemNoise};
pub use preset::{Budget, CostSchedule, Plan, Schedule, Shares};
pub use private::Private;
pub use release::{CostContribution, LessonContribution, OutcomeContribution, VoteContribution};
pub use released::{Control, Outgoing, Released};
pub use unit::{LocalSecret, UnitId};
