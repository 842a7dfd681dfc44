//! Measuring: wall-clock and CPU time, repeated, with the median.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// The duration of one repetition, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// By the clock on the wall.
    pub wall: f64,
    /// Of all threads of this process: on a busy machine the honest measure of work.
    pub cpu: f64,
}

fn cpu_seconds() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Measures one piece of work.
pub fn time<T>(work: impl FnOnce() -> T) -> (Took, T) {
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let done = work();
    (Took { cpu: cpu_seconds() - cpu, wall: wall.elapsed().as_secs_f64() }, done)
}

/// Times of several repetitions.
#[derive(Debug, Clone)]
pub struct Samples(Vec<Took>);

impl Samples {
    /// Repeats work that times itself, after one repetition that does not count.
    pub fn repeat(runs: usize, mut work: impl FnMut() -> Took) -> Self {
        work();
        Self((0..runs.max(1)).map(|_| work()).collect())
    }

    fn sorted(&self, of: impl Fn(&Took) -> f64) -> Vec<f64> {
        let mut all: Vec<f64> = self.0.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// Median CPU time, in seconds.
    #[must_use]
    pub fn cpu(&self) -> f64 {
        let sorted = self.sorted(|took| took.cpu);
        sorted[sorted.len() / 2]
    }

    /// Median wall-clock time, in seconds.
    #[must_use]
    pub fn wall(&self) -> f64 {
        let sorted = self.sorted(|took| took.wall);
        sorted[sorted.len() / 2]
    }

    /// Everything that is worth printing.
    #[must_use]
    pub fn json(&self) -> Value {
        let cpu = self.sorted(|took| took.cpu);
        json!({
            "wall_s": self.wall(),
            "cpu_s": self.cpu(),
            "cpu_least_s": cpu[0],
            "cpu_most_s": cpu[cpu.len() - 1],
            "runs": self.0.len(),
        })
    }
}
