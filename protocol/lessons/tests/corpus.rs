//! The corpus: outputs of real tools, recorded by `scripts/record_corpus.py`, with what a knowledgeable person
//! says that each scenario teaches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use lore_lessons::{
    Call, Circle, Entry, Findings, Remedy, Tally, codebook, findings, forms_of, key_of, keys,
};
use lore_protocol::library::LessonState;
use serde::Deserialize;

#[derive(Deserialize)]
struct Scenario {
    name: String,
    calls: Vec<Recorded>,
    expect: Option<Expected>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct Recorded {
    command: String,
    exit: i32,
    output: String,
}

#[derive(Deserialize)]
struct Expected {
    program: String,
    class: String,
    word: Option<String>,
    remedy: Option<Words>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Words {
    kind: String,
    words: Option<String>,
    old: Option<String>,
    new: Option<String>,
}

fn words(remedy: &Remedy) -> Words {
    let one = |text: &str| (Some(text.to_owned()), None, None);
    let (words, old, new) = match remedy {
        Remedy::UseProgram(text)
        | Remedy::AddFlag(text)
        | Remedy::DropFlag(text)
        | Remedy::RunFirst(text)
        | Remedy::SetVariable(text)
        | Remedy::Install(text) => one(text),
        Remedy::InDirectory(text) | Remedy::WithOption(text) => one(text),
        Remedy::Replace { old, new } => (None, Some(old.clone()), Some(new.clone())),
        Remedy::ReadFirst | Remedy::Retry | Remedy::OtherArguments => (None, None, None),
    };
    Words { kind: remedy.kind().to_owned(), words, old, new }
}

/// All scenarios, with the program's file in which they stand.
fn corpus() -> Vec<(String, Scenario)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/corpus");
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut out = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        for line in text.lines() {
            out.push((stem.clone(), serde_json::from_str(line).unwrap()));
        }
    }
    out
}

fn read(scenario: &Scenario) -> Findings {
    let calls: Vec<Call> = scenario.calls.iter().map(call).collect();
    findings(&calls, "")
}

fn call(recorded: &Recorded) -> Call {
    Call {
        tool: "Bash".into(),
        command: Some(recorded.command.clone()),
        exit: Some(recorded.exit),
        failed: recorded.exit != 0,
        output: Some(recorded.output.clone()),
        ..Call::default()
    }
}

/// What is wrong with the reading of a scenario; none when it is as a person says.
fn fault(scenario: &Scenario) -> Option<String> {
    let found = read(scenario);
    if let Some(status) = &scenario.status {
        let last = serde_json::to_value(found.statuses.last()).unwrap();
        return (last != status.as_str()).then(|| format!("is {last}, not {status}"));
    }
    let expect = scenario.expect.as_ref().expect("an expectation or a status");
    let Some((_, situation)) = found.failures.first() else {
        return Some(format!("no failure: {:?}", found.statuses));
    };
    let class = situation.class.name();
    let is = (situation.program.as_str(), class.as_str(), situation.word.as_deref());
    let should = (expect.program.as_str(), expect.class.as_str(), expect.word.as_deref());
    if is != should {
        return Some(format!("{is:?}, not {should:?}; {}", situation.message));
    }
    let at = found.failures[0].0;
    let remedy = found.pitfalls.iter().find(|pitfall| pitfall.at == at);
    let remedy = remedy.map(|pitfall| words(&pitfall.remedy));
    (remedy != expect.remedy).then(|| format!("{remedy:?}, not {:?}", expect.remedy))
}

#[test]
fn every_recorded_scenario_is_read_as_a_person_reads_it() {
    let corpus = corpus();
    let faults: Vec<String> = corpus
        .iter()
        .filter_map(|(file, scenario)| Some((file, scenario, fault(scenario)?)))
        .map(|(file, scenario, fault)| format!("{file}: {}: {fault}", scenario.name))
        .collect();
    assert!(faults.is_empty(), "{} of {}\n{}", faults.len(), corpus.len(), faults.join("\n"));
}

#[test]
fn the_corpus_has_one_hundred_and_fifty_scenarios_over_twenty_five_programs() {
    let corpus = corpus();
    let programs: std::collections::BTreeSet<&str> = corpus
        .iter()
        .filter_map(|(_, scenario)| scenario.expect.as_ref()?.program.split(' ').next())
        .collect();
    assert!(corpus.len() >= 150, "{}", corpus.len());
    assert!(programs.len() >= 25, "{programs:?}");
}

/// No key of the corpus holds a path or a name of the place where it was recorded.
#[test]
fn no_key_holds_what_is_the_places_own() {
    for (_, scenario) in corpus() {
        for key in keys(&read(&scenario)) {
            let text = serde_json::to_string(&key).unwrap();
            let own = ["/home", "/tmp", "dev@"];
            assert!(!own.iter().any(|word| text.contains(word)), "{}: {text}", scenario.name);
        }
    }
}

#[test]
fn every_entry_of_the_codebook_is_recognised_in_its_recorded_output_and_was_seen_to_work() {
    let corpus = corpus();
    let mut faults = Vec::new();
    for entry in codebook().entries() {
        let Some((_, scenario)) = corpus.iter().find(|(_, one)| one.name == entry.seen) else {
            faults.push(format!("{}: no such scenario", entry.seen));
            continue;
        };
        let found = read(scenario);
        let shown = found.pitfalls.iter().any(|pitfall| {
            let (is, should) = (&pitfall.situation, &entry.situation);
            let fine = should.word.is_some();
            (&is.program, is.class) == (&should.program, should.class)
                && (!fine || is.point() == should.word.as_deref())
                && pitfall.remedy == entry.remedy
                && key_of(is, &pitfall.remedy, fine).as_ref() == Some(&entry.lesson)
        });
        if !shown {
            faults.push(format!("{}: {:?}", entry.seen, entry.situation));
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn what_real_tools_teach_may_be_hinted_when_other_members_say_it() {
    let mut odd = Vec::new();
    for (_, scenario) in corpus() {
        let found = read(&scenario);
        for lesson in found.pitfalls.iter().filter(|one| one.situation.public).flat_map(forms_of) {
            let entry = Entry {
                lesson,
                circle: Circle::Federation,
                tally: Tally::default(),
                example: String::new(),
                public: true,
                state: LessonState::Steady,
            };
            if !entry.stands() {
                odd.push(entry.lesson.to_string());
            }
        }
    }
    assert_eq!(odd, Vec::<String>::new());
}
