//! Tasks by whom they may be known to.

use std::path::Path;
use std::sync::Arc;

use lore_privacy::{Private, UnitId};

use crate::select::{Index, Offer};

/// One task with a validator.
pub trait Task: Send + Sync {
    /// The task's prompt.
    fn prompt(&self) -> &str;

    /// Puts its files into an empty directory.
    ///
    /// # Errors
    /// When they cannot be written.
    fn setup(&self, scratch: &Path) -> std::io::Result<()>;

    /// Checks that it is solved in the directory.
    ///
    /// # Errors
    /// What is wrong, in words that do not tell how to do it.
    fn validate(&self, scratch: &Path) -> Result<(), String>;
}

/// A task that anybody may know, such as one that a public lab drew from its seed. What implements this
/// answers for that no part of it comes from a session.
pub trait PublicTask: Task {}

/// Tasks that anybody may know. There is no way to them from a session.
#[derive(Clone, Default)]
pub struct PublicTasks(Vec<Arc<dyn PublicTask>>);

impl PublicTasks {
    /// These tasks.
    #[must_use]
    pub fn new<T: PublicTask + 'static>(tasks: impl IntoIterator<Item = T>) -> Self {
        Self(tasks.into_iter().map(|task| Arc::new(task) as Arc<dyn PublicTask>).collect())
    }

    /// Only those for which a library would offer the skill: a skill is not judged by tasks that it is
    /// not for. `library` holds the skill.
    #[must_use]
    pub fn offered(mut self, library: &Index, name: &str) -> Self {
        self.0.retain(|task| {
            let hits = library.search(task.prompt(), Offer::default());
            hits.iter().any(|hit| hit.name == name)
        });
        self
    }

    /// The number of tasks.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true when there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn all(&self) -> Vec<&dyn Task> {
        self.0.iter().map(|task| -> &dyn Task { &**task }).collect()
    }
}

/// Tasks of one unit's own work.
pub struct OwnTasks {
    unit: UnitId,
    tasks: Private<Vec<Box<dyn Task>>>,
}

impl OwnTasks {
    /// The tasks of `unit`, and of no other: the caller is responsible for that.
    #[must_use]
    pub const fn of(unit: UnitId, tasks: Private<Vec<Box<dyn Task>>>) -> Self {
        Self { unit, tasks }
    }

    /// The unit that they belong to.
    #[must_use]
    pub const fn unit(&self) -> &UnitId {
        &self.unit
    }

    pub(super) fn all(&self) -> Vec<&dyn Task> {
        // For the replay on this machine only: its result is private again.
        self.tasks.expose_to_owner().iter().map(AsRef::as_ref).collect()
    }
}

/// The tasks that the gate before installing takes.
#[derive(Clone, Copy)]
pub enum AnyTasks<'a> {
    /// Public ones: the answer holds for every unit of this node.
    Public(&'a PublicTasks),
    /// One unit's: the answer holds for that unit.
    Own(&'a OwnTasks),
}

impl<'a> From<&'a PublicTasks> for AnyTasks<'a> {
    fn from(tasks: &'a PublicTasks) -> Self {
        Self::Public(tasks)
    }
}

impl<'a> From<&'a OwnTasks> for AnyTasks<'a> {
    fn from(tasks: &'a OwnTasks) -> Self {
        Self::Own(tasks)
    }
}
