//! The owner's deny-list as it is shown.

use lore_control as control;
use lore_engine::Counts;
use lore_privacy::DenyList;

use super::Node;
use crate::error::CliError;

impl Node {
    /// Puts a pattern on the list, and shows the list.
    pub(super) fn deny_add(&mut self, text: &str) -> Result<control::DenyList, CliError> {
        self.engine.deny_add(text)?;
        self.deny_list_shown()
    }

    /// Takes a pattern off the list, and shows the list.
    pub(super) fn deny_remove(&mut self, text: &str) -> Result<control::DenyList, CliError> {
        self.engine.deny_remove(text)?;
        self.deny_list_shown()
    }

    /// What each federation's next release leaves out.
    pub(super) fn deny_lists(&self) -> Result<Vec<DenyList>, CliError> {
        let federations = self.engine.federations().keys();
        let lists: Result<Vec<DenyList>, _> =
            federations.map(|id| self.engine.deny_list(*id)).collect();
        Ok(lists?)
    }

    /// The entries, and for which windows they count.
    pub(super) fn deny_list_shown(&self) -> Result<control::DenyList, CliError> {
        let words = |counts: Counts| match counts {
            Counts::Now => "for the open window and later ones",
            Counts::FromNextWindow => {
                "from the next window on: the open one began before it was added"
            }
            Counts::UntilWindowCloses => "until the open window closes: it was removed within it",
        };
        let entries =
            self.engine.deny_list_entries()?.into_iter().map(|entry| control::DenyEntry {
                pattern: entry.pattern,
                added_seconds: Some(entry.added_seconds),
                removed_seconds: entry.removed_seconds,
                in_force: entry.in_force,
                counts: words(entry.counts).into(),
            });
        Ok(control::DenyList { entries: entries.collect() })
    }

    /// Number of entries that wait for the next window.
    pub(super) fn deny_list_waiting(&self) -> Result<usize, CliError> {
        let entries = self.engine.deny_list_entries()?;
        Ok(entries.iter().filter(|entry| !entry.in_force).count())
    }
}
