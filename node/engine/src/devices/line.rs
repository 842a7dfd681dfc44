//! The line that pairs two devices: it is pasted on the other one.

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::ids::{Hash, PublicKey};

use super::{DeviceId, GroupId, is_name};

const PREFIX: &str = "lore-device-1-";
const SUM_BYTES: usize = 4;

/// The reason that a text is no such line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// An invitation to a federation.
    #[error("this is an invitation to a federation, which `lore federation join` takes")]
    Federation,
    /// Not of this form at all.
    #[error("this is no line of `lore device invite`: such a line begins with `{PREFIX}`")]
    Form,
    /// A character is missing or changed.
    #[error("the line is damaged: copy the whole line again")]
    Damaged,
}

/// The content of a line. It holds a secret.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeviceLine {
    /// The group.
    pub group: GroupId,
    /// The device that made it.
    pub device: DeviceId,
    /// Its key.
    pub inviter: PublicKey,
    /// Its name.
    pub name: String,
    /// Multiaddresses that it listens on.
    pub addresses: Vec<String>,
    /// The secret that admits, once.
    pub secret: [u8; 32],
}

impl DeviceLine {
    /// Its public name: a hash of the secret.
    #[must_use]
    pub fn id(&self) -> Hash {
        line_id(&self.secret)
    }

    /// The line.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut bytes = codec::encode(self);
        let sum = Hash::derive("commonlore/device/line/v1", &[&bytes]);
        bytes.extend(&sum.0[..SUM_BYTES]);
        format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&bytes))
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`LineError`] for any other text.
    pub fn from_line(line: &str) -> Result<Self, LineError> {
        let line = line.trim();
        if line.starts_with("lore-invite-") {
            return Err(LineError::Federation);
        }
        let text = line.strip_prefix(PREFIX).ok_or(LineError::Form)?;
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes());
        let bytes = bytes.map_err(|_| LineError::Damaged)?;
        let at = bytes.len().checked_sub(SUM_BYTES).ok_or(LineError::Damaged)?;
        let (body, sum) = bytes.split_at(at);
        if Hash::derive("commonlore/device/line/v1", &[body]).0.get(..SUM_BYTES) != Some(sum) {
            return Err(LineError::Damaged);
        }
        let line: Self = codec::decode(body).map_err(|_| LineError::Damaged)?;
        let sound = is_name(&line.name) && line.inviter.is_valid();
        sound.then_some(line).ok_or(LineError::Damaged)
    }
}

pub(super) fn line_id(secret: &[u8; 32]) -> Hash {
    Hash::derive("commonlore/device/line-id/v1", &[secret])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use lore_protocol::identity::{SecretKey, Signer as _};

    use super::*;

    #[test]
    fn a_line_comes_back_as_it_went_and_any_change_is_noticed() {
        let line = DeviceLine {
            group: GroupId(Hash::ZERO),
            device: DeviceId(Hash::ZERO),
            inviter: SecretKey::from_seed(&[1; 32]).public_key(),
            name: "laptop".into(),
            addresses: vec!["/ip4/127.0.0.1/tcp/4001".into()],
            secret: [7; 32],
        };
        let text = line.to_line();
        assert!(DeviceLine::from_line(&format!(" {text}\n")).unwrap() == line);
        for at in PREFIX.len()..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(DeviceLine::from_line(&changed).err(), Some(LineError::Damaged), "{at}");
            assert_eq!(DeviceLine::from_line(&text[..at]).err(), Some(LineError::Damaged), "{at}");
        }
        assert_eq!(DeviceLine::from_line("hello").err(), Some(LineError::Form));
        assert_eq!(DeviceLine::from_line("lore-invite-1-x").err(), Some(LineError::Federation));
        let hidden = DeviceLine { name: "a\u{202e}b".into(), ..line };
        assert_eq!(DeviceLine::from_line(&hidden.to_line()).err(), Some(LineError::Damaged));
    }
}
