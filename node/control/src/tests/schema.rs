//! The published schema.

use std::path::Path;

use serde_json::{Value, json};

use crate::schema::Found;
use crate::*;

fn published() -> Value {
    serde_json::from_str(&schema_json()).unwrap()
}

/// The schema of one type in the published file, to be applied by itself.
fn part(pointer: &str) -> Value {
    let published = published();
    let mut part = published.pointer(pointer).cloned().unwrap();
    part["$defs"] = published["$defs"].clone();
    part
}

/// `LORE_WRITE_SCHEMA=1 cargo test -p lore-control published_schema` writes the file.
#[test]
fn the_published_schema_is_the_programs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/control.schema.json");
    if std::env::var_os("LORE_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, schema_json()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        schema_json(),
        "run LORE_WRITE_SCHEMA=1 cargo test -p lore-control published_schema"
    );
}

#[test]
fn the_schema_has_every_verb_with_arguments_and_answer() {
    let published = published();
    let verbs: Vec<&String> = published["verbs"].as_object().unwrap().keys().collect();
    let mut expected: Vec<&str> = VERBS.to_vec();
    expected.sort_unstable();
    assert_eq!(verbs, expected);
    for verb in VERBS {
        for side in ["args", "answer"] {
            let reference = published["verbs"][verb][side]["$ref"].as_str().unwrap();
            let name = reference.strip_prefix("#/$defs/").unwrap();
            assert!(published["$defs"][name].is_object(), "{verb} {side}");
        }
    }
}

#[test]
fn every_field_is_explained() {
    let published = published();
    for (name, def) in published["$defs"].as_object().unwrap() {
        for (field, schema) in def["properties"].as_object().into_iter().flatten() {
            let said = schema.get("description").or_else(|| schema.get("const"));
            assert!(said.is_some(), "{name}.{field} says nothing");
        }
    }
}

#[test]
fn requests_and_answers_do_not_give_one_name_to_two_types() {
    let mut found = Found::all();
    let (asks, answers) = (found.asks.take_definitions(true), found.answers.take_definitions(true));
    assert!(asks.keys().any(|name| answers.contains_key(name)), "some types are in both");
    for (name, schema) in asks {
        let other = answers.get(&name).unwrap_or(&schema);
        assert_eq!(schema, *other, "{name}");
    }
}

#[test]
fn the_schema_takes_what_the_program_prints_and_nothing_else() {
    let stop = part("/verbs/stop/answer");
    assert!(jsonschema::is_valid(&stop, &json!(Stopping { stopping: true })));
    assert!(!jsonschema::is_valid(&stop, &json!({})));
    let create = part("/verbs/federation.create/args");
    assert!(jsonschema::is_valid(&create, &json!({ "name": "a" })));
    assert!(!jsonschema::is_valid(&create, &json!({ "name": "a", "epsilon": 4 })));
    let failure = part("/failure");
    assert!(jsonschema::is_valid(&failure, &json!(Failure::failed("store", "no"))));
    assert!(!jsonschema::is_valid(
        &failure,
        &json!({ "kind": "a", "message": "", "help": "", "exit": 4 })
    ));
    let event = part("/event");
    let progress = ImportProgress { files_done: 1, files: 2, sessions: 3 };
    assert!(jsonschema::is_valid(&event, &json!(Event::Import(progress))));
    let spending = Spending {
        budget: None,
        period_start_seconds: 0,
        period_end_seconds: 1,
        spent: None,
        left: None,
        lifetime: None,
        pending: 0,
    };
    let status = PrivacyStatus {
        spending,
        unit: None,
        only_receives: Vec::new(),
        users: 0,
        gate: GateSetting::Known { ask: false, deadline_seconds: None },
        at_the_gate: 0,
        deny_list_waiting: 0,
        due: Vec::new(),
        problems: Vec::new(),
    };
    let schema = part("/verbs/privacy.status/answer");
    let printed = json!(status);
    assert!(printed.get("period_start_seconds").is_some(), "spending stands beside the rest");
    assert!(jsonschema::is_valid(&schema, &printed));
    assert_eq!(serde_json::from_value::<PrivacyStatus>(printed).unwrap(), status);
}
