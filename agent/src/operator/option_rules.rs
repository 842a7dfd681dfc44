//! Repairs of arguments: options, their values, formats, steps.

use super::candidate::{Candidate, replace_word};
use super::knowledge::{DIGESTS, lowest, ratio};
use super::rules::{Look, Situation, patterns};

patterns! {
    EXPECTED_FOUND = r"expected '([^'\n]+)', found '([^'\n]+)'";
    LISTED = r"value '([^'\n]+)', one of: ([\w, -]+)";
    MISSING_OPTION = r"missing required option (--[\w-]+)";
    UNKNOWN_OPTION = r"unknown option (--[\w-]+)";
    HELP_OPTION = r"(?m)^\s*(--[\w-]+)\b";
    STEP = r"(?i)\bstep\b[^\n]*\bbefore\b|\bfirst\b[^\n]*\bstep\b";
    HELP_STEP = r"(?m)^\s+([a-z][\w-]*) ID\s*$";
    REFUSED_VALUE = r"(--[\w-]+) '([^'\n]*)' refused: ([^\n]+)";
    HEX_DIGITS = r"first (\d+) hex digits of a digest";
    STEPS_OF = r"whole steps of (\d+) (\w+)";
    MEASURED = r"\b(\d+) ([a-z]+)\b";
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

/// The help of the program that a command calls.
fn help(s: &Situation<'_>, look: &mut Look<'_>) -> String {
    let program = s.command.split_whitespace().next().unwrap_or("");
    if s.output.contains(&format!("{program} --help")) {
        look(&format!("{program} --help"))
    } else {
        String::new()
    }
}

/// A mandatory option: the help says which values it takes.
pub(super) fn missing_option(s: &Situation<'_>, look: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = MISSING_OPTION.find(s.output) else {
        return Vec::new();
    };
    let help = help(s, look);
    let line = help.lines().find(|line| line.trim_start().starts_with(&found[1]));
    let listed = line.and_then(|line| line.split_once('<')?.1.split_once('>'));
    let values = listed.map_or("", |(values, _)| values).split('|');
    values
        .filter(|value| !value.is_empty())
        .map(|value| Candidate::new(format!("{} {} {value}", s.command, &found[1])))
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

/// A value that is to be computed: digests of it, or the same measure in another unit.
pub(super) fn computed_value(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = REFUSED_VALUE.find(s.output) else {
        return Vec::new();
    };
    let (option, value, wish) = (&found[1], &found[2], &found[3]);
    let given = format!("{option} {value}");
    if value.is_empty() || !s.command.contains(&given) {
        return Vec::new();
    }
    let expressions = digests(value, wish).or_else(|| conversions(s.prompt, value, wish));
    let expressions = expressions.unwrap_or_default().into_iter();
    expressions
        .map(|expression| s.command.replace(&given, &format!("{option} {expression}")))
        .map(Candidate::new)
        .collect()
}

fn digests(value: &str, wish: &str) -> Option<Vec<String>> {
    let digits = HEX_DIGITS.find(wish)?;
    let expression =
        |program: &&str| format!("$(printf %s {value} | {program} | cut -c1-{})", &digits[1]);
    Some(DIGESTS.iter().map(expression).collect())
}

/// Rounded down, and to the nearest: messages seldom say which.
fn conversions(prompt: &str, value: &str, wish: &str) -> Option<Vec<String>> {
    let wanted = STEPS_OF.find(wish)?;
    let step: u64 = wanted[1].parse().ok()?;
    let tail = &prompt[prompt.find(&format!("{value} "))?..];
    let measured = MEASURED.find(tail)?;
    let (numerator, denominator) = ratio(&measured[2], &wanted[2])?;
    let (n, d) = lowest(numerator, denominator.checked_mul(step)?);
    let product = if n == 1 { value.to_owned() } else { format!("{value}*{n}") };
    let down = format!("$(({product}/{d}))");
    let nearest = format!("$((({product}+{})/{d}))", d / 2);
    Some(vec![down, nearest])
}
