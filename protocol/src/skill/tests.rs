#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn skill(name: &str, description: &str) -> SkillMd {
    SkillMd::new(name.parse().unwrap(), description.to_owned(), "# Body\n".to_owned())
}

#[test]
fn what_the_writer_writes_is_valid_and_reads_back_the_same() {
    let mut written = skill("ping-port", "Use when: \"quotes\", --- dashes # and\nlines");
    written.license = Some("MIT".into());
    written.compatibility = Some("needs curl".into());
    written.metadata.insert("lore-skill".into(), "abc".into());
    written.allowed_tools = vec!["Bash(git:*)".into(), "Read".into()];
    let text = written.write().unwrap();
    let verdict = validate(text.as_bytes(), Some("ping-port"));
    assert!(verdict.is_valid(), "{verdict:?}\n{text}");
    let document = parse(text.as_bytes()).unwrap();
    assert_eq!(document.bytes(), text.as_bytes());
    assert_eq!(SkillMd::try_from(&document).unwrap(), written);
}
