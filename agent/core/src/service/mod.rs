//! The parts of every tool of an outside service: a client with its token, a request, an answer, errors.
//!
//! The services themselves are in `lore-services`, which a usual build leaves out; their settings are here,
//! so that a build without them reads the same configuration.
//!
//! A token goes to the origin of its service only. Redirects are followed for what only looks, to hosts that
//! the tool declares, without the token when the origin is another. No address comes from a model: it names
//! repositories, papers and pages, whose parts are checked. What a service says is a stranger's text: it is
//! bounded, made harmless for a terminal, and marked as data.

mod classify;
mod client;
mod error;
mod found;
mod profile;
mod request;
mod settings;
mod tool;

pub use client::{Answer, Service};
pub use error::OutsideError;
pub use found::{Found, clipped, lines_of, size, some_of};
pub use profile::{Profile, TokenHeader};
pub use request::{Limit, MAX_ANSWER_BYTES, Request};
pub use settings::{
    ArxivSettings, GithubSettings, HuggingFaceSettings, OutsideSettings, SemanticScholarSettings,
    SettingsError, WebSearchProvider, WebSearchSettings,
};
pub use tool::{Operation, OutsideTool};
