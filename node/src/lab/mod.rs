//! `lore lab`: models measured on the task lab's tasks.
//!
//! `run` measures any endpoint on one machine, with libraries made on the spot. `federation` lets real
//! nodes share what their users learnt under differential privacy, and measures what a model gains from
//! that at a node that joined late. `transfer` measures what lessons of people's sessions are worth to each
//! other, `hints` what one at the failure is worth to a model on pitfalls of real tools.

mod families;
mod federation;
mod grounds;
mod hints;
mod machine;
mod model;
mod replay;
mod run;
mod transfer;

pub(crate) use families::chosen_families;
pub use federation::FederationArgs;
pub(crate) use federation::main as federation;
pub use hints::HintsArgs;
pub(crate) use hints::hints;
pub use model::ModelArgs;
pub(crate) use replay::replay;
pub use run::RunArgs;
pub(crate) use run::main as run;
pub use transfer::TransferArgs;
pub(crate) use transfer::transfer;
