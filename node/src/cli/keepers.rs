//! `federation signers`, `heal` and `recover`: what keeps a federation alive when a key or a signer is lost.

use std::io::Read as _;
use std::path::Path;

use lore_control::{
    Checkpoint, FederationHeal, FederationRecover, FederationSigners, FederationSigning, MemberId,
};

use super::Context;
use super::ask::agree;
use super::federation_args::{HealArgs, RecoverArgs, SignersArgs};
use crate::error::CliError;
use crate::output;
use crate::regular;

/// Longest file of a recovery secret, in bytes: 64 digits and some white space.
const MAX_SECRET_BYTES: u64 = 256;

pub(super) fn signers(context: &Context, args: SignersArgs) -> Result<(), CliError> {
    let SignersArgs { federation, add, remove } = args;
    let signing = context.ask(FederationSigners { federation, add, remove })?;
    output::result(&signing, context.json, in_words)
}

fn in_words(signing: &FederationSigning) -> String {
    let list =
        |members: &[MemberId]| members.iter().map(MemberId::short).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!("signers: {}", list(&signing.signers)),
        format!(
            "{} of {} have to agree; {} may be lost without stopping the federation",
            signing.needed,
            signing.signers.len(),
            signing.may_be_lost
        ),
    ];
    for word in signing.words.iter().filter(|word| word.signers != signing.signers) {
        lines.push(format!("{} says: {}", word.by.short(), list(&word.signers)));
    }
    let agreeing = |word: &[MemberId]| {
        signing.words.iter().filter(|other| other.signers == word).count() as u64
    };
    let open = signing.words.iter().find(|word| word.signers != signing.signers);
    if let Some(word) = open {
        let (agree, needed) = (agreeing(&word.signers), signing.needed);
        lines.push(if agree >= needed {
            "the next checkpoint changes the signers".to_owned()
        } else {
            format!(
                "{agree} of the {needed} signers that are needed say so: the others run \
                 `lore federation signers` with the same changes"
            )
        });
    }
    lines.join("\n")
}

/// What became of the end of an epoch.
pub(super) fn sealed(made: &Checkpoint) -> String {
    if made.sealed {
        return format!("epoch {} is sealed, with {} members", made.epoch, made.members);
    }
    format!(
        "the end of epoch {} is proposed: {} of the {} signers that are needed agree; the others' nodes \
         agree by themselves once they hear of it",
        made.epoch, made.agreed, made.needed
    )
}

pub(super) fn heal(context: &Context, args: HealArgs) -> Result<(), CliError> {
    if !args.yes {
        output::note(
            "Two checkpoints of one epoch are final: more signers than may fail have signed both, or a home was \
             copied or rolled back. Healing lets everybody go on; what members published on both \
             sides stays. Find out first whose key did it, and replace that signer.",
        );
        agree("Heal?")?;
    }
    let made = context.ask(FederationHeal { federation: args.federation })?;
    output::result(&made, context.json, sealed)
}

pub(super) fn recover(context: &Context, args: RecoverArgs) -> Result<(), CliError> {
    let invitation = lore_protocol::invitation::Invitation::from_line(&args.invitation)
        .map_err(|error| CliError::usage(error).kind("invitation"))?;
    let secret = read_secret(&args.secret_file)?;
    if !args.yes {
        output::note(format!(
            "This home takes the member's place in federation {}. Every other home with the member's old key \
             is out of it at once, and what it published and no checkpoint covers is void. The node that the line \
             leads to says how far the member's chain goes: use the line of a member that you trust.",
            invitation.federation.short()
        ));
        agree("Recover?")?;
    }
    let done = context.ask_running(FederationRecover { invitation: args.invitation, secret })?;
    output::result(&done, context.json, |done| {
        format!(
            "this node is member {} of {} now; it signs once it has synced with other members",
            done.member.short(),
            done.federation.short()
        )
    })
}

fn read_secret(file: &Path) -> Result<String, CliError> {
    let failed = |error: std::io::Error| {
        CliError::usage(format!("--secret-file {}: {error}", file.display()))
            .help("give a file with the 64 digits that were shown when the member joined")
    };
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(MAX_SECRET_BYTES).read_to_string(&mut text).map_err(failed)?;
    } else {
        let opened = regular::open(file).map_err(failed)?;
        opened.take(MAX_SECRET_BYTES).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text.trim().to_owned())
}
