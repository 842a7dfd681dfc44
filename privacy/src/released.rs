//! Values that may leave, and how they came to.

use std::io::{BufRead, IsTerminal, Write};
use std::marker::PhantomData;

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{
    Checkpoint, Join, Leave, Origin, Payload, PayloadKind, Revoke, RotateKey, Void, Vouch,
};

use crate::{NoiseSource, PrivacyError, SeededNoise, SystemNoise};

/// A value that a mechanism of this crate made with the noise `N`, or that a person chose to publish.
///
/// There is no way to make one outside:
/// ```compile_fail,E0624
/// use lore_privacy::Released;
/// let _ = Released::<i32>::by_mechanism(7);
/// ```
/// ```compile_fail,E0451
/// use lore_privacy::Released;
/// let _ = Released::<i32> { value: 7, provenance: todo!(), noise: todo!() };
/// ```
/// ```compile_fail,E0277
/// use lore_privacy::{Outgoing, Private};
/// use lore_protocol::payload::Payload;
/// fn publish(secret: Private<Payload>) -> Outgoing {
///     secret.into()
/// }
/// ```
#[derive(Debug)]
pub struct Released<T, N = SystemNoise> {
    value: T,
    provenance: Provenance,
    noise: PhantomData<fn() -> N>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// A mechanism made it; no ledger has recorded it yet.
    Mechanism,
    /// The ledger holds it as the one result of this release.
    Sampled(Hash),
    /// The ledger holds it as what a person let through of this release's result.
    Passed(Hash),
    /// A person chose it.
    Authored,
}

impl<T, N: NoiseSource> Released<T, N> {
    const fn of(value: T, provenance: Provenance) -> Self {
        Self { value, provenance, noise: PhantomData }
    }

    pub(crate) const fn by_mechanism(value: T) -> Self {
        Self::of(value, Provenance::Mechanism)
    }

    pub(crate) const fn sampled(value: T, release: Hash) -> Self {
        Self::of(value, Provenance::Sampled(release))
    }

    pub(crate) const fn passed(value: T, release: Hash) -> Self {
        Self::of(value, Provenance::Passed(release))
    }

    pub(crate) const fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The value.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// The value, without its origin: from here on it can only be read.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl Released<Payload> {
    /// A payload that a person wrote: lessons with [`Origin::Authored`], or a revision.
    ///
    /// # Errors
    /// When the consent is for other bytes, or the payload is of a kind that only a mechanism makes.
    pub fn authored(payload: Payload, consent: Authored) -> Result<Self, PrivacyError> {
        let personal = match &payload {
            Payload::Lessons(lessons) => {
                lessons.origin == Origin::Authored
                    && lessons.window.is_none()
                    && lessons.entries.iter().all(|entry| entry.support == 0)
            }
            Payload::Revision(_) => true,
            _ => false,
        };
        if !personal || consent.payload != payload_hash(&payload) {
            return Err(PrivacyError::NoConsent);
        }
        Ok(Self::of(payload, Provenance::Authored))
    }
}

impl Released<Payload, SeededNoise> {
    /// A payload that a simulated person wrote. It needs nobody's consent, because it goes nowhere:
    /// ```compile_fail,E0599
    /// use lore_privacy::{Outgoing, Released};
    /// use lore_protocol::payload::Payload;
    /// fn publish(payload: Payload) -> Outgoing {
    ///     Released::<Payload>::invented(payload).into()
    /// }
    /// ```
    #[must_use]
    pub const fn invented(payload: Payload) -> Self {
        Self::of(payload, Provenance::Authored)
    }
}

/// A person's explicit consent to publish one payload, byte for byte. Only a person at a terminal can
/// give it: no tool, no model and no remote call makes one.
#[derive(Debug)]
pub struct Authored {
    payload: Hash,
}

impl Authored {
    /// Shows `shown` on standard error and asks at the terminal. The person types `yes`.
    ///
    /// # Errors
    /// [`PrivacyError::NoConsent`] without a terminal, or at any other answer.
    pub fn ask(payload: &Payload, shown: &str) -> Result<Self, PrivacyError> {
        let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
        if !stdin.is_terminal() || !stderr.is_terminal() {
            return Err(PrivacyError::NoConsent);
        }
        let mut answer = String::new();
        writeln!(stderr, "{shown}\nPublish this, for ever and to everybody? Type yes: ")
            .and_then(|()| stdin.lock().read_line(&mut answer))
            .map_err(|_| PrivacyError::NoConsent)?;
        if answer.trim() != "yes" {
            return Err(PrivacyError::NoConsent);
        }
        Ok(Self::to(payload))
    }

    fn to(payload: &Payload) -> Self {
        Self { payload: payload_hash(payload) }
    }
}

fn payload_hash(payload: &Payload) -> Hash {
    Hash::derive("commonlore/consent/v1", &[&codec::encode(payload)])
}

/// A control payload: who belongs and where epochs end. None of them has room for session data.
#[derive(Debug, Clone)]
pub struct Control(Payload);

macro_rules! control {
    ($($kind:ident),*) => {$(
        impl From<$kind> for Control {
            fn from(payload: $kind) -> Self {
                Self(Payload::$kind(payload))
            }
        }

        impl<N> From<$kind> for Outgoing<N> {
            fn from(payload: $kind) -> Self {
                Self::Control(payload.into())
            }
        }
    )*};
}
control!(Join, Vouch, Leave, Revoke, RotateKey, Checkpoint, Void);

/// Everything that a node may sign. A node's noise is the system's.
#[derive(Debug)]
pub enum Outgoing<N = SystemNoise> {
    /// A mechanism's or a person's.
    Released(Released<Payload, N>),
    /// Membership and epochs.
    Control(Control),
}

impl<N> From<Released<Payload, N>> for Outgoing<N> {
    fn from(payload: Released<Payload, N>) -> Self {
        Self::Released(payload)
    }
}

impl<N> From<Control> for Outgoing<N> {
    fn from(payload: Control) -> Self {
        Self::Control(payload)
    }
}

impl<N: NoiseSource> Outgoing<N> {
    /// The payload to sign.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        match self {
            Self::Released(released) => released.get(),
            Self::Control(control) => &control.0,
        }
    }

    /// The payload's kind.
    #[must_use]
    pub const fn kind(&self) -> PayloadKind {
        self.payload().kind()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lore_protocol::payload::Lessons;

    fn lessons(origin: Origin) -> Payload {
        Payload::Lessons(Lessons { origin, window: None, entries: Vec::new(), padding: Vec::new() })
    }

    #[test]
    fn consent_covers_one_payload_and_no_other() {
        let mine = lessons(Origin::Authored);
        assert!(Released::authored(mine.clone(), Authored::to(&mine)).is_ok());
        let other = Payload::Void(Void { release: Hash::ZERO });
        assert!(Released::authored(mine, Authored::to(&other)).is_err());
    }

    #[test]
    fn a_person_cannot_author_what_only_a_mechanism_makes() {
        let mechanism = crate::mechanism::gaussian(
            lore_protocol::payload::Unit::User,
            crate::Bounds::cells(3, 1),
            3_182_867,
            19,
        )
        .unwrap();
        let made = lessons(Origin::Mechanism(mechanism));
        assert!(Released::authored(made.clone(), Authored::to(&made)).is_err());
    }
}
