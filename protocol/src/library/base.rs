//! Base texts: the `SKILL.md` of a revision with what rendering adds to it, and without.

use super::item::RevisionItem;
use crate::skill::{self, Problem, SkillMd, SkillName};

/// Keys of `metadata` that rendering writes: skill, revision, and the hash of the skill's state.
pub(super) const MARKS: [&str; 3] = ["lore-skill", "lore-revision", "lore-skill-state"];

const HEADING: &str = "## Learned in the field";
const NOTE: &str = "From lessons of the federation's members, beside the text above:";

/// Returns true when a text is a valid `SKILL.md` that says of itself what its revision says.
#[must_use]
pub fn is_usable(text: &str, item: &RevisionItem) -> bool {
    let Ok(document) = skill::parse(text.as_bytes()) else { return false };
    document.verdict(None).is_valid()
        && document.name() == Some(item.name.as_str())
        && document.description() == Some(item.description.trim())
        && item.name.parse::<SkillName>().is_ok()
}

/// The fields of a base text, and these lines of lessons after its body.
pub(super) fn with_lessons(text: &str, lines: &[String]) -> Result<SkillMd, Vec<Problem>> {
    let document = skill::parse(text.as_bytes()).map_err(|error| vec![error.into()])?;
    let mut md = SkillMd::try_from(&document)?;
    if !lines.is_empty() {
        let body = md.body.trim_end();
        md.body = format!("{body}\n\n{HEADING}\n\n{NOTE}\n\n{}\n", lines.join("\n"));
    }
    Ok(md)
}

/// A `SKILL.md` without what rendering added; none when nothing was added, or the text is not valid.
#[must_use]
pub fn without_lessons(text: &[u8]) -> Option<String> {
    let document = skill::parse(text).ok()?;
    let mut md = SkillMd::try_from(&document).ok()?;
    let marked = MARKS.iter().filter(|mark| md.metadata.remove(**mark).is_some()).count() > 0;
    let added = md.body.rfind(&format!("\n{HEADING}\n\n{NOTE}\n"));
    if let Some(at) = added {
        let kept = md.body.get(..at).unwrap_or_default().trim_end();
        md.body = format!("{kept}\n");
    }
    if marked || added.is_some() { md.write().ok() } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    const TEXT: &str = "---\nname: \"a\"\ndescription: \"b\"\n---\n\n# A\n\nDo it.\n";

    #[test]
    fn what_rendering_adds_is_taken_away_again() {
        let mut md = with_lessons(TEXT, &["- one".to_owned()]).unwrap();
        md.metadata.extend(MARKS.map(|mark| (mark.to_owned(), "1".to_owned())));
        md.metadata.insert("lore-inputs".into(), "x".into());
        let rendered = md.write().unwrap();
        assert!(rendered.contains("- one") && rendered.contains(HEADING), "{rendered}");
        let without = without_lessons(rendered.as_bytes()).unwrap();
        assert!(without.ends_with("# A\n\nDo it.\n") && without.contains("lore-inputs"));
        assert_eq!(without_lessons(without.as_bytes()), None);
        assert_eq!(without_lessons(TEXT.as_bytes()), None, "a person's text is left as it is");
    }

    #[test]
    fn a_text_that_says_something_else_than_its_revision_is_not_used() {
        let item = |name: &str, description: &str| RevisionItem {
            name: name.into(),
            description: description.into(),
            parents: Vec::new(),
            files: Vec::new(),
            author: None,
            also: BTreeSet::new(),
            epoch: 1,
        };
        assert!(is_usable(TEXT, &item("a", "b")));
        assert!(!is_usable(TEXT, &item("a", "something harmless")));
        assert!(!is_usable(TEXT, &item("c", "b")));
        assert!(!is_usable("# no head", &item("a", "b")));
    }
}
