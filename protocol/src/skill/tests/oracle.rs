//! Differential test against the reference validator, through what it once said
//! (`scripts/golden_skills.py`).

use std::collections::{BTreeMap, BTreeSet};

use crate::skill::{SkillMd, validate};

const GOLDEN: &str = include_str!("../golden/skills_ref.json");

#[derive(serde::Deserialize)]
struct Golden {
    oracle: String,
    date: String,
    cases: Vec<Case>,
    written: Vec<Written>,
}

#[derive(serde::Deserialize)]
struct Case {
    case: String,
    directory: String,
    text: Option<String>,
    hex: Option<String>,
    verdict: String,
    said: String,
}

#[derive(serde::Deserialize)]
struct Written {
    fields: Fields,
    text: String,
    verdict: String,
}

#[derive(serde::Deserialize)]
struct Fields {
    name: String,
    description: String,
    license: Option<String>,
    compatibility: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    allowed_tools: Vec<String>,
    body: String,
}

/// Cases in which this validator means to differ, with the reason. Always stricter: whatever this
/// validator accepts, the reference accepts.
const INTENDED: &[(&str, &str)] = &[
    ("lone carriage returns", "other readers see one line and no frontmatter"),
    ("key on the opening line", "other readers want the fence on a line of its own"),
    (
        "closed in the middle of a line",
        "other readers go on to the next fence and find another skill",
    ),
    (
        "hyphens in the description",
        "the reference stops at the hyphens and loses the rest of the text",
    ),
    ("license is a list", "the standard says text; the reference does not look"),
    ("allowed-tools is a list", "the standard says text; the reference does not look"),
    ("metadata is a text", "the standard says a map of texts; the reference does not look"),
    ("metadata is empty", "the standard says a map of texts; the reference does not look"),
    ("metadata is a list", "the standard says a map of texts; the reference does not look"),
    (
        "nested metadata",
        "the standard says a map of texts; the reference turns values into Python's text form",
    ),
    (
        "list in metadata",
        "the standard says a map of texts; the reference turns values into Python's text form",
    ),
];

fn golden() -> Golden {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!((golden.oracle.as_str(), golden.date.len()), ("skills-ref 0.1.1", 10));
    golden
}

#[test]
fn verdicts_agree_with_the_reference_validator() {
    let golden = golden();
    assert!(golden.cases.len() >= 60);
    let mut intended: BTreeSet<&str> = INTENDED.iter().map(|(case, _)| *case).collect();
    assert_eq!(intended.len(), INTENDED.len());
    let mut surprises = Vec::new();
    for case in &golden.cases {
        let bytes = match (&case.text, &case.hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(digits)) => hex::decode(digits).unwrap(),
            _ => panic!("{}: a case has a text or bytes", case.case),
        };
        let ours = validate(&bytes, Some(&case.directory));
        // A crash is a refusal with a worse message.
        assert!(!ours.is_valid() || case.verdict == "accepted", "{}: only we accept it", case.case);
        let agree = ours.is_valid() == (case.verdict == "accepted");
        if agree == intended.remove(case.case.as_str()) {
            surprises.push(format!(
                "{}: they {} {}, we {:?}",
                case.case, case.verdict, case.said, ours.problems
            ));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(intended.is_empty(), "no such cases: {intended:?}");
}

#[test]
fn what_we_write_is_exactly_what_the_reference_validator_accepted() {
    let golden = golden();
    assert_eq!(golden.written.len(), 20);
    for Written { fields, text, verdict } in golden.written {
        let mut skill = SkillMd::new(fields.name.parse().unwrap(), fields.description, fields.body);
        skill.license = fields.license;
        skill.compatibility = fields.compatibility;
        skill.metadata = fields.metadata;
        skill.allowed_tools = fields.allowed_tools;
        assert_eq!(skill.write().unwrap(), text);
        assert_eq!(verdict, "accepted", "{text}");
        assert!(validate(text.as_bytes(), Some(&fields.name)).is_valid(), "{text}");
    }
}
