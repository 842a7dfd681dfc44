//! The text of a hint: what failed, what worked, how often, and where from.

use std::fmt;

use lore_protocol::lesson::Action;

use crate::book::{Circle, Entry};
use crate::cut::beginning;

/// Longest hint, in bytes.
pub const MAX_HINT_BYTES: usize = 400;

/// A lesson that answers a failing call, or warns before one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hint<'a> {
    /// The lesson, with what was seen of it.
    pub entry: &'a Entry,
    /// True when it was learnt from the same message, or states none.
    pub exact: bool,
    /// True after a failure; false before a call.
    pub failed: bool,
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { lesson, tally, example, circle, .. } = self.entry;
        let verb = if self.failed { "failed" } else { "is known to fail" };
        let mut text = format!("`{}` {verb} ({}", lesson.trigger().tool, lesson.trigger().error);
        // The word of another message says nothing about this one.
        if let Some(subject) = lesson.trigger().subject.as_ref().filter(|_| self.exact) {
            text.push_str(": ");
            text.push_str(subject.as_str());
        }
        text.push_str("). What worked: ");
        text.push_str(&lesson.action().to_string());
        // The user's own command is shown to that user only.
        let shown = circle.is_private()
            && !example.is_empty()
            && !matches!(lesson.action(), Action::Retry(_) | Action::RunFirst(_));
        if shown {
            let line: String = example.chars().filter(|c| !c.is_control()).collect();
            text.push_str(&format!(" (`{}`)", beginning(&line, 120)));
        }
        text.push_str(". ");
        let times = tally.worked.saturating_add(tally.failed);
        text.push_str(&match circle {
            Circle::Own if times == 1 => "Seen once in your own sessions.".to_owned(),
            Circle::Own => {
                format!("In your own sessions: worked {} of {times} times.", tally.worked)
            }
            Circle::Devices if times == 1 => {
                "Seen once in your own sessions, on another device.".to_owned()
            }
            Circle::Devices => format!(
                "In your own sessions on other devices: worked {} of {times} times.",
                tally.worked
            ),
            Circle::Node => format!("Known to about {} people of this node.", tally.groups),
            Circle::Federation => format!("Known to about {} people.", tally.groups),
            Circle::Codebook => "From the documentation of the tool.".to_owned(),
        });
        f.write_str(beginning(&text, MAX_HINT_BYTES))
    }
}
