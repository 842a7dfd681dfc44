//! Repairs of a value that is to be computed: the candidate is an expression, so that it holds for
//! other values too.

use super::candidate::Candidate;
use super::knowledge::{DIGESTS, lowest, ratio};
use super::rules::{Look, Situation, patterns};

patterns! {
    REFUSED_VALUE =
        r"(--[\w-]+) '([^'\n]*)' (?:was |is )?(?:refused|rejected|not accepted): ([^\n]+)";
    HEX_DIGITS = r"first (\d+) hex digits of a digest";
    STEPS_OF = r"whole steps of (\d+) (\w+)";
    MEASURED = r"\b(\d+) ([a-z]+)\b";
    WRITTEN_AS = r"written as ([YMODN.,/_+~:@-]*[YMODN])";
    COUNTED_FROM = r"counted from (\d+)(?: in (hexadecimal|octal|decimal))?";
    REMAINDER = r"followed by a (dash|dot|slash|colon) and its remainder by (\d+)";
}

/// A value that is to be computed from the one given.
pub(super) fn computed_value(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = REFUSED_VALUE.find(s.output) else {
        return Vec::new();
    };
    let (option, value, wish) = (&found[1], &found[2], &found[3]);
    let given = format!("{option} {value}");
    if value.is_empty() || !s.command.contains(&given) {
        return Vec::new();
    }
    let expressions = digests(value, wish)
        .or_else(|| conversions(s.prompt, value, wish))
        .or_else(|| days(value, wish))
        .or_else(|| counts(value, wish))
        .or_else(|| remainders(value, wish));
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

/// Letters that stand for the parts of a day, and what date(1) calls them; the longer first.
const DAY_PARTS: [(&str, &str); 6] =
    [("YYYY", "%Y"), ("YY", "%y"), ("MON", "%b"), ("MM", "%m"), ("DDD", "%j"), ("DD", "%d")];

fn days(value: &str, wish: &str) -> Option<Vec<String>> {
    let mut format = WRITTEN_AS.find(wish)?[1].to_owned();
    for (letters, part) in DAY_PARTS {
        format = format.replace(letters, part);
    }
    let quote = if format.contains('~') { "'" } else { "" };
    Some(vec![format!("$(date -d {value} {quote}+{format}{quote})")])
}

/// The first of a count may be called 0 or by its own number: both are tried.
fn counts(value: &str, wish: &str) -> Option<Vec<String>> {
    let found = COUNTED_FROM.find(wish)?;
    let conversion = match found.get(2).map(|base| base.as_str()) {
        Some("hexadecimal") => Some("%x"),
        Some("octal") => Some("%o"),
        _ => None,
    };
    let number = |sign: char| {
        let sum = format!("$(({value}{sign}{}))", &found[1]);
        conversion.map_or_else(|| sum.clone(), |letter| format!("$(printf {letter} {sum})"))
    };
    Some(vec![number('-'), number('+')])
}

fn remainders(value: &str, wish: &str) -> Option<Vec<String>> {
    let found = REMAINDER.find(wish)?;
    let mark = match &found[1] {
        "dot" => '.',
        "slash" => '/',
        "colon" => ':',
        _ => '-',
    };
    Some(vec![format!("{value}{mark}$(({value}%{}))", &found[2])])
}
