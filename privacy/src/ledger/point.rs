//! The steps of a release, by name: where a test ends the process, to show that no crash says more than
//! one thing or forgets what it cost.

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A place on the way of a release. The ledger passes most; the node tells it of the others.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        impl Point {
            /// Every point, in the order of a release.
            pub const ALL: &'static [Self] = &[$(Self::$point,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    /// Nothing was written yet.
    BeforeReserve = "before-reserve",
    /// The cost is durable.
    Reserved = "reserved",
    /// The gate is durable, when there is one.
    Gated = "gated",
    /// The node has read the sessions.
    DataRead = "data-read",
    /// Noise was drawn; the result is in memory only.
    Drawn = "drawn",
    /// The result is durable.
    Sampled = "sampled",
    /// The result waits for its deadline.
    AtGate = "at-gate",
    /// The person's answer is durable.
    Answered = "answered",
    /// The bytes are signed and in memory only.
    Signed = "signed",
    /// The bytes are durable.
    Committed = "committed",
    /// The bytes are in the node's own log and store.
    Ingested = "ingested",
    /// About to note that the bytes go to the network.
    BeforePublished = "before-published",
    /// Noted.
    Published = "published",
}
