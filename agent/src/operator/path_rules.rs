//! Repairs that have to do with files.

use super::candidate::Candidate;
use super::rules::{Look, Situation, patterns};

patterns! {
    LOCK = r"(?i)\block\b[^\n]*?([\w.-]+(?:/[\w.-]+)+)";
    NO_SUCH_FILE = r"([\w./-]+): No such file or directory";
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
