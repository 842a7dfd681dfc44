//! The demo.
use std::path::{Path, PathBuf};
use crate::error::CliError;
/// args
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// dir
    #[arg(long)]
    pub dir: Option<PathBuf>,
}
/// stub
pub fn main(_a: DemoArgs, _json: bool) -> Result<(), CliError> { Ok(()) }
/// stub
pub fn lab_work(_p: &Path) -> Result<(), CliError> { Ok(()) }
