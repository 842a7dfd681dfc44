//! `lore demo`: a real federation on this machine, from the first key to the measured gain.
//!
//! Real node processes on loopback, each with its own home, store and identity; users whose tasks are
//! really executed against the task lab, and who meet recorded pitfalls of real tools; releases through the
//! privacy door; and at the end fresh tasks and failing calls of a node that has never seen one. The driver knows
//! the lab's families and the pitfalls, the nodes do not.

mod args;
mod audit;
mod nodes;
mod pitfalls;
mod report;
mod script;
mod work;
mod wrong;

pub use args::DemoArgs;
pub(crate) use nodes::{Node, converge};
pub(crate) use script::{checkpoint, released};
pub(crate) use work::{WorkPlan, all_work, lab_work};

use crate::error::CliError;

/// Runs the demo, or removes what one left.
///
/// # Errors
/// The first thing that did not go as it should; every process it started is ended.
pub(crate) fn main(args: &DemoArgs, json: bool) -> Result<(), CliError> {
    match &args.clean {
        Some(directory) => args::clean(directory, json),
        None => script::run(args, json),
    }
}
