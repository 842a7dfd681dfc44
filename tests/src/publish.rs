//! Consent of a person at a terminal, and publishing a skill with it.

use std::path::Path;

use lore_privacy::Delay;

use crate::node::Node;
use crate::pty::at_a_terminal;

impl Node {
    /// Publishes the skill of a directory: stops, agrees long ago, and starts again. Gives what was shown.
    ///
    /// # Panics
    /// Panics when it is not taken.
    pub fn publish_skill(&mut self, directory: &Path) -> String {
        self.stop();
        let directory = directory.to_str().expect("a path");
        let (code, shown) = self.agree_long_ago_to(&["skill", "publish", directory]);
        assert_eq!(code, Some(0), "{shown}");
        self.start();
        shown
    }

    /// A verb that asks for consent, answered with `yes` at a terminal so long ago that the delay is over.
    #[must_use]
    pub fn agree_long_ago_to(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut command = self.faulty(args);
        command.env("LORE_TEST_CLOCK_OFFSET", format!("-{}", Delay::LEAST_SECONDS));
        let (status, shown) = at_a_terminal(&mut command, "yes\n");
        (status.code(), shown)
    }
}
