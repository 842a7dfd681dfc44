//! The intern agent: models, tools, the loop that joins them, and what it learns with.
//!
//! This room looks at one session at a time. It must not know the lab, the store, the network of a
//! federation or a user interface, and nothing here may put private data into public bytes: that is the
//! business of `lore-privacy`.

pub mod evolve;
pub mod extract;
pub mod http;
pub mod model;
pub mod replay;
pub mod select;
pub mod service;
pub mod statistics;
pub mod tool;
pub mod turn;
