//! Scans directories of skills: one line a skill, its name and the kinds of its findings, separated by a tab.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use lore_engine::shelf::Examined;

fn main() -> ExitCode {
    for directory in std::env::args().skip(1) {
        if let Err(error) = scan(Path::new(&directory)) {
            eprintln!("{directory}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn scan(directory: &Path) -> std::io::Result<()> {
    let mut skills = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        skills.push(entry?.path());
    }
    skills.sort();
    for skill in skills {
        let text = std::fs::read_to_string(skill.join("SKILL.md"))?;
        let found = Examined::of_text(&text).findings;
        let kinds: BTreeSet<&str> = found.iter().map(|finding| finding.kind.name()).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        let name = skill.file_name().unwrap_or_default().to_string_lossy();
        println!("{name}\t{}", kinds.join(","));
    }
    Ok(())
}
