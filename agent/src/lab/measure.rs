//! Work and evaluation: many users, many tasks, really executed.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::draw::Draw;
use super::environment::{Environment, LabError, at};
use super::family::FamilyId;
use crate::operator::{Attempt, Operator, OperatorError, Skills, SkillsError};

/// Why work or an evaluation stopped.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The lab or a scratch directory failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A command could not be run.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The skills could not be read.
    #[error(transparent)]
    Skills(#[from] SkillsError),
}

/// What users are to do.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Names the choices; the same seed gives the same tasks and habits.
    pub seed: u64,
    /// Users, named `user-0`, `user-1`, ...
    pub users: usize,
    /// Families, dealt to the users evenly: user i works on the i-th, counted round.
    pub families: &'a [FamilyId],
    /// Tasks of its family that each user does.
    pub tasks: u64,
    /// Control tasks that each user does besides.
    pub controls: u64,
    /// Exported skills, when the users have any.
    pub skills: Option<&'a Path>,
    /// Start of the first session, in seconds since the Unix epoch; each task starts a minute after
    /// the one before it.
    pub started: u64,
    /// Threads.
    pub threads: NonZeroUsize,
}

/// One user's session, before it has a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// Number of the user.
    pub user: usize,
    /// The family, for tables only.
    pub family: FamilyId,
    /// What came of it.
    pub attempt: Attempt,
}

/// One task to do.
struct Job {
    user: usize,
    name: String,
    family: FamilyId,
    n: u64,
    started: u64,
}

/// Lets users work: every command is really run, in scratch directories below `dir`, which is emptied
/// task by task. The result is in the order of users, then of their tasks, whatever ran first.
/// `progress` is told how many tasks are done of how many.
///
/// # Errors
/// When the lab, a directory or a command fails to work at all; a task that is not solved is no error.
pub fn work(
    environment: &Environment,
    dir: &Path,
    plan: &Plan<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<Worked>, MeasureError> {
    let controls = FamilyId::controls();
    let mut jobs = Vec::new();
    for user in 0..plan.users {
        let name = format!("user-{}-{user}", plan.seed);
        let mine = plan
            .families
            .get(user % plan.families.len().max(1))
            .copied();
        let tasks = mine
            .into_iter()
            .flat_map(|family| (0..plan.tasks).map(move |n| (family, n)));
        let other = |n: u64| controls[(user + usize::try_from(n).unwrap_or(0)) % controls.len()];
        let controls = (0..plan.controls).map(|n| (other(n), n));
        for (nth, (family, n)) in (0..).zip(tasks.chain(controls)) {
            jobs.push(Job {
                user,
                name: name.clone(),
                family,
                n,
                started: plan.started + 60 * nth,
            });
        }
    }
    let skills = plan.skills.map(Skills::load).transpose()?;
    run(
        environment,
        dir,
        &jobs,
        plan.seed,
        skills.as_ref(),
        true,
        plan.threads,
        progress,
    )
}

/// How one family fared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Tasks.
    pub attempts: usize,
    /// Of these, passed before anything failed.
    pub first_attempt: usize,
    /// Of these, passed in the end.
    pub solved: usize,
}

/// How the families fared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// By family, controls left out.
    pub families: BTreeMap<FamilyId, Score>,
    /// The controls.
    pub controls: BTreeMap<FamilyId, Score>,
}

impl Report {
    /// All families together, without the controls.
    #[must_use]
    pub fn quirks(&self) -> Score {
        Self::sum(&self.families)
    }

    /// The controls together.
    #[must_use]
    pub fn control(&self) -> Score {
        Self::sum(&self.controls)
    }

    fn sum(scores: &BTreeMap<FamilyId, Score>) -> Score {
        scores.values().fold(Score::default(), |sum, score| Score {
            attempts: sum.attempts + score.attempts,
            first_attempt: sum.first_attempt + score.first_attempt,
            solved: sum.solved + score.solved,
        })
    }
}

impl Score {
    /// Share of first attempts that passed, 0 to 1; 0 without attempts.
    #[must_use]
    pub fn first_attempt_share(&self) -> f64 {
        share(self.first_attempt, self.attempts)
    }

    /// Share of tasks that were solved, 0 to 1; 0 without attempts.
    #[must_use]
    pub fn solved_share(&self) -> f64 {
        share(self.solved, self.attempts)
    }
}

#[allow(clippy::cast_precision_loss)] // Counts of tasks are far below 2^52.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// Evaluates fresh tasks of every family, `per_family` each, with the exported `skills` or without.
/// Unless `give_time`, an operator stops at its first failure.
///
/// # Errors
/// As for [`work`].
#[allow(clippy::too_many_arguments)]
pub fn evaluate(
    environment: &Environment,
    dir: &Path,
    seed: u64,
    per_family: u64,
    skills: Option<&Path>,
    give_time: bool,
    threads: NonZeroUsize,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Report, MeasureError> {
    let name = format!("evaluation-{seed}");
    let jobs: Vec<Job> = FamilyId::ALL
        .iter()
        .flat_map(|family| (0..per_family).map(move |n| (*family, n)))
        .map(|(family, n)| Job {
            user: 0,
            name: name.clone(),
            family,
            n,
            started: 0,
        })
        .collect();
    let skills = skills.map(Skills::load).transpose()?;
    let done = run(
        environment,
        dir,
        &jobs,
        seed,
        skills.as_ref(),
        give_time,
        threads,
        progress,
    )?;
    let mut report = Report::default();
    for worked in done {
        let table = if worked.family.is_control() {
            &mut report.controls
        } else {
            &mut report.families
        };
        let score = table.entry(worked.family).or_default();
        score.attempts += 1;
        score.first_attempt += usize::from(worked.attempt.first_attempt);
        score.solved += usize::from(worked.attempt.solved);
    }
    Ok(report)
}

#[allow(clippy::too_many_arguments)]
fn run(
    environment: &Environment,
    dir: &Path,
    jobs: &[Job],
    seed: u64,
    skills: Option<&Skills>,
    patient: bool,
    threads: NonZeroUsize,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<Worked>, MeasureError> {
    let bin = environment.bin();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = Mutex::new(BTreeMap::new());
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::SeqCst);
            let Some(job) = jobs.get(index) else {
                return;
            };
            let operator = Operator {
                bin: &bin,
                skills,
                habit: Draw::new(seed, &["user", &job.name]).below(u64::MAX),
                patient,
            };
            let result = one(environment, dir, index, job, &operator);
            let failed = result.is_err();
            results
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .insert(index, result);
            progress(done.fetch_add(1, Ordering::SeqCst) + 1, jobs.len());
            if failed {
                // The rest would fail in the same way.
                next.store(jobs.len(), Ordering::SeqCst);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(worker);
        }
    });
    let results = results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    results.into_values().collect()
}

fn one(
    environment: &Environment,
    dir: &Path,
    index: usize,
    job: &Job,
    operator: &Operator<'_>,
) -> Result<Worked, MeasureError> {
    let scratch = dir.join(format!("task-{index}"));
    std::fs::create_dir_all(&scratch).map_err(at(&scratch))?;
    let instance = environment.instance(job.family, &job.name, job.n);
    instance.setup(&scratch)?;
    // The family is hashed: a session shows what its user saw, and no more.
    let label = format!("{}/{}/{}", job.name, job.family.name(), job.n);
    let id = blake3::hash(label.as_bytes()).to_hex()[..16].to_owned();
    let check = || instance.validate(&scratch);
    let attempt = operator.work(&id, instance.prompt(), &scratch, job.started, &check)?;
    std::fs::remove_dir_all(&scratch).map_err(at(&scratch))?;
    Ok(Worked {
        user: job.user,
        family: job.family,
        attempt,
    })
}
