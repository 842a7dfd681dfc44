//! Names of groups and devices.

use lore_protocol::codec::{Decode, Encode};
use lore_protocol::ids::Hash;

/// A group of devices: the hash of the card of its first device, without the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct GroupId(pub Hash);

/// A device in a group: the hash of its card, and so of the cards of all devices between the first one and it. A node
/// that joins again is another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct DeviceId(pub Hash);
