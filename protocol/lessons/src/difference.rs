//! The difference between the words of two lines of one program.

use crate::findings::Step;
use crate::line::Command;
use crate::mask::value_kind;
use crate::program::Program;
use crate::remedy::Remedy;

/// Words of the first list that the second has not, by text.
pub(crate) fn without(ours: &[(String, bool)], theirs: &[(String, bool)]) -> Vec<(String, bool)> {
    let mut left: Vec<&str> = theirs.iter().map(|(text, _)| text.as_str()).collect();
    let mut out = Vec::new();
    for (text, value) in ours {
        match left.iter().position(|other| other == text) {
            Some(at) => {
                left.swap_remove(at);
            }
            None => out.push((text.clone(), *value)),
        }
    }
    out
}

/// Words of a flag, or a word that is no value.
fn is_public(text: &str, value: bool) -> bool {
    // `--`, `+nightly`, and the empty word that BSD's `sed -i ''` takes.
    if matches!(text, "--" | "") || text.strip_prefix('+').is_some_and(|rest| !rest.is_empty()) {
        return true;
    }
    let flag = text.starts_with('-')
        && text.len() > 1
        && !text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let bare = text.split('=').next().unwrap_or(text);
    if flag {
        return value_kind(bare).is_none();
    }
    let glob = text.starts_with("*.");
    value_kind(text).is_none()
        && (!value || glob)
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(crate) fn difference(
    removed: &[(String, bool)],
    added: &[(String, bool)],
    failing: &Step<'_>,
) -> Remedy {
    // One field of a list: `--json a,b,c`.
    if let ([(old, _)], [(new, _)]) = (removed, added)
        && (old.contains(',') || new.contains(','))
        && let Some(found) = of_lists(old, new)
    {
        return found;
    }
    let public = |words: &[(String, bool)]| -> Vec<String> {
        let public = words.iter().filter(|(text, value)| is_public(text, *value));
        public.map(|(text, _)| flag_only(text)).collect()
    };
    let (old, new) = (public(removed), public(added));
    // Only the point of the message, or what stands for a flag with its value, may be more than one word.
    let point = failing.situation.as_ref().and_then(|situation| situation.word.as_deref());
    match (old.as_slice(), new.as_slice()) {
        ([], []) => Remedy::OtherArguments,
        ([], [one]) if one.starts_with(['-', '+']) => Remedy::AddFlag(one.clone()),
        ([], [flag, value]) if flag.starts_with('-') && !value.starts_with('-') => {
            Remedy::AddFlag(format!("{flag} {value}"))
        }
        ([], [_, _]) if new.iter().all(|word| word.starts_with('-')) => {
            Remedy::AddFlag(new.join(" "))
        }
        // More words than a flag's value are arguments: `-u origin my-branch`.
        ([], [flag, rest @ ..])
            if flag.starts_with('-') && rest.iter().all(|word| !word.starts_with('-')) =>
        {
            Remedy::AddFlag(flag.clone())
        }
        ([one], []) if one.starts_with('-') || one == "''" || Some(one.as_str()) == point => {
            Remedy::DropFlag(one.clone())
        }
        ([flag, value], []) if flag.starts_with('-') && !value.starts_with('-') => {
            Remedy::DropFlag(flag.clone())
        }
        ([one], [other])
            if one.starts_with('-') == other.starts_with('-') || Some(one.as_str()) == point =>
        {
            Remedy::Replace { old: one.clone(), new: other.clone() }
        }
        ([flag, value], other) | ([other @ .., flag, value], [])
            if flag.starts_with('-')
                && (1..=2).contains(&other.len())
                && other[0].starts_with('-') =>
        {
            Remedy::Replace { old: format!("{flag} {value}"), new: other.join(" ") }
        }
        ([one], [flag, value]) if one.starts_with('-') && flag.starts_with('-') => {
            Remedy::Replace { old: one.clone(), new: format!("{flag} {value}") }
        }
        _ => Remedy::OtherArguments,
    }
}

/// Flags whose value is a name or a place of the task.
const NAMED: [&str; 35] = [
    "-C",
    "-F",
    "-L",
    "-b",
    "-d",
    "-f",
    "-h",
    "-n",
    "-o",
    "-p",
    "-w",
    "--baseUrl",
    "--bin",
    "--branch",
    "--cacert",
    "--dir",
    "--env-file",
    "--env-file-if-exists",
    "--example",
    "--exclude-dir",
    "--file",
    "--filter",
    "--host",
    "--message",
    "--name",
    "--outDir",
    "--outdir",
    "--outFile",
    "--output",
    "--package",
    "--path",
    "--prefix",
    "--rulesdir",
    "--test",
    "--test-dir",
];

/// Words of a command's arguments, each with whether it is a value: quoted, or after a flag that takes a name.
pub(crate) fn arguments(command: &Command, program: &Program) -> Vec<(String, bool)> {
    // What a runner fetches is a public package: `npx -p typescript tsc`.
    let runs = matches!(program.first(), "npx" | "bunx" | "pnpx" | "uvx");
    let mut out: Vec<(String, bool)> = Vec::new();
    for at in &program.arguments {
        let word = &command.words[*at];
        let after_flag = out.last().is_some_and(|(flag, _)| NAMED.contains(&flag.as_str()));
        let named = after_flag && !runs && !word.text.starts_with('-');
        out.push((word.text.clone(), word.value || named));
    }
    out
}

/// A pattern that only had to be quoted, so that the shell does not expand it.
pub(crate) fn quoted(before: &[(String, bool)], after: &[(String, bool)]) -> Option<Remedy> {
    let mut pairs = before.iter().zip(after);
    let (pattern, _) =
        pairs.find(|((old, was), (new, is))| old == new && !was && *is && old.starts_with("*."))?;
    Some(Remedy::Replace { old: pattern.0.clone(), new: format!("'{}'", pattern.0) })
}

/// `--flag=value` with a value of the task is the flag alone.
fn flag_only(text: &str) -> String {
    if text.is_empty() {
        return "''".to_owned();
    }
    match text.split_once('=') {
        Some((flag, value))
            if flag.starts_with('-') && (value_kind(value).is_some() || NAMED.contains(&flag)) =>
        {
            flag.to_owned()
        }
        _ => text.to_owned(),
    }
}

fn of_lists(old: &str, new: &str) -> Option<Remedy> {
    let split = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
    let (old, new) = (split(old), split(new));
    if old.iter().chain(&new).any(|item| item.is_empty() || !is_public(item, false)) {
        return None;
    }
    let gone: Vec<&String> = old.iter().filter(|item| !new.contains(item)).collect();
    let came: Vec<&String> = new.iter().filter(|item| !old.contains(item)).collect();
    match (gone.as_slice(), came.as_slice()) {
        ([one], []) => Some(Remedy::DropFlag((*one).clone())),
        ([one], [other]) => Some(Remedy::Replace { old: (*one).clone(), new: (*other).clone() }),
        _ => None,
    }
}
