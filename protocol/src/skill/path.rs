//! Paths within a bundle: relative, the same on every system, and never outside the directory.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

/// Longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 200;
/// Most components.
pub const MAX_PATH_DEPTH: usize = 8;

/// Why a path was refused. The path is quoted with control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {path:?} refused: {reason}")]
pub struct PathError {
    /// The path as given.
    pub path: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

/// A checked relative path with `/` between its components.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundlePath(String);

impl BundlePath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Form under which two paths are one file on a system that ignores case or Unicode form.
    pub(super) fn folded(&self) -> String {
        self.0.nfc().flat_map(char::to_lowercase).nfc().collect()
    }
}

impl fmt::Display for BundlePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BundlePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        match broken_rule(text) {
            None => Ok(Self(text.to_owned())),
            Some(reason) => Err(PathError { path: text.to_owned(), reason }),
        }
    }
}

fn broken_rule(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > MAX_PATH_BYTES {
        return Some("it is longer than 200 bytes");
    }
    if text.contains('\\') {
        return Some("it contains a backslash (a Windows or UNC path?); use `/`");
    }
    if text.starts_with('/') {
        return Some("it is absolute");
    }
    if text.chars().any(is_hidden) {
        return Some("it contains a control or invisible character");
    }
    if text.contains(':') {
        return Some("it contains a colon (a drive letter?)");
    }
    if text.contains(['<', '>', '"', '|', '?', '*']) {
        return Some("it contains a character that Windows does not allow");
    }
    if text.split('/').count() > MAX_PATH_DEPTH {
        return Some("it has more than 8 components");
    }
    text.split('/').find_map(broken_component_rule)
}

fn broken_component_rule(component: &str) -> Option<&'static str> {
    match component {
        "" => return Some("it has an empty component"),
        "." | ".." => return Some("it contains `.` or `..`"),
        _ => {}
    }
    if component.ends_with(['.', ' ']) || component.starts_with(' ') {
        return Some("a component begins or ends with a space, or ends with a dot");
    }
    if component.eq_ignore_ascii_case(".git") {
        return Some("it lies in a `.git` directory");
    }
    is_reserved(component).then_some("a component is a device name on Windows")
}

/// Device names, with any extension (Microsoft, "Naming Files, Paths, and Namespaces").
fn is_reserved(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or_default().trim_end();
    let stem: String = stem.nfkc().collect::<String>().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM")
        || numbered("LPT")
}

/// Control characters, line separators, and format characters that hide or reorder what people see.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}
