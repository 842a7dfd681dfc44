//! `federation`.

use lore_control::{
    AskingMember, CostKind, CostReleases, FederationCheckpoint, FederationCreate,
    FederationExportLog, FederationInvite, FederationJoin, FederationLeave, FederationPreview,
    FederationRevoke, FederationShow, FederationVouch, Measure, Unit, Windows,
};
use lore_protocol::charter;

use super::ask::agree;
use super::federation_args::{
    CreateArgs, FederationVerb, JoinArgs, LeaveArgs, RevokeArgs, VouchArgs,
};
use super::{Context, keepers, refold};
use crate::error::CliError;
use crate::{decimal, output};

pub(super) fn federation(context: &Context, verb: FederationVerb) -> Result<(), CliError> {
    match verb {
        FederationVerb::Create(args) => {
            let made = context.ask(terms(args)?)?;
            output::result(&made, context.json, |made| {
                format!(
                    "founded {} ({})\nrecovery secret, shown once; keep it offline:\n  {}\n\
                     next: lore federation invite",
                    made.name,
                    made.federation.short(),
                    made.recovery_secret
                )
            })
        }
        FederationVerb::Invite(args) => {
            let made = context.ask(FederationInvite {
                federation: args.federation,
                uses: args.uses,
                epochs: args.epochs,
            })?;
            output::result(&made, context.json, |made| made.invitation.clone())
        }
        FederationVerb::Join(args) => join(context, args),
        FederationVerb::Show(args) => {
            let shown = context.ask(FederationShow { federation: args.federation })?;
            output::result(&shown, context.json, |shown| {
                let keys = shown.members.iter().map(|one| {
                    let signs = if shown.signers.contains(&one.member) { "  signs" } else { "" };
                    format!("  {}{signs}\n", one.member.short())
                });
                let asking = shown.asking.iter().map(|one| format!("  {}\n", waits(one)));
                let asking: String = asking.collect();
                let asking =
                    if asking.is_empty() { asking } else { format!("asking to join:\n{asking}") };
                format!(
                    "{}\n{} members:\n{}{asking}",
                    shown.in_words.join("\n"),
                    shown.members.len(),
                    keys.collect::<String>()
                )
            })
        }
        FederationVerb::Checkpoint(args) => {
            let made = context.ask(FederationCheckpoint { federation: args.federation })?;
            output::result(&made, context.json, keepers::sealed)
        }
        FederationVerb::Signers(args) => keepers::signers(context, args),
        FederationVerb::Heal(args) => keepers::heal(context, args),
        FederationVerb::Recover(args) => keepers::recover(context, args),
        FederationVerb::Leave(args) => leave(context, args),
        FederationVerb::Revoke(args) => revoke(context, args),
        FederationVerb::Vouch(args) => vouch(context, args),
        FederationVerb::ExportLog(args) => {
            let directory = std::path::absolute(&args.dir).map_err(|error| {
                CliError::usage(format!("--dir {}: {error}", args.dir.display()))
            })?;
            let made =
                context.ask(FederationExportLog { federation: args.federation, directory })?;
            output::result(&made, context.json, |made| {
                format!("{} deltas in {}", made.deltas, made.directory.display())
            })
        }
        FederationVerb::Refold(args) => refold::refold(context, &args),
    }
}

fn terms(args: CreateArgs) -> Result<FederationCreate, CliError> {
    let kinds = args.costs.iter().map(|kind| cost_kind(kind.0)).collect();
    let units = args.units.map(|units| {
        // The parser of the command line lets nothing else in.
        units.iter().filter_map(|unit| unit_of(unit)).collect()
    });
    Ok(FederationCreate {
        name: args.name,
        epsilon_micros: decimal::parse("--epsilon", &args.epsilon, 6)?,
        epoch_hours: args.epoch_hours,
        epochs_per_period: args.epochs_per_period,
        lessons_at: args.lessons_at,
        outcomes_at: args.outcomes_at,
        votes_at: args.votes_at,
        topic_words: args.topic_words,
        windows: Windows {
            grid_seconds: args.window_grid_seconds,
            least_seconds: args.window_least_seconds,
            send_after_seconds: args.send_after_seconds,
        },
        units,
        costs: args.costs_at.map(|at| CostReleases { at, bound: args.costs_bound, kinds }),
        without_codebook: args.no_codebook,
        scripts: args.scripts,
        members: args.members,
        vouches: args.vouches,
    })
}

/// A unit by its name on the command line.
pub(super) fn unit_of(name: &str) -> Option<Unit> {
    [Unit::User, Unit::Session, Unit::Personal].into_iter().find(|unit| unit.name() == name)
}

const fn cost_kind(kind: charter::CostKind) -> CostKind {
    let measure = match kind.measure {
        charter::Measure::Tokens => Measure::Tokens,
        charter::Measure::Seconds => Measure::Seconds,
        charter::Measure::Calls => Measure::Calls,
    };
    CostKind { measure, per: kind.per }
}

fn join(context: &Context, args: JoinArgs) -> Result<(), CliError> {
    // A damaged line is noticed before a peer is dialled.
    lore_protocol::invitation::Invitation::from_line(&args.invitation)
        .map_err(|error| CliError::usage(error).kind("invitation"))?;
    if !args.yes {
        let charter =
            context.ask_running(FederationPreview { invitation: args.invitation.clone() })?;
        output::note(charter.in_words.join("\n"));
        agree("Join on these terms?")?;
    }
    let joined = context.ask_running(FederationJoin { invitation: args.invitation })?;
    output::result(&joined, context.json, |joined| {
        let recovery = joined.recovery_secret.as_ref().map_or_else(String::new, |secret| {
            format!("recovery secret, shown once; keep it offline:\n  {secret}\n")
        });
        let next = match joined.vouches {
            0 | 1 => "the next checkpoint puts this node on the roster".to_owned(),
            voices => format!(
                "{voices} voices must vouch for this node, or all but one while there are fewer. The inviter's is one; another member runs\n  \
                 lore federation vouch {} {}",
                joined.federation.short(),
                joined.member.short()
            ),
        };
        format!("admitted to {}\n{recovery}{next}", joined.federation.short())
    })
}

fn leave(context: &Context, args: LeaveArgs) -> Result<(), CliError> {
    let LeaveArgs { federation, reason, yes } = args;
    if !yes {
        output::note(format!(
            "This node's key leaves {federation} for ever: it publishes nothing there from now on and \
             cannot join again. What it published stays."
        ));
        agree("Leave?")?;
    }
    let left = context.ask(FederationLeave { federation, reason })?;
    output::result(&left, context.json, |left| {
        format!(
            "left {}; the checkpoint of epoch {} takes this node off the roster",
            left.federation.short(),
            left.epoch
        )
    })
}

/// Who asks to join, and what is missing, in one line.
fn waits(one: &AskingMember) -> String {
    let name = one.name.escape_debug();
    let vouchers: Vec<String> = one.vouchers.iter().map(|id| id.short().to_string()).collect();
    let next = if one.enough {
        "the next checkpoint admits it"
    } else if one.voices < one.needed {
        "more must vouch"
    } else {
        "the inviter must vouch again"
    };
    format!(
        "{} \"{name}\"  {} of {} voices ({}): {next}",
        one.member.short(),
        one.voices,
        one.needed,
        vouchers.join(", ")
    )
}

fn vouch(context: &Context, args: VouchArgs) -> Result<(), CliError> {
    let VouchArgs { federation, member, epochs, yes } = args;
    if !yes {
        output::note(format!(
            "With enough voices {member} becomes a member of {federation} and reads all that members share. \
             Vouch only for whom you have asked over another way whether this is its id."
        ));
        agree("Vouch?")?;
    }
    let done = context.ask(FederationVouch { federation, member, epochs })?;
    output::result(&done, context.json, |done| waits(&done.asking))
}

fn revoke(context: &Context, args: RevokeArgs) -> Result<(), CliError> {
    let RevokeArgs { federation, member, reason, yes } = args;
    if !yes {
        output::note(format!(
            "Every member of {federation} will read that this node speaks against {member}, and why. \
             It cannot be taken back."
        ));
        agree("Revoke?")?;
    }
    let done = context.ask(FederationRevoke { federation, member, reason })?;
    output::result(&done, context.json, |done| {
        let member = done.member.short();
        if done.voices >= u64::from(done.needed) {
            format!("{member} is revoked by {} voices: the next checkpoint removes it", done.voices)
        } else {
            format!(
                "{member} is revoked by {} of the {} voices that remove it",
                done.voices, done.needed
            )
        }
    })
}
