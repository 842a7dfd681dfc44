//! Agent Skills: reading `SKILL.md`, judging it, writing it, and naming a directory by its bytes.
//!
//! Reading is lenient and loses nothing: a [`Document`] keeps the bytes it was read from, every key,
//! and a list of what was odd. Judging ([`validate`]) is strict and gives the verdict of the standard's
//! reference validator plus the type rules of the text of the standard. Writing ([`SkillMd`]) uses a
//! block-style, always-quoted subset of YAML that the strictest readers accept.
//!
//! No file is touched here: a [`Bundle`] is made of entries that somebody else read.

mod bundle;
mod document;
mod name;
mod path;
mod validate;
mod writer;
mod yaml;

#[cfg(test)]
mod tests;

pub use bundle::{
    Bundle, BundleError, BundleFile, Entry, EntryKind, MAX_BUNDLE_BYTES, MAX_FILE_BYTES, MAX_FILES,
    SKILL_MD, blob_id, check_manifest,
};
pub use document::{Document, MAX_FRONTMATTER_BYTES, ParseError, Warning, parse};
pub use name::{MAX_NAME_CHARS, NameError, SkillName};
pub use path::{BundlePath, MAX_PATH_BYTES, MAX_PATH_DEPTH, PathError};
pub use validate::{
    MAX_BODY_LINES, MAX_BODY_TOKENS, MAX_COMPATIBILITY_CHARS, MAX_DESCRIPTION_CHARS, Problem,
    Verdict, validate,
};
pub use writer::{MAX_METADATA_KEY_CHARS, SkillMd};
pub use yaml::{MAX_DEPTH, MAX_NODES, Oddity, OddityKind, Yaml, YamlError};
