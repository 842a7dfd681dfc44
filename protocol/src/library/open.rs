//! The open step, brought up to date as deltas come.

use super::fold::Fold;
use super::item::Library;
use super::step::Step;
use crate::log::{Log, OpenPlace, Opened};

/// The library with everything that counts, sealed or not, which one more delta costs only what it touches.
#[derive(Debug, Clone, Default)]
pub struct Open {
    step: Option<Step>,
    place: OpenPlace,
}

impl Open {
    /// The library after what came into a log since the last time, which must have been with the same log and fold.
    /// [`Fold::advance`] comes first.
    pub fn follow(&mut self, fold: &Fold, log: &Log) -> &Library {
        let (ids, all) = match log.opened_since(&mut self.place) {
            Opened::More(ids) => (ids.to_vec(), false),
            Opened::All(ids) => (ids, true),
        };
        if all {
            self.step = None;
        }
        let onto = || Step::onto(fold.sealed(), log.federation(), log.open_epoch());
        let step = self.step.get_or_insert_with(onto);
        for entry in ids.iter().filter_map(|id| log.get(id)) {
            step.add(&log.tip().voices, entry);
        }
        step.settle(log.charter())
    }
}
