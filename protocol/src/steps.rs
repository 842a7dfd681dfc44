//! A counted budget of work for one session.
//!
//! No session may make the code that reads it slow: a release that hangs tells everybody that such a
//! session is here. Parsers and miners therefore count what they do, in
//! steps and never in time, so that the same session is given up at the same place on every machine.

use std::cell::Cell;

/// Steps that one session may take: enough for some twenty thousand ordinary calls, or two thousand
/// failing ones with long outputs. Spending them all takes a few seconds.
pub const MAX_SESSION_STEPS: u64 = 1 << 29;

/// Steps of one byte that a regular expression looks at.
pub const REGEX_STEPS: usize = 8;

/// The steps of one session: one step is about one byte that plain code looks at once.
#[derive(Debug)]
pub struct Steps {
    taken: Cell<u64>,
    most: u64,
}

impl Steps {
    /// No steps yet, and at most so many.
    #[must_use]
    pub const fn at_most(most: u64) -> Self {
        Self { taken: Cell::new(0), most }
    }

    /// The budget of one session: [`MAX_SESSION_STEPS`].
    #[must_use]
    pub const fn of_a_session() -> Self {
        Self::at_most(MAX_SESSION_STEPS)
    }

    /// Counts steps and never runs out: for a text whose length is bounded.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self::at_most(u64::MAX)
    }

    /// Counts `steps` more.
    pub fn take(&self, steps: usize) {
        self.taken.set(self.taken.get().saturating_add(steps as u64));
    }

    /// Counts the regular expressions that look at `bytes` bytes, `passes` times.
    pub fn take_regex(&self, bytes: usize, passes: usize) {
        self.take(bytes.saturating_mul(passes).saturating_mul(REGEX_STEPS));
    }

    /// Steps so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// Returns true when more steps were taken than there may be: what is read then counts as empty.
    #[must_use]
    pub fn spent(&self) -> bool {
        self.taken.get() > self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_the_step_after_its_last_and_counting_does_not_wrap() {
        let steps = Steps::at_most(10);
        steps.take(10);
        assert!(!steps.spent());
        steps.take_regex(1, 1);
        assert!(steps.spent());
        assert_eq!(steps.taken(), 10 + REGEX_STEPS as u64);
        steps.take_regex(usize::MAX, usize::MAX);
        steps.take(usize::MAX);
        assert_eq!(steps.taken(), u64::MAX);
        assert!(!Steps::unbounded().spent());
    }
}
