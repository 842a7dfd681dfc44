//! Edits of settings files that belong to a person: what is theirs keeps its order, comments and white space.

mod json;
mod toml;

pub use json::{add_hooks, hooks, remove_hooks};
use serde_json::Value;

use crate::agent::FileForm;

/// Reason why a settings file is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The file is not of its language.
    #[error("it cannot be read: {0}")]
    Syntax(String),
    /// Something else stands where an entry of ours belongs.
    #[error("`{0}` is there, and is not what this agent's settings have in that place")]
    Shape(String),
}

/// One hook of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Name of the agent's event.
    pub event: String,
    /// Command line.
    pub command: String,
    /// Time limit, in the agent's own unit.
    pub timeout: u64,
}

/// Puts an entry under a list that keys lead to, in place of one of the same name.
///
/// # Errors
/// [`SettingsError`].
pub fn set_entry(
    form: FileForm,
    text: &str,
    path: &[String],
    name: &str,
    value: &Value,
) -> Result<String, SettingsError> {
    match form {
        FileForm::Json => json::set_entry(text, path, name, value),
        FileForm::Toml => toml::set_entry(text, path, name, value),
    }
}

/// Removes an entry, with the lists that are empty without it.
///
/// # Errors
/// [`SettingsError`].
pub fn remove_entry(
    form: FileForm,
    text: &str,
    path: &[String],
    name: &str,
) -> Result<String, SettingsError> {
    match form {
        FileForm::Json => json::remove_entry(text, path, name),
        FileForm::Toml => toml::remove_entry(text, path, name),
    }
}

/// The entry of a name, as JSON; none when there is none or the file cannot be read.
#[must_use]
pub fn entry(form: FileForm, text: &str, path: &[String], name: &str) -> Option<Value> {
    match form {
        FileForm::Json => json::entry(text, path, name),
        FileForm::Toml => toml::entry(text, path, name),
    }
}
