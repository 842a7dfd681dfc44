#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bundle;
mod oracle;

use proptest::prelude::*;

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
    assert_eq!(SkillMd::try_from(&document).unwrap(), written);
}

#[test]
fn the_writer_refuses_what_it_could_not_read_back() {
    let mut bad = skill("a", " ");
    bad.compatibility = Some("c".repeat(501));
    bad.metadata.insert(" ".into(), "bell \u{7}".into());
    bad.allowed_tools = vec!["two words".into()];
    let problems = bad.write().unwrap_err();
    assert_eq!(problems.len(), 5, "{problems:?}");
    assert!(skill("a", &"d".repeat(1025)).write().is_err());
}

#[test]
fn import_and_export_round_trip_byte_for_byte() {
    for text in [
        "\u{feff}---\r\nname: a\r\ndescription: d\r\nx-own: {kept: [as, is]}\r\n---\r\n\r\nbody",
        "---\n# comment\nname:   a\ndescription: Use when: always\n---",
    ] {
        let document = parse(text.as_bytes()).unwrap();
        assert_eq!(document.bytes(), text.as_bytes());
        assert_eq!(document.name(), Some("a"));
        assert!(!document.warnings().is_empty());
    }
}

#[test]
fn reading_keeps_unknown_keys_and_says_what_it_tolerated() {
    let text =
        "---\nname: a\nversion: 2\ndescription: Use when: it's late\nmore: {deep: [1]}\n---\nB\n";
    let document = parse(text.as_bytes()).unwrap();
    assert_eq!(document.description(), Some("Use when: it's late"));
    assert_eq!(document.text("version"), Some("2"));
    let deep = Yaml::Sequence(vec![Yaml::Text("1".into())]);
    assert_eq!(document.field("more"), Some(&Yaml::Mapping(vec![("deep".into(), deep)])));
    assert!(matches!(document.warnings()[0], Warning::Requoted { line: 3, .. }));
    assert_eq!(document.body(), "B\n");
    let verdict = document.verdict(Some("a"));
    assert!(verdict.problems.contains(&Problem::UnknownKey("version".into())));
}

#[test]
fn a_body_past_the_guidance_is_valid_with_a_warning() {
    let text = format!(
        "---\nname: a\ndescription: d\n---\n{}",
        "fifty characters of text that fill a line, more...\n".repeat(500)
    );
    let verdict = validate(text.as_bytes(), Some("a"));
    assert!(verdict.is_valid());
    assert_eq!(verdict.warnings, [Warning::LongBody(500), Warning::HeavyBody(6375)]);
    let empty = validate(b"---\nname: a\ndescription: d\n---\n \n", None);
    assert_eq!(empty.warnings, [Warning::EmptyBody]);
}

fn refusal(frontmatter: &str) -> ParseError {
    parse(format!("---\n{frontmatter}\n---\n").as_bytes()).unwrap_err()
}

#[test]
fn hostile_yaml_is_refused_within_bounds() {
    let nested_flow = format!("a: {}{}", "[".repeat(30_000), "]".repeat(30_000));
    // The scanner looks ahead and gives up by itself at 256 open brackets.
    assert!(matches!(refusal(&nested_flow), ParseError::Yaml(_)));
    let nested = format!("a: {}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(matches!(refusal(&nested), ParseError::Yaml(YamlError::TooDeep(_))));
    let nested_block = "- ".repeat(30_000);
    assert!(matches!(refusal(&nested_block), ParseError::Yaml(YamlError::TooDeep(_))));
    let open = format!("a: {}", "{".repeat(60_000));
    assert!(matches!(refusal(&open), ParseError::Yaml(_)));
    let bomb = format!("a: &a {}\nb: [{}]", "x".repeat(20_000), "*a,".repeat(2_000));
    assert!(matches!(refusal(&bomb), ParseError::Yaml(YamlError::Alias(_))));
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]";
    assert!(matches!(refusal(laughs), ParseError::Yaml(YamlError::Alias(2))));
    let cycle = "a: &a [*a]";
    assert!(matches!(refusal(cycle), ParseError::Yaml(YamlError::Alias(_))));
    let many = "a: 1\n".repeat(5_000);
    assert!(matches!(refusal(&many), ParseError::Yaml(YamlError::TooManyNodes)));
    let long = "x".repeat(MAX_FRONTMATTER_BYTES + 1);
    assert!(matches!(refusal(&long), ParseError::FrontmatterTooLong(_)));
}

#[test]
fn an_error_never_quotes_the_content() {
    for frontmatter in
        ["name: \"secret", "secret: [", "{secret", "a: *secret", "- secret: b\n  - c"]
    {
        let error = refusal(frontmatter).to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

/// Text that looks like frontmatter more often than chance would make it.
fn yamlish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("---"),
        Just("\n"),
        Just("\r\n"),
        Just("  "),
        Just("\t"),
        Just(": "),
        Just("- "),
        Just("? "),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just("&a "),
        Just("*a"),
        Just("!t "),
        Just("!!str "),
        Just("|\n"),
        Just(">-\n"),
        Just("\""),
        Just("'"),
        Just("\\"),
        Just("#"),
        Just(" #"),
        Just("%YAML 1.2\n"),
        Just("%TAG ! x\n"),
        Just("..."),
        Just("name"),
        Just("description"),
        Just("é"),
        Just("\u{feff}"),
        Just("\u{85}"),
        Just("\u{2028}"),
        Just("<<"),
        Just("~"),
        Just("!<"),
        Just("\\x4"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn reading_never_panics_on_bytes(bytes: Vec<u8>) {
        let _ = validate(&bytes, Some("a"));
    }

    #[test]
    fn reading_never_panics_on_what_looks_like_yaml(inner in yamlish()) {
        let text = format!("---\n{inner}\n---\nbody\n");
        if let Ok(document) = parse(text.as_bytes()) {
            prop_assert_eq!(document.bytes(), text.as_bytes());
        }
        let _ = validate(text.as_bytes(), Some("a"));
        let _ = validate(inner.as_bytes(), Some("a"));
    }

    #[test]
    fn any_text_without_control_characters_survives_writing(
        description in "\\PC{1,200}",
        key in "[^\\pC\\pZ]{1,20}",
        value in "(\\PC|\n|\t|-{1,7}|\"|\\\\){0,60}",
        body in "(\\PC|\n|-{3}){0,60}",
    ) {
        prop_assume!(!description.trim().is_empty());
        let mut written = skill("a", description.trim());
        written.metadata.insert(key, value);
        written.body = format!("{}\n", body.trim_start_matches(['\n', '\r']));
        let text = written.write().unwrap();
        prop_assert!(validate(text.as_bytes(), Some("a")).is_valid(), "{}", text);
        let read = SkillMd::try_from(&parse(text.as_bytes()).unwrap()).unwrap();
        if written.body.trim_matches('\n').is_empty() {
            written.body = read.body.clone();
        }
        prop_assert_eq!(read, written);
    }

    #[test]
    fn a_name_that_parses_is_its_own_normal_form(text in "\\PC{0,70}") {
        if let Ok(name) = text.parse::<SkillName>() {
            prop_assert_eq!(name.as_str(), &text);
            prop_assert!(text.chars().count() <= MAX_NAME_CHARS);
            prop_assert!(!text.starts_with('-') && !text.ends_with('-') && !text.contains("--"));
        }
    }
}
