//! The tables of a store.

/// One column family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Deltas of every federation.
    Deltas,
    /// The privacy ledger.
    Ledger,
    /// Private sessions.
    Sessions,
    /// Files of revisions.
    Blobs,
    /// Everything else that a node remembers, and the store's own bookkeeping.
    Settings,
}

impl Table {
    /// Every table, in a fixed order.
    pub const ALL: [Self; 5] =
        [Self::Deltas, Self::Ledger, Self::Sessions, Self::Blobs, Self::Settings];

    /// The name on disk. Never changed: it is part of the layout.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deltas => "deltas",
            Self::Ledger => "ledger",
            Self::Sessions => "sessions",
            Self::Blobs => "blobs",
            Self::Settings => "settings",
        }
    }
}
