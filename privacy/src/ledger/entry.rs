//! Entries of the ledger.

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::payload::{Mechanism, PayloadKind, Window};

use crate::{Budget, Cost, Spend};

/// A member's chain in a federation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize,
)]
pub struct Chain {
    /// The federation.
    pub federation: FederationId,
    /// The author; zero for the Join that names it.
    pub member: MemberId,
}

/// A release that is about to be made: all of it is fixed before any data is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Reservation {
    /// The scheduled release ([`release_id`](crate::release::release_id)).
    pub release: Hash,
    /// Hash of all its parameters.
    pub spec: Hash,
    /// Chain on which it will be published.
    pub chain: Chain,
    /// The charter's period.
    pub period: u32,
    /// Wall-clock time of the reservation, in seconds since the Unix epoch. It orders reservations; the
    /// wall-clock period that pays is that of the window.
    pub at_seconds: u64,
    /// Kind that will be released.
    pub kind: PayloadKind,
    /// The mechanism, with its declared cost.
    pub mechanism: Mechanism,
    /// The sessions that may feed it.
    pub window: Window,
}

impl Reservation {
    /// Its cost.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        Cost { rho_nano: self.mechanism.rho_nano, delta_e18: self.mechanism.delta_e18 }
    }

    /// The wall-clock period, counted from the Unix epoch, whose sessions feed it and whose budget pays
    /// for it. None when the window is empty or touches two periods: then no one budget covers it.
    #[must_use]
    pub const fn wall_period(&self, period_seconds: u64) -> Option<u64> {
        let Window { start_seconds, end_seconds } = self.window;
        if start_seconds >= end_seconds || period_seconds == 0 {
            return None;
        }
        let (first, last) = (start_seconds / period_seconds, (end_seconds - 1) / period_seconds);
        if first == last { Some(first) } else { None }
    }

    /// Checks that one budget covers its window: it has closed, it lies within one wall-clock period, and no
    /// part of it is older than the rules of that period. The error is what the window does.
    pub(super) fn check_window(
        &self,
        budget: Budget,
        windows_from_seconds: u64,
    ) -> Result<(), &'static str> {
        if self.window.end_seconds > self.at_seconds {
            return Err("is still open; a release is made after its window closed");
        }
        if self.wall_period(budget.period_seconds()).is_none() {
            return Err("touches two wall-clock periods, so that no one budget covers it");
        }
        if self.window.start_seconds < windows_from_seconds {
            return Err("begins before the unit or the length of a period was changed");
        }
        Ok(())
    }
}

/// Answer of a person at the gate.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The sampled entries at these places, counted from 0, ascending.
    Keep(Vec<u32>),
    /// Nothing: a void goes out.
    Refuse,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Entry {
    /// The owner set a budget.
    Budget {
        /// The budget.
        budget: Budget,
        /// Time, in seconds since the Unix epoch.
        at_seconds: u64,
        /// Earliest start of sessions in first windows, in seconds since the Unix epoch; none: as before,
        /// or else from the beginning of the period.
        history_from_seconds: Option<u64>,
    },
    /// A release was paid for.
    Reserved(Reservation),
    /// Noise was drawn: the result, local until it is committed.
    Sampled {
        /// The release.
        release: Hash,
        /// Canonical bytes of the payload.
        payload: Vec<u8>,
    },
    /// The release will send nothing; what it cost stays spent.
    Voided {
        /// The release.
        release: Hash,
    },
    /// These bytes, and no others, stand at this height of the chain.
    Committed {
        /// The chain.
        chain: Chain,
        /// The height.
        seq: u64,
        /// The charter's period in the header.
        period: u32,
        /// The release whose result or void this is, if any.
        release: Option<Hash>,
        /// The exact signed bytes.
        bytes: Vec<u8>,
    },
    /// The bytes were handed to the network at least once.
    Published {
        /// The chain.
        chain: Chain,
        /// The height.
        seq: u64,
    },
    /// The result of this release waits for a person until a public time. Written before data is read.
    Gated {
        /// The release.
        release: Hash,
        /// Time at which the bytes or a void go out, in seconds since the Unix epoch.
        deadline_seconds: u64,
    },
    /// The person at the gate decided; a later answer replaces it.
    Answered {
        /// The release.
        release: Hash,
        /// The decision.
        answer: Answer,
    },
    /// The network holds a delta of this node that this ledger did not know: it is an older copy.
    Adopted {
        /// The chain.
        chain: Chain,
        /// The height.
        seq: u64,
        /// Cumulative spend in that delta's header.
        spend: Spend,
        /// Time at which it was found, in seconds since the Unix epoch.
        at_seconds: u64,
    },
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Record {
    pub(super) index: u64,
    pub(super) prev: Hash,
    pub(super) entry: Entry,
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }
}

/// The hash of a record's bytes, which the next record names.
pub(super) fn record_hash(bytes: &[u8]) -> Hash {
    Hash::derive("commonlore/ledger/v1", &[bytes])
}
