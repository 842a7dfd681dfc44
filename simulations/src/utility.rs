//! Lessons that a budget releases in a quarter: one node whose users meet shared lessons by Zipf's law,
//! through the privacy crate's own bounding, noise law and threshold.
//!
//! Two arms see the same sessions: users that share one weight among all lessons they met, as nodes do, and
//! users that speak for one lesson drawn from them.

use lore_engine::Terms;
use lore_privacy::release::{LessonsSpec, release_lessons};
use lore_privacy::{LessonContribution, LocalSecret, PrivacyError, Private, Schedule, SeededNoise};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Action, ErrorClass, Lesson, Op, Token, Trigger};
use lore_protocol::payload::{Payload, Window};
use serde::Serialize;

use crate::budget;
use crate::rng::{Purpose, Streams, WHOLE};

const EPSILONS_MICROS: [u64; 4] = [1_000_000, 2_000_000, 4_000_000, 8_000_000];
const WINDOW: Window = Window { start_seconds: 0, end_seconds: 7_776_000 };

/// Work on a node in a quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Users.
    pub users: u32,
    /// Sessions of each, every one with a lesson.
    pub sessions: u32,
    /// Shared lessons; a session has the i-th with a chance in proportion to 1 / i.
    pub lessons: u32,
}

/// Lessons that a budget releases in a quarter, on average over the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Epsilon of the quarter; delta is 1e-6, the plan is the default one.
    pub epsilon: f64,
    /// Lessons released when each user shares one weight among all its lessons.
    pub shared: f64,
    /// Lessons released when each user speaks for one.
    pub one_each: f64,
    /// The first over the second; none when the second is zero.
    pub ratio: Option<f64>,
}

/// All budgets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Work on the node.
    pub work: Work,
    /// Runs, each with other sessions and other noise.
    pub runs: u32,
    /// Epsilon 1, 2, 4 and 8.
    pub rows: Vec<Row>,
}

/// Runs quarters under every budget; `progress` hears of each run.
///
/// # Errors
/// Fails when a budget buys no release, or a lesson cannot be written.
pub fn run(
    work: Work,
    runs: u32,
    seed: u64,
    mut progress: impl FnMut(u64),
) -> Result<Report, PrivacyError> {
    let lessons: Vec<Lesson> = (0..work.lessons).map(lesson).collect::<Result<_, _>>()?;
    let secret = LocalSecret::from_bytes([9; 32]);
    let mut released = [[0_u64; 2]; EPSILONS_MICROS.len()];
    for run in 0..runs {
        let contributions = quarter(work, &lessons, &secret, seed, run);
        for (place, epsilon_micros) in EPSILONS_MICROS.into_iter().enumerate() {
            for (arm, keys_per_unit) in
                [Schedule::default().keys_per_unit, 1].into_iter().enumerate()
            {
                let budget = budget::of_micros(epsilon_micros)?;
                let plan = budget.plan(Schedule { keys_per_unit, ..Schedule::default() })?;
                let mechanism = plan.lessons.ok_or(PrivacyError::NoBudget)?;
                let release = Hash::derive("lore-sim/utility", &[&run.to_le_bytes()]);
                let spec = LessonsSpec::new(release, mechanism, WINDOW, Terms::LESSONS_BYTES);
                let noise = [seed, run.into(), epsilon_micros, arm as u64].map(u64::to_le_bytes);
                let mut noise = SeededNoise::new(&noise.concat());
                let made = release_lessons(&spec, &contributions, &secret, &mut noise)?;
                if let Payload::Lessons(lessons) = made.into_inner() {
                    released[place][arm] += lessons.entries.len() as u64;
                }
            }
        }
        progress(1);
    }
    let mean = |total: u64| total as f64 / f64::from(runs.max(1));
    let rows = EPSILONS_MICROS.into_iter().zip(released).map(|(micros, [shared, one_each])| Row {
        epsilon: micros as f64 / 1e6,
        shared: mean(shared),
        one_each: mean(one_each),
        ratio: (one_each > 0).then(|| shared as f64 / one_each as f64),
    });
    Ok(Report { work, runs, rows: rows.collect() })
}

fn lesson(number: u32) -> Result<Lesson, PrivacyError> {
    let bad = |_| PrivacyError::Unsupported("a lesson of the simulation");
    let tool = Token::new(format!("tool-{number}")).map_err(bad)?;
    let action = Token::new(format!("tool-{number} run --mode {number} <arg>")).map_err(bad)?;
    let trigger = Trigger { tool, error: ErrorClass::None, subject: None };
    Lesson::new(None, Op::Prefer, trigger, Action::Example(action))
        .map_err(|_| PrivacyError::Unsupported("a lesson of the simulation"))
}

/// All sessions of a quarter.
fn quarter(
    work: Work,
    lessons: &[Lesson],
    secret: &LocalSecret,
    seed: u64,
    run: u32,
) -> Private<Vec<LessonContribution>> {
    let weights: Vec<f64> = (1..=work.lessons).map(|rank| f64::from(rank).recip()).collect();
    let total: f64 = weights.iter().sum();
    let mut reached = 0.0;
    let cumulative: Vec<f64> = weights
        .iter()
        .map(|weight| {
            reached += weight / total;
            reached
        })
        .collect();
    let mut rng = Streams::new(seed.wrapping_add(u64::from(run))).stream(WHOLE, Purpose::Work);
    let mut all = Vec::new();
    for user in 0..work.users {
        let unit = secret.user(&user.to_string());
        for _ in 0..work.sessions {
            // 53 bits are what a float holds.
            let draw = (rng.bits() >> 11) as f64 / (1_u64 << 53) as f64;
            let rank = cumulative.partition_point(|reached| *reached <= draw);
            let Some(primary) = lessons.get(rank.min(lessons.len().saturating_sub(1))) else {
                continue;
            };
            all.push(LessonContribution {
                unit,
                start_seconds: 1,
                primary: primary.clone(),
                topics: Vec::new(),
            });
        }
    }
    Private::new(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Checks what a node of five hundred users gets, and what one of eight does not.
    #[test]
    fn a_large_node_learns_dozens_of_lessons_and_a_small_one_none() {
        let large = run(Work { users: 500, sessions: 60, lessons: 100 }, 2, 1, |_| ()).unwrap();
        let at = |epsilon: f64| large.rows.iter().find(|row| row.epsilon == epsilon).unwrap();
        assert!(at(4.0).shared >= 25.0, "{large:?}");
        assert!(at(8.0).shared >= 42.0, "{large:?}");
        assert!(at(4.0).ratio.unwrap() > 3.0, "{large:?}");
        let small = run(Work { users: 8, sessions: 60, lessons: 100 }, 2, 1, |_| ()).unwrap();
        assert!(small.rows.iter().all(|row| row.shared == 0.0), "{small:?}");
    }
}
