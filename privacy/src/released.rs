//! Values that may leave, and how they came to.

use std::marker::PhantomData;

use lore_protocol::charter::Charter;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{
    Checkpoint, Codebook, Join, Leave, Payload, PayloadKind, Revoke, RotateKey, Signers, Void,
    Vouch,
};

use crate::authored::is_personal;
use crate::{Authored, NoiseSource, PrivacyError, SeededNoise, SystemNoise};

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
    /// A payload that a person wrote and agreed to publish, once the consent counts.
    ///
    /// # Errors
    /// [`PrivacyError::ConsentWaits`] before that; [`PrivacyError::NoConsent`] when the payload is of a kind
    /// that only a mechanism makes, or the delay was shorter than any may be.
    pub fn authored(consent: &Authored, now_seconds: u64) -> Result<Self, PrivacyError> {
        if now_seconds < consent.due_seconds() {
            return Err(PrivacyError::ConsentWaits { until_seconds: consent.due_seconds() });
        }
        if !is_personal(consent.payload()) || !consent.counts(now_seconds) {
            return Err(PrivacyError::NoConsent);
        }
        Ok(Self::of(consent.payload().clone(), Provenance::Authored))
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

/// A control payload: who belongs, where epochs end, and the codebook that the charter names. None of them has room
/// for session data.
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
control!(Join, Vouch, Leave, Revoke, RotateKey, Signers, Checkpoint, Void);

impl Control {
    /// The codebook of a federation; none when the charter names another one. The charter was signed before the
    /// federation had a session to learn from, and its hash fixes every lesson.
    /// ```compile_fail,E0277
    /// use lore_privacy::Outgoing;
    /// use lore_protocol::payload::Codebook;
    /// fn publish(learnt: Codebook) -> Outgoing {
    ///     learnt.into()
    /// }
    /// ```
    #[must_use]
    pub fn codebook(codebook: Codebook, charter: &Charter) -> Option<Self> {
        let named = charter.codebook == Some(codebook.hash());
        named.then_some(Self(Payload::Codebook(codebook)))
    }
}

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
