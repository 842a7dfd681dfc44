//! `skill search`.

use lore_agent::select::{Index, Offer, SkillText};
use lore_control::{Found, SkillSearch};

use super::Context;
use super::args::SearchArgs;
use crate::error::CliError;
use crate::host;
use crate::output;

/// Most skills that one search prints.
const MOST: usize = 100;

pub(super) fn search(context: &Context, args: SearchArgs) -> Result<(), CliError> {
    if args.query.trim().is_empty() {
        return Err(CliError::usage("the query is empty").help("describe the task in words"));
    }
    if !(1..=MOST).contains(&args.limit) {
        return Err(CliError::usage(format!(
            "--limit {} is outside the range 1 to {MOST}",
            args.limit
        )));
    }
    let offer = Offer { skills: args.limit, tokens: args.tokens };
    let found = match &args.skills {
        Some(dir) => {
            let scan =
                SkillText::scan_dir(dir).map_err(|error| CliError::failed("unreadable", error))?;
            scan.passed_over_words().into_iter().for_each(output::note);
            host::found(&Index::new(scan.skills), &args.query, offer)
        }
        None => context.ask(SkillSearch {
            federation: args.federation,
            query: args.query,
            skills: offer.skills,
            tokens: offer.tokens,
        })?,
    };
    output::result(&found, context.json, text)
}

fn text(found: &Found) -> String {
    let mut lines = String::new();
    for skill in &found.skills {
        let cut = if skill.whole { "" } else { ", by its description only" };
        lines.push_str(&format!(
            "{}  (score {:.2}, {} tokens{cut})\n    {}\n",
            skill.name, skill.score, skill.tokens, skill.description,
        ));
    }
    if found.skills.is_empty() {
        lines.push_str("no skill fits\n");
    }
    lines.push_str(&format!(
        "{} of {} skills, {} tokens where all of them are {}",
        found.skills.len(),
        found.searched,
        found.tokens,
        found.tokens_of_all
    ));
    lines
}
