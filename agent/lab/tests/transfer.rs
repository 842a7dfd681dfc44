//! What outputs of real tools teach people, dealt to a crowd: `lore lab transfer --corpus` with bars.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use lore_lab::transfer::{Person, Report, crowd, measure, scenarios};
use lore_protocol::lesson::Lesson;

/// Two organisations of a hundred people each: the two halves between which releases go.
const PEOPLE: usize = 200;
const SESSIONS: usize = 40;

fn report() -> Report {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/lessons/data/corpus");
    let scenarios = scenarios(&corpus).unwrap();
    let dealt = crowd(&scenarios, PEOPLE, SESSIONS, 1);
    let people: Vec<Person> = dealt.iter().map(|sessions| Person::of(sessions)).collect();
    let entries = lore_lessons::codebook().entries();
    let codebook: Vec<Lesson> = entries.iter().map(|entry| entry.lesson.clone()).collect();
    measure(&people, &codebook, 1).unwrap()
}

#[test]
fn two_organisations_learn_from_what_real_tools_print() {
    let report = report();
    assert!(report.repeated.anticipated_percent() >= 60.0, "{report}");
    assert!(report.repeated.agreement_percent() >= 80.0, "{report}");
    let at4 = report.released.iter().find(|one| one.epsilon == 4.0).unwrap();
    let each = at4.voted.iter().zip(&at4.discovered).map(|(voted, found)| voted + found);
    assert!(each.into_iter().all(|count| count >= 10), "{report}");
    assert!(at4.candidates >= 30 && at4.candidates_voted >= 10, "{report}");
    // A home, a project or a task of a person is in no key, however many share it.
    let private = |key: &&String| {
        key.contains("/home/") || key.contains("dev/project") || key.contains("page, part")
    };
    assert_eq!(report.released.iter().flat_map(|one| &one.keys).find(private), None);
}

#[test]
fn the_same_seed_deals_the_same_sessions() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/lessons/data/corpus");
    let scenarios = scenarios(&corpus).unwrap();
    assert_eq!(crowd(&scenarios, 2, 5, 7), crowd(&scenarios, 2, 5, 7));
    assert_ne!(crowd(&scenarios, 2, 5, 7), crowd(&scenarios, 2, 5, 8));
}
