//! Placeholders: the closed set of `<...>` marks that stand for something removed from a text.

/// The file that a task asks to write.
pub(super) const OUT: &str = "<out>";
/// A home directory.
pub(super) const HOME: &str = "<home>";
/// A temporary or scratch directory.
pub(super) const TMP: &str = "<tmp>";
/// A number without meaning outside its session.
pub(super) const NUMBER: &str = "<n>";
/// Marks for recognised private tokens, which nothing fills again.
pub(super) const EMAIL: &str = "<email>";
pub(super) const UUID: &str = "<uuid>";
pub(super) const HASH: &str = "<hash>";
pub(super) const SECRET: &str = "<secret>";

/// Bytes of the longest placeholder.
const MAX_BYTES: usize = 8;

const FIXED: [&str; 8] = [OUT, HOME, TMP, NUMBER, EMAIL, UUID, HASH, SECRET];

/// Most different values that one template may hold.
pub(super) const MAX_ARGUMENTS: usize = 99;

/// `<arg>`, `<arg2>`, ... for a zero-based index.
pub(super) fn argument(index: usize) -> String {
    if index == 0 { "<arg>".into() } else { format!("<arg{}>", index + 1) }
}

/// Length in characters of the placeholder that `chars` begins with.
pub(super) fn at(chars: &[char]) -> Option<usize> {
    if chars.first() != Some(&'<') {
        return None;
    }
    let len = chars.iter().take(9).position(|c| *c == '>')? + 1;
    let text: String = chars[..len].iter().collect();
    is(&text).then_some(len)
}

/// Returns true when a text is one placeholder.
pub(super) fn is(text: &str) -> bool {
    let numbered = text.strip_prefix("<arg").and_then(|rest| rest.strip_suffix('>'));
    let number = |n: &str| {
        n.is_empty() || (n.len() < 3 && !n.starts_with('0') && n != "1" && n.parse::<u8>().is_ok())
    };
    FIXED.contains(&text) || numbered.is_some_and(number)
}

/// Splits a text into literal stretches and placeholders (`true`), in order.
pub(super) fn split(text: &str) -> Vec<(bool, &str)> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('<') {
        let open = at + found;
        // No further: a text of `<` alone would be looked through from each of them.
        let near = text.as_bytes()[open..].iter().take(MAX_BYTES);
        let close = near.into_iter().position(|byte| *byte == b'>').map(|len| open + len + 1);
        match close.filter(|close| is(&text[open..*close])) {
            Some(close) => {
                if start < open {
                    out.push((false, &text[start..open]));
                }
                out.push((true, &text[open..close]));
                start = close;
                at = close;
            }
            None => at = open + 1,
        }
    }
    if start < text.len() {
        out.push((false, &text[start..]));
    }
    out
}

/// The text without its placeholders.
pub(super) fn strip(text: &str) -> String {
    split(text).into_iter().filter(|(mark, _)| !mark).map(|(_, text)| text).collect()
}

/// Applies `change` to the literal stretches only.
pub(super) fn map(text: &str, change: impl Fn(&str) -> String) -> String {
    let one = |(mark, text): (bool, &str)| if mark { text.to_owned() } else { change(text) };
    split(text).into_iter().map(one).collect()
}
