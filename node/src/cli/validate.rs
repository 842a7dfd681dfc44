//! `skill validate`.

use std::path::{Path, PathBuf};

use lore_agent::select::{read_skill_file, skill_file};
use lore_protocol::skill;
use serde::Serialize;

use super::Context;
use crate::error::CliError;
use crate::output;

/// Output of `skill validate --json`.
#[derive(Serialize)]
struct Validated {
    skills: Vec<Verdict>,
    invalid: usize,
}

#[derive(Serialize)]
struct Verdict {
    path: PathBuf,
    valid: bool,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Verdict {
    fn unreadable(path: &Path, why: &str) -> Self {
        Self {
            path: path.to_owned(),
            valid: false,
            problems: vec![why.to_owned()],
            warnings: Vec::new(),
        }
    }

    fn text(&self) -> String {
        let word = if self.valid { "valid" } else { "invalid" };
        let notes = self.problems.iter().chain(&self.warnings);
        let notes: String = notes.map(|note| format!("    {note}\n")).collect();
        format!("{word}  {}\n{notes}", self.path.display())
    }
}

pub(super) fn validate(context: &Context, paths: &[PathBuf]) -> Result<(), CliError> {
    let skills: Vec<Verdict> = paths.iter().flat_map(|path| verdicts(path)).collect();
    let invalid = skills.iter().filter(|one| !one.valid).count();
    let fault = (invalid > 0).then(|| {
        CliError::failed("invalid_skill", format!("{invalid} of {} are invalid", skills.len()))
    });
    let text = |all: &Validated| all.skills.iter().map(Verdict::text).collect();
    output::result_with(&Validated { skills, invalid }, context.json, text, fault)
}

/// Verdicts on a `SKILL.md`, a skill's directory, or a directory of such. What cannot be read is invalid, and the rest
/// is judged all the same.
fn verdicts(path: &Path) -> Vec<Verdict> {
    if !path.is_dir() || skill_file(path).is_some() {
        return vec![verdict(path)];
    }
    let inside = std::fs::read_dir(path).map(|entries| {
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| skill_file(path).is_some()).collect::<Vec<_>>()
    });
    let mut inside = match inside {
        Ok(inside) => inside,
        Err(error) => return vec![Verdict::unreadable(path, &error.to_string())],
    };
    inside.sort();
    if inside.is_empty() {
        let none = "there is no SKILL.md in it, nor in a directory of it: give a skill's directory, or its SKILL.md";
        return vec![Verdict::unreadable(path, none)];
    }
    inside.iter().map(|path| verdict(path)).collect()
}

fn verdict(path: &Path) -> Verdict {
    let file = skill_file(path).unwrap_or_else(|| path.to_owned());
    let bytes = match read_skill_file(&file) {
        Ok(bytes) => bytes,
        Err(error) => return Verdict::unreadable(path, &format!("it cannot be read: {error}")),
    };
    let absolute = std::path::absolute(&file).unwrap_or_else(|_| file.clone());
    let directory = absolute.parent().and_then(Path::file_name);
    let directory = directory.map(|name| name.to_string_lossy().into_owned());
    let found = skill::validate(&bytes, directory.as_deref());
    let mut warnings: Vec<String> = found.warnings.iter().map(ToString::to_string).collect();
    if file.file_name().is_some_and(|name| name != skill::SKILL_MD) && path.is_dir() {
        warnings.push(format!(
            "its file is {}: some agents load only {}, rename it",
            file.file_name().unwrap_or_default().to_string_lossy(),
            skill::SKILL_MD
        ));
    }
    Verdict {
        path: path.to_owned(),
        valid: found.is_valid(),
        problems: found.problems.iter().map(ToString::to_string).collect(),
        warnings,
    }
}
