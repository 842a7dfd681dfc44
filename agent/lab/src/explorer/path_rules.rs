//! Repairs that have to do with files.

use super::candidate::Candidate;
use super::rules::{Look, Situation, patterns};

patterns! {
    LOCK = r"(?i)\block\b[^\n]*?([\w.-]+(?:/[\w.-]+)+)";
    NO_SUCH_FILE = r"([\w./-]+): No such file or directory";
    SORTED_BY = concat!(
        r"([\w./-]+): [^\n]*sorted by field (\d+), (numeric|text), (ascending|descending), ",
        r"fields separated by '([^'\n])'",
    );
    LAST_LINE = concat!(
        r"([\w./-]+): [^\n]*last line[^'\n]*'([\w:=# -]+)' and the first (\d+) hex digits of the ",
        r"(\w+sum)\b",
    );
}

/// A lock in the way: remove it.
pub(super) fn lock_in_the_way(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let lock = LOCK.find(s.output);
    lock.map(|found| Candidate {
        before: Some(format!("rm {}", &found[1])),
        command: s.command.to_owned(),
    })
    .into_iter()
    .collect()
}

/// A file that is not there: one of the same name may be elsewhere.
pub(super) fn missing_file(s: &Situation<'_>, look: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = NO_SUCH_FILE.find(s.output) else {
        return Vec::new();
    };
    let missing = &found[1];
    let name = missing.rsplit('/').next().unwrap_or(missing);
    if !s.command.contains(missing) || name.is_empty() {
        return Vec::new();
    }
    let listing = look(&format!("find . -type f -name '{name}'"));
    let paths = listing.lines().map(|line| line.trim_start_matches("./"));
    paths
        .filter(|path| path.ends_with(name) && *path != missing)
        .map(|path| Candidate::new(s.command.replace(missing, path)))
        .collect()
}

/// An order of lines is wanted: sort the file before.
pub(super) fn unsorted(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = SORTED_BY.find(s.output).filter(|found| s.command.contains(&found[1])) else {
        return Vec::new();
    };
    let (file, field, separator) = (&found[1], &found[2], &found[5]);
    let numeric = if &found[3] == "numeric" { "n" } else { "" };
    let reverse = if &found[4] == "descending" { "r" } else { "" };
    let key = format!("{field},{field}{numeric}{reverse}");
    vec![Candidate {
        before: Some(format!("sort -t '{separator}' -k {key} {file} -o {file}")),
        command: s.command.to_owned(),
    }]
}

/// A checksum is wanted at the end of a file: add it before.
pub(super) fn unsealed(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some(found) = LAST_LINE.find(s.output).filter(|found| s.command.contains(&found[1])) else {
        return Vec::new();
    };
    let (file, mark, digits, program) = (&found[1], &found[2], &found[3], &found[4]);
    let sum = format!("$({program} < {file} | cut -c1-{digits})");
    vec![Candidate {
        before: Some(format!("printf '{mark}%s\\n' \"{sum}\" >> {file}")),
        command: s.command.to_owned(),
    }]
}
