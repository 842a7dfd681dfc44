//! The replay world: nodes whose users' sessions are rows of a real outcome table.
//!
//! Families of tasks stand for skills, and rows are dealt to nodes as shards. Nothing that nodes learn
//! changes an outcome: the sessions were recorded without them, so a replay studies pooling and
//! privacy alone. Bounding, noise and pooling are the shipped code.

mod convert;
mod replay;
mod table;

pub use convert::{ConvertError, from_tau_bench};
pub use replay::{ARMS, Replay, ReplayError};
pub use table::{Outcomes, OutcomesError, Trial};
