//! Search over a library of 1,000 lessons with queries in a person's words.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use lore_agent::select::{Index, Offer};
use lore_lessons::codebook;
use lore_protocol::ids::{FederationId, MemberId};
use lore_protocol::lesson::{
    Action, ErrorClass, Lesson, Op, Token, Trigger, group_key, skill_id, virtual_base,
};
use lore_protocol::library::{LessonItem, Library, Rendered, RevisionItem};
use lore_protocol::payload::WEIGHT;

use super::exports::within;
use super::search::texts;
use crate::export::text_alone;

const LESSONS: usize = 1_000;
const QUERIES: &str = include_str!("../../data/skill-queries.tsv");
const HELD_OUT: &str = include_str!("../../data/skill-queries-held-out.tsv");
const PROGRAMS: &str = include_str!("../../../protocol/lessons/data/programs.txt");

/// Programs and their sub-commands: first every program alone, then their first sub-commands, and so on.
fn paths() -> Vec<String> {
    let lines = PROGRAMS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut rounds: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for line in lines {
        let (head, subs) = line.split_once(':').unwrap_or((line, ""));
        let program = head.split_whitespace().next().unwrap();
        rounds.entry(0).or_default().push(program.to_owned());
        for (at, sub) in subs.split_whitespace().filter(|sub| *sub != "*").enumerate() {
            rounds.entry(at + 1).or_default().push(format!("{program} {}", sub.replace('/', " ")));
        }
    }
    rounds.into_values().flatten().collect()
}

/// One pitfall of a program, of a kind that real tools have; the number picks the kind.
fn pitfall(path: &str, kind: usize) -> Option<Lesson> {
    let program = path.split(' ').next()?;
    let token = |text: &str| Token::new(text).ok();
    let flag = |text: &str| token(text).map(Action::AddFlag);
    let first = |text: String| token(&text).map(Action::RunFirst);
    let replace =
        |old: &str, new: &str| Some(Action::UseArgument { old: token(old)?, new: token(new)? });
    let variable = |text: &str| {
        token(&format!("{}_{text}", program.to_uppercase().replace('-', "_"))).map(Action::SetEnv)
    };
    let (error, action) = match kind % 16 {
        0 => (ErrorClass::UnknownOption, replace("--output", "--format")),
        1 => (ErrorClass::PermissionDenied, flag("--user")),
        2 => (ErrorClass::NotConfigured, variable("CONFIG")),
        3 => (ErrorClass::FileNotFound, flag("--config")),
        4 => (ErrorClass::AlreadyExists, flag("--force")),
        5 => (ErrorClass::Timeout, flag("--timeout")),
        6 => (ErrorClass::Unauthorized, first(format!("{program} login"))),
        7 => (ErrorClass::NotFound, first(format!("{program} update"))),
        8 => (ErrorClass::ConnectionRefused, flag("--host")),
        9 => (ErrorClass::UnknownOption, token("--quiet").map(Action::DropFlag)),
        10 => (ErrorClass::ParseError, flag("--raw")),
        11 => (ErrorClass::Locked, variable("LOCK_TIMEOUT")),
        12 => (ErrorClass::MissingArgument, flag("--file")),
        13 => (ErrorClass::NotAProject, first(format!("{program} init"))),
        14 => (ErrorClass::OutOfMemory, variable("MEMORY")),
        _ => (ErrorClass::VersionMismatch, token("--strict").map(Action::DropFlag)),
    };
    let trigger = Trigger { tool: token(path)?, error, subject: None };
    Lesson::new(None, Op::Fix, trigger, action?).ok()
}

/// The codebook, then pitfalls of every public program and of its sub-commands.
fn library() -> Library {
    let mut lessons: Vec<Lesson> =
        codebook().entries().iter().map(|entry| entry.lesson.clone()).collect();
    let paths = paths();
    lessons
        .extend(paths.iter().enumerate().filter_map(|(at, path)| pitfall(path, at * 7 + at / 16)));
    let federation = FederationId::derive("test", &[b"guild"]);
    let mut library = Library::default();
    for lesson in lessons {
        if library.lessons.len() == LESSONS {
            break;
        }
        let at = library.lessons.len();
        let member = |n: usize| MemberId::derive("member", &[&[u8::try_from(n).unwrap()]]);
        let support = (0..=at % 5).map(|n| (member(n), 20 * i64::from(WEIGHT)));
        let skill = skill_id(federation, &lesson);
        let of = library.skills.or_default(skill);
        of.lessons.insert(lesson.id());
        let base = RevisionItem::virtual_base(1);
        of.revisions.insert(virtual_base(skill), base);
        of.heads.insert(0, virtual_base(skill));
        let item = LessonItem {
            lesson: lesson.clone(),
            support: support.collect(),
            authored: [].into(),
            epoch: 1,
        };
        library.lessons.insert(lesson.id(), item);
    }
    assert_eq!(library.lessons.len(), LESSONS);
    library
}

#[test]
fn descriptions_of_a_thousand_lessons_fit_what_agents_list() {
    let rendered = library().render(0).unwrap();
    let chosen = within(&rendered, Some(8_000), |skill| Some(text_alone(&skill.text)));
    let listed = rendered.iter().filter(|one| chosen.files.contains_key(one.name.as_str()));
    let lengths: Vec<usize> = listed.map(|one| one.description.chars().count()).collect();
    assert!(lengths.iter().sum::<usize>() <= 8_000 && lengths.iter().all(|length| *length < 1_000));
    assert!(chosen.files.len() > 50, "{} of {}", chosen.files.len(), rendered.len());
    assert_eq!(chosen.files.len() + chosen.left_out.len(), rendered.len());
}

/// Queries of a file that have the right skill first, of all, and a line for each of the others.
fn measure(library: &Library, file: &str) -> (usize, usize, String) {
    let rendered = library.render(0).unwrap();
    let index = Index::new(texts(library, &rendered, |_| None).unwrap());
    // A skill is right when its lessons are about the program, whatever name it was given.
    let program = |one: &Rendered| {
        let (_, item) = *library.lessons_of(one.skill).first()?;
        Some((one.name.to_string(), group_key(&item.lesson).tool.as_str().to_owned()))
    };
    let programs: BTreeMap<String, String> = rendered.iter().filter_map(program).collect();
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut first, mut all, mut wrong) = (0, 0, String::new());
    for (right, query) in lines.map(|line| line.split_once('\t').unwrap()) {
        let hits = index.search(query, Offer { skills: 3, tokens: 100_000 });
        let found: Vec<&String> = hits.iter().filter_map(|hit| programs.get(&hit.name)).collect();
        all += 1;
        if found.first().is_some_and(|program| right.split('|').any(|one| one == *program)) {
            first += 1;
        } else {
            wrong.push_str(&format!("{right}: {query}: {found:?}\n"));
        }
    }
    println!("{first} of {all} queries have the right skill first\n{wrong}");
    (first, all, wrong)
}

#[test]
fn the_right_skill_is_first_for_nine_of_ten_queries() {
    let (first, all, wrong) = measure(&library(), QUERIES);
    assert!(all >= 60 && first * 10 >= all * 9, "{first} of {all}:\n{wrong}");
}

#[test]
fn queries_that_the_search_was_not_built_for_find_nearly_as_well() {
    let (first, all, wrong) = measure(&library(), HELD_OUT);
    assert!(all >= 30 && first * 10 >= all * 7, "{first} of {all}:\n{wrong}");
}
