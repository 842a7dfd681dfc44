//! The key of an endpoint: read when it is needed, kept nowhere, printed never.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use secrecy::SecretString;

use crate::config::ModelSettings;
use crate::error::CliError;
use crate::home::Home;

/// The variable whose key goes to an endpoint that is given as a URL.
pub(crate) const URL_KEY: &str = "LORE_MODEL_KEY";

/// Longest key that is read from a file, in bytes.
const KEY_BYTES: u64 = 16 * 1024;

/// The key that the settings name; None when they name none.
pub(crate) fn of(home: &Home, settings: &ModelSettings) -> Result<Option<SecretString>, CliError> {
    if let Some(variable) = &settings.key_env {
        return match variable_value(variable) {
            Some(key) => Ok(Some(key)),
            None => Err(CliError::failed("no_key", format!("the variable {variable} is not set"))
                .help("export it with the endpoint's key, or name a private file as key_file")),
        };
    }
    match &settings.key_file {
        Some(path) => from_file(&home.root().join(path)).map(Some),
        None => Ok(None),
    }
}

/// The value of a variable, unless it is empty.
pub(crate) fn variable_value(name: &str) -> Option<SecretString> {
    let value = std::env::var(name).ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| SecretString::from(value))
}

fn from_file(path: &Path) -> Result<SecretString, CliError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        CliError::failed("no_key", format!("cannot read the key file {shown}: {error}"))
    };
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    let mode = meta.mode() & 0o777;
    if mode & 0o077 != 0 {
        let message = format!("the key file {shown} can be read by others (mode {mode:o})");
        return Err(CliError::failed("key_exposed", message)
            .help("run `chmod 600` on it, and replace the key if this machine is shared"));
    }
    let mut text = String::new();
    file.take(KEY_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    let key = text.trim();
    if key.is_empty() || text.len() as u64 > KEY_BYTES {
        let message = format!("the key file {shown} holds no key");
        return Err(CliError::failed("no_key", message).help("it holds one key on one line"));
    }
    Ok(SecretString::from(key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_key_file_is_private_or_refused_and_an_empty_one_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, "secret-word\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = from_file(&path).unwrap_err();
        assert_eq!(error.kind, "key_exposed");
        assert!(!error.to_string().contains("secret-word"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(from_file(&path).unwrap().expose_secret(), "secret-word");
        fs::write(&path, "\n").unwrap();
        assert_eq!(from_file(&path).unwrap_err().kind, "no_key");
        assert_eq!(from_file(&dir.path().join("none")).unwrap_err().kind, "no_key");
    }
}
