//! `skill`.

use std::path::Path;

use lore_protocol::skill;
use serde_json::{Value, json};

use super::Context;
use super::args::SkillVerb;
use crate::error::CliError;
use crate::output;

pub(super) fn skill(context: &Context, verb: SkillVerb) -> Result<(), CliError> {
    match verb {
        SkillVerb::List(args) => {
            let list = context.ask("skill.list", json!({ "federation": args.federation }))?;
            output::result(&list, context.json, |list| {
                let skills = list["skills"].as_array().into_iter().flatten();
                let lines: String = skills
                    .map(|skill| {
                        let name = skill["name"].as_str().unwrap_or_default();
                        let about = skill["description"].as_str().unwrap_or_default();
                        format!("{name}\n    {about}\n    {}\n", evidence(&skill["evidence"]))
                    })
                    .collect();
                if lines.is_empty() { "no skills yet".into() } else { lines }
            })
        }
        SkillVerb::Show(args) => {
            let shown = context.ask("skill.show", json!({ "name": args.name }))?;
            output::result(&shown, context.json, |shown| {
                let text = shown["text"].as_str().unwrap_or_default();
                format!("{text}\nevidence: {}", evidence(&shown["evidence"]))
            })
        }
        SkillVerb::Search(args) => super::search::search(context, &args),
        SkillVerb::Evolve(args) => super::evolve::evolve(context, &args),
        SkillVerb::Validate { paths } => validate(context, &paths),
        SkillVerb::Export(args) => {
            let directory = std::path::absolute(&args.dir)
                .map_err(|error| CliError::usage(format!("{}: {error}", args.dir.display())))?;
            let wanted = json!({ "federation": args.federation, "directory": directory });
            let done = context.ask("skill.export", wanted)?;
            output::result(&done, context.json, |done| {
                let count = |key: &str| done[key].as_array().map_or(0, Vec::len);
                format!(
                    "{} written, {} unchanged, {} removed, {} kept because they were edited here, \
                     in {}",
                    count("exported"),
                    count("unchanged"),
                    count("removed"),
                    count("kept"),
                    directory.display()
                )
            })
        }
    }
}

fn evidence(value: &Value) -> String {
    let Some(rate) = value["rate"].as_f64() else {
        return "no outcomes yet".into();
    };
    format!(
        "works in {:.0} % of sessions (95 % interval {:.0} to {:.0} %), from {} members",
        rate * 100.0,
        value["low"].as_f64().unwrap_or(0.0) * 100.0,
        value["high"].as_f64().unwrap_or(1.0) * 100.0,
        value["members"]
    )
}

fn validate(context: &Context, paths: &[std::path::PathBuf]) -> Result<(), CliError> {
    let mut results = Vec::new();
    let mut invalid = 0_usize;
    for path in paths {
        let (file, directory) = skill_file(path);
        let bytes = std::fs::read(&file).map_err(|error| {
            CliError::failed("unreadable", format!("cannot read {}: {error}", file.display()))
                .help("give a skill directory, or its SKILL.md")
        })?;
        let verdict = skill::validate(&bytes, directory.as_deref());
        invalid += usize::from(!verdict.is_valid());
        results.push(json!({
            "path": path,
            "valid": verdict.is_valid(),
            "problems": verdict.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "warnings": verdict.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    }
    let value = json!({ "skills": results, "invalid": invalid });
    output::result(&value, context.json, |value| {
        let lines = value["skills"].as_array().into_iter().flatten().map(|one| {
            let list = |key: &str| {
                let items = one[key].as_array().into_iter().flatten();
                items.filter_map(Value::as_str).map(|s| format!("    {s}\n")).collect::<String>()
            };
            let word = if one["valid"] == json!(true) { "valid" } else { "invalid" };
            let path = one["path"].as_str().unwrap_or_default();
            format!("{word}  {path}\n{}{}", list("problems"), list("warnings"))
        });
        lines.collect()
    })?;
    if invalid > 0 {
        return Err(CliError::failed(
            "invalid_skill",
            format!("{invalid} of {} are invalid", paths.len()),
        ));
    }
    Ok(())
}

/// The `SKILL.md`, and the name of the directory it is in.
fn skill_file(path: &Path) -> (std::path::PathBuf, Option<String>) {
    let file = if path.is_dir() { path.join("SKILL.md") } else { path.to_owned() };
    let absolute = std::path::absolute(&file).unwrap_or_else(|_| file.clone());
    let directory = absolute.parent().and_then(Path::file_name);
    (file, directory.map(|name| name.to_string_lossy().into_owned()))
}
