//! `lesson`: what a person publishes by hand, with their consent in this very process and after a delay.

use std::io::Read as _;

use lore_control::{
    Circle, Evidence, ExplainedLesson, Hinted, KnownLesson, KnownLessons, LessonHint, LessonList,
    LessonPending, LessonState, LessonSuggest, LessonUndo, LessonWhy, OwnTrials, PendingLesson,
    PendingLessons, Reported, Suggestions,
};
use lore_privacy::CodeHash;
use lore_protocol::lesson::{Word, topic_words};
use serde::Serialize;

use super::Context;
use super::args::{HintArgs, LessonListArgs, LessonVerb, ShareArgs, UserArgs};
use super::device::short;
use super::session::user_of;
use crate::agent::plain;
use crate::error::CliError;
use crate::host::{CONSENT_FILE, Handwritten, Node};
use crate::output;
use crate::random::random_bytes;

pub(super) fn lesson(context: &Context, verb: LessonVerb) -> Result<(), CliError> {
    match verb {
        LessonVerb::List(args) => list(context, args),
        LessonVerb::Why { id, user } => why(context, user, id),
        LessonVerb::Notes { forget, user } => super::notes::notes(context, forget, &user_of(user)),
        LessonVerb::Suggest { limit, user } => {
            let shown = context.ask(LessonSuggest { user: user_of(user), limit })?;
            output::result(&shown, context.json, suggestions_text)
        }
        LessonVerb::Hint(args) => hint(context, args),
        LessonVerb::Share(args) => share(context, args),
        LessonVerb::Pending => pending(context),
        LessonVerb::Undo { id } => undo(context, id),
        LessonVerb::Code => code(context),
        LessonVerb::Words { beginning } => words(context, &beginning),
        LessonVerb::Preview(args) => super::gate::lessons(context, args.limit),
    }
}

/// Shows where a lesson is known from.
pub(super) fn why(context: &Context, user: UserArgs, id: String) -> Result<(), CliError> {
    let shown = context.ask(LessonWhy { user: user_of(user), id })?;
    output::result(&shown, context.json, why_text)
}

fn list(context: &Context, args: LessonListArgs) -> Result<(), CliError> {
    let LessonListArgs { program, circle, drifting, limit, user } = args;
    let circle = circle.map(|name| match name.as_str() {
        "own" => Circle::Own,
        "devices" => Circle::Devices,
        "node" => Circle::Node,
        "federation" => Circle::Federation,
        _ => Circle::Codebook,
    });
    let shown =
        context.ask(LessonList { user: user_of(user), circle, program, drifting, limit })?;
    output::result(&shown, context.json, |shown| {
        if drifting && shown.lessons.is_empty() {
            return "no lesson that is known here stopped working".into();
        }
        list_text(shown)
    })
}

fn list_text(shown: &KnownLessons) -> String {
    if shown.lessons.is_empty() {
        return format!(
            "no lesson is known yet; {} calls of your sessions failed\n\
             Lessons come of repairs in your sessions: see `lore session import`.",
            shown.failures
        );
    }
    let mut out = String::new();
    let mut circle = None;
    for one in &shown.lessons {
        if circle != Some(one.circle) {
            circle = Some(one.circle);
            let total = shown.totals.iter().find(|total| total.circle == one.circle);
            let total = total.map_or(0, |total| total.lessons);
            out.push_str(&format!("{} ({total}):\n", heading(one.circle)));
        }
        out.push_str(&format!("  {}  {}\n{}", one.id.short(), one.text, counts(one)));
    }
    let listed = shown.lessons.len() as u64;
    let total: u64 = shown.totals.iter().map(|total| total.lessons).sum();
    if listed < total {
        out.push_str(&format!("{} more: --limit {total}\n", total - listed));
    }
    out.push_str("lore lesson why ID says where one is known from");
    out
}

const fn heading(circle: Circle) -> &'static str {
    match circle {
        Circle::Own => {
            "Your own, from your sessions; in this form they go to no one but your own devices"
        }
        Circle::Devices => "Your own, from your sessions on other devices",
        Circle::Node => "Released by this node",
        Circle::Federation => "From your federations",
        Circle::Codebook => "From the documentation of tools",
    }
}

fn counts(one: &KnownLesson) -> String {
    let state = match one.state {
        LessonState::Steady => String::new(),
        LessonState::Drifting { since_epoch } => {
            format!("            ! stopped working around epoch {since_epoch}; not hinted\n")
        }
        LessonState::Dormant { since_epoch } => {
            format!("            not met in the federation since epoch {since_epoch}\n")
        }
    };
    seen(one) + &state
}

fn seen(one: &KnownLesson) -> String {
    match one.circle {
        Circle::Own | Circle::Devices => {
            let failed = match one.failed {
                0 => String::new(),
                times => format!(", failed again {times} times"),
            };
            format!(
                "            worked {} times in {} sessions{failed}, last {}\n",
                one.worked,
                one.supporters,
                one.last.as_deref().unwrap_or("never")
            )
        }
        Circle::Node | Circle::Federation => {
            format!("            known to about {} people\n", one.supporters)
        }
        Circle::Codebook => String::new(),
    }
}

fn why_text(shown: &ExplainedLesson) -> String {
    let mut out = String::new();
    for one in &shown.known {
        out.push_str(&format!(
            "{}:\n  {}  {}\n{}",
            heading(one.circle),
            one.id,
            one.text,
            counts(one)
        ));
    }
    if !shown.rivals.is_empty() {
        out.push_str("Rivals, which answer the same failure in another way:\n");
    }
    for one in &shown.rivals {
        out.push_str(&format!("  {}  {}\n{}", one.id.short(), one.text, counts(one)));
    }
    for one in &shown.sessions {
        out.push_str(&format!("  {}  {}", one.started, one.session));
        if let Some(example) = &one.example {
            out.push_str(&format!("  then: {}", plain(example)));
        }
        out.push('\n');
    }
    for one in &shown.devices {
        out.push_str(&format!(
            "  on {} ({}): worked {} times, failed again {} times\n",
            one.device,
            short(&one.id),
            one.worked,
            one.failed
        ));
    }
    let Reported { helped, not_helped } = shown.reports;
    if helped + not_helped > 0 {
        out.push_str(&format!(
            "Your agents say: helped {helped} times, did not {not_helped} times\n"
        ));
    }
    let OwnTrials { helped, hurt, ignored } = shown.trials;
    if helped + hurt + ignored > 0 {
        out.push_str(&format!(
            "Given to your agents: helped {helped} times, hurt {hurt}, ignored {ignored}\n"
        ));
    }
    if let Some(effect) = &shown.effect {
        let rate = |evidence: &Option<Evidence>| {
            evidence.as_ref().map_or("nothing released yet".to_owned(), |one| {
                format!(
                    "worked {:.0} % ({:.0} to {:.0}) in about {} sessions",
                    one.rate * 100.0,
                    one.low * 100.0,
                    one.high * 100.0,
                    one.sessions
                )
            })
        };
        out.push_str(&format!("Released, where it was given: {}\n", rate(&effect.given)));
        out.push_str(&format!("Released, where it was not: {}\n", rate(&effect.without)));
    }
    out
}

fn suggestions_text(shown: &Suggestions) -> String {
    if shown.lessons.is_empty() {
        return "no lesson of yours is about a public program yet".into();
    }
    let mut out = String::new();
    for one in &shown.lessons {
        out.push_str(&format!(
            "{}  {}\n          worked {} times in {} sessions\n",
            one.id.short(),
            one.text,
            one.worked,
            one.sessions
        ));
        if let Some(masked) = &one.masked {
            out.push_str(&format!("          not published: {}\n", plain(masked)));
        }
        if let Some(pattern) = &one.denied_by {
            out.push_str(&format!("          stays here: the deny-list has `{pattern}`\n"));
        } else if one.known {
            out.push_str("          a federation of yours has it already\n");
        }
    }
    out.push_str("publish one with your name: lore lesson share ID (asks, then waits)");
    out
}

fn hint(context: &Context, args: HintArgs) -> Result<(), CliError> {
    /// Longest output that is read, in bytes.
    const MAX_BYTES: u64 = 1 << 20;
    let HintArgs { command, exit, before, user } = args;
    let mut output = None;
    if !before {
        let mut bytes = Vec::new();
        std::io::stdin().take(MAX_BYTES).read_to_end(&mut bytes).map_err(|error| {
            CliError::failed("input", format!("standard input cannot be read: {error}"))
        })?;
        output = Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    let exit = (!before).then_some(exit);
    let ask = LessonHint {
        user: user_of(user),
        tool: "bash".into(),
        command: Some(command),
        output,
        exit,
        task: String::new(),
    };
    let shown = context.ask(ask)?;
    output::result(&shown, context.json, |shown: &Hinted| match &shown.hint {
        Some(hint) => hint.text.clone(),
        None => "nothing is known about this".into(),
    })
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
    let ShareArgs { command, user, about, federation } = args;
    let by_id = is_id(&command);
    for word in &about {
        if Word::new(word.clone()).is_err() {
            return Err(CliError::usage(format!(
                "--about {word} is not a word of the public vocabulary"
            ))
            .help("`lore lesson words` lists the allowed words, in lower case"));
        }
    }
    let written = (!by_id).then(|| Handwritten::example(&command, about.clone())).transpose()?;
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
    let lesson = match written {
        Some(lesson) => lesson,
        None => Handwritten { lesson: node.own_lesson(&user_of(user), &command)?, words: about },
    };
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

/// Returns true for digits as `lore lesson suggest` shows them: no command is called so.
pub(super) fn is_id(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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

#[cfg(test)]
mod tests {
    use lore_control::{Action, DeviceWitness, Lesson, LessonId, Op, Trigger};
    use lore_protocol::ids;

    use super::*;

    fn known(digit: u8, new: &str, state: LessonState) -> KnownLesson {
        let subject = Some("--old".to_owned());
        let trigger = Trigger { tool: "deploy".into(), error: "unknown_option".into(), subject };
        let action = Action::UseArgument { old: "--old".into(), new: new.into() };
        KnownLesson {
            id: LessonId::of(ids::LessonId([digit; 32])),
            circle: Circle::Federation,
            federation: None,
            lesson: Lesson { skill: None, op: Op::Fix, trigger, action },
            text: format!("use {new}"),
            worked: 9,
            failed: 1,
            supporters: 9,
            last: None,
            example: None,
            state,
        }
    }

    #[test]
    fn a_lesson_that_stopped_working_is_shown_with_its_rival() {
        let known = vec![known(0x11, "--to", LessonState::Drifting { since_epoch: 12 })];
        let rivals = vec![self::known(0x22, "--stage", LessonState::Steady)];
        let shown = ExplainedLesson {
            known,
            rivals,
            sessions: Vec::new(),
            devices: vec![DeviceWitness {
                device: "laptop".into(),
                id: "ab".repeat(32),
                worked: 4,
                failed: 1,
            }],
            reports: Reported::default(),
            trials: OwnTrials { helped: 3, hurt: 1, ignored: 2 },
            effect: None,
        };
        let text = why_text(&shown);
        assert!(text.contains("! stopped working around epoch 12; not hinted"), "{text}");
        let rival = text.split("Rivals, which answer").nth(1).unwrap_or_default();
        assert!(rival.contains("use --stage") && !rival.contains("stopped"), "{text}");
        assert!(text.contains("helped 3 times, hurt 1, ignored 2"), "{text}");
        assert!(
            text.contains("on laptop (abababab): worked 4 times, failed again 1 times"),
            "{text}"
        );
        let json = serde_json::to_value(&shown).unwrap_or_default();
        assert_eq!(json["known"][0]["state"]["drifting"]["since_epoch"], 12);
        assert_eq!(json["rivals"][0]["state"], "steady");
    }
}
