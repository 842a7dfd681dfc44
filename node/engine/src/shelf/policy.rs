//! The policy of a shelf.

/// Policy by which items of other members reach the shelf without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// None does.
    Manual,
    /// Pitfalls of which every word is public knowledge do.
    #[default]
    Validated,
    /// Everything does that has no finding and widens no capability.
    Auto,
}

impl Policy {
    /// All policies, the strictest first.
    pub const ALL: [Self; 3] = [Self::Manual, Self::Validated, Self::Auto];

    /// The word for it in the configuration and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Validated => "validated",
            Self::Auto => "auto",
        }
    }

    /// The policy of a word.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}
