//! Secrets that are known by the name before them: `DB_PASSWORD=...`, `"api_key": "..."`, `--token ...`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use lore_protocol::steps::Steps;
use regex::Regex;

/// Text that stands for a secret.
pub(super) const MARK: &str = "[redacted:secret]";

/// A name, a separator, the first character of a value in quotes or bare. JSON within JSON has backslashes before its quotes.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(
        r#"(?P<name>(?:--)?[A-Za-z][A-Za-z0-9_.-]{1,63})"#,
        r#"(?P<sep>\\?["']?(?:\s{0,4}[:=]\s{0,4}|[ ]))"#,
        r#"(?:\\?["'](?P<quoted>[^"'\\\r\n])|(?P<bare>[^\s"'\\,;&|()<>{}]))"#,
    );
    // SAFETY: a constant pattern; every test of this module compiles it.
    #[allow(clippy::expect_used)]
    let regex = Regex::new(pattern).expect("the pattern is valid");
    regex
});

/// Words that make a name that of a secret, whatever stands before them.
const SECRET_WORDS: [&str; 10] = [
    "secret",
    "token",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "apikey",
    "authkey",
    "credential",
    "credentials",
];

/// Words that make `key` a secret one.
const KEY_WORDS: [&str; 9] =
    ["api", "access", "auth", "private", "secret", "account", "encryption", "signing", "service"];

/// Words at the end of a name that tell something about a secret, not the secret.
const ABOUT: [&str; 22] = [
    "file", "path", "dir", "name", "limit", "length", "len", "url", "uri", "endpoint", "id",
    "count", "ttl", "type", "size", "expiry", "expires", "budget", "field", "header", "env",
    "policy",
];

/// A pair of a name and a value as it stands in a text.
struct Pair<'a> {
    name: &'a str,
    sep: &'a str,
    value: &'a str,
    is_quoted: bool,
}

/// A stretch of characters that may stand in a value.
#[derive(Default)]
struct Run(Range<usize>);

impl Run {
    /// The end of the stretch that `from` stands in. What was looked at before is not looked at again:
    /// in `a:b:c` every value holds the next.
    fn end(
        &mut self,
        text: &str,
        from: usize,
        may_stand: fn(char) -> bool,
        steps: &Steps,
    ) -> usize {
        if !self.0.contains(&from) {
            let rest = &text[from..];
            let len = rest.find(|c| !may_stand(c)).unwrap_or(rest.len());
            steps.take(len);
            self.0 = from..from + len;
        }
        self.0.end
    }
}

fn in_quotes(c: char) -> bool {
    !matches!(c, '"' | '\'' | '\\' | '\r' | '\n')
}

fn in_bare(c: char) -> bool {
    !c.is_whitespace() && !"\"'\\,;&|()<>{}".contains(c)
}

pub(super) fn redact<'a>(text: &'a str, steps: &Steps) -> Cow<'a, str> {
    // Matches must not overlap, and a harmless pair must not swallow the start of a telling one, so
    // that the search continues right after the name of a harmless pair.
    let mut clean = String::new();
    let (mut from, mut copied) = (0, 0);
    let (mut quoted, mut bare) = (Run::default(), Run::default());
    while let Some(found) = NAMED.captures_at(text, from) {
        steps.take_regex(found.get_match().end() - from, 1);
        let first = found.name("quoted").or_else(|| found.name("bare"));
        let (Some(name), Some(sep), Some(first)) = (found.name("name"), found.name("sep"), first)
        else {
            break;
        };
        let is_quoted = found.name("quoted").is_some();
        let end = if is_quoted {
            quoted.end(text, first.start(), in_quotes, steps)
        } else {
            bare.end(text, first.start(), in_bare, steps)
        };
        let value = &text[first.start()..end];
        if tells(&Pair { name: name.as_str(), sep: sep.as_str(), value, is_quoted }) {
            steps.take(value.len());
            clean.push_str(&text[copied..first.start()]);
            clean.push_str(MARK);
            copied = end;
            from = end;
        } else {
            from = name.end();
        }
    }
    steps.take_regex(text.len() - from, 1);
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[copied..]);
    Cow::Owned(clean)
}

/// Returns true when a pair holds a secret.
fn tells(pair: &Pair<'_>) -> bool {
    if !is_secret_name(pair.name) {
        return false;
    }
    let is_flag = pair.name.starts_with("--");
    // Only a flag has its value after a blank.
    if pair.sep == " " && !is_flag {
        return false;
    }
    if pair.is_quoted {
        return is_secret_value(pair.value, true);
    }
    // `token = next_token` and `token: the one from the mail` are code and prose.
    let spaced = pair.sep.contains(char::is_whitespace) && !is_flag;
    let mixed = || pair.value.len() >= 8 && pair.value.bytes().any(|byte| byte.is_ascii_digit());
    is_secret_value(pair.value, false) && (!spaced || mixed())
}

/// Returns true when a name is that of a secret: `GITHUB_TOKEN` and `apiKey` are, `MAX_TOKENS` and
/// `PASSWORD_FILE` are not.
pub(super) fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else {
        return false;
    };
    if ABOUT.contains(&last.as_str()) {
        return false;
    }
    words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || words.windows(2).any(|pair| pair[1] == "key" && KEY_WORDS.contains(&pair[0].as_str()))
}

/// Returns true when a value can be a secret: not empty, a number, a variable, a placeholder or a word
/// of a programming language.
pub(super) fn is_secret_value(value: &str, quoted: bool) -> bool {
    const WORDS: [&str; 9] =
        ["true", "false", "null", "none", "nil", "undefined", "yes", "no", "optional"];
    let value = value.trim();
    let is_number = value.len() < 8 && value.parse::<f64>().is_ok();
    let is_variable = value.starts_with(['$', '<', '%', '{', '[', '*', '/', '&']);
    let is_reference = !quoted
        && ["os.", "env.", "process.", "self.", "std::", "config."]
            .iter()
            .any(|start| value.starts_with(start));
    let is_mask = value.chars().all(|letter| matches!(letter, '*' | '.' | 'x' | 'X' | '-'));
    !(value.is_empty()
        || is_number
        || is_variable
        || is_reference
        || is_mask
        || WORDS.contains(&value.to_ascii_lowercase().as_str()))
}

/// The words of a name in snake, kebab, dotted or camel case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in name.chars() {
        let starts = letter.is_ascii_uppercase() && before_lower;
        if starts || !letter.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        before_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        if letter.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
