//! Pitfalls of real tools, and what a hint at the failure is worth to a model.
//!
//! Each task names the command that most people would run first; with the real tool it fails. A model works on
//! it without hints, with those of the codebook, and with wrong ones. Commands run in the sandbox.

mod report;
mod trial;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use report::{ArmResult, Better, ProgramResult, Report};
pub use trial::{Trial, run};

/// Directories of programs that commands of a task see.
const PLACES: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// One task whose usual first command fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pitfall {
    /// Name of the task.
    pub name: String,
    /// Program that fails.
    pub program: String,
    /// Words that the model is given.
    pub task: String,
    /// Script that fills the task's directory.
    pub setup: String,
    /// Programs that the scripts need besides.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The usual command, which fails.
    pub obvious: String,
    /// A command that works after it.
    pub fix: String,
    /// A plausible remedy that does not help.
    pub wrong: String,
    /// Script that succeeds when the task is done.
    pub check: String,
}

/// The pitfalls as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pitfalls {
    pitfall: Vec<Pitfall>,
}

impl Pitfall {
    /// All pitfalls.
    #[must_use]
    pub fn all() -> Vec<Self> {
        // SAFETY: the file is part of the program, and a test reads it.
        #[allow(clippy::expect_used)]
        let read: Pitfalls =
            toml::from_str(include_str!("pitfalls.toml")).expect("the pitfalls are TOML");
        read.pitfall
    }

    /// The first program that this machine does not have.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        let is_here =
            |name: &&String| PLACES.iter().any(|place| Path::new(place).join(name).exists());
        let mut all = std::iter::once(&self.program).chain(&self.needs);
        all.find(|name| !is_here(name)).map(String::as_str)
    }
}

/// Arm: hints that the model is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HintArm {
    /// None.
    None,
    /// Those of the codebook.
    Hint,
    /// Plausible ones that do not help.
    Wrong,
}

impl HintArm {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 3] = [Self::None, Self::Hint, Self::Wrong];

    /// Its name in results and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hint => "hint",
            Self::Wrong => "wrong",
        }
    }
}

impl std::str::FromStr for HintArm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|arm| arm.name() == text)
            .ok_or_else(|| format!("`{text}` is not an arm; there are: none, hint, wrong"))
    }
}
