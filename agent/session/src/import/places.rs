//! Directories in which agents keep their sessions.

use std::path::{Path, PathBuf};

/// A directory that an agent writes its sessions to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentPlace {
    /// The agent, by the name that its sessions carry as their harness.
    pub harness: &'static str,
    /// The directory; it is there only when the agent was used.
    pub directory: PathBuf,
}

/// Directories below a person's home, by agent. The same agent may have several: older versions wrote
/// elsewhere.
const PLACES: [(&str, &str); 12] = [
    ("claude-code", ".claude/projects"),
    ("claude-code", ".config/claude/projects"),
    ("codex", ".codex/sessions"),
    ("codex", ".codex/archived_sessions"),
    ("copilot-cli", ".copilot/session-state"),
    ("copilot-cli", ".copilot/history-session-state"),
    ("gemini-cli", ".gemini/tmp"),
    ("mini-swe-agent", ".config/mini-swe-agent"),
    ("opencode", ".local/share/opencode"),
    ("pi", ".pi/agent/sessions"),
    ("qwen-code", ".qwen/projects"),
    ("skillclaw", ".skillclaw/records"),
];

/// All directories that agents of a person with this home would use, sorted by agent, whether they are
/// there or not. No file is touched.
#[must_use]
pub fn places(home: &Path) -> Vec<AgentPlace> {
    let place = |(harness, below): (&'static str, &str)| AgentPlace {
        harness,
        directory: below.split('/').fold(home.to_owned(), |path, part| path.join(part)),
    };
    PLACES.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_below_the_home_and_sorted_by_agent() {
        let places = places(Path::new("/home/ada"));
        assert!(places.is_sorted_by(|one, other| one.harness <= other.harness));
        assert!(places.iter().all(|place| place.directory.starts_with("/home/ada")));
        let of_codex = places.iter().filter(|place| place.harness == "codex");
        let directories: Vec<&Path> = of_codex.map(|place| place.directory.as_path()).collect();
        let expected = ["/home/ada/.codex/sessions", "/home/ada/.codex/archived_sessions"];
        assert_eq!(directories, expected.map(Path::new));
    }
}
