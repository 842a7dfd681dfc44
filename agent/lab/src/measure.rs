//! Work and evaluation: many users, many tasks, really executed.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::draw::Draw;
use super::environment::Environment;
use super::error::{LabError, at};
use super::family_id::FamilyId;
use crate::explorer::{Attempt, Explorer, ExplorerError, Skills, SkillsError};

/// Why work or an evaluation stopped.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The lab or a scratch directory failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A command could not be run.
    #[error(transparent)]
    Explorer(#[from] ExplorerError),
    /// The skills could not be read.
    #[error(transparent)]
    Skills(#[from] SkillsError),
}

/// The plan of the users' work.
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
    /// The result.
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
    let controls = environment.controls();
    let mut jobs = Vec::new();
    for user in 0..plan.users {
        let name = format!("user-{}-{user}", plan.seed);
        let mine = plan.families.get(user % plan.families.len().max(1)).copied();
        let tasks = mine.into_iter().flat_map(|family| (0..plan.tasks).map(move |n| (family, n)));
        let other = |n: u64| {
            let nth = (user + usize::try_from(n).unwrap_or(0)).checked_rem(controls.len())?;
            Some((controls[nth], n))
        };
        let controls = (0..plan.controls).filter_map(other);
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
    let crew = Crew {
        environment,
        dir,
        seed: plan.seed,
        skills: plan.skills.map(Skills::load).transpose()?,
        patient: true,
        threads: plan.threads,
    };
    crew.run(&jobs, progress)
}

/// The score of one family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Tasks.
    pub attempts: usize,
    /// Of these, passed before anything failed.
    pub first_attempt: usize,
    /// Of these, passed in the end.
    pub solved: usize,
}

/// The scores of the families.
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
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The evaluation to run.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a> {
    /// Names the tasks; the same seed gives the same ones.
    pub seed: u64,
    /// Families; the controls are evaluated besides.
    pub families: &'a [FamilyId],
    /// Tasks of each family.
    pub per_family: u64,
    /// Exported skills, when there are any.
    pub skills: Option<&'a Path>,
    /// True when an explorer continues after its first failure.
    pub give_time: bool,
    /// Threads.
    pub threads: NonZeroUsize,
}

/// Evaluates fresh tasks of the families and of the controls, in scratch directories below `dir`. `progress` is told how
/// many tasks are done of how many.
///
/// # Errors
/// As for [`work`].
pub fn evaluate(
    environment: &Environment,
    dir: &Path,
    evaluation: &Evaluation<'_>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Report, MeasureError> {
    let name = format!("evaluation-{}", evaluation.seed);
    let controls = environment.controls();
    let families = evaluation.families.iter().chain(&controls).copied();
    let jobs: Vec<Job> = families
        .flat_map(|family| (0..evaluation.per_family).map(move |n| (family, n)))
        .map(|(family, n)| Job { user: 0, name: name.clone(), family, n, started: 0 })
        .collect();
    let crew = Crew {
        environment,
        dir,
        seed: evaluation.seed,
        skills: evaluation.skills.map(Skills::load).transpose()?,
        patient: evaluation.give_time,
        threads: evaluation.threads,
    };
    let mut report = Report::default();
    for worked in crew.run(&jobs, progress)? {
        let table = if environment.is_control(worked.family) {
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

/// Explorers that share jobs over threads.
struct Crew<'a> {
    environment: &'a Environment,
    dir: &'a Path,
    seed: u64,
    skills: Option<Skills>,
    patient: bool,
    threads: NonZeroUsize,
}

impl Crew<'_> {
    fn run(
        &self,
        jobs: &[Job],
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Vec<Worked>, MeasureError> {
        let bin = self.environment.bin();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = Mutex::new(BTreeMap::new());
        let worker = || {
            while let Some((index, job)) = take(&next, jobs) {
                let result = self.one(&bin, index, job);
                if result.is_err() {
                    // The rest would fail in the same way.
                    next.store(jobs.len(), Ordering::SeqCst);
                }
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.insert(index, result);
                drop(results);
                progress(done.fetch_add(1, Ordering::SeqCst) + 1, jobs.len());
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.threads.get() {
                scope.spawn(worker);
            }
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.into_values().collect()
    }

    fn one(&self, bin: &Path, index: usize, job: &Job) -> Result<Worked, MeasureError> {
        let scratch = self.dir.join(format!("task-{index}"));
        std::fs::create_dir_all(&scratch).map_err(at(&scratch))?;
        let instance = self.environment.instance(job.family, &job.name, job.n)?;
        instance.setup(&scratch)?;
        let explorer = Explorer {
            bin,
            skills: self.skills.as_ref(),
            habit: Draw::new(self.seed, &["user", &job.name]).below(u64::MAX),
            patient: self.patient,
        };
        // The family is hashed: a session shows what its user saw, and no more.
        let label = format!("{}/{}/{}", job.name, job.family.name(), job.n);
        let id = blake3::hash(label.as_bytes()).to_hex()[..16].to_owned();
        let check = || instance.validate(&scratch);
        let attempt = explorer.work(&id, instance.prompt(), &scratch, job.started, &check)?;
        std::fs::remove_dir_all(&scratch).map_err(at(&scratch))?;
        Ok(Worked { user: job.user, family: job.family, attempt })
    }
}

/// The next job that nobody took.
fn take<'j>(next: &AtomicUsize, jobs: &'j [Job]) -> Option<(usize, &'j Job)> {
    let index = next.fetch_add(1, Ordering::SeqCst);
    jobs.get(index).map(|job| (index, job))
}
