//! A trait that only this crate can implement.

/// Keeps a trait from being implemented elsewhere.
pub trait Sealed {}
