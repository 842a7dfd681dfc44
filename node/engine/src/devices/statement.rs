//! Signed statements about a group: who was admitted, and who was removed.

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::identity::{SecretKey, Signature, Signer as _};
use lore_protocol::ids::{Hash, PublicKey};

use super::{DeviceId, GroupId, limits};

const CARD_TAG: &[u8] = b"commonlore/device/card/v1";
const ADMIT_TAG: &[u8] = b"commonlore/device/admit/v1";
const REMOVE_TAG: &[u8] = b"commonlore/device/remove/v1";

/// Longest name of a device, in bytes.
const NAME_BYTES: usize = 64;

/// Returns true for a name that a person can read and tell from another: 1 to 64 bytes on one line, without characters
/// that are not seen or that turn what stands around them.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let invisible = |c: char| matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    let seen = |c: char| matches!(c, ' '..='~') || (c.is_alphanumeric() && !invisible(c));
    (1..=NAME_BYTES).contains(&text.len()) && text.trim() == text && text.chars().all(seen)
}

/// What a device says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Card {
    /// Its group.
    pub group: GroupId,
    /// Its node's key, which the transport proves.
    pub key: PublicKey,
    /// Randomness, so that a node that joins again is another device.
    pub nonce: [u8; 32],
    /// Key that messages to it are sealed for (X25519).
    pub box_key: [u8; 32],
    /// Its name, for people.
    pub name: String,
    /// When it joined, by its own clock, in seconds since the Unix epoch.
    pub since_seconds: u64,
}

impl Card {
    /// The device.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        DeviceId(Hash::derive("commonlore/device/v1", &[&codec::encode(self)]))
    }

    /// Returns true for the first device of the group.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.group == GroupId::founded_by(&self.key, &self.nonce)
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
pub struct Admission {
    /// The device.
    pub card: Card,
    /// Its own signature.
    pub signature: Signature,
    /// The device that admitted it.
    pub by: DeviceId,
    /// That device's signature.
    pub admitted: Signature,
}

impl Admission {
    pub(super) fn new(card: Card, signature: Signature, by: DeviceId, key: &SecretKey) -> Self {
        let admitted = key.sign(&Self::admitted_bytes(card.id(), by));
        Self { card, signature, by, admitted }
    }

    fn admitted_bytes(device: DeviceId, by: DeviceId) -> Vec<u8> {
        [ADMIT_TAG, device.0.as_bytes(), by.0.as_bytes()].concat()
    }

    /// Returns true when the card is a possible one of this group and its own signature holds.
    pub(super) fn is_sound(&self, group: GroupId) -> bool {
        self.card.group == group
            && is_name(&self.card.name)
            && self.card.key.verify(&self.card.signed_bytes(), &self.signature)
    }

    /// Returns true when the device that admitted it has this key.
    pub(super) fn is_by(&self, key: &PublicKey) -> bool {
        key.verify(&Self::admitted_bytes(self.card.id(), self.by), &self.admitted)
    }
}

/// A device that another one removed, or that left. It stands for ever.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Removal {
    body: RemovalBody,
    signature: Signature,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct RemovalBody {
    group: GroupId,
    device: DeviceId,
    by: DeviceId,
    /// Devices that it had admitted and that stay.
    kept: Vec<DeviceId>,
}

impl Removal {
    pub(super) fn new(
        group: GroupId,
        device: DeviceId,
        by: DeviceId,
        kept: Vec<DeviceId>,
        key: &SecretKey,
    ) -> Self {
        let body = RemovalBody { group, device, by, kept };
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

    /// Returns true when a device that the removed one admitted stays. One that nobody knew of at the time does not: a
    /// thief could have admitted it.
    pub(super) fn keeps(&self, device: &DeviceId) -> bool {
        self.body.kept.contains(device)
    }

    pub(super) fn is_sound(&self, group: GroupId, by: &PublicKey) -> bool {
        self.body.group == group
            && self.body.kept.len() <= limits::DEVICES
            && by.verify(&Self::signed_bytes(&self.body), &self.signature)
    }
}

/// Statements on their way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Statements {
    /// Admissions, by device.
    pub admissions: Vec<Admission>,
    /// Removals, by device.
    pub removals: Vec<Removal>,
}
