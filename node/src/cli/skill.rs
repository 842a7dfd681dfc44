//! `skill`.

use lore_control::{CostSum, Evidence, Measure, Skill, SkillList, SkillShow, Skills, Standing};
use lore_engine::shelf::escaped;

use super::Context;
use super::args::SkillVerb;
use crate::error::CliError;
use crate::output;

pub(super) fn skill(context: &Context, verb: SkillVerb) -> Result<(), CliError> {
    match verb {
        SkillVerb::List(args) => {
            let list = context.ask(SkillList { federation: args.federation })?;
            output::result(&list, context.json, list_text)
        }
        SkillVerb::Show(args) => {
            let shown = context.ask(SkillShow { name: args.name })?;
            output::result(&shown, context.json, |shown| {
                let costs = shown.costs.iter().map(|cost| format!("\ncost: {}", cost_text(cost)));
                format!(
                    "{}{}{}\nevidence: {}{}",
                    marked(shown.on_shelf),
                    if shown.on_shelf { shown.text.clone() } else { plain(&shown.text) },
                    more_waiting(shown),
                    evidence(shown.evidence.as_ref()),
                    costs.collect::<String>()
                )
            })
        }
        SkillVerb::Search(args) => super::search::search(context, args),
        SkillVerb::Evolve(args) => super::evolve::evolve(context, &args),
        SkillVerb::Validate { paths } => super::validate::validate(context, &paths),
        SkillVerb::Export(args) => super::export::export(context, &args),
    }
}

fn list_text(list: &Skills) -> String {
    if list.skills.is_empty() {
        return "no skills yet".into();
    }
    let lines = list.skills.iter().map(|skill| {
        let evidence = evidence(skill.evidence.as_ref());
        let costs = skill.costs.iter().map(|cost| format!("    {}\n", cost_text(cost)));
        let costs: String = costs.collect();
        let waits = match skill.waiting {
            0 => String::new(),
            waiting if skill.on_shelf => format!("    {waiting} more lessons wait for review\n"),
            _ => "    waits for review: `lore review`\n".to_owned(),
        };
        let about = escaped(&skill.description);
        format!("{}\n    {about}\n    {evidence}\n{waits}{costs}", skill.name)
    });
    lines.collect()
}

/// A line before a text that no agent is given.
const fn marked(on_shelf: bool) -> &'static str {
    if on_shelf {
        ""
    } else {
        "(waits for review or was turned down: no agent is given this text; see `lore review`)\n\n"
    }
}

/// A line about lessons of a skill that agents are not given yet.
fn more_waiting(shown: &Skill) -> String {
    let waits = shown.lessons.iter().filter(|one| one.standing == Standing::Waiting).count();
    match waits {
        0 => String::new(),
        waits => format!("\n{waits} of its lessons wait for review: `lore review`"),
    }
}

/// A text of others as a terminal may show it, line by line.
fn plain(text: &str) -> String {
    text.lines().map(|line| escaped(line) + "\n").collect()
}

fn evidence(evidence: Option<&Evidence>) -> String {
    let Some(evidence) = evidence else {
        return "no outcomes yet".into();
    };
    format!(
        "works in {:.0} % of sessions (95 % interval {:.0} to {:.0} %), from {} members",
        evidence.rate * 100.0,
        evidence.low * 100.0,
        evidence.high * 100.0,
        evidence.members
    )
}

fn cost_text(cost: &CostSum) -> String {
    let measure = match cost.measure {
        Measure::Tokens => "tokens",
        Measure::Seconds => "seconds of tool calls",
        Measure::Calls => "tool calls",
    };
    let unit = match cost.per {
        1 => measure.to_owned(),
        per => format!("x {per} {measure}"),
    };
    format!(
        "{} {unit} over all sessions (standard error {:.0}), of at most {} a session, from {} members",
        cost.sum, cost.standard_error, cost.bound, cost.members
    )
}
