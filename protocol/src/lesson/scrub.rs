//! Recognised private tokens, removed from a text on a best-effort basis. The privacy door's threshold
//! is the protection; this only keeps obvious waste from ever being counted.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::placeholder::{EMAIL, HASH, HOME, NUMBER, SECRET, TMP, UUID, map};
use crate::steps::Steps;

/// Digits from which on a number means nothing outside its session (times, process and row ids). A
/// port, a status or a length has fewer.
const MEANINGLESS_DIGITS: usize = 7;

struct Rule {
    pattern: Regex,
    /// Replacement of the whole match, or of its last group when there is one.
    mark: &'static str,
    /// Returns true when the pattern may match in a text: true wherever it does, and much faster to tell.
    hint: fn(&str) -> bool,
}

fn has(text: &str, any: &[&str]) -> bool {
    any.iter().any(|part| text.contains(part))
}

/// The same whatever the case; `any` is in lower case.
fn has_word(text: &str, any: &[&str]) -> bool {
    has(&text.to_ascii_lowercase(), any)
}

/// Returns true when so many bytes of a kind stand in a row.
fn has_run(text: &str, most: usize, kind: fn(&u8) -> bool) -> bool {
    let mut run = 0;
    text.as_bytes().iter().any(|byte| {
        run = if kind(byte) { run + 1 } else { 0 };
        run == most
    })
}

/// A pattern, its mark and its hint.
type Row = (&'static str, &'static str, fn(&str) -> bool);

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules: [Row; 14] = [
        (r"-----BEGIN [A-Z ]+-----[^-]*(-----END [A-Z ]+-----)?", SECRET, |text| {
            has(text, &["-----BEGIN "])
        }),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?", SECRET, |text| {
            has(text, &["eyJ"])
        }),
        (r"\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9_-]{12,}", SECRET, |text| {
            has(text, &["k-", "k_"])
        }),
        (
            r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|npm_|pypi-|xox[abprs]-|xapp-)[A-Za-z0-9_-]{8,}",
            SECRET,
            |text| {
                has(text, &["gh", "github_pat_", "glpat-", "hf_", "npm_", "pypi-", "xox", "xapp-"])
            },
        ),
        (r"\b(?:AKIA|ASIA|AIza)[A-Za-z0-9_-]{12,}", SECRET, |text| {
            has(text, &["AKIA", "ASIA", "AIza"])
        }),
        (r"(?i)\b(?:bearer|basic)\s+([A-Za-z0-9+/_=.~-]{6,})", SECRET, |text| {
            has_word(text, &["bearer", "basic"])
        }),
        (r"://([^/\s:@]+:[^/\s@]+)@", SECRET, |text| {
            text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
        }),
        (
            r#"(?i)(?:api[_-]?key|secret|token|passw(?:or)?d|passphrase|pwd|credential|(?:access|private|auth)[_-]?key)s?["']?\s*[:=]\s*["']?([^\s"'&,;$<>(){}]+)"#,
            SECRET,
            |text| {
                has_word(text, &["key", "secret", "token", "passw", "passphrase", "pwd", "cred"])
            },
        ),
        (r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", EMAIL, |text| {
            has(text, &["@"])
        }),
        (
            r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
            UUID,
            |text| has_run(text, 12, u8::is_ascii_hexdigit),
        ),
        (r"\b[0-9a-fA-F]{16,}\b", HASH, |text| has_run(text, 16, u8::is_ascii_hexdigit)),
        (r"(?:/home|/Users|/export/home)/[A-Za-z0-9._-]+|/root\b", HOME, |text| {
            has(text, &["/home", "/Users", "/root"])
        }),
        (
            r"(?:/private)?(?:/var/folders|/var/tmp|/tmp|/dev/shm|/run/user/\d+)[A-Za-z0-9_@+-]*(?:/[A-Za-z0-9._@+-]+)*",
            TMP,
            |text| has(text, &["/var/", "/tmp", "/dev/shm", "/run/user/"]),
        ),
        (r"\d{7,}", NUMBER, |text| has_run(text, MEANINGLESS_DIGITS, u8::is_ascii_digit)),
    ];
    let compile = |(pattern, mark, hint): Row| {
        // SAFETY: constant patterns, compiled by the tests.
        #[allow(clippy::expect_used)]
        let pattern = Regex::new(pattern).expect("constant pattern");
        Rule { pattern, mark, hint }
    };
    rules.into_iter().map(compile).collect()
});

/// Returns true when a word is one e-mail address.
pub(super) fn is_email(word: &str) -> bool {
    word.contains('@')
        && RULES.iter().any(|rule| {
            rule.mark == EMAIL
                && rule.pattern.find(word).is_some_and(|found| found.len() == word.len())
        })
}

/// Returns true when a flag or a variable of this name carries a secret in its value.
pub(super) fn names_secret(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
    let part = |part: &str| {
        matches!(
            part,
            "password" | "passwd" | "passphrase" | "secret" | "token" | "credential" | "pwd"
        )
    };
    name.split('-').any(part)
        || name.ends_with("api-key")
        || name.ends_with("apikey")
        || name.ends_with("access-key")
}

/// Replaces every recognised private token by its mark. `keep` is asked for each; what it keeps stays
/// (a value of the task that is about to become a placeholder).
pub(super) fn scrub(text: &str, keep: &dyn Fn(&str) -> bool, steps: &Steps) -> String {
    let mut text = text.to_owned();
    for rule in RULES.iter() {
        steps.take(text.len());
        if !(rule.hint)(&text) {
            continue;
        }
        steps.take_regex(text.len(), 1);
        // Marks of earlier rules are not looked into.
        text = map(&text, |stretch| {
            let replace = |found: &Captures<'_>| replace(rule, found, keep);
            rule.pattern.replace_all(stretch, replace).into_owned()
        });
    }
    text
}

fn replace(rule: &Rule, found: &Captures<'_>, keep: &dyn Fn(&str) -> bool) -> String {
    let whole = &found[0];
    let target = found.get(found.len() - 1).filter(|_| found.len() == 2);
    let (text, at) = match (target, found.get(0)) {
        (Some(group), Some(all)) if rule.mark == SECRET => {
            (group.as_str(), group.start() - all.start())
        }
        _ => (whole, 0),
    };
    let number = text.len() < MEANINGLESS_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    let word = rule.mark == HASH && !text.contains(|c: char| c.is_ascii_digit());
    let other = rule.mark == TMP && !is_scratch(text);
    if other || keep(text) || (rule.mark == SECRET && number) || word {
        return whole.to_owned();
    }
    let mark = if rule.mark == TMP { scratch(text) } else { rule.mark.to_owned() };
    format!("{}{mark}{}", &whole[..at], &whole[at + text.len()..])
}

/// Returns true when the directory is a temporary one, not one or a file whose name only begins like it.
fn is_scratch(path: &str) -> bool {
    let path = path.strip_prefix("/private").unwrap_or(path);
    ["/var/folders", "/var/tmp", "/tmp", "/dev/shm", "/run/user/"].iter().any(|directory| {
        path.strip_prefix(directory).is_some_and(|rest| {
            let rest =
                rest.trim_start_matches(|c: char| *directory == "/run/user/" && c.is_ascii_digit());
            rest.is_empty() || rest.starts_with('/')
        })
    })
}

/// A path below a temporary directory keeps its last name, unless that looks made up by a machine.
fn scratch(path: &str) -> String {
    let depth = path
        .split('/')
        .filter(|part| !part.is_empty() && !matches!(*part, "private" | "var"))
        .count();
    let last = path.rsplit('/').next().unwrap_or_default();
    let file =
        depth > 1 && last.contains('.') && !last.starts_with("tmp.") && !last.starts_with('.');
    if file { format!("{TMP}/{last}") } else { TMP.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_rule_is_hinted_at_wherever_it_matches(
            parts in proptest::collection::vec(
                prop_oneof![
                    "[a-fA-F0-9]{1,17}", "[A-Za-z0-9_.-]{1,14}", "[ @:/=.\"'-]{1,2}",
                    proptest::sample::select(vec![
                        "-----BEGIN A-----", "eyJabcdefgh.", "sk-", "pk_", "rk-a-", "ghp_", "hf_",
                        "glpat-", "npm_", "pypi-", "xoxb-", "xapp-", "github_pat_", "AKIA", "AIza",
                        "Bearer ", "BASIC  ", "://a:b@", "API-KEY=", "Secret: ", "PassWord=",
                        "credential:", "auth_key ", "@b.cc", "/home/", "/Users/", "/root",
                        "/export/home/", "/var/tmp/", "/private/var/folders/", "/tmp", "/dev/shm",
                        "/run/user/1000/", "1234567", "12345678-1234-1234-1234-123456789abc",
                    ]).prop_map(str::to_owned),
                ],
                1..9,
            ),
        ) {
            let text = parts.concat();
            for rule in RULES.iter().filter(|rule| rule.pattern.is_match(&text)) {
                prop_assert!((rule.hint)(&text), "{} in {text}", rule.pattern);
            }
        }
    }
}
