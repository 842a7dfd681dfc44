//! Recognised private tokens, removed from a text on a best-effort basis. The privacy door's threshold
//! is the protection; this only keeps obvious waste from ever being counted.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::placeholder::{EMAIL, HASH, HOME, NUMBER, SECRET, TMP, UUID, map};

/// Digits from which on a number means nothing outside its session (times, process and row ids). A
/// port, a status or a length has fewer.
const MEANINGLESS_DIGITS: usize = 7;

struct Rule {
    pattern: Regex,
    /// Replacement of the whole match, or of its last group when there is one.
    mark: &'static str,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules = [
        (r"-----BEGIN [A-Z ]+-----[^-]*(-----END [A-Z ]+-----)?", SECRET),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?", SECRET),
        (r"\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9_-]{12,}", SECRET),
        (
            r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|npm_|pypi-|xox[abprs]-|xapp-)[A-Za-z0-9_-]{8,}",
            SECRET,
        ),
        (r"\b(?:AKIA|ASIA|AIza)[A-Za-z0-9_-]{12,}", SECRET),
        (r"(?i)\b(?:bearer|basic)\s+([A-Za-z0-9+/_=.~-]{6,})", SECRET),
        (r"://([^/\s:@]+:[^/\s@]+)@", SECRET),
        (
            r#"(?i)(?:api[_-]?key|secret|token|passw(?:or)?d|passphrase|pwd|credential|(?:access|private|auth)[_-]?key)s?["']?\s*[:=]\s*["']?([^\s"'&,;$<>(){}]+)"#,
            SECRET,
        ),
        (r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", EMAIL),
        (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", UUID),
        (r"\b[0-9a-fA-F]{16,}\b", HASH),
        (r"(?:/home|/Users|/export/home)/[A-Za-z0-9._-]+|/root\b", HOME),
        (
            r"(?:/private)?(?:/var/folders|/var/tmp|/tmp|/dev/shm|/run/user/\d+)[A-Za-z0-9_@+-]*(?:/[A-Za-z0-9._@+-]+)*",
            TMP,
        ),
        (r"\d{7,}", NUMBER),
    ];
    let compile = |(pattern, mark)| {
        // SAFETY: constant patterns, compiled by the tests.
        #[allow(clippy::expect_used)]
        let pattern = Regex::new(pattern).expect("constant pattern");
        Rule { pattern, mark }
    };
    rules.into_iter().map(compile).collect()
});

/// Whether a word is one e-mail address.
pub(super) fn is_email(word: &str) -> bool {
    RULES.iter().any(|rule| {
        rule.mark == EMAIL && rule.pattern.find(word).is_some_and(|found| found.len() == word.len())
    })
}

/// Whether a flag or a variable of this name carries a secret in its value.
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
pub(super) fn scrub(text: &str, keep: &dyn Fn(&str) -> bool) -> String {
    let mut text = text.to_owned();
    for rule in RULES.iter() {
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

/// Whether the directory is a temporary one, not one or a file whose name only begins like it.
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
