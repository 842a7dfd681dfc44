//! The shelf: what of the library this node uses.
//!
//! A library is what a federation holds, and every member writes to it. A [`Shelf`] is the part of it that may reach an
//! agent of this node. For each lesson and each text of other members it knows a [`Standing`]: on the shelf, waiting
//! for a person, rejected, blocked, or revoked. What decides is, in this order: what a person said ([`Decisions`]),
//! whose it is, what its content shows ([`Examined`]: a scan and the capabilities that it asks for), and the [`Policy`].
//!
//! Everything here is a pure function of libraries, decisions and policy. It must not know files, the network, the
//! clock, or how a person is asked.

mod capability;
mod characters;
mod content;
mod decision;
mod escape;
mod files;
mod hosts;
mod part;
mod policy;
mod scan;
mod shelved;
mod standing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_tests;

pub use capability::Capabilities;
pub use content::{ContentId, Examined};
pub use decision::{AuthorDecision, Decisions, ItemDecision, Pin};
pub use escape::{MAX_EXCERPT_CHARS, escaped};
pub(crate) use files::is_readable;
pub use files::{NoTexts, Texts, is_script, skill_md_of};
pub use policy::Policy;
pub use scan::{Finding, FindingKind, MAX_SCANNED_BYTES, scan};
pub use shelved::{Held, Item, Shelf, Shelved};
pub use standing::{Ground, Standing, WaitReason};
