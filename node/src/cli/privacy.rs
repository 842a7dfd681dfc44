//! `privacy`.

use lore_control::{
    BudgetOffer, DueRelease, Explanation, PrivacyBuys, PrivacyExplain, PrivacySet, PrivacyStatus,
    PrivacyStatusOf, Purchase, Quote, Unit,
};

use super::args::{PrivacyVerb, SetArgs};
use super::ask::agree;
use super::federation::unit_of;
use super::{Context, gate, show};
use crate::error::CliError;
use crate::{decimal, output};

pub(super) fn privacy(context: &Context, verb: PrivacyVerb) -> Result<(), CliError> {
    match verb {
        PrivacyVerb::Status => {
            let status = context.ask(PrivacyStatusOf {})?;
            output::result(&status, context.json, status_text)
        }
        PrivacyVerb::Set(args) => set(context, &args),
        PrivacyVerb::Explain => {
            let explained = context.ask(PrivacyExplain {})?;
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
        CliError::usage(format!("--period {} is not a number of days, such as 90d", args.period))
    })?;
    let unit = args.unit.as_deref().and_then(unit_of);
    let wanted = PrivacySet {
        epsilon_micros: decimal::parse("--epsilon", &args.epsilon, 6)?,
        delta_e18: decimal::parse("--delta", &args.delta, 18)?,
        period_days,
        unit,
    };
    if !args.yes {
        let PrivacySet { epsilon_micros, delta_e18, period_days, unit } = wanted;
        let offer = context.ask(PrivacyBuys { epsilon_micros, delta_e18, period_days, unit })?;
        output::note(offer_text(&offer));
        agree("Set it?")?;
    }
    let status = context.ask(wanted)?;
    output::result(&status, context.json, set_text)
}

fn offer_text(offer: &BudgetOffer) -> String {
    let budget = &offer.budget;
    format!(
        "This budget buys, per {} and {} days:\n{}",
        budget.unit.name(),
        budget.period_days,
        buys(&offer.buys)
    )
}

/// The text that confirms a setting.
fn set_text(status: &PrivacyStatus) -> String {
    let Some(budget) = &status.spending.budget else {
        return show::budget(&status.spending);
    };
    let protected = match budget.unit {
        Unit::User => "each user, with all their sessions of a period",
        Unit::Session => "each session (weaker than each user)",
        Unit::Personal => "the one person behind this node",
    };
    let spent = show::budget(&status.spending);
    let problems = problems(&status.problems);
    let due = next(&status.due);
    format!(
        "set: epsilon {} and delta {} for {protected}\nperiod: {} days; the open one began on {} and ends \
         on {}\nspent: {spent}\n{due}{problems}",
        decimal::micros(budget.epsilon_micros),
        decimal::scaled(budget.delta_conv_e18.saturating_add(budget.delta_thr_e18), 18),
        budget.period_days,
        output::date(status.spending.period_start_seconds),
        output::date(status.spending.period_end_seconds),
    )
}

fn status_text(status: &PrivacyStatus) -> String {
    let unit = status.unit.map_or("chosen with the budget", Unit::name);
    let weaker = if status.unit == Some(Unit::Session) { " (weaker than user)" } else { "" };
    let mut text = format!(
        "{}\nunit: {unit}{weaker}; {} users here\n",
        show::budget(&status.spending),
        status.users
    );
    if status.at_the_gate > 0 {
        text.push_str(&format!(
            "{} releases wait for your approval: see `lore privacy preview`\n",
            status.at_the_gate
        ));
    }
    if status.deny_list_waiting > 0 {
        text.push_str(&format!(
            "{} changes of the deny-list count from the next window on, not for the open one\n",
            status.deny_list_waiting
        ));
    }
    text.push_str(&next(&status.due));
    text.push_str(&problems(&status.problems));
    text
}

/// The next releases and their times.
fn next(due: &[DueRelease]) -> String {
    if due.is_empty() { String::new() } else { format!("next:\n{}", gate::due_text(due)) }
}

fn problems(lines: &[String]) -> String {
    lines.iter().map(|line| format!("! {line}\n")).collect()
}

fn buys(purchases: &[Purchase]) -> String {
    let lines = purchases.iter().map(|one| {
        let needs = one.supporters_needed.map_or_else(String::new, |needed| {
            format!("; a lesson needs {needed} users for a 95 % chance")
        });
        let error = one.rate_standard_error.map_or_else(String::new, |error| {
            format!("; standard error {error:.3} for 20 nodes of 30 sessions")
        });
        format!(
            "  {}: {} releases, sigma {:.2}{needs}{error}\n",
            one.kind.name(),
            one.releases,
            one.sigma
        )
    });
    lines.collect()
}

fn quote(quote: &Quote) -> String {
    // A float is printed without an exponent.
    format!("epsilon {:.3}, delta {}", quote.epsilon, quote.delta)
}

fn rho(nano: u64) -> String {
    decimal::scaled(nano, 9)
}

fn explain_text(explained: &Explanation) -> String {
    let spending = &explained.status;
    let mut text = format!("{}\n", show::budget(spending));
    if !explained.buys.is_empty() {
        text.push_str(&format!("\nThe budget buys:\n{}", buys(&explained.buys)));
    }
    if let Some(left) = &spending.left {
        text.push_str(&format!(
            "\nLeft in this period: rho {}, delta {}\n",
            rho(left.rho_nano),
            decimal::scaled(left.delta_e18, 18)
        ));
    }
    for period in &explained.periods {
        text.push_str(&format!(
            "Spent from {} to before {}: {}\n",
            output::date(period.start_seconds),
            output::date(period.end_seconds),
            quote(&period.spent)
        ));
    }
    if let Some(ever) = &spending.lifetime {
        text.push_str(&format!("Spent ever: {}\n", quote(ever)));
    }
    for next in &explained.next {
        let after = match next.spent_after.as_ref().filter(|_| next.fits) {
            Some(after) => format!("{} spent after it", quote(after)),
            None => "does not fit what is left".into(),
        };
        text.push_str(&format!(
            "One more release of {}: rho {}; {after}\n",
            next.kind.name(),
            rho(next.cost.rho_nano)
        ));
    }
    text.push_str(&format!("\nDue:\n{}", gate::due_text(&explained.due)));
    text.push_str(&problems(&explained.problems));
    text.push_str("\nReleases so far:\n");
    for release in &explained.releases {
        text.push_str(&format!(
            "  {} in period {}: {}\n    {}\n",
            release.kind.name(),
            release.period,
            release.state.name(),
            release.formula
        ));
    }
    text.push_str("\nNot covered:\n");
    for line in &explained.not_covered {
        text.push_str(&format!("  - {line}\n"));
    }
    text
}
