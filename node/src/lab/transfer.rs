//! `lore lab transfer`: what lessons of some people's sessions are worth to others. Nothing leaves the machine.

use std::path::{Path, PathBuf};

use lore_control::SessionImport;
use lore_lab::transfer::{Person, Report, crowd, measure, scenarios};
use lore_protocol::lesson::Lesson;

use crate::error::CliError;
use crate::host::now_seconds;
use crate::import::SessionFiles;
use crate::output::{self, Progress, ProgressMode};

/// Arguments of `lore lab transfer`.
#[derive(Debug, Clone, clap::Args)]
pub struct TransferArgs {
    /// Directory with one sub-directory of session files for each person.
    #[arg(required_unless_present = "corpus")]
    dir: Option<PathBuf>,
    /// Deal sessions of invented people from this directory of recorded outputs of real tools instead.
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    corpus: Option<PathBuf>,
    /// Number of people that are dealt sessions.
    #[arg(long, default_value_t = 200, requires = "corpus", value_parser = clap::value_parser!(u64).range(2..=1000))]
    people: u64,
    /// Number of sessions of each of them.
    #[arg(long, default_value_t = 40, requires = "corpus", value_parser = clap::value_parser!(u64).range(1..=1000))]
    sessions: u64,
    /// Seed of the noise of releases, and of what is dealt.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Measure without the codebook: every lesson must be discovered.
    #[arg(long)]
    no_codebook: bool,
    /// Fail unless a person's own earlier sessions answer at least this share of repeated failures, in percent.
    #[arg(long, value_name = "PERCENT")]
    expect_own: Option<f64>,
    /// Fail unless hints of a person's own sessions agree with what then worked this often, in percent.
    #[arg(long, value_name = "PERCENT")]
    expect_agreement: Option<f64>,
}

/// Measures, prints the report, and fails when it is below what was expected.
///
/// # Errors
/// Fails when the directory has no people, and below an expectation.
pub(crate) fn transfer(args: &TransferArgs, json: bool) -> Result<(), CliError> {
    let people = match (&args.dir, &args.corpus) {
        (Some(dir), _) => of_directory(dir)?,
        (None, Some(corpus)) => {
            let scenarios =
                scenarios(corpus).map_err(|error| CliError::usage(error).kind("corpus"))?;
            if scenarios.is_empty() {
                return Err(CliError::usage(format!("{} has no scenarios", corpus.display()))
                    .kind("corpus")
                    .help("`scripts/record_corpus.py` records some as .jsonl files"));
            }
            let [people, sessions] = [args.people, args.sessions]
                .map(|count| usize::try_from(count).unwrap_or(usize::MAX));
            let dealt = crowd(&scenarios, people, sessions, args.seed);
            dealt.iter().map(|sessions| Person::of(sessions)).collect()
        }
        (None, None) => return Err(CliError::usage("neither a directory nor --corpus is given")),
    };
    let entries = if args.no_codebook { &[] } else { lore_lessons::codebook().entries() };
    let codebook: Vec<Lesson> = entries.iter().map(|entry| entry.lesson.clone()).collect();
    let report = measure(&people, &codebook, args.seed)?;
    output::result(&report, json, ToString::to_string)?;
    check(args, &report)
}

fn of_directory(dir: &Path) -> Result<Vec<Person>, CliError> {
    let places = places(dir)?;
    let progress = Progress::start(ProgressMode::Auto, places.len() as u64, "reading sessions");
    let mut people = Vec::new();
    for place in &places {
        people.push(person(place)?);
        progress.advance(1);
    }
    progress.finish();
    Ok(people)
}

fn check(args: &TransferArgs, report: &Report) -> Result<(), CliError> {
    let arms = [
        ("--expect-own", args.expect_own, report.repeated.anticipated_percent()),
        ("--expect-agreement", args.expect_agreement, report.repeated.agreement_percent()),
    ];
    for (flag, least, found) in arms {
        if least.is_some_and(|least| found < least) {
            let message = format!("{flag}: {found:.1} % of repeated failures");
            return Err(CliError::failed("below", message));
        }
    }
    Ok(())
}

/// The sub-directories, by name.
fn places(dir: &Path) -> Result<Vec<PathBuf>, CliError> {
    let unreadable = |error: std::io::Error| CliError::usage(format!("{}: {error}", dir.display()));
    let mut places = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            places.push(path);
        }
    }
    if places.is_empty() {
        return Err(CliError::usage(format!("{} has no sub-directories", dir.display()))
            .help("put the session files of each person into a directory of their own"));
    }
    places.sort();
    Ok(places)
}

fn person(place: &Path) -> Result<Person, CliError> {
    let wanted = SessionImport {
        user: String::new(),
        path: place.to_path_buf(),
        format: None,
        again: false,
    };
    let mut files = SessionFiles::find(&wanted, now_seconds())?;
    let mut sessions = Vec::new();
    while let Some(chunk) = files.next_chunk() {
        sessions.extend(chunk.sessions.into_iter().map(|found| found.session));
    }
    Ok(Person::of(&sessions))
}
