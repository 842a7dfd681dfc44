//! Repair: from a command and what it answered to further commands that may do better.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::candidate::Candidate;
use super::{http_rules, option_rules, path_rules, shell_rules, value_rules};

/// The facts that a rule sees.
pub(super) struct Situation<'a> {
    /// The user's words.
    pub(super) prompt: &'a str,
    /// The command that failed.
    pub(super) command: &'a str,
    /// Its output, or the message of the check.
    pub(super) output: &'a str,
}

/// A way to look without changing anything: runs a read-only command and gives its output.
pub(super) type Look<'a> = dyn FnMut(&str) -> String + 'a;

/// A rule gives alternatives to try, none of them better than another.
type Rule = fn(&Situation<'_>, &mut Look<'_>) -> Vec<Candidate>;

/// All rules, the more specific first.
const RULES: [Rule; 20] = [
    option_rules::expected_found,
    option_rules::listed_values,
    http_rules::fetched_header,
    http_rules::missing_header,
    http_rules::missing_field,
    http_rules::named_routes,
    http_rules::refused_connection,
    path_rules::lock_in_the_way,
    path_rules::missing_file,
    path_rules::unsorted,
    path_rules::unsealed,
    shell_rules::unset_variable,
    shell_rules::other_directory,
    shell_rules::exit_status,
    shell_rules::batches,
    option_rules::missing_option,
    option_rules::unknown_option,
    option_rules::rehearsed,
    option_rules::missing_step,
    value_rules::computed_value,
];

/// The alternatives of each rule that has any; the caller orders them within a rule.
pub(super) fn repairs(situation: &Situation<'_>, look: &mut Look<'_>) -> Vec<Vec<Candidate>> {
    let offers = RULES.iter().map(|rule| rule(situation, look));
    offers.filter(|offer| !offer.is_empty()).collect()
}

/// A pattern, compiled once. A pattern that does not compile matches nothing; a test compiles all.
pub(super) struct Pattern(LazyLock<Option<Regex>>);

impl Pattern {
    pub(super) const fn new(make: fn() -> Option<Regex>) -> Self {
        Self(LazyLock::new(make))
    }

    /// The first match.
    pub(super) fn find<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.0.as_ref()?.captures(text)
    }

    /// The first group of each match, without repeats.
    pub(super) fn all(&self, text: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for captures in self.0.iter().flat_map(|regex| regex.captures_iter(text)) {
            if !found.contains(&captures[1].to_owned()) {
                found.push(captures[1].to_owned());
            }
        }
        found
    }

    /// The text with every match replaced, `$1` being the first group.
    pub(super) fn replace(&self, text: &str, with: &str) -> String {
        self.0
            .as_ref()
            .map_or_else(|| text.to_owned(), |it| it.replace_all(text, with).into_owned())
    }

    #[cfg(test)]
    pub(super) fn compiles(&self) -> bool {
        self.0.is_some()
    }
}

/// Declares patterns and, for tests, the list of them.
macro_rules! patterns {
    ($($name:ident = $text:expr;)*) => {
        $(static $name: super::rules::Pattern =
            super::rules::Pattern::new(|| regex::Regex::new($text).ok());)*
        #[cfg(test)]
        pub(super) fn patterns() -> Vec<&'static super::rules::Pattern> {
            vec![$(&$name,)*]
        }
    };
}
pub(super) use patterns;
