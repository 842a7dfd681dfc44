//! Laws of the normaliser, over generated commands and tasks.

use proptest::prelude::*;

use crate::codec;
use crate::lesson::{
    Bundle, LessonKey, MAX_TOPICS, instantiate, mine, normalise, normalise_command, templatise,
    topics, values,
};

/// A task and commands over one set of values, in one of several wordings.
#[derive(Debug, Clone)]
struct Case {
    number: u32,
    id: String,
    date: String,
    text: String,
    out: String,
}

fn case() -> impl Strategy<Value = Case> {
    let date = (2000_u32..2100, 1_u32..13, 1_u32..29);
    (
        "[A-Z]{2,4}-[0-9]{1,4}",
        date,
        "[a-z]{3,7} [a-z]{3,7}",
        "[a-z]{2,5}-[0-9]{1,3}[.](txt|csv)",
        10_000_u32..99_999,
    )
        .prop_map(|(id, (y, m, d), text, out, number)| Case {
            number,
            id,
            date: format!("{y}-{m:02}-{d:02}"),
            text,
            out,
        })
        // Values that are parts of each other would make one command ambiguous.
        .prop_filter("distinct", |case| {
            !case.text.contains(&case.out) && !case.id.contains(&case.number.to_string())
        })
}

impl Case {
    fn task(&self, wording: usize) -> String {
        let Self { number, id, date, text, out } = self;
        match wording {
            0 => format!(
                "Book {number} units of {id} on {date} with the note \"{text}\" and save the receipt as {out}."
            ),
            1 => format!(
                "On {date} we need {id} booked ({number} units, note \"{text}\"); write the receipt to {out}."
            ),
            _ => format!(
                "Write to {out} the receipt for the note '{text}'. It is {id}, {number} units, {date}."
            ),
        }
    }

    fn command(&self, shape: usize) -> String {
        let Self { number, id, date, text, out } = self;
        match shape {
            0 => format!(
                "book http://127.0.0.1:8123/v2/{id}/{number}?day={date} -d 'note={text}' -o {out}"
            ),
            1 => format!(
                "book --id={id} --day \"{date}\" --note=\"{text}\"   --units {number} > ./{out}"
            ),
            2 => format!(
                "k=$(printf %s '{id}' | sha256sum | cut -c1-8); book \"$k\" '{date}' {number} >{out}"
            ),
            _ => format!(
                "open {id} && book -d '{{\"id\": \"{id}\", \"n\": {number}}}' \"{text}\" | tee {out}"
            ),
        }
    }
}

proptest! {
    #[test]
    fn users_with_other_values_and_wordings_give_one_template(
        a in case(), b in case(), shape in 0_usize..4, one in 0_usize..3, two in 0_usize..3,
    ) {
        let first = templatise(&a.command(shape), &a.task(one)).unwrap();
        let second = templatise(&b.command(shape), &b.task(two)).unwrap();
        prop_assert_eq!(&first, &second);
        for value in values(&a.task(one)) {
            prop_assert!(!first.as_str().contains(&value.text), "{} holds {}", first, value.text);
        }
    }

    #[test]
    fn filling_a_template_gives_the_command_back(
        a in case(), b in case(), shape in 0_usize..4, one in 0_usize..3, two in 0_usize..3,
    ) {
        let template = templatise(&a.command(shape), &a.task(one)).unwrap();
        let again = instantiate(template.as_str(), &a.task(one)).unwrap();
        let same = normalise_command(&a.command(shape)).unwrap().as_str().replace("./", "");
        prop_assert_eq!(again, same);
        // And for another user it gives what that user would have typed.
        let filled = instantiate(template.as_str(), &b.task(two)).unwrap();
        let typed = normalise_command(&b.command(shape)).unwrap().as_str().replace("./", "");
        prop_assert_eq!(filled, typed);
    }

    #[test]
    fn normalising_a_command_is_idempotent(command in command_like()) {
        if let Ok(once) = normalise_command(&command) {
            prop_assert_eq!(normalise_command(once.as_str()).unwrap(), once);
        }
    }

    #[test]
    fn templates_are_fixed_points(command in command_like(), task in "[ -~]{0,60}") {
        if let Ok(once) = templatise(&command, &task) {
            prop_assert_eq!(normalise_command(once.as_str()).unwrap(), once);
        }
    }

    #[test]
    fn normalising_text_is_idempotent(text in "\\PC{0,80}") {
        if let Ok(once) = normalise(&text) {
            prop_assert_eq!(normalise(once.as_str()).unwrap(), once);
        }
    }

    #[test]
    fn no_text_makes_the_readers_panic(task in "(?s).{0,120}", command in "(?s).{0,120}") {
        let _ = values(&task);
        let _ = topics(&task);
        let _ = templatise(&command, &task);
        let _ = instantiate(&command, &task);
    }

    #[test]
    fn no_session_makes_the_miner_panic(
        task in "[ -~]{0,80}",
        calls in proptest::collection::vec((command_like(), any::<bool>(), "\\PC{0,20}"), 0..6),
    ) {
        let calls = calls.into_iter().map(|(line, failed, output)| {
            super::call(&line, i32::from(failed), &output)
        });
        let trace = super::solved(&task, calls.collect());
        let failed = trace.calls.iter().any(|call| call.failed);
        let found = mine(&trace);
        prop_assert!(failed || found.is_none());
        // Every key that leaves is one that a peer can decode, and is the session's only one.
        for key in found.iter().flat_map(Bundle::keys) {
            prop_assert_eq!(codec::decode::<LessonKey>(&codec::encode(&key)).unwrap(), key);
        }
        prop_assert!(found.is_none_or(|bundle| bundle.topics.len() <= MAX_TOPICS));
        prop_assert_eq!(mine(&trace), mine(&trace.clone()));
    }
}

/// Text made of the pieces that shell command lines are made of.
fn command_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,6}",
        "[ -~]{1,4}",
        Just("$(".to_owned()),
        Just(")".to_owned()),
        Just("\"".to_owned()),
        Just("'".to_owned()),
        Just(" && ".to_owned()),
        Just(" | ".to_owned()),
        Just(" > ".to_owned()),
        Just("2>&1".to_owned()),
        Just("$x".to_owned()),
        Just("${y}".to_owned()),
        Just("<arg>".to_owned()),
        Just("<out>".to_owned()),
        Just(" A=".to_owned()),
        Just("/tmp/x/y.txt".to_owned()),
        Just("/home/u".to_owned()),
        Just(" token=abcdefgh".to_owned()),
        Just("*".to_owned()),
        Just("\\".to_owned()),
        Just(";".to_owned()),
        Just("1234567".to_owned()),
        Just(" ".to_owned()),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}
