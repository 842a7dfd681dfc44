//! Values of a task text.

use crate::lesson::{ValueKind, is_language, rank, topics, values, vocabulary_len};

fn found(task: &str) -> Vec<(ValueKind, String, String)> {
    values(task).into_iter().map(|v| (v.kind, v.text, v.placeholder)).collect()
}

fn of(kind: ValueKind, text: &str, placeholder: &str) -> (ValueKind, String, String) {
    (kind, text.into(), placeholder.into())
}

#[test]
fn values_are_numbered_by_kind_and_then_by_order() {
    let first = "Book 12 boxes for order ORD-77 on 2026-03-04 with the note \"handle with care\", \
                 then write the receipt to slip.txt.";
    let second = "For order ORD-77 (note: \"handle with care\") please write to slip.txt the receipt \
                  of 12 boxes on 2026-03-04.";
    let expected = vec![
        of(ValueKind::Out, "slip.txt", "<out>"),
        of(ValueKind::Number, "12", "<arg>"),
        of(ValueKind::Date, "2026-03-04", "<arg2>"),
        of(ValueKind::Identifier, "ORD-77", "<arg3>"),
        of(ValueKind::Text, "handle with care", "<arg4>"),
    ];
    assert_eq!(found(first), expected);
    assert_eq!(found(second), expected);
}

#[test]
fn the_documented_command_gives_the_order_when_there_is_one() {
    let task = "Reserve 5 seats for ORD-77. Docs: `reserve --order ORD-77 --seats 5 -o r.txt`";
    assert_eq!(
        found(task),
        vec![
            of(ValueKind::Out, "r.txt", "<out>"),
            of(ValueKind::Identifier, "ORD-77", "<arg>"),
            of(ValueKind::Number, "5", "<arg2>"),
        ]
    );
}

#[test]
fn program_words_of_the_documented_command_are_nobodys_values() {
    let task = "Use zlorp to get bolts for kiwano. Docs: `zlorp --frobs http://10.0.0.1:8080/krill kiwano`";
    assert_eq!(
        found(task),
        vec![of(ValueKind::Bare, "kiwano", "<arg>"), of(ValueKind::Bare, "bolts", "<arg2>")]
    );
}

#[test]
fn a_value_may_stand_in_the_documented_command_alone() {
    let task = "Get the invoice. Docs: `fetch http://127.0.0.1:8080/v2/invoices/4711 -o inv.txt`";
    assert_eq!(
        found(task),
        vec![of(ValueKind::Out, "inv.txt", "<out>"), of(ValueKind::Number, "4711", "<arg>")]
    );
}

#[test]
fn the_file_to_write_is_told_from_the_file_to_read() {
    for (task, out) in [
        ("Count the errors in server.log and write the number to count.txt.", "count.txt"),
        ("Convert readings.csv to readings.json.", "readings.json"),
        ("Into total.txt please write the sum of data.csv.", "total.txt"),
        ("Create the file note.md with the text 'x y'.", "note.md"),
        ("Save it as 'my report.txt', from input.csv.", "input.csv"),
        ("The sum of a.csv belongs in b.csv", "b.csv"),
    ] {
        let found = values(task);
        let found = found.iter().find(|value| value.kind == ValueKind::Out).unwrap();
        // A quoted file name with spaces is text: the rule is about words.
        assert_eq!(found.text, out, "{task}");
    }
}

#[test]
fn units_possessives_and_punctuation_are_no_part_of_a_value() {
    assert_eq!(
        found("Convert 21.5C (Alice's reading, #88) for Mallard!"),
        vec![
            of(ValueKind::Number, "21.5", "<arg>"),
            of(ValueKind::Number, "88", "<arg2>"),
            of(ValueKind::Name, "Alice", "<arg3>"),
            of(ValueKind::Name, "Mallard", "<arg4>"),
        ]
    );
}

#[test]
fn words_of_the_language_are_no_values() {
    let task =
        "Please fetch the archived telemetry readings as JSON, I'd like the warehouse totals.";
    assert_eq!(found(task), vec![]);
    for word in ["invoices", "archived", "converting", "batches", "queries", "planned", "json"] {
        assert!(is_language(word), "{word}");
    }
    for word in ["kiwano", "zlorp", "mallory"] {
        assert!(!is_language(word), "{word}");
    }
}

#[test]
fn the_vocabulary_is_public_ordered_and_of_the_trade() {
    assert!((2_000..=5_000).contains(&vocabulary_len()));
    assert!(rank("home") < rank("queue") && rank("queue") < rank("checksum"));
    for word in [
        "invoice",
        "inventory",
        "backup",
        "telemetry",
        "warehouse",
        "sensor",
        "archive",
        "payroll",
        "badge",
        "forecast",
        "ledger",
        "release",
        "deploy",
        "log",
        "convert",
        "unit",
        "temperature",
        "ticket",
        "queue",
        "certificate",
        "manifest",
        "checksum",
        "report",
    ] {
        assert!(rank(word).is_some(), "{word}");
    }
    // Names, months and the words in which every task is asked are no topics.
    for word in ["alice", "march", "the", "please", "runbook", "command", "json"] {
        assert_eq!(rank(word), None, "{word}");
    }
}

#[test]
fn topics_are_the_two_rarest_words_of_the_task_itself() {
    let task = "Please fetch the telemetry of the greenhouse for \"payroll badge\" as sensor-4.txt. \
                Docs: `ledger http://127.0.0.1/turnstile`";
    let words: Vec<String> = topics(task).iter().map(ToString::to_string).collect();
    assert_eq!(words, ["telemetry", "greenhouse"]);
    assert!(topics("Please run it").is_empty());
}
