//! `privacy`.

use serde_json::{Value, json};

use super::args::{PrivacyVerb, SetArgs};
use super::ask::{agree, decimal};
use super::{Context, gate, show};
use crate::error::CliError;
use crate::output;

pub(super) fn privacy(context: &Context, verb: PrivacyVerb) -> Result<(), CliError> {
    match verb {
        PrivacyVerb::Status => {
            let status = context.ask("privacy.status", json!({}))?;
            output::result(&status, context.json, status_text)
        }
        PrivacyVerb::Set(args) => set(context, &args),
        PrivacyVerb::Explain => {
            let explained = context.ask("privacy.explain", json!({}))?;
            output::result(&explained, context.json, explain_text)
        }
        PrivacyVerb::Preview => gate::preview(context),
        PrivacyVerb::Gate(verb) => gate::gate(context, verb),
        PrivacyVerb::DenyList(verb) => gate::deny_list(context, verb),
        PrivacyVerb::Ledger(verb) => gate::ledger(context, &verb),
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
        "unit": args.unit,
    });
    if !args.yes {
        let preview = context.ask("privacy.buys", wanted.clone())?;
        let unit = preview["budget"]["unit"].as_str().unwrap_or("user");
        eprintln!(
            "This budget buys, per {unit} and {period_days} days:\n{}",
            buys(&preview["buys"])
        );
        agree("Set it?")?;
    }
    let status = context.ask("privacy.set", wanted)?;
    output::result(&status, context.json, show::budget)
}

fn status_text(status: &Value) -> String {
    let unit = status["unit"].as_str().unwrap_or("chosen with the budget");
    let weaker = if unit == "session" { " (weaker than user)" } else { "" };
    let mut text =
        format!("{}\nunit: {unit}{weaker}; {} users here\n", show::budget(status), status["users"]);
    if let Some(waiting) = status["at_the_gate"].as_u64().filter(|waiting| *waiting > 0) {
        text.push_str(&format!(
            "{waiting} releases wait at the gate: see `lore privacy preview`\n"
        ));
    }
    if let Some(waiting) = status["deny_list_waiting"].as_u64().filter(|waiting| *waiting > 0) {
        text.push_str(&format!(
            "{waiting} changes of the deny-list count from the next window on, not for the open one\n"
        ));
    }
    text.push_str(&problems(status));
    text
}

fn problems(value: &Value) -> String {
    let lines = value["problems"].as_array().into_iter().flatten();
    lines.filter_map(Value::as_str).map(|line| format!("! {line}\n")).collect()
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
    let bought = buys(&value["buys"]);
    if !bought.is_empty() {
        text.push_str(&format!("\nThe budget buys:\n{bought}"));
    }
    let number = |value: &Value, scale: f64| value.as_f64().unwrap_or_default() / scale;
    if let Some(left) = value["status"]["left"].as_object() {
        text.push_str(&format!(
            "\nLeft in this period: rho {}, delta {:e}\n",
            number(&left["rho_nano"], 1e9),
            number(&left["delta_e18"], 1e18)
        ));
    }
    let quote = |quote: &Value| {
        format!(
            "epsilon {:.3}, delta {:e}",
            number(&quote["epsilon"], 1.0),
            number(&quote["delta"], 1.0)
        )
    };
    for period in value["periods"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "Spent from {} to before {}: {}\n",
            output::date(period["start_seconds"].as_u64().unwrap_or_default()),
            output::date(period["end_seconds"].as_u64().unwrap_or_default()),
            quote(&period["spent"])
        ));
    }
    if !value["status"]["lifetime"].is_null() {
        text.push_str(&format!("Spent ever: {}\n", quote(&value["status"]["lifetime"])));
    }
    for next in value["next"].as_array().into_iter().flatten() {
        let after = match next["fits"].as_bool() {
            Some(true) => format!("{} spent after it", quote(&next["spent_after"])),
            _ => "does not fit what is left".into(),
        };
        text.push_str(&format!(
            "One more release of {}: rho {}; {after}\n",
            next["kind"].as_str().unwrap_or_default(),
            number(&next["cost"]["rho_nano"], 1e9)
        ));
    }
    text.push_str(&format!("\nDue:\n{}", gate::due_text(&value["due"])));
    text.push_str(&problems(value));
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
