//! `device.*`: devices of one person, whose own lessons are kept in step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PublicKey;

/// Arguments of `device.invite`: a line with which another device of the user may join, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceInvite {
    /// User whose own lessons the devices share.
    pub user: String,
    /// Name of this device, when it has none yet; null: the node's.
    #[serde(default)]
    pub name: Option<String>,
    /// Minutes for which the line may be used, 1 to 60.
    pub minutes: u64,
}

/// A line that pairs two devices. It holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceInvited {
    /// The line.
    pub line: String,
    /// Name of this device.
    pub name: String,
    /// Minutes for which it may be used.
    pub minutes: u64,
}

/// Arguments of `device.join`: join the devices of the same person with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceJoin {
    /// User whose own lessons the devices share, by the name on this node.
    pub user: String,
    /// The line of `device.invite`.
    pub line: String,
    /// Name of this device; null: the node's.
    #[serde(default)]
    pub name: Option<String>,
}

/// A device that joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceJoined {
    /// Names of the other devices.
    pub others: Vec<String>,
}

/// Arguments of `device.list`: devices of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceList {
    /// The user.
    pub user: String,
}

/// Devices of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnDevices {
    /// The user, by the name on this node.
    pub user: String,
    /// The devices, this one first; empty without a group.
    pub devices: Vec<Device>,
    /// Lines that were made here and may still be used.
    pub open_lines: u64,
    /// The reason that this device is given nothing any more; null while it is in the group.
    pub out: Option<String>,
}

/// A device by its id. A device chooses its name itself: two may have the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedDevice {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Key of its node.
    pub key: PublicKey,
    /// True for this one.
    pub this: bool,
    /// True while it is connected.
    pub connected: bool,
    /// Time of the last exchange with it, as RFC 3339 in UTC; null: none yet.
    pub last_contact: Option<String>,
    /// Number of lessons that it gives; null: nothing has come yet.
    pub lessons: Option<u64>,
    /// The device that it was paired on; null for the first one.
    pub paired_on: Option<NamedDevice>,
    /// Time at which it joined, by its own clock, as RFC 3339 in UTC.
    pub since: String,
}

/// Arguments of `device.remove`: exclude a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRemove {
    /// The user.
    pub user: String,
    /// Its name, or at least four digits of its id.
    pub device: String,
}

/// A device that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceRemoved {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Devices that were paired on it and that stay.
    pub paired_on_it: Vec<NamedDevice>,
    /// Names of the other devices that are left.
    pub left: Vec<String>,
    /// Limits of removing, one sentence each.
    pub stays: Vec<String>,
}

/// Arguments of `device.leave`: leave the devices of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceLeave {
    /// The user.
    pub user: String,
}

/// The result of leaving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceLeft {
    /// Names of devices that are told.
    pub told: Vec<String>,
    /// Names of devices that are not connected: `device.remove` on one of the others tells them.
    pub untold: Vec<String>,
}
