//! `lesson`: what a person publishes by hand, with their consent in this very process.

use lore_control::{DeltaId, FederationId};
use lore_privacy::Authored;
use lore_protocol::lesson::{Word, topic_words};
use serde::Serialize;

use super::Context;
use super::args::{LessonVerb, ShareArgs};
use crate::error::CliError;
use crate::host::{Handwritten, Node};
use crate::output;

pub(super) fn lesson(context: &Context, verb: LessonVerb) -> Result<(), CliError> {
    match verb {
        LessonVerb::Share(args) => share(context, args),
        LessonVerb::Words { beginning } => words(context, &beginning),
        LessonVerb::Preview(args) => super::gate::lessons(context, args.limit),
    }
}

/// The output of `lesson share --json`.
#[derive(Serialize)]
struct Shared {
    delta: DeltaId,
    federation: FederationId,
}

/// The output of `lesson words --json`.
#[derive(Serialize)]
struct Words {
    words: Vec<&'static str>,
}

fn words(context: &Context, beginning: &str) -> Result<(), CliError> {
    let mut words: Vec<&str> = topic_words().filter(|word| word.starts_with(beginning)).collect();
    words.sort_unstable();
    output::result(&Words { words }, context.json, |all| {
        if all.words.is_empty() {
            return format!("no word of the vocabulary begins with `{beginning}`");
        }
        all.words.join("\n")
    })
}

fn share(context: &Context, args: ShareArgs) -> Result<(), CliError> {
    let ShareArgs { command, about, federation } = args;
    for word in &about {
        if Word::new(word.clone()).is_err() {
            return Err(CliError::usage(format!(
                "--about {word} is not a word of the public vocabulary"
            ))
            .help("`lore lesson words` lists the allowed words, in lower case"));
        }
    }
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
    let mut node = Node::open(context.home.clone(), &context.machine)?;
    let federation = node.which(federation.as_deref())?;
    let consent = Authored::ask(&payload, &lesson.shown()?)?;
    let done = Shared {
        delta: DeltaId::of(node.publish_authored(federation, payload, consent)?),
        federation: FederationId::of(federation),
    };
    output::result(&done, context.json, |_| {
        "signed and stored; it goes out when the node runs (`lore run --detach`)".into()
    })
}
