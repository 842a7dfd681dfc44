//! `lesson`: what a person publishes by hand, with their consent in this very process.

use lore_privacy::Authored;

use super::Context;
use super::args::{LessonVerb, ShareArgs};
use crate::engine::{Engine, Handwritten};
use crate::error::CliError;
use crate::output;

pub(super) fn lesson(context: &Context, verb: LessonVerb) -> Result<(), CliError> {
    match verb {
        LessonVerb::Share(args) => share(context, args),
        LessonVerb::Preview(args) => super::gate::lessons(context, args.limit),
    }
}

fn share(context: &Context, args: ShareArgs) -> Result<(), CliError> {
    let ShareArgs { command, about, federation } = args;
    let lesson = Handwritten { command, words: about };
    let payload = lesson.payload()?;
    if let Some(pid) = context.home.holder() {
        // Consent cannot be handed to another process, so the one that asks must also sign.
        return Err(CliError::refused(
            "running",
            format!("the node is running as process {pid}, and a person's consent cannot be passed on to it"),
        )
        .help("`lore stop`, share, then `lore run --detach`: the lesson goes out when it starts"));
    }
    let _lock = context.home.lock()?;
    let mut engine = Engine::open(context.home.clone())?;
    let federation = engine.which(federation.as_deref())?;
    let consent = Authored::ask(&payload, &lesson.shown()?)?;
    let done = engine.publish_authored(federation, payload, consent)?;
    output::result(&done, context.json, |_| {
        "signed and stored; it goes out when the node runs (`lore run --detach`)".into()
    })
}
