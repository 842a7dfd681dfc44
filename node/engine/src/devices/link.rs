//! State of the exchanges with one device, and how often the device may cause one.

use std::time::Duration;

use lore_protocol::ids::Hash;

/// Questions to one device at once for what it does itself: it connects, says that it has something newer, or has more.
/// Then as many in each quiet interval, one after the other.
const QUESTIONS: u32 = 16;

/// State of the exchanges with one device.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// The question that was not answered yet: its number and its bytes.
    pub(super) asked: Option<(u64, Vec<u8>)>,
    /// True when something changed since it was asked.
    pub(super) again: bool,
    /// Time of the next question when nothing changes.
    pub(super) next: Duration,
    /// Roster that the other device was told last.
    pub(super) told: Option<Hash>,
    /// True when the question says who is in the group.
    pub(super) with_roster: bool,
    /// Time at which all questions that it may cause are there again, if it causes no more (a leaky bucket as a meter: the
    /// generic cell rate algorithm of ITU-T I.371). It says when the next one may be asked, which a meter of bytes does
    /// not know.
    used_until: Duration,
}

impl Link {
    /// Takes one of the questions that the device may cause. Else notes when to ask.
    pub(super) fn may_cause(&mut self, now: Duration, quiet: Duration) -> bool {
        let each = quiet / QUESTIONS;
        let burst = quiet.saturating_sub(each);
        if self.used_until > now.saturating_add(burst) {
            self.next = self.used_until.saturating_sub(burst);
            return false;
        }
        self.used_until = self.used_until.max(now).saturating_add(each);
        true
    }

    /// Notes that the connection is gone, and with it perhaps what was told.
    pub(super) fn reset(&mut self) {
        *self = Self { used_until: self.used_until, ..Self::default() };
    }
}
