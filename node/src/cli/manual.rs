//! `completions` and `man`: what a shell and `man` know of this program.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use serde::Serialize;

use super::args::Cli;
use crate::error::CliError;
use crate::output;

/// Name of the program as it is installed.
const NAME: &str = "lore";

/// The command line as help shows it: scripts would offer hidden verbs too.
fn visible() -> Command {
    let whole = Cli::command();
    let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set());
    let mut command = Command::new(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .args(whole.get_arguments())
        .subcommands(verbs.cloned());
    if let Some(about) = whole.get_about() {
        command = command.about(about.clone());
    }
    if let Some(more) = whole.get_after_long_help() {
        command = command.after_long_help(more.clone());
    }
    command
}

#[derive(Serialize)]
struct Script {
    shell: String,
    script: String,
}

/// Prints the completion script of a shell.
pub(super) fn completions(shell: Shell, json: bool) -> Result<(), CliError> {
    let script = Script { shell: shell.to_string(), script: script(shell) };
    output::result(&script, json, |script| script.script.clone())
}

fn script(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut visible(), NAME, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Manual {
    Page { page: String },
    Pages { directory: PathBuf, pages: Vec<String> },
}

/// Prints the manual page of `lore`, or writes one for every verb.
pub(super) fn man(directory: Option<&Path>, json: bool) -> Result<(), CliError> {
    let manual = match directory {
        None => Manual::Page { page: page()? },
        Some(directory) => {
            Manual::Pages { directory: directory.to_owned(), pages: write_pages(directory)? }
        }
    };
    output::result(&manual, json, |manual| match manual {
        Manual::Page { page } => page.clone(),
        Manual::Pages { directory, pages } => {
            format!("{} pages in {}", pages.len(), directory.display())
        }
    })
}

fn page() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(visible())
        .render(&mut bytes)
        .map_err(|error| CliError::failed("man", error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes the pages, and gives the names of all in the directory.
fn write_pages(directory: &Path) -> Result<Vec<String>, CliError> {
    let failed = |error: std::io::Error| {
        CliError::failed("man", format!("--dir {}: {error}", directory.display()))
            .help("choose a directory that you may write to")
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(visible(), directory).map_err(failed)?;
    let entries = std::fs::read_dir(directory).map_err(failed)?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut pages: Vec<String> =
        names.filter(|name| name.starts_with(NAME) && name.ends_with(".1")).collect();
    pages.sort();
    Ok(pages)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_verbs_and_flags() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for word in ["federation", "checkpoint", "outcomes-at", "completions"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
            for hidden in ["lab-work", "lab__work", "model-child"] {
                assert!(!script.contains(hidden), "{shell}: {hidden}");
            }
        }
    }

    #[test]
    fn every_verb_that_help_shows_has_a_manual_page() {
        let directory = tempfile::tempdir().unwrap();
        let pages = write_pages(directory.path()).unwrap();
        let cli = Cli::command();
        for verb in cli.get_subcommands() {
            let name = format!("lore-{}.1", verb.get_name());
            assert_eq!(pages.contains(&name), !verb.is_hide_set(), "{name}");
        }
        assert!(pages.contains(&"lore-federation-create.1".to_owned()), "{pages:?}");
        let page = page().unwrap();
        for text in
            [".TH lore 1", env!("CARGO_PKG_VERSION"), "LORE_MODEL_KEY", "Exit codes", "lore demo"]
        {
            assert!(page.contains(text) || page.contains(&text.replace('-', "\\-")), "{text}");
        }
    }
}
