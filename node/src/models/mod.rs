//! Models by name: where they are, what they can do, and small ones on this machine.
//!
//! `config.toml` names endpoints ([`ModelSettings`]); [`resolve()`] makes one of a name or a URL, with its
//! key from the environment or a private file and with what `lore model test` recorded about it. No key
//! is ever written or printed here.

mod abilities;
mod edit;
mod key;
mod resolve;
mod settings;
mod test;

pub(crate) use abilities::{Recorded, Records};
pub(crate) use edit::{Change, change};
pub(crate) use resolve::{Chosen, config, resolve};
pub(crate) use settings::ModelFile;
pub use settings::ModelSettings;
pub(crate) use test::test;
