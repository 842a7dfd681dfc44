//! `models.json` in the home: what `lore model test` found out about endpoints.
//!
//! An entry belongs to a URL, a dialect and a model, so that it is forgotten by itself when one of them
//! changes. A damaged file counts as empty: asking again is cheap.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use lore_agent::model::{Abilities, Endpoint};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::home::Home;

/// The recorded abilities of one endpoint, and their time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// The abilities.
    #[serde(flatten)]
    pub(crate) abilities: Abilities,
    /// When it was asked, in seconds since 1970.
    pub(crate) tested_at_seconds: u64,
}

/// All that was found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Records(BTreeMap<String, Recorded>);

impl Records {
    /// Loads the records of a home.
    pub(crate) fn load(home: &Home) -> Self {
        let text = std::fs::read(path(home)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The record of an endpoint.
    pub(crate) fn get(&self, endpoint: &Endpoint) -> Option<&Recorded> {
        self.0.get(&key(endpoint))
    }

    /// Records what an endpoint showed, whole or not at all.
    pub(crate) fn record(
        home: &Home,
        endpoint: &Endpoint,
        recorded: Recorded,
    ) -> Result<(), CliError> {
        let mut all = Self::load(home);
        all.0.insert(key(endpoint), recorded);
        let write = || -> std::io::Result<()> {
            // A temporary file is of mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(home.root())?;
            file.write_all(&serde_json::to_vec_pretty(&all)?)?;
            file.as_file().sync_all()?;
            file.persist(path(home))?;
            Ok(())
        };
        write().map_err(|error| {
            let path = path(home);
            CliError::failed("io", format!("cannot write {}: {error}", path.display()))
        })
    }
}

fn path(home: &Home) -> PathBuf {
    home.root().join("models.json")
}

fn key(endpoint: &Endpoint) -> String {
    format!("{} {} {}", endpoint.dialect().name(), endpoint.base(), endpoint.model())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::MetadataExt as _;

    use lore_agent::model::Dialect;

    use super::*;

    #[test]
    fn a_record_belongs_to_one_endpoint_and_a_damaged_file_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path()).unwrap();
        let place =
            |model: &str| Endpoint::new("http://a.example/v1", Dialect::OpenAiChat, model).unwrap();
        let recorded = Recorded {
            abilities: Abilities {
                streaming: true,
                usage: true,
                tools: false,
                json: true,
                effort: false,
                window_tokens: Some(4096),
            },
            tested_at_seconds: 7,
        };
        Records::record(&home, &place("m"), recorded.clone()).unwrap();
        Records::record(&home, &place("n"), recorded.clone()).unwrap();
        let all = Records::load(&home);
        assert_eq!(all.get(&place("m")), Some(&recorded));
        assert_eq!(all.get(&place("other")), None);
        assert_eq!(std::fs::metadata(path(&home)).unwrap().mode() & 0o777, 0o600);
        std::fs::write(path(&home), "{").unwrap();
        assert_eq!(Records::load(&home), Records::default());
    }
}
