//! `privacy`.

use serde_json::{Value, json};

use super::args::{PrivacyVerb, SetArgs};
use super::ask::{agree, decimal};
use super::{Context, show};
use crate::error::CliError;
use crate::output;

pub(super) fn privacy(context: &Context, verb: PrivacyVerb) -> Result<(), CliError> {
    match verb {
        PrivacyVerb::Status => {
            let status = context.ask("privacy.status", json!({}))?;
            output::result(&status, context.json, |status| {
                format!("{}\nunit: user; {} users here", show::budget(status), status["users"])
            })
        }
        PrivacyVerb::Set(args) => set(context, &args),
        PrivacyVerb::Explain => {
            let explained = context.ask("privacy.explain", json!({}))?;
            output::result(&explained, context.json, explain_text)
        }
        PrivacyVerb::Table => super::privacy_table::table(context),
        PrivacyVerb::Audit(args) => super::privacy_audit::audit(context, &args),
    }
}

fn set(context: &Context, args: &SetArgs) -> Result<(), CliError> {
    let days = args.period.strip_suffix('d').unwrap_or(&args.period);
    let period_days: u32 = days.parse().map_err(|_| {
        CliError::usage(format!(
            "the period `{}` is not a number of days, such as 90d",
            args.period
        ))
    })?;
    let wanted = json!({
        "epsilon_micros": decimal("epsilon", &args.epsilon, 6)?,
        "delta_e18": decimal("delta", &args.delta, 18)?,
        "period_days": period_days,
    });
    if !args.yes {
        let preview = context.ask("privacy.preview", wanted.clone())?;
        eprintln!("This budget buys, per user and {period_days} days:\n{}", buys(&preview["buys"]));
        agree("Set it?")?;
    }
    let status = context.ask("privacy.set", wanted)?;
    output::result(&status, context.json, show::budget)
}

fn buys(value: &Value) -> String {
    let lines = value.as_array().into_iter().flatten().map(|one| {
        let kind = one["kind"].as_str().unwrap_or_default();
        let needs = one["supporters_needed"].as_u64().map_or_else(String::new, |needed| {
            format!("; a lesson needs {needed} users for a 95 % chance")
        });
        let error = one["rate_standard_error"].as_f64().map_or_else(String::new, |error| {
            format!("; standard error {error:.3} for 20 nodes of 30 sessions")
        });
        format!(
            "  {kind}: {} releases, sigma {:.2}{needs}{error}\n",
            one["releases"],
            one["sigma"].as_f64().unwrap_or_default()
        )
    });
    lines.collect()
}

fn explain_text(value: &Value) -> String {
    let mut text = format!("{}\n", show::budget(&value["status"]));
    text.push_str(&format!("\nThe budget buys:\n{}", buys(&value["buys"])));
    text.push_str("\nReleases so far:\n");
    for release in value["releases"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "  {} in period {}: {}\n    {}\n",
            release["kind"].as_str().unwrap_or_default(),
            release["period"],
            release["state"].as_str().unwrap_or_default(),
            release["formula"].as_str().unwrap_or_default()
        ));
    }
    text.push_str("\nNot covered:\n");
    for line in value["not_covered"].as_array().into_iter().flatten() {
        text.push_str(&format!("  - {}\n", line.as_str().unwrap_or_default()));
    }
    text
}
