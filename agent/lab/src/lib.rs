//! The task lab: real tasks against real local services and tools, in an environment with quirks.
//!
//! A lab draws an environment from a seed. Its families of tasks each have a quirk that cannot be
//! guessed and that no handbook holds, but that shows in errors, help texts and listings, or by trying.
//! Tasks are endless, values and wording vary, and a validator inspects the result. Two control
//! families have no quirk. All members of a federation share one lab. Further families come from
//! directories ([`directory`]). The rule-based [`explorer`] works on the tasks, and so can a model
//! ([`episode`]).
//!
//! This room may know every other one; only the binary and tests know it.

pub mod brief;
mod built_in;
pub mod directory;
mod draw;
mod environment;
pub mod episode;
mod error;
pub mod explorer;
mod families;
mod family;
mod family_id;
pub mod fresh;
mod http;
mod instance;
mod invocation;
pub mod library;
pub mod measure;
pub mod pitfalls;
pub mod recorded;
pub mod report;
mod selection;
mod serve;
pub mod shell;
mod shell_tool;
pub mod study;
mod talk;
mod task;
pub mod tools;
pub mod transfer;
mod wording;
mod words;

pub use built_in::BuiltIn;
pub(crate) use draw::Draw;
pub use environment::Environment;
pub use error::LabError;
pub use family_id::{FamilyId, FamilyName, FamilyNameError, MAX_NAME_BYTES};
pub use instance::Instance;
pub use selection::Families;
pub use serve::Lab;
