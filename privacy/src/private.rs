//! Values that may not leave.

/// A value derived from somebody's sessions.
///
/// It cannot be serialised, printed, compared or copied; work on it stays inside
/// ([`map`](Self::map)). Inside this crate the mechanisms read it.
///
/// This compiles, because the payload is public:
/// ```
/// use lore_protocol::{codec, ids::Hash, payload::{Payload, Void}};
/// let payload = Payload::Void(Void { release: Hash::ZERO });
/// assert!(!codec::encode(&payload).is_empty());
/// ```
/// and this does not, because a private one cannot reach the encoder:
/// ```compile_fail,E0277
/// use lore_protocol::{codec, ids::Hash, payload::{Payload, Void}};
/// let payload = Payload::Void(Void { release: Hash::ZERO });
/// let payload = lore_privacy::Private::new(payload);
/// assert!(!codec::encode(&payload).is_empty());
/// ```
/// Nor can it be printed, copied, or serialised:
/// ```compile_fail,E0277
/// println!("{:?}", lore_privacy::Private::new(7));
/// ```
/// ```compile_fail,E0599
/// let _ = lore_privacy::Private::new(7).clone();
/// ```
/// ```compile_fail,E0277
/// fn needs<T: serde::Serialize>(_: T) {}
/// needs(lore_privacy::Private::new(7));
/// ```
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Marks a value as private. The boundary starts here: call it where sessions are read.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Computes on the value; the result is private too.
    pub fn map<U>(self, compute: impl FnOnce(T) -> U) -> Private<U> {
        Private(compute(self.0))
    }

    /// Shows the value to its owner: the local store and the operator's own screen. Whoever calls this
    /// answers for the value not leaving the node; it is the one call to look for in a review.
    pub const fn expose_to_owner(&self) -> &T {
        &self.0
    }

    pub(crate) const fn get(&self) -> &T {
        &self.0
    }
}

impl<T> Private<Vec<T>> {
    /// Moves the items of another private list into this one.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}

impl<T> From<Vec<Private<T>>> for Private<Vec<T>> {
    /// A list of private values is a private list.
    fn from(values: Vec<Private<T>>) -> Self {
        Self(values.into_iter().map(|value| value.0).collect())
    }
}
