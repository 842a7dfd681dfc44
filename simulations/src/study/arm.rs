//! The arms that every study compares.

use serde::Serialize;

/// Knowledge that people go by. All arms of a seed meet the same situations at the same times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Knows what works for each person at each moment.
    Oracle,
    /// Each node knows its own people's trials, all of them and without noise.
    Isolated,
    /// One place knows all trials of all people, without noise, 600 s after they were made.
    Centralised,
    /// Nodes exchange their people's trials once an epoch, without noise, pooled as nodes do it.
    Gossip,
    /// As `Gossip`, under a privacy budget; no voice's counts are bounded, so that pooling is their sum.
    Private,
    /// As `Private`, with each voice bounded: what nodes do.
    Robust,
}

impl Arm {
    /// All arms.
    pub const ALL: [Self; 6] = [
        Self::Oracle,
        Self::Isolated,
        Self::Centralised,
        Self::Gossip,
        Self::Private,
        Self::Robust,
    ];

    /// Name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Isolated => "isolated",
            Self::Centralised => "centralised",
            Self::Gossip => "gossip",
            Self::Private => "private",
            Self::Robust => "robust",
        }
    }

    /// Name in legends.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Isolated => "each node alone",
            Self::Centralised => "centralised",
            Self::Gossip => "gossip, no privacy",
            Self::Private => "private, summed",
            Self::Robust => "private, robust",
        }
    }

    /// True when its releases are noisy.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Private | Self::Robust)
    }
}
