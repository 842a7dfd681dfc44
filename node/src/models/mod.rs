//! Models by name: where they are, what they can do, and small ones on this machine.
//!
//! `config.toml` names endpoints ([`ModelSettings`](crate::config::ModelSettings)); `resolve` makes one of a name or a URL, with its
//! key from the environment or a private file and with what `lore model test` recorded about it. No key
//! is ever written or printed here.

mod abilities;
mod catalogue;
mod edit;
mod embedded;
mod key;
mod pull;
mod resolve;
mod runtime;
mod serve;
mod test;

pub(crate) use abilities::{Recorded, Records};
pub(crate) use catalogue::{PINNED, Pinned, directory, find};
pub(crate) use edit::{Change, change};
pub(crate) use embedded::{EmbeddedArgs, serve_embedded};
pub(crate) use pull::{Pull, Tries};
pub(crate) use resolve::{Chosen, config, resolve};
pub(crate) use runtime::{Runtime, Serving};
pub(crate) use serve::{Server, become_child};
pub(crate) use test::test;
