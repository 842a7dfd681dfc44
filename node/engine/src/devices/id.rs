//! Names of groups and devices.

use lore_protocol::codec::{Decode, Encode};
use lore_protocol::ids::{Hash, PublicKey};

/// A group of devices: a hash of its first device's key and of randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct GroupId(pub Hash);

impl GroupId {
    pub(super) fn founded_by(key: &PublicKey, nonce: &[u8; 32]) -> Self {
        Self(Hash::derive("commonlore/devices/group/v1", &[key.as_bytes(), nonce]))
    }
}

/// A device in a group: the hash of its card. A node that joins again is another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct DeviceId(pub Hash);
