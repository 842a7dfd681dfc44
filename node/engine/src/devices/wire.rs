//! Messages between two devices.
//!
//! Outside stand a group and sealed bytes. Who is no device of the group is told so, and nothing else.

use lore_protocol::codec::{Decode, Encode};
use lore_protocol::identity::Signature;
use lore_protocol::ids::{Hash, PublicKey};

use super::register::{Rank, Register};
use super::statement::{Card, Statements};
use super::{DeviceId, GroupId};

/// A question.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum Ask {
    /// "Admit me": [`JoinAsk`], sealed under the secret of a line.
    Join {
        /// Public name of the line.
        line: Hash,
        /// The sealed message.
        sealed: Vec<u8>,
    },
    /// "What is new": [`Wants`], sealed for the device that is asked.
    Exchange {
        /// The group.
        group: GroupId,
        /// The sealed message.
        sealed: Vec<u8>,
    },
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum Answer {
    /// To everybody who is no device of the group, whatever was asked.
    Stranger,
    /// To a device that was removed or left.
    Removed,
    /// [`JoinAnswer`] or [`Gives`].
    Sealed(Vec<u8>),
    /// To a device that asked for much in a short time.
    Later,
}

/// The device that wants to be admitted.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct JoinAsk {
    pub(super) card: Card,
    pub(super) signature: Signature,
}

/// The answer to it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum JoinAnswer {
    /// The group, with the new device.
    Admitted(Statements),
    /// The group has as many devices as it can.
    Full,
}

/// Newest registers that are here, by device.
pub(super) type Versions = Vec<(DeviceId, Rank)>;

/// A question: what a device has.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Wants {
    /// Hash of its roster.
    pub(super) digest: Hash,
    /// Its roster, when the other may not have it.
    pub(super) roster: Option<Statements>,
    /// Its versions.
    pub(super) have: Versions,
    /// True when it lacks addresses of other devices.
    pub(super) seeks: bool,
}

/// An answer: what another one has beyond that.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Gives {
    /// Hash of its roster.
    pub(super) digest: Hash,
    /// Its roster, when it is another.
    pub(super) roster: Option<Statements>,
    /// Its versions.
    pub(super) have: Versions,
    /// Registers that are newer.
    pub(super) registers: Vec<Register>,
    /// True when there are more of them.
    pub(super) more: bool,
    /// Addresses of other devices.
    pub(super) addresses: Vec<(DeviceId, Vec<String>)>,
}

/// The data that a sealed message is bound to: its kind, both keys, and the question that it answers.
pub(super) fn about(kind: &[u8], from: &PublicKey, to: &PublicKey, asked: &[u8]) -> Vec<u8> {
    let asked = blake3::hash(asked);
    [b"commonlore/device/message/v1/", kind, from.as_bytes(), to.as_bytes(), asked.as_bytes()]
        .concat()
}
