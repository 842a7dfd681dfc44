//! The library of another federation: the same kinds of tasks, another environment. What its lessons
//! do here shows that the gain is knowledge and not format.
//!
//! It is mined from real sessions in a second lab and folded by the real fold, in memory, by a
//! throwaway member. Nothing of it is ever sent, so no release is involved.

use std::num::NonZeroUsize;
use std::path::Path;

use lore_lab::library::without_privacy;
use lore_lab::measure::{Plan, work};
use lore_lab::{FamilyId, Lab};

use super::script;
use crate::error::CliError;
use crate::export;

/// Users of each family in the other federation.
const USERS_EACH: usize = 3;

/// Writes the other federation's skills below `into`.
pub(super) fn library(
    seed: u64,
    families: &[FamilyId],
    program: &Path,
    dir: &Path,
    into: &Path,
    started: u64,
) -> Result<usize, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed("demo", error);
    let lab = Lab::start_with(seed, &dir.join("lab"), program, script::world());
    let lab = lab.map_err(|error| failed(&error))?;
    let plan = Plan {
        seed,
        users: families.len() * USERS_EACH,
        families,
        tasks: 1,
        controls: 0,
        skills: None,
        started,
        threads: NonZeroUsize::MIN.saturating_add(1),
    };
    let worked = work(lab.environment(), &dir.join("scratch"), &plan, &|_, _| {})
        .map_err(|error| failed(&error))?;
    let skills = without_privacy(worked.iter().map(|one| &one.attempt.session))
        .map_err(|error| failed(&error))?;
    Ok(export::write(into, &skills)?.written.len())
}
