//! One accepted delta, as a log keeps it.

use std::borrow::Cow;

use super::Totals;
use crate::codec;
use crate::delta::{Delta, Header, Sound};
use crate::ids::{DeltaId, MemberId, PublicKey};
use crate::payload::Payload;

/// One accepted delta. A federation has many, so the payload of a content delta is kept as the bytes that travel, and
/// decoded where it is read: when its epoch is folded.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: DeltaId,
    /// The delta.
    pub delta: Delta,
    /// Member whose chain it is on.
    pub chain: MemberId,
    /// Key that signs what follows it on its chain.
    pub key: PublicKey,
    /// What its chain holds up to and with it.
    pub totals: Totals,
    /// A mechanism released its payload.
    released: bool,
    /// Decoded payload, of control deltas.
    control: Option<Box<Payload>>,
}

impl Entry {
    /// A delta that is valid, whose chain goes on with `key` and holds `totals`.
    #[must_use]
    pub fn new(sound: Sound, key: PublicKey, totals: Totals) -> Self {
        let chain = sound.chain();
        let Sound { id, delta, payload, .. } = sound;
        let released = payload.mechanism().is_some();
        let control = delta.header.payload_kind.is_control().then(|| Box::new(payload));
        Self { id, delta, chain, key, totals, released, control }
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.delta.header
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> Cow<'_, Payload> {
        if let Some(payload) = &self.control {
            return Cow::Borrowed(payload);
        }
        let bytes = self.delta.payload.as_deref().unwrap_or_default();
        // SAFETY: an entry is made of a sound delta, whose payload was decoded from these bytes.
        #[allow(clippy::expect_used)]
        Cow::Owned(codec::decode_again(bytes).expect("they were decoded before"))
    }

    /// The payload of a control delta.
    #[must_use]
    pub fn control(&self) -> Option<&Payload> {
        self.control.as_deref()
    }

    /// Returns true when a mechanism released the payload, rather than a person.
    #[must_use]
    pub const fn is_released(&self) -> bool {
        self.released
    }

    /// The delta as it was taken in.
    pub(super) fn into_sound(self) -> Sound {
        let payload = self.payload().into_owned();
        Sound::of_entry(self.id, self.delta, payload)
    }
}
