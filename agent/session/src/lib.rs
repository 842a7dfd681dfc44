//! The one session format, for sessions of every origin.
//!
//! A file of sessions is JSON Lines: **one session is one line**. So a file can be appended to by
//! anyone who finishes a session, cut at any line break, and read one session at a time, and a broken line
//! costs one session. The format is versioned ([`VERSION`]); its JSON Schema is published as
//! `docs/session.schema.json`. Raw sessions are private and never leave the node.

pub mod conversation;
mod hint;
pub mod import;
mod judge;
mod lines;
mod record;
pub mod redact;
mod trace;

#[cfg(test)]
mod tests;

pub use hint::CallHint;
pub use judge::judge;
pub use lines::{SessionError, schema_json};
pub use record::{
    Proposals, Refusal, Role, Session, SessionOutcome, SkillUse, Source, Started, TokenUse,
    ToolCall, Turn, VERSION,
};
