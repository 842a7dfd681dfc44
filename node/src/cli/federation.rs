//! `federation`.

use lore_protocol::charter::CostKind;
use serde_json::{Value, json};

use super::args::{FederationVerb, JoinArgs};
use super::ask::{agree, decimal};
use super::{Context, refold, show::short};
use crate::error::CliError;
use crate::output;

pub(super) fn federation(context: &Context, verb: FederationVerb) -> Result<(), CliError> {
    match verb {
        FederationVerb::Create(args) => {
            let kinds: Vec<CostKind> = args.costs.iter().map(|kind| kind.0).collect();
            let costs = args
                .costs_at
                .map(|at| json!({ "at": at, "bound": args.costs_bound, "kinds": kinds }));
            let terms = json!({
                "name": args.name,
                "epsilon_micros": decimal("epsilon", &args.epsilon, 6)?,
                "epoch_hours": args.epoch_hours,
                "epochs_per_period": args.epochs_per_period,
                "lessons_at": args.lessons_at,
                "outcomes_at": args.outcomes_at,
                "votes_at": args.votes_at,
                "units": args.units,
                "costs": costs,
            });
            let made = context.ask("federation.create", terms)?;
            output::result(&made, context.json, |made| {
                format!(
                    "founded {} ({})\nrecovery secret, shown once; keep it offline:\n  {}\n\
                     next: lore federation invite",
                    text(made, "name"),
                    short(&made["federation"]),
                    text(made, "recovery_secret")
                )
            })
        }
        FederationVerb::Invite(args) => {
            let wanted = json!({
                "federation": args.federation, "uses": args.uses, "epochs": args.epochs,
            });
            let made = context.ask("federation.invite", wanted)?;
            output::result(&made, context.json, |made| text(made, "invitation").to_owned())
        }
        FederationVerb::Join(args) => join(context, &args),
        FederationVerb::Show(args) => {
            let shown = context.ask("federation.show", json!({ "federation": args.federation }))?;
            output::result(&shown, context.json, |shown| {
                let members = shown["members"].as_array().map_or(0, Vec::len);
                let list = shown["members"].as_array().into_iter().flatten();
                let keys: String =
                    list.map(|member| format!("  {}\n", short(&member["member"]))).collect();
                format!("{}\n{members} members:\n{keys}", words(shown))
            })
        }
        FederationVerb::Checkpoint(args) => {
            let made =
                context.ask("federation.checkpoint", json!({ "federation": args.federation }))?;
            output::result(&made, context.json, |made| {
                format!("epoch {} is sealed, with {} members", made["epoch"], made["members"])
            })
        }
        FederationVerb::ExportLog(args) => {
            let directory = std::path::absolute(&args.dir)
                .map_err(|error| CliError::usage(format!("{}: {error}", args.dir.display())))?;
            let wanted = json!({ "federation": args.federation, "directory": directory });
            let made = context.ask("federation.export_log", wanted)?;
            output::result(&made, context.json, |made| {
                format!("{} deltas in {}", made["deltas"], directory.display())
            })
        }
        FederationVerb::Refold(args) => refold::refold(context, &args),
    }
}

fn join(context: &Context, args: &JoinArgs) -> Result<(), CliError> {
    // A damaged line is noticed before anybody is called.
    lore_protocol::invitation::Invitation::from_line(&args.invitation)
        .map_err(|error| CliError::usage(error).kind("invitation"))?;
    if !args.yes {
        let preview = json!({ "invitation": args.invitation, "preview": true });
        let charter = context.ask_running("federation.join", preview)?;
        eprintln!("{}", words(&charter));
        agree("Join on these terms?")?;
    }
    let joined =
        context.ask_running("federation.join", json!({ "invitation": args.invitation }))?;
    output::result(&joined, context.json, |joined| {
        let recovery = joined["recovery_secret"].as_str().map_or_else(String::new, |secret| {
            format!("recovery secret, shown once; keep it offline:\n  {secret}\n")
        });
        format!(
            "admitted to {}\n{recovery}the next checkpoint puts this node on the roster",
            short(&joined["federation"])
        )
    })
}

fn words(value: &Value) -> String {
    let lines = value["in_words"].as_array().into_iter().flatten();
    lines.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
