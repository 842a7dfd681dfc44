//! Rules for a payload's own bytes: order, bounds, no duplicates.

use super::{
    Body, CostCell, Costs, LessonEntry, Lessons, MAX_BALLOT, MAX_CELLS, MAX_KEPT, MAX_SIGNERS,
    Mechanism, Noise, Origin, Outcomes, Payload, Revision, Votes, Window,
};
use crate::ids::MemberId;

const MAX_NAME_BYTES: usize = 64;
/// Most bytes of the reason in a Leave or a Revoke.
pub const MAX_REASON_BYTES: usize = 256;
const MAX_DESCRIPTION_BYTES: usize = 1024;
const MAX_PATH_BYTES: usize = 255;

impl Payload {
    /// Checks the structure of a payload.
    ///
    /// # Errors
    /// Names the fault, in a few words.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Join(join) => text(&join.name, MAX_NAME_BYTES),
            Self::Vouch(vouch) => ensure(vouch.uses > 0, "an invitation has at least one use"),
            Self::Leave(leave) => text(&leave.reason, MAX_REASON_BYTES),
            Self::Revoke(revoke) => text(&revoke.reason, MAX_REASON_BYTES),
            Self::RotateKey(rotate) => {
                let sorted = rotate.keeps.is_sorted_by(|a, b| a < b);
                ensure(sorted && rotate.keeps.len() <= MAX_KEPT, "it keeps at most 64, sorted")
            }
            Self::Void(_) => Ok(()),
            Self::Checkpoint(checkpoint) => checkpoint.body.check(),
            Self::Outcomes(outcomes) => outcomes.check(),
            Self::Votes(votes) => votes.check(),
            Self::Lessons(lessons) => lessons.check(),
            Self::Revision(revision) => revision.check(),
            Self::Costs(costs) => costs.check(),
            Self::Codebook(codebook) => codebook.check(),
            Self::Signers(signers) => check_signers(&signers.members),
        }
    }
}

pub(super) const fn ensure(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn check_signers(members: &[MemberId]) -> Result<(), &'static str> {
    ensure(members.is_sorted_by(|a, b| a < b), "signers are sorted")?;
    ensure(!members.is_empty(), "there is a signer")?;
    ensure(members.len() <= MAX_SIGNERS, "there are more signers than there can be")
}

fn text(text: &str, max_bytes: usize) -> Result<(), &'static str> {
    ensure(text.len() <= max_bytes, "a text is too long")?;
    ensure(!text.chars().any(char::is_control), "a text holds control characters")
}

/// Returns true when this is the name of one file and leads nowhere else, on any system. The full rules for
/// bundles and names rest on Unicode tables, whose version must not decide what is valid: they are
/// applied where a skill is read ([`crate::skill::check_manifest`]).
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !matches!(name, "." | "..") && !name.contains(['/', '\\', ':'])
}

impl Mechanism {
    fn check(&self) -> Result<(), &'static str> {
        let positive = self.scale_micros > 0 && self.l0 > 0 && self.linf > 0 && self.rho_nano > 0;
        ensure(positive, "a mechanism has a positive scale, sensitivity and cost")?;
        let one = u64::from(self.linf) * u64::from(self.linf);
        let each = u64::from(self.l0) * one;
        let shared = (one..=each).contains(&self.l2_square);
        ensure(shared, "a mechanism's l2_square is linf^2 to l0 * linf^2")?;
        let own = self.noise == Noise::Gaussian || self.l2_square == each;
        ensure(own, "cells with Laplace noise have a bound each")
    }
}

impl Window {
    const fn check(&self) -> Result<(), &'static str> {
        ensure(self.start_seconds <= self.end_seconds, "a window does not end early")
    }
}

impl Body {
    fn check(&self) -> Result<(), &'static str> {
        ensure(self.epoch > 0, "genesis is not a checkpoint delta")?;
        ensure(self.frontier.is_sorted_by(|a, b| a.author < b.author), "a frontier is sorted")?;
        ensure(self.roster.is_sorted_by(|a, b| a.member < b.member), "a roster is sorted")?;
        ensure(self.removed.is_sorted_by(|a, b| a.member < b.member), "removals are sorted")?;
        ensure(self.excluded.is_sorted_by(|a, b| a.member < b.member), "exclusions are sorted")?;
        ensure(self.healed.is_sorted_by(|a, b| a < b), "healed checkpoints are sorted")?;
        check_signers(&self.signers)
    }
}

impl Outcomes {
    fn check(&self) -> Result<(), &'static str> {
        self.mechanism.check()?;
        self.window.check()?;
        ensure(
            self.cells.len() <= MAX_CELLS,
            "an outcome release has more cells than it can have",
        )?;
        let key = |cell: &super::Cell| (cell.item, cell.context);
        ensure(self.cells.is_sorted_by(|a, b| key(a) < key(b)), "cells are sorted, none twice")
    }
}

impl Votes {
    fn check(&self) -> Result<(), &'static str> {
        self.mechanism.check()?;
        self.window.check()?;
        ensure(self.votes.len() <= MAX_BALLOT, "a ballot is longer than it can be")?;
        ensure(self.votes.is_sorted_by(|a, b| a.item < b.item), "votes are sorted, none twice")
    }
}

impl Costs {
    fn check(&self) -> Result<(), &'static str> {
        self.mechanism.check()?;
        self.window.check()?;
        let key = |cell: &CostCell| (cell.item, cell.context);
        ensure(self.cells.is_sorted_by(|a, b| key(a) < key(b)), "cells are sorted, none twice")
    }
}

impl Lessons {
    fn check(&self) -> Result<(), &'static str> {
        if let Origin::Mechanism(mechanism) = &self.origin {
            mechanism.check()?;
            ensure(mechanism.threshold > 0, "a lesson release has a threshold")?;
            ensure(self.window.is_some(), "a lesson release has a window")?;
            let passed = |entry: &LessonEntry| entry.support >= i64::from(mechanism.threshold);
            ensure(self.entries.iter().all(passed), "a released key passed the threshold")?;
        } else {
            let claims = self.window.is_some()
                || !self.padding.is_empty()
                || self.entries.iter().any(|entry| entry.support != 0);
            ensure(!claims, "what a person wrote has no window, support or padding")?;
        }
        if let Some(window) = &self.window {
            window.check()?;
        }
        ensure(self.padding.iter().all(|&byte| byte == 0), "padding is zero")?;
        ensure(self.entries.is_sorted_by(|a, b| a.key < b.key), "keys are sorted, none twice")
    }
}

impl Revision {
    fn check(&self) -> Result<(), &'static str> {
        text(&self.name, MAX_NAME_BYTES)?;
        ensure(is_plain(&self.name), "a skill's name could be a path")?;
        text(&self.description, MAX_DESCRIPTION_BYTES)?;
        ensure(self.parents.len() <= 2, "a revision has at most two parents")?;
        ensure(self.parents.is_sorted_by(|a, b| a < b), "parents are sorted")?;
        ensure(self.files.is_sorted_by(|a, b| a.path < b.path), "files are sorted")?;
        self.files.iter().try_for_each(|file| {
            text(&file.path, MAX_PATH_BYTES)?;
            ensure(file.path.split('/').all(is_plain), "a file lies outside its bundle")
        })
    }
}
