//! `lesson`: what a person publishes by hand, with their consent in this very process and after a delay.

use lore_control::{LessonPending, LessonUndo, PendingLesson, PendingLessons};
use lore_privacy::CodeHash;
use lore_protocol::lesson::{Word, topic_words};
use serde::Serialize;

use super::Context;
use super::args::{LessonVerb, ShareArgs};
use crate::error::CliError;
use crate::host::{CONSENT_FILE, Handwritten, Node, random_bytes};
use crate::output;

pub(super) fn lesson(context: &Context, verb: LessonVerb) -> Result<(), CliError> {
    match verb {
        LessonVerb::Share(args) => share(context, args),
        LessonVerb::Pending => pending(context),
        LessonVerb::Undo { id } => undo(context, id),
        LessonVerb::Code => code(context),
        LessonVerb::Words { beginning } => words(context, &beginning),
        LessonVerb::Preview(args) => super::gate::lessons(context, args.limit),
    }
}

/// Output of `lesson words --json`.
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
    lesson.payload()?;
    if let Some(pid) = context.home.holder() {
        // Consent cannot be handed to another process: no verb of the socket gives it.
        return Err(CliError::refused(
            "running",
            format!("the node is running as process {pid}, and a person's consent cannot be passed on to it"),
        )
        .help("`lore stop`, share, then `lore run --detach`: the lesson is signed when its delay is over"));
    }
    let _lock = context.home.lock()?;
    let node = Node::open(context.home.clone(), &context.machine)?;
    let pending = node.share_later(node.which(federation.as_deref())?, &lesson)?;
    output::result(&pending, context.json, |one| {
        format!(
            "not signed yet: a running node signs and sends it in {} s\n\
             withdraw it until then: lore lesson undo {}",
            one.seconds_left,
            one.id.short()
        )
    })
}

fn pending(context: &Context) -> Result<(), CliError> {
    let shown = context.ask(LessonPending {})?;
    output::result(&shown, context.json, pending_text)
}

/// Keeping something back needs no person: it may be done by anything that reaches the node.
fn undo(context: &Context, id: String) -> Result<(), CliError> {
    let shown = context.ask(LessonUndo { id })?;
    output::result(&shown, context.json, |rest| {
        format!("withdrawn; nothing of it left this node\n{}", pending_text(rest))
    })
}

fn pending_text(shown: &PendingLessons) -> String {
    if shown.lessons.is_empty() {
        return "no lesson waits to be signed".into();
    }
    shown.lessons.iter().map(one_pending).collect()
}

/// One waiting lesson, with how to withdraw it.
pub(super) fn one_pending(one: &PendingLesson) -> String {
    let when = if one.seconds_left == 0 {
        "when the node runs".into()
    } else {
        format!("in {} s", one.seconds_left)
    };
    format!(
        "{} is signed {when} for `{}`; to withdraw it: lore lesson undo {0}\n{}",
        one.id.short(),
        one.name.as_deref().unwrap_or_default(),
        one.text
    )
}

/// Output of `lesson code --json`.
#[derive(Serialize)]
struct Code {
    code: String,
    line: String,
    file: &'static str,
}

fn code(context: &Context) -> Result<(), CliError> {
    let digits: String =
        random_bytes()?.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    let groups: Vec<&str> = (0..digits.len()).step_by(4).map(|at| &digits[at..at + 4]).collect();
    let code = groups.join("-");
    let made = Code { line: CodeHash::of(&code).to_string(), code, file: CONSENT_FILE };
    output::result(&made, context.json, |made| {
        format!(
            "consent code, shown once; keep it where no program of your account reads it:\n  {}\n\
             as another account than the node's (root, say), write this line into {} with mode 0644:\n  {}\n\
             from then on `lore lesson share` asks for the code on this machine",
            made.code, made.file, made.line
        )
    })
}
