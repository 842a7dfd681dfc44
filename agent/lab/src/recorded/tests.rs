#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use lore_agent::extract;
use lore_lessons::{Book, findings, keys};
use lore_session::import::{Format, read};

use super::*;

fn corpus() -> String {
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/lessons/data/corpus");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn every_chosen_line_is_in_the_corpus_and_programs_differ() {
    let corpus = corpus();
    let lines: BTreeSet<&str> = corpus.lines().collect();
    assert!(include_str!("chosen.jsonl").lines().all(|line| lines.contains(line)));
    let programs: BTreeSet<&str> =
        pitfalls().iter().filter_map(|one| one.calls[0].command.split(' ').next()).collect();
    assert_eq!((pitfalls().len(), programs.len()), (5, 5));
}

#[test]
fn the_codebook_answers_none_of_them() {
    let mut book = Book::new();
    book.add_codebook();
    for pitfall in pitfalls() {
        let calls = Person::drawn(1, 0).session(pitfall, 0, 10, true).calls();
        let found = findings(&calls, "");
        assert_eq!(found.failures.len(), 1, "{}", pitfall.name);
        let (at, situation) = &found.failures[0];
        let hint = book.hint_for(situation, calls[*at].command.as_deref());
        assert!(hint.is_none(), "{}: choose another", pitfall.name);
    }
}

/// What is one person's own is in no key, whatever agent wrote the file.
#[test]
fn every_persons_file_teaches_the_one_key_of_its_pitfall() {
    for pitfall in pitfalls() {
        let mut taught = BTreeSet::new();
        for at in 0..8 {
            let drawn = Person::drawn(7, at);
            for (harness, format) in
                [(Harness::ClaudeCode, Format::ClaudeCode), (Harness::Codex, Format::Codex)]
            {
                let person = Person { harness, ..drawn.clone() };
                let session = person.session(pitfall, 3, 1_800_000_000, true);
                let text = session_file(&session, harness);
                let imported = read(format, text.as_bytes()).unwrap();
                assert!(imported.warnings.is_empty(), "{:?}", imported.warnings);
                let [found] = imported.sessions.as_slice() else { panic!("one session") };
                assert_eq!(found.session.calls(), session.calls());
                assert_eq!(found.session.started, session.started);
                let given = extract::of(&found.session, false);
                let given = &given.expose_to_owner().bundles;
                assert!(given.iter().all(|bundle| bundle.topics.is_empty()), "{given:?}");
                assert_eq!(given.len(), 1, "{}: {given:?}", pitfall.name);
                taught.extend(given.iter().map(|bundle| bundle.primary.clone()));
            }
        }
        assert_eq!(taught.len(), 1, "{}: {taught:?}", pitfall.name);
    }
}

#[test]
fn a_session_without_a_repair_ends_with_the_failure_and_teaches_nothing() {
    let person = Person::drawn(1, 1);
    for pitfall in pitfalls() {
        let session = person.session(pitfall, 0, 10, false);
        let found = findings(&session.calls(), &session.task);
        assert_eq!((found.failures.len(), keys(&found).len()), (1, 0), "{}", pitfall.name);
    }
}

#[test]
fn a_seed_gives_the_same_people_and_other_seeds_others() {
    let people = |seed| -> Vec<Person> { (0..20).map(|at| Person::drawn(seed, at)).collect() };
    assert_eq!(people(1), people(1));
    assert_ne!(people(1), people(2));
    let repaired = (0..500).filter(|number| Person::drawn(1, 0).repairs(*number)).count();
    assert!((350..450).contains(&repaired), "{repaired}");
}
