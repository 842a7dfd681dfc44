//! The rule-based explorer: the agent of the lab.
//!
//! It is given a prompt, what commands answer, and the texts of exported skills; it knows no family, no
//! seed and no quirk. It tries the documented command, reads the real error, and repairs by general
//! rules, trying alternatives until the check passes. With a matching skill it fills in the worked
//! example and runs that first.

mod candidate;
mod http_rules;
mod knowledge;
mod option_rules;
mod path_rules;
mod replay;
mod rules;
mod run;
mod shell_rules;
mod skills;
mod value_rules;

#[cfg(test)]
mod tests;

pub use replay::RuleAgent;
pub use run::{Attempt, Explorer, ExplorerError, PATIENCE_COMMANDS};
pub use skills::{Skills, SkillsError};
pub(crate) use skills::{fenced, read_skill_files};
