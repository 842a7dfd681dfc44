//! Texts with `{name}` in them. `{{` and `}}` stand for braces.

use std::collections::{BTreeMap, BTreeSet};

/// The names that a text uses.
///
/// # Errors
/// Returns what is wrong with its braces.
pub(super) fn names(text: &str) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    walk(text, &mut |name| {
        found.insert(name.to_owned());
        Some(String::new())
    })?;
    Ok(found)
}

/// The text with every `{name}` replaced.
///
/// # Errors
/// Fails when the text is malformed or uses a name without a value.
pub(crate) fn fill(text: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    walk(text, &mut |name| values.get(name).cloned())
}

fn walk(text: &str, value: &mut dyn FnMut(&str) -> Option<String>) -> Result<String, String> {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['{', '}']) {
        out += &rest[..at];
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out += brace;
            rest = after;
        } else if brace == "}" {
            return Err("a `}` closes nothing; write `}}` for a brace".to_owned());
        } else {
            let Some((name, after)) = rest.split_once('}') else {
                return Err("a `{` is not closed; write `{{` for a brace".to_owned());
            };
            let is_key = super::spec::is_key(name);
            let Some(text) = value(name).filter(|_| is_key) else {
                return Err(format!("`{{{name}}}` names no value; write `{{{{` for a brace"));
            };
            out += &text;
            rest = after;
        }
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_replaced_and_doubled_braces_stay() {
        let values = BTreeMap::from([("id".to_owned(), "{x}".to_owned())]);
        assert_eq!(fill("a {id} {{b}} {id}", &values).unwrap(), "a {x} {b} {x}");
        assert_eq!(names("{a}{b}{a}").unwrap().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let values = BTreeMap::new();
        for (text, said) in [("{a", "not closed"), ("a}", "closes nothing"), ("{b}", "`{b}`")] {
            let reason = fill(text, &values).unwrap_err();
            assert!(reason.contains(said), "{reason}");
        }
        assert!(names("{a b}").is_err());
    }
}
