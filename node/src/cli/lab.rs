//! `lab`: families of tasks.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lore_lab::FamilyId;
use lore_lab::directory::{ScaffoldError, scaffold};
use serde::Serialize;
use serde_json::json;

use crate::error::CliError;
use crate::output;

#[derive(Debug, Subcommand)]
pub(super) enum LabVerb {
    /// Write a new family of tasks that works, to be changed.
    New(NewArgs),
    /// List the families, built in and in directories.
    Families(FamiliesArgs),
    /// Measure a model on the lab's tasks, with and without skills.
    Run(Box<crate::lab::RunArgs>),
    /// Measure what a model gains from skills that real nodes share.
    Federation(Box<crate::lab::FederationArgs>),
    /// Measure how many failures lessons of people's sessions would have answered, own and others'.
    Transfer(crate::lab::TransferArgs),
    /// Measure what a hint at the failure is worth to a model, on pitfalls of real tools.
    Hints(Box<crate::lab::HintsArgs>),
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Name of the family: lower-case letters, digits, `_` and `-`.
    pub(super) name: String,
    /// Directory in which to make the family's directory.
    #[arg(long, default_value = ".")]
    pub(super) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct FamiliesArgs {
    /// Directory of families, or of one family; may be given more than once.
    #[arg(long, value_name = "DIR")]
    pub(super) families: Vec<PathBuf>,
}

/// Does the verb.
pub(super) fn lab(verb: &LabVerb, json: bool) -> Result<(), CliError> {
    match verb {
        LabVerb::New(args) => new(&args.name, &args.dir, json),
        LabVerb::Families(args) => families(&args.families, json),
        LabVerb::Run(args) => crate::lab::run(args, json),
        LabVerb::Federation(args) => crate::lab::federation(args, json),
        LabVerb::Transfer(args) => crate::lab::transfer(args, json),
        LabVerb::Hints(args) => crate::lab::hints(args, json),
    }
}

fn new(name: &str, dir: &Path, json: bool) -> Result<(), CliError> {
    let path = scaffold(dir, name)?;
    output::result(&json!({ "family": name, "directory": path }), json, |_| {
        format!(
            "wrote {0}; change family.toml, setup, check and bin to your task, and check it \
             with:\n  lore lab families --families {0}",
            path.display()
        )
    })
}

fn families(dirs: &[PathBuf], json: bool) -> Result<(), CliError> {
    let all = crate::lab::chosen_families(dirs)?;
    let one = |id: FamilyId| Family {
        name: id.name(),
        control: all.is_control(id),
        built_in: matches!(id, FamilyId::BuiltIn(_)),
        directory: all.directory(id).map(Path::to_owned),
    };
    let families: Vec<Family> = all.ids().into_iter().map(one).collect();
    let controls = families.iter().filter(|family| family.control).count();
    let listed = Listed { quirks: families.len() - controls, controls, families };
    output::result(&listed, json, |listed| {
        let lines: String = listed.families.iter().map(Family::text).collect();
        lines + &format!("{} with a quirk, {} controls", listed.quirks, listed.controls)
    })
}

/// Output of `lab families --json`.
#[derive(Serialize)]
struct Listed {
    quirks: usize,
    controls: usize,
    families: Vec<Family>,
}

#[derive(Serialize)]
struct Family {
    name: String,
    control: bool,
    built_in: bool,
    directory: Option<PathBuf>,
}

impl Family {
    fn text(&self) -> String {
        let kind = if self.control { "control" } else { "quirk" };
        let place =
            self.directory.as_ref().map_or("built in".into(), |path| path.display().to_string());
        format!("{:<32} {kind:<8} {place}\n", self.name)
    }
}

impl From<ScaffoldError> for CliError {
    fn from(error: ScaffoldError) -> Self {
        match &error {
            ScaffoldError::Name(_) | ScaffoldError::BuiltIn(_) => {
                Self::usage(error).kind("family_name")
            }
            ScaffoldError::Exists(_) => Self::failed("already_exists", error),
            ScaffoldError::Io { .. } => Self::failed("lab", error),
        }
    }
}
