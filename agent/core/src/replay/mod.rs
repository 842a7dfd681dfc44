//! The replay gate: does a skill help? Tasks are worked on with it and without it, and compared.
//!
//! There are two gates, and their types keep them apart. [`before_proposing`] takes [`PublicTasks`] and
//! nothing else: whether a node proposes a skill is a function of public data, never of its users' work.
//! [`before_installing`] may also take the [`OwnTasks`] of one unit, and its answer is private: it
//! decides what that unit is given, and can cause or suppress nothing that leaves.
//!
//! One user's own tasks cannot enter the gate for proposals:
//! ```compile_fail,E0308
//! use lore_agent::replay::{Agent, OwnTasks, Plan, Subject, before_proposing};
//! async fn leak(subject: Subject, own: &OwnTasks, agent: &dyn Agent, plan: &Plan<'_>) {
//!     let _ = before_proposing(subject, own, agent, plan).await;
//! }
//! ```
//! nor can they be made public ones, nor can a private answer be proposed with:
//! ```compile_fail,E0277
//! use lore_agent::replay::{OwnTasks, PublicTasks};
//! fn leak(own: OwnTasks) -> PublicTasks {
//!     own.into()
//! }
//! ```
//! ```compile_fail,E0451
//! use lore_agent::replay::{Adoption, Proposable, Subject};
//! fn leak(subject: Subject, adoption: Adoption) -> Proposable {
//!     let replay = *adoption.replay.expose_to_owner();
//!     Proposable { subject, replay }
//! }
//! ```

mod agent;
mod compare;
mod gate;
mod interval;
mod tasks;

pub use agent::{Agent, AgentError, AttemptFuture};
pub use compare::{Plan, ReplayError, Subject};
pub use gate::{Adoption, NotProposable, Proposable, before_installing, before_proposing};
pub use interval::{Difference, LEAST_TASKS, MARGIN, Rate, Replay, Verdict};
pub use tasks::{AnyTasks, OwnTasks, PublicTask, PublicTasks, Task};
