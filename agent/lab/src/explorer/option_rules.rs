//! Repairs of arguments: options, their listed values, formats, steps.

use super::candidate::{Candidate, replace_word};
use super::http_rules::ANY_VALUE;
use super::rules::{Look, Situation, patterns};

patterns! {
    EXPECTED_FOUND = r"expected '([^'\n]+)', found '([^'\n]+)'";
    LISTED = concat!(
        r"'([^'\n]+)'[^'\n]*?\b(?:one of|known are|choose from|there are):? ",
        r"([\w./-]+(?:, [\w./-]+)*)",
    );
    MISSING_OPTION = concat!(
        r"(?i)\b(?:missing|required|needs?|wants?|without)\b[^\n]*?(--[\w-]+)",
        r"|(--[\w-]+)[^\n]*\b(?:missing|required|needed|wanted|must be given)\b",
    );
    UNKNOWN_OPTION = r"unknown option (--[\w-]+)";
    HELP_OPTION = r"(?m)^\s*(--[\w-]+)\b";
    HELP_VALUES = r"[<{(]([\w.-]+(?:[|,] ?[\w.-]+)+)[>})]";
    STEP = r"(?i)\bstep\b[^\n]*\bbefore\b|\bfirst\b[^\n]*\bstep\b";
    HELP_STEP = r"(?m)^\s+([a-z][\w-]*) ID\s*$";
    REHEARSED = r"(?i)\b(?:dry.run|rehears\w+|simulat\w+|preview)\b";
}

/// `expected 'A', found 'B'`: say A where B was said, everywhere or at the first place.
pub(super) fn expected_found(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = EXPECTED_FOUND.find(s.output) else {
        return Vec::new();
    };
    let everywhere = replace_word(s.command, &found[2], &found[1]);
    if everywhere == s.command {
        return Vec::new();
    }
    vec![Candidate::new(everywhere)]
}

/// `bad value 'X', one of: a, b`: each in turn, in the place of the last X.
pub(super) fn listed_values(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = LISTED.find(s.output) else {
        return Vec::new();
    };
    let Some(at) = s.command.rfind(&found[1]) else {
        return Vec::new();
    };
    let (head, tail) = (&s.command[..at], &s.command[at + found[1].len()..]);
    let values = found[2].split(',').map(str::trim);
    values
        .filter(|value| !value.is_empty())
        .map(|value| Candidate::new(format!("{head}{value}{tail}")))
        .collect()
}

/// The help of the program that a command calls, when the answer refers to it.
fn help(s: &Situation<'_>, look: &mut Look<'_>) -> String {
    let mut words = s.command.split_whitespace();
    let program = words.find(|word| s.output.contains(&format!("{word} --help")));
    program.map_or_else(String::new, |program| look(&format!("{program} --help")))
}

/// A mandatory option: the help says which values it takes; if not, any value may lead on.
pub(super) fn missing_option(s: &Situation<'_>, look: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = MISSING_OPTION.find(s.output) else {
        return Vec::new();
    };
    let option = found.get(1).or_else(|| found.get(2)).map_or("", |option| option.as_str());
    if s.command.split_whitespace().any(|word| word == option) || option == "--help" {
        return Vec::new();
    }
    let help = help(s, look);
    let line = help.lines().find(|line| line.trim_start().starts_with(option)).unwrap_or("");
    let values = HELP_VALUES.find(line).map_or(ANY_VALUE.to_owned(), |found| found[1].to_owned());
    let values = values.split(['|', ',']).map(str::trim);
    values.map(|value| Candidate::new(format!("{} {option} {value}", s.command))).collect()
}

/// The program did not do it in earnest: each option that the help lists may be the one that does.
pub(super) fn rehearsed(s: &Situation<'_>, look: &mut Look<'_>) -> Vec<Candidate> {
    if REHEARSED.find(s.output).is_none() {
        return Vec::new();
    }
    let known = HELP_OPTION.all(&help(s, look)).into_iter();
    known
        .filter(|option| option != "--help" && !s.command.contains(option))
        .map(|option| Candidate::new(format!("{} {option}", s.command)))
        .collect()
}

/// An option that is not known: the help lists those that are.
pub(super) fn unknown_option(s: &Situation<'_>, look: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = UNKNOWN_OPTION.find(s.output) else {
        return Vec::new();
    };
    let known = HELP_OPTION.all(&help(s, look)).into_iter();
    known
        .filter(|option| !s.command.contains(option))
        .map(|option| Candidate::new(s.command.replace(&found[1], &option)))
        .collect()
}

/// A step is missing before: each that the help lists, for the same thing.
pub(super) fn missing_step(s: &Situation<'_>, look: &mut Look<'_>) -> Vec<Candidate> {
    if STEP.find(s.output).is_none() {
        return Vec::new();
    }
    let words: Vec<&str> = s.command.split_whitespace().collect();
    let plain = words.iter().position(|word| word.starts_with('-')).unwrap_or(words.len());
    let [program, verb, rest @ ..] = &words[..plain] else {
        return Vec::new();
    };
    let steps = HELP_STEP.all(&help(s, look)).into_iter();
    steps
        .filter(|step| step != verb)
        .map(|step| Candidate {
            before: Some([&[*program, step.as_str()], rest].concat().join(" ")),
            command: s.command.to_owned(),
        })
        .collect()
}
