//! `skill search`.

use lore_agent::select::{Index, Offer, SkillText};
use serde_json::{Value, json};

use super::Context;
use super::args::SearchArgs;
use crate::error::CliError;
use crate::host;
use crate::output;

/// Most skills that one search prints.
const MOST: usize = 100;

pub(super) fn search(context: &Context, args: &SearchArgs) -> Result<(), CliError> {
    if args.query.trim().is_empty() {
        return Err(CliError::usage("the query is empty").help("say what the task is, in words"));
    }
    if !(1..=MOST).contains(&args.limit) {
        return Err(CliError::usage(format!("--limit takes 1 to {MOST}")));
    }
    let offer = Offer { skills: args.limit, tokens: args.tokens };
    let found = match &args.skills {
        Some(dir) => {
            let scan =
                SkillText::scan_dir(dir).map_err(|error| CliError::failed("unreadable", error))?;
            for passed in &scan.passed_over {
                eprintln!("passed over: {}: {}", passed.path.display(), passed.reason);
            }
            host::found(&Index::new(scan.skills), &args.query, offer)
        }
        None => context.ask(
            "skill.search",
            json!({
                "federation": args.federation,
                "query": args.query,
                "skills": offer.skills,
                "tokens": offer.tokens,
            }),
        )?,
    };
    output::result(&found, context.json, text)
}

fn text(found: &Value) -> String {
    let skills = found["skills"].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines = String::new();
    for skill in skills {
        let word = |key: &str| skill[key].as_str().unwrap_or_default();
        let cut = if skill["whole"] == json!(true) { "" } else { ", by its description only" };
        lines.push_str(&format!(
            "{}  (score {:.2}, {} tokens{cut})\n    {}\n",
            word("name"),
            skill["score"].as_f64().unwrap_or_default(),
            skill["tokens"],
            word("description"),
        ));
    }
    if skills.is_empty() {
        lines.push_str("no skill fits\n");
    }
    lines.push_str(&format!(
        "{} of {} skills, {} tokens where all of them are {}",
        skills.len(),
        found["searched"],
        found["tokens"],
        found["tokens_of_all"]
    ));
    lines
}
