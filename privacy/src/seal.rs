//! A token that only this crate can make, for trait methods that only this crate may call.

/// Proof that the caller is this crate.
#[derive(Clone, Copy)]
pub struct DoorKey(pub(crate) ());

/// Keeps a trait from being implemented elsewhere.
pub trait Sealed {}
