//! Signed statements about a group: who was admitted, and who was removed.

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::identity::{SecretKey, Signature, Signer as _};
use lore_protocol::ids::{Hash, PublicKey};

use super::{DeviceId, GroupId, limits};
use crate::shelf::escaped;

const CARD_TAG: &[u8] = b"commonlore/device/card/v1";
const ADMIT_TAG: &[u8] = b"commonlore/device/admit/v1";
const REMOVE_TAG: &[u8] = b"commonlore/device/remove/v1";

/// Longest name of a device, in bytes.
const NAME_BYTES: usize = 64;

/// Returns true for a name that a person can read and tell from another: 1 to 64 bytes that a terminal may show as they
/// are.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES).contains(&text.len()) && text.trim() == text && escaped(text) == text
}

/// A device, as it describes itself. It names the device that admits it, so that no other one can.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Card {
    /// Its group.
    pub group: GroupId,
    /// The device that admits it; none for the first device of a group.
    pub by: Option<DeviceId>,
    /// Its node's key, which the transport proves.
    pub key: PublicKey,
    /// Randomness, so that a node that joins again is another device.
    pub nonce: [u8; 32],
    /// Key that messages to it are sealed for (X25519).
    pub box_key: [u8; 32],
    /// Its name, for people.
    pub name: String,
    /// Time at which it joined, by its own clock, in seconds since the Unix epoch.
    pub since_seconds: u64,
}

impl Card {
    /// The device.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        DeviceId(Hash::derive("commonlore/device/v1", &[&codec::encode(self)]))
    }

    /// The group in which this very card is the first one.
    pub(super) fn founds(&self) -> GroupId {
        let bare = Self { group: GroupId(Hash::ZERO), ..self.clone() };
        GroupId(Hash::derive("commonlore/devices/group/v1", &[&codec::encode(&bare)]))
    }

    /// Returns true for the first device of the group. A group has one.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.by.is_none() && self.group == self.founds()
    }

    fn signed_bytes(&self) -> Vec<u8> {
        [CARD_TAG, &codec::encode(self)].concat()
    }

    pub(super) fn sign(&self, key: &SecretKey) -> Signature {
        key.sign(&self.signed_bytes())
    }
}

/// A device that another one admitted. The first device of a group admits itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Admission {
    /// The device.
    pub card: Card,
    /// Its own signature.
    pub signature: Signature,
    /// Signature of the device that admits it.
    pub admitted: Signature,
}

impl Admission {
    /// An admission with the key of the device that the card names.
    pub(super) fn new(card: Card, signature: Signature, key: &SecretKey) -> Self {
        let admitted = key.sign(&Self::admitted_bytes(card.id()));
        Self { card, signature, admitted }
    }

    fn admitted_bytes(device: DeviceId) -> Vec<u8> {
        [ADMIT_TAG, device.0.as_bytes()].concat()
    }

    /// Returns true when the card is a possible one of this group and its own signature holds.
    pub(super) fn is_sound(&self, group: GroupId) -> bool {
        self.card.group == group
            && is_name(&self.card.name)
            && self.card.key.verify(&self.card.signed_bytes(), &self.signature)
    }

    /// Returns true when the device that admitted it has this key.
    pub(super) fn is_by(&self, key: &PublicKey) -> bool {
        key.verify(&Self::admitted_bytes(self.card.id()), &self.admitted)
    }
}

/// A device that another one removed, or that left. It stands for ever.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Removal {
    body: RemovalBody,
    signature: Signature,
}

/// Ids of devices name their group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct RemovalBody {
    device: DeviceId,
    by: DeviceId,
    /// Devices that it had admitted and that stay, in order.
    kept: Vec<DeviceId>,
}

impl Removal {
    pub(super) fn new(
        device: DeviceId,
        by: DeviceId,
        mut kept: Vec<DeviceId>,
        key: &SecretKey,
    ) -> Self {
        kept.sort_unstable();
        let body = RemovalBody { device, by, kept };
        let signature = key.sign(&Self::signed_bytes(&body));
        Self { body, signature }
    }

    fn signed_bytes(body: &RemovalBody) -> Vec<u8> {
        [REMOVE_TAG, &codec::encode(body)].concat()
    }

    /// The removed device.
    pub(super) const fn device(&self) -> DeviceId {
        self.body.device
    }

    /// The device that removed it; itself when it left.
    pub(super) const fn by(&self) -> DeviceId {
        self.body.by
    }

    /// Devices that the removed one admitted and that stay, in order. One that was not known at the time is not among
    /// them: a thief could have admitted it.
    pub(super) fn kept(&self) -> &[DeviceId] {
        &self.body.kept
    }

    pub(super) fn is_sound(&self, by: &PublicKey) -> bool {
        self.body.kept.len() <= limits::DEVICES
            && self.body.kept.is_sorted_by(|a, b| a < b)
            && by.verify(&Self::signed_bytes(&self.body), &self.signature)
    }
}

/// Statements on their way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Statements {
    /// Admissions, by device.
    pub admissions: Vec<Admission>,
    /// Removals, by device.
    pub removals: Vec<Removal>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_a_terminal_shows_as_it_is() {
        for name in ["laptop", "Büro 2", "ada's (old)", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        // Letters that turn the order of a line, too.
        for name in
            ["", " a", "a ", "a\nb", "a\u{202e}b", "\u{5d0}\u{5d1}", "\u{3164}", &"x".repeat(65)]
        {
            assert!(!is_name(name), "{}", escaped(name));
        }
    }
}
