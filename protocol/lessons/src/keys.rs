//! Lessons of the public grammar that a session's findings come to.

use std::collections::BTreeSet;

use lore_protocol::lesson::{Action, ErrorClass, Lesson, Op, Token, Trigger};

use crate::findings::{Findings, Pitfall};
use crate::mask;
use crate::practice::Practice;
use crate::remedy::Remedy;
use crate::situation::Situation;

/// All keys of a session: one for each pitfall, and the practices. Without duplicates.
#[must_use]
pub fn keys(findings: &Findings) -> BTreeSet<Lesson> {
    let pitfalls = findings.pitfalls.iter().filter_map(contributed);
    pitfalls.chain(findings.practices.iter().filter_map(of_practice)).collect()
}

/// The one key that a pitfall gives to a release, since keys share a unit's weight: the fine one where the remedy
/// is about the word that failed, else the coarse one. A program that is not public has no coarse key. None for a
/// remedy that is no advice.
fn contributed(pitfall: &Pitfall) -> Option<Lesson> {
    let situation = &pitfall.situation;
    let about_the_word = situation.word.is_some()
        && matches!(
            pitfall.remedy,
            Remedy::UseProgram(_)
                | Remedy::AddFlag(_)
                | Remedy::DropFlag(_)
                | Remedy::Replace { .. }
                | Remedy::Install(_)
        );
    let fine = about_the_word || !situation.public;
    if fine && situation.point().is_none() {
        return None;
    }
    key_of(situation, &pitfall.remedy, fine)
}

/// Both keys of a pitfall, by which it supports a public candidate: the coarse one when its program is public, and
/// the fine one when the failure states something.
#[must_use]
pub fn forms_of(pitfall: &Pitfall) -> Vec<Lesson> {
    let situation = &pitfall.situation;
    let coarse = situation.public.then(|| key_of(situation, &pitfall.remedy, false)).flatten();
    let fine = situation.point().and_then(|_| key_of(situation, &pitfall.remedy, true));
    coarse.into_iter().chain(fine).collect()
}

/// One key: of a situation with its point, or without.
#[must_use]
pub fn key_of(situation: &Situation, remedy: &Remedy, fine: bool) -> Option<Lesson> {
    let token = |text: &str| Token::new(text).ok();
    let action = match remedy {
        Remedy::UseProgram(path) => Action::UseTool(token(path)?),
        Remedy::AddFlag(flag) => Action::AddFlag(token(flag)?),
        Remedy::DropFlag(flag) => Action::DropFlag(token(flag)?),
        Remedy::Replace { old, new } => Action::UseArgument { old: token(old)?, new: token(new)? },
        Remedy::RunFirst(command) => Action::RunFirst(token(command)?),
        Remedy::InDirectory(class) => Action::InDirectory(token(class)?),
        Remedy::WithOption(option) => Action::WithOption(token(option)?),
        Remedy::SetVariable(name) => Action::SetEnv(token(name)?),
        Remedy::Install(package) => Action::Install(token(package)?),
        Remedy::Retry => Action::Retry(token(&situation.class.to_string())?),
        Remedy::ReadFirst | Remedy::OtherArguments => return None,
    };
    let subject = if fine { situation.point().and_then(token) } else { None };
    let trigger = Trigger { tool: token(&situation.program)?, error: situation.class, subject };
    Lesson::new(None, Op::Fix, trigger, action).ok()
}

/// A practice as a lesson; none when it is too long.
pub(crate) fn of_practice(practice: &Practice) -> Option<Lesson> {
    if practice.command.len() > mask::MAX_MESSAGE_BYTES {
        return None;
    }
    let trigger = Trigger {
        tool: Token::new(practice.program.clone()).ok()?,
        error: ErrorClass::None,
        subject: Token::new(practice.purpose).ok(),
    };
    let command = Token::new(practice.command.clone()).ok()?;
    Lesson::new(None, Op::Prefer, trigger, Action::Example(command)).ok()
}
