//! Counts of what peers sent that came to nothing, and of rounds that were completed.

/// Counts since the engine was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    /// Frames, requests and replies that are not what they claim to be.
    pub malformed: u64,
    /// Deltas that decoded and that the charter's rules refused.
    pub refused: u64,
    /// Questions of peers that are not served.
    pub strangers: u64,
    /// Questions of members that asked for more than this node sends one member.
    pub metered: u64,
    /// Rounds of anti-entropy that came to their end.
    pub rounds: u64,
}
