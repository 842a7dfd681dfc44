//! What made the difference when the very same words worked: an option, a place, a step in between, a pause.

use lore_protocol::lesson::ErrorClass;

use crate::answer::{INSTALLERS, destroys};
use crate::findings::Step;
use crate::mask::value_kind;
use crate::remedy::Remedy;
use crate::tools::Kind;

/// Classes of directories that a remedy names.
pub(crate) const DIRECTORIES: [&str; 2] = ["the repository's root", "the package's directory"];
/// Options of a harness that a remedy names.
pub(crate) const OPTIONS: [&str; 2] = ["permission outside the sandbox", "a longer time limit"];
/// Longest command that a remedy names, in bytes.
const MAX_COMMAND_BYTES: usize = 100;

/// The very same words worked: something else made the difference.
pub(crate) fn of_same_words(
    failing: &Step<'_>,
    working: &Step<'_>,
    between: &[Step<'_>],
    class: ErrorClass,
) -> Option<Remedy> {
    if let Some(option) = option(failing, working) {
        return Some(option);
    }
    if let Some(place) = directory(failing, working, between) {
        return Some(Remedy::InDirectory(place));
    }
    // A changed file explains it, and no other session has that file.
    let edited = between.iter().any(|step| step.is_done() && matches!(step.kind, Kind::Editor(_)));
    if edited {
        return None;
    }
    let acting = between.iter().rev().filter(|step| step.is_done() && !step.looks());
    for step in acting {
        let Some((command, program)) = step.command() else { continue };
        if program.path == "sleep" || destroys(command, program) || command.privileged {
            continue;
        }
        if INSTALLERS.contains(&program.path.as_str()) {
            let package = program.arguments.iter().map(|at| command.words[*at].text.as_str());
            let mut package =
                package.filter(|text| !text.starts_with('-') && value_kind(text).is_none());
            return Some(match package.next() {
                Some(package) => Remedy::Install(package.to_owned()),
                None => Remedy::RunFirst(
                    crate::practice::cleaned(command, program)
                        .unwrap_or_else(|| program.path.clone()),
                ),
            });
        }
        if matches!(program.path.as_str(), "export" | "set") {
            let mut names = command.words[1..].iter().filter_map(|word| word.text.split_once('='));
            return names.next().map(|(name, _)| Remedy::SetVariable(name.to_owned()));
        }
        let cleaned = crate::practice::cleaned(command, program)?;
        return (cleaned.len() <= MAX_COMMAND_BYTES).then_some(Remedy::RunFirst(cleaned));
    }
    let waits = matches!(
        class,
        ErrorClass::Locked
            | ErrorClass::Timeout
            | ErrorClass::TooManyRequests
            | ErrorClass::ConnectionReset
            | ErrorClass::ConnectionRefused
            | ErrorClass::ServerError
            | ErrorClass::NameResolution
            | ErrorClass::AddressInUse
    );
    let paused = between
        .iter()
        .any(|step| step.reading.programs.iter().any(|program| program.path == "sleep"));
    (waits || paused).then_some(Remedy::Retry)
}

fn option(failing: &Step<'_>, working: &Step<'_>) -> Option<Remedy> {
    let (old, new) = (&failing.call.options, &working.call.options);
    if new.outside_sandbox && !old.outside_sandbox {
        return Some(Remedy::WithOption(OPTIONS[0]));
    }
    let timed =
        failing.situation.as_ref().is_some_and(|situation| situation.class == ErrorClass::Timeout);
    (timed && new.time_limit > old.time_limit).then_some(Remedy::WithOption(OPTIONS[1]))
}

/// Returns true for a command that changes the directory.
fn enters(name: &str) -> bool {
    matches!(name, "cd" | "pushd" | "chdir" | "Set-Location" | "sl")
}

/// The class of the directory in which it worked; none when it did not change.
fn directory(failing: &Step<'_>, working: &Step<'_>, between: &[Step<'_>]) -> Option<&'static str> {
    let given = |step: &Step<'_>| step.call.options.directory.clone();
    let entered = |step: &Step<'_>| {
        let lines = step.reading.commands.iter().rev();
        lines
            .filter(|command| enters(command.name()))
            .find_map(|command| command.words.get(1))
            .map(|word| word.text.clone())
    };
    let old = entered(failing).or_else(|| given(failing));
    let moved =
        between.iter().rev().find_map(|step| step.is_done().then(|| entered(step)).flatten());
    let new = entered(working).or(moved).or_else(|| given(working))?;
    if old.as_ref() == Some(&new) {
        return None;
    }
    let up = new.starts_with("..")
        || new.contains("rev-parse")
        || old.as_ref().is_some_and(|old| old.starts_with(&new));
    Some(DIRECTORIES[usize::from(!up)])
}
