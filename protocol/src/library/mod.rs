//! The library: what every member's skills come to, folded from the log.
//!
//! `Library` after an epoch is a pure function of the library before and of the deltas that the epoch's
//! checkpoint covers; what no checkpoint covers yet is one provisional step on top. The fold never reads
//! a blob, and every number that two nodes must agree on is an integer.
//!
//! A step costs what its deltas touch, not what the library holds: all parts are tries that copies share and that know
//! their hash ([`Map`]), and what the deltas come to is worked out only for what they touch.

mod active;
mod base;
mod cost;
mod drift;
mod evidence;
mod fold;
mod item;
mod keys;
mod only;
mod open;
mod render;
mod settle;
mod spoken;
mod step;
mod trie;
mod votes;

pub use active::Effect;
pub use base::{is_usable, without_lessons};
pub use cost::{CostEstimate, CostSums};
pub use drift::{LessonState, Trials, Watch};
pub use evidence::{Counts, Estimate, Pool};
pub use fold::Fold;
pub use item::{LessonItem, Library, MAX_PLACES_PER_VOICE, RevisionItem, Skill};
pub use open::Open;
pub use render::{MAX_SHOWN, Rendered};
pub use trie::{Map, Set};
pub use votes::{Tally, VoteEstimate, pool as pool_votes};
