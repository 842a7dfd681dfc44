//! The source of a family.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::family::DirectoryFamily;
use super::spec::Spec;
use crate::built_in::BuiltIn;

static BUILT_IN: LazyLock<BTreeMap<BuiltIn, Spec>> = LazyLock::new(|| {
    // SAFETY: a test reads all of them; nothing of it comes from outside.
    #[allow(clippy::expect_used)]
    let read = |family: &BuiltIn| toml::from_str(family.text()).expect("a specification");
    BuiltIn::ALL.iter().map(|family| (*family, read(family))).collect()
});

/// A specification, and who computes what it does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// A helper of this program.
    BuiltIn(BuiltIn),
    /// The programs in a directory.
    Directory {
        /// Its canonical path.
        dir: PathBuf,
        /// The contents of its `family.toml`.
        spec: Box<Spec>,
    },
}

impl Source {
    /// The specification.
    pub(crate) fn spec(&self) -> &Spec {
        match self {
            Self::BuiltIn(family) => &BUILT_IN[family],
            Self::Directory { spec, .. } => spec,
        }
    }

    /// The directory, for a family that has one.
    pub(crate) fn dir(&self) -> Option<&Path> {
        match self {
            Self::BuiltIn(_) => None,
            Self::Directory { dir, .. } => Some(dir),
        }
    }

    /// Returns true when the documented command works, so that no skill is needed.
    pub(crate) fn is_control(&self) -> bool {
        match self {
            // Known without reading the specification, as the tools on PATH must be quick.
            Self::BuiltIn(family) => family.is_control(),
            Self::Directory { spec, .. } => spec.control,
        }
    }
}

impl From<DirectoryFamily> for Source {
    fn from(family: DirectoryFamily) -> Self {
        let dir = family.dir().to_owned();
        Self::Directory { dir, spec: Box::new(family.spec) }
    }
}
