//! `[sessions]` of `config.toml`: how stored sessions are kept.

use serde::Deserialize;

use crate::at_rest::KeyWish;

/// Most days that may be asked for.
const MOST_DAYS: u32 = 36_500;
/// Days that a session is kept when nothing else was said.
const DAYS: u32 = 90;

/// Settings of stored sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    /// Days that a session is kept, from the time when it came here; none: for ever.
    pub keep_days: Option<u32>,
    /// Where the key of private records is to be.
    pub key: KeyWish,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { keep_days: Some(DAYS), key: KeyWish::Auto }
    }
}

/// The table as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SessionsTable {
    keep_days: Option<toml::Spanned<u32>>,
    key: Option<toml::Spanned<String>>,
}

impl SessionsTable {
    /// The settings; otherwise where the fault is, and what it is.
    pub(super) fn settings(self) -> Result<SessionSettings, (usize, String)> {
        let mut settings = SessionSettings::default();
        if let Some(days) = self.keep_days {
            if *days.get_ref() > MOST_DAYS {
                let why = format!("keep_days must be between 0 (for ever) and {MOST_DAYS}");
                return Err((days.span().start, why));
            }
            settings.keep_days = Some(days.into_inner()).filter(|days| *days > 0);
        }
        if let Some(key) = self.key {
            settings.key = KeyWish::named(key.get_ref()).ok_or_else(|| {
                let why = format!(
                    "the key is in \"auto\", \"file\" or \"keyring\", not \"{}\"",
                    key.get_ref()
                );
                (key.span().start, why)
            })?;
        }
        Ok(settings)
    }
}

impl SessionSettings {
    /// The table with comments.
    pub(super) fn to_toml(self) -> String {
        format!(
            "[sessions]\n\
             # Days that a session is kept, from when it came here; 0: for ever. A session that a release\n\
             # to come may draw on is kept until that release was made.\n\
             keep_days = {}\n\
             # Where the key is that encrypts them on disk: \"file\" (data.key), \"keyring\" (the operating\n\
             # system's), or \"auto\": the keyring where there is one when the key is made.\n\
             key = \"{}\"\n",
            self.keep_days.unwrap_or(0),
            self.key.name(),
        )
    }
}
