//! The tables of a store.

/// One column family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Deltas by id.
    Deltas,
    /// Per author: sequence number to delta id.
    Chains,
    /// Content-addressed skill files.
    Blobs,
    /// Fold snapshots.
    Fold,
    /// The privacy ledger.
    Ledger,
    /// Private sessions and their outcomes.
    Sessions,
    /// Settings of this node. Keys that begin with a zero byte belong to the store itself.
    Settings,
    /// Received skills that wait for a decision.
    Quarantine,
    /// Local edits of exported skills.
    Overlay,
}

impl Table {
    /// Every table, in a fixed order.
    pub const ALL: [Self; 9] = [
        Self::Deltas,
        Self::Chains,
        Self::Blobs,
        Self::Fold,
        Self::Ledger,
        Self::Sessions,
        Self::Settings,
        Self::Quarantine,
        Self::Overlay,
    ];

    /// The name on disk. Never changed: it is part of the layout.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deltas => "deltas",
            Self::Chains => "chains",
            Self::Blobs => "blobs",
            Self::Fold => "fold",
            Self::Ledger => "ledger",
            Self::Sessions => "sessions",
            Self::Settings => "settings",
            Self::Quarantine => "quarantine",
            Self::Overlay => "overlay",
        }
    }
}
