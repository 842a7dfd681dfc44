//! The consent file: a code that a person types to publish a text, kept by another account.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use lore_privacy::CodeHash;

use crate::error::CliError;

/// Path of the consent file. It is no setting: what may edit config.toml could point elsewhere.
pub const CONSENT_FILE: &str = "/etc/commonlore/consent";

const MOST_BYTES: u64 = 4096;

/// The code that this machine asks for; none where there is no such file.
///
/// # Errors
/// Fails when the file is there and cannot be relied on: it belongs to this account, others may write it, or it
/// holds something else.
pub(super) fn code_of(path: &Path) -> Result<Option<CodeHash>, CliError> {
    let refused = |why: String| {
        CliError::refused("consent_file", format!("{}: {why}", path.display())).help(
            "another account (root, say) must own it with mode 0644; `lore lesson code` prints what it holds",
        )
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(error.to_string())),
    };
    let about = file.metadata().map_err(|error| refused(error.to_string()))?;
    let me = rustix::process::geteuid().as_raw();
    if let Some(why) = fault(about.uid(), about.mode(), me) {
        return Err(refused(why.into()));
    }
    let mut text = String::new();
    file.by_ref()
        .take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| refused(error.to_string()))?;
    CodeHash::read(&text).map(Some).ok_or_else(|| refused("it holds no consent code".into()))
}

/// Why a file of this owner and mode proves nothing to this account, if so.
const fn fault(owner: u32, mode: u32, me: u32) -> Option<&'static str> {
    if owner == me {
        return Some("it belongs to the account that this runs under");
    }
    if mode & 0o022 != 0 {
        return Some("accounts other than its owner may write it");
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_consent_file_counts_only_when_this_account_cannot_have_written_it() {
        assert_eq!(fault(0, 0o100_644, 1000), None);
        assert!(fault(1000, 0o100_644, 1000).is_some());
        assert!(fault(0, 0o100_664, 1000).is_some());
        assert!(fault(0, 0o100_646, 1000).is_some());
    }

    #[test]
    fn a_file_of_this_account_is_refused_and_no_file_asks_for_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("consent");
        assert_eq!(code_of(&path).unwrap(), None);
        std::fs::write(&path, CodeHash::of("a").to_string()).unwrap();
        let error = code_of(&path).unwrap_err();
        assert!(error.to_string().contains("belongs to the account"), "{error}");
    }
}
