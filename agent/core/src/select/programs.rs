//! Public programs as a search knows them: what they are for, and where a query names one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

const DATA: &str = include_str!("../../data/program-words.txt");

/// A program on the list.
struct Known {
    /// True when its name is also a plain word of English.
    plain: bool,
    words: &'static str,
}

static PROGRAMS: LazyLock<BTreeMap<&str, Known>> = LazyLock::new(|| {
    let rows = DATA.lines().filter(|line| !line.starts_with('#'));
    let rows = rows.filter_map(|line| line.split_once(": "));
    let known = |(name, words): (&'static str, &'static str)| {
        let bare = name.trim_start_matches('~');
        (bare, Known { plain: bare != name, words })
    };
    rows.map(known).collect()
});

/// Words on what a public program is for; empty for any other.
pub(super) fn words_of(program: &str) -> &'static str {
    PROGRAMS.get(program).map_or("", |known| known.words)
}

/// Programs that a query names, in its order, each once. `holds` says whether there is a skill of a program, or of a
/// program with a sub-command. A name that is also a plain word counts where it stands like a command: in backquotes,
/// before a colon or a flag, or before one of its sub-commands.
pub(super) fn named(query: &str, holds: impl Fn(&str) -> bool) -> Vec<String> {
    let tokens: Vec<&str> = query.split_whitespace().collect();
    let mut found: Vec<String> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let name = bare(token);
        if name.is_empty() || found.contains(&name) || !holds(&name) {
            continue;
        }
        let next = tokens.get(at + 1).copied().unwrap_or_default();
        let like_a_command = || {
            token.contains('`')
                || token.ends_with(':')
                || next.starts_with('-')
                || holds(&format!("{name} {}", bare(next)))
        };
        if !PROGRAMS.get(name.as_str()).is_some_and(|known| known.plain) || like_a_command() {
            found.push(name);
        }
    }
    found
}

/// A word without what stands around it in a sentence.
fn bare(token: &str) -> String {
    let around = |c: char| !c.is_alphanumeric() && c != '+';
    token.trim_matches(around).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Vec<String> {
        let held = ["go", "go build", "git", "make", "find", "g++", "pre-commit", "deployctl"];
        named(query, |name| held.contains(&name))
    }

    #[test]
    fn a_program_is_named_where_it_stands_like_one() {
        assert_eq!(of("go build finds no module"), ["go"]);
        assert_eq!(of("make: no targets, then `find` and git."), ["make", "find", "git"]);
        assert_eq!(of("where do I go to find it and make it work"), Vec::<String>::new());
        assert_eq!(of("G++ in pre-commit, deployctl G++"), ["g++", "pre-commit", "deployctl"]);
        assert_eq!(of("find -name in a directory"), ["find"]);
    }

    #[test]
    fn every_row_has_words_and_a_name_of_its_own() {
        let rows = DATA.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(PROGRAMS.len(), rows);
        assert!(words_of("docker").contains("container") && words_of("nobody").is_empty());
    }
}
