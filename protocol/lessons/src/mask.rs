//! Takes a session's own values out of a message or a command: paths, quoted values, numbers, hashes, addresses.

use std::collections::BTreeSet;

/// Longest masked message, in bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 100;
/// Longest word that may be public, in bytes.
const MAX_PUBLIC_BYTES: usize = 40;

/// Kind of a word that is a session's own; none for one that may be public.
pub(crate) fn value_kind(word: &str) -> Option<&'static str> {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && !"/\\~.-_<>$*".contains(c));
    if bare.is_empty() || bare.starts_with('<') {
        return None;
    }
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    let has_letters = bare.contains(char::is_alphabetic);
    let hex = bare.len() >= 7 && digits > 0 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    if bare.contains("://") || is_address(bare) {
        Some("<address>")
    } else if bare.contains('@') && bare.contains('.') {
        Some("<name>")
    } else if is_glob(bare) {
        None
    } else if bare.contains(['/', '\\', '~']) || has_extension(bare) {
        Some("<path>")
    } else if hex {
        Some("<hash>")
    } else if digits > 0 && !has_letters {
        Some("<number>")
    } else if bare.len() > MAX_PUBLIC_BYTES || bare.contains('$') {
        Some("<value>")
    } else {
        None
    }
}

/// `*.tsx`: a pattern by extension is nobody's.
fn is_glob(word: &str) -> bool {
    word.strip_prefix("*.").is_some_and(|rest| {
        !rest.is_empty() && rest.len() <= 5 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_address(word: &str) -> bool {
    let host = word.split(':').next().unwrap_or(word);
    host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok())
}

/// `name.ext`, but not a version, a flag or a sentence's end.
fn has_extension(word: &str) -> bool {
    let Some((name, extension)) = word.rsplit_once('.') else { return false };
    !word.starts_with('-')
        && !name.is_empty()
        && (1..=6).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && extension.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// A message with its values masked. `own` are words of the command and of the task that are values there.
pub(crate) fn message(line: &str, own: &BTreeSet<&str>) -> String {
    let mut out = String::new();
    let mut rest = line.trim();
    while let Some(c) = rest.chars().next() {
        if out.len() > MAX_MESSAGE_BYTES {
            break;
        }
        // A quoted value, unless it is a contraction (`don't`) or does not end.
        let closing = match c {
            '\'' | '"' | '`' => Some(c),
            '‘' => Some('’'),
            _ => None,
        };
        let begins = out.is_empty() || out.ends_with([' ', '(', '=', ':', '[']);
        if let Some(closing) = closing
            && begins
            && let Some(end) =
                rest[c.len_utf8()..].find(|found| found == closing || (c == '`' && found == '\''))
        {
            let inner = &rest[c.len_utf8()..c.len_utf8() + end];
            let inner = if inner.starts_with("--") { inner } else { "<value>" };
            out.push_str(inner);
            let after = c.len_utf8() + end;
            rest = &rest[after + rest[after..].chars().next().map_or(0, char::len_utf8)..];
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        if end == 0 {
            if !out.ends_with(' ') {
                out.push(' ');
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        // A quote inside a word begins a value: `key="value"`.
        let first = c.len_utf8();
        let end = match rest[first..end].find(['"', '`']) {
            Some(at) if at > 0 => first + at,
            _ => end,
        };
        word(&rest[..end], own, &mut out);
        rest = &rest[end..];
    }
    let out = out.trim();
    out[..out.floor_char_boundary(MAX_MESSAGE_BYTES)].trim_end().to_owned()
}

fn word(text: &str, own: &BTreeSet<&str>, out: &mut String) {
    if text.chars().any(char::is_control) {
        return;
    }
    let core = text.trim_matches(|c: char| !c.is_alphanumeric() && !"/\\~-_".contains(c));
    let mask =
        if own.contains(core) && !core.starts_with('-') { Some("<arg>") } else { value_kind(text) };
    match mask {
        None => out.push_str(text),
        Some(mask) => {
            out.push_str(mask);
            // `path:12:` and `path,` keep their mark.
            out.extend(text.chars().last().filter(|c| ":,;.)".contains(*c)));
        }
    }
}
